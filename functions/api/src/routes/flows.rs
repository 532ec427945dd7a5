//! `/v1/flows`: publishing, showing and deleting flows, and running them.

use crate::error::{self, Result};
use crate::extract::{self, Body, Named};
use crate::state::Api;
use axum::Json;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use domain::flow::Schedule;
use domain::{DagId, FlowId, RunId};
use runtime::flows::Publication;
use std::collections::BTreeMap;
use std::num::NonZeroU32;
use tokio::try_join;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;
use wire::v1::documents;
use wire::v1::flow::{Deleted, FlowDetail, FlowList, FlowView, PublishRequest, Published, RunRequest};
use wire::v1::graph::{Graph, Place};
use wire::v1::run::{RunList, RunSummary};
use wire::v1::schedule;

/// So many runs are shown with their flow.
const LATEST_RUNS: usize = 10;
/// The part of a multipart request that is the flow; the others are packages.
const FLOW_PART: &str = "flow";

pub(super) fn router() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(publish_flow, list_flows))
        .routes(routes!(show_flow, delete_flow))
        .routes(routes!(run_flow, list_runs))
}

/// Publishes a flow, or a new version of it, and runs it. With packages it comes as multipart/form-data: the part
/// `flow` is the JSON, every other part a package that operators name in their field `package`.
#[utoipa::path(
    post, path = "/v1/flows", tag = "flows",
    request_body(content((PublishRequest = "application/json"), (documents::PublishForm = "multipart/form-data"))),
    responses((status = 201, body = Published))
)]
async fn publish_flow(State(api): State<Api>, request: Request) -> Result<(StatusCode, Json<Published>)> {
    let (request, packages) = read(request).await?;
    let clusters = api.world.clusters().await?;
    let (dag, flow, now) = (DagId(Uuid::new_v4()), FlowId(Uuid::new_v4()), api.world.now());
    let graph = Graph::read(&request, packages, &Place { dag, flow, now, clusters: &clusters }).map_err(error::flow)?;
    let publication = Publication {
        description: request.description,
        dag: graph.dag,
        packages: graph.packages,
        schedule: schedule(&api, request.schedule).await?,
        keep_runs: request.keep_runs.map(|most| NonZeroU32::new(most).into()),
        run: request.run.then(|| RunId(Uuid::new_v4())),
    };
    let (flow, run) = api.world.publish(publication).await?;
    let run = run.map(|run| RunSummary::of(&run, &clusters, now));
    Ok((StatusCode::CREATED, Json(Published { flow: (&flow).into(), run })))
}

/// Lists all flows.
#[utoipa::path(get, path = "/v1/flows", tag = "flows", responses((status = 200, body = FlowList)))]
async fn list_flows(State(api): State<Api>) -> Result<Json<FlowList>> {
    let flows = api.world.flows().await?;
    Ok(Json(FlowList { flows: flows.iter().map(FlowView::from).collect() }))
}

/// Shows a flow with its newest graph and its latest runs.
#[utoipa::path(
    get, path = "/v1/flows/{id}", tag = "flows",
    params(("id" = Uuid, Path, description = "Its id")), responses((status = 200, body = FlowDetail))
)]
async fn show_flow(State(api): State<Api>, Named(id): Named<String>) -> Result<Json<FlowDetail>> {
    let flow = api.world.flow(error::id(&id)?).await?;
    let (dag, mut runs) = try_join!(api.world.dag(flow.id, flow.dag), summaries(&api, flow.id))?;
    runs.truncate(LATEST_RUNS);
    Ok(Json(FlowDetail::of(&flow, &dag, runs)))
}

/// Deletes a flow with its runs and what they wrote. None of them may be under way.
#[utoipa::path(
    delete, path = "/v1/flows/{id}", tag = "flows",
    params(("id" = Uuid, Path, description = "Its id")), responses((status = 200, body = Deleted))
)]
async fn delete_flow(State(api): State<Api>, Named(id): Named<String>) -> Result<Json<Deleted>> {
    let id: FlowId = error::id(&id)?;
    api.world.delete_flow(id).await?;
    Ok(Json(Deleted { deleted: id.0 }))
}

/// Runs the newest version of a flow.
#[utoipa::path(
    post, path = "/v1/flows/{id}/runs", tag = "runs",
    params(("id" = Uuid, Path, description = "The flow's id")),
    request_body = Option<RunRequest>, responses((status = 202, body = RunSummary))
)]
async fn run_flow(
    State(api): State<Api>,
    Named(id): Named<String>,
    Body(request): Body<RunRequest>,
) -> Result<(StatusCode, Json<RunSummary>)> {
    let flow = api.world.flow(error::id(&id)?).await?;
    let run = api.world.run_flow(RunId(Uuid::new_v4()), &flow, request.values()).await?;
    let cluster: Vec<_> = api.cluster_of(&run).await?.into_iter().collect();
    Ok((StatusCode::ACCEPTED, Json(RunSummary::of(&run, &cluster, api.world.now()))))
}

/// Lists the runs of a flow.
#[utoipa::path(
    get, path = "/v1/flows/{id}/runs", tag = "runs",
    params(("id" = Uuid, Path, description = "The flow's id")), responses((status = 200, body = RunList))
)]
async fn list_runs(State(api): State<Api>, Named(id): Named<String>) -> Result<Json<RunList>> {
    let flow = api.world.flow(error::id(&id)?).await?;
    Ok(Json(RunList { runs: summaries(&api, flow.id).await? }))
}

/// The runs of a flow, newest first.
async fn summaries(api: &Api, flow: FlowId) -> std::result::Result<Vec<RunSummary>, runtime::Error> {
    let (clusters, runs) = try_join!(api.world.clusters(), api.world.runs_of(flow))?;
    let now = api.world.now();
    Ok(runs.iter().rev().map(|run| RunSummary::of(run, &clusters, now)).collect())
}

/// When a flow is to run by itself, if the request says so.
async fn schedule(api: &Api, asked: Option<schedule::Schedule>) -> Result<Option<Schedule>> {
    Ok(match asked {
        None => None,
        Some(schedule::Schedule::Manual) => Some(Schedule::Manual),
        Some(schedule::Schedule::Cron(cron)) => Some(Schedule::Periodic { cron }),
        Some(schedule::Schedule::After(flow)) => Some(Schedule::Cascade { source: api.flow_to_follow(&flow).await? }),
    })
}

async fn read(request: Request) -> Result<(PublishRequest, BTreeMap<String, Vec<u8>>)> {
    let boundary = extract::boundary(&request);
    let bytes = extract::bytes(request).await?;
    let Some(boundary) = boundary else { return Ok((extract::parse(&bytes)?, BTreeMap::new())) };
    let mut parts = extract::parts(bytes, boundary).await?;
    let flow = parts.remove(FLOW_PART);
    let flow = flow.ok_or_else(|| {
        extract::bad_request(format!("the request has no part '{FLOW_PART}': put the flow's JSON there"))
    })?;
    Ok((extract::parse(&flow)?, parts))
}
