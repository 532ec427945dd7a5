//! What is left of generations that should be gone, while the cluster lives on or not.

use super::*;

/// Its second generation is Active; the first was torn down.
fn second() -> Story {
    let mut story = Story::terminating();
    story.acquires(1);
    story.build_succeeds();
    story.begins();
    story.build_succeeds();
    assert_eq!((story.status(), story.cluster.generation), (Status::Active, 2));
    story
}

fn collecting(mut story: Story, generation: u32) -> (Story, u64) {
    story.accepts(Command::CollectLeftover { generation });
    assert_eq!(story.started(), Some((Purpose::Destroy, 0)));
    let epoch = story.cluster.collection.as_ref().expect("a collection").epoch;
    (story, epoch)
}

#[test]
fn a_leftover_of_a_terminated_cluster_is_destroyed() {
    let mut story = Story::terminating();
    story.ignores(Command::CollectLeftover { generation: 1 });
    story.ignores(Command::CollectLeftover { generation: 0 });
    story.build_succeeds();
    story.ignores(Command::CollectLeftover { generation: 2 });
    let (mut story, epoch) = collecting(story, 1);
    assert!(story.effects.contains(&Effect::EnableKeepalive), "who else would notice that this build is lost?");
    story.ignores(Command::CollectLeftover { generation: 1 });
    assert_eq!(story.does(&Command::BeginBuild { epoch, live_pods: 0 }), Ok(Reply::Proceed));
    assert_eq!(story.ignores(Command::BeginBuild { epoch, live_pods: 0 }), Reply::Proceed, "its machine asks again");
    story.accepts(Command::BuildSucceeded { epoch, report: BuildReport::default() });
    assert_eq!((story.status(), &story.cluster.collection), (Status::Terminated, &None));
    assert_eq!(story.effects, [Effect::Receipt { generation: 1, first_epoch: epoch, last_epoch: epoch }]);
    assert_eq!(story.ignores(Command::BeginBuild { epoch, live_pods: 0 }), Reply::Superseded);
}

#[test]
fn a_leftover_is_destroyed_beside_a_living_cluster_and_never_that() {
    let mut story = second();
    for living in [2, 3] {
        story.ignores(Command::CollectLeftover { generation: living });
    }
    let (mut story, epoch) = collecting(story, 1);
    assert_eq!((story.cluster.generation_of(epoch), story.cluster.generation), (1, 2));
    assert_eq!(
        story.does(&Command::BeginBuild { epoch, live_pods: 5 }),
        Ok(Reply::Proceed),
        "pods are not of that one"
    );
    assert_eq!(story.acquires(2), Reply::Granted { generation: 2 });
    story.accepts(Command::Update { delta: delta(json!({"max_cpu_node": 2})) });
    let update = story.build().epoch;
    assert_eq!(story.cluster.builds().collect::<Vec<_>>(), [update, epoch]);
    story.begins();
    story.build_succeeds();
    story.accepts(Command::BuildSucceeded { epoch, report: BuildReport::default() });
    assert_eq!((story.status(), story.event_kinds()), (Status::Active, vec!["leftover_destroyed"]));
}

#[test]
fn the_cluster_comes_and_goes_while_a_leftover_is_destroyed() {
    let (mut story, epoch) = collecting(second(), 1);
    story.releases(1);
    story.accepts(Command::Delete);
    assert_eq!((story.status(), story.cluster.generation_of(story.build().epoch)), (Status::Terminating, 2));
    story.acquires(2);
    story.begins();
    story.build_succeeds();
    assert_eq!((story.status(), story.cluster.generation), (Status::Creating, 3));
    assert_eq!(story.cluster.generation_of(epoch), 1);
    story.ignores(Command::CollectLeftover { generation: 2 });
    story.accepts(Command::BuildSucceeded { epoch, report: BuildReport::default() });
    let (story, _) = collecting(story, 2);
    assert_eq!(story.status(), Status::Creating);
}

#[test]
fn a_failure_harms_nothing_and_is_told() {
    for class in [FailureClass::Dependency, FailureClass::Credentials] {
        let (mut story, epoch) = collecting(second(), 1);
        story.accepts(Command::BuildFailed { epoch, failure: failure(class) });
        assert_eq!((story.status(), story.cluster.present_error(), story.started()), (Status::Active, None, None));
        assert_eq!(story.event_kinds(), ["leftover_stays"]);
        let (story, again) = collecting(story, 1);
        assert!(again > epoch && story.cluster.is_over(1));
    }
}

#[test]
fn a_document_of_before_is_read() {
    let mut stored = serde_json::to_value(&second().cluster).expect("JSON");
    assert_eq!(stored.get("collection"), None);
    stored["phase"]["build"]["leftover"] = json!(1);
    assert_eq!(serde_json::from_value::<Cluster>(stored).expect("readable"), second().cluster);
}
