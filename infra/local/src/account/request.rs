//! What a cluster was asked to be: known as soon as it is asked for, while the cluster takes its time to come.

use super::ACCOUNT_ID;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// The words of whoever asks for a cluster.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct ClusterRequest {
    version: String,
    #[serde(default)]
    tags: BTreeMap<String, String>,
    /// All that was asked for, in the words of the asker: repeated to whoever asks what the cluster is.
    #[serde(default)]
    configuration: Value,
    #[serde(skip, default = "Timestamp::now")]
    created_at: Timestamp,
}

impl ClusterRequest {
    /// A cluster as the account's API describes it, while it is being created.
    pub(crate) fn describe(&self, name: &str, region: &str) -> Value {
        json!({
            "name": name, "status": "CREATING", "endpoint": "", "certificate_authority": "", "version": self.version,
            "tags": self.tags, "created_at": self.created_at, "configuration": self.configuration,
            "arn": format!("arn:aws:eks:{region}:{ACCOUNT_ID}:cluster/{name}"),
        })
    }
}
