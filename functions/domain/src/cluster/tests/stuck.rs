//! Teardowns that fail, what they leave in the end, and what is found of them later.

use super::*;

/// A teardown that takes a person.
fn parked() -> Story {
    let mut story = Story::terminating();
    story.build_fails(FailureClass::Credentials);
    story
}

fn retry(story: &Story) -> Retry {
    story.cluster.view(story.now).retry.expect("a retry")
}

#[test]
fn a_failure_that_takes_a_person_is_tried_hourly_from_the_first_time() {
    for class in [FailureClass::MissingPermission, FailureClass::ExplicitDeny, FailureClass::Credentials] {
        let mut story = Story::terminating();
        story.build_fails(class);
        assert_eq!(story.started(), Some((Purpose::Destroy, 3600)));
        assert_eq!(story.event_kinds(), ["teardown_parked"]);
        let next_try_at = story.now + SignedDuration::from_hours(1);
        assert_eq!(retry(&story), Retry { attempt: 2, next_try_at, parked: true });
        assert_eq!(story.cluster.present_error(), Some(&failure(class)));
    }
}

#[test]
fn what_may_pass_is_tried_ever_more_slowly_and_parked_in_the_end() {
    let mut story = Story::terminating();
    for _ in 0..7 {
        story.build_fails(FailureClass::Dependency);
        assert!(!retry(&story).parked);
        story.begins();
    }
    story.build_fails(FailureClass::Dependency);
    assert!(retry(&story).parked);
    story.begins();
    assert_eq!(story.cluster.view(story.now).retry, None, "it is being tried");
    assert_eq!(story.cluster.present_error(), Some(&failure(FailureClass::Dependency)), "which does not mend it");
}

#[test]
fn nobody_waits_for_a_teardown_that_takes_a_person() {
    let mut story = Story::terminating();
    story.acquires(1);
    story.build_fails(FailureClass::Credentials);
    let told = story.effects.iter().find_map(|effect| match effect {
        Effect::FailRuns { runs: failed, failure } if *failed == runs([1]) => Some(failure.clone()),
        _ => None,
    });
    let told = told.expect("run 1 is told");
    assert!(told.message.contains("cannot be created anew") && told.message.contains("Credentials"), "{told:?}");
    assert_eq!(told.class, FailureClass::Credentials);
    assert_eq!(story.cluster.phase.waiters(), Some(&runs([])));
}

#[test]
fn a_run_that_comes_has_a_parked_teardown_tried_at_once() {
    let mut story = parked();
    let waiting = story.build().epoch;
    assert_eq!(story.acquires(1), Reply::Waiting);
    assert_eq!(story.started(), Some((Purpose::Destroy, 0)));
    assert!(!retry(&story).parked);
    assert_eq!(story.ignores(Command::BeginBuild { epoch: waiting, live_pods: 0 }), Reply::Superseded);
    story.begins();
    story.build_succeeds();
    assert_eq!((story.status(), story.cluster.generation), (Status::Creating, 2));
}

#[test]
fn a_run_that_comes_does_not_hurry_a_teardown_that_backs_off() {
    let mut story = Story::terminating();
    story.build_fails(FailureClass::Dependency);
    story.acquires(1);
    assert_eq!(story.started(), None);
}

#[test]
fn a_delete_tries_a_parked_teardown_at_once() {
    for command in [Command::Delete, Command::ForceDelete] {
        let mut story = parked();
        story.accepts(command);
        assert_eq!(story.started(), Some((Purpose::Destroy, 0)));
        assert_eq!(story.build().attempt, 2, "it is the same try, but sooner");
    }
}

#[test]
fn new_credentials_try_at_once_what_waits_for_them() {
    for class in [FailureClass::MissingPermission, FailureClass::ExplicitDeny, FailureClass::Credentials] {
        let mut story = Story::terminating();
        story.build_fails(class);
        let waiting = story.build().epoch;
        story.accepts(Command::CredentialsRenewed);
        assert_eq!((story.started(), story.build().attempt), (Some((Purpose::Destroy, 0)), 2));
        assert_eq!(story.event_kinds(), ["teardown_hurried"]);
        assert_eq!(story.ignores(Command::BeginBuild { epoch: waiting, live_pods: 0 }), Reply::Superseded);
        story.ignores(Command::CredentialsRenewed);
        story.begins();
        story.ignores(Command::CredentialsRenewed);
        story.build_succeeds();
        assert_eq!(story.status(), Status::Terminated);
    }
}

#[test]
fn new_credentials_hurry_nothing_else() {
    let mut backs_off = Story::terminating();
    backs_off.build_fails(FailureClass::Dependency);
    let mut tries_again = Story::creating();
    tries_again.build_fails(FailureClass::Capacity);
    for mut story in
        [Story::terminated(), Story::creating(), Story::active(), Story::updating(), backs_off, tries_again]
    {
        story.ignores(Command::CredentialsRenewed);
    }
}

#[test]
fn after_all_there_is_no_error_but_a_receipt_of_all_tries() {
    let mut story = Story::terminating();
    let first_epoch = story.build().epoch;
    story.build_fails(FailureClass::Dependency);
    story.begins();
    story.build_fails(FailureClass::Credentials);
    story.accepts(Command::Delete);
    story.begins();
    let last_epoch = story.build().epoch;
    story.build_succeeds();
    assert_eq!((story.status(), story.cluster.present_error()), (Status::Terminated, None));
    assert_eq!(story.effects, [Effect::Receipt { generation: 1, first_epoch, last_epoch }]);
    assert!(story.events[0].message.contains("after 3 tries"), "{:?}", story.events);
}

#[test]
fn a_teardown_that_failed_on_its_way_leaves_the_reason_of_the_failed_creation() {
    let mut story = Story::terminated();
    story.acquires(1);
    story.begins();
    story.build_fails(FailureClass::Quota);
    story.begins();
    story.build_fails(FailureClass::Dependency);
    assert_eq!(story.cluster.present_error(), Some(&failure(FailureClass::Dependency)), "what is wrong now");
    story.begins();
    story.build_succeeds();
    assert_eq!(story.cluster.present_error(), Some(&failure(FailureClass::Quota)), "why there is no cluster");
}

#[test]
fn a_teardown_that_was_called_off_does_not_forget_that_an_update_failed() {
    let mut story = Story::updating();
    story.build_fails(FailureClass::Capacity);
    story.accepts(Command::Delete);
    let alive = Command::BeginBuild { epoch: story.build().epoch, live_pods: 1 };
    assert_eq!(story.does(&alive), Ok(Reply::Superseded));
    assert_eq!(story.cluster.present_error(), Some(&failure(FailureClass::Capacity)));
    story.accepts(Command::Update { delta: delta(json!({"max_cpu_node": 1})) });
    assert_eq!(story.started(), Some((Purpose::Update, 0)), "AWS may have part of the failed update");
}
