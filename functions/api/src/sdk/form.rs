//! Bodies as the SDK sends them: a graph with its packages, or a form of a few fields.

use crate::error::{Error, Result};
use crate::extract;
use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use domain::OperatorId;
use std::collections::BTreeMap;
use wire::sdk::Problem;

/// The field or part that holds the graph.
const DAG: &str = "dag";

/// A graph with its packages: a multipart body, or a form if there are no packages.
pub(crate) struct GraphForm {
    /// The graph's JSON.
    pub dag: String,
    /// The packages by the ids of their operators.
    pub packages: BTreeMap<OperatorId, Vec<u8>>,
}

/// The fields of a form.
pub(crate) struct Fields(BTreeMap<String, String>);

impl<S: Sync> FromRequest<S> for GraphForm {
    type Rejection = Error;

    async fn from_request(request: Request, _: &S) -> Result<Self> {
        let boundary = extract::boundary(&request);
        let bytes = extract::bytes(request).await?;
        let Some(boundary) = boundary else {
            return Ok(Self { dag: Fields::read(&bytes)?.required(DAG)?, packages: BTreeMap::new() });
        };
        let mut parts = extract::parts(bytes, boundary).await?;
        let dag = parts.remove(DAG).ok_or_else(|| missing(DAG))?;
        let dag = String::from_utf8(dag).map_err(|_| extract::bad_request("part 'dag' is not UTF-8".to_owned()))?;
        let packages = parts.into_iter().map(|(name, package)| Ok((crate::error::id(&name)?, package)));
        Ok(Self { dag, packages: packages.collect::<Result<_>>()? })
    }
}

impl<S: Sync> FromRequest<S> for Fields {
    type Rejection = Error;

    async fn from_request(request: Request, _: &S) -> Result<Self> {
        Self::read(&extract::bytes(request).await?)
    }
}

impl Fields {
    fn read(bytes: &Bytes) -> Result<Self> {
        let fields = serde_urlencoded::from_bytes(bytes);
        fields.map(Self).map_err(|_| extract::bad_request("the request's body is not a form".to_owned()))
    }

    /// A field, taken out; none if it was not sent.
    pub(crate) fn take(&mut self, name: &str) -> Option<String> {
        self.0.remove(name)
    }

    fn required(mut self, name: &str) -> Result<String> {
        self.take(name).ok_or_else(|| missing(name))
    }
}

fn missing(name: &str) -> Error {
    Problem::Missing(format!("field '{name}'")).into()
}
