use super::*;
use crate::memory::{Memory, registration};
use domain::cluster::{BuildReport, Status};
use domain::inventory::{CLUSTER_TAG, GENERATION_TAG};
use domain::settings::SettingsDelta;
use domain::{IntegrationId, Timestamp};
use serde_json::json;
use uuid::Uuid;

struct Fixture {
    memory: Memory,
    world: World,
    cluster: ClusterId,
}

impl Fixture {
    /// A cluster of generation 1, Active.
    async fn active() -> Self {
        let memory = Memory::new("2026-11-22T12:00:00Z".parse::<Timestamp>().expect("a moment"));
        let world = memory.world();
        let cluster = ClusterId(Uuid::from_u128(0xc));
        let registration = registration(IntegrationId(Uuid::from_u128(0xa)), cluster, "aws");
        world.register(&memory.access(), registration).await.expect("registered");
        let fixture = Self { memory, world, cluster };
        fixture.does(&Command::Create { delta: SettingsDelta::default() }).await;
        fixture.build_succeeds().await;
        fixture
    }

    /// The same, destroyed again: there is a receipt.
    async fn destroyed() -> Self {
        let fixture = Self::active().await;
        fixture.does(&Command::Delete).await;
        fixture.build_succeeds().await;
        fixture
    }

    async fn does(&self, command: &Command) {
        self.world.cluster_command(self.cluster, command).await.expect("accepted");
    }

    async fn build_succeeds(&self) {
        let epoch = self.now().await.epoch;
        self.does(&Command::BeginBuild { epoch, live_pods: 0 }).await;
        self.does(&Command::BuildSucceeded { epoch, report: BuildReport::default() }).await;
    }

    async fn now(&self) -> Cluster {
        self.world.cluster(self.cluster).await.expect("a cluster").value
    }

    async fn hour_later(&self) {
        self.memory.clock.advance(Duration::from_mins(60));
        self.world.audit(self.cluster).await.expect("looked");
    }

    async fn found(&self) -> Found {
        self.world.inventory(self.cluster).await.expect("readable").expect("an inventory").found
    }

    async fn event_kinds(&self) -> Vec<String> {
        let events = self.world.events(&self.cluster.to_string()).await.expect("readable");
        events.into_iter().map(|event| event.kind).collect()
    }

    /// Lets a NAT gateway of a generation exist.
    fn leak(&self, generation: u32) {
        let integration = Uuid::from_u128(0xa).to_string();
        let (cluster, generation) = (self.cluster.to_string(), generation.to_string());
        let tags = [(INTEGRATION_TAG, integration), (CLUSTER_TAG, cluster), (GENERATION_TAG, generation)];
        let tags = tags.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
        let arn = "arn:aws:ec2:us-east-1:1:natgateway/nat-1".to_owned();
        self.memory.tags.set(vec![TaggedResource { arn, tags }]);
    }

    /// Lets Terraform's state of a generation have so many resources.
    async fn state(&self, generation: u32, resources: usize) {
        let state = json!({"resources": vec![json!({"mode": "managed"}); resources]});
        let key = keys::terraform_state(self.cluster, generation);
        self.world.objects.put(&key, state.to_string().into_bytes(), "").await.expect("stored");
    }
}

#[tokio::test]
async fn a_teardown_leaves_a_receipt_of_what_all_its_builds_deleted() {
    let fixture = Fixture::active().await;
    fixture.does(&Command::Delete).await;
    let deleted = |address: &str| {
        let resource = json!({"addr": address, "resource_type": address.split('.').next()});
        let hook = json!({"resource": resource, "action": "delete", "elapsed_seconds": 7});
        json!({"@timestamp": "2026-11-22T12:00:00Z", "type": "apply_complete", "hook": hook}).to_string().into_bytes()
    };
    let first = fixture.now().await.epoch;
    let objects = fixture.world.objects.clone();
    objects.put(&keys::build_events(fixture.cluster, first), deleted("aws_eip.nat"), "").await.expect("stored");
    fixture.does(&Command::BeginBuild { epoch: first, live_pods: 0 }).await;
    let failure = domain::Failure::new(domain::failure::FailureClass::Dependency, "DependencyViolation");
    fixture.does(&Command::BuildFailed { epoch: first, failure }).await;
    assert_eq!(fixture.world.receipts(fixture.cluster).await.expect("readable").len(), 0, "it is not over");
    let second = fixture.now().await.epoch;
    objects.put(&keys::build_events(fixture.cluster, second), deleted("aws_vpc.this"), "").await.expect("stored");
    fixture.build_succeeds().await;

    let receipts = fixture.world.receipts(fixture.cluster).await.expect("readable");
    let [receipt] = &receipts[..] else { panic!("{receipts:?}") };
    assert_eq!((receipt.generation, receipt.deleted.builds, receipt.deleted.resources), (1, 2, 2));
    assert!(receipt.eks_name.ends_with("-g1"), "{}", receipt.eks_name);
    assert_eq!(receipt.inventory.found, Found::Clean { expected: 0 });
    assert!(fixture.now().await.outbox.is_empty());
}

#[tokio::test]
async fn a_receipt_is_written_when_the_tagging_api_answers_again() {
    let fixture = Fixture::active().await;
    fixture.memory.tags.fail(Some(PortErrorKind::Transient));
    fixture.does(&Command::Delete).await;
    fixture.build_succeeds().await;
    assert_eq!(fixture.now().await.outbox.len(), 1, "the receipt is still to be written");
    fixture.memory.tags.fail(None);
    fixture.world.perform_outbox(&fixture.now().await).await;
    assert_eq!(fixture.world.receipts(fixture.cluster).await.expect("readable").len(), 1);
    assert!(fixture.now().await.outbox.is_empty());
}

#[tokio::test]
async fn a_receipt_says_what_the_credentials_do_not_allow() {
    let fixture = Fixture::active().await;
    fixture.memory.tags.fail(Some(PortErrorKind::Denied));
    fixture.does(&Command::Delete).await;
    fixture.build_succeeds().await;
    let Found::Unknown { why, remedy } = fixture.found().await else { panic!("it was looked up") };
    assert!(why.contains("tag:GetResources") && remedy.contains("Allow tag:GetResources"), "{why}: {remedy}");

    fixture.memory.tags.fail(None);
    fixture.hour_later().await;
    let receipts = fixture.world.receipts(fixture.cluster).await.expect("readable");
    assert_eq!(receipts.len(), 1);
    assert_eq!(receipts[0].inventory.found, Found::Clean { expected: 0 }, "the receipt has learned of it");
}

#[tokio::test]
async fn a_leftover_that_a_state_knows_is_destroyed() {
    let fixture = Fixture::destroyed().await;
    fixture.leak(1);
    fixture.state(1, 2).await;
    fixture.memory.clock.advance(Duration::from_mins(10));
    fixture.world.audit(fixture.cluster).await.expect("looked");
    assert_eq!(fixture.found().await, Found::Clean { expected: 0 }, "it is looked for hourly only");

    fixture.hour_later().await;
    let cluster = fixture.now().await;
    assert_eq!((cluster.status(), cluster.collection.map(|c| c.generation)), (Status::Terminated, Some(1)));
    assert!(fixture.memory.rule.is_enabled(), "who else would notice that this build is lost?");
    fixture.memory.tags.set(vec![]);
    fixture.state(1, 0).await;
    fixture.build_succeeds().await;
    assert_eq!(fixture.now().await.status(), Status::Terminated);
    let kinds = fixture.event_kinds().await;
    for kind in ["leftovers_found", "leftover_found", "leftover_destroyed", "leftovers_gone"] {
        assert!(kinds.iter().any(|seen| seen == kind), "no {kind} in {kinds:?}");
    }
}

#[tokio::test]
async fn a_leftover_is_destroyed_beside_a_cluster_that_lives() {
    let fixture = Fixture::destroyed().await;
    fixture.does(&Command::Create { delta: SettingsDelta::default() }).await;
    fixture.build_succeeds().await;
    fixture.leak(1);
    fixture.state(1, 2).await;
    fixture.state(2, 2).await;
    fixture.hour_later().await;
    let cluster = fixture.now().await;
    assert_eq!((cluster.status(), cluster.collection.map(|c| c.generation)), (Status::Active, Some(1)));
    let access = fixture.memory.access();
    let id = cluster.integration;
    let refused = fixture.world.delete_integration(&access, id).await.expect_err("its credentials are needed");
    assert!(refused.to_string().contains("while"), "{refused}");
    fixture.memory.tags.set(vec![]);
    fixture.state(1, 0).await;
    fixture.build_succeeds().await;
    let cluster = fixture.now().await;
    assert_eq!((cluster.status(), cluster.generation, cluster.collection), (Status::Active, 2, None));
    let receipts = fixture.world.receipts(fixture.cluster).await.expect("readable");
    assert_eq!(receipts.iter().map(|receipt| receipt.generation).collect::<Vec<_>>(), [1, 1]);
}

#[tokio::test]
async fn a_leftover_that_no_state_knows_is_told_and_left_alone() {
    let fixture = Fixture::destroyed().await;
    fixture.leak(1);
    fixture.state(1, 0).await;
    fixture.hour_later().await;
    fixture.hour_later().await;
    assert_eq!(fixture.now().await.status(), Status::Terminated);
    let found = fixture.found().await;
    let [leftover] = found.leftovers() else { panic!("{found:?}") };
    assert_eq!((leftover.generation, leftover.has_state), (Some(1), false));
    let told = fixture.event_kinds().await.iter().filter(|kind| *kind == "leftovers_found").count();
    assert_eq!(told, 1, "news is told once");
}

#[tokio::test]
async fn what_is_alive_is_no_leftover() {
    let fixture = Fixture::active().await;
    fixture.leak(1);
    fixture.state(1, 2).await;
    fixture.world.audit(fixture.cluster).await.expect("looked");
    assert_eq!(fixture.found().await, Found::Clean { expected: 1 });
    assert_eq!(fixture.now().await.status(), Status::Active);
}

#[tokio::test]
async fn credentials_stay_while_there_is_something_left_to_destroy_with_them() {
    let fixture = Fixture::destroyed().await;
    fixture.leak(1);
    fixture.state(1, 1).await;
    fixture.hour_later().await;
    let epoch = fixture.now().await.collection.expect("a collection").epoch;
    fixture.does(&Command::BeginBuild { epoch, live_pods: 0 }).await;
    let failure = domain::Failure::new(domain::failure::FailureClass::Dependency, "still in use");
    fixture.does(&Command::BuildFailed { epoch, failure }).await;
    let (access, id) = (fixture.memory.access(), IntegrationId(Uuid::from_u128(0xa)));
    let refused = fixture.world.delete_integration(&access, id).await.expect_err("who would destroy it?");
    assert!(matches!(&refused, Error::Refused(text) if text.contains("resources of generation 1")), "{refused}");

    fixture.state(1, 0).await;
    fixture.world.delete_integration(&access, id).await.expect("what nobody can destroy for them does not bind users");
}
