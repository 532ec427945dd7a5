//! Waiting, with something to see.

use super::api::{Api, text};
use super::show;
use crate::{Error, Progress, Stack};
use jiff::Timestamp;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

const INTERVAL: Duration = Duration::from_millis(400);
/// Nothing here takes that long unless something is broken.
const PATIENCE: Duration = Duration::from_secs(600);

/// Watches a run to its end; while it waits for its cluster, watches that, and afterwards its nodes.
pub(crate) async fn run(
    api: &Api,
    stack: &Stack,
    progress: &Progress,
    run_id: &str,
    cluster_id: &str,
) -> Result<Value, Error> {
    let step = progress.step("run");
    let started = Instant::now();
    let mut told: BTreeMap<String, String> = BTreeMap::new();
    let mut nodes = nodes_of(stack).await?;
    let mut waited_for_cluster = false;
    loop {
        let run = api.ask(&format!("/v1/runs/{run_id}")).await?;
        let nodes_now = nodes_of(stack).await?;
        for node in nodes_now.difference(&nodes) {
            progress.say(format!("  node {node} joins"));
        }
        for node in nodes.difference(&nodes_now) {
            progress.say(format!("  node {node} leaves"));
        }
        nodes = nodes_now;
        match text(&run, "/status") {
            "pending" => {
                let cluster = api.ask(&format!("/v1/clusters/{cluster_id}")).await?;
                tell(progress, &mut told, "cluster", text(&cluster, "/status"));
                if !waited_for_cluster {
                    progress.say(format!("  the run: {}", text(&run, "/message")));
                    waited_for_cluster = true;
                }
                step.update(show::progress(&cluster));
            }
            "running" => {
                if waited_for_cluster {
                    tell(progress, &mut told, "cluster", "Active");
                }
                step.update(text(&run, "/message"));
                operators(progress, &mut told, &run);
            }
            "succeeded" => {
                operators(progress, &mut told, &run);
                step.done(text(&run, "/message"));
                return Ok(run);
            }
            _ => {
                operators(progress, &mut told, &run);
                return Err(Error::State(format!("the run did not succeed: {}", text(&run, "/message"))));
            }
        }
        check_patience(started, "the end of the run")?;
        tokio::time::sleep(INTERVAL).await;
    }
}

/// Watches an idle cluster until its keepalive is over and it is gone.
pub(crate) async fn teardown(api: &Api, progress: &Progress, cluster_id: &str) -> Result<Value, Error> {
    let step = progress.step("cluster");
    let started = Instant::now();
    let mut told = BTreeMap::new();
    loop {
        let cluster = api.ask(&format!("/v1/clusters/{cluster_id}")).await?;
        let status = text(&cluster, "/status");
        tell(progress, &mut told, "cluster", status);
        match (status, show::moment(&cluster, "/ends_at")) {
            ("Terminated", _) => {
                step.done("Terminated");
                return Ok(cluster);
            }
            ("Active", Some(end)) => {
                let left = end.duration_since(Timestamp::now()).as_secs().max(0);
                step.update(format!("Active, idle, ends in {left} s"));
            }
            _ => step.update(show::progress(&cluster)),
        }
        if let Some(error) = cluster["last_error"].as_object() {
            return Err(Error::State(format!("the cluster could not be destroyed: {}", Value::from(error.clone()))));
        }
        check_patience(started, "the end of the cluster")?;
        tokio::time::sleep(INTERVAL).await;
    }
}

async fn nodes_of(stack: &Stack) -> Result<BTreeSet<String>, Error> {
    let inventory = stack.inventory().await?;
    let clusters = inventory["clusters"].as_array().into_iter().flatten();
    let nodes = clusters.flat_map(|cluster| cluster["nodes"].as_array().into_iter().flatten());
    Ok(nodes.filter_map(|node| Some(node.as_str()?.to_owned())).collect())
}

/// Says how each operator's state changed.
fn operators(progress: &Progress, told: &mut BTreeMap<String, String>, run: &Value) {
    for operator in run["operators"].as_array().into_iter().flatten() {
        let status = text(operator, "/status");
        if status == "pending" {
            continue;
        }
        let state = match text(operator, "/waiting_for") {
            "" => status.to_owned(),
            reason if status == "scheduled" => format!("{status}, waits: {reason}"),
            _ => status.to_owned(),
        };
        tell(progress, told, text(operator, "/name"), &state);
        if let Some(tip) = operator.pointer("/error/tip").and_then(Value::as_str) {
            tell(progress, told, &format!("{}, error", text(operator, "/name")), tip);
        }
    }
}

fn tell(progress: &Progress, told: &mut BTreeMap<String, String>, name: &str, state: &str) {
    if told.get(name).map(String::as_str) != Some(state) {
        progress.say(format!("  {name}: {state}"));
        told.insert(name.to_owned(), state.to_owned());
    }
}

fn check_patience(started: Instant, what: &str) -> Result<(), Error> {
    if started.elapsed() < PATIENCE {
        return Ok(());
    }
    let hint = "; see .local/logs".to_owned();
    Err(Error::TooLong { what: what.to_owned(), seconds: PATIENCE.as_secs(), hint })
}
