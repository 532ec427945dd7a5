//! Where everything lies: the keys of the table and the paths of the bucket.
//!
//! | partition | sort | document |
//! |---|---|---|
//! | `api-key` | SHA-256 of the key, hex | who it was made for |
//! | `integration` | id | [`domain::integration::Integration`] |
//! | `integration-name` | name | its id: keeps names unique |
//! | `loose-secret` | integration's id | since when its secret may be there without it; see [`crate::loose_secrets`] |
//! | `cluster` | id | [`domain::cluster::Cluster`] |
//! | `flow` | id | [`domain::flow::Flow`] |
//! | `flow-name` | name | its id: keeps names unique |
//! | `run` | id | [`domain::run::Run`] |
//! | `flow-run#<flow>` | moment of submission, id | a run's id: lists a flow's runs in order |
//! | `open-run` | id | a run that is not over: what the sweeper looks at |
//! | `receipts#<cluster>` | generation, epoch | [`domain::receipt::Receipt`] of a teardown |
//! | `inventory` | cluster's id | [`domain::inventory::Inventory`]: what its account was last seen to have |
//! | `events#<cluster or run>` | moment, number | [`domain::event::Event`] |
//! | `answered` | hash of an API key, `Idempotency-Key` | what was answered; see [`crate::idempotency`] |
//! | `preview` | id | [`crate::previews::Preview`] |
//! | `preview-asked` | fingerprint of a graph | the preview that nobody has been given the result of yet |
//! | `preview-value` | fingerprint of an operator | [`crate::previews::Value`]: what it came to |
//!
//! What belongs to previews lies below `previews/` in the bucket, whose life-cycle rule forgets it after a day.

use crate::ports::Key;
use domain::{ArtifactId, ClusterId, DagId, FlowId, IntegrationId, OperatorId, RunId, Timestamp};
use uuid::Uuid;

/// Partition of the integrations.
pub const INTEGRATIONS: &str = "integration";
/// Partition of the secrets that may have lost their integration.
pub(crate) const LOOSE_SECRETS: &str = "loose-secret";
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
pub(crate) fn loose_secret(id: IntegrationId) -> Key {
    Key::new(LOOSE_SECRETS, id.to_string())
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

pub(crate) fn receipts(cluster: ClusterId) -> String {
    format!("receipts#{cluster}")
}
pub(crate) fn receipt(cluster: ClusterId, generation: u32, epoch: u64) -> Key {
    Key::new(receipts(cluster), format!("{generation:06}#{epoch:012}"))
}
pub(crate) fn inventory(cluster: ClusterId) -> Key {
    Key::new("inventory", cluster.to_string())
}

pub(crate) fn answered(caller: &str, key: &str) -> Key {
    Key::new("answered", format!("{caller}#{key}"))
}
pub(crate) fn preview(id: Uuid) -> Key {
    Key::new("preview", id.to_string())
}
pub(crate) fn preview_asked(fingerprint: &str) -> Key {
    Key::new("preview-asked", fingerprint)
}
pub(crate) fn preview_value(fingerprint: &str) -> Key {
    Key::new("preview-value", fingerprint)
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
    format!("{}dag.json", dag_objects(flow, dag))
}
/// The object with an operator's package.
#[must_use]
pub fn package(flow: FlowId, dag: DagId, operator: OperatorId) -> String {
    format!("{}packages/{operator}.zip", dag_objects(flow, dag))
}
/// Everything of one version of a flow.
pub(crate) fn dag_objects(flow: FlowId, dag: DagId) -> String {
    format!("{}dags/{dag}/", flow_objects(flow))
}
/// Everything of a flow.
#[must_use]
pub fn flow_objects(flow: FlowId) -> String {
    format!("{}flows/{flow}/", kept(flow.is_preview()))
}
/// The object with an artifact's content, as an attempt of its operator wrote it; see
/// [`domain::run::OperatorState::stored_as`].
#[must_use]
pub fn content(run: RunId, artifact: ArtifactId, attempt: u32) -> String {
    format!("{}{}content", artifact_objects(run, artifact), below(attempt))
}
/// The object with an artifact's metadata; see [`content`].
#[must_use]
pub fn metadata(run: RunId, artifact: ArtifactId, attempt: u32) -> String {
    format!("{}{}metadata.json", artifact_objects(run, artifact), below(attempt))
}
/// Everything that the attempts of its operator wrote of an artifact.
pub(crate) fn artifact_objects(run: RunId, artifact: ArtifactId) -> String {
    format!("{}artifacts/{artifact}/", run_objects(run))
}
/// The object with what an attempt of an operator printed; see [`content`].
#[must_use]
pub fn logs(run: RunId, operator: OperatorId, attempt: u32) -> String {
    format!("{}operators/{operator}/{}logs.json", run_objects(run), below(attempt))
}
/// Where the objects of an attempt lie; 0 for those of the time when all attempts shared theirs.
fn below(attempt: u32) -> String {
    if attempt == 0 { String::new() } else { format!("{attempt}/") }
}
/// The object with the values of a run's parameters, where they are too large for its document.
pub(crate) fn parameters(run: RunId) -> String {
    format!("{}parameters.json", run_objects(run))
}
/// Everything of a run.
#[must_use]
pub fn run_objects(run: RunId) -> String {
    format!("{}runs/{run}/", kept(run.is_preview()))
}
/// Where an object begins: what is forgotten by itself lies apart from what is kept.
fn kept(is_preview: bool) -> &'static str {
    if is_preview { "previews/" } else { "" }
}
/// Terraform's state of one generation of a cluster.
#[must_use]
pub fn terraform_state(cluster: ClusterId, generation: u32) -> String {
    format!("clusters/{cluster}/g{generation}/terraform.tfstate")
}
/// The note of the build that holds a Terraform state.
#[must_use]
pub fn hold(terraform_state: &str) -> String {
    format!("{terraform_state}.holder")
}
/// Terraform's own lock of a state.
#[must_use]
pub fn lock(terraform_state: &str) -> String {
    format!("{terraform_state}.tflock")
}
/// What a build reads and writes.
#[must_use]
pub fn build(cluster: ClusterId, epoch: u64) -> String {
    format!("clusters/{cluster}/builds/{epoch}")
}
/// What a plan on demand reads and writes.
#[must_use]
pub fn plan(cluster: ClusterId, plan: uuid::Uuid) -> String {
    format!("clusters/{cluster}/plans/{plan}")
}
/// Tells a build that it has been given up.
#[must_use]
pub fn given_up(cluster: ClusterId, epoch: u64) -> String {
    format!("{}/given-up", build(cluster, epoch))
}
/// The event stream of a build.
#[must_use]
pub fn build_events(cluster: ClusterId, epoch: u64) -> String {
    format!("{}/events.jsonl", build(cluster, epoch))
}
/// What a build that made something tells of it: Terraform's outputs.
#[must_use]
pub fn build_outputs(cluster: ClusterId, epoch: u64) -> String {
    format!("{}/outputs.json", build(cluster, epoch))
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
