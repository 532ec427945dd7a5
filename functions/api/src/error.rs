//! From what went wrong to a JSON answer: `{"error": "<what, and what to do about it>"}`, whoever found fault.

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use domain::id::InvalidId;
use runtime::http;
use serde_json::json;
use wire::v1::graph::FlowError;

/// An answer other than what was asked for.
#[derive(Debug)]
pub(crate) enum Error {
    /// From the runtime.
    Runtime(runtime::Error),
    /// From the router and the extractors.
    Http(StatusCode, String),
}

/// What handlers return.
pub(crate) type Result<T> = std::result::Result<T, Error>;

impl Error {
    pub(crate) fn not_found(what: &'static str, id: &str) -> Self {
        runtime::Error::NotFound { what, id: id.to_owned() }.into()
    }
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        let (status, body) = match &self {
            Self::Runtime(error) => (StatusCode::from_u16(http::status(error)).unwrap_or_default(), http::body(error)),
            Self::Http(status, text) => (*status, json!({ "error": text }).to_string()),
        };
        (status, [(header::CONTENT_TYPE, "application/json")], body).into_response()
    }
}

impl<E: Into<runtime::Error>> From<E> for Error {
    fn from(error: E) -> Self {
        Self::Runtime(error.into())
    }
}

/// An id in a path, from its text.
pub(crate) fn id<T: std::str::FromStr<Err = InvalidId>>(text: &str) -> Result<T> {
    text.parse().map_err(|error: InvalidId| Error::Http(StatusCode::BAD_REQUEST, error.to_string()))
}

/// An engine may be registered later; everything else has to be changed in the request.
pub(crate) fn flow(error: FlowError) -> runtime::Error {
    match error {
        FlowError::UnknownEngine { .. } => runtime::Error::Unprocessable(error.to_string()),
        _ => runtime::Error::Invalid(error.to_string()),
    }
}
