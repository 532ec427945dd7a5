//! The HTTP interface of the Python SDK: its requests become the domain's own, and answers have the shapes it expects.

pub mod dag;
pub mod exec_state;
pub mod fingerprint;
pub mod flow;
pub mod metadata;
pub mod multipart;
pub mod nodes;
pub mod preview;
mod problem;
pub mod resource;
pub mod run;
pub mod version;

pub use problem::Problem;
