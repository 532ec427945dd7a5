//! Builds: who may begin, what their end means, and how failures are tried again.

use super::*;
use crate::diagnosis::Policy;

#[test]
fn what_belongs_to_a_former_epoch_changes_nothing() {
    for mut story in [Story::terminated(), Story::creating(), Story::active(), Story::updating(), Story::terminating()]
    {
        let present = story.cluster.phase.build().map(|build| build.epoch);
        for epoch in (0..=story.cluster.epoch + 2).filter(|epoch| Some(*epoch) != present) {
            let stale = [
                Command::BeginBuild { epoch, live_pods: 0 },
                Command::BuildSucceeded { epoch, report: BuildReport::default() },
                Command::BuildFailed { epoch, failure: failure(FailureClass::Quota) },
                Command::BuildFailed { epoch, failure: failure(FailureClass::Transient) },
            ];
            for command in stale {
                assert_eq!(story.ignores(command), Reply::Superseded, "{} at epoch {epoch}", story.status());
            }
        }
    }
}

#[test]
fn a_build_may_begin_as_often_as_its_machine_asks_and_began_when_it_first_asked() {
    let mut story = Story::creating();
    let begun = story.build().begun_at;
    assert!(begun.is_some());
    let again = Command::BeginBuild { epoch: story.build().epoch, live_pods: 0 };
    assert_eq!(story.later(60).ignores(again), Reply::Proceed);
    assert_eq!(story.build().begun_at, begun);
}

#[test]
fn waiting_runs_are_granted_the_cluster_when_it_is_created() {
    let mut story = Story::terminated();
    assert_eq!(story.acquires(1), Reply::Waiting);
    assert_eq!(story.started(), Some((Purpose::Create, 0)));
    story.acquires(2);
    story.begins();
    story.build_succeeds();
    assert_eq!(story.cluster.phase, Phase::Active { leases: runs([1, 2]), idle_since: None });
    for number in [1, 2] {
        assert!(story.effects.contains(&Effect::Grant { run: run(number), generation: 1 }));
    }
}

#[test]
fn a_creation_that_failed_for_the_moment_is_tried_again_with_a_longer_wait_each_time() {
    let mut story = Story::terminated();
    story.acquires(1);
    for (attempt, delay) in [(2, 30), (3, 60)] {
        story.begins();
        story.build_fails(FailureClass::Capacity);
        assert_eq!(story.status(), Status::Creating);
        assert_eq!(story.started(), Some((Purpose::Create, delay)));
        assert_eq!((story.build().attempt, story.build().begun_at), (attempt, None));
        assert_eq!(story.build().not_before, story.now + SignedDuration::from_secs(delay.cast_signed()));
        assert_eq!(story.cluster.phase.waiters(), Some(&runs([1])));
        assert_eq!(story.cluster.last_error, Some(failure(FailureClass::Capacity)));
        assert_eq!(story.cluster.generation, 1);
    }
    story.begins();
    story.build_fails(FailureClass::Capacity);
    assert_eq!(story.started(), Some((Purpose::Destroy, 0)), "the third failure is the last");
    assert!(
        story.effects.contains(&Effect::FailRuns { runs: runs([1]), failure: failure(FailureClass::Capacity) }),
        "{:?}",
        story.effects
    );
}

#[test]
fn a_creation_that_succeeds_in_the_end_leaves_no_error() {
    let mut story = Story::creating();
    story.build_fails(FailureClass::Transient);
    story.begins();
    story.build_succeeds();
    assert_eq!((story.status(), &story.cluster.last_error), (Status::Active, &None));
}

#[test]
fn a_creation_that_failed_for_good_is_destroyed_and_its_waiters_fail_with_its_reason() {
    let mut story = Story::terminated();
    story.acquires(1);
    story.acquires(2);
    story.begins();
    story.build_fails(FailureClass::MissingPermission);
    let reason = failure(FailureClass::MissingPermission);
    assert!(story.effects.contains(&Effect::FailRuns { runs: runs([1, 2]), failure: reason.clone() }));
    assert_eq!(story.started(), Some((Purpose::Destroy, 0)));
    assert_eq!(story.event_kinds(), ["creation_failed"]);
    story.begins();
    story.build_succeeds();
    assert_eq!(story.status(), Status::Terminated);
    assert_eq!(story.cluster.last_error, Some(reason), "a person can still see why");
}

#[test]
fn many_runs_can_fail_with_a_long_reason() {
    let mut story = Story::terminated();
    (1..=1000).for_each(|number| _ = story.acquires(number));
    story.begins();
    let actions: Vec<String> = (0..100).map(|number| format!("ec2:DescribeSomethingOrOther{number}")).collect();
    let failure = Failure {
        policy: Policy::allowing(actions.iter().map(|action| (action.as_str(), None))),
        missing_actions: actions.clone(),
        ..Failure::new(FailureClass::MissingPermission, "x".repeat(1024 * 1024))
    };
    let epoch = story.build().epoch;
    story.accepts(Command::BuildFailed { epoch, failure });
    let stored = serde_json::to_string(&story.cluster).expect("serialises");
    assert!(stored.len() < 400 * 1024, "the store does not take {} bytes", stored.len());
}

#[test]
fn a_failed_update_leaves_the_runs_alone_and_the_old_settings_in_force() {
    for class in [FailureClass::Capacity, FailureClass::Quota, FailureClass::BuildLost] {
        let mut story = Story::active();
        story.acquires(1);
        story.accepts(Command::Update { delta: delta(json!({"max_cpu_node": 7, "keepalive": 700})) });
        assert_eq!(story.started(), Some((Purpose::Update, 0)));
        assert_eq!(story.cluster.settings.max_cpu_node, 7);
        story.begins();
        assert_eq!(story.acquires(2), Reply::Granted { generation: 1 });
        story.build_fails(class);
        assert_eq!(story.cluster.settings, Settings::default());
        assert_eq!(story.cluster.phase, Phase::Active { leases: runs([1, 2]), idle_since: None });
        assert_eq!(story.cluster.last_error, Some(failure(class)));
        assert!(!story.effects.iter().any(|effect| matches!(effect, Effect::FailRuns { .. })));
    }
}

#[test]
fn after_a_failed_update_the_next_one_builds_since_aws_may_have_part_of_the_failed_one() {
    let mut story = Story::updating();
    story.build_fails(FailureClass::Capacity);
    story.accepts(Command::Update { delta: delta(json!({"max_cpu_node": 1})) });
    assert_eq!(story.started(), Some((Purpose::Update, 0)), "{:?}", story.cluster.settings);
    story.begins();
    story.build_succeeds();
    assert_eq!((story.status(), &story.cluster.last_error), (Status::Active, &None));
    story.ignores(Command::Update { delta: delta(json!({"max_cpu_node": 1})) });
}

#[test]
fn nodes_that_a_failed_update_may_have_allowed_are_not_taken_from_runs() {
    let mut story = Story::active();
    story.acquires(1);
    let update = |change| Command::Update { delta: delta(change) };
    for _ in 0..2 {
        story.accepts(update(json!({"max_cpu_node": 7})));
        story.begins();
        story.build_fails(FailureClass::Quota);
    }
    // Runs may be on seven nodes now: a build with the one that is in force again would leave them one.
    assert!(story.refuses(update(json!({"max_gpu_node": 2}))).contains("a lower maximum"));
    story.accepts(update(json!({"keepalive": 700})));
    assert_eq!((story.status(), story.cluster.settings.keepalive), (Status::Active, 700), "for that nothing is built");
    story.accepts(update(json!({"max_cpu_node": 7, "max_gpu_node": 2})));
    assert_eq!(story.acquires(2), Reply::Granted { generation: 1 });
    story.begins();
    story.build_succeeds();
    assert_eq!(story.cluster.failed_settings, []);

    story.accepts(update(json!({"max_cpu_node": 9})));
    story.begins();
    story.build_fails(FailureClass::Quota);
    for run in [1, 2] {
        story.releases(run);
    }
    story.accepts(update(json!({"max_gpu_node": 3})));
    assert_eq!(story.acquires(3), Reply::Waiting, "its node could be one of those above the maximum");
}

#[test]
fn a_successful_update_puts_the_new_settings_in_force() {
    let mut story = Story::updating();
    story.acquires(1);
    story.build_succeeds();
    assert_eq!(story.cluster.settings.max_cpu_node, 2);
    assert_eq!(story.cluster.phase, Phase::Active { leases: runs([1]), idle_since: None });
}

#[test]
fn the_keepalive_changes_without_a_build() {
    let mut story = Story::active();
    story.accepts(Command::Update { delta: delta(json!({"keepalive": 3600})) });
    assert_eq!((story.status(), story.cluster.settings.keepalive), (Status::Active, 3600));
    assert_eq!(story.effects, []);
    assert_eq!(story.event_kinds(), ["updated"]);
    story.later(3599).accepts(Command::KeepaliveTick { live_pods: 0 });
    assert_eq!(story.status(), Status::Active, "the new keepalive counts");
}

#[test]
fn nodes_in_use_are_not_replaced() {
    let mut story = Story::active();
    story.acquires(1);
    let other_type = Command::Update { delta: delta(json!({"cpu_node_type": "m5.xlarge"})) };
    let before = story.cluster.clone();
    let refusal = story.refuses(other_type.clone());
    assert!(refusal.contains(&run(1).to_string()) && refusal.contains("new nodes"), "{refusal}");
    assert_eq!(story.cluster, before);

    story.releases(1);
    story.accepts(other_type);
    story.begins();
    assert_eq!(story.acquires(2), Reply::Waiting, "its pods would end with the old nodes");
    story.build_succeeds();
    assert_eq!(story.cluster.phase, Phase::Active { leases: runs([2]), idle_since: None });
    assert!(story.effects.contains(&Effect::Grant { run: run(2), generation: 1 }));
}

#[test]
fn a_run_that_waits_for_new_nodes_gets_the_old_ones_when_the_update_fails() {
    let mut story = Story::active();
    story.accepts(Command::Update { delta: delta(json!({"gpu_node_type": "g5.xlarge"})) });
    story.acquires(1);
    story.begins();
    story.build_fails(FailureClass::Capacity);
    assert_eq!(story.cluster.phase.leases(), Some(&runs([1])));
    assert!(story.effects.contains(&Effect::Grant { run: run(1), generation: 1 }));
}

#[test]
fn a_refused_update_changes_no_setting() {
    let mut story = Story::active();
    let text = story.refuses(Command::Update { delta: delta(json!({"min_gpu_node": 2, "keepalive": 3600})) });
    assert!(text.contains("min_gpu_node (2) must not be above max_gpu_node (1)"), "{text}");
    assert_eq!(story.cluster.settings, Settings::default());
}

#[test]
fn a_teardown_that_fails_is_tried_again_hourly_in_the_end() {
    let mut story = Story::terminating();
    let mut delays = vec![];
    for _ in 0..10 {
        story.build_fails(FailureClass::Dependency);
        delays.push(story.started().expect("a retry").1);
        assert_eq!(story.status(), Status::Terminating);
        assert_eq!(story.cluster.present_error(), Some(&failure(FailureClass::Dependency)));
        story.begins();
    }
    assert_eq!(delays, [30, 60, 120, 240, 480, 960, 1920, 3600, 3600, 3600]);
    story.build_succeeds();
    assert_eq!(story.status(), Status::Terminated);
}

#[test]
fn a_delete_hastens_a_teardown_that_waits_for_its_next_try() {
    for command in [Command::Delete, Command::ForceDelete] {
        let mut story = Story::terminating();
        story.acquires(1);
        story.build_fails(FailureClass::Dependency);
        let waiting = story.build().epoch;
        story.accepts(command.clone());
        assert_eq!(story.started(), Some((Purpose::Destroy, 0)));
        assert_eq!((story.build().attempt, story.cluster.phase.waiters()), (2, Some(&runs([1]))));
        assert_eq!(story.ignores(Command::BeginBuild { epoch: waiting, live_pods: 0 }), Reply::Superseded);
        story.ignores(command.clone());
        story.build_fails(FailureClass::Dependency);
        story.begins();
        story.ignores(command);
    }
}
