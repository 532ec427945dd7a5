//! What is known of a cluster's nodes, and until when.

use super::*;
use crate::flow::Resources;
use crate::instance_type::InstanceType;

const NO_GPUS: &str = "this cluster has no GPU nodes: g4dn.xlarge is not offered in us-east-1; set gpu_node_type to one \
                       that is, such as g5.xlarge or g6.xlarge";

fn group(name: &'static str) -> NodeGroup {
    NodeGroup { instance_types: vec![InstanceType::known(name)], min: 0, max: 1 }
}

fn groups(gpu: Option<&'static str>) -> Option<NodeGroups> {
    Some(NodeGroups { cpu: group("t3.xlarge"), gpu: gpu.map(group) })
}

/// Whether an operator that needs a GPU is refused, and why.
fn refusal(cluster: &Cluster) -> Option<String> {
    let asks = Resources { gpu: true, ..Resources::default() };
    cluster.hardware().check("train", &asks).err().map(|unfit| unfit.to_string())
}

impl Story {
    fn has_made(&mut self, node_groups: Option<NodeGroups>) {
        let report = BuildReport { node_groups, ..BuildReport::default() };
        self.accepts(Command::BuildSucceeded { epoch: self.build().epoch, report });
    }

    /// Active, where no GPU type of the settings is offered.
    fn without_gpus() -> Self {
        let mut story = Self::creating();
        story.has_made(groups(None));
        story
    }
}

#[test]
fn a_cluster_without_gpu_nodes_says_why_and_refuses_who_needs_one() {
    let mut story = Story::without_gpus();
    assert_eq!(story.event_kinds(), ["created", "no_gpu_nodes"]);
    assert_eq!(story.events[1].message, NO_GPUS);
    assert_eq!(refusal(&story.cluster), Some(format!("operator 'train' asks for a GPU, but {NO_GPUS}")));
    assert_eq!(story.cluster.hardware().check("train", &Resources::default()), Ok(()));
    assert!(story.cluster.notes().contains(&NO_GPUS.to_owned()), "{:?}", story.cluster.notes());

    let types = json!(["g5.xlarge", "g6.xlarge"]);
    story.accepts(Command::Update { delta: delta(json!({"options": {"gpu_node_types": types}})) });
    assert_eq!(story.cluster.notes().last().map(String::as_str), Some(NO_GPUS), "what is asked for is not tried yet");
    story.begins();
    story.has_made(groups(None));
    let told = story.cluster.notes().pop().expect("a note");
    assert!(told.contains("g5.xlarge, g6.xlarge are not offered") && told.ends_with("such as g4dn.xlarge"), "{told}");
}

#[test]
fn nobody_is_refused_for_what_is_not_known() {
    let mut unknown = Story::creating();
    unknown.has_made(None);
    assert_eq!((refusal(&unknown.cluster), unknown.cluster.notes().len()), (None, 1));
    let mut with_gpus = Story::creating();
    with_gpus.has_made(groups(Some("g4dn.xlarge")));
    assert_eq!((refusal(&with_gpus.cluster), with_gpus.event_kinds()), (None, vec!["created"]));
}

#[test]
fn an_update_that_succeeds_replaces_what_was_known() {
    let mut story = Story::without_gpus();
    story.accepts(Command::Update { delta: delta(json!({"gpu_node_type": "g5.xlarge"})) });
    assert_eq!(story.acquires(1), Reply::Waiting, "nobody is granted nodes that are about to be replaced");
    story.begins();
    story.has_made(groups(Some("g5.xlarge")));
    assert_eq!((refusal(&story.cluster), story.event_kinds()), (None, vec!["updated"]));
}

#[test]
fn after_an_update_that_failed_nobody_knows_what_it_has_made() {
    let mut story = Story::without_gpus();
    story.accepts(Command::Update { delta: delta(json!({"gpu_node_type": "g5.xlarge", "max_cpu_node": 2})) });
    story.begins();
    story.build_fails(FailureClass::Quota);
    assert_eq!((story.status(), refusal(&story.cluster)), (Status::Active, None));
}

#[test]
fn the_next_generation_is_another_cluster() {
    let mut story = Story::without_gpus();
    story.accepts(Command::Delete);
    story.begins();
    story.build_succeeds();
    assert_eq!((story.status(), &story.cluster.node_groups), (Status::Terminated, &None));

    let mut story = Story::without_gpus();
    story.accepts(Command::Delete);
    story.begins();
    story.acquires(1);
    story.build_succeeds();
    assert_eq!((story.status(), &story.cluster.node_groups), (Status::Creating, &None));
}

#[test]
fn documents_of_before_are_readable_and_know_nothing() {
    let mut story = Story::without_gpus();
    let stored = serde_json::to_value(&story.cluster).expect("JSON");
    assert_eq!(serde_json::from_value::<Cluster>(stored.clone()).expect("readable"), story.cluster);
    let mut older = stored;
    older.as_object_mut().expect("an object").remove("node_groups").expect("it was there");
    story.cluster.node_groups = None;
    assert_eq!(serde_json::from_value::<Cluster>(older).expect("readable"), story.cluster);
}

#[test]
fn what_is_larger_than_any_node_is_refused_too() {
    let larger = Resources { cpus: Some(64), ..Resources::default() };
    let unfit = Story::active().cluster.hardware().check("train", &larger).expect_err("refused").to_string();
    assert!(unfit.contains("asks for 64 CPUs, but a t3.xlarge node offers at most 3"), "{unfit}");
}
