//! The routes of the Python SDK, for all its versions: a thin translation onto the commands that `/v1` gives as well.
//!
//! Versions up to 0.3.4 say `integration` where later ones say `resource`; both are served. An address that ends in
//! `/sdk/<version>` makes the server say that it is of that version; see [`wire::sdk::version`].

mod dialect;
mod flows;
mod form;
mod objects;
mod preview;
mod resources;
mod runs;
mod unsupported;

use crate::state::Api;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Router, middleware};
use runtime::environment;
use uuid::Uuid;
use wire::sdk::version::Version;

/// All routes, under `/api` for the version that the environment names, and under `/sdk/<version>/api` for any.
pub(crate) fn router() -> Router<Api> {
    let preferred: Option<Version> = environment::optional("SDK_VERSION").and_then(|text| text.parse().ok());
    let routes = Router::new()
        .merge(dialect::router())
        .merge(resources::router())
        .merge(flows::router())
        .merge(runs::router())
        .merge(preview::router())
        .merge(unsupported::router());
    Router::new()
        .merge(routes.clone())
        .nest("/sdk/{version}", routes)
        .layer(Extension(preferred.unwrap_or_default()))
        .layer(middleware::map_response(known_status))
}

/// Whether a path is the SDK's first request. Whatever it is answered but the version hides the answer's text from the
/// user: a wrong key is refused on the second request instead.
pub(crate) fn is_handshake(path: &str) -> bool {
    path == dialect::HANDSHAKE || (path.starts_with("/sdk/") && path.ends_with(dialect::HANDSHAKE))
}

/// A multipart answer. What separates its parts is random, so that no content can hold it.
pub(crate) fn multipart(render: impl FnOnce(String) -> (String, Vec<u8>)) -> Response {
    let (content_type, body) = render(Uuid::new_v4().simple().to_string());
    ([(axum::http::header::CONTENT_TYPE, content_type)], body).into_response()
}

/// The SDK has no exception of its own for 409: what is refused in the present state is 422 to it.
async fn known_status(mut response: Response) -> Response {
    if response.status() == StatusCode::CONFLICT {
        *response.status_mut() = StatusCode::UNPROCESSABLE_ENTITY;
    }
    response
}
