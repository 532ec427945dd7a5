//! `/v1/integrations`: registered AWS accounts.

use crate::error::{self, Error, Result};
use crate::extract::{Body, Named};
use crate::state::Api;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use domain::{ClusterId, IntegrationId};
use tokio::try_join;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use wire::v1::flow::Deleted;
use wire::v1::integration::{Entry, IntegrationList, RegisterRequest, Registered};

pub(super) fn router() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(register_integration, list_integrations))
        .routes(routes!(show_integration, delete_integration))
}

/// Registers an AWS account. Nothing is created in it yet.
#[utoipa::path(
    post, path = "/v1/integrations", tag = "integrations",
    request_body = RegisterRequest, responses((status = 201, body = Registered))
)]
async fn register_integration(
    State(api): State<Api>,
    Body(request): Body<RegisterRequest>,
) -> Result<(StatusCode, Json<Registered>)> {
    let registering = request.read(api.limits)?;
    let (integration, cluster) = api.register(registering).await?;
    let warnings = api.look_ahead(&integration, &cluster.settings).await?;
    let cluster = api.show(&cluster).await?;
    let notes = cluster.notes.clone();
    Ok((StatusCode::CREATED, Json(Registered { integration: (&integration).into(), cluster, notes, warnings })))
}

/// Lists all accounts, each followed by the entry of its cluster.
#[utoipa::path(get, path = "/v1/integrations", tag = "integrations", responses((status = 200, body = IntegrationList)))]
async fn list_integrations(State(api): State<Api>) -> Result<Json<IntegrationList>> {
    let (integrations, clusters) = try_join!(api.world.integrations(), api.world.clusters())?;
    Ok(Json(IntegrationList::of(&integrations, &clusters)))
}

/// Shows an entry: an account, or a cluster.
#[utoipa::path(
    get, path = "/v1/integrations/{id}", tag = "integrations",
    params(("id" = Uuid, Path, description = "The entry's id")), responses((status = 200, body = Entry))
)]
async fn show_integration(State(api): State<Api>, Named(id): Named<String>) -> Result<Json<Entry>> {
    let id: IntegrationId = error::id(&id)?;
    match api.world.integration(id).await {
        Ok(integration) => Ok(Json(Entry::Account((&integration).into()))),
        Err(runtime::Error::NotFound { .. }) => match api.world.cluster(ClusterId(id.0)).await {
            Ok(cluster) => Ok(Json(Entry::Cluster((&cluster.value).into()))),
            Err(runtime::Error::NotFound { .. }) => Err(Error::not_found("integration", &id.to_string())),
            Err(error) => Err(error.into()),
        },
        Err(error) => Err(error.into()),
    }
}

/// Deletes an account's entries and credentials. Its cluster must be Terminated.
#[utoipa::path(
    delete, path = "/v1/integrations/{id}", tag = "integrations",
    params(("id" = Uuid, Path, description = "The account's id")), responses((status = 200, body = Deleted))
)]
async fn delete_integration(State(api): State<Api>, Named(id): Named<String>) -> Result<Json<Deleted>> {
    let id: IntegrationId = error::id(&id)?;
    api.world.delete_integration(&api.access, id).await?;
    Ok(Json(Deleted { deleted: id.0 }))
}
