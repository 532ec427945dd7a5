//! The stored document: the production `Cluster`, kept in a form in which what does not matter does not differ.
//!
//! Time is relative: a moment is "now" or "long ago" (the keepalive or the wait is over), and passing time moves moments
//! of the document into the past instead of moving the clock.

use crate::world::RUNS;
use domain::cluster::{Build, Cluster, Collection, Effect, Phase, Purpose};
use domain::failure::{Failure, FailureClass};
use domain::settings::{Limits, Settings, SettingsDelta};
use domain::{ClusterId, IntegrationId, RunId};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use std::array::from_fn;
use std::hash::{Hash, Hasher};
use std::sync::Arc;
use uuid::Uuid;

/// The moment at which everything happens.
pub const NOW: Timestamp = Timestamp::UNIX_EPOCH;

/// A cluster as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document(pub Arc<Cluster>);

/// A moment so long ago that every keepalive is over.
pub fn long_ago() -> Timestamp {
    NOW - SignedDuration::from_hours(24 * 365)
}

/// The id of the run of this number.
pub fn run_id(number: usize) -> RunId {
    RunId(Uuid::from_u128(number as u128))
}

/// The number of the run of this id.
pub fn run_number(id: RunId) -> usize {
    id.0.as_u128() as usize
}

/// A failure of a class; its words do not matter here.
pub fn failure(class: FailureClass) -> Failure {
    Failure::new(class, String::new())
}

fn delta(raw: Value) -> SettingsDelta {
    let raw = raw.as_object().expect("an object");
    SettingsDelta::parse(raw, Limits::default()).expect("acceptable settings")
}

/// A change of the number of nodes: from one to two or back.
pub fn other_count(settings: &Settings) -> SettingsDelta {
    delta(json!({"max_cpu_node": 3 - settings.max_cpu_node}))
}

/// A change of the node type.
pub fn other_type(settings: &Settings) -> SettingsDelta {
    let present = settings.cpu_node_type.to_string();
    delta(json!({"cpu_node_type": if present == "t3.xlarge" { "m5.xlarge" } else { "t3.xlarge" }}))
}

/// All that differs between settings here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Nodes {
    /// How many there may be.
    pub most: u32,
    /// Whether they are of the default type.
    pub default_type: bool,
}

impl Nodes {
    /// What settings say of nodes.
    pub fn of(settings: &Settings) -> Self {
        let default_type = settings.cpu_node_type.to_string() == "t3.xlarge";
        Self { most: settings.max_cpu_node, default_type }
    }
}

/// A build's purpose, in a form that can be hashed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Work {
    Create,
    Update,
    Destroy,
}

impl From<Purpose> for Work {
    fn from(purpose: Purpose) -> Self {
        match purpose {
            Purpose::Create => Self::Create,
            Purpose::Update => Self::Update,
            Purpose::Destroy => Self::Destroy,
        }
    }
}

/// An effect without what does not matter: small, and comparable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Act {
    Start { epoch: u64, generation: u32, work: Work },
    Stop { epoch: u64 },
    Grant { run: usize },
    Fail { runs: [bool; RUNS] },
    Enable,
}

impl Act {
    /// The act an effect asks for.
    pub fn of(effect: &Effect) -> Self {
        match effect {
            Effect::StartMachine { epoch, generation, purpose, .. } => {
                Self::Start { epoch: *epoch, generation: *generation, work: (*purpose).into() }
            }
            Effect::StopBuild { epoch } => Self::Stop { epoch: *epoch },
            Effect::Grant { run, .. } => Self::Grant { run: run_number(*run) },
            Effect::FailRuns { runs, .. } => Self::Fail { runs: from_fn(|run| runs.contains(&run_id(run))) },
            // A receipt only looks and writes elsewhere: see `without_receipts`.
            Effect::EnableKeepalive | Effect::Receipt { .. } => Self::Enable,
        }
    }
}

impl Act {
    /// Whether it tells a run that it gets no cluster.
    pub fn fails(self, run: usize) -> bool {
        matches!(self, Self::Fail { runs } if runs[run])
    }
}

impl Document {
    /// The cluster of a new integration.
    pub fn registered() -> Self {
        let (id, integration) = (ClusterId(Uuid::nil()), IntegrationId(Uuid::nil()));
        let mut cluster = Cluster::registered(id, integration, "", String::new(), Settings::default(), NOW);
        cluster.name = String::new();
        Self(Arc::new(cluster))
    }

    /// The build under way or waiting to start.
    pub fn build(&self) -> Option<&Build> {
        self.0.phase.build()
    }

    /// Whether the document has this run among those that use the cluster.
    pub fn leased_to(&self, run: usize) -> bool {
        self.0.phase.leases().is_some_and(|leases| leases.contains(&run_id(run)))
    }

    /// Whether the document has this run among those that wait.
    pub fn awaited_by(&self, run: usize) -> bool {
        self.0.phase.waiters().is_some_and(|waiters| waiters.contains(&run_id(run)))
    }

    /// The effects in the outbox.
    pub fn acts(&self) -> impl Iterator<Item = (u64, Act)> + '_ {
        self.0.outbox.iter().map(|(key, effect)| (*key, Act::of(effect)))
    }

    /// Takes out what changes nothing here: receipts of teardowns.
    pub fn without_receipts(mut cluster: Cluster) -> Cluster {
        cluster.outbox.retain(|_, effect| !matches!(effect, Effect::Receipt { .. }));
        cluster
    }

    /// Forgets texts, durations and exact moments, and of failures their class: what `class` shows to be allowed.
    pub fn simplify(cluster: &mut Cluster) {
        cluster.phase_since = NOW;
        cluster.history = Default::default();
        if let Some(error) = &mut cluster.last_error {
            *error = failure(FailureClass::Unknown);
        }
        for effect in cluster.outbox.values_mut() {
            match effect {
                Effect::FailRuns { failure: reason, .. } => *reason = failure(FailureClass::Unknown),
                // The run does not look at it.
                Effect::Grant { generation, .. } => *generation = 0,
                _ => {}
            }
        }
        if let Phase::Terminating { stuck, .. } = &mut cluster.phase {
            // That it is parked matters; why it is stuck, and since when, does not.
            *stuck = stuck.take().filter(|stuck| stuck.parked);
            if let Some(stuck) = stuck {
                (stuck.failure, stuck.first_epoch) = (failure(FailureClass::Unknown), 0);
            }
        }
        if let Some(build) = build_mut(&mut cluster.phase) {
            // Only creations count their tries; teardowns are parked after many, as they are for want of a person.
            if build.purpose == Purpose::Destroy {
                build.attempt = 1;
            }
            build.not_before = if build.not_before > NOW { NOW + SignedDuration::from_secs(1) } else { NOW };
        }
    }
}

/// The build of a phase, to change it.
pub fn build_mut(phase: &mut Phase) -> Option<&mut Build> {
    match phase {
        Phase::Creating { build, .. } | Phase::Updating { build, .. } | Phase::Terminating { build, .. } => Some(build),
        Phase::Terminated | Phase::Active { .. } => None,
    }
}

/// States that hash alike are taken for the same one, so everything that can differ is hashed.
impl Hash for Document {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let cluster = &*self.0;
        (cluster.generation, cluster.epoch, cluster.next_effect, cluster.last_error.is_some()).hash(state);
        (Nodes::of(&cluster.settings), cluster.status() as u8).hash(state);
        cluster.failed_settings.iter().map(Nodes::of).collect::<Vec<_>>().hash(state);
        if let Some(Build { epoch, purpose, attempt, forced, not_before, begun_at }) = self.build() {
            (epoch, *purpose as u8, attempt, forced, not_before, begun_at).hash(state);
        }
        if let Some(Collection { generation, epoch, begun_at }) = &cluster.collection {
            (generation, epoch, begun_at).hash(state);
        }
        match &cluster.phase {
            Phase::Terminated => {}
            Phase::Creating { waiters, requested, .. } => (waiters, requested).hash(state),
            Phase::Terminating { waiters, stuck, .. } => (waiters, stuck.is_some()).hash(state),
            Phase::Active { leases, idle_since } => (leases, idle_since).hash(state),
            Phase::Updating { leases, waiters, previous, .. } => (leases, waiters, Nodes::of(previous)).hash(state),
        }
        self.acts().for_each(|act| act.hash(state));
    }
}
