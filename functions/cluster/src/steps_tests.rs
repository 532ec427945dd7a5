//! The steps with all they call in memory: late, doubled, and beside what people do meanwhile.

use super::*;
use domain::cluster::{Phase, Status};
use domain::failure::FailureClass;
use domain::settings::SettingsDelta;
use domain::{ClusterId, IntegrationId, RunId};
use runtime::memory::{Memory, MemoryEks, MemoryJobs, MemorySurvey, registration};
use runtime::ports::Objects as _;
use uuid::Uuid;

const CLUSTER: ClusterId = ClusterId(Uuid::from_u128(0xc));
const RUN: RunId = RunId(Uuid::from_u128(0xe));

struct Fixture {
    memory: Memory,
    function: ClusterFunction,
    eks: Arc<MemoryEks>,
    jobs: Arc<MemoryJobs>,
    survey: Arc<MemorySurvey>,
}

impl Fixture {
    async fn registered() -> Self {
        let memory = Memory::new("2026-11-22T12:00:00Z".parse().expect("a moment"));
        let (eks, jobs) = (Arc::new(MemoryEks::default()), Arc::new(MemoryJobs::default()));
        let (world, access) = (memory.world(), memory.access());
        let registration = registration(IntegrationId(Uuid::from_u128(0xa)), CLUSTER, "aws");
        world.register(&access, registration).await.expect("registered");
        let survey = Arc::new(MemorySurvey::default());
        let function = ClusterFunction { world, access, eks: eks.clone(), jobs: jobs.clone(), survey: survey.clone() };
        let fixture = Self { memory, function, eks, jobs, survey };
        fixture.does(&Command::Create { delta: SettingsDelta::default() }).await;
        fixture
    }

    /// Its cluster is Active, and nobody uses it.
    async fn idle() -> Self {
        let fixture = Self::registered().await;
        assert!(fixture.begins(1).await.proceed);
        fixture.eks.create(&fixture.seen().await.eks_name());
        fixture.ends(ClusterStepName::Addons, 1).await;
        fixture.ends(ClusterStepName::BuildSucceeded, 1).await;
        fixture
    }

    async fn does(&self, command: &Command) {
        self.function.world.cluster_command(CLUSTER, command).await.expect("accepted");
    }

    async fn seen(&self) -> Cluster {
        self.function.world.cluster(CLUSTER).await.expect("a cluster").value
    }

    /// The step of the execution of an epoch, as its input has it.
    fn step(&self, step: ClusterStepName, epoch: u64) -> ClusterStep {
        let started = self.memory.machines.log().started;
        let name = runtime::clusters::execution_name(CLUSTER, epoch);
        let mut input = started[&("cluster", name)].clone();
        input["step"] = json!("begin");
        ClusterStep { step, ..serde_json::from_value(input).expect("a step") }
    }

    async fn begins(&self, epoch: u64) -> BeginAnswer {
        self.function.begin(&self.step(ClusterStepName::Begin, epoch)).await.expect("answers")
    }

    async fn ends(&self, step: ClusterStepName, epoch: u64) {
        self.function.step(&self.step(step, epoch)).await.expect("taken in");
    }

    async fn fails(&self, epoch: u64, error: &str, cause: &str) {
        let (error, cause) = (Some(error.to_owned()), Some(cause.to_owned()));
        let step = ClusterStep { error, cause, ..self.step(ClusterStepName::BuildFailed, epoch) };
        self.function.step(&step).await.expect("taken in");
    }
}

#[tokio::test]
async fn a_step_that_is_repeated_says_and_does_the_same() {
    let fixture = Fixture::registered().await;
    let first = fixture.begins(1).await;
    assert_eq!(fixture.begins(1).await, first, "its first answer was lost");
    let told = |name: &str| first.environment.iter().find(|variable| variable.name == name).map(|v| v.value.as_str());
    assert_eq!((told("ACTION"), told("EPOCH"), told("GENERATION")), (Some("apply"), Some("1"), Some("1")));
    fixture.eks.create(&fixture.seen().await.eks_name());
    for step in [ClusterStepName::Addons, ClusterStepName::BuildSucceeded] {
        fixture.ends(step, 1).await;
        let seen = fixture.seen().await;
        fixture.ends(step, 1).await;
        assert_eq!(fixture.seen().await, seen, "{step:?} once more");
    }
    assert_eq!(fixture.seen().await.status(), Status::Active);
}

#[tokio::test]
async fn what_is_certain_to_go_wrong_is_told_once_however_often_the_step_is_repeated() {
    let fixture = Fixture::registered().await;
    fixture.survey.withdraw("t3.xlarge");
    for _ in 0..3 {
        fixture.begins(1).await;
        fixture.memory.clock.advance(std::time::Duration::from_secs(5));
    }
    let events = fixture.function.world.events(&CLUSTER.to_string()).await.expect("a history");
    let told: Vec<&str> = events.iter().filter(|e| e.kind == "preflight").map(|e| e.message.as_str()).collect();
    assert!(matches!(told[..], [only] if only.contains("t3.xlarge is not sold in us-east-1")), "{told:?}");
}

#[tokio::test]
async fn the_node_groups_that_were_made_are_kept() {
    let gpus = async |outputs: Option<&str>| {
        let fixture = Fixture::registered().await;
        fixture.begins(1).await;
        if let Some(outputs) = outputs {
            let key = format!("{}/outputs.json", keys::build(CLUSTER, 1));
            fixture.memory.objects.put(&key, outputs.into(), "application/json").await.expect("stored");
        }
        fixture.ends(ClusterStepName::BuildSucceeded, 1).await;
        let cluster = fixture.seen().await;
        assert_eq!(cluster.status(), Status::Active, "whatever is known of its nodes");
        cluster.node_groups.map(|groups| groups.gpu.is_some())
    };
    assert_eq!(gpus(Some(include_str!("../../wire/fixtures/outputs_with_gpus.json"))).await, Some(true));
    assert_eq!(gpus(Some(include_str!("../../wire/fixtures/outputs_without_gpus.json"))).await, Some(false));
    assert_eq!(gpus(Some("{\"node_groups\": {\"value\": ")).await, None, "cut off");
    assert_eq!(gpus(None).await, None);
}

#[tokio::test]
async fn an_execution_whose_epoch_has_passed_changes_nothing() {
    let fixture = Fixture::idle().await;
    let seen = fixture.seen().await;
    assert_eq!(fixture.begins(1).await, BeginAnswer { proceed: false, environment: vec![] });
    fixture.ends(ClusterStepName::Addons, 1).await;
    fixture.ends(ClusterStepName::BuildSucceeded, 1).await;
    fixture.fails(1, "States.TaskFailed", "").await;
    assert_eq!(fixture.seen().await, seen);

    let creation = Fixture::registered().await;
    creation.does(&Command::Delete).await;
    assert!(!creation.begins(1).await.proceed, "it was called off before it began");
    assert_eq!(creation.seen().await.status(), Status::Terminated);
}

#[tokio::test]
async fn a_teardown_looks_once_more_and_is_called_off_if_somebody_is_there() {
    let fixture = Fixture::idle().await;
    fixture.does(&Command::Delete).await;
    let epoch = fixture.seen().await.epoch;
    fixture.does(&Command::Acquire { run: RUN }).await;
    fixture.jobs.live(1);
    assert!(!fixture.begins(epoch).await.proceed);
    let Phase::Active { leases, .. } = fixture.seen().await.phase else { panic!("it lives on") };
    assert!(leases.contains(&RUN), "whoever waited for the next one has this one");
    assert!(!fixture.begins(epoch).await.proceed, "nor does its repetition begin");
}

#[tokio::test]
async fn a_teardown_that_cannot_look_does_not_begin_unless_it_is_forced() {
    let fixture = Fixture::idle().await;
    fixture.does(&Command::Delete).await;
    let epoch = fixture.seen().await.epoch;
    fixture.eks.fail(Some(PortErrorKind::Denied));
    let refused = fixture.function.step(&fixture.step(ClusterStepName::Begin, epoch)).await.expect_err("cannot look");
    assert_eq!(refused.name(), "Fault");
    let words = "describe EKS cluster x-g1 in us-east-1: ExpiredTokenException: the token has expired";
    fixture.fails(epoch, "Fault", &json!({"errorMessage": words}).to_string()).await;
    let cluster = fixture.seen().await;
    let Phase::Terminating { build, stuck: Some(stuck), .. } = &cluster.phase else { panic!("{:?}", cluster.phase) };
    assert_eq!((stuck.parked, stuck.failure.class, build.forced), (true, FailureClass::Credentials, false));

    fixture.does(&Command::ForceDelete).await;
    let epoch = fixture.seen().await.phase.build().expect("a build").epoch;
    let begun = fixture.begins(epoch).await;
    assert!(begun.proceed && begun.environment.iter().any(|variable| variable.value == "destroy"));
}

#[tokio::test]
async fn a_teardown_that_the_cluster_does_not_let_look_says_what_to_do() {
    let fixture = Fixture::idle().await;
    fixture.does(&Command::Delete).await;
    let epoch = fixture.seen().await.epoch;
    fixture.jobs.fail(Some(PortErrorKind::Denied));
    let refused = fixture.function.step(&fixture.step(ClusterStepName::Begin, epoch)).await.expect_err("cannot look");
    fixture.fails(epoch, refused.name(), &json!({"errorMessage": refused.to_string()}).to_string()).await;
    let error = fixture.seen().await.present_error().cloned().expect("an error");
    assert_eq!(error.class, FailureClass::KubernetesUnauthorized);
    assert!(error.message.contains("Unauthorized") && error.remedy.contains("access entry"), "{error:?}");
    assert!(error.remedy.contains("force=true"), "{error:?}");
}

#[tokio::test]
async fn a_teardown_of_what_is_gone_already_begins() {
    let fixture = Fixture::idle().await;
    fixture.does(&Command::Delete).await;
    fixture.eks.remove(&fixture.seen().await.eks_name());
    assert!(fixture.begins(fixture.seen().await.epoch).await.proceed, "the rest of it costs money, too");
}

#[tokio::test]
async fn a_build_that_ran_out_of_patience_is_given_up_before_the_next_one_is_decided_on() {
    let fixture = Fixture::registered().await;
    fixture.begins(1).await;
    fixture.fails(1, "States.Timeout", "").await;
    let cluster = fixture.seen().await;
    assert_eq!((cluster.status(), cluster.phase.build().map(|build| build.attempt)), (Status::Creating, Some(2)));
    assert!(fixture.memory.objects.all().contains(&keys::given_up(CLUSTER, 1)));
}
