//! One run, and what its operators wrote.

use super::dialect::Dialect;
use super::multipart;
use super::objects::{self, LARGEST_ANSWER};
use crate::error::{self, Error, Result};
use crate::extract::Named;
use crate::state::Api;
use axum::extract::State;
use axum::response::Response;
use axum::routing::get;
use axum::{Json, Router};
use domain::run::Run;
use domain::{ArtifactId, FlowId, OperatorId};
use runtime::keys;
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;
use tokio::try_join;
use wire::sdk::run;
use wire::v1::run::Logs;

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
    let (run, dag) = api.world.run_with_dag(error::id(&place.run)?).await?;
    if run.flow != flow {
        return Err(Error::not_found("run", &place.run));
    }
    let (flow, logs) = try_join!(api.world.flow(flow), logs(&api, &run))?;
    Ok(Json(run::whole(&flow, &dag, &run, &logs)))
}

/// What a run's operators printed, as far as they are over.
async fn logs(api: &Api, run: &Run) -> std::result::Result<BTreeMap<OperatorId, Logs>, runtime::Error> {
    let over = run.operators.iter().filter(|(_, state)| state.attempt > 0 && state.status.is_final());
    objects::logs(api, &over.map(|(id, state)| (*id, keys::logs(run.id, *id, state.stored_as))).collect()).await
}

async fn show_artifact(
    State(api): State<Api>,
    Dialect(version): Dialect,
    Named(place): Named<ArtifactPlace>,
) -> Result<Response> {
    let (run, dag) = api.world.run_with_dag(error::id(&place.run)?).await?;
    let id: ArtifactId = error::id(&place.artifact)?;
    let result = run::Result::of(id, &dag, &run, version);
    let result = result.ok_or_else(|| Error::not_found("artifact", &place.artifact))?;
    let content = match result.size() {
        Some(size) if size > LARGEST_ANSWER => {
            return Err(runtime::Error::TooLarge(format!(
                "the artifact has {size} bytes, more than fit into one answer: GET /v1/runs/{}/artifacts/{id} tells where to download it",
                run.id
            ))
            .into());
        }
        Some(_) => api.world.objects.get(&keys::content(run.id, id, run.stored_as(id, &dag))).await?,
        None => None,
    };
    Ok(multipart(|boundary| result.render(content.as_deref(), boundary)))
}
