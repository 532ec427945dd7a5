//! What must be true of a life that is over.

use crate::user::{User, items, text};
use local::Stack;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;

/// The lines of a file of JSON lines, from the given one on.
pub fn lines(path: &Path, from: usize) -> Vec<Value> {
    let all = std::fs::read_to_string(path).unwrap_or_default();
    all.lines().skip(from).filter_map(|line| serde_json::from_str(line).ok()).collect()
}

/// What is left of clusters that are to be gone. It may take a moment until this is nothing.
pub async fn leaks(stack: &Stack, user: &User, clusters: &[String]) -> Vec<String> {
    let mut left = vec![];
    for id in clusters {
        let view = user.get(&format!("/v1/clusters/{id}")).await;
        if view["status"] != "Terminated" {
            let error = &view["last_error"]["message"];
            left.push(format!("cluster {id} is {} ({}), last error: {error}", view["status"], view["alive"]));
        }
        for generation in 1..=view["generation"].as_u64().unwrap_or_default() {
            let key = format!("clusters/{id}/g{generation}/terraform.tfstate");
            let resources = state_resources(stack, &key).await;
            if !resources.is_empty() {
                left.push(format!("Terraform's state {key} still has {}", resources.join(", ")));
            }
            if matches!(stack.object(&format!("{key}.tflock")).await, Ok(Some(_))) {
                left.push(format!("Terraform's lock on {key}"));
            }
        }
    }
    match stack.inventory().await {
        Ok(inventory) if items(&inventory["clusters"]).is_empty() => {}
        Ok(inventory) => left.push(format!("in the account: {}", inventory["clusters"])),
        Err(error) => left.push(format!("the account does not answer: {error}")),
    }
    match stack.running_executions().await {
        Ok(running) if running.is_empty() => {}
        Ok(running) => left.push(format!("executions that have not ended: {}", running.join(", "))),
        Err(error) => left.push(format!("the emulator does not answer: {error}")),
    }
    match stack.rule_state().await.as_deref() {
        Ok("DISABLED") => {}
        state => left.push(format!("the keepalive rule is {state:?}")),
    }
    left
}

async fn state_resources(stack: &Stack, key: &str) -> Vec<String> {
    let Ok(Some(bytes)) = stack.object(key).await else { return vec![] };
    let state: Value = serde_json::from_slice(&bytes).unwrap_or_default();
    let managed = items(&state["resources"]).iter().filter(|resource| resource["mode"] == "managed");
    managed.map(|resource| format!("{}.{}", text(&resource["type"]), text(&resource["name"]))).collect()
}

/// One build of a cluster, as the emulator's journal has it.
#[derive(Debug)]
pub struct Build {
    pub id: String,
    pub cluster: String,
    pub action: String,
    pub began: i64,
    pub ended: Option<i64>,
    pub status: String,
}

/// The builds of a journal's lines.
pub fn builds(lines: &[Value]) -> Vec<Build> {
    let mut builds: BTreeMap<String, Build> = BTreeMap::new();
    for line in lines {
        let (id, at) = (text(&line["id"]), line["at_ms"].as_i64().unwrap_or_default());
        if line["event"] == "begin" {
            let variables = &line["variables"];
            let (cluster, action) = (text(&variables["CLUSTER_ID"]), text(&variables["ACTION"]));
            let build =
                Build { id: id.clone(), cluster, action, began: at, ended: None, status: "IN_PROGRESS".to_owned() };
            builds.insert(id, build);
        } else if let Some(build) = builds.get_mut(&id) {
            (build.ended, build.status) = (Some(at), text(&line["status"]));
        }
    }
    builds.into_values().collect()
}

/// Builds of one cluster that ran at the same time.
pub fn doubled(builds: &[Build]) -> Vec<String> {
    let mut wrong = vec![];
    for (index, one) in builds.iter().enumerate() {
        for other in &builds[index + 1..] {
            let apart = |a: &Build, b: &Build| a.ended.is_some_and(|end| end <= b.began);
            if one.cluster == other.cluster && !apart(one, other) && !apart(other, one) {
                wrong.push(format!("two builds of cluster {} at once: {} and {}", one.cluster, one.id, other.id));
            }
        }
    }
    wrong
}

/// Teardowns that began while a run had its cluster.
pub fn wrong_teardowns(builds: &[Build], runs: &[Value]) -> Vec<String> {
    let moment = |value: &Value| value.as_str()?.parse::<jiff::Timestamp>().ok().map(jiff::Timestamp::as_millisecond);
    let mut wrong = vec![];
    for build in builds.iter().filter(|build| build.action == "destroy") {
        for run in runs.iter().filter(|run| run["cluster"]["id"] == build.cluster.as_str()) {
            let had_it = moment(&run["granted_at"]).is_some_and(|granted| granted < build.began);
            if had_it && moment(&run["ended_at"]).is_none_or(|ended| ended > build.began) {
                wrong.push(format!("run {} had the cluster when the teardown {} began", run["id"], build.id));
            }
        }
    }
    wrong
}
