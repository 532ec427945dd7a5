//! Why a command on a cluster is refused.

use super::Status;
use crate::{RunId, settings::SettingsError};

/// A command that cannot be carried out now. Nothing has changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The cluster is busy changing.
    #[error("cluster '{name}' is {status}: {command} is possible once it is {until} (in about {minutes} min)")]
    Busy {
        /// The cluster.
        name: String,
        /// What it is doing.
        status: Status,
        /// What was asked for.
        command: &'static str,
        /// The status to wait for.
        until: Status,
        /// How long that may take, in minutes.
        minutes: u64,
    },
    /// Somebody uses the cluster or waits for it.
    #[error(
        "cluster '{name}' is in use by {} run(s): {}; wait for them, cancel them, or force the deletion",
        runs.len(), runs.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
    )]
    InUse {
        /// The cluster.
        name: String,
        /// The runs.
        runs: Vec<RunId>,
    },
    /// Nodes that runs use would be taken away.
    #[error(
        "cluster '{name}': another node type or capacity type means new nodes and a lower maximum means fewer, and {} run(s) use the present ones: {}; wait for them or cancel them, then update",
        runs.len(), runs.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
    )]
    NodesInUse {
        /// The cluster.
        name: String,
        /// The runs.
        runs: Vec<RunId>,
    },
    /// The command makes no sense in this status.
    #[error(
        "cluster '{name}' is {status}: only an Active cluster can be updated; create it first, or let a run create it. Options, without settings, can also be changed while it is Terminated"
    )]
    NotActive {
        /// The cluster.
        name: String,
        /// Its status.
        status: Status,
    },
    /// The way out of a network that is there cannot be changed.
    #[error(
        "cluster '{name}' is {status}: option 'nat' can only be changed while it is Terminated; delete it, change the option, and create it anew"
    )]
    NatOfLiving {
        /// The cluster.
        name: String,
        /// Its status.
        status: Status,
    },
    /// The settings that would result are not acceptable.
    #[error(transparent)]
    Settings(#[from] SettingsError),
}
