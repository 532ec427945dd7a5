//! Resources, which older versions call integrations: the accounts, the clusters in them, and the built-in engine.

use super::problem::Problem;
use super::version::Version;
use crate::v1::integration::{RegisterRequest, Registering};
use domain::cluster::{Cluster, Command};
use domain::integration::{BUILT_IN, Integration};
use domain::settings::{Limits, SettingsDelta};
use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};
use uuid::{Uuid, uuid};

/// The entry that is always there: the SDK takes an empty list for a failure.
const BUILT_IN_ID: Uuid = uuid!("6171756e-6475-4374-a275-696c742d696e");

/// All entries: the built-in engine, then each account with its cluster. The SDK finds a cluster by its account's name,
/// so an account is never without.
#[must_use]
pub fn list(version: Version, integrations: &[Integration], clusters: &[Cluster]) -> Value {
    let mut entries = vec![entry(BUILT_IN_ID, BUILT_IN, version.built_in_service(), Timestamp::UNIX_EPOCH)];
    for integration in integrations {
        if let Some(cluster) = clusters.iter().find(|cluster| cluster.id == integration.cluster) {
            entries.push(entry(integration.id.0, &integration.name, "AWS", integration.created_at));
            entries.push(entry(cluster.id.0, &cluster.name, "Kubernetes", integration.created_at));
        }
    }
    Value::Array(entries)
}

fn entry(id: Uuid, name: &str, service: &str, created_at: Timestamp) -> Value {
    json!({
        "id": id,
        "name": name,
        "service": service,
        "createdAt": created_at.as_second(),
        "validated": true,
        "exec_state": {"status": "succeeded", "user_logs": null, "error": null, "failure_type": null},
    })
}

/// The status of those clusters whose ids are asked for, in the order of the asking.
///
/// # Errors
/// [`Problem`] if the ids are no list.
pub fn status(ids: &str, clusters: &[Cluster]) -> Result<Value, Problem> {
    let ids: Vec<String> = read("header 'resource-ids'", ids)?;
    let found = ids.iter().filter_map(|id| clusters.iter().find(|cluster| cluster.id.to_string() == *id));
    Ok(found.map(|cluster| json!({"id": cluster.id, "name": cluster.name, "status": cluster.status()})).collect())
}

/// Understands what registers an account.
///
/// # Errors
/// [`Problem`], naming the field and what to change.
pub fn connect(name: &str, service: &str, config: &str, limits: Limits) -> Result<Registering, Problem> {
    let mut config: Map<String, Value> = read("the config", config)?;
    if let Some(text) = config.remove("k8s_serialized") {
        let settings: Map<String, Value> = match &text {
            Value::String(text) if !text.is_empty() => read("the config's 'k8s'", text)?,
            Value::Null | Value::String(_) => Map::new(),
            _ => return Err(Problem::unreadable("the config's 'k8s'", "it must be JSON in a text")),
        };
        config.insert("k8s".to_owned(), settings.into());
    }
    let request: RegisterRequest = from_value(json!({"name": name, "service": service, "config": config}))?;
    Ok(request.read(limits)?)
}

fn from_value(request: Value) -> Result<RegisterRequest, Problem> {
    serde_json::from_value(request).map_err(|_| Problem::unreadable("the request", "it lacks name, service or config"))
}

/// Understands a change of a cluster.
///
/// # Errors
/// [`Problem`] for an unknown action, or settings that cannot be accepted.
pub fn edit(action: &str, config_delta: &str, limits: Limits) -> Result<Command, Problem> {
    let delta = match config_delta {
        "" => Map::new(),
        text => read("field 'config_delta'", text)?,
    };
    let delta = SettingsDelta::parse(&delta, limits)?;
    match action {
        "create" => Ok(Command::Create { delta }),
        "update" => Ok(Command::Update { delta }),
        "delete" => Ok(Command::Delete),
        "force-delete" => Ok(Command::ForceDelete),
        other => Err(Problem::Unsupported(format!(
            "action '{other}' is not known: use create, update, delete or force-delete"
        ))),
    }
}

/// JSON in a text. The parser's own words may quote what it read, and that may be a secret: only its place is told.
fn read<T: DeserializeOwned>(place: &str, text: &str) -> Result<T, Problem> {
    serde_json::from_str(text).map_err(|error| {
        let at =
            format!("it is not the JSON that is expected there (line {}, column {})", error.line(), error.column());
        Problem::unreadable(place, at)
    })
}

#[cfg(test)]
#[path = "resource_tests.rs"]
mod tests;
