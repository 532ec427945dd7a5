//! The header `Idempotency-Key`: a client that does not know what became of its request sends it again, and gets the
//! answer to the first one.

use crate::auth::API_KEY;
use crate::error::{Error, Result};
use axum::extract::FromRequestParts;
use axum::http::HeaderMap;
use axum::http::request::Parts;
use runtime::idempotency::Repeatable;

const KEY: &str = "idempotency-key";

/// The header, if it was sent, with what else the request is known by.
pub(crate) struct IdempotencyKey {
    key: Option<String>,
    caller: String,
    request: String,
}

impl IdempotencyKey {
    /// The request, if it may come again. `parts` is what its body consists of.
    pub(crate) fn of(self, parts: &[&[u8]]) -> Result<Option<Repeatable>> {
        let Some(key) = self.key else { return Ok(None) };
        let parts = [&[self.request.as_bytes()], parts].concat();
        Ok(Some(Repeatable::new(&self.caller, &key, &parts)?))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for IdempotencyKey {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self> {
        let request = format!("{} {}", parts.method, parts.uri.path());
        // What is no text is refused as a key that is not printable.
        let text =
            |headers: &HeaderMap, name| headers.get(name).map(|v| String::from_utf8_lossy(v.as_bytes()).into_owned());
        let caller = text(&parts.headers, API_KEY).unwrap_or_default();
        Ok(Self { key: text(&parts.headers, KEY), caller, request })
    }
}
