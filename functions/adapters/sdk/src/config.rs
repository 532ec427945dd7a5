//! One configuration from the environment, and its variant for somebody else's account.

use aws_credential_types::Credentials;
use aws_smithy_http_client::{Builder, tls};
use aws_smithy_runtime_api::client::behavior_version::BehaviorVersion;
use aws_types::SdkConfig;
use aws_types::region::Region;
use aws_types::sdk_config::{RetryConfig, SharedCredentialsProvider, TimeoutConfig};
use aws_types::service_config::{LoadServiceConfig, ServiceConfigKey};
use domain::integration::AccessKey;
use std::collections::BTreeMap;
use std::time::Duration;

/// The roots of all AWS endpoints, from Amazon Trust Services.
const AMAZON_ROOTS: &[u8] = include_bytes!("../amazon-roots.pem");

const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(10);
const OPERATION_TIMEOUT: Duration = Duration::from_secs(20);
const ATTEMPTS: u32 = 3;

/// Why there is no configuration.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The environment lacks something.
    #[error("environment variable {0} is not set: Lambda sets it; elsewhere, set it yourself")]
    Missing(&'static str),
    /// The embedded certificates cannot be used.
    #[error("set up the HTTP client: {0}")]
    HttpClient(String),
}

/// The configuration that all clients of a function share.
#[derive(Clone)]
pub struct Sdk {
    config: SdkConfig,
}

impl Sdk {
    /// Reads the process's environment.
    ///
    /// # Errors
    /// [`ConfigError`] naming what is missing.
    pub fn from_env() -> Result<Self, ConfigError> {
        let text = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        };
        Self::new(std::env::vars_os().filter_map(text).filter(|(name, _)| name.starts_with("AWS_")).collect())
    }

    /// Reads the given variables: `AWS_REGION`, the static credentials that Lambda gives to a sandbox for its whole
    /// life, and the optional `AWS_ENDPOINT_URL` and `AWS_ENDPOINT_URL_<SERVICE>`.
    ///
    /// # Errors
    /// [`ConfigError`] naming what is missing.
    pub fn new(mut variables: BTreeMap<String, String>) -> Result<Self, ConfigError> {
        variables.retain(|_, value| !value.is_empty());
        let get = |name: &'static str| variables.get(name).cloned();
        let required = |name: &'static str| get(name).ok_or(ConfigError::Missing(name));
        let credentials = Credentials::new(
            required("AWS_ACCESS_KEY_ID")?,
            required("AWS_SECRET_ACCESS_KEY")?,
            get("AWS_SESSION_TOKEN"),
            None,
            "environment",
        );
        let trust_store = tls::TrustStore::empty().with_pem_certificate(AMAZON_ROOTS);
        let tls_context = tls::TlsContext::builder()
            .with_trust_store(trust_store)
            .build()
            .map_err(|error| ConfigError::HttpClient(error.to_string()))?;
        let http_client = Builder::new()
            .tls_provider(tls::Provider::Rustls(tls::rustls_provider::CryptoMode::Ring))
            .tls_context(tls_context)
            .build_https();
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .operation_attempt_timeout(ATTEMPT_TIMEOUT)
            .operation_timeout(OPERATION_TIMEOUT)
            .build();
        let mut config = SdkConfig::builder()
            // Pinned, so that an upgrade of the SDK does not silently change timeouts and retries.
            .behavior_version(BehaviorVersion::v2026_01_12())
            .region(Region::new(required("AWS_REGION")?))
            .credentials_provider(SharedCredentialsProvider::new(credentials))
            .http_client(http_client)
            .timeout_config(timeouts)
            .retry_config(RetryConfig::standard().with_max_attempts(ATTEMPTS));
        config.set_endpoint_url(get("AWS_ENDPOINT_URL"));
        config.set_service_config(Some(ServiceEndpoints(variables)));
        Ok(Self { config: config.build() })
    }

    /// For clients in our own account.
    #[must_use]
    pub fn config(&self) -> &SdkConfig {
        &self.config
    }

    /// For clients in a user's account, over the same connections.
    #[must_use]
    pub fn for_account(&self, key: &AccessKey, region: &str) -> SdkConfig {
        let credentials = Credentials::new(
            &key.access_key_id,
            key.secret_access_key.expose(),
            key.session_token.as_ref().map(|token| token.expose().to_owned()),
            None,
            "integration",
        );
        self.config
            .to_builder()
            .region(Region::new(region.to_owned()))
            .credentials_provider(SharedCredentialsProvider::new(credentials))
            .build()
    }
}

/// `AWS_ENDPOINT_URL_<SERVICE>` goes before `AWS_ENDPOINT_URL`, as in all AWS tools.
struct ServiceEndpoints(BTreeMap<String, String>);

impl LoadServiceConfig for ServiceEndpoints {
    fn load_config(&self, key: ServiceConfigKey<'_>) -> Option<String> {
        let service = key.service_id().replace([' ', '-'], "_").to_uppercase();
        self.0.get(&format!("{}_{service}", key.env())).cloned()
    }
}

impl std::fmt::Debug for ServiceEndpoints {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ServiceEndpoints") // the variables hold the credentials
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::Secret;

    fn variables(more: &[(&str, &str)]) -> BTreeMap<String, String> {
        let needed = [("AWS_REGION", "eu-west-1"), ("AWS_ACCESS_KEY_ID", "AKIA1"), ("AWS_SECRET_ACCESS_KEY", "hush")];
        needed.iter().chain(more).map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn what_is_missing_is_named() {
        let mut given = variables(&[]);
        given.insert("AWS_REGION".to_owned(), String::new());
        let error = Sdk::new(given).err().map(|error| error.to_string()).unwrap_or_default();
        assert!(error.contains("AWS_REGION"), "{error}");
    }

    #[test]
    fn a_service_may_have_an_endpoint_of_its_own() {
        let sdk = Sdk::new(variables(&[
            ("AWS_ENDPOINT_URL", "http://127.0.0.1:1"),
            ("AWS_ENDPOINT_URL_SECRETS_MANAGER", "http://127.0.0.1:2"),
        ]))
        .expect("complete");
        assert_eq!(sdk.config().endpoint_url(), Some("http://127.0.0.1:1"));
        let endpoint = |service| {
            let key = ServiceConfigKey::builder().service_id(service).env("AWS_ENDPOINT_URL").profile("endpoint_url");
            sdk.config().service_config().and_then(|config| config.load_config(key.build().expect("complete")))
        };
        assert_eq!(endpoint("Secrets Manager").as_deref(), Some("http://127.0.0.1:2"));
        assert_eq!(endpoint("DynamoDB"), None);
    }

    #[test]
    fn another_account_keeps_everything_but_credentials_and_region() {
        let sdk = Sdk::new(variables(&[("AWS_ENDPOINT_URL", "http://127.0.0.1:1")])).expect("complete");
        let key =
            AccessKey { access_key_id: "AKIA2".to_owned(), secret_access_key: Secret::new("s"), session_token: None };
        let theirs = sdk.for_account(&key, "us-east-2");
        assert_eq!(theirs.region().map(AsRef::as_ref), Some("us-east-2"));
        assert_eq!(theirs.endpoint_url(), sdk.config().endpoint_url());
        assert_eq!(theirs.timeout_config(), sdk.config().timeout_config());
        assert!(!format!("{:?}", sdk.config()).contains("hush"));
    }
}
