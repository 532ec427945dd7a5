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
    let mut metadata = metadata(attempt);
    metadata["uid"] = json!(format!("pod-{attempt}"));
    serde_json::from_value(
        json!({ "metadata": metadata, "spec": { "nodeName": "node-1", "containers": [] }, "status": status }),
    )
    .expect("a Pod")
}

/// A pod's status with the reason for which Kubernetes ends it.
fn disrupted(mut status: Value, reason: &str) -> Value {
    let condition = json!({ "type": "DisruptionTarget", "status": "True", "reason": reason, "message": "so it says" });
    status["conditions"].as_array_mut().expect("conditions").push(condition);
    status
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
    assert_eq!(seen.state, failure(None, POD_GONE, ""));
    assert_eq!((seen.pod, seen.node), (None, None));
}

#[test]
fn a_job_whose_time_is_over_says_so_whatever_is_left_of_its_pod() {
    let mut late = job(1, None);
    let condition = json!({ "type": "Failed", "status": "True", "reason": "DeadlineExceeded", "message": "too long" });
    late.status = serde_json::from_value(json!({ "conditions": [condition] })).expect("a status");
    let terminated = pod(1, placed("Failed", json!({ "terminated": { "exitCode": 143, "reason": "Error" } })));
    for pods in [vec![], vec![terminated]] {
        assert_eq!(observe(std::slice::from_ref(&late), &pods).state, failure(None, "DeadlineExceeded", "too long"));
    }
}

#[test]
fn what_ended_a_pod_says_more_than_how_its_container_ended() {
    let ended =
        |code: i32, reason: &str| placed("Failed", json!({ "terminated": { "exitCode": code, "reason": reason } }));
    let state = |status: Value| observe(&[job(1, Some("Failed"))], &[pod(1, status)]).state;
    for reason in ["DeletionByTaintManager", "PreemptionByScheduler", "EvictionByEvictionAPI"] {
        assert_eq!(state(disrupted(ended(137, "Error"), reason)), failure(Some(137), reason, "so it says"));
    }
    let oom = state(disrupted(ended(137, "OOMKilled"), "EvictionByEvictionAPI"));
    assert!(matches!(&oom, JobState::Failed { reason, .. } if reason == "OOMKilled"), "{oom:?}");
    assert_eq!(state(ended(137, "ContainerStatusUnknown")), failure(Some(137), "ContainerStatusUnknown", ""));
    // Neither the pod nor its container says anything.
    assert_eq!(
        state(json!({ "phase": "Failed", "message": "Pod was rejected" })),
        failure(None, "Failed", "Pod was rejected")
    );
    let mut rejected =
        json!({ "phase": "Failed", "reason": "OutOfcpu", "message": "Node didn't have enough resource" });
    rejected["conditions"] = json!([]);
    assert_eq!(state(rejected), failure(None, "OutOfcpu", "Node didn't have enough resource"));
}

#[test]
fn a_pod_that_is_being_deleted_is_ending_until_its_container_has_ended() {
    let mut ending = pod(1, disrupted(placed("Running", json!({ "running": {} })), "DeletionByTaintManager"));
    ending.metadata.deletion_timestamp = serde_json::from_value(json!("2026-11-22T11:00:00Z")).expect("a time");
    let until = time("2026-11-22T11:00:00Z");
    let (reason, message) = ("DeletionByTaintManager".to_owned(), "so it says".to_owned());
    assert_eq!(observe(&[job(1, None)], &[ending.clone()]).state, JobState::Ending { until, reason, message });

    let status = placed("Running", json!({ "terminated": { "exitCode": 143, "reason": "Error" } }));
    ending.status = serde_json::from_value(status).expect("a status");
    assert_eq!(observe(&[job(1, None)], &[ending]).state, failure(Some(143), POD_DELETED, ""));
}

#[test]
fn a_pod_tells_who_and_where_it_is() {
    let seen = observe(&[job(1, None)], &[pod(1, placed("Running", json!({ "running": {} })))]);
    assert_eq!((seen.pod.as_deref(), seen.node.as_deref()), (Some("pod-1"), Some("node-1")));
}

#[test]
fn nodes_are_ready_unless_they_say_otherwise_or_nothing_at_all() {
    let node = |name: &str, ready: Option<&str>| -> Node {
        let conditions = ready.map(|status| json!({ "type": "Ready", "status": status }));
        let status = json!({ "conditions": Vec::from_iter(conditions) });
        serde_json::from_value(json!({ "metadata": { "name": name }, "status": status })).expect("a Node")
    };
    let seen = nodes(&[node("a", Some("True")), node("b", Some("False")), node("c", Some("Unknown")), node("d", None)]);
    let states: Vec<_> = seen.into_values().collect();
    assert_eq!(states, [NodeState::Ready, NodeState::NotReady, NodeState::NotReady, NodeState::Ready]);
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
