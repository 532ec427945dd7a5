//! What is looked after though something else is slow, fails, cannot be read or has died.

use super::*;
use async_trait::async_trait;
use domain::flow::{Artifact, Operator, OperatorKind, ParameterValue, Schedule};
use domain::integration::AccessKey;
use domain::run::Outcome;
use runtime::PortError;
use runtime::flows::Publication;
use runtime::ports::{Eks, EksCluster, Expect, Item, Key, Store, Write};
use tokio::sync::Barrier;

impl Fixture {
    /// Another cluster of the same deployment, which is idle, too.
    async fn another(&self) -> Self {
        let Self { memory, eks, jobs, .. } = self;
        let (world, access) = (memory.world(), memory.access());
        let function = KeepaliveFunction { world, access, eks: eks.clone(), jobs: jobs.clone() };
        let (memory, eks, jobs) = (memory.clone(), eks.clone(), jobs.clone());
        let cluster = ClusterId(Uuid::from_u128(0xcc));
        Self { memory, function, eks, jobs, cluster }.registers("aws2").await.becomes_idle().await
    }

    /// Lets something be stored that cannot be read.
    async fn breaks(&self, partition: &str) {
        let key = Key::new(partition, "x");
        let broken = Write::Put { key, body: "{".to_owned(), expect: Expect::Anything, expires_at: None };
        self.memory.store.commit(vec![broken]).await.expect("stored");
    }
}

#[tokio::test]
async fn a_cluster_is_ended_though_flows_and_runs_cannot_be_read() {
    let fixture = Fixture::idle().await;
    for partition in [runtime::keys::FLOWS, runtime::keys::OPEN_RUNS] {
        fixture.breaks(partition).await;
    }
    fixture.memory.clock.advance(KEEPALIVE);
    assert!(fixture.function.tick(Sender::Rule).await.is_err(), "somebody has to look");
    assert_eq!(fixture.seen().await.status(), Status::Terminating);
}

#[tokio::test]
async fn a_cluster_is_ended_though_another_one_cannot_be_read() {
    let fixture = Fixture::idle().await;
    fixture.breaks(runtime::keys::CLUSTERS).await;
    fixture.memory.clock.advance(KEEPALIVE);
    let error = fixture.function.tick(Sender::Rule).await.expect_err("somebody has to look");
    assert!(matches!(error, Error::Corrupt { .. }), "{error}");
    assert_eq!(fixture.seen().await.status(), Status::Terminating);
}

#[tokio::test]
async fn the_rest_of_a_cluster_is_looked_after_though_one_of_its_runs_cannot_be_read() {
    let fixture = Fixture::registered().await;
    let (unreadable, over) = (RunId(Uuid::from_u128(1)), RunId(Uuid::from_u128(2)));
    for run in [unreadable, over] {
        fixture.does(&Command::Acquire { run }).await;
    }
    let key = Key::new("run", unreadable.to_string());
    let broken = Write::Put { key, body: "{".to_owned(), expect: Expect::Anything, expires_at: None };
    fixture.memory.store.commit(vec![broken]).await.expect("stored");
    let epoch = fixture.seen().await.epoch;
    fixture.does(&Command::BeginBuild { epoch, live_pods: 0 }).await;
    fixture.machine_ends().await;
    fixture.function.tick(Sender::Rule).await.expect_err("somebody has to look");
    let cluster = fixture.seen().await;
    assert_eq!(cluster.phase.runs().collect::<Vec<_>>(), [unreadable], "it may be alive");
    assert_eq!(cluster.phase.build().map(|build| build.attempt), Some(2), "its build is lost");
}

/// EKS of accounts that answer when they have all been asked, and not before.
struct AllAtOnce(Arc<MemoryEks>, Barrier);

#[async_trait]
impl Eks for AllAtOnce {
    async fn describe(&self, key: &AccessKey, region: &str, name: &str) -> runtime::ports::Result<Option<EksCluster>> {
        self.1.wait().await;
        self.0.describe(key, region, name).await
    }
}

#[tokio::test]
async fn no_cluster_waits_for_the_account_of_another_one() {
    let mut fixture = Fixture::idle().await;
    let other = fixture.another().await;
    fixture.function.eks = Arc::new(AllAtOnce(fixture.eks.clone(), Barrier::new(2)));
    fixture.tick_after(KEEPALIVE).await;
    assert_eq!([fixture.seen().await.status(), other.seen().await.status()], [Status::Terminating; 2]);
}

#[tokio::test]
async fn one_that_cannot_be_looked_after_does_not_keep_the_others_waiting() {
    let fixture = Fixture::idle().await;
    fixture.eks.fail(Some(PortErrorKind::Transient));
    let run = fixture.submits(1).await;
    fixture.does(&Command::Acquire { run }).await;
    fixture.memory.machines.end(&run.to_string());
    let other = fixture.submits(2).await;
    fixture.memory.machines.forget(&other.to_string());
    fixture.function.tick(Sender::Rule).await.expect_err("EKS does not answer");
    let started = fixture.memory.machines.log().started;
    assert!(started.contains_key(&("flow-run", other.to_string())), "{started:?}");
}

/// A store that cannot be listed any more once the rule is stopped.
struct AsleepWithTheRule(Memory);

#[async_trait]
impl Store for AsleepWithTheRule {
    async fn get(&self, key: &Key) -> runtime::ports::Result<Option<Item>> {
        self.0.store.get(key).await
    }

    async fn list(&self, partition: &str, prefix: &str) -> runtime::ports::Result<Vec<Item>> {
        if self.0.rule.is_enabled() {
            return self.0.store.list(partition, prefix).await;
        }
        Err(PortError::new(PortErrorKind::Transient, "query", "ProvisionedThroughputExceededException"))
    }

    async fn commit(&self, writes: Vec<Write>) -> runtime::ports::Result<()> {
        self.0.store.commit(writes).await
    }
}

#[tokio::test]
async fn the_rule_does_not_rest_when_the_second_look_fails() {
    let Fixture { mut function, memory, .. } = Fixture::registered().await;
    memory.rule.enable().await.expect("enabled");
    function.world.store = Arc::new(AsleepWithTheRule(memory.clone()));
    assert!(function.tick(Sender::Rule).await.is_err(), "nobody knows whether something is left");
    assert!(memory.rule.is_enabled());
}

#[tokio::test]
async fn a_rule_that_was_stopped_beside_a_living_cluster_is_started_by_the_hourly_sweep() {
    let fixture = Fixture::idle().await;
    let rule = &fixture.memory.rule;
    rule.disable().await.expect("by a tick that died before its second look");
    fixture.tick().await;
    assert!(!rule.is_enabled(), "whoever is sent by the rule need not ask for it");
    fixture.function.tick(Sender::Other).await.expect("a sweep");
    assert!(rule.is_enabled());

    rule.disable().await.expect("stopped again");
    fixture.breaks(runtime::keys::OPEN_RUNS).await;
    fixture.function.tick(Sender::Other).await.expect_err("somebody has to look");
    assert!(rule.is_enabled(), "what cannot be read may be at work");

    let asleep = Fixture::registered().await;
    asleep.function.tick(Sender::Other).await.expect("a sweep");
    assert!(!asleep.memory.rule.is_enabled());
}

/// A flow of one parameter, to publish.
fn publication(name: &str, number: u128, schedule: Schedule, run: Option<RunId>) -> Publication {
    let kind = OperatorKind::Parameter { value: ParameterValue::of_json(&json!(1)) };
    let artifact = domain::ArtifactId(Uuid::from_u128(number));
    let operator = Operator {
        name: "limit".to_owned(),
        description: String::new(),
        kind,
        inputs: vec![],
        outputs: vec![artifact],
        resources: Default::default(),
        limits: Default::default(),
        engine: None,
    };
    let operators = BTreeMap::from([(domain::OperatorId(Uuid::from_u128(number)), operator)]);
    let (id, of) = (DagId(Uuid::from_u128(number)), FlowId(Uuid::from_u128(number)));
    let artifacts = BTreeMap::from([(artifact, Artifact::untyped("limit".to_owned()))]);
    let dag = Dag { id, flow: of, name: name.to_owned(), operators, artifacts, ..flow().1 };
    let (description, packages) = (String::new(), BTreeMap::new());
    Publication { description, dag, packages, schedule: Some(schedule), keep_runs: None, run }
}

#[tokio::test]
async fn what_follows_a_run_is_started_though_the_runs_machine_has_died() {
    let fixture = Fixture::registered().await;
    let world = &fixture.function.world;
    let run = RunId(Uuid::from_u128(1));
    let (first, _) = world.publish(publication("a", 1, Schedule::Manual, Some(run))).await.expect("published");
    let after = Schedule::Cascade { source: first.id };
    let (follower, _) = world.publish(publication("b", 2, after, None)).await.expect("published");
    world.run_command(run, &run::Command::Granted { generation: None, hardware: None }).await.expect("granted");
    let (operator, outcome) = (
        domain::OperatorId(Uuid::from_u128(1)),
        Outcome::Succeeded { outputs: vec![], system_metadata: Default::default() },
    );
    let succeeded = run::Command::Finished { operator, attempt: 1, outcome };
    world.run_command(run, &succeeded).await.expect("finished");
    fixture.memory.machines.end(&run.to_string());

    fixture.tick().await;
    let followed = async || world.runs_of(follower.id).await.expect("readable").len();
    assert_eq!((fixture.run(run).await.status, followed().await), (RunStatus::Succeeded, 1));
    fixture.tick().await;
    assert_eq!(followed().await, 1);
}
