//! Operators that no node of the cluster could ever run.

use super::*;
use crate::IntegrationId;
use crate::cluster::{Cluster, NodeGroup, NodeGroups};
use crate::flow::{Limits, Resources};
use crate::instance_type::InstanceType;
use crate::settings::Settings;

/// It is granted a cluster without GPU nodes.
fn granted() -> Command {
    let (id, integration, now) =
        (ClusterId(Uuid::from_u128(0xc)), IntegrationId(Uuid::from_u128(0xa)), Timestamp::UNIX_EPOCH);
    let region = "eu-south-1".to_owned();
    let mut cluster = Cluster::registered(id, integration, "aws", region, Settings::default(), now);
    let cpu = NodeGroup { instance_types: vec![InstanceType::known("t3.xlarge")], min: 1, max: 1 };
    cluster.node_groups = Some(NodeGroups { cpu, gpu: None });
    Command::Granted { generation: Some(1), hardware: Some(Box::new(cluster.hardware())) }
}

fn needing(text: &str, gpu: &[&str]) -> Dag {
    let mut dag = dag(text);
    for name in gpu {
        let resources = Resources { gpu: true, ..Resources::default() };
        let limits = Limits { retries: Some(3), ..Limits::default() };
        let operator = dag.operator_mut(name);
        (operator.resources, operator.limits) = (resources, limits);
    }
    dag
}

#[test]
fn they_end_as_soon_as_the_cluster_is_there_and_all_else_goes_on() {
    let mut story = Story::submitted(needing("load; train: load; score: train; report: load", &["train"]));
    story.later(60).does(&granted());
    assert_eq!(story.statuses(), "load scheduled, train failed, score canceled, report pending");
    assert_eq!(story.effects(), "start load");
    assert_eq!(story.events, ["cluster_granted", "operator_failed"]);
    let state = story.state("train");
    assert_eq!((state.cause, state.failure_type), (Some(Cause::NeverFits), Some(FailureType::UserFatal)));
    assert_eq!((state.attempt, state.timeline.ended_at), (0, Some(story.now)), "it never had a Job");
    let tip = &state.error.as_ref().expect("an error").tip;
    assert!(
        tip.contains("'train' asks for a GPU") && tip.contains("g4dn.xlarge is not offered in eu-south-1"),
        "{tip}"
    );
    story.succeeded("load").succeeded("report");
    assert_eq!((story.run.status, story.effects().as_str()), (RunStatus::Failed, "wake"));
}

#[test]
fn a_run_of_nothing_else_is_over_at_once() {
    let mut story = Story::submitted(needing("train; score: train", &["train", "score"]));
    story.does(&granted());
    assert_eq!((story.run.status, story.effects().as_str()), (RunStatus::Failed, "wake"));
    assert_eq!(story.statuses(), "train failed, score failed");
    assert!(!story.run.may_leave_pods(), "nobody need ask Kubernetes for pods that were never made");
}

#[test]
fn what_was_computed_before_is_not_needed_again() {
    let mut story = Story::submitted(needing("train; score: train", &["train"]));
    let id = story.dag.id_of("train");
    let state = story.run.operators.get_mut(&id).expect("an operator");
    (state.status, state.timeline.ended_at) = (OperatorStatus::Succeeded, Some(story.now));
    story.does(&granted());
    assert_eq!(
        (story.statuses().as_str(), story.effects().as_str()),
        ("train succeeded, score scheduled", "start score")
    );
}
