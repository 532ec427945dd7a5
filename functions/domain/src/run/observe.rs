//! What Kubernetes says of an operator's Job, and when that amounts to a failure.

use super::{FailureType, OperatorError};
use jiff::{SignedDuration, Timestamp};

/// The longest a pod may wait for a node before its operator is given up. A GPU node takes some minutes.
const LONGEST_UNSCHEDULABLE: SignedDuration = SignedDuration::from_mins(30);
/// The longest a pod may wait for its image.
const LONGEST_IMAGE_PULL: SignedDuration = SignedDuration::from_mins(10);

/// What is seen of an operator's Job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobObservation {
    /// The attempt the Job belongs to.
    pub attempt: u32,
    /// When its pod had a node.
    pub scheduled_at: Option<Timestamp>,
    /// How far it is.
    pub state: JobState,
}

/// How far a Job is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JobState {
    /// Its pod waits.
    Waiting {
        /// Kubernetes' word, such as `Unschedulable` or `ImagePullBackOff`.
        reason: String,
        /// Kubernetes' sentence.
        message: String,
        /// Since when.
        since: Timestamp,
    },
    /// Its container runs.
    Running,
    /// Its container ended with exit code 0.
    Succeeded,
    /// Its container failed, or its pod is gone.
    Failed {
        /// The container's exit code, if it had one.
        exit_code: Option<i32>,
        /// Kubernetes' word, such as `OOMKilled` or `Evicted`.
        reason: String,
        /// Kubernetes' sentence.
        message: String,
    },
}

/// Whether an observation means that the operator is lost, and with what error. A Job that ended without its runner
/// having reported an outcome is always a failure: the runner reports before it exits.
pub(super) fn verdict(state: &JobState, now: Timestamp) -> Option<(FailureType, OperatorError)> {
    let error = |tip: String| OperatorError { tip, context: String::new() };
    match state {
        JobState::Running => None,
        JobState::Succeeded => Some((
            FailureType::System,
            error("The operator's pod ended without reporting an outcome. Run the flow again.".to_owned()),
        )),
        JobState::Waiting { reason, message, since } => {
            let waited = now.duration_since(*since);
            let image = reason.contains("Image");
            let limit = if image { LONGEST_IMAGE_PULL } else { LONGEST_UNSCHEDULABLE };
            (waited > limit).then(|| {
                let what =
                    if image { "The image could not be pulled" } else { "No node could take the operator's pod" };
                let minutes = limit.as_mins();
                (FailureType::System, error(format!("{what} for {minutes} minutes ({reason}): {message}")))
            })
        }
        JobState::Failed { exit_code, reason, message } => {
            let code = exit_code.map(|code| format!(", exit code {code}")).unwrap_or_default();
            if reason == "OOMKilled" || *exit_code == Some(137) && reason != "Evicted" {
                let tip =
                    format!("The operator ran out of memory ({reason}{code}). Ask for more with resources.memory.");
                Some((FailureType::UserFatal, error(tip)))
            } else {
                let tip = format!("The operator's pod failed without reporting an outcome ({reason}{code}). {message}");
                Some((FailureType::System, error(tip.trim_end().to_owned())))
            }
        }
    }
}
