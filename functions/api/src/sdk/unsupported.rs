//! What the SDK could ask for and this server does not do.

use super::dialect::FAMILIES;
use crate::error::Result;
use crate::state::Api;
use axum::routing::{any, get};
use axum::{Json, Router};
use serde_json::{Value, json};
use wire::sdk::Problem;

pub(super) fn router() -> Router<Api> {
    let router = ["/api/workflow/register/airflow", "/api/positioning", "/api/function/{id}/export"]
        .iter()
        .fold(Router::new(), |router, path| router.route(path, any(refuse)));
    FAMILIES.iter().fold(router, |router, family| {
        router
            .route(&format!("/api/{family}s/github/repos"), any(refuse))
            .route(&format!("/api/{family}s/github/branches"), any(refuse))
            .route(&format!("/api/{family}/container-registry/url"), any(refuse))
            .route(&format!("/api/{family}/{{id}}/objects"), get(no_objects))
    })
}

async fn refuse() -> Result<Json<Value>> {
    let text = "this server runs functions on on-demand Kubernetes clusters in AWS accounts, and knows no Airflow, GitHub, container registries or data resources";
    Err(Problem::Unsupported(text.to_owned()).into())
}

/// No resource here holds tables or other objects.
async fn no_objects() -> Json<Value> {
    Json(json!({ "object_names": [] }))
}
