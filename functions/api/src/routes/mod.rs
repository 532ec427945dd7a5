//! The routes, each described where it is handled; the description is served as the OpenAPI document.

mod artifacts;
mod clusters;
mod flows;
mod integrations;
mod plans;
mod runs;

use crate::auth;
use crate::error::Error;
use crate::sdk;
use crate::state::Api;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::{Extension, Json, Router, middleware};
use serde_json::{Value, json};
use std::sync::Arc;
use utoipa::PartialSchema;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, SecurityScheme};
use utoipa::openapi::{
    ContentBuilder, InfoBuilder, OpenApi, OpenApiBuilder, Ref, RefOr, ResponseBuilder, SecurityRequirement,
};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use wire::v1::documents;

pub(crate) const HEALTH: &str = "/health";

/// All routes over the given ports.
pub fn router(api: Api) -> Router {
    let (router, mut document) = OpenApiRouter::with_openapi(outline())
        .routes(routes!(health))
        .routes(routes!(openapi))
        .merge(integrations::router())
        .merge(clusters::router())
        .merge(plans::router())
        .merge(flows::router())
        .merge(runs::router())
        .merge(artifacts::router())
        .split_for_parts();
    describe_errors(&mut document);
    router
        .merge(sdk::router())
        .fallback(no_such_route)
        .method_not_allowed_fallback(no_such_method)
        .layer(Extension(Arc::new(document)))
        .layer(middleware::from_fn_with_state(api.clone(), auth::require_key))
        .with_state(api)
}

/// Whether the API is up. Needs no key.
#[utoipa::path(get, path = HEALTH, tag = "about", security(()), responses((status = 200, body = Object)))]
async fn health() -> Json<Value> {
    Json(json!({ "status": "ok", "version": env!("CARGO_PKG_VERSION") }))
}

/// This document.
#[utoipa::path(get, path = "/openapi.json", tag = "about", responses((status = 200, body = Object)))]
async fn openapi(Extension(document): Extension<Arc<OpenApi>>) -> Json<Arc<OpenApi>> {
    Json(document)
}

async fn no_such_route(request: Request) -> Error {
    let text = format!("there is no route {}; GET /openapi.json lists all routes", request.uri().path());
    Error::Http(StatusCode::NOT_FOUND, text)
}

async fn no_such_method(request: Request) -> Error {
    let (method, path) = (request.method(), request.uri().path());
    let text = format!("method {method} is not allowed for {path}; GET /openapi.json lists all routes");
    Error::Http(StatusCode::METHOD_NOT_ALLOWED, text)
}

fn outline() -> OpenApi {
    let info = InfoBuilder::new()
        .title("ondemand-eks")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some("Flows on a Kubernetes cluster that exists only while it is needed."))
        .build();
    let key = ApiKeyValue::with_description("api-key", "A key of this deployment.");
    let mut document =
        OpenApiBuilder::new().info(info).security(Some([SecurityRequirement::new("api-key", [""; 0])])).build();
    let components = document.components.get_or_insert_default();
    components.add_security_scheme("api-key", SecurityScheme::ApiKey(ApiKey::Header(key)));
    document
}

/// Adds to every operation what it answers when it does not do what was asked for.
fn describe_errors(document: &mut OpenApi) {
    let body = ContentBuilder::new().schema(Some(Ref::from_schema_name("Error"))).build();
    let response = ResponseBuilder::new()
        .description("Refused (4xx: change the request, or wait) or failed (5xx: try again).")
        .content("application/json", body)
        .build();
    for item in document.paths.paths.values_mut() {
        let operations = [&mut item.get, &mut item.put, &mut item.post, &mut item.patch, &mut item.delete];
        for operation in operations.into_iter().flatten() {
            operation.responses.responses.insert("default".to_owned(), RefOr::T(response.clone()));
        }
    }
    let components = document.components.get_or_insert_default();
    components.schemas.insert("Error".to_owned(), documents::Error::schema());
}
