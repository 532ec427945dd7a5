//! The behaviour of the whole parser.

mod corpus;
mod denials;
mod failures;
mod forms;
mod outcome;
mod properties;
mod render;
mod samples;
mod stream;
mod wild;
