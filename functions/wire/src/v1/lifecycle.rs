//! What is told of a cluster's life beyond its status: what runs wait for, what is tried again, what is left behind.

use super::documents;
use domain::cluster::{Cluster, Retry, Status, Wait};
use domain::inventory::{Inventory, Leftover};
use domain::price::{Nodes, hourly};
use domain::receipt::Receipt;
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

/// What a run, or all runs that wait for a cluster, wait for.
#[derive(Debug, Serialize, ToSchema)]
pub struct WaitView {
    /// What must happen first: `creation`, `destruction and creation`, or `replacement of nodes`.
    pub waits_for: &'static str,
    /// The cluster's phase.
    #[schema(value_type = String)]
    pub phase: Status,
    /// Since when it is in that phase.
    pub phase_since: Timestamp,
    /// Seconds until the cluster is likely to be there.
    pub estimate_seconds: u64,
    /// How many earlier builds of this cluster the estimate rests on; with 0, it is what AWS usually takes.
    pub estimated_from_builds: usize,
    /// The runs that wait, in the order of their submission. All of them start as soon as the cluster is there.
    pub runs: Vec<Uuid>,
}

/// A build that has failed and is to be tried again.
#[derive(Debug, Serialize, ToSchema)]
pub struct RetryView {
    /// Which try it will be, the second or a later one.
    pub attempt: u32,
    /// When.
    pub next_try_at: Timestamp,
    /// Whether it is tried hourly only: it takes a person, or earlier retries were of no use. Deleting the cluster
    /// tries at once.
    pub parked: bool,
    /// What it costs until then.
    pub cost: StandingCost,
}

/// What a cluster costs an hour as long as it is not destroyed, in US dollars; less if parts of it are gone already.
#[derive(Debug, Serialize, ToSchema)]
pub struct StandingCost {
    /// With its node groups at their minimum.
    pub usd_per_hour: f64,
    /// With its node groups at their maximum.
    pub at_most_usd_per_hour: f64,
}

/// What became of a cluster's generations.
#[derive(Debug, Serialize, ToSchema)]
pub struct ReceiptList {
    /// One for each teardown, oldest first.
    #[schema(value_type = Vec<documents::Receipt>)]
    pub receipts: Vec<Receipt>,
    /// What the account was last seen to have with the cluster's tags; none before the first look.
    #[schema(value_type = Option<documents::Inventory>)]
    pub inventory: Option<Inventory>,
}

/// What is known of a cluster beside its own document.
#[derive(Debug, Default)]
pub struct Surroundings {
    /// The runs that wait for it, in the order of their submission.
    pub in_line: Vec<domain::RunId>,
    /// What its account was last seen to have.
    pub inventory: Option<Inventory>,
}

impl WaitView {
    /// What the runs of a cluster wait for, as seen now.
    #[must_use]
    pub fn of(cluster: &Cluster, in_line: &[domain::RunId], now: Timestamp) -> Option<Self> {
        let Wait { waits_for, phase_since, estimate_seconds, estimated_from_builds } = cluster.wait(now);
        let runs: Vec<Uuid> = in_line.iter().map(|run| run.0).collect();
        let phase = cluster.status();
        let view = Self { waits_for, phase, phase_since, estimate_seconds, estimated_from_builds, runs };
        (!in_line.is_empty()).then_some(view)
    }
}

impl RetryView {
    /// What follows the failure of a cluster's build.
    #[must_use]
    pub fn of(cluster: &Cluster, retry: Retry) -> Self {
        let usd = |nodes: fn(&domain::settings::Settings) -> Nodes| {
            hourly(&cluster.settings, nodes(&cluster.settings)).per_hour().dollars()
        };
        let cost = StandingCost { usd_per_hour: usd(Nodes::idle), at_most_usd_per_hour: usd(Nodes::most) };
        Self { attempt: retry.attempt, next_try_at: retry.next_try_at, parked: retry.parked, cost }
    }
}

/// What should not be there, as far as is known.
pub(super) fn leftovers(inventory: Option<&Inventory>) -> Vec<Leftover> {
    inventory.map(|inventory| inventory.found.leftovers().to_vec()).unwrap_or_default()
}

/// A sentence on how long it may take, and what that rests on.
#[must_use]
pub fn estimate(cluster: &Cluster, now: Timestamp) -> String {
    let wait = cluster.wait(now);
    let minutes = wait.estimate_seconds.div_ceil(60).max(1);
    match wait.estimated_from_builds {
        0 => format!("about {minutes} min, as AWS usually takes"),
        1 => format!("about {minutes} min, as the last time"),
        times => format!("about {minutes} min, as the last {times} times"),
    }
}
