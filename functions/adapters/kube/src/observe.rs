//! What Kubernetes shows of a run's Jobs, in our words.

use crate::manifest::{ATTEMPT, OPERATOR, RUN};
use domain::run::{JobObservation, JobState, NO_POD, NodeState, POD_DELETED, POD_GONE};
use domain::{OperatorId, RunId, Timestamp};
use k8s_openapi::api::batch::v1::{Job, JobCondition};
use k8s_openapi::api::core::v1::{ContainerState, ContainerStateTerminated, Node, Pod, PodCondition, PodStatus};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use std::collections::BTreeMap;

/// The Job controller's word for a Job whose time is over.
const DEADLINE: &str = "DeadlineExceeded";
/// The kubelet's word for a container that was killed for want of memory.
const OUT_OF_MEMORY: &str = "OOMKilled";

/// The newest attempt of each operator.
pub(crate) fn observations(jobs: &[Job], pods: &[Pod]) -> BTreeMap<OperatorId, JobObservation> {
    let mut newest: BTreeMap<OperatorId, JobObservation> = BTreeMap::new();
    for job in jobs {
        let Some((operator, attempt)) = labelled(&job.metadata) else { continue };
        if newest.get(&operator).is_some_and(|seen| seen.attempt > attempt) {
            continue;
        }
        // There is one pod, unless its node was lost and Kubernetes made another.
        let of_job = pods.iter().filter(|pod| labelled(&pod.metadata) == Some((operator, attempt)));
        let pod = of_job.max_by_key(|pod| created(&pod.metadata));
        let observation = JobObservation {
            attempt,
            scheduled_at: pod.and_then(scheduled_at),
            pod: pod.and_then(|pod| pod.metadata.uid.clone()),
            node: pod.and_then(|pod| pod.spec.as_ref()?.node_name.clone()),
            state: state(job, pod),
        };
        newest.insert(operator, observation);
    }
    newest
}

/// How every node is.
pub(crate) fn nodes(nodes: &[Node]) -> BTreeMap<String, NodeState> {
    let state = |node: &Node| {
        let conditions = node.status.as_ref().and_then(|status| status.conditions.as_deref()).unwrap_or_default();
        // `Unknown` is Kubernetes' word for a node that has not been heard of.
        match conditions.iter().find(|condition| condition.type_ == "Ready") {
            Some(ready) if ready.status != "True" => NodeState::NotReady,
            _ => NodeState::Ready,
        }
    };
    nodes.iter().filter_map(|node| Some((node.metadata.name.clone()?, state(node)))).collect()
}

fn state(job: &Job, pod: Option<&Pod>) -> JobState {
    let conditions = job.status.as_ref().and_then(|status| status.conditions.as_deref()).unwrap_or_default();
    let condition = |kind: &str| conditions.iter().find(|c| c.type_ == kind && c.status == "True");
    if condition("Complete").is_some() {
        return JobState::Succeeded;
    }
    if let Some(condition) = condition("Failed") {
        return match pod {
            // The Job controller ends the pods of a Job whose time is over: what is seen of them says less.
            _ if condition.reason.as_deref() == Some(DEADLINE) => JobState::Failed {
                exit_code: None,
                reason: DEADLINE.to_owned(),
                message: condition.message.clone().unwrap_or_default(),
            },
            Some(pod) => failed(pod),
            None => pod_gone(condition),
        };
    }
    match pod {
        Some(pod) => pod_state(pod),
        None => JobState::Waiting {
            reason: NO_POD.to_owned(),
            message: "Kubernetes has not created the pod yet".to_owned(),
            since: created(&job.metadata),
        },
    }
}

/// The pod may know more than its Job, which Kubernetes updates a little later.
fn pod_state(pod: &Pod) -> JobState {
    let status = pod.status.as_ref();
    let container = container(status);
    match status.and_then(|status| status.phase.as_deref()) {
        Some("Succeeded") => return JobState::Succeeded,
        Some("Failed") => return failed(pod),
        _ => {}
    }
    if let Some(ended) = container.and_then(|state| state.terminated.as_ref()) {
        return if ended.exit_code == 0 { JobState::Succeeded } else { failed(pod) };
    }
    if let Some(until) = &pod.metadata.deletion_timestamp {
        let disruption = disruption(status);
        let told = |text: Option<&String>| text.cloned().unwrap_or_default();
        return JobState::Ending {
            until: until.0,
            reason: told(disruption.and_then(|condition| condition.reason.as_ref())),
            message: told(disruption.and_then(|condition| condition.message.as_ref())),
        };
    }
    if container.is_some_and(|state| state.running.is_some()) {
        return JobState::Running;
    }
    let waiting = container.and_then(|state| state.waiting.as_ref());
    let (reason, message) = match (waiting, scheduling(pod)) {
        (Some(waiting), _) => (waiting.reason.clone(), waiting.message.clone()),
        (None, Some(scheduling)) if scheduling.status == "True" => (Some("ContainerCreating".to_owned()), None),
        (None, Some(scheduling)) => (scheduling.reason.clone(), scheduling.message.clone()),
        (None, None) => (None, None),
    };
    JobState::Waiting {
        reason: reason.unwrap_or_else(|| "Pending".to_owned()),
        message: message.unwrap_or_default(),
        since: scheduled_at(pod).unwrap_or_else(|| created(&pod.metadata)),
    }
}

/// The pod's own reason, such as `Evicted`, tells more than its container's, such as `Error`; and so does the reason for
/// which Kubernetes ended it, such as `DeletionByTaintManager`. But a container that ran out of memory has done so. A pod
/// that somebody deletes says nothing, and its container only that it was told to stop.
fn failed(pod: &Pod) -> JobState {
    let status = pod.status.as_ref();
    let ended: Option<&ContainerStateTerminated> = container(status).and_then(|state| state.terminated.as_ref());
    let own = status.map(|status| (status.reason.clone(), status.message.clone()));
    let ended_by = disruption(status).map(|condition| (condition.reason.clone(), condition.message.clone()));
    let last = ended.map(|ended| (ended.reason.clone(), ended.message.clone()));
    let out_of_memory = last.clone().filter(|(reason, _)| reason.as_deref() == Some(OUT_OF_MEMORY));
    let deleted = pod.metadata.deletion_timestamp.as_ref().map(|_| (Some(POD_DELETED.to_owned()), None));
    let told = [own, out_of_memory, ended_by, deleted, last.clone()]
        .into_iter()
        .flatten()
        .find(|(reason, _)| reason.is_some());
    let (reason, message) = told.unwrap_or_default();
    let words = || last.and_then(|(_, message)| message).or_else(|| status?.message.clone());
    JobState::Failed {
        exit_code: ended.map(|ended| ended.exit_code),
        reason: reason.unwrap_or_else(|| "Failed".to_owned()),
        message: message.or_else(words).unwrap_or_default(),
    }
}

/// Why Kubernetes ends or ended the pod, if it did (from 1.26 on).
fn disruption(status: Option<&PodStatus>) -> Option<&PodCondition> {
    let mut conditions = status?.conditions.iter().flatten();
    conditions.find(|condition| condition.type_ == "DisruptionTarget" && condition.status == "True")
}

fn pod_gone(condition: &JobCondition) -> JobState {
    let why = condition.message.as_deref().unwrap_or_default();
    JobState::Failed { exit_code: None, reason: POD_GONE.to_owned(), message: why.to_owned() }
}

fn container(status: Option<&PodStatus>) -> Option<&ContainerState> {
    status?.container_statuses.as_ref()?.first()?.state.as_ref()
}

fn scheduling(pod: &Pod) -> Option<&PodCondition> {
    pod.status.as_ref()?.conditions.as_ref()?.iter().find(|condition| condition.type_ == "PodScheduled")
}

fn scheduled_at(pod: &Pod) -> Option<Timestamp> {
    let scheduled = scheduling(pod).filter(|condition| condition.status == "True")?;
    scheduled.last_transition_time.as_ref().map(|time| time.0)
}

/// Kubernetes sets it on everything it stores.
fn created(metadata: &ObjectMeta) -> Timestamp {
    metadata.creation_timestamp.as_ref().map(|time| time.0).unwrap_or_default()
}

/// The run that something of ours belongs to.
pub(crate) fn run_of(metadata: &ObjectMeta) -> Option<RunId> {
    metadata.labels.as_ref()?.get(RUN)?.parse().ok()
}

fn labelled(metadata: &ObjectMeta) -> Option<(OperatorId, u32)> {
    let labels = metadata.labels.as_ref()?;
    Some((labels.get(OPERATOR)?.parse().ok()?, labels.get(ATTEMPT)?.parse().ok()?))
}

#[cfg(test)]
#[path = "observe_tests.rs"]
mod tests;
