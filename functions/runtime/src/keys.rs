//! Where everything lies: the keys of the table and the paths of the bucket.
//!
//! | partition | sort | document |
//! |---|---|---|
//! | `api-key` | SHA-256 of the key, hex | who it was made for |
//! | `integration` | id | [`domain::integration::Integration`] |
//! | `integration-name` | name | its id: keeps names unique |
//! | `cluster` | id | [`domain::cluster::Cluster`] |
//! | `flow` | id | [`domain::flow::Flow`] |
//! | `flow-name` | name | its id: keeps names unique |
//! | `run` | id | [`domain::run::Run`] |
//! | `flow-run#<flow>` | moment of submission, id | a run's id: lists a flow's runs in order |
//! | `open-run` | id | a run that is not over: what the sweeper looks at |
//! | `events#<cluster or run>` | moment, number | [`domain::event::Event`] |

use crate::ports::Key;
use domain::{ArtifactId, ClusterId, DagId, FlowId, IntegrationId, OperatorId, RunId, Timestamp};

/// Partition of the integrations.
pub const INTEGRATIONS: &str = "integration";
/// Partition of the clusters.
pub const CLUSTERS: &str = "cluster";
/// Partition of the flows.
pub const FLOWS: &str = "flow";
/// Partition of the runs that are not over.
pub const OPEN_RUNS: &str = "open-run";

pub(crate) fn api_key(hash: &str) -> Key {
    Key::new("api-key", hash)
}
pub(crate) fn integration(id: IntegrationId) -> Key {
    Key::new(INTEGRATIONS, id.to_string())
}
pub(crate) fn integration_name(name: &str) -> Key {
    Key::new("integration-name", name)
}
pub(crate) fn cluster(id: ClusterId) -> Key {
    Key::new(CLUSTERS, id.to_string())
}
pub(crate) fn flow(id: FlowId) -> Key {
    Key::new(FLOWS, id.to_string())
}
pub(crate) fn flow_name(name: &str) -> Key {
    Key::new("flow-name", name)
}
pub(crate) fn run(id: RunId) -> Key {
    Key::new("run", id.to_string())
}
pub(crate) fn open_run(id: RunId) -> Key {
    Key::new(OPEN_RUNS, id.to_string())
}
pub(crate) fn flow_runs(flow: FlowId) -> String {
    format!("flow-run#{flow}")
}
pub(crate) fn flow_run(flow: FlowId, submitted: Timestamp, run: RunId) -> Key {
    Key::new(flow_runs(flow), format!("{}#{run}", sortable(submitted)))
}
pub(crate) fn events(of: &str) -> String {
    format!("events#{of}")
}
pub(crate) fn event(of: &str, at: Timestamp, version: u64, number: usize) -> Key {
    Key::new(events(of), format!("{}#{version:012}#{number:04}", sortable(at)))
}

/// A moment as text that sorts like the moment: a fixed number of digits, unlike the usual form.
fn sortable(at: Timestamp) -> String {
    format!("{:020}", at.as_nanosecond())
}

/// The secret with an integration's credentials, relative to the deployment's prefix.
#[must_use]
pub fn credentials(integration: IntegrationId) -> String {
    format!("integrations/{integration}")
}
/// The secret that holds a credentials file stored for registration under a path.
#[must_use]
pub fn credentials_file(path: &str) -> String {
    let name: String =
        path.chars().map(|c| if c.is_ascii_alphanumeric() || "/_+=.@-".contains(c) { c } else { '-' }).collect();
    format!("credentials-files/{}", name.trim_start_matches('/'))
}
/// The object with a DAG.
#[must_use]
pub fn dag(flow: FlowId, dag: DagId) -> String {
    format!("flows/{flow}/dags/{dag}/dag.json")
}
/// The object with an operator's package.
#[must_use]
pub fn package(flow: FlowId, dag: DagId, operator: OperatorId) -> String {
    format!("flows/{flow}/dags/{dag}/packages/{operator}.zip")
}
/// Everything of a flow.
#[must_use]
pub fn flow_objects(flow: FlowId) -> String {
    format!("flows/{flow}/")
}
/// The object with an artifact's content.
#[must_use]
pub fn content(run: RunId, artifact: ArtifactId) -> String {
    format!("runs/{run}/artifacts/{artifact}/content")
}
/// The object with an artifact's metadata.
#[must_use]
pub fn metadata(run: RunId, artifact: ArtifactId) -> String {
    format!("runs/{run}/artifacts/{artifact}/metadata.json")
}
/// The object with an operator's full logs.
#[must_use]
pub fn logs(run: RunId, operator: OperatorId) -> String {
    format!("runs/{run}/operators/{operator}/logs.json")
}
/// Everything of a run.
#[must_use]
pub fn run_objects(run: RunId) -> String {
    format!("runs/{run}/")
}
/// Terraform's state of one generation of a cluster.
#[must_use]
pub fn terraform_state(cluster: ClusterId, generation: u32) -> String {
    format!("clusters/{cluster}/g{generation}/terraform.tfstate")
}
/// What a build reads and writes.
#[must_use]
pub fn build(cluster: ClusterId, epoch: u64) -> String {
    format!("clusters/{cluster}/builds/{epoch}")
}
/// The event stream of a build.
#[must_use]
pub fn build_events(cluster: ClusterId, epoch: u64) -> String {
    format!("{}/events.jsonl", build(cluster, epoch))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_sort_as_text_like_moments() {
        let at = |text: &str| event("x", text.parse().expect("a moment"), 1, 0).sort;
        assert!(at("2026-11-22T13:17:07Z") < at("2026-11-22T13:17:07.1Z"));
        assert!(at("2026-11-22T13:17:07.25Z") < at("2026-11-22T13:17:08Z"));
    }
}
