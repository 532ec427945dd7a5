//! The API as its clients see it, over ports in memory.

mod about;
mod clusters;
mod flows;
mod harness;
mod integrations;
mod runs;
