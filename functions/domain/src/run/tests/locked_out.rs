//! Runs that nobody can look at, since the user's account refuses us.

use super::*;
use crate::flow::Limits;

const HOUR: i64 = 3600;

#[test]
fn a_run_that_nobody_can_look_at_goes_on_and_says_why() {
    let mut story = Story::granted(dag("a; b: a"));
    story.started("a");
    let since = story.later(60).now;
    story.does(&refused());
    assert_eq!((story.events.as_slice(), story.effects().as_str()), (&["locked_out".to_owned()][..], ""));
    let told = story.run.locked_out.clone().expect("why");
    assert_eq!((told.since, told.failure.class), (since, FailureClass::Credentials));
    assert!(told.failure.remedy.contains("Renew"), "{told:?}");

    // The same again, in other words, is no news.
    story.later(60).ignores(&Command::LockedOut { failure: refusal("ExpiredTokenException (request 7a1f)") });
    // What the pods report is taken all the same.
    story.succeeded("a");
    assert_eq!((story.statuses().as_str(), story.effects().as_str()), ("a succeeded, b scheduled", "start b"));
    assert!(story.run.locked_out.is_some());

    story.later(60).does(&Command::LetIn);
    assert_eq!((story.events.as_slice(), &story.run.locked_out), (&["let_in".to_owned()][..], &None));
    story.ignores(&Command::LetIn);
    story.succeeded("b");
    assert_eq!(story.run.status, RunStatus::Succeeded);
}

#[test]
fn another_reason_is_told_but_does_not_make_the_patience_longer() {
    let mut story = Story::granted(dag("a"));
    story.does(&refused());
    let since = story.now;
    story.later(HOUR).does(&Command::LockedOut { failure: refusal("pods is forbidden: User \"u\" cannot list") });
    let told = story.run.locked_out.clone().expect("why");
    assert_eq!((told.since, told.failure.class), (since, FailureClass::KubernetesUnauthorized));
}

#[test]
fn a_run_is_given_up_after_a_day_with_the_true_reason() {
    let mut graph = dag("a; b: a; c");
    graph.operator_mut("a").limits = Limits::parse(None, Some(3)).expect("limits");
    let mut story = Story::granted(graph);
    story.started("a").succeeded("c").does(&refused());
    let until = story.run.locked_out.as_ref().expect("why").until();
    assert_eq!(until.duration_since(story.now), LONGEST_LOCKED_OUT);
    for _ in 0..24 {
        story.later(HOUR).ignores(&refused());
    }
    story.later(1).does(&refused());
    assert_eq!(story.statuses(), "a failed, b canceled, c succeeded");
    assert_eq!((story.run.status, story.effects().as_str()), (RunStatus::Failed, "wake"));
    assert_eq!(story.state("a").cause, Some(Cause::LockedOut), "another attempt could not be looked at either");
    let error = story.run.error.clone().expect("why");
    assert_eq!(error.class, FailureClass::Credentials);
    assert!(error.message.contains("for 24 hours") && error.message.contains("ExpiredToken"), "{error:?}");
    assert!(story.run.locked_out.is_none() && story.run.may_leave_pods(), "it is over, and nobody knows what is left");
}

#[test]
fn a_refusal_now_and_then_never_adds_up() {
    let mut story = Story::granted(dag("a"));
    for _ in 0..10 {
        story.later(20 * HOUR).does(&refused());
        story.does(&Command::LetIn);
    }
    assert_eq!(story.statuses(), "a scheduled");
}

#[test]
fn a_run_that_is_locked_out_can_end_in_every_way() {
    let locked_out = || {
        let mut story = Story::granted(dag("a"));
        story.started("a").does(&refused());
        story
    };
    let ends: [fn(&mut Story); 4] = [
        |story| _ = story.succeeded("a"),
        |story| _ = story.failed("a", FailureType::UserFatal),
        |story| _ = story.does(&Command::Cancel),
        |story| _ = story.does(&lost()),
    ];
    for end in ends {
        let mut story = locked_out();
        end(&mut story);
        assert!(story.run.status.is_final() && story.run.locked_out.is_none(), "{:?}", story.run.status);
    }
    let mut waiting = Story::submitted(dag("a"));
    waiting.ignores(&refused());
}

#[test]
fn a_run_stored_before_refusals_were_noted_can_still_be_read() {
    let story = Story::granted(dag("a"));
    let mut stored = serde_json::to_value(&story.run).expect("serialises");
    assert!(stored.get("locked_out").is_none());
    stored.as_object_mut().expect("an object").remove("locked_out");
    assert_eq!(serde_json::from_value::<Run>(stored).expect("deserialises"), story.run);
}
