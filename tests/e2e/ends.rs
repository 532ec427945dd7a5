//! Ends of clusters that do not go by the book: given up, stuck, not quite complete.

use crate::World;
use crate::client::{python, text};
use crate::life::{no_cluster_left, nothing_left, state_resources};
use reqwest::Method;
use serde_json::{Value, json};
use std::io::Write;
use std::sync::Arc;

const FLOW: &str = "def answer():\n    return 42\n";

fn flow(engine: &str) -> Value {
    let operators = [json!({"name": "answer", "source": FLOW})];
    json!({"name": engine, "engine": format!("{engine}:aqueduct_ondemand_k8s"), "python_version": python(), "operators": operators})
}

/// The only run that waits is canceled while Terraform is at work: the creation is stopped, and what was made is gone.
pub async fn given_up(world: Arc<World>) {
    let client = &world.client;
    let cluster = client.register(&world, "given-up", 600).await;
    let path = format!("/v1/clusters/{cluster}");
    let run = client.publish(flow("given-up")).await;
    client.wait(&path, "under way", |view| view["progress"]["done"].as_u64().is_some_and(|done| done > 0)).await;
    let waiting = client.get(&format!("/v1/runs/{run}")).await;
    assert_eq!((&waiting["position"], &waiting["wait"]["phase"]), (&json!(1), &json!("Creating")), "{waiting:#}");
    client.post(&format!("/v1/runs/{run}/cancel"), json!({})).await;

    let view = client.wait(&path, "Terminated", |view| view["status"] == "Terminated").await;
    assert_eq!(view["last_error"], json!(null), "{view:#}");
    assert_eq!(state_resources(&world, &cluster, 1).await, 0, "something is left in Terraform's state");
    nothing_left(&world, &cluster).await;
    receipt(&world, &path).await;
    let events = client.get(&format!("{path}/events")).await;
    let started = events["events"].as_array().expect("events").iter().find(|event| event["kind"] == "teardown_started");
    assert!(started.is_some_and(|event| text(&event["message"]).contains("no run waits")), "{events:#}");
}

/// A teardown finds its credentials expired, and something that Terraform does not know of.
pub async fn stuck(world: Arc<World>) {
    let client = &world.client;
    let cluster = client.register(&world, "stuck", 600).await;
    let path = format!("/v1/clusters/{cluster}");
    client.post(&format!("{path}/create"), json!({})).await;
    let active = client.wait(&path, "Active", |view| view["status"] == "Active").await;
    let forgotten = "arn:aws:ec2:us-east-1:000000000000:natgateway/nat-forgotten";
    let tags = json!({"ondemand-eks:integration": active["integration_id"], "ondemand-eks:cluster": cluster, "ondemand-eks:generation": "1"});
    let values = json!({"id": "nat-forgotten", "arn": forgotten, "tags_all": tags});
    note(&world, json!({"operation": "create", "type": "aws_nat_gateway", "name": "x", "values": values}));
    let expired = "deleting EC2 VPC: operation error EC2: DeleteVpc, https response error StatusCode: 400, RequestID: 0f31cf5c-1c26-4b39-8ff4-6e4e6f6d3a10, api error RequestExpired: Request has expired.";
    world.order(&cluster, &[json!({"type": "aws_vpc", "operation": "delete", "error": expired, "times": 1})]);

    client.ok(Method::DELETE, &path, None).await;
    let parked = client.wait(&path, "parked", |view| view["retry"]["parked"] == true).await;
    assert_eq!((&parked["status"], &parked["last_error"]["class"]), (&json!("Terminating"), &json!("credentials")));
    assert!(parked["retry"]["cost"]["usd_per_hour"].as_f64().is_some_and(|usd| usd > 0.1), "{parked:#}");
    // Nobody asks for the teardown: new credentials have it tried at once.
    let file = (&world.stack.credentials_file, &world.stack.credentials_profile);
    let renewed = json!({"config": {"config_file_path": file.0, "config_file_profile": file.1}});
    let integration = text(&active["integration_id"]);
    client.ok(Method::PUT, &format!("/v1/integrations/{integration}/credentials"), Some(renewed)).await;
    let view = client.wait(&path, "Terminated", |view| view["status"] == "Terminated").await;
    assert_eq!(view["last_error"], json!(null), "{view:#}");
    no_cluster_left(&world, &cluster).await;

    let receipt = receipt(&world, &path).await;
    assert_eq!(receipt["builds"], 2, "{receipt:#}");
    let left = &receipt["inventory"]["resources"][0];
    assert_eq!((&left["arn"], &left["has_state"]), (&json!(forgotten), &json!(false)), "{receipt:#}");
    assert_eq!(left["usd_per_hour"], 0.045);
    assert_eq!(client.get(&path).await["leftovers"][0]["arn"], forgotten);
    note(
        &world,
        json!({"operation": "delete", "type": "aws_nat_gateway", "name": "x", "values": {"id": "nat-forgotten"}}),
    );
}

/// The receipt of a cluster's only teardown, once it is written.
async fn receipt(world: &World, path: &str) -> Value {
    let written = |list: &Value| list["receipts"].as_array().is_some_and(|receipts| receipts.len() == 1);
    world.client.wait(&format!("{path}/receipts"), "with a receipt", written).await["receipts"][0].clone()
}

/// Writes into the provider's journal, which is what the account has.
fn note(world: &World, entry: Value) {
    let journal = std::fs::OpenOptions::new().append(true).open(world.stack.journal());
    // One write, as the providers do that write into it at the same time.
    journal.expect("the journal").write_all(format!("{entry}\n").as_bytes()).expect("the journal is written");
}
