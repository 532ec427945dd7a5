//! Every field of every request, one at a time, with every value that it should not have.
//!
//! What the API makes of them is told by the tests of each route; here it is what must never happen: a fault of ours, an
//! answer that shows a secret or does not say where to look, or something stored although the request was refused.

use crate::harness::{Deployment, KEY, SECRET, flow, registration, text, zipped};
use crate::sdk::{WORK, graph};
use axum::body::{Body, to_bytes};
use axum::http::Request;
use serde_json::{Value, json};
use tower::ServiceExt;

/// What may stand in the place of any value.
fn values() -> Vec<Value> {
    let deep = (0..60).fold(json!(1), |inner, _| json!([inner]));
    vec![
        Value::Null,
        json!(-1),
        json!(1e300),
        json!(""),
        json!("x".repeat(40_000)),
        json!("é\u{0}\u{202e}\r\u{1f600}"),
        json!("a\nb = c"),
        json!("00000000-0000-4000-8000-000000000000"),
        json!([null]),
        json!({"a": {"b": []}}),
        deep,
    ]
}

/// The pointers to all values in a document, the document itself among them.
fn places(document: &Value, at: String, found: &mut Vec<String>) {
    match document {
        Value::Object(fields) => {
            fields.iter().for_each(|(name, value)| places(value, format!("{at}/{name}"), found));
        }
        Value::Array(values) => {
            values.iter().enumerate().for_each(|(index, value)| places(value, format!("{at}/{index}"), found));
        }
        _ => {}
    }
    found.push(at);
}

/// A request with one value replaced, one field more, or one field less.
fn wrong(document: &Value) -> Vec<(String, Value)> {
    let mut pointers = vec![];
    places(document, String::new(), &mut pointers);
    let mut all = vec![];
    for pointer in pointers {
        for value in values() {
            let mut changed = document.clone();
            *changed.pointer_mut(&pointer).expect("there") = value;
            all.push((pointer.clone(), changed));
        }
        let mut more = document.clone();
        if let Some(fields) = more.pointer_mut(&pointer).and_then(Value::as_object_mut) {
            fields.insert("surplus\u{e9}".to_owned(), json!([SECRET]));
            all.push((format!("{pointer}/surplus\u{e9}"), more));
        }
        if let Some((parent, name)) = pointer.rsplit_once('/') {
            let mut less = document.clone();
            if let Some(fields) = less.pointer_mut(parent).and_then(Value::as_object_mut) {
                fields.remove(name);
                all.push((pointer.clone(), less));
            }
        }
    }
    all
}

/// What is asked of an answer; whether the request was refused.
fn is_refused(about: &str, (status, body): &(u16, Value)) -> bool {
    assert!((200..500).contains(status), "{about}: {status} {body}");
    if *status < 400 {
        return false;
    }
    let error = body["error"].as_str().unwrap_or_default();
    assert!(error.len() > 10 && error.len() < 40_000, "{about}: {error:?}");
    assert!(!error.contains(SECRET), "{about} shows a secret: {error:?}");
    true
}

/// Sends all wrong forms of a request, each to a deployment that is as before.
async fn try_all(document: &Value, send: impl AsyncFn(&Deployment, &Value) -> (u16, Value)) {
    let mut deployment = Deployment::registered().await.0;
    let mut before = deployment.everything();
    let mut refused = 0;
    let all = wrong(document);
    for (pointer, request) in &all {
        let answer = send(&deployment, request).await;
        let about = format!("{pointer} as {:.200}", request.pointer(pointer).unwrap_or(&Value::Null).to_string());
        if is_refused(&about, &answer) {
            refused += 1;
            assert_eq!(deployment.everything(), before, "{about} was refused, but something was stored");
        } else {
            deployment = Deployment::registered().await.0;
            before = deployment.everything();
        }
    }
    assert!(refused * 3 > all.len(), "only {refused} of {} wrong requests are refused", all.len());
}

#[tokio::test]
async fn a_registration() {
    let config = json!({
        "session_token": "t", "k8s": {"keepalive": 700, "cpu_node_type": "t3.xlarge", "max_cpu_node": 2},
        "options": {"capacity_type": "SPOT", "nat": "none", "cpu_node_types": ["t3.xlarge"]},
    });
    let mut request = registration(config);
    request["name"] = json!("other");
    try_all(&request, async |deployment, request| deployment.post("/v1/integrations", request.clone()).await).await;
    for config in [
        json!({"config_file_path": "~/.aws/credentials", "config_file_profile": "default", "region": "eu-west-1"}),
        json!({"role_arn": "arn:aws:iam::123456789012:role/r", "external_id": SECRET, "region": "eu-west-1"}),
    ] {
        let request = json!({"name": "other", "config": config});
        try_all(&request, async |deployment, request| deployment.post("/v1/integrations", request.clone()).await).await;
    }
}

#[tokio::test]
async fn a_flow() {
    let mut request = flow();
    request["description"] = json!("d");
    request["python_version"] = json!("3.11");
    request["schedule"] = json!({"cron": "0 4 * * *"});
    request["keep_runs"] = json!(3);
    for (field, value) in [
        ("description", json!("d")),
        ("kind", json!("check")),
        ("severity", json!("warning")),
        ("entry_point", json!("load")),
        ("requirements", json!(["numpy"])),
        ("resources", json!({"num_cpus": 1, "memory": "1GB", "gpu_resource_name": null, "cuda_version": null})),
        ("timeout", json!(60)),
        ("retries", json!(1)),
    ] {
        request["operators"][0][field] = value;
    }
    try_all(&request, async |deployment, request| deployment.post("/v1/flows", request.clone()).await).await;
}

#[tokio::test]
async fn settings() {
    let request = json!({
        "keepalive": "700", "cpu_node_type": "m5.large", "gpu_node_type": "g5.xlarge",
        "min_cpu_node": 0, "max_cpu_node": "3", "min_gpu_node": 0, "max_gpu_node": 1,
    });
    let at = |verb: &str| format!("/v1/clusters/aws:aqueduct_ondemand_k8s{verb}");
    try_all(&request, async |deployment, request| deployment.post(&at("/plan"), request.clone()).await).await;
    try_all(&request, async |deployment, request| deployment.post(&at("/create"), request.clone()).await).await;
    try_all(&request, async |deployment, request| deployment.patch(&at(""), request.clone()).await).await;
}

#[tokio::test]
async fn the_values_of_a_run() {
    let deployment = Deployment::registered().await.0;
    let mut published = flow();
    published["run"] = json!(false);
    let id = text(&deployment.post("/v1/flows", published).await.1, "/flow/id");
    for (pointer, request) in wrong(&json!({"parameters": {"limit": 10}})) {
        is_refused(&pointer, &deployment.post(&format!("/v1/flows/{id}/runs"), request).await);
    }
    let of_the_sdk = json!({"limit": {"val": "Mw==", "serialization_type": "json"}});
    for (pointer, request) in wrong(&of_the_sdk) {
        let fields = [("parameters", &*request.to_string())];
        is_refused(&pointer, &deployment.form(&format!("/api/workflow/{id}/refresh"), &[], &fields).await);
    }
}

#[tokio::test]
async fn a_graph_of_the_sdk() {
    let request = graph("shop", "THE CLUSTER");
    for path in ["/api/workflow/register", "/api/preview"] {
        try_all(&request, async |deployment, request| {
            let cluster = deployment.world.clusters().await.expect("reads")[0].id.to_string();
            let text = request.to_string().replace("THE CLUSTER", &cluster);
            answer(deployment, multipart(path, &text)).await
        })
        .await;
    }
}

/// A graph with the package of its function.
fn multipart(path: &str, graph: &str) -> Request<Body> {
    let package = zipped(&[("top/model.py", ""), ("top/python_version.txt", "3.10")]);
    let mut body = vec![];
    for (name, content) in [("dag", graph.as_bytes()), (WORK, &package)] {
        body.extend(format!("--B\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n").into_bytes());
        body.extend_from_slice(content);
        body.extend(b"\r\n");
    }
    body.extend(b"--B--\r\n");
    let request = Request::post(path).header("api-key", KEY);
    let request = request.header("content-type", "multipart/form-data; boundary=B");
    request.body(body.into()).expect("a request")
}

/// The answer to a request that is answered with a redirect if all is well.
async fn answer(deployment: &Deployment, request: Request<Body>) -> (u16, Value) {
    let response = deployment.router.clone().oneshot(request).await.expect("an answer");
    let status = response.status().as_u16();
    let body = to_bytes(response.into_body(), usize::MAX).await.expect("a body");
    (status, serde_json::from_slice(&body).unwrap_or_default())
}

#[tokio::test]
async fn a_connection_and_an_edit_of_the_sdk() {
    let config = json!({
        "access_key_id": "AKIAIOSFODNN7EXAMPLE", "secret_access_key": SECRET, "region": "us-east-1",
        "config_file_path": "", "config_file_profile": "", "k8s_serialized": "{\"keepalive\": \"700\"}",
    });
    try_all(&config, async |deployment, config| {
        let request = Request::post("/api/resource/connect").header("api-key", KEY).header("resource-name", "other");
        let request = request.header("resource-service", "AWS").header("resource-config", ascii(&config.to_string()));
        deployment.raw(request.body(Body::empty()).expect("a request")).await
    })
    .await;
    try_all(&json!({"keepalive": "700", "max_cpu_node": 2}), async |deployment, delta| {
        let cluster = deployment.world.clusters().await.expect("reads")[0].id;
        let path = format!("/api/resource/dynamic-engine/{cluster}/edit");
        deployment.form(&path, &[("action", "create")], &[("config_delta", &*delta.to_string())]).await
    })
    .await;
}

/// JSON text as the SDK sends it in a header: other characters are escaped.
fn ascii(text: &str) -> String {
    let mut buffer = [0; 2];
    let mut escaped = |c: char| match c.is_ascii() {
        true => c.to_string(),
        false => c.encode_utf16(&mut buffer).iter().map(|unit| format!("\\u{unit:04x}")).collect(),
    };
    text.chars().map(&mut escaped).collect()
}

#[tokio::test]
async fn bodies_that_are_no_json_or_have_a_field_twice() {
    let deployment = Deployment::registered().await.0;
    for body in [
        "\u{feff}{}",
        "[1,",
        "nul",
        "\"x\"",
        "{\"name\": \"a\", \"name\": \"b\", \"operators\": []}",
        "{\"name\": \"\\ud800\", \"operators\": []}",
        "{\"keep_runs\": 1e999, \"name\": \"a\", \"operators\": []}",
        &"[".repeat(10_000),
        &json!(registration(json!({})).to_string()).to_string(),
    ] {
        for path in ["/v1/flows", "/v1/integrations"] {
            let answer = deployment.send("POST", path, body.to_owned().into()).await;
            assert!(is_refused(&format!("{path} {body:.80}"), &answer));
        }
    }
    let answer = deployment.send("POST", "/v1/flows", vec![0xff, 0xfe].into()).await;
    assert!(is_refused("no UTF-8", &answer));
}
