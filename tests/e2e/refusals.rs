//! What cannot be accepted is refused with a sentence that says what to change, and changes nothing.

use crate::World;
use crate::client::text;
use reqwest::Method;
use serde_json::{Value, json};
use std::sync::Arc;

/// Requests in front of the real gateway, with their status and a word of the answer. The handlers' own tests have
/// every single refusal; these show that they come through.
pub async fn change_nothing(world: Arc<World>) {
    let client = &world.client;
    let file = &world.stack.credentials_file;
    let register = |name: &str, config: Value| json!({"name": name, "config": config});
    let credentials = |k8s: Value| json!({"config_file_path": file, "config_file_profile": "default", "k8s": k8s});
    let post = Method::POST;
    let refused = [
        (
            &post,
            "/v1/integrations",
            register("refused", credentials(json!({"max_nodes": 3}))),
            400,
            "unknown setting 'max_nodes'",
        ),
        (
            &post,
            "/v1/integrations",
            register("refused", credentials(json!({"keepalive": 0}))),
            400,
            "'keepalive' must be between",
        ),
        (
            &post,
            "/v1/integrations",
            register("refused", credentials(json!({"min_cpu_node": 4}))),
            400,
            "min_cpu_node (4)",
        ),
        (
            &post,
            "/v1/integrations",
            register("refused", credentials(json!({"gpu_node_type": "p2.xlarge"}))),
            400,
            "g4dn.xlarge",
        ),
        (&post, "/v1/integrations", register("refused", json!({})), 400, "exactly one of"),
        (&post, "/v1/integrations", register("Aqueduct", credentials(json!({}))), 400, "built-in engine"),
        (
            &post,
            "/v1/integrations",
            register("refused", json!({"config_file_path": "/nowhere/credentials", "config_file_profile": "default"})),
            400,
            "/nowhere/credentials",
        ),
        (
            &post,
            "/v1/integrations",
            register("refused", json!({"config_file_path": file, "config_file_profile": "nobody"})),
            400,
            "no profile 'nobody'",
        ),
        (
            &post,
            "/v1/integrations",
            register(
                "refused",
                json!({"access_key_id": "AKIA0000000000000000", "secret_access_key": "of-nobody", "region": "us-east-1"}),
            ),
            400,
            "AWS does not accept these credentials",
        ),
        (&post, "/v1/flows", json!({"name": "empty", "operators": []}), 400, "at least one operator"),
        (
            &post,
            "/v1/flows",
            json!({"name": "lost", "engine": "nowhere", "operators": [{"name": "f", "source": "def f(): pass"}]}),
            400,
            "nowhere",
        ),
        (&Method::GET, "/v1/runs/1f1e0abd-8606-44de-a946-363d97fa8b84", json!(null), 404, "there is no run"),
        (&Method::GET, "/v1/nothing", json!(null), 404, "/v1/nothing"),
        (&Method::PUT, "/v1/flows", json!({}), 405, "PUT"),
    ];
    for (method, path, body, status, word) in refused {
        let (got, answer) = client.send(method.clone(), path, Some(body.clone())).await;
        let error = answer["error"].as_str().unwrap_or_else(|| panic!("{path} {body}: no error in {answer}"));
        assert!(got == status || (status == 400 && got == 422), "{path} {body}: {got} instead of {status}: {error}");
        assert!(error.contains(word), "{path} {body}: '{word}' is not in '{error}'");
    }
    let (status, answer) = client.with_key("wrong").send(Method::GET, "/v1/flows", None).await;
    assert_eq!((status, answer["error"].as_str().is_some_and(|e| e.contains("API key"))), (403, true), "{answer}");

    // Other cases have integrations and flows of other names meanwhile.
    let names = async |path: &str, what: &str| -> Vec<String> {
        let answer = client.get(path).await;
        answer[what].as_array().expect("a list").iter().map(|entry| text(&entry["name"])).collect()
    };
    let integrations = names("/v1/integrations", "integrations").await;
    assert!(!integrations.iter().any(|name| name.starts_with("refused") || name == "Aqueduct"), "{integrations:?}");
    let flows = names("/v1/flows", "flows").await;
    assert!(!flows.iter().any(|name| ["empty", "lost"].contains(&name.as_str())), "{flows:?}");
}
