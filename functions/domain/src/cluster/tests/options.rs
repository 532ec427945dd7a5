//! Changing what goes beyond the seven settings.

use super::*;
use crate::options::{CapacityType, Nat};

fn options(raw: Value) -> Command {
    Command::Update { delta: delta(json!({ "options": raw })) }
}

#[test]
fn options_of_a_terminated_cluster_are_changed_at_once_and_made_by_the_next_creation() {
    let mut story = Story::terminated();
    story.accepts(options(json!({"capacity_type": "SPOT", "nat": "none"})));
    assert_eq!((story.status(), story.started(), story.event_kinds()), (Status::Terminated, None, vec!["updated"]));
    story.ignores(options(json!({"nat": "none"})));
    let refused =
        story.refuses(Command::Update { delta: delta(json!({"max_cpu_node": 2, "options": {"nat": "single"}})) });
    assert!(refused.contains("Options, without settings, can also be changed"), "{refused}");
    story
        .accepts(Command::Create { delta: delta(json!({"options": {"cpu_node_types": ["m6i.xlarge", "m5.xlarge"]}})) });
    let settings = &story.cluster.settings;
    assert_eq!((settings.options.capacity_type, settings.options.nat), (CapacityType::Spot, Nat::None));
    assert_eq!(settings.cpu_node_type.as_str(), "m6i.xlarge");
}

#[test]
fn options_that_replace_nodes_wait_until_nobody_uses_them() {
    for change in [json!({"capacity_type": "SPOT"}), json!({"cpu_node_types": ["t3.xlarge", "t3a.xlarge"]})] {
        let mut story = Story::active();
        story.acquires(1);
        assert!(story.refuses(options(change.clone())).contains("1 run(s) use the present ones"));
        story.releases(1);
        story.accepts(options(change));
        assert_eq!(story.started(), Some((Purpose::Update, 0)));
        assert_eq!(story.acquires(2), Reply::Waiting, "its nodes are being replaced");
        story.begins();
        story.build_fails(FailureClass::Capacity);
        assert!(story.cluster.settings.options.is_default(), "the old options stay in force");
    }
}

#[test]
fn the_way_out_of_a_living_network_is_not_changed() {
    let mut story = Story::active();
    let refused = story.refuses(options(json!({"nat": "none"})));
    assert!(refused.contains("'nat' can only be changed while it is Terminated; delete it"), "{refused}");
    story.ignores(options(json!({"nat": "single"})));
    for mut story in [Story::creating(), Story::updating(), Story::terminating()] {
        assert!(story.refuses(options(json!({"nat": "none"}))).contains("only an Active cluster can be updated"));
    }
}
