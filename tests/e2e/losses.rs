//! Operators that are lost without a word: killed, deleted, with their node. Each ends with the true reason at the next
//! look, and what may be repeated is. And a run that nobody is let in to: nothing of it is lost.

use crate::World;
use crate::client::{operator, python, text};
use reqwest::Method;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;

const ENGINE: &str = "lossy:aqueduct_ondemand_k8s";
const ENDLESS: &str = "import time\n\ndef work():\n    time.sleep(600)\n";
/// Returns if it is called for the second time, and hangs at the first.
const SECOND_TIME: &str = "
import os, pathlib, time

def work():
    mark = pathlib.Path(os.environ['ONDEMAND_CACHE_DIR'], 'mark-of-the-first-time')
    if mark.exists():
        return 'again'
    mark.touch()
    time.sleep(600)
";

/// Who is lost, by what, and what is told of it: the cause, whose failure it is, and what the tip says.
const LOSSES: [(&str, &str, &str, u8, &str); 3] = [
    ("killed", "pod", "killed", 1, "was killed (Error, exit code 137)"),
    ("deleted", "pod_object", "pod_deleted", 1, "The operator's pod was deleted"),
    ("jobless", "job", "job_deleted", 1, "The operator's Kubernetes Job is gone"),
];

fn flow() -> Value {
    let small = json!({"num_cpus": 1, "memory": "512MB"});
    let endless = |name: &str| json!({"name": name, "source": ENDLESS, "entry_point": "work", "resources": small});
    let mut operators: Vec<Value> = LOSSES.iter().map(|(name, ..)| endless(name)).collect();
    let mut slow = endless("slow");
    slow["timeout"] = json!(1);
    // On a node of its own, which is to go.
    let gpu = json!({"gpu_resource_name": "nvidia.com/gpu"});
    let moved = json!({"name": "moved", "source": SECOND_TIME, "entry_point": "work", "resources": gpu, "retries": 1});
    operators.extend([slow, moved]);
    json!({"name": "losses", "engine": ENGINE, "python_version": python(), "operators": operators})
}

pub async fn told(world: Arc<World>) {
    let client = &world.client;
    let config = json!({
        "config_file_path": world.stack.credentials_file, "config_file_profile": world.stack.credentials_profile,
        // An idle node would go, and what was deleted on it would seem to have gone with it.
        "k8s": {"keepalive": 3600, "min_cpu_node": 2, "max_cpu_node": 2},
    });
    let registered = client.post("/v1/integrations", json!({"name": "lossy", "config": config})).await;
    let cluster = text(&registered["cluster"]["id"]);
    let run = client.publish(flow()).await;
    let path = format!("/v1/runs/{run}");
    let victims: Vec<&str> = LOSSES.iter().map(|(name, ..)| *name).chain(["moved"]).collect();
    let all_run = |run: &Value| victims.iter().all(|name| operator(run, name)["status"] == "running");
    let running = client.wait(&path, "running everywhere", all_run).await;
    for (name, victim, ..) in LOSSES.into_iter().chain([("moved", "node", "", 0, "")]) {
        kill(&world, victim, &run, &text(&operator(&running, name)["id"])).await;
    }

    let ended = client.finished(&run).await;
    assert_eq!(ended["status"], "failed", "{ended:#}");
    for (name, _, cause, failure_type, tip) in LOSSES {
        let lost = operator(&ended, name);
        assert_eq!((&lost["status"], &lost["cause"]), (&json!("failed"), &json!(cause)), "{lost:#}");
        assert_eq!(
            (&lost["failure_type"], &lost["attempt"]),
            (&json!(failure_type), &json!(1)),
            "it had begun: {lost:#}"
        );
        assert!(text(&lost["error"]["tip"]).contains(tip), "{lost:#}");
    }
    let slow = operator(&ended, "slow");
    assert_eq!((&slow["cause"], &slow["failure_type"]), (&json!("timed_out"), &json!(2)), "{slow:#}");
    let moved = operator(&ended, "moved");
    assert_eq!((&moved["status"], &moved["attempt"]), (&json!("succeeded"), &json!(2)), "{moved:#}");
    let first = &moved["lost_attempts"][0];
    assert_eq!((&first["attempt"], &first["cause"]), (&json!(1), &json!("node_lost")), "{moved:#}");
    assert_ne!(first["node"], moved["node"], "{moved:#}");
    let value = client.get(&format!("{path}/artifacts/moved")).await;
    assert_eq!(value["value"], "again");

    locked_out(&world).await;
    canceled(&world, &cluster).await;
    // Idle now: it ends by itself, and no pod that stayed keeps it.
    let shown = format!("/v1/clusters/{cluster}");
    client.ok(Method::PATCH, &shown, Some(json!({"keepalive": 2}))).await;
    client.wait(&shown, "Terminated", |view| view["status"] == "Terminated").await;
    crate::life::nothing_left(&world, &cluster).await;
}

/// The account's credentials expire while a run is under way: its pods go on, and so does it as soon as they are renewed.
async fn locked_out(world: &World) {
    let client = &world.client;
    let gate = world.stack.directory.path("gate");
    let waiting =
        format!("import os, time\n\ndef work():\n    while not os.path.exists({gate:?}):\n        time.sleep(0.05)\n");
    let small = json!({"num_cpus": 1, "memory": "512MB"});
    let first = json!({"name": "first", "source": waiting, "entry_point": "work", "resources": small});
    let second = json!({"name": "second", "source": "def work(_):\n    return 'done'\n", "entry_point": "work",
        "inputs": ["first"], "resources": small});
    let flow =
        json!({"name": "locked out", "engine": ENGINE, "python_version": python(), "operators": [first, second]});
    // Nobody knows what became of the request, so it is sent again; and then another one under its key.
    let publish = async |flow: &Value| client.keyed(Method::POST, "/v1/flows", Some("once"), Some(flow.clone())).await;
    let published = publish(&flow).await;
    assert_eq!(published.0, 201, "{published:?}");
    assert_eq!(publish(&flow).await, published);
    let mut other = flow.clone();
    other["name"] = json!("another");
    assert_eq!(publish(&other).await.0, 422);
    let runs = client.get(&format!("/v1/flows/{}/runs", text(&published.1["flow"]["id"]))).await;
    assert_eq!(runs["runs"].as_array().map(Vec::len), Some(1), "{runs:#}");
    let run = text(&published.1["run"]["id"]);
    let path = format!("/v1/runs/{run}");
    client.wait(&path, "running", |run| operator(run, "first")["status"] == "running").await;

    // The pod ends only once a look was refused: a token that Kubernetes has just accepted it accepts once more.
    world.stack.expire_credentials(true).expect("the credentials expire");
    let told = client.wait(&path, "locked out", |run| !run["locked_out"].is_null()).await;
    assert!(text(&told["locked_out"]["why"]["remedy"]).contains("Renew the integration's credentials"), "{told:#}");
    std::fs::write(&gate, "").expect("the gate opens");
    let told = client.wait(&path, "half done", |run| operator(run, "first")["status"] == "succeeded").await;
    assert_eq!((&told["status"], &operator(&told, "second")["status"]), (&json!("running"), &json!("scheduled")));
    world.stack.expire_credentials(false).expect("the credentials are renewed");

    let ended = client.finished(&run).await;
    assert_eq!((&ended["status"], &ended["locked_out"]), (&json!("succeeded"), &json!(null)), "{ended:#}");
    let events = client.get(&format!("{path}/events")).await;
    let kinds: Vec<_> = events["events"].as_array().expect("events").iter().map(|event| text(&event["kind"])).collect();
    for kind in ["locked_out", "let_in"] {
        assert!(kinds.iter().any(|known| known == kind), "no {kind} in {kinds:?}");
    }
}

/// A canceled run's lease goes at once, and so do its pods: one that stayed would keep the cluster alive for ever.
async fn canceled(world: &World, cluster: &str) {
    let client = &world.client;
    let endless = json!({"name": "endless", "source": ENDLESS, "entry_point": "work"});
    let flow = json!({"name": "canceled", "engine": ENGINE, "python_version": python(), "operators": [endless]});
    let run = client.publish(flow).await;
    let path = format!("/v1/runs/{run}");
    client.wait(&path, "running", |run| operator(run, "endless")["status"] == "running").await;
    resized(world, cluster).await;
    let kept = client.get(&path).await;
    let endless = operator(&kept, "endless");
    assert_eq!((&endless["status"], &endless["attempt"]), (&json!("running"), &json!(1)), "no node has gone: {kept:#}");
    let canceled = client.ok(Method::POST, &format!("{path}/cancel"), None).await;
    assert_eq!(canceled["status"], "canceled", "{canceled:#}");
    let (again, _) = client.send(Method::POST, &format!("{path}/cancel"), None).await;
    assert_eq!(again, 409, "it is canceled already");
    let no_lease = |view: &Value| view["runs"].as_array().is_none_or(Vec::is_empty);
    client.wait(&format!("/v1/clusters/{cluster}"), "without leases", no_lease).await;
}

/// Limits of node groups change while a run uses the cluster: a minimum above the size is more nodes, and fewer are refused.
async fn resized(world: &World, cluster: &str) {
    let (client, shown) = (&world.client, format!("/v1/clusters/{cluster}"));
    client.ok(Method::PATCH, &shown, Some(json!({"min_cpu_node": 3, "max_cpu_node": 4}))).await;
    let updated = client.wait(&shown, "updated", |view| view["status"] == "Active").await;
    assert_eq!(
        (&updated["last_error"], &updated["settings"]["min_cpu_node"]),
        (&json!(null), &json!(3)),
        "{updated:#}"
    );
    let inventory = world.stack.inventory().await.expect("the account answers");
    let clusters = inventory["clusters"].as_array().expect("clusters");
    let ours = clusters.iter().find(|cluster| cluster["name"] == updated["eks_name"]).expect("it is there");
    let nodes = ours["nodes"].as_array().into_iter().flatten().filter_map(Value::as_str);
    assert_eq!(nodes.filter(|node| node.starts_with("cpu-")).count(), 3, "{ours:#}");
    let (fewer, _) = client.send(Method::PATCH, &shown, Some(json!({"max_cpu_node": 3}))).await;
    assert_eq!(fewer, 409, "a run may be on any of them");
}

/// Kills what runs an operator.
async fn kill(world: &World, what: &str, run: &str, operator: &str) {
    let labels = BTreeMap::from([("ondemand-eks/run", run), ("ondemand-eks/operator", operator)]);
    let order = json!({"what": what, "labels": labels});
    let http = reqwest::Client::builder().no_proxy().build().expect("a client");
    let sent = http.post(format!("{}/kill", world.stack.account_url)).json(&order).send().await;
    let answer = sent.expect("the account answers");
    assert!(answer.status().is_success(), "{what}: {answer:?}");
}
