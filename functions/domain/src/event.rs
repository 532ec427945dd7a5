//! What happened to a cluster or a run, for people to read.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// One line of the history of a cluster or a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// When it was decided.
    pub at: Timestamp,
    /// A word that programs can rely on, such as `creation_started`.
    pub kind: String,
    /// A sentence for people.
    pub message: String,
}

impl Event {
    /// An event of a kind, in words.
    pub fn new(at: Timestamp, kind: &str, message: impl Into<String>) -> Self {
        Self { at, kind: kind.to_owned(), message: message.into() }
    }
}
