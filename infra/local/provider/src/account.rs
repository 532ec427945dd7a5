//! The local account: the one place where creating a cluster really starts something.

use std::{collections::BTreeMap, time::Duration};

use reqwest::{Client, Method, StatusCode};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value as Json, json};

use crate::value::Value;

/// A real control plane starts within a minute even on a busy machine; this is when to stop believing in it.
const PATIENCE: Duration = Duration::from_secs(900);

/// What went wrong between the provider and the local account.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("{attempt}: make an HTTP client: {source}")]
    Client { attempt: String, source: reqwest::Error },
    #[error(
        "{attempt}: the local account at {url} does not answer ({reason}); it runs inside `cargo local up`: \
         restart that, then repeat the operation"
    )]
    Unreachable { attempt: String, url: String, reason: String },
    #[error("{attempt}: the local account answered {status}: {body}")]
    Refused { attempt: String, status: StatusCode, body: String },
}

/// A cluster as the local account describes it.
#[derive(Debug, Deserialize)]
pub struct Cluster {
    status: String,
    endpoint: String,
    certificate_authority: String,
    version: String,
    arn: String,
    created_at: Json,
    /// All that was asked for.
    #[serde(default)]
    configuration: Json,
}

impl Cluster {
    /// What it was asked to be, and what it is beyond that. The version is what was asked for.
    pub fn described(mut self) -> (Json, BTreeMap<String, Value>) {
        let configuration = self.configuration.take();
        let mut attributes = self.attributes();
        attributes.remove("version");
        (configuration, attributes)
    }

    /// The attributes of `aws_eks_cluster` that the account decides.
    pub fn attributes(self) -> BTreeMap<String, Value> {
        let created_at = self.created_at.as_str().map_or_else(|| self.created_at.to_string(), Into::into);
        let authority = json!([{"data": self.certificate_authority}]);
        [
            ("status", self.status.into()),
            ("endpoint", self.endpoint.into()),
            ("certificate_authority", authority.into()),
            ("version", self.version.into()),
            ("arn", self.arn.into()),
            ("created_at", created_at.into()),
        ]
        .map(|(name, value)| (name.to_string(), value))
        .into()
    }
}

/// A client of the local account.
#[derive(Clone, Debug)]
pub struct Account {
    url: String,
}

impl Account {
    /// The account at a base URL.
    pub fn new(url: &str) -> Self {
        Self { url: url.trim_end_matches('/').into() }
    }

    /// Starts a cluster, or finds it running; returns when it is ready.
    pub async fn put_cluster(&self, planned: &Value) -> Result<Cluster, Error> {
        let name = text(planned, "name");
        let attempt = format!("creating EKS Cluster ({name})");
        let body = json!({
            "version": text(planned, "version"),
            "tags": Json::from(planned.get("tags_all")),
            "configuration": Json::from(&planned.known()),
        });
        let response = self.send(&attempt, Method::PUT, &format!("clusters/{name}"), Some(body)).await?;
        response.json().await.map_err(|source| self.unreachable(&attempt, &source))
    }

    /// A cluster, if it is there or about to be.
    pub async fn cluster(&self, name: &str) -> Result<Option<Cluster>, Error> {
        self.get(&format!("reading EKS Cluster ({name})"), &format!("clusters/{name}")).await
    }

    /// What a node group was asked to be, if it is there, and what it is beyond that; `id` is `<cluster>:<name>`. Its limits
    /// and its size change without Terraform.
    pub async fn node_group(&self, id: &str) -> Result<Option<(Json, BTreeMap<String, Value>)>, Error> {
        let (cluster, name) = id.split_once(':').unwrap_or_default();
        let attempt = format!("reading EKS Node Group ({id})");
        let found: Option<Json> = self.get(&attempt, &format!("clusters/{cluster}/nodegroups/{name}")).await?;
        Ok(found.map(|mut group| {
            let scaling =
                json!([{"min_size": group["min"], "max_size": group["max"], "desired_size": group["desired"]}]);
            (group["configuration"].take(), [("scaling_config".to_owned(), scaling.into())].into())
        }))
    }

    /// Stops a cluster and all that is in it; returns when it is gone.
    pub async fn delete_cluster(&self, state: &Value) -> Result<(), Error> {
        let name = text(state, "name");
        self.delete(&format!("deleting EKS Cluster ({name})"), &format!("clusters/{name}")).await
    }

    /// Creates or changes a node group. Limits and size of one that there was are told as to EKS: together, if one of them
    /// has changed.
    pub async fn put_node_group(&self, prior: &Value, planned: &Value) -> Result<(), Error> {
        if !prior.is_null() && prior.get("scaling_config") != planned.get("scaling_config") {
            self.resize_node_group(planned).await?;
        }
        let scaling = planned.get("scaling_config").items().first().unwrap_or(&Value::Null);
        let body = json!({
            "instance_types": planned.get("instance_types").strings().collect::<Vec<_>>(),
            "min": Json::from(scaling.get("min_size")),
            "max": Json::from(scaling.get("max_size")),
            "desired": Json::from(scaling.get("desired_size")),
            "labels": match planned.get("labels") { Value::Null => json!({}), labels => labels.into() },
            "taints": Json::from(planned.get("taint")),
            "configuration": Json::from(planned),
        });
        let (attempt, path) = node_group("creating", planned);
        self.send(&attempt, Method::PUT, &path, Some(body)).await.map(|_| ())
    }

    async fn resize_node_group(&self, planned: &Value) -> Result<(), Error> {
        let scaling = planned.get("scaling_config").items().first().unwrap_or(&Value::Null);
        let sizes = [("min", "min_size"), ("max", "max_size"), ("desired", "desired_size")];
        let sizes: BTreeMap<_, _> = sizes.map(|(to, from)| (to, Json::from(scaling.get(from)))).into();
        let (attempt, path) = node_group("updating", planned);
        self.send(&attempt, Method::POST, &format!("{path}/scaling"), Some(json!(sizes))).await.map(|_| ())
    }

    /// Removes a node group with its nodes.
    pub async fn delete_node_group(&self, state: &Value) -> Result<(), Error> {
        let (attempt, path) = node_group("deleting", state);
        self.delete(&attempt, &path).await
    }

    async fn get<T: DeserializeOwned>(&self, attempt: &str, path: &str) -> Result<Option<T>, Error> {
        match self.send(attempt, Method::GET, path, None).await {
            Err(Error::Refused { status: StatusCode::NOT_FOUND, .. }) => Ok(None),
            result => result?.json().await.map(Some).map_err(|source| self.unreachable(attempt, &source)),
        }
    }

    /// What is not there need not be deleted.
    async fn delete(&self, attempt: &str, path: &str) -> Result<(), Error> {
        match self.send(attempt, Method::DELETE, path, None).await {
            Err(Error::Refused { status: StatusCode::NOT_FOUND, .. }) => Ok(()),
            result => result.map(|_| ()),
        }
    }

    async fn send(
        &self,
        attempt: &str,
        method: Method,
        path: &str,
        body: Option<Json>,
    ) -> Result<reqwest::Response, Error> {
        // The account is on this machine: a proxy of the environment is not the way to it.
        let client = Client::builder().no_proxy().timeout(PATIENCE).build();
        let client = client.map_err(|source| Error::Client { attempt: attempt.into(), source })?;
        let mut request = client.request(method, format!("{}/{path}", self.url));
        if let Some(body) = body {
            request = request.json(&body);
        }
        let response = request.send().await.map_err(|source| self.unreachable(attempt, &source))?;
        if response.status().is_success() {
            return Ok(response);
        }
        let status = response.status();
        let body = response.text().await.unwrap_or_default();
        Err(Error::Refused { attempt: attempt.into(), status, body })
    }

    fn unreachable(&self, attempt: &str, error: &reqwest::Error) -> Error {
        let mut cause: &dyn std::error::Error = error;
        while let Some(source) = cause.source() {
            cause = source;
        }
        Error::Unreachable { attempt: attempt.into(), url: self.url.clone(), reason: cause.to_string() }
    }
}

fn node_group(doing: &str, value: &Value) -> (String, String) {
    let (cluster, name) = (text(value, "cluster_name"), text(value, "node_group_name"));
    (format!("{doing} EKS Node Group ({cluster}:{name})"), format!("clusters/{cluster}/nodegroups/{name}"))
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value.get(name).as_str().unwrap_or_default()
}
