//! `/v1/runs`: watching and canceling runs.

use crate::error::{self, Error, Result};
use crate::extract::{Named, Params};
use crate::state::Api;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use domain::run::{OperatorState, Run, RunStatus};
use domain::{OperatorId, RunId};
use runtime::keys;
use serde::Deserialize;
use tokio::try_join;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use wire::v1::cluster::EventList;
use wire::v1::run::{Logs, RunDetail, RunSummary};

/// So much of each text of a log is shown: both must fit into one answer of Lambda.
const LONGEST_LOG: usize = 1024 * 1024;

pub(super) fn router() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(show_run))
        .routes(routes!(cancel_run))
        .routes(routes!(list_run_events))
        .routes(routes!(show_logs))
}

/// Shows a run with its operators.
#[utoipa::path(
    get, path = "/v1/runs/{id}", tag = "runs",
    params(("id" = Uuid, Path, description = "Its id")), responses((status = 200, body = RunDetail))
)]
async fn show_run(State(api): State<Api>, Named(id): Named<String>) -> Result<Json<RunDetail>> {
    let run = api.world.run(error::id(&id)?).await?.value;
    let (dag, cluster) = try_join!(api.world.dag(run.flow, run.dag), api.cluster_of(&run))?;
    let in_line = match &cluster {
        Some(cluster) => api.world.in_line(cluster).await?,
        None => vec![],
    };
    Ok(Json(RunDetail::of(&run, &dag, cluster.as_slice(), &in_line, api.world.now())))
}

/// Ends a run: its pods are deleted, and what has not begun will not.
#[utoipa::path(
    post, path = "/v1/runs/{id}/cancel", tag = "runs",
    params(("id" = Uuid, Path, description = "Its id")), responses((status = 202, body = RunSummary))
)]
async fn cancel_run(State(api): State<Api>, Named(id): Named<String>) -> Result<(StatusCode, Json<RunSummary>)> {
    let id: RunId = error::id(&id)?;
    let decision = api.world.cancel_run(id).await?;
    if decision.events.is_empty() {
        let how = match decision.run.status {
            RunStatus::Succeeded => "succeeded",
            RunStatus::Canceled => "was canceled",
            _ => "failed",
        };
        return Err(runtime::Error::Refused(format!("run {id} is over already: it {how}")).into());
    }
    let cluster = api.cluster_of(&decision.run).await?;
    Ok((StatusCode::ACCEPTED, Json(RunSummary::of(&decision.run, cluster.as_slice(), api.world.now()))))
}

/// Lists what happened to a run.
#[utoipa::path(
    get, path = "/v1/runs/{id}/events", tag = "runs",
    params(("id" = Uuid, Path, description = "Its id")), responses((status = 200, body = EventList))
)]
async fn list_run_events(State(api): State<Api>, Named(id): Named<String>) -> Result<Json<EventList>> {
    let run = api.world.run(error::id(&id)?).await?.value;
    Ok(Json(EventList { events: api.world.events(&run.id.to_string()).await? }))
}

/// Which log is asked for.
#[derive(Deserialize)]
struct OfAttempt {
    attempt: Option<u32>,
}

/// Shows what an operator printed; nothing before it is over. Of an attempt that was lost there is what it could still
/// deliver.
#[utoipa::path(
    get, path = "/v1/runs/{id}/operators/{operator}/logs", tag = "runs",
    params(
        ("id" = Uuid, Path, description = "The run's id"),
        ("operator" = String, Path, description = "The operator's id or name"),
        ("attempt" = Option<u32>, Query, description = "Its attempt, from 1; the last one if left out"),
    ),
    responses((status = 200, body = Logs))
)]
async fn show_logs(
    State(api): State<Api>,
    Named((id, wanted)): Named<(String, String)>,
    Params(OfAttempt { attempt }): Params<OfAttempt>,
) -> Result<Json<Logs>> {
    let run = api.world.run(error::id(&id)?).await?.value;
    let (operator, state) = find(&run, &wanted).ok_or_else(|| Error::not_found("operator", &wanted))?;
    let stored_as = match attempt {
        Some(attempt) if attempt == 0 || attempt > state.attempt => {
            return Err(Error::not_found("attempt", &attempt.to_string()));
        }
        Some(attempt) if state.stored_as > 0 => attempt,
        _ => state.stored_as,
    };
    let key = keys::logs(run.id, operator, stored_as);
    let Some(bytes) = api.world.objects.get(&key).await? else { return Ok(Json(Logs::default())) };
    let logs: Logs = serde_json::from_slice(&bytes)
        .map_err(|error| runtime::Error::Corrupt { what: format!("object {key}"), detail: error.to_string() })?;
    Ok(Json(logs.tail(LONGEST_LOG)))
}

fn find<'a>(run: &'a Run, wanted: &str) -> Option<(OperatorId, &'a OperatorState)> {
    let by_id = wanted.parse().ok().and_then(|id| run.operators.get_key_value(&id));
    let found = by_id.or_else(|| run.operators.iter().find(|(_, state)| state.name == wanted));
    found.map(|(id, state)| (*id, state))
}
