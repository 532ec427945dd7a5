//! What pods report: once, twice, late, from pods that nobody waits for any more.

use super::*;
use domain::run::{OperatorStatus, RunStatus};

fn success() -> Value {
    json!({"status": "succeeded", "outputs": [], "system_metadata": {}})
}

fn failure(cause: &str) -> Value {
    json!({"status": "failed", "failure_type": 1, "cause": cause, "error": {"tip": "It failed.", "context": ""}})
}

fn told(answer: &(u64, Value)) -> &str {
    answer.1["error"].as_str().unwrap_or_default()
}

#[tokio::test]
async fn an_outcome_starts_the_next_operator_and_its_repetition_nothing() {
    let fixture = Fixture::granted(Limits::default()).await;
    assert_eq!(fixture.begins(1, "pod-1").await.0, 200);
    for _ in 0..2 {
        assert_eq!(fixture.reports(1, success()).await, (200, json!({})));
        assert_eq!(fixture.kubernetes.inner.log().started, [(RUN, FIRST, 1), (RUN, SECOND, 1)]);
    }
    // Another outcome of the same attempt does not change what is known.
    assert_eq!(fixture.reports(1, failure("transport")).await.0, 200);
    assert_eq!(fixture.state(FIRST).await.status, OperatorStatus::Succeeded);
}

#[tokio::test]
async fn a_function_begins_in_one_pod_only_however_often_that_one_asks() {
    let fixture = Fixture::granted(Limits::default()).await;
    assert_eq!(fixture.begins(1, "pod-1").await.0, 200);
    fixture.later(5);
    assert_eq!(fixture.begins(1, "pod-1").await.0, 200, "the answer was lost");
    let other = fixture.begins(1, "pod-2").await;
    assert_eq!((other.0, told(&other)), (409, "attempt 1 has begun in another pod, and must not begin twice"));
    let state = fixture.state(FIRST).await;
    assert_eq!((state.pod.as_deref(), state.node.as_deref()), (Some("pod-1"), Some("node-1")));
}

#[tokio::test]
async fn a_second_pod_of_an_attempt_does_not_speak_for_the_first() {
    let fixture = Fixture::granted(Limits::default()).await;
    assert_eq!(fixture.begins(1, "pod-1").await.0, 200);
    // It never comes to ask whether it may begin: it cannot even install the requirements.
    let mut broken = failure("transport");
    broken["pod"] = json!("pod-2");
    let answer = fixture.reports(1, broken).await;
    assert_eq!((answer.0, told(&answer)), (409, "attempt 1 has begun in another pod, and must not begin twice"));
    assert_eq!(fixture.state(FIRST).await.status, OperatorStatus::Running);
    let mut done = success();
    done["pod"] = json!("pod-1");
    assert_eq!(fixture.reports(1, done).await.0, 200);
    assert_eq!(fixture.state(FIRST).await.status, OperatorStatus::Succeeded);
}

#[tokio::test]
async fn an_attempt_that_was_given_up_gets_and_reports_nothing_any_more() {
    let fixture = Fixture::granted(Limits::default()).await;
    // It could not fetch its inputs; another attempt follows.
    assert_eq!(fixture.reports(1, failure("transport")).await.0, 200);
    assert_eq!(fixture.state(FIRST).await.attempt, 2);
    assert_eq!(fixture.kubernetes.inner.log().started, [(RUN, FIRST, 1), (RUN, FIRST, 2)]);
    let reason = "attempt 1 was given up, and attempt 2 has taken its place";
    for (answer, status) in [
        (fixture.begins(1, "pod-1").await, 409),
        (fixture.reports(1, success()).await, 409),
        (fixture.pod_asks(1, "GET", "manifest", json!(null)).await, 403),
    ] {
        assert_eq!((answer.0, told(&answer)), (status, reason));
    }
    assert_eq!(fixture.state(FIRST).await.status, OperatorStatus::Scheduled);
    assert_eq!(fixture.begins(2, "pod-2").await.0, 200);
    assert_eq!(fixture.reports(2, success()).await.0, 200);
    assert_eq!(fixture.state(FIRST).await.status, OperatorStatus::Succeeded);
}

#[tokio::test]
async fn nothing_is_taken_from_the_pods_of_a_canceled_run() {
    let fixture = Fixture::granted(Limits::default()).await;
    assert_eq!(fixture.begins(1, "pod-1").await.0, 200);
    assert!(fixture.cancels().await);
    for (answer, status) in [
        (fixture.begins(1, "pod-1").await, 409),
        (fixture.reports(1, success()).await, 409),
        (fixture.pod_asks(1, "GET", "manifest", json!(null)).await, 403),
    ] {
        assert_eq!((answer.0, told(&answer)), (status, "the operator was canceled"));
    }
    assert_eq!(
        (fixture.run().await.status, fixture.state(FIRST).await.status),
        (RunStatus::Canceled, OperatorStatus::Canceled)
    );
}

#[tokio::test]
async fn a_timeout_reaches_the_runner_and_with_room_for_all_else_kubernetes() {
    let limits = Limits::parse(Some(90), None).expect("limits");
    let fixture = Fixture::granted(limits).await;
    let (status, manifest) = fixture.pod_asks(1, "GET", "manifest", json!(null)).await;
    assert_eq!((status, &manifest["timeout_seconds"]), (200, &json!(90)));
    let deadline = |fixture: &Fixture| fixture.kubernetes.specs.lock().expect("not poisoned")[0].deadline_seconds;
    assert_eq!(deadline(&fixture), Some(7290));
    let unlimited = Fixture::granted(Limits::default()).await;
    assert_eq!(deadline(&unlimited), None);
    assert_eq!(unlimited.pod_asks(1, "GET", "manifest", json!(null)).await.1["timeout_seconds"], json!(null));
}
