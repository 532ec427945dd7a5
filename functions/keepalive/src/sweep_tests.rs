#[path = "sweep_cost_tests.rs"]
mod cost;
#[path = "sweep_each_tests.rs"]
mod each;

use super::*;
use domain::cluster::{BuildReport, Phase};
use domain::flow::{Dag, Engine, Flow};
use domain::run::{Run, RunStatus};
use domain::settings::SettingsDelta;
use domain::{DagId, FlowId, IntegrationId, Timestamp};
use runtime::error::PortErrorKind;
use runtime::memory::{Memory, MemoryEks, MemoryJobs, memory_build, registration};
use runtime::ports::KeepaliveRule;
use std::collections::BTreeMap;
use std::time::Duration;
use uuid::Uuid;

const KEEPALIVE: Duration = Duration::from_mins(20);

struct Fixture {
    memory: Memory,
    function: KeepaliveFunction,
    eks: Arc<MemoryEks>,
    jobs: Arc<MemoryJobs>,
    cluster: ClusterId,
}

impl Fixture {
    async fn registered() -> Self {
        let memory = Memory::new("2026-11-22T12:00:00Z".parse::<Timestamp>().expect("a moment"));
        let (eks, jobs) = (Arc::new(MemoryEks::default()), Arc::new(MemoryJobs::default()));
        let (world, access) = (memory.world(), memory.access());
        let function = KeepaliveFunction { world, access, eks: eks.clone(), jobs: jobs.clone() };
        Self { memory, function, eks, jobs, cluster: ClusterId(Uuid::from_u128(0xc)) }.registers("aws").await
    }

    /// Registers an integration with the cluster that this is about.
    async fn registers(self, name: &str) -> Self {
        let registration = registration(IntegrationId(self.cluster.0), self.cluster, name);
        self.function.world.register(&self.function.access, registration).await.expect("registered");
        self.memory.rule.disable().await.expect("as by the tick after a registration");
        self
    }

    /// Its cluster is Active, and nobody uses it.
    async fn idle() -> Self {
        Self::registered().await.becomes_idle().await
    }

    async fn becomes_idle(self) -> Self {
        self.does(&Command::Create { delta: SettingsDelta::default() }).await;
        self.build_succeeds().await;
        self.eks.create(&self.seen().await.eks_name());
        self
    }

    async fn does(&self, command: &Command) {
        self.function.world.cluster_command(self.cluster, command).await.expect("accepted");
    }

    async fn build_succeeds(&self) {
        let epoch = self.seen().await.epoch;
        self.does(&Command::BeginBuild { epoch, live_pods: 0 }).await;
        self.does(&Command::BuildSucceeded { epoch, report: BuildReport::default() }).await;
    }

    async fn seen(&self) -> Cluster {
        self.function.world.cluster(self.cluster).await.expect("a cluster").value
    }

    async fn tick(&self) {
        self.function.tick(Sender::Rule).await.expect("a sweep");
    }

    async fn tick_after(&self, time: Duration) {
        self.memory.clock.advance(time);
        self.tick().await;
    }

    /// A run that needs the cluster, whose machine has been started.
    async fn submits(&self, number: u128) -> RunId {
        let id = RunId(Uuid::from_u128(number));
        let (flow, dag) = flow();
        let world = &self.function.world;
        let bytes = serde_json::to_vec(&dag).expect("serialises");
        world.objects.put(&runtime::keys::dag(flow.id, dag.id), bytes, "").await.expect("stored");
        world.submit_run(id, &flow, &dag, Some(self.cluster), BTreeMap::new()).await.expect("submitted");
        id
    }

    async fn run(&self, id: RunId) -> Run {
        self.function.world.run(id).await.expect("a run").value
    }

    /// The machine of the present build ends without a word.
    async fn machine_ends(&self) -> u64 {
        let epoch = self.seen().await.phase.build().expect("a build").epoch;
        self.memory.machines.end(&execution_name(self.cluster, epoch));
        epoch
    }
}

/// A flow that has nothing to do.
fn flow() -> (Flow, Dag) {
    let dag = Dag {
        id: DagId(Uuid::from_u128(0xd)),
        flow: FlowId(Uuid::from_u128(0xf)),
        name: "shop".to_owned(),
        created_at: Timestamp::UNIX_EPOCH,
        engine: Engine::BuiltIn,
        operators: BTreeMap::new(),
        artifacts: BTreeMap::new(),
    };
    (Flow::before(&dag), dag)
}

#[tokio::test]
async fn a_cluster_is_ended_when_it_was_idle_for_its_keepalive() {
    let fixture = Fixture::idle().await;
    fixture.tick_after(KEEPALIVE - Duration::from_secs(1)).await;
    assert_eq!(fixture.seen().await.status(), Status::Active);
    fixture.tick_after(Duration::from_secs(1)).await;
    assert_eq!(fixture.seen().await.status(), Status::Terminating);
    assert!(fixture.memory.rule.is_enabled(), "it is not over yet");
}

#[tokio::test]
async fn a_pod_that_is_alive_keeps_an_idle_cluster() {
    let fixture = Fixture::idle().await;
    fixture.jobs.live(1);
    fixture.tick_after(KEEPALIVE * 2).await;
    let cluster = fixture.seen().await;
    assert_eq!((cluster.status(), cluster.ends_at()), (Status::Active, Some(fixture.function.world.now() + KEEPALIVE)));
}

#[tokio::test]
async fn a_cluster_whose_credentials_are_not_valid_any_more_is_not_kept_in_silence() {
    let fixture = Fixture::idle().await;
    fixture.eks.fail(Some(PortErrorKind::Denied));
    fixture.tick_after(KEEPALIVE).await;
    assert_eq!(fixture.seen().await.status(), Status::Terminating, "its teardown tells what is wrong");
    let fixture = Fixture::idle().await;
    fixture.jobs.fail(Some(PortErrorKind::Denied));
    fixture.tick_after(KEEPALIVE).await;
    assert_eq!(
        fixture.seen().await.status(),
        Status::Terminating,
        "though EKS lets us in, and only the cluster does not"
    );
    let fixture = Fixture::idle().await;
    fixture.eks.fail(Some(PortErrorKind::Transient));
    fixture.memory.clock.advance(KEEPALIVE);
    fixture.function.tick(Sender::Rule).await.expect_err("this may pass");
    assert_eq!(fixture.seen().await.status(), Status::Active);
}

#[tokio::test]
async fn the_rule_rests_when_nothing_is_left_to_look_after() {
    let fixture = Fixture::idle().await;
    fixture.tick_after(KEEPALIVE).await;
    fixture.build_succeeds().await;
    fixture.tick().await;
    assert!(!fixture.memory.rule.is_enabled());

    let run = fixture.submits(1).await;
    fixture.memory.rule.enable().await.expect("enabled");
    fixture.tick().await;
    assert!(fixture.memory.rule.is_enabled(), "run {run} is open");
}

#[tokio::test]
async fn effects_that_a_crash_left_are_performed() {
    let fixture = Fixture::registered().await;
    let mut crippled = fixture.function.world.clone();
    crippled.builds = None;
    fixture.does(&Command::Create { delta: SettingsDelta::default() }).await;
    let epoch = fixture.seen().await.epoch;
    fixture.does(&Command::BeginBuild { epoch, live_pods: 0 }).await;
    crippled.cluster_command(fixture.cluster, &Command::Delete).await.expect("accepted");
    assert!(fixture.memory.builds.stopped().is_empty() && !fixture.seen().await.outbox.is_empty());
    fixture.tick().await;
    assert!(fixture.memory.builds.stopped().contains(&(fixture.cluster, epoch)));
    assert!(fixture.seen().await.outbox.is_empty());
}

#[tokio::test]
async fn a_build_whose_machine_is_gone_is_stopped_and_tried_again() {
    let fixture = Fixture::registered().await;
    fixture.does(&Command::Create { delta: SettingsDelta::default() }).await;
    let lost = fixture.machine_ends().await;
    fixture.tick().await;
    assert_eq!(fixture.memory.builds.stopped(), [(fixture.cluster, lost)], "it may go on without its machine");
    let told = runtime::keys::given_up(fixture.cluster, lost);
    assert!(fixture.memory.objects.all().contains(&told), "and if it begins later, it is told");
    let cluster = fixture.seen().await;
    let build = cluster.phase.build().expect("a build");
    assert_eq!((cluster.status(), build.attempt), (Status::Creating, 2));
    assert_eq!(cluster.last_error.map(|error| error.class), Some(FailureClass::BuildLost));
    fixture.tick().await;
    assert_eq!(fixture.memory.builds.stopped().len(), 1, "the new one runs");
}

#[tokio::test]
async fn a_build_that_is_at_work_without_its_machine_is_lost_when_it_has_come_to_its_end() {
    let fixture = Fixture::idle().await;
    let delta =
        SettingsDelta::parse(json!({"cpu_node_type": "m5.xlarge"}).as_object().expect("an object"), Default::default());
    fixture.does(&Command::Update { delta: delta.expect("acceptable") }).await;
    let epoch = fixture.machine_ends().await;
    fixture.does(&Command::BeginBuild { epoch, live_pods: 0 }).await;
    let build = memory_build(fixture.cluster, epoch);
    fixture.memory.builds.set(&build, BuildState::Running);
    fixture.tick().await;
    assert_eq!(fixture.memory.builds.stopped(), [(fixture.cluster, epoch)]);
    assert_eq!(fixture.seen().await.status(), Status::Updating, "it may be taking nodes away: no run may come on them");
    fixture.memory.builds.set(&build, BuildState::Over);
    fixture.tick().await;
    let cluster = fixture.seen().await;
    assert_eq!((cluster.status(), &cluster.settings), (Status::Active, &Default::default()));
}

#[tokio::test]
async fn a_build_whose_machine_nobody_knows_is_started_unless_it_has_begun() {
    let fixture = Fixture::registered().await;
    fixture.does(&Command::Create { delta: SettingsDelta::default() }).await;
    let machines = &fixture.memory.machines;
    let epoch = fixture.seen().await.epoch;
    let started = machines.log().started.clone();
    machines.forget(&execution_name(fixture.cluster, epoch));
    fixture.tick().await;
    assert_eq!(fixture.memory.builds.stopped(), [(fixture.cluster, epoch)], "it may have got as far as a build");
    assert_eq!(machines.log().started, started, "as it was started before");
    assert_eq!(fixture.seen().await.epoch, epoch);

    // One that has begun is lost: it may have reported what the next one needs to go on with.
    fixture.does(&Command::BeginBuild { epoch, live_pods: 0 }).await;
    machines.forget(&execution_name(fixture.cluster, epoch));
    fixture.tick().await;
    let cluster = fixture.seen().await;
    assert_eq!((cluster.epoch, cluster.phase.build().expect("a build").attempt), (epoch + 1, 2));
    assert_eq!(cluster.last_error.map(|error| error.class), Some(FailureClass::BuildLost));
}

#[tokio::test]
async fn a_build_that_is_to_stop_is_told_so_again() {
    let fixture = Fixture::registered().await;
    fixture.does(&Command::Create { delta: SettingsDelta::default() }).await;
    let epoch = fixture.seen().await.epoch;
    fixture.does(&Command::BeginBuild { epoch, live_pods: 0 }).await;
    fixture.does(&Command::Delete).await;
    assert_eq!(fixture.memory.builds.stopped(), [(fixture.cluster, epoch)]);
    fixture.tick().await;
    assert_eq!(fixture.memory.builds.stopped().len(), 2, "CodeBuild may not have had it the first time");
}

#[tokio::test]
async fn a_canceled_run_gives_back_what_it_had_even_if_its_machine_is_gone() {
    let fixture = Fixture::idle().await;
    let run = fixture.submits(1).await;
    fixture.does(&Command::Acquire { run }).await;
    fixture.memory.machines.end(&run.to_string());
    fixture.tick().await;
    assert_eq!(fixture.run(run).await.status, RunStatus::Failed);
    assert_eq!(fixture.jobs.log().deleted, [run], "its pods would go on");
    assert!(matches!(fixture.seen().await.phase, Phase::Active { idle_since: Some(_), .. }));
    assert_eq!(fixture.function.world.open_runs().await.expect("readable"), []);
}

#[tokio::test]
async fn what_a_run_leaves_behind_a_closed_door_goes_as_soon_as_it_opens() {
    let fixture = Fixture::idle().await;
    let run = fixture.submits(1).await;
    fixture.does(&Command::Acquire { run }).await;
    let world = &fixture.function.world;
    let generation = Some(fixture.seen().await.generation);
    world.run_command(run, &run::Command::Granted { generation, hardware: None }).await.expect("granted");
    world.run_command(run, &run::Command::Cancel).await.expect("canceled");
    fixture.memory.machines.end(&run.to_string());

    fixture.eks.fail(Some(PortErrorKind::Denied));
    fixture.tick().await;
    assert!(matches!(fixture.seen().await.phase, Phase::Active { idle_since: Some(_), .. }), "it needs no lease");
    assert!(fixture.jobs.log().deleted.is_empty());
    fixture.eks.fail(None);
    fixture.tick().await;
    assert_eq!((fixture.jobs.log().deleted, world.open_runs().await.expect("readable")), (vec![run], vec![]));
}

#[tokio::test]
async fn pods_that_outlived_their_run_do_not_keep_the_cluster_alive() {
    let fixture = Fixture::idle().await;
    let (over, open, unknown) = (fixture.submits(1).await, fixture.submits(2).await, RunId(Uuid::from_u128(3)));
    fixture.function.world.run_command(over, &run::Command::Cancel).await.expect("canceled");
    for run in [over, open, unknown] {
        fixture.jobs.leave(run);
    }
    fixture.tick_after(KEEPALIVE).await;
    assert_eq!(fixture.jobs.log().deleted, [over, unknown]);
    assert_eq!(fixture.seen().await.status(), Status::Active, "a pod is alive");
    fixture.function.world.run_command(open, &run::Command::Cancel).await.expect("canceled");
    fixture.tick_after(KEEPALIVE).await;
    assert_eq!(fixture.seen().await.status(), Status::Active, "it was alive a moment ago");
    fixture.tick_after(KEEPALIVE).await;
    assert_eq!(fixture.seen().await.status(), Status::Terminating);
}

#[tokio::test]
async fn the_last_waiting_run_takes_the_creation_with_it() {
    let fixture = Fixture::registered().await;
    let run = fixture.submits(1).await;
    fixture.does(&Command::Acquire { run }).await;
    let epoch = fixture.seen().await.epoch;
    fixture.does(&Command::BeginBuild { epoch, live_pods: 0 }).await;
    fixture.function.world.run_command(run, &run::Command::Cancel).await.expect("canceled");
    fixture.tick().await;
    assert_eq!(fixture.seen().await.status(), Status::Terminating);
    assert_eq!(fixture.memory.builds.stopped(), [(fixture.cluster, epoch)]);
}

#[tokio::test]
async fn a_run_whose_machine_never_started_is_started() {
    let fixture = Fixture::idle().await;
    let world = &fixture.function.world;
    let run = fixture.submits(1).await;
    let before = fixture.memory.machines.log().started.len();
    fixture.memory.machines.forget(&run.to_string());
    assert_eq!(fixture.memory.machines.log().started.len(), before - 1);
    fixture.tick().await;
    assert_eq!(fixture.memory.machines.log().started.len(), before);
    assert_eq!(world.open_runs().await.expect("readable"), [run]);
}

#[tokio::test]
async fn accounts_are_looked_into_hourly() {
    let fixture = Fixture::idle().await;
    let checked_at = async || {
        let inventory = fixture.function.world.inventory(fixture.cluster).await.expect("readable");
        inventory.expect("an inventory").checked_at
    };
    fixture.tick().await;
    let first = checked_at().await;
    fixture.jobs.live(1);
    fixture.tick_after(Duration::from_mins(30)).await;
    assert_eq!(checked_at().await, first);
    fixture.tick_after(Duration::from_mins(30)).await;
    assert_eq!(checked_at().await, first + Duration::from_mins(60));
}

#[tokio::test]
async fn a_build_that_collects_leftovers_is_looked_after_like_any_other() {
    let fixture = Fixture::idle().await;
    fixture.does(&Command::Delete).await;
    fixture.build_succeeds().await;
    fixture.does(&Command::CollectLeftover { generation: 1 }).await;
    let epoch = fixture.seen().await.collection.expect("a collection").epoch;
    fixture.tick().await;
    assert!(fixture.memory.rule.is_enabled(), "it is not over yet");
    assert!(fixture.seen().await.collection.is_some(), "it runs");
    fixture.memory.machines.end(&execution_name(fixture.cluster, epoch));
    fixture.tick().await;
    let cluster = fixture.seen().await;
    assert_eq!((&cluster.collection, cluster.status()), (&None, Status::Terminated));
    fixture.tick().await;
    assert!(!fixture.memory.rule.is_enabled());
}
