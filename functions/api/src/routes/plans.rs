//! Looking ahead: what would go wrong with a cluster, and what it would cost.

use crate::error::{self, Result};
use crate::extract::{Body, Named};
use crate::state::Api;
use axum::Json;
use axum::extract::State;
use domain::IntegrationId;
use domain::settings::SettingsDelta;
use serde_json::{Map, Value};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use wire::v1::documents;
use wire::v1::plan::{PlanView, PreflightView};

pub(super) fn router() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(preflight)).routes(routes!(plan))
}

/// Looks an account over for what would make a creation fail: missing permissions, quotas, node types. Nothing is
/// refused because of it, and what may not be looked up is told as such.
#[utoipa::path(
    get, path = "/v1/integrations/{id}/preflight", tag = "integrations",
    params(("id" = Uuid, Path, description = "The account's id")), responses((status = 200, body = PreflightView))
)]
async fn preflight(State(api): State<Api>, Named(id): Named<String>) -> Result<Json<PreflightView>> {
    let id: IntegrationId = error::id(&id)?;
    let integration = api.world.integration(id).await?;
    let cluster = api.world.cluster(integration.cluster).await?.value;
    let findings = api.look_ahead(&integration, &cluster.settings).await?;
    Ok(Json(PreflightView { integration_id: id.0, region: integration.region, checked_at: api.world.now(), findings }))
}

/// Tells what a creation, or a change of settings, would lead to and cost per hour. Changes nothing, and starts no
/// build: how many resources there will be is known when Terraform plans, at the beginning of a build, and shown as
/// the cluster's progress.
#[utoipa::path(
    post, path = "/v1/clusters/{id}/plan", tag = "clusters",
    params(("id" = String, Path, description = "Its id or name")),
    request_body = Option<documents::Settings>, responses((status = 200, body = PlanView))
)]
async fn plan(
    State(api): State<Api>,
    Named(id): Named<String>,
    Body(settings): Body<Map<String, Value>>,
) -> Result<Json<PlanView>> {
    let delta = SettingsDelta::parse(&settings, api.limits)?;
    let cluster = api.cluster(&id).await?;
    let settings = cluster.settings.merged(&delta).map_err(runtime::Error::from)?;
    let integration = api.world.integration(cluster.integration).await?;
    let live = api.live_prices(&integration, &settings).await?;
    Ok(Json(PlanView::of(&cluster, settings, &live)))
}
