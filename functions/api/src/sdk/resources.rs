//! Resources: connecting, listing and deleting them, and the clusters among them.

use super::dialect::{Dialect, FAMILIES, header};
use super::form::Fields;
use crate::error::{self, Result};
use crate::extract::Named;
use crate::state::Api;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::routing::{get, post};
use axum::{Json, Router};
use domain::{ClusterId, IntegrationId};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::try_join;
use wire::sdk::{Problem, resource};

pub(super) fn router() -> Router<Api> {
    FAMILIES.iter().fold(Router::new(), |router, family| {
        router
            .route(&format!("/api/{family}s"), get(list))
            .route(&format!("/api/{family}/connect"), post(connect))
            .route(&format!("/api/{family}/{{id}}/delete"), post(delete))
            .route(&format!("/api/{family}/dynamic-engine/status"), get(status))
            .route(&format!("/api/{family}/dynamic-engine/{{id}}/edit"), post(edit))
    })
}

/// The resource that a path names.
#[derive(Deserialize)]
struct Entry {
    id: String,
}

async fn list(State(api): State<Api>, Dialect(version): Dialect) -> Result<Json<Value>> {
    let (integrations, clusters) = try_join!(api.world.integrations(), api.world.clusters())?;
    Ok(Json(resource::list(version, &integrations, &clusters)))
}

/// Registers an account. All is in the headers; the body is nothing that the SDK means.
async fn connect(State(api): State<Api>, headers: HeaderMap) -> Result<Json<Value>> {
    let (name, service) = (header(&headers, "name")?, header(&headers, "service")?);
    let registering = resource::connect(&name, &service, &header(&headers, "config")?, api.limits)?;
    let (integration, _) = api.register(registering).await?;
    Ok(Json(json!({ "id": integration.id })))
}

async fn delete(State(api): State<Api>, Named(Entry { id }): Named<Entry>) -> Result<Json<Value>> {
    let id: IntegrationId = error::id(&id)?;
    if api.world.clusters().await?.iter().any(|cluster| cluster.id.0 == id.0) {
        let text = "this is the cluster of an AWS resource: delete that resource, and the cluster goes with it";
        return Err(Problem::Unsupported(text.to_owned()).into());
    }
    api.world.delete_integration(&api.access, id).await?;
    Ok(Json(json!({})))
}

async fn status(State(api): State<Api>, headers: HeaderMap) -> Result<Json<Value>> {
    let ids = header(&headers, "ids")?;
    Ok(Json(resource::status(&ids, &api.world.clusters().await?)?))
}

async fn edit(
    State(api): State<Api>,
    Named(Entry { id }): Named<Entry>,
    headers: HeaderMap,
    mut fields: Fields,
) -> Result<Json<Value>> {
    let id: ClusterId = error::id(&id)?;
    let action = headers.get("action").and_then(|action| action.to_str().ok());
    let action = action.ok_or_else(|| Problem::Missing("header 'action'".to_owned()))?;
    let delta = fields.take("config_delta").unwrap_or_default();
    api.world.cluster_command(id, &resource::edit(action, &delta, api.limits)?).await?;
    Ok(Json(json!({})))
}
