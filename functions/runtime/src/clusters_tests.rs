use super::*;
use crate::error::{PortError, PortErrorKind};
use crate::memory::Memory;
use crate::ports::{KeepaliveRule, Machines, Result as PortResult};
use async_trait::async_trait;
use domain::IntegrationId;
use domain::cluster::Status;
use domain::settings::{Settings, SettingsDelta};
use std::sync::Arc;
use uuid::Uuid;

const CLUSTER: ClusterId = ClusterId(Uuid::from_u128(0xc));

/// A deployment with a cluster that is Terminated.
async fn deployment() -> (Memory, World) {
    let memory = Memory::new("2026-11-22T12:00:00Z".parse().expect("a moment"));
    let (integration, region) = (IntegrationId(Uuid::nil()), "us-east-1".to_owned());
    let cluster = Cluster::registered(CLUSTER, integration, "aws", region, Settings::default(), memory.world().now());
    let write = records::put(keys::cluster(CLUSTER), &cluster, Expect::Absent).expect("serialises");
    memory.world().store.commit(vec![write]).await.expect("stored");
    let world = memory.world();
    (memory, world)
}

/// EventBridge and Step Functions that take no more calls for the time being.
struct Throttled;

fn throttled<T>(what: &str) -> PortResult<T> {
    Err(PortError::new(PortErrorKind::Transient, what, "ThrottlingException"))
}

#[async_trait]
impl KeepaliveRule for Throttled {
    async fn enable(&self) -> PortResult<()> {
        throttled("enable rule")
    }

    async fn disable(&self) -> PortResult<()> {
        throttled("disable rule")
    }
}

#[async_trait]
impl Machines for Throttled {
    async fn start(&self, _: Machine, name: &str, _: serde_json::Value) -> PortResult<()> {
        throttled(&format!("start {name}"))
    }

    async fn succeed(&self, _: &str, _: serde_json::Value) -> PortResult<()> {
        throttled("succeed")
    }

    async fn fail(&self, _: &str, _: &str, _: &str) -> PortResult<()> {
        throttled("fail")
    }

    async fn execution(&self, _: Machine, _: &str) -> PortResult<crate::ports::Execution> {
        throttled("describe")
    }
}

#[tokio::test]
async fn whoever_wants_a_cluster_comes_again_if_nobody_would_look_after_it() {
    let (memory, world) = deployment().await;
    let run = RunId(Uuid::from_u128(1));
    let create = cluster::Command::Create { delta: SettingsDelta::default() };
    for command in [cluster::Command::Acquire { run }, create] {
        let unattended = World { keepalive_rule: Arc::new(Throttled), ..world.clone() };
        for _ in 0..2 {
            let error = unattended.cluster_command(CLUSTER, &command).await.expect_err("to come again");
            assert!(error.is_transient(), "{error}");
        }
        let cluster = world.cluster(CLUSTER).await.expect("readable").value;
        assert_eq!((cluster.status(), cluster.generation), (Status::Creating, 1), "what was decided stays");
    }
    // Whoever reports an end would be told that it has not been taken in.
    let unattended = World { keepalive_rule: Arc::new(Throttled), ..world.clone() };
    let begin = cluster::Command::BeginBuild { epoch: 1, live_pods: 0 };
    assert_eq!(unattended.cluster_command(CLUSTER, &begin).await.expect("accepted"), Reply::Proceed);

    world.cluster_command(CLUSTER, &cluster::Command::Acquire { run }).await.expect("accepted");
    assert!(memory.rule.is_enabled());
    assert!(world.cluster(CLUSTER).await.expect("readable").value.outbox.is_empty());
}

#[tokio::test]
async fn what_cannot_be_done_now_is_left_to_the_rule() {
    let (memory, world) = deployment().await;
    let throttled = World { machines: Arc::new(Throttled), ..world.clone() };
    let create = cluster::Command::Create { delta: SettingsDelta::default() };
    throttled.cluster_command(CLUSTER, &create).await.expect("accepted");
    assert!(memory.rule.is_enabled());
    let left = world.cluster(CLUSTER).await.expect("readable").value;
    assert!(matches!(left.outbox.values().collect::<Vec<_>>()[..], [Effect::StartMachine { .. }]), "{:?}", left.outbox);
    assert!(world.perform_outbox(&left).await.is_none());
    assert!(memory.machines.log().started.contains_key(&("cluster", execution_name(CLUSTER, left.epoch))));
    assert!(world.cluster(CLUSTER).await.expect("readable").value.outbox.is_empty());
}
