//! The REST interface under `/v1`: what it takes, how that becomes the domain's own, and what it shows.

pub mod artifact;
pub mod cluster;
pub mod documents;
pub mod flow;
pub mod graph;
pub mod integration;
pub mod lifecycle;
pub mod package;
pub mod plan;
pub(crate) mod problem;
pub mod run;
pub mod schedule;
