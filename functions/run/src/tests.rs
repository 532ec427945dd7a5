//! The function with all it calls in memory: what runs, pods and people say to it, in every order.

mod cancel;
mod locked_out;
mod losses;
mod objects;
mod reports;
mod unfit;

use crate::advance::RunFunction;
use crate::{cluster_access, job_routes, jobs};
use async_trait::async_trait;
use domain::cluster::{BuildReport, Cluster};
use domain::flow::{Artifact, Code, Dag, Engine, Flow, Limits, Operator, OperatorKind, PythonVersion, Resources};
use domain::integration::{AccessKey, CredentialsInput};
use domain::run::{Command, JobObservation, Observation, OperatorState, Run};
use domain::{ArtifactId, ClusterId, DagId, FlowId, IntegrationId, OperatorId, RunId, Secret, Timestamp};
use runtime::PortError;
use runtime::error::PortErrorKind;
use runtime::job_token::JobClaim;
use runtime::memory::{Memory, MemoryEks, MemoryJobs, registration};
use runtime::ports::{JobSpec, Jobs, KubeAccess, Result, Vault};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use uuid::Uuid;
use wire::step::RunStep;

const CLUSTER: ClusterId = ClusterId(Uuid::from_u128(0xc));
const RUN: RunId = RunId(Uuid::from_u128(0xe));
const FIRST: OperatorId = OperatorId(Uuid::from_u128(1));
const SECOND: OperatorId = OperatorId(Uuid::from_u128(2));

/// Kubernetes, which remembers its orders; while it creates a Job, something may happen.
#[derive(Default)]
struct Kubernetes {
    inner: MemoryJobs,
    specs: Mutex<Vec<JobSpec>>,
    meanwhile: Mutex<Option<domain::run::Command>>,
    world: Mutex<Option<runtime::World>>,
    /// The access key that it does not accept.
    refused: Mutex<Option<String>>,
}

impl Kubernetes {
    fn admit(&self, access: &KubeAccess) -> Result<()> {
        let refused = self.refused.lock().expect("not poisoned").as_deref() == Some(&access.key.access_key_id);
        let error = || PortError::new(PortErrorKind::Denied, "ask Kubernetes", "Unauthorized: Unauthorized");
        if refused { Err(error()) } else { Ok(()) }
    }
}

#[async_trait]
impl Jobs for Kubernetes {
    async fn start(&self, access: &KubeAccess, job: &JobSpec) -> Result<()> {
        self.admit(access)?;
        let happens = self.meanwhile.lock().expect("not poisoned").take();
        let world = self.world.lock().expect("not poisoned").clone();
        if let (Some(command), Some(world)) = (happens, world) {
            world.run_command(job.run, &command).await.expect("accepted");
        }
        self.specs.lock().expect("not poisoned").push(job.clone());
        self.inner.start(access, job).await
    }

    async fn observe(&self, access: &KubeAccess, run: RunId, at: Timestamp) -> Result<Observation> {
        self.admit(access)?;
        self.inner.observe(access, run, at).await
    }

    async fn delete_attempt(&self, access: &KubeAccess, run: RunId, operator: OperatorId, attempt: u32) -> Result<()> {
        self.inner.delete_attempt(access, run, operator, attempt).await
    }

    async fn delete(&self, access: &KubeAccess, run: RunId) -> Result<()> {
        self.admit(access)?;
        self.inner.delete(access, run).await
    }

    async fn live_pods(&self, access: &KubeAccess) -> Result<u32> {
        self.inner.live_pods(access).await
    }

    async fn live_runs(&self, access: &KubeAccess) -> Result<std::collections::BTreeSet<RunId>> {
        self.inner.live_runs(access).await
    }

    async fn apply_addons(&self, access: &KubeAccess) -> Result<()> {
        self.inner.apply_addons(access).await
    }
}

struct Fixture {
    memory: Memory,
    function: RunFunction,
    eks: Arc<MemoryEks>,
    kubernetes: Arc<Kubernetes>,
}

impl Fixture {
    /// A run that was submitted to a cluster that does not exist yet.
    async fn submitted(limits: Limits) -> Self {
        let memory = Memory::new("2026-11-22T12:00:00Z".parse().expect("a moment"));
        let (eks, kubernetes) = (Arc::new(MemoryEks::default()), Arc::new(Kubernetes::default()));
        let (world, access) = (memory.world(), memory.access());
        *kubernetes.world.lock().expect("not poisoned") = Some(memory.world());
        let registration = registration(IntegrationId(Uuid::from_u128(0xa)), CLUSTER, "aws");
        world.register(&access, registration).await.expect("registered");
        memory.vault.put(jobs::TOKEN_KEY, &Secret::new("a key")).await.expect("stored");
        let (flow, dag) = flow(limits);
        let bytes = serde_json::to_vec(&dag).expect("serialises");
        world.objects.put(&runtime::keys::dag(flow.id, dag.id), bytes, "").await.expect("stored");
        world.submit_run(RUN, &flow, &dag, Some(CLUSTER), BTreeMap::new()).await.expect("submitted");
        let function = RunFunction {
            world,
            access,
            eks: eks.clone(),
            jobs: kubernetes.clone(),
            api_url: "https://api".to_owned(),
            known: cluster_access::Known::default(),
        };
        Self { memory, function, eks, kubernetes }
    }

    /// A run whose cluster is Active and whose first operator has its Job.
    async fn granted(limits: Limits) -> Self {
        let fixture = Self::submitted(limits).await;
        fixture.acquires().await;
        fixture.cluster_comes().await;
        fixture.advances().await;
        fixture
    }

    async fn cluster_comes(&self) {
        self.cluster_comes_as(BuildReport::default()).await;
    }

    async fn cluster_comes_as(&self, report: BuildReport) {
        let epoch = self.cluster().await.epoch;
        for command in [
            domain::cluster::Command::BeginBuild { epoch, live_pods: 0 },
            domain::cluster::Command::BuildSucceeded { epoch, report },
        ] {
            self.function.world.cluster_command(CLUSTER, &command).await.expect("accepted");
        }
        self.eks.create(&self.cluster().await.eks_name());
    }

    async fn step(&self, step: RunStep) {
        self.function.step(step).await.expect("a step");
    }

    async fn acquires(&self) {
        self.step(RunStep::Acquire { run_id: RUN, task_token: "acquire".to_owned() }).await;
    }

    async fn advances(&self) {
        self.step(RunStep::Advance { run_id: RUN, task_token: "advance".to_owned() }).await;
    }

    async fn finishes(&self) {
        self.step(RunStep::Finish { run_id: RUN, error: None, cause: None }).await;
    }

    /// A person cancels it; whether that made a difference.
    async fn cancels(&self) -> bool {
        let decision = self.function.world.run_command(RUN, &Command::Cancel).await.expect("accepted");
        !decision.events.is_empty()
    }

    async fn run(&self) -> Run {
        self.function.world.run(RUN).await.expect("a run").value
    }

    async fn state(&self, operator: OperatorId) -> OperatorState {
        self.run().await.operators[&operator].clone()
    }

    async fn cluster(&self) -> Cluster {
        self.function.world.cluster(CLUSTER).await.expect("a cluster").value
    }

    fn later(&self, seconds: u64) {
        self.memory.clock.advance(Duration::from_secs(seconds));
    }

    fn shows(&self, operator: OperatorId, job: JobObservation) {
        self.kubernetes.inner.show(RUN, operator, job);
    }

    /// Status and body of what a pod asks for or reports with the token of an attempt.
    async fn pod_asks(&self, attempt: u32, method: &str, what: &str, body: Value) -> (u64, Value) {
        self.pod_of_asks(FIRST, attempt, method, what, body).await
    }

    async fn pod_of_asks(
        &self,
        operator: OperatorId,
        attempt: u32,
        method: &str,
        what: &str,
        body: Value,
    ) -> (u64, Value) {
        let claim = JobClaim { run: RUN, operator, attempt };
        let token = claim.sign(self.function.token_key().await.expect("a key")).expect("signs");
        let event = json!({
            "requestContext": {"http": {"method": method}}, "rawPath": format!("/v1/jobs/{what}"),
            "headers": {"authorization": format!("Bearer {}", token.expose())}, "body": body.to_string(),
        });
        let answer = job_routes::answer(&self.function, &event).await;
        let body = serde_json::from_str(answer["body"].as_str().expect("a body")).expect("JSON");
        (answer["statusCode"].as_u64().expect("a status"), body)
    }

    async fn begins(&self, attempt: u32, pod: &str) -> (u64, Value) {
        self.pod_asks(attempt, "POST", "started", json!({"attempt": attempt, "pod": pod, "node": "node-1"})).await
    }

    async fn reports(&self, attempt: u32, outcome: Value) -> (u64, Value) {
        let mut body = json!({"attempt": attempt});
        body.as_object_mut().expect("an object").extend(outcome.as_object().expect("an object").clone());
        self.pod_asks(attempt, "POST", "outcome", body).await
    }
}

/// Two functions, the second of which waits for the first. The first has limits.
fn flow(limits: Limits) -> (Flow, Dag) {
    let artifact = |number| ArtifactId(Uuid::from_u128(number));
    let operator = |name: &str, inputs, outputs, limits| Operator {
        name: name.to_owned(),
        description: String::new(),
        kind: OperatorKind::Function {
            code: Code::Source {
                source: format!("def {name}(*inputs): ..."),
                entry_point: name.to_owned(),
                requirements: vec![],
                python: PythonVersion::default(),
            },
        },
        inputs,
        outputs,
        resources: Resources::default(),
        limits,
        engine: None,
    };
    let (id, now) = (FlowId(Uuid::from_u128(0xf)), "2026-11-22T12:00:00Z".parse().expect("a moment"));
    let dag = Dag {
        id: DagId(Uuid::from_u128(0xd)),
        flow: id,
        name: "shop".to_owned(),
        created_at: now,
        engine: Engine::Cluster(CLUSTER),
        operators: BTreeMap::from([
            (FIRST, operator("first", vec![], vec![artifact(11)], limits)),
            (SECOND, operator("second", vec![artifact(11)], vec![artifact(12)], Limits::default())),
        ]),
        artifacts: [11, 12].map(|number| (artifact(number), Artifact::untyped("value".to_owned()))).into(),
    };
    let flow: Flow = serde_json::from_value(json!({
        "id": id, "name": "shop", "description": "", "dag": dag.id, "versions": [dag.id], "created_at": now,
    }))
    .expect("a flow");
    (flow, dag)
}
