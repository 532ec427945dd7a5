//! Who is let in: whoever sends a known API key. Only the health check and the SDK's first request need none.

use crate::error::Error;
use crate::state::Api;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

/// The header with the key, as the SDK sends it.
pub(crate) const API_KEY: &str = "api-key";

/// Answers 403 instead of the route, unless the key is known. It stands before every route, known or not, so that
/// nothing can be learnt without a key.
pub(crate) async fn require_key(State(api): State<Api>, request: Request, next: Next) -> Response {
    let path = request.uri().path();
    if path == crate::routes::HEALTH || crate::sdk::is_handshake(path) {
        return next.run(request).await;
    }
    let key = request.headers().get(API_KEY).and_then(|key| key.to_str().ok());
    match api.world.authorize(key).await {
        Ok(()) => next.run(request).await,
        Err(error) => Error::from(error).into_response(),
    }
}
