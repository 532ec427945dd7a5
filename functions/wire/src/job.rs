//! What a pod's runner and the control plane say to each other.

use domain::flow::{Code, PackageEntryPoint};
use domain::run::{FailureType, OperatorError, Outcome, OutputType, SystemMetadata};
use domain::{ArtifactId, OperatorId, RunId};
use serde::{Deserialize, Serialize};

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
    /// When to give up, in seconds.
    pub timeout_seconds: Option<u64>,
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
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct StartedReport {
    /// The attempt.
    pub attempt: u32,
}

/// The operator is over.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct OutcomeReport {
    /// The attempt.
    pub attempt: u32,
    /// `succeeded` or `failed`.
    pub status: OutcomeStatus,
    /// What kind of failure.
    #[serde(default)]
    pub failure_type: Option<FailureType>,
    /// What a person should know.
    #[serde(default)]
    pub error: Option<OperatorError>,
    /// What was written.
    #[serde(default)]
    pub outputs: Vec<OutputType>,
    /// What was measured.
    #[serde(default)]
    pub system_metadata: SystemMetadata,
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

impl From<OutcomeReport> for Outcome {
    fn from(report: OutcomeReport) -> Self {
        match report.status {
            OutcomeStatus::Succeeded => {
                Self::Succeeded { outputs: report.outputs, system_metadata: report.system_metadata }
            }
            OutcomeStatus::Failed => Self::Failed {
                failure_type: report.failure_type.unwrap_or(FailureType::System),
                error: report.error.unwrap_or_default(),
                outputs: report.outputs,
            },
        }
    }
}
