//! Looking ahead: what would go wrong with a cluster, and what it would cost.

use crate::error::{self, Result};
use crate::extract::{Body, Named, Params};
use crate::state::Api;
use axum::Json;
use axum::extract::State;
use domain::IntegrationId;
use domain::settings::SettingsDelta;
use runtime::plans::PlanState;
use serde_json::{Map, Value};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;
use wire::v1::documents;
use wire::v1::plan::{PlanQuery, PlanResult, PlanView, PreflightView};

pub(super) fn router() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(preflight)).routes(routes!(plan)).routes(routes!(show_plan))
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
    let findings = api.look_ahead(&integration, &cluster).await?;
    Ok(Json(PreflightView { integration_id: id.0, region: integration.region, checked_at: api.world.now(), findings }))
}

/// Tells what a creation, or a change of settings, would cost per hour; with `build=true` Terraform also counts what it
/// would create and change. Changes nothing.
#[utoipa::path(
    post, path = "/v1/clusters/{id}/plan", tag = "clusters",
    params(("id" = String, Path, description = "Its id or name"), PlanQuery),
    request_body = Option<documents::Settings>, responses((status = 200, body = PlanView))
)]
async fn plan(
    State(api): State<Api>,
    Named(id): Named<String>,
    Params(query): Params<PlanQuery>,
    Body(settings): Body<Map<String, Value>>,
) -> Result<Json<PlanView>> {
    let delta = SettingsDelta::parse(&settings, api.limits)?;
    let cluster = api.cluster(&id).await?;
    let settings = cluster.changed(&delta).map_err(runtime::Error::from)?;
    let integration = api.world.integration(cluster.integration).await?;
    let live = api.live_prices(&integration, &cluster, &settings).await?;
    let plan_id = query.build.then(Uuid::new_v4);
    if let Some(plan) = plan_id {
        api.world.start_plan(&api.access, &cluster, &settings, plan).await?;
    }
    Ok(Json(PlanView { plan_id, ..PlanView::of(&cluster, settings, &live) }))
}

/// Shows how far a plan is, and what Terraform would create and change.
#[utoipa::path(
    get, path = "/v1/clusters/{id}/plans/{plan}", tag = "clusters",
    params(("id" = String, Path, description = "The cluster's id or name"), ("plan" = Uuid, Path, description = "The plan's id")),
    responses((status = 200, body = PlanResult))
)]
async fn show_plan(State(api): State<Api>, Named((id, plan)): Named<(String, String)>) -> Result<Json<PlanResult>> {
    let unknown = || runtime::Error::NotFound { what: "plan", id: plan.clone() };
    let plan_id: Uuid = plan.parse().map_err(|_| unknown())?;
    let (status, counts, error) = match api.world.plan(api.cluster(&id).await?.id, plan_id).await? {
        PlanState::Running => ("running", None, None),
        PlanState::Done(counts) => ("succeeded", Some(counts), None),
        PlanState::Failed(failure) => ("failed", None, Some(failure)),
    };
    Ok(Json(PlanResult { plan_id, status, counts, error }))
}
