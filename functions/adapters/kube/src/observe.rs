//! What Kubernetes shows of a run's Jobs, in our words.

use crate::manifest::{ATTEMPT, OPERATOR};
use domain::run::{JobObservation, JobState};
use domain::{OperatorId, Timestamp};
use k8s_openapi::api::batch::v1::{Job, JobCondition};
use k8s_openapi::api::core::v1::{ContainerState, ContainerStateTerminated, Pod, PodCondition, PodStatus};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use std::collections::BTreeMap;

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
        let scheduled_at = pod.and_then(scheduled_at);
        newest.insert(operator, JobObservation { attempt, scheduled_at, state: state(job, pod) });
    }
    newest
}

fn state(job: &Job, pod: Option<&Pod>) -> JobState {
    let conditions = job.status.as_ref().and_then(|status| status.conditions.as_deref()).unwrap_or_default();
    let condition = |kind: &str| conditions.iter().find(|c| c.type_ == kind && c.status == "True");
    if condition("Complete").is_some() {
        return JobState::Succeeded;
    }
    if let Some(condition) = condition("Failed") {
        return pod.map_or_else(|| pod_gone(condition), |pod| failed(pod.status.as_ref()));
    }
    match pod {
        Some(pod) => pod_state(pod),
        None => JobState::Waiting {
            reason: "NoPod".to_owned(),
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
        Some("Failed") => return failed(status),
        _ => {}
    }
    if let Some(ended) = container.and_then(|state| state.terminated.as_ref()) {
        return if ended.exit_code == 0 { JobState::Succeeded } else { failed(status) };
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

/// The pod's own reason, such as `Evicted`, tells more than its container's, such as `Error`.
fn failed(status: Option<&PodStatus>) -> JobState {
    let ended: Option<&ContainerStateTerminated> = container(status).and_then(|state| state.terminated.as_ref());
    let reason = status.and_then(|status| status.reason.clone()).or_else(|| ended.and_then(|e| e.reason.clone()));
    let message = status.and_then(|status| status.message.clone()).or_else(|| ended.and_then(|e| e.message.clone()));
    JobState::Failed {
        exit_code: ended.map(|ended| ended.exit_code),
        reason: reason.unwrap_or_else(|| "Failed".to_owned()),
        message: message.unwrap_or_default(),
    }
}

fn pod_gone(condition: &JobCondition) -> JobState {
    let why = condition.message.as_deref().unwrap_or_default();
    JobState::Failed {
        exit_code: None,
        reason: "PodGone".to_owned(),
        message: format!("The pod was deleted, or its node was lost. {why}").trim_end().to_owned(),
    }
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

fn labelled(metadata: &ObjectMeta) -> Option<(OperatorId, u32)> {
    let labels = metadata.labels.as_ref()?;
    Some((labels.get(OPERATOR)?.parse().ok()?, labels.get(ATTEMPT)?.parse().ok()?))
}

#[cfg(test)]
#[path = "observe_tests.rs"]
mod tests;
