//! Attempts that follow each other, and what of an earlier attempt comes late.

use super::*;
use crate::flow::Limits;

fn evicted() -> JobState {
    JobState::Failed { exit_code: None, reason: "Evicted".to_owned(), message: String::new() }
}

fn retried(retries: i64) -> Story {
    let mut graph = dag("a; b: a");
    graph.operator_mut("a").limits = Limits::parse(None, Some(retries)).expect("limits");
    Story::granted(graph)
}

#[test]
fn an_operator_that_never_began_is_tried_again_twice_though_nobody_asked() {
    let mut story = Story::granted(dag("a; b: a"));
    for attempt in 1..=2 {
        story.later(60).observed(&[("a", evicted())]);
        assert_eq!(story.effects(), format!("delete a {attempt}, start a"));
        assert_eq!(story.events, ["operator_repeated"]);
        assert_eq!((story.statuses().as_str(), story.state("a").attempt), ("a scheduled, b pending", attempt + 1));
    }
    let lost: Vec<_> = story.state("a").lost.iter().map(|lost| (lost.attempt, lost.cause)).collect();
    assert_eq!(lost, [(1, Cause::Evicted), (2, Cause::Evicted)]);
    assert_eq!(story.state("a").timeline, Timeline { queued_at: Some(story.now), ..Timeline::default() });
    story.later(60).observed(&[("a", evicted())]);
    assert_eq!(story.statuses(), "a failed, b canceled");
    assert_eq!(story.state("a").cause, Some(Cause::Evicted));
}

#[test]
fn an_operator_that_began_is_tried_again_only_if_its_author_asked() {
    let mut unasked = Story::granted(dag("a"));
    unasked.started("a").later(60).observed(&[("a", evicted())]);
    assert_eq!(unasked.run.status, RunStatus::Failed);

    let mut asked = retried(1);
    asked.started("a").later(60).observed(&[("a", evicted())]);
    assert_eq!(
        (asked.statuses().as_str(), asked.effects().as_str()),
        ("a scheduled, b pending", "delete a 1, start a")
    );
    let lost = &asked.state("a").lost[0];
    assert_eq!((lost.attempt, lost.node.as_deref(), lost.timeline.ended_at), (1, Some("node-1"), Some(asked.now)));
    assert!(lost.timeline.started_at.is_some() && lost.message.contains("evicted"), "{lost:?}");
    asked.started("a").succeeded("a").succeeded("b");
    assert_eq!(asked.run.status, RunStatus::Succeeded);
    assert!(asked.run.may_leave_pods(), "the first pod may be on a node that only seems lost");

    let mut none = retried(0);
    none.observed(&[("a", evicted())]);
    assert_eq!(none.run.status, RunStatus::Failed, "the author wants no retries at all");
}

#[test]
fn what_the_runner_reports_is_tried_again_only_if_it_was_the_way_to_us() {
    let report = |cause: Cause| {
        let error = OperatorError { tip: "It failed.".to_owned(), context: "Traceback".to_owned() };
        Outcome::Failed { failure_type: cause.failure_type(), cause, error, outputs: vec![] }
    };
    for (cause, is_again) in
        [(Cause::Transport, true), (Cause::Function, false), (Cause::TimedOut, false), (Cause::OutOfMemory, false)]
    {
        let mut story = retried(3);
        story.started("a").finished("a", report(cause));
        assert_eq!(story.statuses() == "a scheduled, b pending", is_again, "{cause:?}");
        assert_eq!(story.effects(), if is_again { "start a" } else { "wake" }, "{cause:?}");
        assert!(is_again || story.state("a").cause == Some(cause));
    }
}

#[test]
fn what_comes_late_from_an_earlier_attempt_is_void() {
    let mut story = retried(2);
    story.started("a").later(60).observed(&[("a", evicted())]);
    let operator = story.dag.id_of("a");
    let beginning = Beginning::default();
    story.ignores(&Command::Started { operator, attempt: 1, beginning });
    story.ignores(&Command::Finished { operator, attempt: 1, outcome: success() });
    story.ignores(&Command::Finished { operator, attempt: 1, outcome: failed(FailureType::UserFatal) });
    // The Job of the first attempt is still shown: the second one's is still to be created.
    story.sees(BTreeMap::from([(operator, seen(1, JobState::Running))]), &["node-1"]);
    assert_eq!((story.state("a").attempt, story.effects().as_str()), (2, "start a"));
    story.succeeded("a");
    story.ignores(&Command::Finished { operator, attempt: 1, outcome: failed(FailureType::System) });
}

#[test]
fn a_run_stored_before_there_were_attempts_can_still_be_read() {
    let mut story = Story::granted(dag("a"));
    story.started("a");
    let mut stored = serde_json::to_value(&story.run).expect("serialises");
    let operator = stored["operators"].as_object_mut().and_then(|all| all.values_mut().next()).expect("an operator");
    let operator = operator.as_object_mut().expect("an object");
    for new in ["lost", "pod", "node", "job_seen_at", "cause"] {
        operator.remove(new);
    }
    for once in ["failure_type", "error", "waiting_for"] {
        operator.insert(once.to_owned(), serde_json::Value::Null);
    }
    let read: Run = serde_json::from_value(stored).expect("deserialises");
    assert_eq!(read.operators.values().next().map(|state| state.status), Some(OperatorStatus::Running));
    let mut old = Story { run: read, ..story };
    let (a, running) = (old.dag.id_of("a"), JobObservation { pod: Some("x".to_owned()), ..seen(1, JobState::Running) });
    old.later(60).sees(BTreeMap::from([(a, running)]), &["node-1"]);
    assert_eq!(old.statuses(), "a running", "nobody had noted its pod");
}
