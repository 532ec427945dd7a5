//! `/v1/integrations`: registered AWS accounts.

use crate::error::{self, Error, Result};
use crate::extract::{Body, Named};
use crate::state::Api;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use domain::cluster::Cluster;
use domain::integration::Integration;
use domain::preflight::replaced;
use domain::{ClusterId, IntegrationId};
use tokio::try_join;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use wire::v1::flow::Deleted;
use wire::v1::integration::{CredentialsRequest, Entry, IntegrationList, RegisterRequest, Registered};

pub(super) fn router() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(register_integration, list_integrations))
        .routes(routes!(show_integration, delete_integration))
        .routes(routes!(replace_credentials))
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
    Ok((StatusCode::CREATED, Json(registered(&api, &integration, &cluster).await?)))
}

/// Gives an account other credentials. They must be of the same account; what waits for them is tried at once. If they are
/// of another user or role than those before, a cluster that lives may not let them in: then `warnings` has the way in.
#[utoipa::path(
    put, path = "/v1/integrations/{id}/credentials", tag = "integrations",
    params(("id" = Uuid, Path, description = "The account's id")),
    request_body = CredentialsRequest, responses((status = 200, body = Registered))
)]
async fn replace_credentials(
    State(api): State<Api>,
    Named(id): Named<String>,
    Body(request): Body<CredentialsRequest>,
) -> Result<Json<Registered>> {
    let id: IntegrationId = error::id(&id)?;
    let credentials = request.read()?;
    let file = api.credentials_file(&credentials).await?;
    let done = api.world.replace_credentials(&api.access, id, credentials, file.as_deref()).await?;
    let mut registered = registered(&api, &done.integration, &done.cluster).await?;
    let locked_out = replaced(&done.former_caller_arn, &done.integration.caller_arn, &done.cluster);
    registered.warnings.splice(0..0, locked_out);
    Ok(Json(registered))
}

async fn registered(api: &Api, integration: &Integration, cluster: &Cluster) -> Result<Registered> {
    let warnings = api.look_ahead(integration, cluster).await?;
    let cluster = api.show(cluster).await?;
    Ok(Registered { integration: integration.into(), notes: cluster.notes.clone(), cluster, warnings })
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
