//! Integrations: what registers one, and how they are listed.

use super::cluster::ClusterView;
use super::documents;
use domain::cluster::{Cluster, Status};
use domain::integration::{CredentialsInput, CredentialsKind, Integration, IntegrationError};
use domain::options::OptionsDelta;
use domain::preflight::Finding;
use domain::settings::{Limits, SettingsDelta, SettingsError};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use utoipa::ToSchema;
use uuid::Uuid;

const AWS: &str = "AWS";
const KUBERNETES: &str = "Kubernetes";

// It holds credentials, so it has no `Debug`, and its `config` is read by hand: serde's own messages quote what they do
// not understand.
/// An AWS account to register.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RegisterRequest {
    /// Its name, unique among integrations.
    name: String,
    /// `AWS`, the only service there is.
    #[serde(default)]
    service: Option<String>,
    /// Credentials and settings.
    #[schema(value_type = documents::Config)]
    config: Value,
}

// As above.
/// New credentials of an account that is registered.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CredentialsRequest {
    /// Credentials of the same account for the same region, in any of the forms that a registration takes.
    #[schema(value_type = documents::Credentials)]
    config: Value,
}

/// A registration that has been understood.
#[derive(Debug)]
pub struct Registering {
    /// Its name.
    pub name: String,
    /// Its credentials.
    pub credentials: CredentialsInput,
    /// Settings that differ from the defaults.
    pub settings: SettingsDelta,
}

/// Why a registration is refused.
#[derive(Debug, thiserror::Error)]
pub enum RegisterError {
    /// A service that we cannot register.
    #[error(
        "field 'service': '{0}' is not supported: the only service is 'AWS', whose account gets a Kubernetes cluster on demand"
    )]
    Service(String),
    /// A part of the request that is of the wrong type; its value may be a secret and is not repeated.
    #[error("field '{field}' must be {expected}")]
    Type {
        /// Where it is.
        field: String,
        /// What it must be.
        expected: &'static str,
    },
    /// Credentials that cannot be accepted.
    #[error(transparent)]
    Credentials(#[from] IntegrationError),
    /// Settings that cannot be accepted.
    #[error(transparent)]
    Settings(#[from] SettingsError),
}

impl RegisterRequest {
    /// Understands a request, or says what to change.
    ///
    /// # Errors
    /// [`RegisterError`].
    pub fn read(self, limits: Limits) -> Result<Registering, RegisterError> {
        if let Some(service) = self.service.filter(|service| service != AWS) {
            return Err(RegisterError::Service(service));
        }
        let Value::Object(mut config) = self.config else { return Err(wrong("config", "an object")) };
        let settings = match config.remove("k8s") {
            None | Some(Value::Null) => Map::new(),
            Some(Value::Object(settings)) => settings,
            Some(_) => return Err(wrong("config.k8s", "an object")),
        };
        let options = match config.remove("options") {
            None | Some(Value::Null) => None,
            Some(Value::Object(options)) => Some(OptionsDelta::parse(&options)?),
            Some(_) => return Err(wrong("config.options", "an object")),
        };
        if options.is_some() && settings.contains_key("options") {
            return Err(wrong("config.options", "given once, beside 'k8s' or in it"));
        }
        let credentials = texts(config)?;
        let settings = SettingsDelta::parse(&settings, limits)?;
        let settings = match options {
            Some(options) => settings.with_options(options),
            None => settings,
        };
        Ok(Registering { name: self.name, credentials: CredentialsInput::parse(credentials)?, settings })
    }
}

impl CredentialsRequest {
    /// Understands a request, or says what to change.
    ///
    /// # Errors
    /// [`RegisterError`].
    pub fn read(self) -> Result<CredentialsInput, RegisterError> {
        let Value::Object(config) = self.config else { return Err(wrong("config", "an object")) };
        if let Some(name) = ["k8s", "options"].into_iter().find(|name| config.contains_key(*name)) {
            return Err(IntegrationError::UnknownField(name.to_owned()).into());
        }
        Ok(CredentialsInput::parse(texts(config)?)?)
    }
}

fn wrong(field: &str, expected: &'static str) -> RegisterError {
    RegisterError::Type { field: field.to_owned(), expected }
}

/// The fields that are given, all of them texts.
fn texts(config: Map<String, Value>) -> Result<BTreeMap<String, String>, RegisterError> {
    let mut fields = BTreeMap::new();
    for (name, value) in config {
        match value {
            Value::Null => {}
            Value::String(text) => _ = fields.insert(name, text),
            _ => return Err(wrong(&format!("config.{name}"), "text")),
        }
    }
    Ok(fields)
}

/// A registered AWS account.
#[derive(Debug, Serialize, ToSchema)]
pub struct IntegrationView {
    /// Its id.
    pub id: Uuid,
    /// Its name.
    pub name: String,
    /// `AWS`.
    #[schema(value_type = String)]
    pub service: &'static str,
    /// The account's number.
    pub account: String,
    /// Who we are in it.
    pub caller_arn: String,
    /// The region the cluster is created in.
    pub region: String,
    /// How the credentials were given: `access_key`, `credentials_file` or `role`.
    #[schema(value_type = String)]
    pub credentials: CredentialsKind,
    /// The cluster that is managed in it.
    pub cluster_id: Uuid,
    /// When it was registered.
    pub created_at: Timestamp,
}

/// The generated entry of an integration's cluster.
#[derive(Debug, Serialize, ToSchema)]
pub struct ClusterEntry {
    /// The cluster's id.
    pub id: Uuid,
    /// `<integration>:aqueduct_ondemand_k8s`, for the `engine` of operators.
    pub name: String,
    /// `Kubernetes`.
    #[schema(value_type = String)]
    pub service: &'static str,
    /// `Terminated`, `Creating`, `Active`, `Updating` or `Terminating`.
    #[schema(value_type = String)]
    pub status: Status,
    /// The account it lives in.
    pub integration_id: Uuid,
}

/// An entry of the list: an account, or the cluster in it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
pub enum Entry {
    /// An account.
    Account(IntegrationView),
    /// A cluster.
    Cluster(ClusterEntry),
}

/// All integrations.
#[derive(Debug, Serialize, ToSchema)]
pub struct IntegrationList {
    /// Two entries for each: the account and its cluster.
    pub integrations: Vec<Entry>,
}

/// An account that was registered, or has got other credentials.
#[derive(Debug, Serialize, ToSchema)]
pub struct Registered {
    /// The account.
    pub integration: IntegrationView,
    /// Its cluster; nothing of it exists after a registration.
    pub cluster: ClusterView,
    /// What is good to know, such as a default that is carried out otherwise than written.
    pub notes: Vec<String>,
    /// What would make a creation fail, as far as it can be told today; see the account's `preflight`.
    #[schema(value_type = Vec<documents::PreflightFinding>)]
    pub warnings: Vec<Finding>,
}

impl From<&Integration> for IntegrationView {
    fn from(integration: &Integration) -> Self {
        Self {
            id: integration.id.0,
            name: integration.name.clone(),
            service: AWS,
            account: integration.account.clone(),
            caller_arn: integration.caller_arn.clone(),
            region: integration.region.clone(),
            credentials: integration.credentials,
            cluster_id: integration.cluster.0,
            created_at: integration.created_at,
        }
    }
}

impl From<&Cluster> for ClusterEntry {
    fn from(cluster: &Cluster) -> Self {
        Self {
            id: cluster.id.0,
            name: cluster.name.clone(),
            service: KUBERNETES,
            status: cluster.status(),
            integration_id: cluster.integration.0,
        }
    }
}

impl IntegrationList {
    /// Accounts in the order given, each followed by its cluster.
    #[must_use]
    pub fn of(integrations: &[Integration], clusters: &[Cluster]) -> Self {
        let entries = integrations.iter().flat_map(|integration| {
            let own = clusters.iter().find(|cluster| cluster.id == integration.cluster);
            [Some(Entry::Account(integration.into())), own.map(|cluster| Entry::Cluster(cluster.into()))]
        });
        Self { integrations: entries.flatten().collect() }
    }
}
