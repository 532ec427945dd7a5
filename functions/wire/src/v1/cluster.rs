//! Clusters: what is shown of them. What is sent is a map of settings, which the domain reads itself.

use super::documents;
use super::lifecycle::{RetryView, Surroundings, WaitView, leftovers};
use domain::Failure;
use domain::cluster::{Alive, Cluster, NodeGroups, Status};
use domain::event::Event;
use domain::inventory::Leftover;
use domain::progress::Progress;
use domain::settings::Settings;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

/// A cluster at this moment.
#[derive(Debug, Serialize, ToSchema)]
pub struct ClusterView {
    /// Its id, the same over all generations.
    pub id: Uuid,
    /// `<integration>:aqueduct_ondemand_k8s`.
    pub name: String,
    /// The AWS account it lives in.
    pub integration_id: Uuid,
    /// `Terminated`, `Creating`, `Active`, `Updating` or `Terminating`.
    #[schema(value_type = String)]
    pub status: Status,
    /// Since when it has this status.
    pub status_since: Timestamp,
    /// The AWS region.
    pub region: String,
    /// Counts its creations.
    pub generation: u32,
    /// The name EKS knows it by; none before its first creation.
    pub eks_name: Option<String>,
    /// The settings users asked for.
    #[schema(value_type = documents::Settings)]
    pub settings: Settings,
    /// Settings that are carried out otherwise than written.
    pub notes: Vec<String>,
    /// The node groups that it has; none unless its last build has told of them.
    #[schema(value_type = Option<documents::NodeGroups>)]
    pub node_groups: Option<NodeGroups>,
    /// Why it is alive, or what it is waiting for.
    #[schema(value_type = documents::Alive)]
    pub alive: Alive,
    /// When its teardown starts if nothing comes; none unless it is idle.
    pub ends_at: Option<Timestamp>,
    /// How far its present build is; none without a build.
    pub progress: Option<ProgressView>,
    /// What is wrong at present: why its teardown does not succeed, else the last failure of a creation or an update
    /// that has not been followed by a success.
    #[schema(value_type = Option<documents::Failure>)]
    pub last_error: Option<Failure>,
    /// What follows the failure of its build; none unless it is to be tried again.
    pub retry: Option<RetryView>,
    /// What runs wait for; none if no run does.
    pub wait: Option<WaitView>,
    /// Resources of earlier generations that should not exist, as last seen.
    #[schema(value_type = Vec<documents::Leftover>)]
    pub leftovers: Vec<Leftover>,
    /// The earlier generation whose leftovers are being destroyed; none if none is.
    pub collecting: Option<u32>,
    /// Runs that wait for it.
    pub waiting_runs: Vec<Uuid>,
    /// Runs that use it.
    pub runs: Vec<Uuid>,
}

/// How far a build is.
#[derive(Debug, Serialize, ToSchema)]
pub struct ProgressView {
    /// Resources to create, change or destroy; zero until the plan is made.
    pub planned: u32,
    /// Resources done so far.
    pub done: u32,
    /// Addresses of the resources being worked on.
    pub current: Vec<String>,
    /// Seconds since the build began; none while it waits to begin.
    pub elapsed_seconds: Option<u64>,
    /// Seconds it is likely to take in all.
    pub estimate_seconds: u64,
}

/// All clusters.
#[derive(Debug, Serialize, ToSchema)]
pub struct ClusterList {
    /// In no particular order.
    pub clusters: Vec<ClusterView>,
}

/// The history of a cluster or a run.
#[derive(Debug, Serialize, ToSchema)]
pub struct EventList {
    /// Oldest first.
    #[schema(value_type = Vec<documents::Event>)]
    pub events: Vec<Event>,
}

/// How to delete a cluster.
#[derive(Debug, Clone, Copy, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct DeleteQuery {
    /// Whether to delete it even while runs use it; these fail.
    #[serde(default)]
    pub force: bool,
}

impl ClusterView {
    /// A cluster, the progress of its build and what is known around it, as seen now.
    #[must_use]
    pub fn of(cluster: &Cluster, progress: Option<Progress>, around: &Surroundings, now: Timestamp) -> Self {
        let view = cluster.view(now);
        let ids = |runs: Option<&std::collections::BTreeSet<domain::RunId>>| {
            runs.into_iter().flatten().map(|run| run.0).collect::<Vec<_>>()
        };
        let progress = progress.map(|progress| ProgressView {
            planned: progress.planned,
            done: progress.done,
            current: progress.current,
            elapsed_seconds: view.build_elapsed_seconds,
            estimate_seconds: view.build_estimate_seconds.unwrap_or_default(),
        });
        Self {
            id: cluster.id.0,
            name: cluster.name.clone(),
            integration_id: cluster.integration.0,
            status: cluster.status(),
            status_since: cluster.phase_since,
            region: cluster.region.clone(),
            generation: cluster.generation,
            eks_name: (cluster.generation > 0).then(|| cluster.eks_name()),
            notes: cluster.notes(),
            node_groups: cluster.node_groups.clone(),
            settings: cluster.settings.clone(),
            alive: view.alive,
            ends_at: view.ends_at,
            progress,
            last_error: cluster.present_error().cloned(),
            retry: view.retry.map(|retry| RetryView::of(cluster, retry)),
            wait: WaitView::of(cluster, &around.in_line, now),
            leftovers: leftovers(around.inventory.as_ref()),
            collecting: cluster.collection.as_ref().map(|collects| collects.generation),
            waiting_runs: ids(cluster.phase.waiters()),
            runs: ids(cluster.phase.leases()),
        }
    }
}
