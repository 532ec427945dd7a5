//! Flows: publishing, listing, showing, running and deleting them.

use super::form::{Fields, GraphForm};
use crate::error::{self, Result};
use crate::extract::Named;
use crate::state::Api;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::routing::{get, post};
use axum::{Json, Router};
use domain::flow::{Code, Dag, Flow};
use domain::{DagId, FlowId, RunId};
use runtime::concurrent;
use runtime::flows::Publication;
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;
use tokio::try_join;
use uuid::Uuid;
use wire::sdk::dag::{self, Context, Parsed};
use wire::sdk::flow;
use wire::sdk::nodes::{self, Types};

pub(super) fn router() -> Router<Api> {
    Router::new()
        .route("/api/workflow/register", post(register))
        .route("/api/workflows", get(list))
        .route("/api/workflow/{flow}", get(show))
        .route("/api/workflow/{flow}/refresh", post(run))
        .route("/api/workflow/{flow}/delete", post(delete))
        .route("/api/workflow/{flow}/objects", get(saved_objects))
        .route("/api/v2/workflow/{flow}", get(show_alone))
        .route("/api/v2/workflow/{flow}/dags", get(list_versions))
        .route("/api/v2/workflow/{flow}/dag/{dag}/nodes", get(show_version))
        .route("/api/v2/workflow/{flow}/results", get(list_results))
}

/// The flow that a path names.
#[derive(Deserialize)]
struct Place {
    flow: String,
}

/// The version of a flow that a path names.
#[derive(Deserialize)]
struct VersionPlace {
    flow: String,
    dag: String,
}

/// Publishes a flow, or a new version of it, and runs it unless told otherwise.
async fn register(State(api): State<Api>, headers: HeaderMap, form: GraphForm) -> Result<Json<Value>> {
    let context = Context {
        clusters: api.world.clusters().await?.iter().map(|cluster| cluster.id).collect(),
        dag: DagId(Uuid::new_v4()),
        flow: FlowId(Uuid::new_v4()),
        now: api.world.now(),
    };
    let Parsed { dag, metadata } = dag::parse(&form.dag, &form.packages, &context)?;
    metadata.check_name()?;
    // The SDK compares it with its own, to the patch release, which it does not send: a warning that is to reassure.
    let python_version = format!("Python {} of its newest patch release", python(&dag));
    let run = headers.get("run-now").is_none_or(|run| !run.as_bytes().eq_ignore_ascii_case(b"false"));
    let publication = Publication {
        description: metadata.description,
        dag,
        packages: form.packages,
        schedule: Some(metadata.schedule),
        keep_runs: Some(metadata.keep_runs),
        run: run.then(|| RunId(Uuid::new_v4())),
    };
    let (flow, _) = api.world.publish(publication).await?;
    Ok(Json(json!({"id": flow.id, "python_version": python_version})))
}

/// The Python that functions run with: the one they were made with.
fn python(dag: &Dag) -> String {
    let first = dag.operators.values().find_map(|operator| operator.code());
    first.map(Code::python).unwrap_or_default().to_string()
}

async fn list(State(api): State<Api>) -> Result<Json<Value>> {
    let flows = api.world.flows().await?;
    let latest = concurrent::all(flows.iter().map(|flow| api.world.latest_run_of(flow.id))).await?;
    Ok(Json(flows.iter().zip(&latest).map(|(flow, latest)| flow::entry(flow, latest.as_ref())).collect()))
}

async fn show(State(api): State<Api>, Named(Place { flow }): Named<Place>) -> Result<Json<Value>> {
    let flow = api.world.flow(error::id(&flow)?).await?;
    let (runs, versions) = try_join!(api.world.runs_of(flow.id), versions(&api, &flow))?;
    Ok(Json(flow::whole(&flow, &versions, &runs)))
}

async fn show_alone(State(api): State<Api>, Named(Place { flow }): Named<Place>) -> Result<Json<Value>> {
    Ok(Json(flow::alone(&api.world.flow(error::id(&flow)?).await?)))
}

async fn list_versions(State(api): State<Api>, Named(Place { flow }): Named<Place>) -> Result<Json<Value>> {
    let flow = api.world.flow(error::id(&flow)?).await?;
    Ok(Json(versions(&api, &flow).await?.iter().map(|dag| flow::version(dag)).collect()))
}

async fn show_version(State(api): State<Api>, Named(place): Named<VersionPlace>) -> Result<Json<Value>> {
    let flow = api.world.flow(error::id(&place.flow)?).await?;
    let (dag, runs) = try_join!(api.world.dag(flow.id, error::id(&place.dag)?), api.world.runs_of(flow.id))?;
    Ok(Json(nodes::lists(&dag, &Types::seen(&dag, &runs))))
}

async fn list_results(State(api): State<Api>, Named(Place { flow }): Named<Place>) -> Result<Json<Value>> {
    let flow = api.world.flow(error::id(&flow)?).await?;
    Ok(Json(api.world.runs_of(flow.id).await?.iter().map(flow::result).collect()))
}

/// All versions of a flow, oldest first.
async fn versions(api: &Api, flow: &Flow) -> std::result::Result<Vec<Arc<Dag>>, runtime::Error> {
    concurrent::all(flow.versions.iter().map(|version| api.world.dag(flow.id, *version))).await
}

/// Runs the newest version of a flow, with other values for its parameters if some are sent.
async fn run(State(api): State<Api>, Named(Place { flow }): Named<Place>, mut fields: Fields) -> Result<Json<Value>> {
    let parameters = flow::parameters(&fields.take("parameters").unwrap_or_else(|| "{}".to_owned()))?;
    let flow = api.world.flow(error::id(&flow)?).await?;
    let run = api.world.run_flow(RunId(Uuid::new_v4()), &flow, parameters).await?;
    Ok(Json(json!({ "id": run.id })))
}

/// Deletes a flow. There are no objects that it saved elsewhere.
async fn delete(State(api): State<Api>, Named(Place { flow }): Named<Place>) -> Result<Json<Value>> {
    api.world.delete_flow(error::id(&flow)?).await?;
    Ok(Json(json!({"saved_object_deletion_results": {}})))
}

async fn saved_objects(State(api): State<Api>, Named(Place { flow }): Named<Place>) -> Result<Json<Value>> {
    api.world.flow(error::id(&flow)?).await?;
    Ok(Json(json!({ "object_details": null })))
}
