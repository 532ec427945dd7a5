//! What a pod's runner and the control plane say to each other.

use domain::flow::{Code, MOST_ARTIFACTS, PackageEntryPoint};
use domain::run::{Beginning, Cause, FailureType, OperatorError, Outcome, OutputType, SystemMetadata};
use domain::{ArtifactId, OperatorId, RunId, Timestamp};
use jiff::SignedDuration;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use std::num::NonZeroU32;

/// The longest name of a pod or node that is believed.
const LONGEST_NAME: usize = 256;
/// The longest word for a type, and the longest measurement; those of the runner are far shorter.
const LONGEST_WORD: usize = 64;

/// All that a runner needs to run its operator.
#[derive(Debug, Clone, Serialize)]
pub struct Manifest {
    /// The run.
    pub run_id: RunId,
    /// The operator.
    pub operator_id: OperatorId,
    /// Its name.
    pub operator_name: String,
    /// Its attempt.
    pub attempt: u32,
    /// `function`, `metric` or `check`.
    pub kind: &'static str,
    /// `warning` or `error`, for a check.
    pub severity: Option<&'static str>,
    /// Its code.
    pub code: ManifestCode,
    /// What it reads, in the order of its arguments.
    pub inputs: Vec<ManifestInput>,
    /// What it writes, in the order of its returned values.
    pub outputs: Vec<ManifestOutput>,
    /// Where its full logs go.
    pub logs_url: Option<String>,
    /// When to give up the function, in seconds from its call.
    pub timeout_seconds: Option<NonZeroU32>,
}

/// The code of an operator.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ManifestCode {
    /// A zip.
    Package {
        /// Where to fetch it.
        url: String,
        /// Where in it to begin.
        entry_point: PackageEntryPoint,
    },
    /// Python text.
    Source {
        /// The text.
        source: String,
        /// The function to call.
        entry_point: String,
        /// Lines for pip.
        requirements: Vec<String>,
    },
}

impl ManifestCode {
    /// The manifest's form of an operator's code.
    #[must_use]
    pub fn of(code: &Code, package_url: String) -> Self {
        match code.clone() {
            Code::Package { entry_point, .. } => Self::Package { url: package_url, entry_point },
            Code::Source { source, entry_point, requirements, .. } => {
                Self::Source { source, entry_point, requirements }
            }
        }
    }
}

/// Something to read.
#[derive(Debug, Clone, Serialize)]
pub struct ManifestInput {
    /// The artifact's name.
    pub name: String,
    /// Where its content can be read.
    pub content_url: String,
    /// Where its metadata can be read.
    pub metadata_url: String,
}

/// Something to write.
#[derive(Debug, Clone, Serialize)]
pub struct ManifestOutput {
    /// The artifact.
    pub artifact_id: ArtifactId,
    /// Its name.
    pub name: String,
    /// The type it must have, or `untyped`.
    pub expected_type: String,
    /// Where its content goes.
    pub content_url: String,
    /// Where its metadata goes.
    pub metadata_url: String,
}

/// The function is about to start.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct StartedReport {
    /// The attempt.
    pub attempt: u32,
    /// The pod's unique id.
    #[serde(default)]
    pub pod: Option<String>,
    /// The pod's node.
    #[serde(default)]
    pub node: Option<String>,
    /// For how many seconds its container has been running.
    #[serde(default)]
    pub running_for_seconds: f64,
}

impl StartedReport {
    /// What the domain wants to know of it, at the moment it arrived.
    #[must_use]
    pub fn beginning(&self, now: Timestamp) -> Beginning {
        let known = |text: &Option<String>| text.clone().filter(|text| !text.is_empty() && text.len() <= LONGEST_NAME);
        let running_for = SignedDuration::try_from_secs_f64(self.running_for_seconds).unwrap_or_default();
        let container_at = now.checked_sub(running_for).ok();
        Beginning { pod: known(&self.pod), node: known(&self.node), container_at }
    }
}

/// The operator is over.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct OutcomeReport {
    /// The attempt.
    pub attempt: u32,
    /// The pod's unique id.
    #[serde(default)]
    pub pod: Option<String>,
    /// `succeeded` or `failed`.
    pub status: OutcomeStatus,
    /// What kind of failure.
    #[serde(default)]
    pub failure_type: Option<FailureType>,
    /// Why, where the runner knows more than whose failure it is.
    #[serde(default)]
    pub cause: Option<ReportedCause>,
    /// What a person should know.
    #[serde(default)]
    pub error: Option<OperatorError>,
    /// What was written.
    #[serde(default, deserialize_with = "outputs")]
    pub outputs: Vec<OutputType>,
    /// What was measured.
    #[serde(default, deserialize_with = "measured")]
    pub system_metadata: SystemMetadata,
}

/// What was written, in words that the run's document has room for.
fn outputs<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<OutputType>, D::Error> {
    let outputs = Vec::<OutputType>::deserialize(from)?;
    let long = outputs.iter().flat_map(|o| [&o.artifact_type, &o.serialization_type]).any(|w| w.len() > LONGEST_WORD);
    if long || outputs.len() > MOST_ARTIFACTS {
        let limits = format!("at most {MOST_ARTIFACTS} outputs with types of at most {LONGEST_WORD} bytes");
        return Err(D::Error::custom(format!("field 'outputs' must have {limits}")));
    }
    Ok(outputs)
}

fn measured<'de, D: Deserializer<'de>>(from: D) -> Result<SystemMetadata, D::Error> {
    let measured = SystemMetadata::deserialize(from)?;
    if [&measured.runtime, &measured.max_memory].into_iter().flatten().any(|word| word.len() > LONGEST_WORD) {
        return Err(D::Error::custom(format!(
            "field 'system_metadata' must have texts of at most {LONGEST_WORD} bytes"
        )));
    }
    Ok(measured)
}

/// How an operator ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OutcomeStatus {
    /// With its outputs written.
    Succeeded,
    /// Without.
    Failed,
}

/// Why an operator failed, as its runner can tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReportedCause {
    /// It took longer than its time-out.
    TimedOut,
    /// It was killed for want of memory.
    OutOfMemory,
    /// The control plane or the store could not be reached.
    Transport,
}

impl OutcomeReport {
    fn cause(&self) -> Cause {
        match (self.cause, self.failure_type) {
            (Some(ReportedCause::TimedOut), _) => Cause::TimedOut,
            (Some(ReportedCause::OutOfMemory), _) => Cause::OutOfMemory,
            (Some(ReportedCause::Transport), _) => Cause::Transport,
            (None, Some(FailureType::UserFatal | FailureType::UserNonFatal)) => Cause::Function,
            (None, Some(FailureType::System) | None) => Cause::Runner,
        }
    }
}

impl From<OutcomeReport> for Outcome {
    fn from(report: OutcomeReport) -> Self {
        match report.status {
            OutcomeStatus::Succeeded => {
                Self::Succeeded { outputs: report.outputs, system_metadata: report.system_metadata }
            }
            OutcomeStatus::Failed => Self::Failed {
                failure_type: report.failure_type.unwrap_or(FailureType::System),
                cause: report.cause(),
                error: report.error.unwrap_or_default(),
                outputs: report.outputs,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn failed(report: serde_json::Value) -> (FailureType, Cause) {
        let report: OutcomeReport = serde_json::from_value(report).expect("a report");
        match Outcome::from(report) {
            Outcome::Failed { failure_type, cause, .. } => (failure_type, cause),
            Outcome::Succeeded { .. } => panic!("it failed"),
        }
    }

    #[test]
    fn a_failure_has_the_cause_that_its_runner_knows() {
        let report = |more: serde_json::Value| {
            let mut report = json!({"attempt": 1, "status": "failed"});
            report.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
            failed(report)
        };
        assert_eq!(report(json!({"failure_type": 2})), (FailureType::UserFatal, Cause::Function));
        assert_eq!(report(json!({"failure_type": 1})), (FailureType::System, Cause::Runner));
        assert_eq!(report(json!({})), (FailureType::System, Cause::Runner));
        for (word, cause) in
            [("timed_out", Cause::TimedOut), ("out_of_memory", Cause::OutOfMemory), ("transport", Cause::Transport)]
        {
            assert_eq!(report(json!({"failure_type": 2, "cause": word})).1, cause);
        }
    }

    #[test]
    fn a_report_that_the_runs_document_has_no_room_for_is_refused() {
        let output = |kind: &str| json!({"artifact_id": "1f1e0abd-8606-44de-a946-363d97fa8b84", "artifact_type": kind, "serialization_type": "json"});
        let refused = |field: &str, value: serde_json::Value| {
            let report = json!({"attempt": 1, "status": "succeeded", field: value});
            serde_json::from_value::<OutcomeReport>(report).err().map(|error| error.to_string())
        };
        assert_eq!(refused("outputs", json!(vec![output("numeric"); 600])), None);
        for value in [json!([output(&"x".repeat(65))]), json!(vec![output("numeric"); 601])] {
            assert!(refused("outputs", value).is_some_and(|error| error.contains("field 'outputs' must have")));
        }
        let measured = json!({"runtime": "1".repeat(65)});
        assert!(refused("system_metadata", measured).is_some_and(|error| error.contains("'system_metadata'")));
        assert_eq!(refused("system_metadata", json!({"runtime": "1.5", "max_memory": null})), None);
    }

    #[test]
    fn a_beginning_is_dated_back_to_the_containers_and_no_nonsense_is_believed() {
        let now: Timestamp = "2026-11-22T12:00:00Z".parse().expect("a moment");
        let beginning = |report: serde_json::Value| {
            let report: StartedReport = serde_json::from_value(report).expect("a report");
            report.beginning(now)
        };
        let told = beginning(json!({"attempt": 1, "pod": "p", "node": "n", "running_for_seconds": 2.5}));
        assert_eq!((told.pod.as_deref(), told.node.as_deref()), (Some("p"), Some("n")));
        assert_eq!(told.container_at, Some("2026-11-22T11:59:57.5Z".parse().expect("a moment")));
        let nothing = Beginning { container_at: Some(now), ..Beginning::default() };
        for report in [json!({"attempt": 1}), json!({"attempt": 1, "pod": "", "node": "n".repeat(300)})] {
            assert_eq!(beginning(report), nothing);
        }
        assert!(beginning(json!({"attempt": 1, "running_for_seconds": 1e300})).container_at.is_some());
    }
}
