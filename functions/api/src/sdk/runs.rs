//! One run, and what its operators wrote.

use super::multipart;
use crate::error::{self, Error, Result};
use crate::extract::Named;
use crate::state::Api;
use axum::extract::State;
use axum::response::Response;
use axum::routing::get;
use axum::{Json, Router};
use domain::flow::Dag;
use domain::run::Run;
use domain::{ArtifactId, FlowId, OperatorId};
use runtime::keys;
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;
use wire::sdk::run;
use wire::v1::run::Logs;

/// So much of each text of a log is part of an answer.
const LONGEST_LOG: usize = 64 * 1024;
/// The largest content that fits into one answer of Lambda, which carries bytes in base64.
const LARGEST_CONTENT: u64 = 4_400_000;

pub(super) fn router() -> Router<Api> {
    Router::new()
        .route("/api/workflow/{flow}/result/{run}", get(show))
        .route("/api/artifact/{run}/{artifact}/result", get(show_artifact))
}

/// The run that a path names.
#[derive(Deserialize)]
struct Place {
    flow: String,
    run: String,
}

/// The artifact that a path names.
#[derive(Deserialize)]
struct ArtifactPlace {
    run: String,
    artifact: String,
}

async fn show(State(api): State<Api>, Named(place): Named<Place>) -> Result<Json<Value>> {
    let flow: FlowId = error::id(&place.flow)?;
    let (run, dag) = load(&api, &place.run).await?;
    if run.flow != flow {
        return Err(Error::not_found("run", &place.run));
    }
    let flow = api.world.flow(flow).await?;
    Ok(Json(run::whole(&flow, &dag, &run, &logs(&api, &run).await?)))
}

/// What a run's operators printed, as far as they are over.
async fn logs(api: &Api, run: &Run) -> Result<BTreeMap<OperatorId, Logs>> {
    let mut logs = BTreeMap::new();
    for (id, _) in run.operators.iter().filter(|(_, state)| state.attempt > 0 && state.status.is_final()) {
        if let Some(bytes) = api.world.objects.get(&keys::logs(run.id, *id)).await? {
            // Logs that a pod wrote badly are no reason not to show the run.
            let read: Logs = serde_json::from_slice(&bytes).unwrap_or_default();
            logs.insert(*id, read.tail(LONGEST_LOG));
        }
    }
    Ok(logs)
}

async fn show_artifact(State(api): State<Api>, Named(place): Named<ArtifactPlace>) -> Result<Response> {
    let (run, dag) = load(&api, &place.run).await?;
    let id: ArtifactId = error::id(&place.artifact)?;
    let result = run::Result::of(id, &dag, &run).ok_or_else(|| Error::not_found("artifact", &place.artifact))?;
    let content = match result.size() {
        Some(size) if size > LARGEST_CONTENT => {
            return Err(runtime::Error::TooLarge(format!(
                "the artifact has {size} bytes, more than fit into one answer: GET /v1/runs/{}/artifacts/{id} tells where to download it",
                run.id
            ))
            .into());
        }
        Some(_) => api.world.objects.get(&keys::content(run.id, id)).await?,
        None => None,
    };
    Ok(multipart(|boundary| result.render(content.as_deref(), boundary)))
}

async fn load(api: &Api, id: &str) -> Result<(Run, Dag)> {
    let run = api.world.run(error::id(id)?).await?.value;
    let dag = api.world.dag(run.flow, run.dag).await?;
    Ok((run, dag))
}
