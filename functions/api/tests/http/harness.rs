//! A deployment in memory with a router in front, and requests to it.

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::Request;
use domain::cluster::{BuildReport, Command};
use domain::settings::Limits;
use domain::{ClusterId, RunId, Timestamp};
use ondemand_eks_api::credentials::InVault;
use ondemand_eks_api::{Api, router};
use runtime::World;
use runtime::memory::{Memory, MemorySurvey};
use serde_json::{Value, json};
use std::io::{Cursor, Write};
use std::sync::Arc;
use std::time::Duration;
use tower::ServiceExt;

pub const KEY: &str = "a-key-of-this-deployment";
pub const SECRET: &str = "wJalrXUtnFEMI-hush";
pub const UNKNOWN: &str = "00000000-0000-4000-8000-000000000000";

/// A status and a JSON body.
pub type Answer = (u16, Value);

pub struct Deployment {
    pub memory: Memory,
    pub world: World,
    pub router: Router,
    pub survey: Arc<MemorySurvey>,
}

impl Deployment {
    /// An empty one.
    pub async fn new() -> Self {
        let now: Timestamp = "2026-11-22T12:00:00Z".parse().expect("a moment");
        let memory = Memory::new(now);
        memory.allow(KEY).await.expect("stores");
        let files = InVault { vault: memory.vault.clone(), prefix: "ondemand-eks/test".to_owned() };
        let (world, access) = (memory.world(), memory.access());
        let survey = Arc::new(MemorySurvey::default());
        let api = Api {
            world: world.clone(),
            access,
            files: Arc::new(files),
            limits: Limits::default(),
            patience: Duration::ZERO,
            survey: survey.clone(),
        };
        Self { memory, world, router: router(api), survey }
    }

    /// One with the integration `aws`, and its cluster's id.
    pub async fn registered() -> (Self, String) {
        let deployment = Self::new().await;
        let (status, body) = deployment.post("/v1/integrations", registration(json!({}))).await;
        assert_eq!(status, 201, "{body}");
        let cluster = text(&body, "/cluster/id");
        (deployment, cluster)
    }

    /// One whose cluster is Active.
    pub async fn active() -> (Self, String) {
        let (deployment, cluster) = Self::registered().await;
        let (status, body) = deployment.post(&format!("/v1/clusters/{cluster}/create"), json!({})).await;
        assert_eq!(status, 202, "{body}");
        deployment.finish_build(&cluster).await;
        (deployment, cluster)
    }

    /// Lets the present build of a cluster begin, as its machine would.
    pub async fn begin(&self, cluster: &str) -> (ClusterId, u64) {
        let id: ClusterId = cluster.parse().expect("an id");
        let epoch = self.world.cluster(id).await.expect("a cluster").value.epoch;
        self.world.cluster_command(id, &Command::BeginBuild { epoch, live_pods: 0 }).await.expect("is accepted");
        (id, epoch)
    }

    /// Lets the present build of a cluster begin and succeed.
    pub async fn finish_build(&self, cluster: &str) {
        let (id, epoch) = self.begin(cluster).await;
        let succeeded = Command::BuildSucceeded { epoch, report: BuildReport::default() };
        self.world.cluster_command(id, &succeeded).await.expect("is accepted");
    }

    /// Lets the present build of a cluster begin and fail.
    pub async fn begin_and_fail(&self, cluster: &str, class: domain::failure::FailureClass) {
        let (id, epoch) = self.begin(cluster).await;
        let failure = domain::Failure::new(class, "it does not work");
        self.world.cluster_command(id, &Command::BuildFailed { epoch, failure }).await.expect("is accepted");
    }

    /// Lets a run ask for its cluster, as its machine would.
    pub async fn acquire(&self, cluster: &str, run: &str) {
        let run: RunId = run.parse().expect("an id");
        let command = Command::Acquire { run };
        self.world.cluster_command(cluster.parse().expect("an id"), &command).await.expect("is accepted");
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.send("GET", path, Body::empty()).await
    }

    pub async fn post(&self, path: &str, body: Value) -> Answer {
        self.send("POST", path, body.to_string().into()).await
    }

    pub async fn patch(&self, path: &str, body: Value) -> Answer {
        self.send("PATCH", path, body.to_string().into()).await
    }

    pub async fn delete(&self, path: &str) -> Answer {
        self.send("DELETE", path, Body::empty()).await
    }

    pub async fn send(&self, method: &str, path: &str, body: Body) -> Answer {
        let request = Request::builder().method(method).uri(path).header("api-key", KEY);
        self.raw(request.body(body).expect("a request")).await
    }

    pub async fn raw(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await.expect("an answer");
        let status = response.status().as_u16();
        assert_eq!(response.headers()["content-type"], "application/json");
        let bytes = to_bytes(response.into_body(), usize::MAX).await.expect("a body");
        (status, serde_json::from_slice(&bytes).expect("JSON"))
    }

    /// Asserts that a request is refused with a status and words, and that nothing was stored.
    pub async fn refuses(&self, method: &str, path: &str, body: Value, status: u16, words: &str) {
        let before = self.everything();
        let answer = self.send(method, path, body.to_string().into()).await;
        refused(&answer, status, words);
        assert_eq!(self.everything(), before, "{method} {path} {body} was refused, but something was stored");
    }

    /// All that is stored and was started.
    pub fn everything(&self) -> String {
        let Memory { store, objects, vault, machines, .. } = &self.memory;
        format!("{:?} {:?} {:?} {:?}", store.all(), objects.all(), vault.all(), machines.log())
    }
}

/// Asserts that an answer is an error with a status and words.
pub fn refused((status, body): &Answer, expected: u16, words: &str) {
    let error = body["error"].as_str().unwrap_or_default();
    assert_eq!(*status, expected, "{body}");
    assert!(error.contains(words), "{error:?} does not say {words:?}");
    assert!(!error.contains(SECRET), "{error:?} shows a secret");
}

/// A registration with access keys, with some fields of `config` set otherwise.
pub fn registration(config: Value) -> Value {
    let mut request = json!({"name": "aws", "service": "AWS", "config": {
        "access_key_id": "AKIAIOSFODNN7EXAMPLE", "secret_access_key": SECRET, "region": "us-east-1",
    }});
    for (field, value) in config.as_object().expect("an object") {
        request["config"][field] = value.clone();
    }
    request
}

/// A flow of two operators on the cluster of `aws`.
pub fn flow() -> Value {
    json!({
        "name": "shop",
        "engine": "aws:aqueduct_ondemand_k8s",
        "parameters": {"limit": 10},
        "operators": [
            {"name": "load", "source": "def load(n): return n", "inputs": ["limit"]},
            {"name": "sum", "source": "def sum(n): return n", "inputs": ["load"], "outputs": ["total"]},
        ],
    })
}

/// A text at a place of a JSON document.
pub fn text(body: &Value, pointer: &str) -> String {
    body.pointer(pointer).and_then(Value::as_str).unwrap_or_else(|| panic!("no {pointer} in {body}")).to_owned()
}

/// A zip of text files.
pub fn zipped(files: &[(&str, &str)]) -> Vec<u8> {
    let mut zip = zip::ZipWriter::new(Cursor::new(vec![]));
    for (name, text) in files {
        zip.start_file(*name, zip::write::SimpleFileOptions::default()).expect("starts");
        zip.write_all(text.as_bytes()).expect("writes");
    }
    zip.finish().expect("finishes").into_inner()
}
