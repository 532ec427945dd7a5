//! What people are told: why a cluster is alive, when it ends, how long a build takes.

use super::*;

#[test]
fn a_view_tells_why_the_cluster_is_alive() {
    let terminated = Story::terminated();
    let mut creating = Story::creating();
    creating.acquires(1);
    let mut used = Story::active();
    used.acquires(1);
    let idle = Story::active();
    let mut ending = Story::terminating();
    ending.acquires(1);
    let ends_at = idle.now + SignedDuration::from_secs(1200);
    let cases = [
        (&terminated, Alive::NotAlive),
        (&creating, Alive::Creating { waiting_runs: vec![run(1)] }),
        (&used, Alive::InUse { runs: vec![run(1)] }),
        (&idle, Alive::KeptAlive { idle_since: idle.now, ends_at }),
        (&ending, Alive::Ending { waiting_runs: vec![run(1)] }),
    ];
    for (story, alive) in cases {
        let view = story.cluster.view(story.now);
        assert_eq!(view.ends_at.is_some(), matches!(alive, Alive::KeptAlive { .. }));
        assert_eq!(view.alive, alive);
    }
}

#[test]
fn a_view_tells_how_long_the_build_has_been_at_it() {
    let mut story = Story::terminated();
    story.acquires(1);
    assert_eq!(story.cluster.view(story.now).build_elapsed_seconds, None, "it has not begun");
    story.begins();
    story.later(61);
    let view = story.cluster.view(story.now);
    assert_eq!((view.build_elapsed_seconds, view.build_estimate_seconds), (Some(61), Some(960)));
    let earlier = story.now - SignedDuration::from_secs(100);
    assert_eq!(story.cluster.view(earlier).build_elapsed_seconds, Some(0), "clocks differ");
}

#[test]
fn estimates_are_the_median_of_the_last_five_builds() {
    let mut history = History::default();
    assert_eq!(history.estimate(Purpose::Create), 960);
    for seconds in [10_000, 10_000, 700, 900, 800, 850, 5000] {
        history.record(Purpose::Create, seconds);
    }
    assert_eq!(history.estimate(Purpose::Create), 850);
    assert_eq!(history.estimate(Purpose::Destroy), 720, "other purposes have their own");
}

#[test]
fn a_build_that_took_its_time_teaches_the_next_estimate() {
    let mut story = Story::creating();
    story.later(500).build_succeeds();
    story.accepts(Command::Delete);
    story.begins();
    story.later(300).build_succeeds();
    assert_eq!(story.cluster.wait_estimate_seconds(story.now), 500);
    assert_eq!(story.cluster.history.estimate(Purpose::Destroy), 300);
}

#[test]
fn a_waiting_run_is_told_how_long_it_may_take() {
    let estimate = |story: &Story| story.cluster.wait_estimate_seconds(story.now);
    let mut creating = Story::creating();
    creating.later(100);
    let mut terminating = Story::terminating();
    terminating.later(100);
    assert_eq!(estimate(&Story::terminated()), 960);
    assert_eq!(estimate(&creating), 860);
    assert_eq!(estimate(&Story::active()), 0);
    assert_eq!(estimate(&Story::updating()), 180, "new nodes");
    assert_eq!(estimate(&terminating), 620 + 960);
    creating.accepts(Command::Delete);
    assert_eq!(estimate(&creating), 720 + 960, "the time of the stopped creation is lost");
}

#[test]
fn an_estimate_has_the_pause_before_the_next_try() {
    let mut story = Story::creating();
    story.later(100).build_fails(FailureClass::Capacity);
    assert_eq!(story.cluster.wait_estimate_seconds(story.now), 30 + 960);
    story.later(20);
    assert_eq!(story.cluster.wait_estimate_seconds(story.now), 10 + 960);
    let mut story = Story::terminating();
    story.build_fails(FailureClass::Credentials);
    let text = story.refuses(Command::Create { delta: delta(json!({})) });
    assert!(text.ends_with("Terminated (in about 72 min)"), "{text}");
}

#[test]
fn a_refusal_tells_the_minutes_that_are_left() {
    let mut story = Story::terminating();
    let text = story.later(300).refuses(Command::Create { delta: delta(json!({})) });
    assert!(text.ends_with("Terminated (in about 7 min)"), "{text}");
    let text = story.later(10_000).refuses(Command::Create { delta: delta(json!({})) });
    assert!(text.ends_with("(in about 1 min)"), "{text}");
}

#[test]
fn a_phase_is_as_old_as_its_first_build() {
    let mut story = Story::creating();
    let since = story.cluster.phase_since;
    story.later(60).build_fails(FailureClass::Transient);
    assert_eq!(story.cluster.phase_since, since);
    story.later(60).build_succeeds();
    assert_eq!(story.cluster.phase_since, story.now);
}

#[test]
fn a_cluster_survives_being_stored_in_any_phase() {
    let mut full = Story::terminated();
    full.acquires(1);
    full.build_fails(FailureClass::Capacity);
    for story in [full, Story::active(), Story::updating(), Story::terminating()] {
        let stored = serde_json::to_string(&story.cluster).expect("serialises");
        assert_eq!(serde_json::from_str::<Cluster>(&stored).expect("deserialises"), story.cluster);
    }
}
