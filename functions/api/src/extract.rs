//! Axum's extractors with answers in our form, and one limit for all bodies.

use crate::error::{Error, Result};
use axum::body::{self, Bytes, HttpBody};
use axum::extract::rejection::JsonRejection;
use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use axum::http::request::Parts;
use axum::http::{StatusCode, header};
use runtime::http;
use serde::de::DeserializeOwned;
use std::collections::BTreeMap;

/// What fits into an event of Lambda, which has at most 6 MiB: API Gateway puts forms, and whatever else it does not know
/// as text, in base64 there, and the headers beside it. Larger bodies, up to its own 10 MB, it refuses in its own words.
pub(crate) const LARGEST_BODY: usize = 4_500_000;

/// So many bytes are told of each end of what serde says.
const TOLD: usize = 500;

/// A JSON body; an empty one stands for an empty object. The content type is not looked at.
pub(crate) struct Body<T>(pub T);

/// What a route's path names.
pub(crate) struct Named<T>(pub T);

/// The query.
pub(crate) struct Params<T>(pub T);

impl<T: DeserializeOwned, S: Sync> FromRequest<S> for Body<T> {
    type Rejection = Error;

    async fn from_request(request: Request, _: &S) -> Result<Self> {
        parse(&bytes(request).await?).map(Self)
    }
}

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Named<T> {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self> {
        let named = Path::from_request_parts(parts, state).await;
        named.map(|Path(named)| Self(named)).map_err(|rejection| Error::Http(rejection.status(), rejection.body_text()))
    }
}

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Params<T> {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self> {
        let query = Query::from_request_parts(parts, state).await;
        query.map(|Query(query)| Self(query)).map_err(|rejection| bad_request(rejection.body_text()))
    }
}

/// The whole body, if it is not too large.
pub(crate) async fn bytes(request: Request) -> Result<Bytes> {
    let body = request.into_body();
    if body.size_hint().lower() > LARGEST_BODY as u64 {
        return Err(too_large());
    }
    body::to_bytes(body, LARGEST_BODY).await.map_err(|_| too_large())
}

/// JSON text as a request, or what is wrong with it and where.
pub(crate) fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T> {
    let bytes = if bytes.is_empty() { b"{}" } else { bytes };
    match axum::Json::from_bytes(bytes) {
        Ok(axum::Json(value)) => Ok(value),
        Err(rejection @ JsonRejection::JsonSyntaxError(_)) => {
            Err(bad_request(format!("the request's body is not JSON: {}", detail(&rejection))))
        }
        // JSON that was put into a text once more is not shown to anybody: it may hold credentials.
        Err(_) if bytes.trim_ascii_start().first() != Some(&b'{') => {
            Err(bad_request("the request's body must be a JSON object, that is, begin with a brace".to_owned()))
        }
        Err(rejection) => Err(bad_request(format!("the request's body cannot be accepted: {}", detail(&rejection)))),
    }
}

/// What separates the parts of a request's body, if it has parts.
pub(crate) fn boundary(request: &Request) -> Option<String> {
    let content_type = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    content_type.and_then(|value| multer::parse_boundary(value).ok())
}

/// The parts of a multipart body, by name.
pub(crate) async fn parts(bytes: Bytes, boundary: String) -> Result<BTreeMap<String, Vec<u8>>> {
    let unreadable = |error| bad_request(format!("the request's multipart body cannot be read: {error}"));
    let mut multipart = multer::Multipart::new(body::Body::from(bytes).into_data_stream(), boundary);
    let mut parts = BTreeMap::new();
    while let Some(part) = multipart.next_field().await.map_err(unreadable)? {
        let name = part.name().unwrap_or_default().to_owned();
        if name.is_empty() {
            return Err(bad_request("a part of the request has no name".to_owned()));
        }
        let content = part.bytes().await.map_err(unreadable)?;
        if parts.insert(name.clone(), content.to_vec()).is_some() {
            return Err(bad_request(format!("the request has more than one part '{name}'")));
        }
    }
    Ok(parts)
}

/// Axum's text without its own words in front.
fn detail(rejection: &JsonRejection) -> String {
    let text = rejection.body_text();
    let detail = text.split_once(": ").map_or(text.as_str(), |(_, detail)| detail);
    // It quotes what was not understood, however long that is, between where it is and what was expected.
    http::shortened(detail, TOLD).into_owned()
}

pub(crate) fn bad_request(text: String) -> Error {
    Error::Http(StatusCode::BAD_REQUEST, text)
}

fn too_large() -> Error {
    runtime::Error::TooLarge(
        "the request's body is larger than the 4.5 MB that can be taken: leave data out of packages and parameters and let the operator fetch it, and name libraries in requirements".to_owned(),
    )
    .into()
}
