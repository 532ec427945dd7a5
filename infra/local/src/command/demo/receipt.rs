//! What is left of a cluster: looked up where it would be, not believed.

use super::api::Api;
use super::show::align;
use crate::{Error, Progress, Stack};
use serde_json::{Value, json};
use std::path::Path;
use std::time::{Duration, Instant};

/// A few periods of the keepalive rule.
const PATIENCE: Duration = Duration::from_secs(15);

/// The process ids that the local account has for its clusters now.
pub(crate) async fn processes(stack: &Stack) -> Result<Vec<u64>, Error> {
    let inventory = stack.inventory().await?;
    let clusters = inventory["clusters"].as_array().into_iter().flatten();
    Ok(clusters
        .flat_map(|cluster| cluster["processes"].as_array().into_iter().flatten())
        .filter_map(Value::as_u64)
        .collect())
}

/// Shows that nothing is left of a cluster whose processes were `had`, or fails naming what is.
pub(crate) async fn show(
    api: &Api,
    stack: &Stack,
    progress: &Progress,
    cluster: &Value,
    had: &[u64],
) -> Result<(), Error> {
    let (id, generation) = (cluster["id"].as_str().unwrap_or_default(), &cluster["generation"]);
    let key = format!("clusters/{id}/g{generation}/terraform.tfstate");
    let state = stack.object(&key).await?.unwrap_or_default();
    let state: Value = serde_json::from_slice(&state).unwrap_or_default();
    let in_state = state["resources"].as_array().map_or(0, Vec::len);

    let tagged = tagged(api, id).await?;
    let (created, destroyed) = operations(&stack.journal());
    let inventory = stack.inventory().await?;
    let clusters = inventory["clusters"].as_array().map_or(0, Vec::len);
    let alive = had.iter().filter(|pid| Path::new(&format!("/proc/{pid}")).exists()).count();
    let rule = rule_at_rest(stack).await?;

    let row = |what: &str, left: String, proof: String| vec![what.to_owned(), left, proof];
    progress.say(align(&[
        row("Terraform state", format!("{in_state} resources"), format!("s3 object {key}")),
        row(
            "resources",
            format!("{created} created, {destroyed} destroyed"),
            ".local/provider-journal.jsonl".to_owned(),
        ),
        row("tagged resources", tagged, "the account's tagging API".to_owned()),
        row("clusters", clusters.to_string(), "the local account's inventory".to_owned()),
        row("processes", format!("{alive} of {}", had.len()), "/proc".to_owned()),
        row("keepalive rule", rule, "EventBridge".to_owned()),
    ]));
    if in_state + clusters + alive > 0 || created != destroyed || created == 0 {
        return Err(Error::State("something is left of the cluster: see above".to_owned()));
    }
    Ok(())
}

/// What the control plane's own receipt says is left, once it is written.
async fn tagged(api: &Api, cluster_id: &str) -> Result<String, Error> {
    let started = Instant::now();
    loop {
        let list = api.ask(&format!("/v1/clusters/{cluster_id}/receipts")).await?;
        let receipt = list["receipts"].as_array().and_then(|receipts| receipts.last());
        match receipt.map(|receipt| &receipt["inventory"]) {
            Some(inventory) if inventory["result"] == "clean" => return Ok("0".to_owned()),
            Some(inventory) => {
                return Err(Error::State(format!("the receipt does not say that nothing is left: {inventory}")));
            }
            None if started.elapsed() > PATIENCE => return Err(Error::State("there is no receipt".to_owned())),
            None => tokio::time::sleep(Duration::from_millis(200)).await,
        }
    }
}

/// The rule's state, once its next tick has had the time to find nothing to do and to switch the rule off.
async fn rule_at_rest(stack: &Stack) -> Result<String, Error> {
    let started = Instant::now();
    loop {
        let state = stack.rule_state().await?;
        if state == "DISABLED" || started.elapsed() > PATIENCE {
            return Ok(state);
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// How many resources were created and destroyed.
fn operations(journal: &Path) -> (usize, usize) {
    let text = std::fs::read_to_string(journal).unwrap_or_default();
    let entries = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let done: Vec<Value> = entries.filter(|entry| entry.get("error").is_none()).collect();
    let count = |operation: &str| done.iter().filter(|entry| entry["operation"] == json!(operation)).count();
    (count("create"), count("delete"))
}
