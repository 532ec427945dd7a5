//! What the environment asks of the provider, read once at the start.

use std::{env, path::PathBuf, time::Duration};

/// The environment's settings.
#[derive(Clone, Debug)]
pub struct Settings {
    /// File with the published schema, in the form of `terraform providers schema -json`.
    pub schema: Option<PathBuf>,
    /// Where each operation is written down.
    pub journal: Option<PathBuf>,
    /// Failures to inject.
    pub faults: Option<PathBuf>,
    /// How long each create, update and delete takes.
    pub delay: Duration,
    /// When to strike whom, for builds that are to die in mid-work.
    pub strike: Option<crate::strike::Order>,
    /// A file whose presence says that the credentials have expired.
    pub expired: Option<PathBuf>,
    /// Base URL of the local account, which really starts and stops clusters.
    pub account: Option<String>,
    /// Region used when the provider's configuration names none.
    pub region: String,
}

impl Settings {
    /// Reads the `AWS_PROVIDER_*` variables.
    pub fn from_env() -> Self {
        let set = |name: &str| env::var(name).ok().filter(|value| !value.is_empty());
        let path = |name: &str| set(name).map(PathBuf::from);
        let delay = set("AWS_PROVIDER_DELAY_MS").and_then(|text| text.parse().ok()).unwrap_or(0);
        Self {
            schema: path("AWS_PROVIDER_SCHEMA"),
            journal: path("AWS_PROVIDER_JOURNAL"),
            faults: path("AWS_PROVIDER_FAULTS"),
            delay: Duration::from_millis(delay),
            strike: set("AWS_PROVIDER_STRIKE").and_then(|text| crate::strike::Order::parse(&text)),
            expired: path("AWS_PROVIDER_EXPIRED"),
            account: set("LOCAL_ACCOUNT_URL"),
            region: set("AWS_REGION").or_else(|| set("AWS_DEFAULT_REGION")).unwrap_or_else(|| "us-east-1".into()),
        }
    }
}
