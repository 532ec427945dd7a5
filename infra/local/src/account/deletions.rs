//! What was at work when a cluster or a node group was deleted: one file, a line of JSON for each deletion, so that a
//! test can tell whether a teardown hurt somebody.

use super::locked;
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;
use serde_json::{Value, json};
use std::fs::File;
use std::io::{self, Write};
use std::path::Path;
use std::sync::Mutex;

/// The file's name in the account's folder.
pub(crate) const DELETIONS: &str = "deletions.jsonl";

/// The file.
pub(crate) struct Deletions(Mutex<File>);

impl Deletions {
    /// Opens the file in `folder`, which a new account empties.
    pub(crate) fn create(folder: &Path) -> io::Result<Self> {
        Ok(Self(Mutex::new(File::create(folder.join(DELETIONS))?)))
    }

    /// Writes down that a cluster, or only a group of its nodes, is about to be deleted with these pods at work in it.
    pub(crate) fn note(&self, cluster: &str, group: Option<&str>, pods: &[Pod]) {
        let pods: Vec<Value> = pods.iter().map(|pod| json!({"name": pod.name_any(), "labels": pod.labels()})).collect();
        let at = jiff::Timestamp::now().as_millisecond();
        let line = json!({"at_ms": at, "cluster": cluster, "group": group, "pods": pods});
        // As with the journal: a full disk must not stop the cluster.
        let _ = writeln!(locked(&self.0), "{line}");
    }
}
