//! Requests that are sent again, since nobody knows what became of them.

use crate::harness::{Answer, Deployment, KEY, flow, refused, text};
use axum::body::Body;
use axum::http::Request;
use serde_json::{Value, json};
use std::time::Duration;

const FLOWS: &str = "/v1/flows";

async fn send(deployment: &Deployment, path: &str, key: &str, body: impl Into<Body>, boundary: Option<&str>) -> Answer {
    let kind = boundary.map_or_else(|| "application/json".to_owned(), |b| format!("multipart/form-data; boundary={b}"));
    let request =
        Request::post(path).header("api-key", KEY).header("idempotency-key", key).header("content-type", kind);
    deployment.raw(request.body(body.into()).expect("a request")).await
}

async fn post(deployment: &Deployment, path: &str, key: &str, body: &Value) -> Answer {
    send(deployment, path, key, body.to_string(), None).await
}

async fn count(deployment: &Deployment, what: &str, path: &str) -> usize {
    deployment.get(path).await.1[what].as_array().map_or(0, Vec::len)
}

#[tokio::test]
async fn a_flow_that_is_published_again_under_its_key_runs_once_and_is_answered_as_before() {
    let (deployment, cluster) = Deployment::registered().await;
    let first = post(&deployment, FLOWS, "\"8e03978e-40d5\"", &flow()).await;
    assert_eq!(first.0, 201, "{}", first.1);
    // Much has changed by the time the client asks again.
    deployment.acquire(&cluster, &text(&first.1, "/run/id")).await;
    deployment.memory.clock.advance(Duration::from_secs(600));
    assert_eq!(post(&deployment, FLOWS, "8e03978e-40d5", &flow()).await, first);
    let runs = format!("{FLOWS}/{}/runs", text(&first.1, "/flow/id"));
    assert_eq!(count(&deployment, "runs", &runs).await, 1);

    // Without a key, or with another one, it is another request.
    for key in ["another", "a third"] {
        assert_ne!(post(&deployment, FLOWS, key, &flow()).await, first);
    }
    let (_, unkeyed) = deployment.post(FLOWS, flow()).await;
    assert_eq!(count(&deployment, "runs", &runs).await, 4, "{unkeyed}");
}

#[tokio::test]
async fn a_trigger_that_is_sent_again_under_its_key_runs_the_flow_once() {
    let (deployment, _) = Deployment::registered().await;
    let mut request = flow();
    request["run"] = json!(false);
    let (_, published) = deployment.post(FLOWS, request).await;
    let runs = format!("{FLOWS}/{}/runs", text(&published, "/flow/id"));
    let first = post(&deployment, &runs, "k", &json!({"parameters": {"limit": 3}})).await;
    assert_eq!(first.0, 202, "{}", first.1);
    assert_eq!(post(&deployment, &runs, "k", &json!({"parameters": {"limit": 3}})).await, first);
    assert_eq!(count(&deployment, "runs", &runs).await, 1);
    let other = post(&deployment, &runs, "k", &json!({"parameters": {"limit": 4}})).await;
    refused(&other, 422, "'k' came with another request at 2026-11-22 12:00:00 UTC; send a key of its own");
    refused(&post(&deployment, FLOWS, "k", &flow()).await, 422, "came with another request");
    assert_eq!(count(&deployment, "runs", &runs).await, 1);
}

#[tokio::test]
async fn a_request_that_was_refused_can_be_mended_under_the_same_key() {
    let (deployment, _) = Deployment::registered().await;
    refused(&post(&deployment, FLOWS, "k", &json!({"name": "shop"})).await, 400, "missing field `operators`");
    assert_eq!(post(&deployment, FLOWS, "k", &flow()).await.0, 201);
    for wrong in ["", " ", &"k".repeat(256)] {
        refused(&post(&deployment, FLOWS, wrong, &flow()).await, 400, "header 'Idempotency-Key' must have 1 to 255");
    }
}

#[tokio::test]
async fn packages_count_and_what_separates_them_does_not() {
    let (deployment, _) = Deployment::registered().await;
    let mut request = flow();
    request["operators"][0] = json!({"name": "load", "package": "load.zip", "inputs": ["limit"]});
    let zip = |text| crate::harness::zipped(&[("load/model.py", text), ("load/python_version.txt", "3.9")]);
    let multipart = |boundary: &str, package: &[u8]| {
        let mut body = vec![];
        for (name, content) in [("flow", request.to_string().as_bytes()), ("load.zip", package)] {
            body.extend(
                format!("--{boundary}\r\ncontent-disposition: form-data; name=\"{name}\"\r\n\r\n").into_bytes(),
            );
            body.extend_from_slice(content);
            body.extend(b"\r\n");
        }
        body.extend(format!("--{boundary}--\r\n").into_bytes());
        body
    };
    let publish = async |boundary: &str, package: &[u8]| {
        send(&deployment, FLOWS, "k", multipart(boundary, package), Some(boundary)).await
    };
    let first = publish("one", &zip("a")).await;
    assert_eq!(first.0, 201, "{}", first.1);
    assert_eq!(publish("two", &zip("a")).await, first);
    refused(&publish("one", &zip("b")).await, 422, "came with another request");
}

#[tokio::test]
async fn the_header_is_described_where_it_is_heard() {
    let deployment = Deployment::new().await;
    let (_, document) = deployment.get("/openapi.json").await;
    let mut heard = vec![];
    for (path, item) in document["paths"].as_object().expect("paths") {
        for (method, operation) in item.as_object().expect("an item") {
            let parameters = operation["parameters"].as_array().into_iter().flatten();
            let described = parameters.filter(|p| p["name"] == "Idempotency-Key" && p["in"] == "header");
            heard.extend(described.map(|parameter| (format!("{method} {path}"), parameter["required"] == json!(true))));
        }
    }
    heard.sort();
    assert_eq!(heard, [("post /v1/flows".to_owned(), false), ("post /v1/flows/{id}/runs".to_owned(), false)]);
}
