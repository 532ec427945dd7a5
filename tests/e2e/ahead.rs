//! What is told before anything is created, and what a registration can ask for beyond the settings.

use crate::World;
use crate::client::text;
use crate::life::{nothing_left, state_resources};
use reqwest::Method;
use serde_json::{Value, json};
use std::sync::Arc;

/// An account is registered with options; its preflight and its plan answer, and what is then made is what was asked
/// for: several node types, spot, and no NAT gateway.
pub async fn told_and_made(world: Arc<World>) {
    let client = &world.client;
    let options = json!({
        "cpu_node_types": ["m6i.xlarge", "m5.xlarge"], "gpu_node_types": ["g4dn.xlarge", "g5.xlarge"],
        "capacity_type": "SPOT", "nat": "none",
    });
    let config = json!({
        "config_file_path": world.stack.credentials_file, "config_file_profile": world.stack.credentials_profile,
        "k8s": {"keepalive": 600}, "options": options,
    });
    let registered = client.post("/v1/integrations", json!({"name": "ahead", "config": config})).await;
    let warnings = registered["warnings"].as_array().expect("warnings").clone();
    assert!(warnings.iter().all(|warning| warning["severity"] == "info"), "{warnings:#?}");
    assert!(warnings.iter().any(|warning| text(&warning["what"]).contains("root user's keys")), "{warnings:#?}");
    let integration = text(&registered["integration"]["id"]);
    let preflight = client.get(&format!("/v1/integrations/{integration}/preflight")).await;
    assert_eq!(preflight["region"], registered["integration"]["region"]);
    let again = preflight["findings"].as_array().expect("findings");
    // What a busy machine does not answer in time, it may have answered before, or later.
    let unchecked = |found: &&Value| text(&found["what"]).starts_with("not checked: ");
    let left_out: Vec<String> =
        warnings.iter().chain(again).filter(unchecked).map(|found| text(&found["about"])).collect();
    let checked = |all: &[Value]| -> Vec<Value> {
        all.iter().filter(|found| !left_out.contains(&text(&found["about"]))).cloned().collect()
    };
    assert_eq!(checked(again), checked(&warnings), "{preflight:#}");

    let path = format!("/v1/clusters/{}", text(&registered["cluster"]["id"]));
    let plan = client.post(&format!("{path}/plan"), json!({"max_cpu_node": 2})).await;
    assert_eq!((&plan["action"], &plan["settings"]["max_cpu_node"]), (&json!("create"), &json!(2)), "{plan:#}");
    let dollars = |which: &str| plan["price"][which]["per_hour"].as_f64().expect("a price");
    assert!(dollars("idle") > 0.1 && dollars("at_max") > dollars("idle"), "{plan:#}");

    let plan = client.post(&format!("{path}/plan?build=true"), json!({})).await;
    let shown = format!("{path}/plans/{}", text(&plan["plan_id"]));
    let planned = client.wait(&shown, "planned", |plan| plan["status"] != "running").await;
    assert_eq!(planned["status"], "succeeded", "{planned:#}");
    assert_eq!(planned["counts"]["aws_eks_node_group"]["create"], 2, "{planned:#}");
    assert_eq!(planned["counts"].get("aws_nat_gateway"), None, "{planned:#}");

    client.post(&format!("{path}/create"), json!({})).await;
    let active = client.wait(&path, "Active", |view| view["status"] == "Active").await;
    assert_eq!(active["settings"]["options"], options);
    let cluster = text(&registered["cluster"]["id"]);
    let made = instances(&world, &cluster).await;
    let of = |kind: &str| made.iter().filter(|(found, _)| found == kind).map(|(_, values)| values).collect::<Vec<_>>();
    assert!(of("aws_nat_gateway").is_empty() && of("aws_eip").is_empty(), "there is a NAT gateway");
    let types: Vec<_> = of("aws_eks_node_group").iter().map(|group| group["instance_types"].clone()).collect();
    assert_eq!(types, [options["cpu_node_types"].clone(), options["gpu_node_types"].clone()]);
    assert!(of("aws_eks_node_group").iter().all(|group| group["capacity_type"] == "SPOT"));
    let counted: u64 =
        planned["counts"].as_object().expect("counts").values().filter_map(|c| c["create"].as_u64()).sum();
    assert_eq!(usize::try_from(counted).ok(), Some(made.len()), "what was planned is what was made");

    client.ok(Method::DELETE, &path, None).await;
    client.wait(&path, "Terminated", |view| view["status"] == "Terminated").await;
    assert_eq!(state_resources(&world, &cluster, 1).await, 0, "something is left in Terraform's state");
    nothing_left(&world, &cluster).await;
    client.ok(Method::DELETE, &format!("/v1/integrations/{integration}"), None).await;
}

/// Type and attributes of all that Terraform manages in the first generation.
async fn instances(world: &World, cluster: &str) -> Vec<(String, Value)> {
    let key = format!("clusters/{cluster}/g1/terraform.tfstate");
    let bytes = world.stack.object(&key).await.expect("the bucket answers").expect("a state");
    let state: Value = serde_json::from_slice(&bytes).expect("a state");
    let managed = state["resources"].as_array().expect("resources").iter().filter(|each| each["mode"] == "managed");
    managed
        .flat_map(|resource| {
            let instances = resource["instances"].as_array().expect("instances");
            instances.iter().map(|instance| (text(&resource["type"]), instance["attributes"].clone()))
        })
        .collect()
}
