//! Requests as the SDK sends them, and what it has in mind of the answers.

use crate::harness::{Answer, Deployment, KEY, SECRET, zipped};
use axum::body::Body;
use axum::http::Request;
use serde_json::{Value, json};

/// What older versions and what newer ones call a resource, with an address that makes the server one of them.
pub const FAMILIES: [(&str, &str); 2] = [("integration", "/sdk/0.2.12"), ("resource", "")];

pub const WORK: &str = "3f29ac8e-52ad-4c4e-9f3c-5b1e3a4f5a01";
pub const COUNT: &str = "eb02ac8e-52ad-4c4e-9f3c-5b1e3a4f5a02";
pub const COUNT_VALUE: &str = "269d0000-52ad-4c4e-9f3c-5b1e3a4f5a03";
pub const WORK_VALUE: &str = "9f0e0000-52ad-4c4e-9f3c-5b1e3a4f5a04";

pub fn keys() -> Value {
    json!({
        "access_key_id": "AKIAIOSFODNN7EXAMPLE", "secret_access_key": SECRET, "region": "us-east-1",
        "config_file_path": "", "config_file_profile": "",
    })
}

/// The graph of a parameter `count` and a function `work` of it, as it is published.
pub fn graph(name: &str, cluster: &str) -> Value {
    json!({
        "operators": {
            COUNT: {"id": COUNT, "name": "count", "description": "", "inputs": [], "outputs": [COUNT_VALUE],
                "spec": {"param": {"val": "Mw==", "serialization_type": "json"}}},
            WORK: {"id": WORK, "name": "work", "description": "Works.", "inputs": [COUNT_VALUE], "outputs": [WORK_VALUE],
                "spec": {"function": {"type": "file", "granularity": "table", "language": "Python"},
                    "resources": {"num_cpus": 1, "memory_mb": 512},
                    "engine_config": {"type": "k8s", "k8s_config": {"integration_id": cluster}}}},
        },
        "artifacts": {
            COUNT_VALUE: {"id": COUNT_VALUE, "name": "count", "type": "numeric", "should_persist": true},
            WORK_VALUE: {"id": WORK_VALUE, "name": "work artifact", "type": "untyped", "should_persist": true},
        },
        "metadata": {"name": name, "description": "A flow.",
            "schedule": {"trigger": "manual", "cron_schedule": "", "disable_manual_trigger": false},
            "retention_policy": {"k_latest_runs": -1}},
        "engine_config": {"type": "aqueduct"},
    })
}

impl Deployment {
    /// Connects an account as one family does.
    pub async fn connect(&self, family: &str, base: &str, name: &[u8], service: &str, config: &str) -> (u16, String) {
        let path = format!("{base}/api/{family}/connect");
        let request = Request::post(&path)
            .header("api-key", KEY)
            .header(format!("{family}-name"), name)
            .header(format!("{family}-service"), service)
            .header(format!("{family}-config"), config);
        let (status, _, body) = self.bytes(request.body(path.into()).expect("a request")).await;
        (status, String::from_utf8(body).expect("text"))
    }

    /// Publishes a graph with the package of its function.
    pub async fn register(&self, base: &str, graph: &Value, run_now: Option<&str>) -> Answer {
        let package = zipped(&[("top/model.py", ""), ("top/python_version.txt", "3.10")]);
        let mut body = vec![];
        for (head, content) in [
            ("name=\"dag\"".to_owned(), graph.to_string().as_bytes()),
            (format!("name=\"{WORK}\"; filename=\"{WORK}\""), &package),
        ] {
            body.extend(format!("--B\r\nContent-Disposition: form-data; {head}\r\n\r\n").into_bytes());
            body.extend_from_slice(content);
            body.extend(b"\r\n");
        }
        body.extend(b"--B--\r\n");
        let mut request = Request::post(format!("{base}/api/workflow/register"))
            .header("api-key", KEY)
            .header("content-type", "multipart/form-data; boundary=B");
        if let Some(run_now) = run_now {
            request = request.header("run-now", run_now);
        }
        self.raw(request.body(body.into()).expect("a request")).await
    }

    /// Sends a form with headers.
    pub async fn form(&self, path: &str, headers: &[(&str, &str)], fields: &[(&str, &str)]) -> Answer {
        let mut request =
            Request::post(path).header("api-key", KEY).header("content-type", "application/x-www-form-urlencoded");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let body = serde_urlencoded::to_string(fields).expect("a form");
        self.raw(request.body(body.into()).expect("a request")).await
    }

    /// Asks with headers.
    pub async fn ask(&self, path: &str, headers: &[(&str, &str)]) -> Answer {
        let mut request = Request::get(path).header("api-key", KEY);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.raw(request.body(Body::empty()).expect("a request")).await
    }

    /// Status, content type and body of an answer.
    pub async fn bytes(&self, request: Request<Body>) -> (u16, String, Vec<u8>) {
        use tower::ServiceExt;
        let response = self.router.clone().oneshot(request).await.expect("an answer");
        let status = response.status().as_u16();
        let content_type = response.headers()["content-type"].to_str().expect("text").to_owned();
        let body = axum::body::to_bytes(response.into_body(), usize::MAX).await.expect("a body");
        (status, content_type, body.to_vec())
    }
}
