//! Flows: their list, and each with its versions and runs. The older versions of the SDK ask for all of a flow at once,
//! the newer ones for each part on its own.

use super::dag::RawParameter;
use super::exec_state;
use super::metadata::{retention, schedule};
use super::nodes::{self, Types};
use super::problem::Problem;
use domain::flow::{Dag, Flow, ParameterValue};
use domain::run::Run;
use jiff::Timestamp;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use uuid::Uuid;

/// A flow as an entry of the list, with its latest run.
#[must_use]
pub fn entry(flow: &Flow, latest: Option<&Run>) -> Value {
    json!({
        "id": flow.id,
        "name": flow.name,
        "description": flow.description,
        "created_at": flow.created_at.as_second(),
        "last_run_at": latest.map_or(0, |run| run.created_at.as_second()),
        "status": latest.map_or("registered", exec_state::run_status),
        "engine": "aqueduct",
    })
}

/// All of a flow: its versions, and its runs, oldest first.
#[must_use]
pub fn whole(flow: &Flow, dags: &[impl AsRef<Dag>], runs: &[Run]) -> Value {
    let version = |dag: &Dag| {
        let shown = json!({
            "id": dag.id,
            "workflow_id": flow.id,
            "metadata": {
                "name": flow.name, "description": flow.description,
                "schedule": schedule(&flow.schedule), "retention_policy": retention(flow),
            },
            "operators": nodes::operators(dag),
            "artifacts": nodes::artifacts(dag, &Types::seen(dag, runs)),
            "engine_config": nodes::engine(dag.engine),
        });
        (dag.id.to_string(), shown)
    };
    let result = |run: &Run| {
        json!({
            "id": run.id,
            "created_at": run.created_at.as_second(),
            "status": exec_state::run_status(run),
            "exec_state": exec_state::of_run(run),
            "workflow_dag_id": run.dag,
        })
    };
    json!({
        "workflow_dags": dags.iter().map(AsRef::as_ref).map(version).collect::<Map<_, _>>(),
        "workflow_dag_results": runs.iter().map(result).collect::<Vec<_>>(),
    })
}

/// A flow without its versions.
#[must_use]
pub fn alone(flow: &Flow) -> Value {
    json!({
        "id": flow.id,
        "user_id": Uuid::nil(),
        "name": flow.name,
        "description": flow.description,
        "schedule": schedule(&flow.schedule),
        "created_at": precise(flow.created_at),
        "retention_policy": retention(flow),
        "notification_settings": {"settings": {}},
    })
}

/// A version without its graph.
#[must_use]
pub fn version(dag: &Dag) -> Value {
    json!({
        "id": dag.id,
        "workflow_id": dag.flow,
        "created_at": precise(dag.created_at),
        "engine_config": nodes::engine(dag.engine),
    })
}

/// A run in short.
#[must_use]
pub fn result(run: &Run) -> Value {
    json!({"id": run.id, "dag_id": run.dag, "exec_state": exec_state::of_run(run)})
}

/// The values for a run, from the text of the field `parameters`.
///
/// # Errors
/// [`Problem`] if it is not as the SDK sends it.
pub fn parameters(text: &str) -> Result<BTreeMap<String, ParameterValue>, Problem> {
    let raw: BTreeMap<String, RawParameter> =
        serde_json::from_str(text).map_err(|error| Problem::unreadable("field 'parameters'", error))?;
    Ok(raw.into_iter().map(|(name, value)| (name, value.into())).collect())
}

/// A moment with all nine digits of its fraction: one version of the SDK reads no others.
pub(super) fn precise(moment: Timestamp) -> String {
    format!("{moment:.9}")
}
