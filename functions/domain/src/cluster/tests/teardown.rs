//! Teardowns: what keeps a cluster alive, what ends it, and what becomes of runs that come meanwhile.

use super::*;

/// Idle for exactly its keepalive, and told so.
fn ended_by_keepalive() -> Story {
    let mut story = Story::active();
    story.later(1200).accepts(Command::KeepaliveTick { live_pods: 0 });
    assert_eq!(story.started(), Some((Purpose::Destroy, 0)));
    story
}

fn begin(story: &Story, live_pods: u32) -> Command {
    Command::BeginBuild { epoch: story.build().epoch, live_pods }
}

#[test]
fn an_idle_time_that_a_wrong_clock_has_written_begins_anew() {
    let mut story = Story::active();
    story.acquires(1);
    let now = story.now;
    story.later(365 * 24 * 3600).releases(1);
    story.now = now;
    assert!(story.cluster.keepalive_is_over(story.now), "the sweeper looks");
    story.accepts(Command::KeepaliveTick { live_pods: 0 });
    assert_eq!(story.cluster.phase, Phase::Active { leases: runs([]), idle_since: Some(now) });
    assert!(!story.cluster.keepalive_is_over(story.now));
}

#[test]
fn an_idle_cluster_ends_when_its_keepalive_is_over_and_not_before() {
    let mut story = Story::active();
    story.later(1199).ignores(Command::KeepaliveTick { live_pods: 0 });
    story.later(1).accepts(Command::KeepaliveTick { live_pods: 0 });
    assert_eq!(story.status(), Status::Terminating);
    assert_eq!(story.event_kinds(), ["teardown_started"]);
}

#[test]
fn a_lease_keeps_a_cluster_alive_however_long_it_lasts_and_the_idle_clock_starts_after_the_last() {
    let mut story = Story::active();
    story.acquires(1);
    story.acquires(2);
    story.later(1_000_000).ignores(Command::KeepaliveTick { live_pods: 0 });
    story.releases(1);
    assert_eq!(story.cluster.ends_at(), None);
    story.later(1_000_000).releases(2);
    assert_eq!(story.event_kinds(), ["idle"]);
    assert_eq!(story.cluster.ends_at(), Some(story.now + SignedDuration::from_secs(1200)));
    story.later(1199).ignores(Command::KeepaliveTick { live_pods: 0 });
    story.acquires(3);
    story.later(10_000).ignores(Command::KeepaliveTick { live_pods: 0 });
}

#[test]
fn a_live_pod_keeps_an_idle_cluster_alive() {
    let mut story = Story::active();
    story.later(5000).accepts(Command::KeepaliveTick { live_pods: 1 });
    assert_eq!(story.status(), Status::Active);
    assert_eq!(story.cluster.ends_at(), Some(story.now + SignedDuration::from_secs(1200)));
}

#[test]
fn a_teardown_that_finds_live_pods_is_called_off() {
    let mut story = ended_by_keepalive();
    let called_off = begin(&story, 2);
    assert_eq!(story.does(&called_off), Ok(Reply::Superseded));
    assert_eq!(story.cluster.phase, Phase::Active { leases: runs([]), idle_since: Some(story.now) });
    assert_eq!(story.event_kinds(), ["teardown_called_off"]);
    assert_eq!(story.cluster.generation, 1);
    assert_eq!(story.ignores(called_off), Reply::Superseded, "its machine asks again");
}

#[test]
fn runs_that_wait_for_the_next_cluster_get_this_one_when_its_teardown_is_called_off() {
    let mut story = ended_by_keepalive();
    assert_eq!(story.acquires(1), Reply::Waiting);
    let called_off = begin(&story, 1);
    assert_eq!(story.does(&called_off), Ok(Reply::Superseded));
    assert_eq!(story.cluster.phase, Phase::Active { leases: runs([1]), idle_since: None });
    assert!(story.effects.contains(&Effect::Grant { run: run(1), generation: 1 }), "{:?}", story.effects);
}

#[test]
fn a_teardown_that_failed_before_it_began_still_heeds_live_pods() {
    let mut story = ended_by_keepalive();
    story.build_fails(FailureClass::Transient);
    let called_off = begin(&story, 1);
    assert_eq!(story.does(&called_off), Ok(Reply::Superseded));
    assert_eq!((story.status(), &story.cluster.last_error), (Status::Active, &None));
}

#[test]
fn a_teardown_that_has_begun_is_carried_through() {
    let mut story = Story::terminating();
    assert_eq!(story.ignores(begin(&story, 3)), Reply::Proceed, "the same build asks again");
    story.build_fails(FailureClass::Dependency);
    let retry = begin(&story, 3);
    assert_eq!(story.does(&retry), Ok(Reply::Proceed), "half a cluster is of no use to a pod");
}

#[test]
fn a_forced_teardown_does_not_look_for_pods() {
    let mut story = Story::active();
    story.accepts(Command::ForceDelete);
    let begun = begin(&story, 3);
    assert_eq!(story.does(&begun), Ok(Reply::Proceed));
}

#[test]
fn forcing_a_teardown_that_has_not_begun_makes_it_a_forced_one() {
    let mut story = ended_by_keepalive();
    story.accepts(Command::ForceDelete);
    let begun = begin(&story, 3);
    assert_eq!(story.does(&begun), Ok(Reply::Proceed));
}

#[test]
fn runs_that_come_during_a_teardown_get_the_next_generation() {
    let mut story = Story::terminating();
    assert_eq!(story.acquires(1), Reply::Waiting);
    assert_eq!(story.acquires(2), Reply::Waiting);
    story.releases(2);
    story.build_succeeds();
    assert_eq!((story.status(), story.cluster.generation), (Status::Creating, 2));
    assert_eq!(story.started(), Some((Purpose::Create, 0)));
    assert_eq!(story.event_kinds(), ["destroyed", "creation_started"]);
    story.begins();
    story.build_succeeds();
    assert_eq!(story.cluster.phase.leases(), Some(&runs([1])));
    assert!(story.effects.contains(&Effect::Grant { run: run(1), generation: 2 }));
}

#[test]
fn a_run_that_gives_up_waiting_for_the_next_generation_leaves_nothing_behind() {
    let mut story = Story::terminating();
    story.acquires(1);
    story.releases(1);
    story.build_succeeds();
    assert_eq!(story.status(), Status::Terminated);
}

#[test]
fn deleting_by_force_fails_the_runs_and_waits_for_the_build_to_stop() {
    for mut story in [Story::creating(), Story::updating()] {
        story.acquires(1);
        let running = story.build().epoch;
        story.accepts(Command::ForceDelete);
        assert!(story.effects.contains(&Effect::StopBuild { epoch: running }), "{:?}", story.effects);
        assert!(story.effects.iter().any(|effect| matches!(
            effect,
            Effect::FailRuns { runs: lost, failure }
                if *lost == runs([1]) && failure.class == FailureClass::Requested && failure.text().contains("by force")
        )));
        assert_eq!(story.started(), None, "never two builds at once");
        assert_eq!(story.ignores(begin(&story, 0)), Reply::Superseded, "the answer to its begin was lost");
        story.ignores(Command::ForceDelete);
        story.build_fails(FailureClass::BuildLost);
        assert_eq!(story.started(), Some((Purpose::Destroy, 0)));
        assert_eq!(story.cluster.generation, 1);
    }
}

#[test]
fn a_build_that_ended_well_before_it_could_be_stopped_is_destroyed_all_the_same() {
    let mut story = Story::creating();
    story.accepts(Command::Delete);
    assert!(story.effects.contains(&Effect::StopBuild { epoch: story.build().epoch }));
    story.acquires(1);
    story.build_succeeds();
    assert_eq!((story.status(), story.started()), (Status::Terminating, Some((Purpose::Destroy, 0))));
    story.begins();
    story.build_succeeds();
    assert_eq!((story.status(), story.cluster.generation), (Status::Creating, 2), "run 1 still waits");
}

#[test]
fn a_build_that_has_not_begun_is_not_waited_for() {
    let mut story = Story::terminated();
    story.acquires(1);
    let abandoned = story.build().epoch;
    story.accepts(Command::ForceDelete);
    assert_eq!((story.status(), story.started()), (Status::Terminated, None), "nothing was made");
    assert!(!story.effects.iter().any(|effect| matches!(effect, Effect::StopBuild { .. })));
    assert_eq!(story.ignores(Command::BeginBuild { epoch: abandoned, live_pods: 0 }), Reply::Superseded);
}

#[test]
fn a_creation_between_two_tries_can_be_cancelled() {
    let mut story = Story::creating();
    story.build_fails(FailureClass::Transient);
    story.accepts(Command::Delete);
    assert_eq!(story.started(), Some((Purpose::Destroy, 0)), "the first try made something");
    let begun = begin(&story, 3);
    assert_eq!(story.does(&begun), Ok(Reply::Proceed), "half a cluster is never called Active");
}
