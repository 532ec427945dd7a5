//! The life of a cluster: created once for two runs, used on CPU and GPU nodes, ended when idle.

use crate::World;
use crate::client::{operator, python, text};
use reqwest::Method;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::Arc;

const ENGINE: &str = "aws:aqueduct_ondemand_k8s";
/// Longer than anything takes here that must find the cluster still there.
const KEEPALIVE: u64 = 3600;

/// The documented flow: one operator for a CPU node, one for a GPU node.
fn documented() -> Value {
    let cpu =
        "def run_on_cpu():\n    print('hello from a CPU node')\n    return 'This operator only requires CPU to run.'\n";
    let gpu = "def run_on_gpu():\n    return 'This operator requires GPU to run.'\n";
    json!({"name": "workflow_with_ondemand_k8s", "engine": ENGINE, "python_version": python(), "operators": [
        {"name": "run_on_cpu", "source": cpu, "requirements": []},
        {"name": "run_on_gpu", "source": gpu, "requirements": [], "resources": {"gpu_resource_name": "nvidia.com/gpu"}},
    ]})
}

/// A parameter, a fan-out, a join.
fn diamond() -> Value {
    json!({"name": "diamond", "engine": ENGINE, "python_version": python(), "parameters": {"most": 10}, "operators": [
        {"name": "numbers", "source": "def numbers(most):\n    return list(range(most))\n", "inputs": ["most"]},
        {"name": "even", "source": "def even(n):\n    return [x for x in n if x % 2 == 0]\n", "inputs": ["numbers"]},
        {"name": "odd", "source": "def odd(n):\n    return [x for x in n if x % 2]\n", "inputs": ["numbers"]},
        {"name": "joined", "source": "def joined(a, b):\n    return {'even': sum(a), 'odd': sum(b)}\n", "inputs": ["even", "odd"]},
    ]})
}

/// An operator that raises, one that depends on it, one that does not.
fn failing() -> Value {
    json!({"name": "failing", "engine": ENGINE, "python_version": python(), "operators": [
        {"name": "broken", "source": "def broken():\n    print('so far so good')\n    return {}['no such key']\n"},
        {"name": "after", "source": "def after(x):\n    return x\n", "inputs": ["broken"]},
        {"name": "beside", "source": "def beside():\n    return 1\n"},
    ]})
}

pub async fn whole(world: Arc<World>) {
    let client = &world.client;
    let cluster = client.register(&world, "aws", KEEPALIVE).await;
    let entries = client.get("/v1/integrations").await;
    let names = entries["integrations"].as_array().expect("entries").iter().filter_map(|entry| entry["name"].as_str());
    let names: Vec<&str> = names.filter(|name| name.split(':').next() == Some("aws")).collect();
    assert_eq!(names, ["aws", ENGINE]);

    let both = tokio::join!(client.publish(documented()), client.publish(diamond()));
    let path = format!("/v1/clusters/{cluster}");
    let waiting = client
        .wait(&path, "waited for by both", |view| view["waiting_runs"].as_array().is_some_and(|w| w.len() == 2))
        .await;
    assert_eq!(waiting["status"], "Creating", "{waiting:#}");
    client.wait(&path, "under way", |view| view["progress"]["done"].as_u64().is_some_and(|done| done > 0)).await;

    let (documented, diamond) = tokio::join!(client.finished(&both.0), client.finished(&both.1));
    assert_eq!(documented["status"], "succeeded", "{documented:#}");
    assert_eq!(diamond["status"], "succeeded", "{diamond:#}");
    results(&world, &documented, &diamond).await;
    // The account's tags are asked over the same wire as AWS's: with a cluster there, they are not empty.
    let looked = |list: &Value| list["inventory"]["expected"].as_u64().is_some_and(|expected| expected > 0);
    client.wait(&format!("{path}/receipts"), "with an inventory", looked).await;
    let active = client.get(&path).await;
    assert_eq!((&active["status"], &active["generation"]), (&json!("Active"), &json!(1)), "one creation serves both");

    user_failure(&world).await;

    client.ok(Method::PATCH, &path, Some(json!({"keepalive": 2}))).await;
    let ended = client.wait(&path, "Terminated", |view| view["status"] == "Terminated").await;
    assert_eq!(ended["last_error"], json!(null), "{ended:#}");
    assert_eq!(state_resources(&world, &cluster, 1).await, 0, "something is left in Terraform's state");
    assert_eq!(created("aws_eks_cluster", &cluster, &world), 1, "one creation serves both");
    nothing_left(&world, &cluster).await;
    receipt(&world, &path).await;
    let events = client.get(&format!("{path}/events")).await;
    let kinds: Vec<&str> =
        events["events"].as_array().expect("events").iter().filter_map(|e| e["kind"].as_str()).collect();
    for kind in ["creation_started", "created", "idle", "teardown_started", "destroyed"] {
        assert!(kinds.contains(&kind), "no {kind} in {kinds:?}");
    }
}

/// What was deleted is told by Terraform, that nothing is left by the account's tags.
async fn receipt(world: &World, path: &str) {
    let written = |list: &Value| list["receipts"].as_array().is_some_and(|receipts| receipts.len() == 1);
    let list = world.client.wait(&format!("{path}/receipts"), "with a receipt", written).await;
    let receipt = &list["receipts"][0];
    assert!(receipt["resources"].as_u64().is_some_and(|resources| resources > 30), "{receipt:#}");
    assert_eq!((&receipt["generation"], &receipt["types"]["aws_eks_cluster"]), (&json!(1), &json!(1)), "{receipt:#}");
    assert_eq!(receipt["inventory"]["result"], "clean", "{receipt:#}");
}

async fn results(world: &World, documented: &Value, diamond: &Value) {
    let client = &world.client;
    let value = async |run: &Value, name: &str| {
        let run = text(&run["id"]);
        client.get(&format!("/v1/runs/{run}/artifacts/{name}")).await["value"].clone()
    };
    assert_eq!(value(documented, "run_on_cpu").await, "This operator only requires CPU to run.");
    assert_eq!(value(documented, "run_on_gpu").await, "This operator requires GPU to run.");
    assert_eq!(value(diamond, "joined").await, json!({"even": 20, "odd": 25}));
    let logs = client.get(&format!("/v1/runs/{}/operators/run_on_cpu/logs", text(&documented["id"]))).await;
    assert_eq!(logs["stdout"], "hello from a CPU node\n");
    for name in ["run_on_cpu", "run_on_gpu"] {
        let timeline = &operator(documented, name)["timeline"];
        for moment in ["queued_at", "scheduled_at", "started_at", "ended_at"] {
            assert!(timeline[moment].is_string(), "{name} has no {moment}: {timeline}");
        }
    }
}

/// The user's traceback is there, what depends on it is canceled, what does not runs, and the lease is given back.
async fn user_failure(world: &World) {
    let client = &world.client;
    let run = client.finished(&client.publish(failing()).await).await;
    assert_eq!(run["status"], "failed", "{run:#}");
    let broken = operator(&run, "broken");
    assert_eq!((&broken["status"], &broken["failure_type"]), (&json!("failed"), &json!(2)));
    let traceback = text(&broken["error"]["context"]);
    assert!(
        traceback.contains("KeyError: 'no such key'") && traceback.contains("return {}['no such key']"),
        "{traceback}"
    );
    assert!(!traceback.contains("ondemand_runner"), "our own frames are in the user's traceback: {traceback}");
    assert_eq!(operator(&run, "after")["status"], "canceled");
    assert_eq!(operator(&run, "beside")["status"], "succeeded");
    let no_lease = |view: &Value| view["runs"].as_array().is_none_or(Vec::is_empty);
    client.wait(&format!("/v1/clusters/{ENGINE}"), "without leases", no_lease).await;
}

/// The account's secret key is in no log, no journal, no state, no item and no answer.
pub async fn secrets(worlds: Vec<Arc<World>>) {
    for world in worlds {
        secrets_of(&world).await;
    }
}

async fn secrets_of(world: &World) {
    let file = std::fs::read_to_string(&world.stack.credentials_file).expect("the credentials file");
    let secret = file
        .lines()
        .find_map(|line| line.strip_prefix("aws_secret_access_key")?.split_once('='))
        .expect("a key")
        .1
        .trim();
    let searched = std::process::Command::new("grep")
        .args(["-rlF", "--exclude=credentials", "--", secret])
        .arg(world.stack.directory.path(""))
        .output()
        .expect("grep runs");
    assert_eq!(String::from_utf8_lossy(&searched.stdout), "", "these files hold the secret key");
    for path in ["/v1/integrations", "/v1/clusters"] {
        assert!(!world.client.get(path).await.to_string().contains(secret), "{path} shows the secret key");
    }
}

/// Resources in Terraform's state of a cluster's generation.
pub async fn state_resources(world: &World, cluster: &str, generation: u32) -> usize {
    let key = format!("clusters/{cluster}/g{generation}/terraform.tfstate");
    let bytes = world.stack.object(&key).await.expect("the bucket answers");
    let Some(bytes) = bytes else { return 0 };
    let state: Value = serde_json::from_slice(&bytes).expect("a state");
    let resources = state["resources"].as_array().expect("resources");
    resources.iter().filter(|resource| resource["mode"] == "managed").count()
}

/// No resource of a cluster is left, whatever a state knows of, and no Kubernetes, node or process of it.
pub async fn nothing_left(world: &World, cluster: &str) {
    let left = existing(world, cluster);
    assert!(left.is_empty(), "the account still has {left:?} of cluster {cluster}");
    no_cluster_left(world, cluster).await;
}

/// No Kubernetes, node or process of a cluster is left in the local account.
pub async fn no_cluster_left(world: &World, cluster: &str) {
    let left: Vec<Value> =
        clusters_there(world).await.into_iter().filter(|there| is_of(&there["name"], cluster)).collect();
    assert!(left.is_empty(), "of cluster {cluster} is left: {left:?}\n{}", account_log(world));
}

/// No account has a cluster that its control plane takes for gone, or does not know.
pub async fn nothing_left_anywhere(worlds: Vec<Arc<World>>) {
    for world in worlds {
        let views = world.client.get("/v1/clusters").await;
        let views = views["clusters"].as_array().expect("clusters");
        for there in clusters_there(&world).await {
            let view = views.iter().find(|view| is_of(&there["name"], &text(&view["id"])));
            // What a case that failed has left behind is its own failure, and told there.
            let known = view.is_some_and(|view| view["status"] != "Terminated");
            assert!(known, "leaked: {there} of {view:?}\n{}", account_log(&world));
        }
    }
}

async fn clusters_there(world: &World) -> Vec<Value> {
    let inventory = world.stack.inventory().await.expect("the account answers");
    inventory["clusters"].as_array().expect("clusters").clone()
}

/// Whether a name in the account is that of a generation of a cluster.
fn is_of(name: &Value, cluster: &str) -> bool {
    text(name).starts_with(&format!("ondemand-{}-g", &cluster[..8]))
}

fn account_log(world: &World) -> String {
    crate::report::tail(&world.stack.directory.path("account/account.log"), 10, 1000)
}

/// What the account has with the cluster's tag, by the provider's journal.
pub fn existing(world: &World, cluster: &str) -> BTreeSet<(String, String)> {
    let journal = std::fs::read_to_string(world.stack.journal()).expect("the journal");
    let mut found = BTreeSet::new();
    for line in journal.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok()) {
        let values = &line["values"];
        if values["tags_all"]["ondemand-eks:cluster"] == cluster && line["error"].is_null() {
            let key = (text(&line["type"]), text(&values["id"]));
            match line["operation"].as_str() {
                Some("create") => drop(found.insert(key)),
                Some("delete") => drop(found.remove(&key)),
                _ => {}
            }
        }
    }
    found
}

/// How often the provider created a resource of a type for a cluster.
fn created(kind: &str, cluster: &str, world: &World) -> usize {
    let journal = std::fs::read_to_string(world.stack.journal()).expect("the journal");
    let lines = journal.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let of_cluster = lines.filter(|line| line["values"]["tags_all"]["ondemand-eks:cluster"] == cluster);
    of_cluster.filter(|line| line["operation"] == "create" && line["type"] == kind).count()
}
