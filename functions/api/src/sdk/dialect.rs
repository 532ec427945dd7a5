//! Which version of the SDK is spoken to, and what it calls things.

use crate::error::{Error, Result};
use crate::state::Api;
use axum::extract::{FromRequestParts, Path};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::get;
use axum::{Extension, Json, Router};
use serde_json::Value;
use std::collections::BTreeMap;
use wire::sdk::Problem;
use wire::sdk::version::Version;

/// The path of the SDK's first request.
pub(super) const HANDSHAKE: &str = "/api/version";

/// What older versions and what newer ones call an entry of the list, in paths and in headers.
pub(super) const FAMILIES: [&str; 2] = ["integration", "resource"];

/// The version of the path, else the preferred one.
pub(super) struct Dialect(pub Version);

pub(super) fn router() -> Router<Api> {
    Router::new().route(HANDSHAKE, get(handshake))
}

/// Says that we are of the SDK's version. Needs no key.
async fn handshake(Dialect(version): Dialect) -> Json<Value> {
    Json(version.handshake())
}

impl<S: Send + Sync> FromRequestParts<S> for Dialect {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self> {
        let names = Path::<BTreeMap<String, String>>::from_request_parts(parts, state).await;
        if let Some(version) = names.ok().and_then(|Path(mut names)| names.remove("version")) {
            let unknown = |error| Error::Http(StatusCode::NOT_FOUND, format!("{error}"));
            return version.parse().map(Self).map_err(|error: wire::sdk::version::UnknownVersion| unknown(error));
        }
        let preferred = Extension::<Version>::from_request_parts(parts, state).await;
        Ok(Self(preferred.map(|Extension(version)| version).unwrap_or_default()))
    }
}

/// A header of either family, by what follows `integration-` or `resource-`.
pub(super) fn header(headers: &HeaderMap, name: &str) -> Result<String> {
    let found = FAMILIES.iter().find_map(|family| headers.get(format!("{family}-{name}")));
    let missing = || Problem::Missing(format!("header 'resource-{name}'"));
    Ok(text(found.ok_or_else(missing)?.as_bytes()))
}

/// Python sends headers in Latin-1; what comes through a Lambda event is UTF-8.
pub(super) fn text(bytes: &[u8]) -> String {
    std::str::from_utf8(bytes).map_or_else(|_| bytes.iter().map(|byte| char::from(*byte)).collect(), str::to_owned)
}

#[cfg(test)]
mod tests {
    #[test]
    fn headers_are_read_in_both_encodings() {
        assert_eq!(super::text("naïve".as_bytes()), "naïve");
        assert_eq!(super::text(b"na\xefve"), "naïve");
    }
}
