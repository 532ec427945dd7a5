//! How runs end before they are done, and that an end is the end.

use super::*;

#[test]
fn a_canceled_run_leaves_nothing_running() {
    for mut story in [Story::submitted(dag("a; b: a")), Story::granted(dag("a; b: a"))] {
        story.later(5).does(&Command::Cancel);
        assert_eq!((story.statuses().as_str(), story.run.status), ("a canceled, b canceled", RunStatus::Canceled));
        assert_eq!(story.effects(), "delete jobs, wake");
        assert_eq!(story.events, ["canceled", "ended"]);
        assert_eq!(story.run.ended_at, Some(story.now));
    }
}

#[test]
fn what_was_done_before_the_cancellation_stays_done() {
    let mut story = Story::granted(dag("a; b: a; c"));
    story.succeeded("a").failed("c", FailureType::UserFatal).does(&Command::Cancel);
    assert_eq!(
        (story.statuses().as_str(), story.run.status),
        ("a succeeded, b canceled, c failed", RunStatus::Canceled)
    );
}

#[test]
fn a_run_that_loses_its_cluster_fails_with_the_reason() {
    let mut story = Story::granted(dag("a; b: a; c; d: c"));
    story.succeeded("c").started("d").later(5).does(&lost());
    assert_eq!(story.statuses(), "a failed, b canceled, c succeeded, d failed");
    assert_eq!((story.run.status, story.effects().as_str()), (RunStatus::Failed, "wake"));
    for name in ["a", "d"] {
        assert_eq!(story.state(name).failure_type, Some(FailureType::System));
        assert_eq!(story.state(name).error.as_ref().expect("an error").tip, "the cluster was deleted by force");
    }
    assert_eq!(story.run.error.as_ref().expect("an error").class, FailureClass::Requested);
}

#[test]
fn a_run_that_gets_no_cluster_fails_though_no_operator_does() {
    let mut story = Story::submitted(dag("a; b: a"));
    story.does(&lost());
    assert_eq!((story.statuses().as_str(), story.run.status), ("a canceled, b canceled", RunStatus::Failed));
    assert!(story.run.error.is_some());
}

#[test]
fn nothing_changes_a_run_that_is_over_but_its_machine_is_woken_again() {
    let over = |end: fn(&mut Story)| {
        let mut story = Story::granted(dag("a; b: a"));
        end(&mut story);
        story
    };
    let ends = [
        over(|story| _ = story.succeeded("a").succeeded("b")),
        over(|story| _ = story.failed("a", FailureType::UserFatal)),
        over(|story| _ = story.does(&Command::Cancel)),
        over(|story| _ = story.does(&lost())),
    ];
    for mut story in ends {
        let operator = story.dag.id_of("a");
        let news = [
            Command::Granted { generation: Some(2), hardware: None },
            Command::Observed(Observation::nothing(story.now)),
            Command::Started { operator, attempt: 1, beginning: Beginning::default() },
            Command::Finished { operator, attempt: 1, outcome: success() },
            Command::Cancel,
            refused(),
            Command::LetIn,
            lost(),
        ];
        for command in news {
            story.later(1).ignores(&command);
            assert_eq!(story.effects(), "wake", "{command:?}");
        }
    }
}

#[test]
fn failure_types_are_the_sdks_numbers() {
    for (number, failure_type) in
        [(1, FailureType::System), (2, FailureType::UserFatal), (3, FailureType::UserNonFatal)]
    {
        assert_eq!((FailureType::try_from(number), u8::from(failure_type)), (Ok(failure_type), number));
    }
    assert_eq!(FailureType::try_from(4), Err("failure_type must be 1, 2 or 3, but is 4".to_owned()));
}

#[test]
fn a_run_survives_being_stored() {
    let mut story = Story::granted(dag("a; b: a; c"));
    story.started("a").failed("a", FailureType::UserNonFatal).does(&lost());
    let stored = serde_json::to_string(&story.run).expect("serialises");
    assert_eq!(serde_json::from_str::<Run>(&stored).expect("deserialises"), story.run);
}
