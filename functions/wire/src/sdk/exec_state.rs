//! How far something is, in the SDK's words: `{"status", "user_logs", "error", "failure_type"}`. Texts are never null.

use super::version::Version;
use crate::v1::run::Logs;
use domain::flow::Artifact;
use domain::run::{FailureType, OperatorError, OperatorState, OperatorStatus, OutputType, Run, RunStatus};
use serde_json::{Value, json};

/// A run. One that is not over is `pending`: clients that poll take every other word for an end.
#[must_use]
pub fn of_run(run: &Run) -> Value {
    let status = run_status(run);
    let failure = run.error.as_ref().map(|failure| OperatorError {
        tip: if failure.remedy.is_empty() { failure.message.clone() } else { failure.remedy.clone() },
        context: failure.message.clone(),
    });
    let failure_type = failure.as_ref().map(|_| FailureType::System);
    state(status, None, failure.as_ref(), failure_type)
}

/// The word for a run.
pub(super) fn run_status(run: &Run) -> &'static str {
    match run.status {
        RunStatus::Pending | RunStatus::Running => "pending",
        RunStatus::Succeeded => "succeeded",
        RunStatus::Failed => "failed",
        RunStatus::Canceled => "canceled",
    }
}

/// An operator, with what it printed.
#[must_use]
pub fn of_operator(operator: &OperatorState, logs: Option<&Logs>) -> Value {
    let empty = Logs::default();
    state(word(operator.status), Some(logs.unwrap_or(&empty)), operator.error.as_ref(), operator.failure_type)
}

/// An artifact: it succeeded as soon as it is written, even by a check that then failed for its being false.
#[must_use]
pub(super) fn of_artifact(
    artifact: &Artifact,
    writer: &OperatorState,
    written: Option<&OutputType>,
    run: &Run,
    version: Version,
) -> Value {
    match written {
        Some(_) if run.status.is_final() && !artifact.should_persist => state(version.deleted(), None, None, None),
        Some(_) => state("succeeded", None, None, None),
        None => state(word(writer.status), None, writer.error.as_ref(), writer.failure_type),
    }
}

fn word(status: OperatorStatus) -> &'static str {
    match status {
        OperatorStatus::Pending | OperatorStatus::Scheduled => "pending",
        OperatorStatus::Running => "running",
        OperatorStatus::Succeeded => "succeeded",
        OperatorStatus::Failed => "failed",
        OperatorStatus::Canceled => "canceled",
    }
}

fn state(status: &str, logs: Option<&Logs>, error: Option<&OperatorError>, failure_type: Option<FailureType>) -> Value {
    json!({
        "status": status,
        "user_logs": logs.map(|logs| json!({"stdout": logs.stdout, "stderr": logs.stderr})),
        "error": error.map(|error| json!({"tip": error.tip, "context": error.context})),
        "failure_type": failure_type.map(u8::from),
    })
}
