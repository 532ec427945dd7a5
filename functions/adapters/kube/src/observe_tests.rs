use super::*;
use serde_json::{Value, json};

const ID: &str = "0c9d7a52-51c7-4b3d-8c1e-6f0d4b9f7a11";
const CREATED: &str = "2026-11-22T10:00:00Z";
const SCHEDULED: &str = "2026-11-22T10:00:05Z";

fn metadata(attempt: u32) -> Value {
    let labels = json!({ "ondemand-eks/operator": ID, "ondemand-eks/attempt": attempt.to_string() });
    json!({ "name": format!("op-{attempt}"), "labels": labels, "creationTimestamp": CREATED })
}

fn job(attempt: u32, condition: Option<&str>) -> Job {
    let condition = condition.map(|kind| json!({ "type": kind, "status": "True", "reason": "BackoffLimitExceeded" }));
    let status = json!({ "conditions": Vec::from_iter(condition) });
    serde_json::from_value(json!({ "metadata": metadata(attempt), "status": status })).expect("a Job")
}

fn pod(attempt: u32, status: Value) -> Pod {
    serde_json::from_value(json!({ "metadata": metadata(attempt), "status": status })).expect("a Pod")
}

/// A pod that has a node, with its container in a state.
fn placed(phase: &str, state: Value) -> Value {
    json!({
        "phase": phase,
        "conditions": [{ "type": "PodScheduled", "status": "True", "lastTransitionTime": SCHEDULED }],
        "containerStatuses": [{
            "name": "operator", "image": "i", "imageID": "", "ready": false, "restartCount": 0, "state": state,
        }],
    })
}

fn observe(jobs: &[Job], pods: &[Pod]) -> JobObservation {
    observations(jobs, pods).remove(&ID.parse().expect("an id")).expect("observed")
}

fn time(text: &str) -> Timestamp {
    text.parse().expect("a time")
}

fn failure(exit_code: Option<i32>, reason: &str, message: &str) -> JobState {
    JobState::Failed { exit_code, reason: reason.to_owned(), message: message.to_owned() }
}

#[test]
fn a_pod_without_a_node_tells_why_and_since_when() {
    let status = json!({
        "phase": "Pending",
        "conditions": [{
            "type": "PodScheduled", "status": "False", "reason": "Unschedulable",
            "message": "0/1 nodes are available: 1 Insufficient nvidia.com/gpu.", "lastTransitionTime": CREATED,
        }],
    });
    let seen = observe(&[job(1, None)], &[pod(1, status)]);
    assert_eq!(seen.scheduled_at, None);
    let JobState::Waiting { reason, message, since } = seen.state else { panic!("{seen:?}") };
    assert_eq!((reason.as_str(), since), ("Unschedulable", time(CREATED)));
    assert!(message.contains("Insufficient nvidia.com/gpu"));
}

#[test]
fn a_pod_on_a_node_waits_for_its_image() {
    let waiting = |reason: &str| json!({ "waiting": { "reason": reason, "message": "Back-off pulling image" } });
    for reason in ["ContainerCreating", "ErrImagePull", "ImagePullBackOff"] {
        let seen = observe(&[job(1, None)], &[pod(1, placed("Pending", waiting(reason)))]);
        assert_eq!(seen.scheduled_at, Some(time(SCHEDULED)));
        let JobState::Waiting { reason: told, since, .. } = seen.state else { panic!("{seen:?}") };
        assert_eq!((told.as_str(), since), (reason, time(SCHEDULED)));
    }
}

#[test]
fn a_running_container_runs() {
    let seen = observe(&[job(1, None)], &[pod(1, placed("Running", json!({ "running": {} })))]);
    assert_eq!(seen.state, JobState::Running);
}

#[test]
fn a_container_that_has_ended_counts_before_its_pod_and_job_do() {
    let ended = |code: i32, reason: &str| {
        let state = json!({ "terminated": { "exitCode": code, "reason": reason, "message": "last words" } });
        observe(&[job(1, None)], &[pod(1, placed("Running", state))]).state
    };
    assert_eq!(ended(0, "Completed"), JobState::Succeeded);
    assert_eq!(ended(137, "OOMKilled"), failure(Some(137), "OOMKilled", "last words"));
    assert_eq!(ended(1, "Error"), failure(Some(1), "Error", "last words"));
}

#[test]
fn an_evicted_pod_says_so_although_its_container_was_killed() {
    let mut status = placed("Failed", json!({ "terminated": { "exitCode": 137, "reason": "Error" } }));
    status["reason"] = json!("Evicted");
    status["message"] = json!("The node was low on resource: ephemeral-storage.");
    let seen = observe(&[job(1, Some("Failed"))], &[pod(1, status)]);
    assert_eq!(seen.state, failure(Some(137), "Evicted", "The node was low on resource: ephemeral-storage."));
}

#[test]
fn a_failed_job_without_a_pod_has_lost_it() {
    let seen = observe(&[job(1, Some("Failed"))], &[]);
    let JobState::Failed { exit_code: None, reason, .. } = seen.state else { panic!("{seen:?}") };
    assert_eq!(reason, "PodGone");
}

#[test]
fn a_complete_job_succeeded_even_if_its_pod_is_gone() {
    assert_eq!(observe(&[job(1, Some("Complete"))], &[]).state, JobState::Succeeded);
}

#[test]
fn a_job_without_a_pod_waits_for_it() {
    let seen = observe(&[job(1, None)], &[]);
    assert!(matches!(seen.state, JobState::Waiting { since, .. } if since == time(CREATED)), "{seen:?}");
}

#[test]
fn only_the_newest_attempt_counts_with_its_own_pod() {
    let jobs = [job(2, None), job(1, Some("Failed"))];
    let pods = [pod(1, placed("Failed", json!({}))), pod(2, placed("Running", json!({ "running": {} })))];
    let seen = observe(&jobs, &pods);
    assert_eq!((seen.attempt, seen.state), (2, JobState::Running));
}

#[test]
fn what_is_not_ours_is_left_alone() {
    let mut stranger = job(1, None);
    stranger.metadata.labels = None;
    assert!(observations(&[stranger], &[]).is_empty());
}
