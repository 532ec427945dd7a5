//! A user's HTTP client.

use reqwest::Method;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// How long a case waits for something to happen before it fails: far more than it takes on a machine that is slow, and
/// busy with other things. Nobody waits for so long unless it does not happen.
const PATIENCE: Duration = Duration::from_secs(1200);

/// The shortest and the longest time between two looks.
const SOONEST: Duration = Duration::from_millis(200);
const LATEST: Duration = Duration::from_millis(1500);

/// An HTTP client with an API key.
pub struct Client {
    http: reqwest::Client,
    api: String,
    key: String,
}

impl Client {
    pub fn new(api: &str, key: &str) -> Self {
        // A connection that was kept may be closed by the other side in the moment in which it is used again.
        let http = reqwest::Client::builder().no_proxy().pool_max_idle_per_host(0).build().expect("a client");
        Self { http, api: api.to_owned(), key: key.to_owned() }
    }

    /// The same client with another key.
    pub fn with_key(&self, key: &str) -> Self {
        Self { http: self.http.clone(), api: self.api.clone(), key: key.to_owned() }
    }

    /// A request's status and JSON.
    pub async fn send(&self, method: Method, path: &str, body: Option<Value>) -> (u16, Value) {
        self.keyed(method, path, None, body).await
    }

    /// The same with an `Idempotency-Key`.
    pub async fn keyed(&self, method: Method, path: &str, key: Option<&str>, body: Option<Value>) -> (u16, Value) {
        let mut request = self.http.request(method, format!("{}{path}", self.api)).header("api-key", &self.key);
        if let Some(key) = key {
            request = request.header("idempotency-key", key);
        }
        if let Some(body) = body {
            request = request.json(&body);
        }
        let response = request.send().await.expect("the API answers");
        let status = response.status().as_u16();
        let text = response.text().await.expect("a whole answer");
        (
            status,
            serde_json::from_str(&text).unwrap_or_else(|_| panic!("{path} answered {status} without JSON: {text}")),
        )
    }

    /// The JSON of a request that is accepted.
    pub async fn ok(&self, method: Method, path: &str, body: Option<Value>) -> Value {
        let (status, answer) = self.send(method.clone(), path, body).await;
        assert!((200..300).contains(&status), "{method} {path} answered {status}: {answer}");
        answer
    }

    pub async fn get(&self, path: &str) -> Value {
        self.ok(Method::GET, path, None).await
    }

    pub async fn post(&self, path: &str, body: Value) -> Value {
        self.ok(Method::POST, path, Some(body)).await
    }

    /// Reads a path until what it shows is as wanted.
    pub async fn wait(&self, path: &str, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        let since = Instant::now();
        let mut last = json!(null);
        while since.elapsed() < PATIENCE {
            let (status, seen) = self.send(Method::GET, path, None).await;
            // A gateway that gives up on a slow machine is no answer yet; it is told if no other comes.
            let unanswered = [502, 503, 504].contains(&status);
            assert!(unanswered || (200..300).contains(&status), "{path} answered {status}: {seen}");
            last = seen;
            if !unanswered && wanted(&last) {
                return last;
            }
            // Every look is work that others wait for: the longer it takes, the less a moment matters.
            tokio::time::sleep((since.elapsed() / 10).clamp(SOONEST, LATEST)).await;
        }
        panic!("{path}: not {what} after {PATIENCE:?}; last seen: {last}");
    }

    /// Reads a run until it is over.
    pub async fn finished(&self, run: &str) -> Value {
        let over =
            |run: &Value| ["succeeded", "failed", "canceled"].contains(&run["status"].as_str().unwrap_or_default());
        self.wait(&format!("/v1/runs/{run}"), "over", over).await
    }

    /// Registers the stack's account under a name; the cluster's id.
    pub async fn register(&self, world: &crate::World, name: &str, keepalive: u64) -> String {
        let config = json!({
            "config_file_path": world.stack.credentials_file, "config_file_profile": world.stack.credentials_profile,
            "k8s": {"keepalive": keepalive},
        });
        let answer = self.post("/v1/integrations", json!({"name": name, "config": config})).await;
        text(&answer["cluster"]["id"])
    }

    /// Publishes a flow and starts it; the run's id.
    pub async fn publish(&self, flow: Value) -> String {
        text(&self.post("/v1/flows", flow).await["run"]["id"])
    }
}

/// A JSON string's text.
pub fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text")).to_owned()
}

/// The operator of a name in a run.
pub fn operator<'a>(run: &'a Value, name: &str) -> &'a Value {
    let operators = run["operators"].as_array().expect("operators");
    operators
        .iter()
        .find(|operator| operator["name"] == name)
        .unwrap_or_else(|| panic!("no operator {name} in {run:#}"))
}

/// A Python of this machine that the runner supports.
pub fn python() -> String {
    let version = |program: &str| {
        let print = "import sys; print('%d.%d' % sys.version_info[:2])";
        let output = std::process::Command::new(program).args(["-c", print]).output().ok()?;
        Some(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    let programs = ["python3", "python3.12", "python3.11", "python3.10", "python3.9", "python3.8"];
    let supported = ["3.8", "3.9", "3.10", "3.11", "3.12"];
    let found = programs.into_iter().filter_map(version).find(|version| supported.contains(&version.as_str()));
    found.expect("a Python between 3.8 and 3.12 on this machine")
}
