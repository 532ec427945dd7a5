//! Creations that nobody needs any more, and updates that would take nodes from running work.

use super::*;

/// Being created because run 1 needs it; its build has begun.
fn created_for_a_run() -> Story {
    let mut story = Story::terminated();
    story.acquires(1);
    story.begins();
    story
}

#[test]
fn a_creation_is_stopped_when_its_last_run_gives_up() {
    let mut story = created_for_a_run();
    story.acquires(2);
    story.releases(1);
    assert_eq!((story.status(), &story.effects[..]), (Status::Creating, &[][..]), "run 2 still waits");
    let running = story.build().epoch;
    story.releases(2);
    assert_eq!(story.status(), Status::Terminating);
    assert_eq!(story.effects, [Effect::StopBuild { epoch: running }]);
    assert_eq!(story.event_kinds(), ["teardown_started"]);
    story.build_fails(FailureClass::BuildLost);
    assert_eq!(story.started(), Some((Purpose::Destroy, 0)));
    story.begins();
    story.build_succeeds();
    assert_eq!((story.status(), story.cluster.present_error()), (Status::Terminated, None));
}

#[test]
fn a_creation_that_has_not_begun_costs_nothing_at_all() {
    let mut story = Story::terminated();
    story.acquires(1);
    let called_off = story.build().epoch;
    story.releases(1);
    assert_eq!((story.status(), &story.effects[..]), (Status::Terminated, &[][..]));
    story.ignores(Command::BeginBuild { epoch: called_off, live_pods: 0 });
    story.acquires(2);
    assert_eq!(story.cluster.generation, 2, "its name was given away");
}

#[test]
fn a_creation_between_two_tries_is_destroyed_when_its_last_run_gives_up() {
    let mut story = created_for_a_run();
    story.build_fails(FailureClass::Capacity);
    story.releases(1);
    assert_eq!(story.started(), Some((Purpose::Destroy, 0)), "the first try made something");
}

#[test]
fn what_a_person_asked_for_is_not_undone_by_a_run_that_gives_up() {
    let mut before = Story::creating();
    before.acquires(1);
    let mut after = created_for_a_run();
    after.accepts(Command::Create { delta: delta(json!({})) });
    assert_eq!(after.event_kinds(), ["requested"]);
    for mut story in [before, after] {
        story.releases(1);
        assert_eq!((story.status(), &story.effects[..]), (Status::Creating, &[][..]));
        story.build_fails(FailureClass::Transient);
        story.acquires(2);
        story.releases(2);
        assert_eq!(story.status(), Status::Creating, "the next try is as wanted as the first");
        story.build_succeeds();
        assert_eq!(story.status(), Status::Active);
    }
}

#[test]
fn a_run_that_comes_while_a_creation_is_being_stopped_gets_the_next_generation() {
    let mut story = created_for_a_run();
    story.releases(1);
    assert_eq!(story.acquires(2), Reply::Waiting);
    story.build_fails(FailureClass::BuildLost);
    story.begins();
    story.build_succeeds();
    assert_eq!((story.status(), story.cluster.generation), (Status::Creating, 2));
    story.releases(2);
    assert_eq!(story.status(), Status::Terminated, "that one was nobody's wish but the run's");
}

#[test]
fn a_creation_of_an_older_form_counts_as_asked_for() {
    let mut stored = serde_json::to_value(&created_for_a_run().cluster).expect("serialises");
    assert_eq!(stored["phase"]["requested"], false);
    stored["phase"].as_object_mut().expect("an object").remove("requested");
    let cluster: Cluster = serde_json::from_value(stored).expect("deserialises");
    assert!(matches!(cluster.phase, Phase::Creating { requested: true, .. }), "{:?}", cluster.phase);
}

#[test]
fn nodes_in_use_are_not_taken_away_by_a_lower_maximum() {
    let mut story = Story::active();
    story.accepts(Command::Update { delta: delta(json!({"max_cpu_node": 3, "max_gpu_node": 3})) });
    story.begins();
    story.build_succeeds();
    story.acquires(1);
    for fewer in [json!({"max_cpu_node": 2}), json!({"max_gpu_node": 2})] {
        let refusal = story.refuses(Command::Update { delta: delta(fewer) });
        assert!(refusal.contains("a lower maximum means fewer") && refusal.contains(&run(1).to_string()), "{refusal}");
    }
    let more = json!({"max_cpu_node": 4, "min_cpu_node": 2, "min_gpu_node": 1});
    story.accepts(Command::Update { delta: delta(more) });
    story.begins();
    story.build_succeeds();
    story.accepts(Command::Update { delta: delta(json!({"min_cpu_node": 1})) });
    story.begins();
    story.build_succeeds();

    story.releases(1);
    story.accepts(Command::Update { delta: delta(json!({"max_cpu_node": 2})) });
    assert_eq!(story.acquires(2), Reply::Waiting, "its pods might be on a node that goes");
}
