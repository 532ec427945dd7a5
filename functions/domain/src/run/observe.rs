//! What Kubernetes says of an operator's Job, and when that amounts to a loss.

use super::cause::Cause;
use super::{OperatorState, OperatorStatus};
use crate::OperatorId;
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeMap;

/// The longest a pod may wait for a node before its attempt is given up. A GPU node takes some minutes.
const LONGEST_UNSCHEDULABLE: SignedDuration = SignedDuration::from_mins(30);
/// The longest a pod with a node may wait for its image, or to be started.
const LONGEST_START: SignedDuration = SignedDuration::from_mins(10);
/// How long a pod may be on its way out after its grace has ended, if its node is well.
const LONGEST_ENDING: SignedDuration = SignedDuration::from_mins(1);
/// An observation is made of several answers, and may be acted on late. What began less than this before it may be
/// missing from it.
const SLACK: SignedDuration = SignedDuration::from_secs(10);

/// What is seen of an operator's Job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobObservation {
    /// The attempt the Job belongs to.
    pub attempt: u32,
    /// When its pod had a node.
    pub scheduled_at: Option<Timestamp>,
    /// Its pod's unique id, if it has one.
    pub pod: Option<String>,
    /// The node its pod is bound to.
    pub node: Option<String>,
    /// How far it is.
    pub state: JobState,
}

/// How far a Job is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JobState {
    /// It has no pod, or its pod waits.
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
    /// Its pod is being deleted.
    Ending {
        /// When its grace ends.
        until: Timestamp,
        /// Kubernetes' word, such as `DeletionByTaintManager`.
        reason: String,
        /// Kubernetes' sentence.
        message: String,
    },
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

/// The word for a Job that has failed and has no pod left to say why.
pub const POD_GONE: &str = "PodGone";
/// The word for a pod that ended since somebody deletes it.
pub const POD_DELETED: &str = "PodDeleted";
/// The word for a Job whose pod Kubernetes has yet to create.
pub const NO_POD: &str = "NoPod";

/// How a node is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NodeState {
    /// It takes pods and tells of them.
    Ready,
    /// It has not been heard of, or says that it is not well.
    NotReady,
}

/// What was seen of a run in its cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observation {
    /// When the look began.
    pub at: Timestamp,
    /// Its Jobs, all of them, the newest attempt of each operator.
    pub jobs: BTreeMap<OperatorId, JobObservation>,
    /// The cluster's nodes by their names; none if nobody looked at them.
    pub nodes: Option<BTreeMap<String, NodeState>>,
}

/// An attempt that is lost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Loss {
    pub cause: Cause,
    /// What happened and what to do about it.
    pub tip: String,
}

impl Loss {
    /// What happened, in words, with Kubernetes' own in brackets, and what to do.
    fn new(cause: Cause, what: &str, told: &str, remedy: &str) -> Self {
        let told = told.trim().trim_end_matches('.');
        let told = if told.is_empty() { String::new() } else { format!(" ({told})") };
        Self { cause, tip: format!("{what}{told}. {remedy}").trim_end().to_owned() }
    }
}

/// What is to be told of a pod that has not come to its end: what it waits for.
pub(super) fn waiting_for(state: &OperatorState, seen: &JobObservation, nodes: Option<NodeState>) -> Option<String> {
    match &seen.state {
        JobState::Waiting { reason, message, .. } if state.status == OperatorStatus::Scheduled => {
            Some(format!("{reason}: {message}"))
        }
        JobState::Running if nodes == Some(NodeState::NotReady) => {
            let node = seen.node.as_deref().unwrap_or_default();
            Some(format!("NodeNotReady: its node {node} has not answered; Kubernetes gives it some minutes"))
        }
        _ => None,
    }
}

/// Whether an operator without a Job has lost it. If not, its Job is still to be created.
pub(super) fn job_lost(state: &OperatorState, at: Timestamp) -> Option<Loss> {
    let began = began_before(state, at);
    let was_seen = state.job_seen_at.is_some_and(|seen| seen < at);
    (began || was_seen && state.status == OperatorStatus::Scheduled).then(|| {
        let remedy = "Somebody deleted it in the cluster; run the flow again.";
        Loss::new(Cause::JobDeleted, "The operator's Kubernetes Job is gone", "", remedy)
    })
}

/// Whether an observation means that the attempt is lost, and why. A Job that ended without its runner having reported
/// an outcome is always a loss: the runner reports before it exits.
pub(super) fn lost(state: &OperatorState, seen: &JobObservation, world: &Observation) -> Option<Loss> {
    let at = world.at;
    let began = began_before(state, at);
    // The pod that the function began in is the only one that may. Kubernetes may have made another in its place.
    let is_replaced = began && state.is_of_another_pod(seen);
    let node = if is_replaced { state.node.as_ref() } else { seen.node.as_ref().or(state.node.as_ref()) };
    let node_state = node.and_then(|node| world.nodes.as_ref()?.get(node).copied());
    let was_bound = began || seen.scheduled_at.is_some_and(|bound| bound + SLACK <= at);
    let node_is_gone = was_bound && node.is_some() && world.nodes.is_some() && node_state.is_none();
    let gone = |told: &str| if node_is_gone { node_lost(node, told) } else { pod_deleted(told) };
    match &seen.state {
        _ if is_replaced => Some(gone("")),
        JobState::Failed { reason, message, .. } if reason == POD_GONE => Some(gone(message)),
        JobState::Failed { exit_code, reason, message } => Some(ended(*exit_code, reason, message, node)),
        _ if node_is_gone => Some(node_lost(node, "")),
        JobState::Waiting { .. } if began && seen.pod.is_none() => Some(pod_deleted("")),
        JobState::Running => None,
        JobState::Succeeded => Some(silent("The operator's pod ended without reporting an outcome", "")),
        JobState::Ending { reason, message, .. } if node_state == Some(NodeState::NotReady) => {
            Some(node_lost(node, &joined(reason, message)))
        }
        JobState::Ending { until, reason, message } => (at.duration_since(*until) > LONGEST_ENDING).then(|| {
            let known = Some(ended(None, reason, message, node)).filter(|loss| loss.cause != Cause::Silent);
            known.unwrap_or_else(|| pod_deleted(&joined(reason, message)))
        }),
        JobState::Waiting { reason, message, since } => {
            waited(reason, message, at.duration_since(*since), seen.scheduled_at.is_some())
        }
    }
}

fn node_lost(node: Option<&String>, told: &str) -> Loss {
    let node = node.map(|node| format!(" '{node}'")).unwrap_or_default();
    let remedy = "AWS ended the instance or took it back, or its kubelet failed; run the flow again.";
    Loss::new(Cause::NodeLost, &format!("The node{node} was lost with the operator's pod"), told, remedy)
}

fn pod_deleted(told: &str) -> Loss {
    let remedy = "Somebody or something deleted it in the cluster; run the flow again.";
    Loss::new(Cause::PodDeleted, "The operator's pod was deleted", told, remedy)
}

impl OperatorState {
    /// Whether a Job's pod is not the one in which the present attempt began.
    pub(super) fn is_of_another_pod(&self, seen: &JobObservation) -> bool {
        self.is_begun_elsewhere(seen.pod.as_deref())
    }
}

impl Observation {
    /// Nothing at all, as there is nothing to see.
    #[must_use]
    pub fn nothing(at: Timestamp) -> Self {
        Self { at, jobs: BTreeMap::new(), nodes: None }
    }

    /// How the node of an operator's pod is; none if it is not there or not known.
    pub(super) fn node_of(&self, seen: &JobObservation, state: &OperatorState) -> Option<NodeState> {
        let node = seen.node.as_ref().or(state.node.as_ref())?;
        self.nodes.as_ref()?.get(node).copied()
    }
}

/// Whether the function began so long before a look that its Job, pod and node were there to be seen.
fn began_before(state: &OperatorState, at: Timestamp) -> bool {
    state.status == OperatorStatus::Running && state.timeline.started_at.is_none_or(|began| began + SLACK <= at)
}

/// Whether a pod has waited for too long, and for what.
fn waited(reason: &str, message: &str, time: SignedDuration, has_node: bool) -> Option<Loss> {
    let told = joined(reason, message);
    let image = reason.contains("Image") || reason == "RegistryUnavailable";
    if image && is_invalid_image(reason, message) {
        let remedy = "Whether the registry has it, and for this machine's architecture, can be seen there.";
        return Some(Loss::new(Cause::ImageInvalid, "The operator's image cannot be pulled", &told, remedy));
    }
    let limit = if has_node || reason == NO_POD { LONGEST_START } else { LONGEST_UNSCHEDULABLE };
    if time <= limit {
        return None;
    }
    let minutes = limit.as_mins();
    let loss =
        |cause, what: &str, remedy| Some(Loss::new(cause, &format!("{what} for {minutes} minutes"), &told, remedy));
    if image {
        let remedy = "The registry or the way to it fails; run the flow again later.";
        loss(Cause::ImageUnavailable, "The operator's image could not be pulled", remedy)
    } else if reason == NO_POD {
        loss(
            Cause::NotStarted,
            "Kubernetes did not create the operator's pod",
            "Its Job's events in the cluster say why.",
        )
    } else if has_node {
        loss(Cause::NotStarted, "The operator's container could not be started", "Run the flow again.")
    } else {
        let remedy = "The node group is at its maximum, or AWS has no more of its instance type: raise max_cpu_node \
                      or max_gpu_node, choose another node type, or ask for less in the operator's resources.";
        loss(Cause::Unschedulable, "No node could take the operator's pod", remedy)
    }
}

/// Whether the registry has answered that there is no such image for us. Anything else may pass.
fn is_invalid_image(reason: &str, message: &str) -> bool {
    let message = message.to_ascii_lowercase();
    let signs = [
        ": not found",
        "manifest unknown",
        "name unknown",
        "does not exist",
        "no matching manifest",
        "no match for platform",
        "pull access denied",
        "invalid reference format",
    ];
    ["InvalidImageName", "ErrImageNeverPull"].contains(&reason) || signs.iter().any(|sign| message.contains(sign))
}

/// Why a container or pod ended, from Kubernetes' words.
fn ended(exit_code: Option<i32>, reason: &str, message: &str, node: Option<&String>) -> Loss {
    let code = exit_code.map(|code| format!(", exit code {code}")).unwrap_or_default();
    let told = joined(&format!("{reason}{code}"), message);
    let loss = |cause, what: &str, remedy: &str| Loss::new(cause, what, &told, remedy);
    match (reason, exit_code) {
        ("OOMKilled", _) => {
            loss(Cause::OutOfMemory, "The operator ran out of memory", "Ask for more with resources.memory.")
        }
        ("DeadlineExceeded", _) => {
            let remedy = "Give it a longer timeout, or let it do less.";
            loss(Cause::TimedOut, "The operator's pod was ended since its timeout is long over", remedy)
        }
        (
            "Evicted"
            | "EvictionByEvictionAPI"
            | "Preempted"
            | "Preempting"
            | "PreemptionByScheduler"
            | "TerminationByKubelet",
            _,
        ) => {
            let remedy = "If its node ran short of memory or disk, ask for more in the operator's resources or choose a \
                          larger node type; then run the flow again.";
            loss(Cause::Evicted, "The operator's pod was evicted from its node", remedy)
        }
        ("NodeLost" | "NodeShutdown" | "Shutdown" | "Terminated" | "DeletionByTaintManager" | "DeletionByPodGC", _) => {
            node_lost(node, &told)
        }
        (POD_DELETED, _) => pod_deleted(message),
        ("StartError" | "ContainerCannotRun" | "RunContainerError" | "CreateContainerError", _) => {
            loss(Cause::NotStarted, "The operator's container could not be started", "Run the flow again.")
        }
        (reason, _) if reason.starts_with("OutOf") || ADMISSION.contains(&reason) => {
            loss(Cause::NotAdmitted, "The node did not admit the operator's pod", "Run the flow again.")
        }
        (_, Some(137)) => {
            let remedy = "Kubernetes does not say by whom: it may have been the node, short of memory, or a person. Run \
                          the flow again; if it happens again, ask for more with resources.memory.";
            loss(Cause::Killed, "The operator's container was killed", remedy)
        }
        (_, Some(143)) => {
            let remedy = "The pod was deleted, or its node was shut down; run the flow again.";
            loss(Cause::Killed, "The operator's container was told to stop", remedy)
        }
        _ => silent("The operator's pod failed without reporting an outcome", &told),
    }
}

/// A kubelet's words for a pod that it turned away.
const ADMISSION: [&str; 6] =
    ["UnexpectedAdmissionError", "NodeAffinity", "MatchNodeSelector", "NodeName", "NodePorts", "PodAdmissionFailed"];

fn silent(what: &str, told: &str) -> Loss {
    Loss::new(Cause::Silent, what, told, "Run the flow again; if it happens again, the pod's last words say more.")
}

fn joined(reason: &str, message: &str) -> String {
    let separator = if reason.is_empty() || message.is_empty() { "" } else { ": " };
    format!("{reason}{separator}{message}")
}
