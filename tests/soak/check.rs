//! What must be true of a life that is over.

use crate::user::{User, items, text};
use local::Stack;
use serde_json::Value;

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
