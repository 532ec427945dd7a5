//! From operator to operator.

use super::*;

#[test]
fn nothing_starts_before_the_cluster_is_there() {
    let mut story = Story::submitted(dag("a; b: a"));
    story.ignores(&Command::Observed(Observation::nothing(story.now)));
    assert_eq!(story.effects(), "");
    story.later(60).does(&Command::Granted { generation: Some(3), hardware: None });
    assert_eq!((story.run.status, story.run.generation), (RunStatus::Running, Some(3)));
    assert_eq!(story.run.granted_at, Some(story.now));
    assert_eq!((story.effects().as_str(), story.events.as_slice()), ("start a", &["cluster_granted".to_owned()][..]));
    story.later(5).ignores(&Command::Granted { generation: Some(4), hardware: None });
}

#[test]
fn a_chain_runs_link_by_link() {
    let mut story = Story::granted(dag("a; b: a; c: b"));
    assert_eq!(story.statuses(), "a scheduled, b pending, c pending");
    assert_eq!(story.succeeded("a").effects(), "start b");
    assert_eq!(story.succeeded("b").effects(), "start c");
    assert_eq!(story.run.status, RunStatus::Running);
    assert_eq!(story.succeeded("c").effects(), "wake");
    assert_eq!(story.run.status, RunStatus::Succeeded);
    assert_eq!(story.events, ["operator_succeeded", "ended"]);
}

#[test]
fn a_fan_starts_at_once_and_a_join_waits_for_all() {
    let mut story = Story::granted(dag("start; left: start; right: start; join: left right"));
    assert_eq!(story.succeeded("start").effects(), "start left, start right");
    assert_eq!(story.succeeded("right").effects(), "");
    assert_eq!(story.succeeded("left").effects(), "start join");
    assert_eq!(story.succeeded("join").run.status, RunStatus::Succeeded);
}

#[test]
fn parameters_and_system_metrics_are_computed_here() {
    let mut graph = dag("n; train: n; seconds: train");
    graph.operator_mut("n").kind = parameter();
    graph.operator_mut("seconds").kind = system_metric();
    let mut story = Story::granted(graph);
    assert_eq!(story.effects(), "compute n");
    assert_eq!(story.succeeded("n").effects(), "start train");
    assert_eq!(story.succeeded("train").effects(), "compute seconds");
    assert_eq!(story.observed(&[]).effects(), "compute seconds", "a lost computation is asked for again");
    assert_eq!(story.succeeded("seconds").run.status, RunStatus::Succeeded);
}

#[test]
fn a_run_without_functions_needs_no_cluster() {
    let mut graph = dag("n");
    graph.operator_mut("n").kind = parameter();
    let mut story = Story::submitted(graph);
    story.does(&Command::Granted { generation: None, hardware: None });
    assert_eq!((story.effects().as_str(), story.events.len()), ("compute n", 0));
    assert_eq!(story.succeeded("n").effects(), "wake");
}

#[test]
fn a_fatal_failure_cancels_what_depends_on_it_and_nothing_else() {
    for fatal in [FailureType::System, FailureType::UserFatal] {
        let mut story = Story::granted(dag("bad; child: bad; grandchild: child; join: child good; good; after: good"));
        story.failed("bad", fatal);
        assert_eq!(
            story.statuses(),
            "bad failed, child canceled, grandchild canceled, join canceled, good scheduled, after pending"
        );
        assert_eq!((story.effects().as_str(), story.run.status), ("", RunStatus::Running));
        assert_eq!(story.succeeded("good").effects(), "start after");
        assert_eq!(story.succeeded("after").run.status, RunStatus::Failed);
        assert_eq!(story.state("bad").failure_type, Some(fatal));
        assert_eq!(story.state("child").failure_type, None);
        assert_eq!(story.run.error, None, "its operators tell");
    }
}

#[test]
fn a_failure_that_does_no_harm_lets_the_run_go_on_and_succeed() {
    let mut story = Story::granted(dag("check; after: check"));
    assert_eq!(story.failed("check", FailureType::UserNonFatal).effects(), "start after");
    story.succeeded("after");
    assert_eq!((story.statuses().as_str(), story.run.status), ("check failed, after succeeded", RunStatus::Succeeded));
}

#[test]
fn an_operators_time_is_kept() {
    let mut story = Story::granted(dag("a"));
    let queued = story.now;
    let started = story.later(30).started("a").now;
    assert_eq!(story.events, ["operator_started"]);
    let ended = story.later(10).succeeded("a").now;
    assert_eq!(
        story.state("a").timeline,
        Timeline {
            queued_at: Some(queued),
            scheduled_at: Some(started),
            started_at: Some(started),
            ended_at: Some(ended)
        }
    );
}

#[test]
fn what_an_operator_wrote_and_measured_is_kept_even_if_it_failed() {
    let outputs = vec![OutputType {
        artifact_id: ArtifactId(Uuid::from_u128(1)),
        artifact_type: "boolean".to_owned(),
        serialization_type: "json".to_owned(),
        size_bytes: 5,
    }];
    let measured = SystemMetadata { runtime: Some("0.5".to_owned()), max_memory: Some("1.25".to_owned()) };
    let mut story = Story::granted(dag("a; check"));
    story.finished("a", Outcome::Succeeded { outputs: outputs.clone(), system_metadata: measured.clone() });
    assert_eq!((&story.state("a").outputs, &story.state("a").system_metadata), (&outputs, &measured));
    let (failure_type, error) = (FailureType::UserFatal, OperatorError::default());
    story.finished("check", Outcome::Failed { failure_type, cause: Cause::Function, error, outputs: outputs.clone() });
    assert_eq!(story.state("check").outputs, outputs);
}

#[test]
fn of_a_long_traceback_the_end_is_kept() {
    let error = OperatorError { tip: "It failed.".to_owned(), context: format!("{}ValueError", "ä".repeat(10_000)) };
    let mut story = Story::granted(dag("a"));
    let (failure_type, cause) = (FailureType::UserFatal, Cause::Function);
    story.finished("a", Outcome::Failed { failure_type, cause, error, outputs: vec![] });
    let kept = &story.state("a").error.as_ref().expect("an error").context;
    assert!(kept.ends_with("äValueError") && (8191..=8192).contains(&kept.len()), "{} bytes", kept.len());
}
