//! `/v1/flows`: publishing, showing and deleting flows, and running them.

use crate::error::{self, Result};
use crate::extract::{self, Named};
use crate::idempotency::IdempotencyKey;
use crate::state::Api;
use axum::Json;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use domain::flow::{Flow, Schedule};
use domain::run::Run;
use domain::{DagId, FlowId, RunId};
use runtime::flows::Publication;
use serde_json::{Value, json};
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
const IDEMPOTENCY_KEY: &str = "A key of your own, such as a UUID. The same request with the same key, sent again within 24 \
    hours, is not carried out again, but answered as the first time; another request with this key is refused (422).";

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
    params(("Idempotency-Key" = Option<String>, Header, description = IDEMPOTENCY_KEY)),
    request_body(content((PublishRequest = "application/json"), (documents::PublishForm = "multipart/form-data"))),
    responses((status = 201, body = Published))
)]
async fn publish_flow(
    State(api): State<Api>,
    key: IdempotencyKey,
    request: Request,
) -> Result<(StatusCode, Json<Value>)> {
    let Sent { text, packages } = Sent::read(request).await?;
    let parts = packages.iter().flat_map(|(name, package)| [name.as_bytes(), package]);
    let repeatable = key.of(&[&text[..]].into_iter().chain(parts).collect::<Vec<_>>())?;
    let request: PublishRequest = extract::parse(&text)?;
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
    let answer = |flow: &Flow, run: Option<&Run>| {
        json!(Published { flow: flow.into(), run: run.map(|run| RunSummary::of(run, &clusters, now)) })
    };
    Ok((StatusCode::CREATED, Json(api.world.publish_once(publication, repeatable.as_ref(), answer).await?)))
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
    params(
        ("id" = Uuid, Path, description = "The flow's id"),
        ("Idempotency-Key" = Option<String>, Header, description = IDEMPOTENCY_KEY),
    ),
    request_body = Option<RunRequest>, responses((status = 202, body = RunSummary))
)]
async fn run_flow(
    State(api): State<Api>,
    Named(id): Named<String>,
    key: IdempotencyKey,
    request: Request,
) -> Result<(StatusCode, Json<Value>)> {
    let text = extract::bytes(request).await?;
    let repeatable = key.of(&[&text])?;
    let values = extract::parse::<RunRequest>(&text)?.values();
    let (flow, clusters) = try_join!(api.world.flow(error::id(&id)?), api.world.clusters())?;
    let now = api.world.now();
    let answer = |run: &Run| json!(RunSummary::of(run, &clusters, now));
    let run = RunId(Uuid::new_v4());
    let answer = api.world.run_flow_once(run, &flow, values, repeatable.as_ref(), answer).await?;
    Ok((StatusCode::ACCEPTED, Json(answer)))
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

/// A flow as it was sent.
struct Sent {
    /// Its JSON.
    text: Vec<u8>,
    /// Its packages, by the names of their parts.
    packages: BTreeMap<String, Vec<u8>>,
}

impl Sent {
    async fn read(request: Request) -> Result<Self> {
        let boundary = extract::boundary(&request);
        let bytes = extract::bytes(request).await?;
        let Some(boundary) = boundary else { return Ok(Self { text: bytes.into(), packages: BTreeMap::new() }) };
        let mut packages = extract::parts(bytes, boundary).await?;
        let text = packages.remove(FLOW_PART);
        let text = text.ok_or_else(|| {
            extract::bad_request(format!("the request has no part '{FLOW_PART}': put the flow's JSON there"))
        })?;
        Ok(Self { text, packages })
    }
}
