//! A region that does not offer the GPU type: whoever needs no GPU has a cluster there, whoever needs one is told at
//! once, and another type brings them.

use crate::World;
use crate::client::{operator, python, text};
use crate::life::nothing_left;
use reqwest::Method;
use serde_json::{Value, json};
use std::sync::Arc;

/// Offered nowhere in the local account, which knows no such type.
const NOT_OFFERED: &str = "g9.xlarge";
const OFFERED: &str = "g4dn.xlarge";

fn flow() -> Value {
    json!({"name": "train", "engine": "gpus:aqueduct_ondemand_k8s", "python_version": python(), "operators": [
        {"name": "load", "source": "def load():\n    return 20\n", "requirements": []},
        {"name": "train", "source": "def train(n):\n    return n + 1\n", "requirements": [], "inputs": ["load"],
         "resources": {"gpu_resource_name": "nvidia.com/gpu"}},
    ]})
}

pub async fn missing(world: Arc<World>) {
    let client = &world.client;
    let config = json!({
        "config_file_path": world.stack.credentials_file, "config_file_profile": world.stack.credentials_profile,
        "k8s": {"keepalive": 3600, "gpu_node_type": NOT_OFFERED},
    });
    let registered = client.post("/v1/integrations", json!({"name": "gpus", "config": config})).await;
    let cluster = text(&registered["cluster"]["id"]);
    let path = format!("/v1/clusters/{cluster}");

    let run = client.finished(&client.publish(flow()).await).await;
    assert_eq!((&run["status"], &operator(&run, "load")["status"]), (&json!("failed"), &json!("succeeded")), "{run:#}");
    let train = operator(&run, "train");
    assert_eq!((&train["cause"], &train["attempt"]), (&json!("never_fits"), &json!(0)), "{run:#}");
    let why = format!("this cluster has no GPU nodes: {NOT_OFFERED} is not offered in us-east-1; set gpu_node_type");
    assert!(text(&train["error"]["tip"]).contains(&why), "{run:#}");

    let free = |view: &Value| view["status"] == "Active" && view["runs"] == json!([]);
    let view = client.wait(&path, "idle", free).await;
    assert_eq!(view["node_groups"]["cpu"]["instance_types"], json!(["t3.xlarge"]), "{view:#}");
    assert_eq!(view["node_groups"]["gpu"], json!(null), "{view:#}");
    assert!(view["notes"].as_array().is_some_and(|notes| notes.iter().any(|n| text(n).contains(&why))), "{view:#}");

    client.ok(Method::PATCH, &path, Some(json!({"gpu_node_type": OFFERED}))).await;
    let run = client.finished(&client.publish(flow()).await).await;
    assert_eq!(run["status"], "succeeded", "{run:#}");
    let view = client.wait(&path, "idle", free).await;
    assert_eq!((&view["node_groups"]["gpu"]["instance_types"], &view["notes"]), (&json!([OFFERED]), &json!([])));

    client.ok(Method::DELETE, &path, None).await;
    client.wait(&path, "Terminated", |view| view["status"] == "Terminated").await;
    nothing_left(&world, &cluster).await;
    let integration = text(&registered["integration"]["id"]);
    client.ok(Method::DELETE, &format!("/v1/integrations/{integration}"), None).await;
}
