//! The pure core of ondemand-eks: what a cluster, a flow and a run are, and what follows from every command.
//!
//! Nothing in here performs I/O, reads a clock, an environment variable or a random number. Each aggregate has one
//! `decide(state, command, now)` that returns the next state, the effects to perform and the reply to give; the
//! crates around it load, store and perform. That is what makes the life cycle enumerable by a model checker.

pub mod cluster;
mod cut;
pub mod diagnosis;
pub mod event;
pub mod failure;
pub mod flow;
pub mod hold;
pub mod id;
pub mod instance_type;
pub mod integration;
pub mod inventory;
pub mod kubernetes;
pub mod options;
pub mod permissions;
pub mod plan;
pub mod preflight;
pub mod price;
pub mod progress;
pub mod receipt;
pub mod region;
pub mod run;
pub mod secret;
pub mod settings;

pub use failure::Failure;
pub use id::{ArtifactId, ClusterId, DagId, FlowId, IntegrationId, OperatorId, RunId};
pub use jiff::Timestamp;
pub use secret::Secret;
