//! Operators that no node of the cluster could ever run.

use super::*;
use domain::cluster::{NodeGroup, NodeGroups};
use domain::run::{Cause, OperatorStatus, RunStatus};

/// Both operators of the flow ask for a GPU, or only the second.
async fn submitted(both: bool) -> Fixture {
    let fixture = Fixture::submitted(Limits::default()).await;
    let (flow, mut dag) = flow(Limits::default());
    let asking = dag.operators.iter_mut().filter(|(id, _)| both || **id == SECOND);
    asking.for_each(|(_, operator)| operator.resources.gpu = true);
    let bytes = serde_json::to_vec(&dag).expect("serialises");
    fixture.function.world.objects.put(&runtime::keys::dag(flow.id, dag.id), bytes, "").await.expect("stored");
    fixture.acquires().await;
    fixture
}

fn without_gpus() -> BuildReport {
    let cpu = NodeGroup { instance_types: vec!["t3.xlarge".to_owned().try_into().expect("a type")], min: 1, max: 1 };
    BuildReport { node_groups: Some(NodeGroups { cpu, gpu: None }), ..BuildReport::default() }
}

#[tokio::test]
async fn no_job_is_made_of_what_could_only_wait_in_vain() {
    let fixture = submitted(false).await;
    fixture.cluster_comes_as(without_gpus()).await;
    for _ in 0..2 {
        fixture.advances().await;
        let started = fixture.kubernetes.inner.log().started;
        assert!(started.iter().all(|job| *job == (RUN, FIRST, 1)) && !started.is_empty(), "{started:?}");
        let second = fixture.state(SECOND).await;
        assert_eq!((second.status, second.cause), (OperatorStatus::Failed, Some(Cause::NeverFits)));
    }
    let told = fixture.state(SECOND).await.error.expect("an error").tip;
    assert!(
        told.contains("no GPU nodes: g4dn.xlarge is not offered in") && told.contains("set gpu_node_type"),
        "{told}"
    );
}

#[tokio::test]
async fn a_run_that_had_nothing_in_kubernetes_ends_without_asking_it() {
    let fixture = submitted(true).await;
    fixture.cluster_comes_as(without_gpus()).await;
    fixture.advances().await;
    assert_eq!(fixture.run().await.status, RunStatus::Failed);
    fixture.eks.fail(Some(PortErrorKind::Denied));
    fixture.finishes().await;
    assert_eq!(fixture.kubernetes.inner.log().deleted, []);
    assert_eq!(fixture.cluster().await.phase.runs().count(), 0, "its lease is given back");
    assert!(fixture.function.world.open_runs().await.expect("a list").is_empty());
}

#[tokio::test]
async fn where_nothing_is_known_of_the_nodes_the_scheduler_decides() {
    let fixture = submitted(true).await;
    fixture.cluster_comes().await;
    fixture.advances().await;
    assert_eq!(fixture.kubernetes.inner.log().started, [(RUN, FIRST, 1)]);
}
