//! When a flow runs by itself.

use super::Flow;
use crate::FlowId;
use serde::{Deserialize, Serialize};

/// What starts runs of a flow, besides people.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "trigger", rename_all = "snake_case")]
pub enum Schedule {
    /// Nothing.
    #[default]
    Manual,
    /// The clock, in UTC. Only whoever evaluates the text can say whether it is one.
    Periodic {
        /// A cron expression, as it was written.
        cron: String,
    },
    /// The success of another flow's run.
    Cascade {
        /// The other flow.
        source: FlowId,
    },
}

/// Why a schedule is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ScheduleError {
    /// A source that does not exist.
    #[error("the flow is to run after flow '{0}', but there is no such flow")]
    UnknownSource(FlowId),
    /// Flows that would start each other for ever.
    #[error("the flow is to run after '{source_name}', which itself runs after this flow: they would never end")]
    Circle {
        /// The flow it is to run after.
        source_name: String,
    },
}

impl Schedule {
    /// The flow whose success starts this one.
    #[must_use]
    pub fn source(&self) -> Option<FlowId> {
        match self {
            Self::Cascade { source } => Some(*source),
            Self::Manual | Self::Periodic { .. } => None,
        }
    }

    /// Checks that a flow with this schedule would be started by one that exists, and would not start itself.
    ///
    /// # Errors
    /// [`ScheduleError`].
    pub fn check(&self, flow: FlowId, flows: &[Flow]) -> Result<(), ScheduleError> {
        let Some(source) = self.source() else { return Ok(()) };
        let find = |id: FlowId| flows.iter().find(|other| other.id == id);
        let first = find(source).ok_or(ScheduleError::UnknownSource(source))?;
        let before = |flow: &&Flow| flow.schedule.source().and_then(find);
        // As many steps as there are flows lead through all of them: stored circles cannot hold this up.
        let mut upstream = std::iter::successors(Some(first), before).take(flows.len());
        match upstream.any(|other| other.id == flow) {
            true => Err(ScheduleError::Circle { source_name: first.name.clone() }),
            false => Ok(()),
        }
    }
}
