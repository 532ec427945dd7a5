//! What goes wrong is told, and nothing is left of it.

use crate::World;
use crate::client::{operator, python};
use crate::life::{nothing_left, state_resources};
use reqwest::Method;
use serde_json::{Value, json};
use std::sync::Arc;

/// AWS refuses one call of the creation for want of a permission.
pub async fn failed_build(world: Arc<World>) {
    let client = &world.client;
    let denied = "creating EC2 VPC: operation error EC2: CreateVpc, https response error StatusCode: 403, RequestID: 0f31cf5c-1c26-4b39-8ff4-6e4e6f6d3a10, api error UnauthorizedOperation: You are not authorized to perform this operation. User: arn:aws:iam::000000000000:user/data-team is not authorized to perform: ec2:CreateVpc on resource: arn:aws:ec2:us-east-1:000000000000:vpc/* because no identity-based policy allows the ec2:CreateVpc action";
    let cluster = client.register(&world, "denied", 600).await;
    world.order(&cluster, &[json!({"type": "aws_vpc", "operation": "create", "error": denied, "times": 1})]);
    let flow = json!({
        "name": "denied", "engine": "denied:aqueduct_ondemand_k8s", "python_version": python(),
        "operators": [{"name": "answer", "source": "def answer():\n    return 42\n"}],
    });
    let run = client.finished(&client.publish(flow).await).await;
    assert_eq!(run["status"], "failed", "{run:#}");
    assert!(run["error"].to_string().contains("ec2:CreateVpc"), "{run:#}");
    assert_eq!(operator(&run, "answer")["status"], "canceled");

    let path = format!("/v1/clusters/{cluster}");
    let view = client.wait(&path, "Terminated", |view| view["status"] == "Terminated").await;
    assert_eq!(view["last_error"]["class"], "missing_permission", "{view:#}");
    assert_eq!(view["last_error"]["missing_actions"], json!(["ec2:CreateVpc"]));
    assert_eq!(state_resources(&world, &cluster, 1).await, 0, "something is left in Terraform's state");
    nothing_left(&world, &cluster).await;

    let (status, _) =
        client.send(Method::DELETE, &format!("/v1/integrations/{}", client_integration(&view)), None).await;
    assert!((200..300).contains(&status));
}

fn client_integration(cluster: &Value) -> String {
    crate::client::text(&cluster["integration_id"])
}

/// The emulator is killed: the next request says so, and what to do.
pub async fn dead_emulator(world: Arc<World>) {
    let pid = emulator(&world);
    let killed = std::process::Command::new("kill").args(["-9", &pid]).status().expect("kill runs");
    assert!(killed.success());
    let told = world.stack.died().await;
    assert!(told.contains("emulator") && told.contains("cargo local"), "{told}");
    let (status, answer) = world.client.send(Method::GET, "/v1/flows", None).await;
    assert_eq!(status, 502, "{answer}");
    assert!(answer["error"].as_str().is_some_and(|error| error.contains("emulator")), "{answer}");
}

/// The child of this process that is the stack's emulator: it has been told to listen at its port.
fn emulator(world: &World) -> String {
    let parent = format!("PPid:\t{}", std::process::id());
    let port = world.stack.emulator_url.rsplit(':').next().expect("a port");
    let told = format!("GATEWAY_PORT={}", port.trim_end_matches('/'));
    let processes = std::fs::read_dir("/proc").expect("/proc").flatten();
    let found = processes.map(|entry| entry.path()).find(|path| {
        let read = |name: &str| std::fs::read_to_string(path.join(name)).unwrap_or_default();
        read("status").lines().any(|line| line == parent) && read("environ").split('\0').any(|word| word == told)
    });
    let path = found.expect("a child process that is the emulator");
    path.file_name().expect("a process id").to_string_lossy().into_owned()
}
