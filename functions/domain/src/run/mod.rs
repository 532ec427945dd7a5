//! A run: one execution of a DAG, and how far each of its operators has come.

mod cause;
mod decide;
mod locked_out;
mod observe;

pub use cause::{Cause, UNASKED_RETRIES, is_tried_again};
pub use decide::{Command, Decision, Effect, decide};
pub use locked_out::{LONGEST_LOCKED_OUT, LockedOut, refusal};
pub use observe::{JobObservation, JobState, NO_POD, NodeState, Observation, POD_DELETED, POD_GONE};

use crate::{ArtifactId, ClusterId, DagId, Failure, FlowId, OperatorId, RunId, flow::Dag, flow::ParameterValue};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// One execution of a DAG.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Run {
    /// Its id.
    pub id: RunId,
    /// The flow.
    pub flow: FlowId,
    /// The flow's name.
    pub flow_name: String,
    /// The version of the flow's graph.
    pub dag: DagId,
    /// The cluster its functions run on, if it has functions.
    pub cluster: Option<ClusterId>,
    /// Parameter values of this run only, by the parameter's name.
    pub parameters: BTreeMap<String, ParameterValue>,
    /// Whether these values, being many or large, are kept beside this document instead.
    #[serde(default)]
    pub parameters_apart: bool,
    /// Where it is.
    pub status: RunStatus,
    /// The generation of the cluster it was granted.
    pub generation: Option<u32>,
    /// When it was submitted.
    pub created_at: Timestamp,
    /// When it had its cluster.
    pub granted_at: Option<Timestamp>,
    /// When it was over.
    pub ended_at: Option<Timestamp>,
    /// Why it failed, beyond its operators' own failures.
    pub error: Option<Failure>,
    /// Why nobody can look at it at present.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub locked_out: Option<LockedOut>,
    /// Its operators.
    pub operators: BTreeMap<OperatorId, OperatorState>,
    /// The token of the state machine's task that waits for the run's next change.
    pub task_token: Option<String>,
}

/// Where a run is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunStatus {
    /// Waiting for its cluster.
    Pending,
    /// Operators may run.
    Running,
    /// Every operator succeeded, or failed without harm.
    Succeeded,
    /// An operator failed, or the cluster could not be had.
    Failed,
    /// A person ended it.
    Canceled,
}

/// Where an operator is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OperatorStatus {
    /// Waiting for its inputs.
    Pending,
    /// Its Job was decided on; its pod waits for a node or installs requirements.
    Scheduled,
    /// Its function runs.
    Running,
    /// Its outputs are there.
    Succeeded,
    /// It ended without success.
    Failed,
    /// It will not run.
    Canceled,
}

/// What kind of failure an operator's is, numbered as the SDK numbers them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "u8", into = "u8")]
pub enum FailureType {
    /// The system's.
    System,
    /// The user's; what depends on it does not run.
    UserFatal,
    /// The user's; the run goes on.
    UserNonFatal,
}

/// An operator in a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OperatorState {
    /// Its name.
    pub name: String,
    /// Where it is.
    pub status: OperatorStatus,
    /// Counts its Jobs, from 1; 0 before the first.
    pub attempt: u32,
    /// Below which number the objects lie that the present attempt writes: its own, so that an earlier one which comes
    /// late overwrites nothing. 0 for an attempt that began when all of them shared their objects.
    #[serde(default)]
    pub stored_as: u32,
    /// What kind of failure it ended with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure_type: Option<FailureType>,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<Cause>,
    /// What a person should know of the failure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<OperatorError>,
    /// What its pod waits for at present.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waiting_for: Option<String>,
    /// The types of what it wrote.
    pub outputs: Vec<OutputType>,
    /// What the runner measured.
    pub system_metadata: SystemMetadata,
    /// When what happened in the present attempt.
    pub timeline: Timeline,
    /// The attempts that were lost, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lost: Vec<LostAttempt>,
    /// The unique id of the pod in which the present attempt began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pod: Option<String>,
    /// The node of its pod, as far as known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node: Option<String>,
    /// When the present attempt's Job was first seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job_seen_at: Option<Timestamp>,
}

/// An attempt of an operator that was lost, and followed by another one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LostAttempt {
    /// Counts from 1.
    pub attempt: u32,
    /// Why it was lost.
    pub cause: Cause,
    /// What happened, in a sentence or two.
    pub message: String,
    /// The node of its pod, as far as known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node: Option<String>,
    /// When what happened in it.
    pub timeline: Timeline,
}

/// How a function's beginning is reported: by whom, and since when its container has been running.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Beginning {
    /// The pod's unique id.
    pub pod: Option<String>,
    /// The pod's node.
    pub node: Option<String>,
    /// When its container began.
    pub container_at: Option<Timestamp>,
}

/// A failed operator's error.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OperatorError {
    /// One or two sentences on what to do.
    #[serde(default)]
    pub tip: String,
    /// The traceback, or empty.
    #[serde(default)]
    pub context: String,
}

/// The type of a written artifact.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutputType {
    /// The artifact.
    pub artifact_id: ArtifactId,
    /// Its type, such as `table`.
    pub artifact_type: String,
    /// How it is serialised, such as `json`.
    pub serialization_type: String,
    /// Its size in bytes.
    #[serde(default)]
    pub size_bytes: u64,
}

/// What the runner measured, as decimal numbers in text.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SystemMetadata {
    /// Seconds the function took.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub runtime: Option<String>,
    /// The peak of what it allocated, in MB.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_memory: Option<String>,
}

/// When an operator got where.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Timeline {
    /// Its inputs were there.
    pub queued_at: Option<Timestamp>,
    /// Its pod had a node; if nobody looked at the pod before it was over, when its container began.
    pub scheduled_at: Option<Timestamp>,
    /// Its function began.
    pub started_at: Option<Timestamp>,
    /// It was over.
    pub ended_at: Option<Timestamp>,
}

/// How an operator ended, as its runner reports it.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// With its outputs written.
    Succeeded {
        /// Their types.
        outputs: Vec<OutputType>,
        /// What was measured.
        system_metadata: SystemMetadata,
    },
    /// Without.
    Failed {
        /// What kind of failure.
        failure_type: FailureType,
        /// Why.
        cause: Cause,
        /// What a person should know.
        error: OperatorError,
        /// What was written all the same (a false check's answer).
        outputs: Vec<OutputType>,
    },
}

impl Run {
    /// A submitted run, waiting for its cluster.
    #[must_use]
    pub fn submitted(
        id: RunId,
        dag: &Dag,
        cluster: Option<ClusterId>,
        parameters: BTreeMap<String, ParameterValue>,
        now: Timestamp,
    ) -> Self {
        let operators =
            dag.operators.iter().map(|(id, operator)| (*id, OperatorState::pending(&operator.name))).collect();
        Self {
            id,
            flow: dag.flow,
            flow_name: dag.name.clone(),
            dag: dag.id,
            cluster,
            parameters,
            parameters_apart: false,
            status: RunStatus::Pending,
            generation: None,
            created_at: now,
            granted_at: None,
            ended_at: None,
            error: None,
            locked_out: None,
            operators,
            task_token: None,
        }
    }

    /// Below which number an artifact's objects lie; see [`OperatorState::stored_as`].
    #[must_use]
    pub fn stored_as(&self, artifact: ArtifactId, dag: &Dag) -> u32 {
        let producer = dag.producer(artifact).and_then(|producer| self.operators.get(&producer));
        producer.map_or(0, |state| state.stored_as)
    }

    /// Whether Jobs of the run may still have pods now that it is over: those of operators that did not come to their
    /// own end. All others have said that they are done.
    #[must_use]
    pub fn may_leave_pods(&self) -> bool {
        let lost = |state: &OperatorState| !state.lost.is_empty() || state.cause.is_some_and(Cause::may_leave_a_pod);
        self.status == RunStatus::Canceled || self.error.is_some() || self.operators.values().any(lost)
    }
}

impl RunStatus {
    /// Whether the run is over.
    #[must_use]
    pub fn is_final(self) -> bool {
        matches!(self, Self::Succeeded | Self::Failed | Self::Canceled)
    }
}

impl OperatorStatus {
    /// Whether the operator is over.
    #[must_use]
    pub fn is_final(self) -> bool {
        matches!(self, Self::Succeeded | Self::Failed | Self::Canceled)
    }

    /// Whether it has a Job.
    #[must_use]
    pub fn is_active(self) -> bool {
        matches!(self, Self::Scheduled | Self::Running)
    }
}

impl OperatorState {
    fn pending(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            status: OperatorStatus::Pending,
            attempt: 0,
            stored_as: 0,
            failure_type: None,
            cause: None,
            error: None,
            waiting_for: None,
            outputs: vec![],
            system_metadata: SystemMetadata::default(),
            timeline: Timeline::default(),
            lost: vec![],
            pod: None,
            node: None,
            job_seen_at: None,
        }
    }

    /// Whether a pod may call the function of an attempt: it is the one whose beginning was recorded.
    #[must_use]
    pub fn is_begun_by(&self, attempt: u32, pod: Option<&str>) -> bool {
        self.status == OperatorStatus::Running && self.attempt == attempt && !self.is_begun_elsewhere(pod)
    }

    /// Whether a pod is not the one in which the present attempt began.
    #[must_use]
    pub fn is_begun_elsewhere(&self, pod: Option<&str>) -> bool {
        self.pod.is_some() && pod.is_some() && self.pod.as_deref() != pod
    }

    /// Whether what depends on it can run: it succeeded, or failed in a way that does no harm.
    #[must_use]
    pub fn is_satisfied(&self) -> bool {
        self.status == OperatorStatus::Succeeded || self.failure_type == Some(FailureType::UserNonFatal)
    }
}

impl TryFrom<u8> for FailureType {
    type Error = String;
    fn try_from(number: u8) -> Result<Self, String> {
        match number {
            1 => Ok(Self::System),
            2 => Ok(Self::UserFatal),
            3 => Ok(Self::UserNonFatal),
            other => Err(format!("failure_type must be 1, 2 or 3, but is {other}")),
        }
    }
}

impl From<FailureType> for u8 {
    fn from(failure_type: FailureType) -> u8 {
        match failure_type {
            FailureType::System => 1,
            FailureType::UserFatal => 2,
            FailureType::UserNonFatal => 3,
        }
    }
}

#[cfg(test)]
mod tests;
