//! `/v1/runs/{id}/artifacts`: what a run's operators wrote.

use crate::error::{self, Error, Result};
use crate::extract::Named;
use crate::state::Api;
use axum::Json;
use axum::extract::State;
use runtime::keys;
use std::time::Duration;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use wire::v1::artifact::{self, ArtifactDetail, ArtifactList, Missing, OutputView};

/// How long a download's address is valid.
const VALID_FOR: Duration = Duration::from_secs(15 * 60);
/// The largest value that is part of an answer.
const LARGEST_VALUE: u64 = 256 * 1024;

pub(super) fn router() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(list_artifacts)).routes(routes!(show_artifact))
}

/// Lists what has been written so far.
#[utoipa::path(
    get, path = "/v1/runs/{id}/artifacts", tag = "artifacts",
    params(("id" = Uuid, Path, description = "The run's id")), responses((status = 200, body = ArtifactList))
)]
async fn list_artifacts(State(api): State<Api>, Named(id): Named<String>) -> Result<Json<ArtifactList>> {
    let (run, dag) = api.world.run_with_dag(error::id(&id)?).await?;
    let states = dag.in_order().into_iter().filter_map(|operator| run.operators.get(&operator));
    let artifacts = states.flat_map(|state| &state.outputs).map(|output| OutputView::of(output, &dag)).collect();
    Ok(Json(ArtifactList { artifacts }))
}

/// Shows an artifact: its value if that is small and plain, and where to get its content.
#[utoipa::path(
    get, path = "/v1/runs/{id}/artifacts/{artifact}", tag = "artifacts",
    params(
        ("id" = Uuid, Path, description = "The run's id"),
        ("artifact" = String, Path, description = "The artifact's id, name, or `<operator>.<name>`"),
    ),
    responses((status = 200, body = ArtifactDetail))
)]
async fn show_artifact(
    State(api): State<Api>,
    Named((id, wanted)): Named<(String, String)>,
) -> Result<Json<ArtifactDetail>> {
    let (run, dag) = api.world.run_with_dag(error::id(&id)?).await?;
    let found = artifact::find(&dag, &wanted).map_err(|missing| match missing {
        Missing::Unknown => Error::not_found("artifact", &wanted),
        Missing::Ambiguous => runtime::Error::Invalid(format!(
            "several artifacts are called '{wanted}': ask for '<operator>.{wanted}' or for an id"
        ))
        .into(),
    })?;
    let detail = ArtifactDetail::of(found, &run, &dag).ok_or_else(|| Error::not_found("artifact", &wanted))?;
    let Some(size) = detail.size_bytes else { return Ok(Json(detail)) };
    let key = keys::content(run.id, found, run.stored_as(found, &dag));
    let url = api.world.objects.presign_get(&key, VALID_FOR).await?;
    let content = match detail.is_plain() && size < LARGEST_VALUE {
        true => api.world.objects.get(&key).await?,
        false => None,
    };
    let detail = match content {
        Some(content) => detail.with_content(&content),
        None => detail,
    };
    Ok(Json(ArtifactDetail { download_url: Some(url), ..detail }))
}
