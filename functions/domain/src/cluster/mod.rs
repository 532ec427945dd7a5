//! A cluster: its phase, who needs it, and the build that is changing it.

mod decide;
mod hardware;
mod history;
mod refusal;
mod view;

pub use decide::{BuildReport, Command, Decision, Reply, decide};
pub use hardware::{Hardware, NoGpuNodes, NodeGroup, NodeGroups, Unfit};
pub use history::History;
pub use refusal::Refusal;
pub use view::{Alive, Retry, View, Wait, seconds_between};

use crate::{
    ClusterId, Failure, IntegrationId, RunId,
    settings::{Settings, SettingsDelta},
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// What the name of an integration's cluster ends in.
pub const NAME_SUFFIX: &str = ":aqueduct_ondemand_k8s";

/// The one cluster of an integration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cluster {
    /// Its id, the same over all generations.
    pub id: ClusterId,
    /// The AWS account it is created in.
    pub integration: IntegrationId,
    /// `<integration>:aqueduct_ondemand_k8s`.
    pub name: String,
    /// The AWS region, such as `us-east-1`.
    pub region: String,
    /// Counts the creations; part of every name and tag that AWS sees.
    pub generation: u32,
    /// Bumped on every change of phase or build. What carries an older epoch is void.
    pub epoch: u64,
    /// What users asked for.
    pub settings: Settings,
    /// Where it is in its life.
    pub phase: Phase,
    /// Since when it is there.
    pub phase_since: Timestamp,
    /// What destroys leftovers at present.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub collection: Option<Collection>,
    /// The last failure of a creation or an update that has not been followed by a success.
    pub last_error: Option<Failure>,
    /// The settings of updates that have failed since the last success: AWS may have a part of each of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub failed_settings: Vec<Settings>,
    /// What the last build that succeeded has made; none where it has not told, or nothing is there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node_groups: Option<NodeGroups>,
    /// How long earlier builds took, for estimates.
    pub history: History,
    /// Effects that were decided but are not known to be performed.
    pub outbox: BTreeMap<u64, Effect>,
    /// The key of the next effect in the outbox.
    pub next_effect: u64,
}

/// Where a cluster is in its life, with what matters there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "status")]
pub enum Phase {
    /// Nothing of it exists.
    Terminated,
    /// A build is making it.
    Creating {
        /// The build.
        build: Build,
        /// Runs that wait for it.
        waiters: BTreeSet<RunId>,
        /// Whether a person asked for it: then it is made even if no run waits any more.
        #[serde(default = "yes")]
        requested: bool,
    },
    /// It can run operators.
    Active {
        /// Runs that use it; while there is one, nothing may tear it down.
        leases: BTreeSet<RunId>,
        /// Since when nothing uses it; none while something does.
        idle_since: Option<Timestamp>,
    },
    /// A build is changing it; it can run operators meanwhile.
    Updating {
        /// The build.
        build: Build,
        /// Runs that use it.
        leases: BTreeSet<RunId>,
        /// Runs that wait until its nodes have been replaced.
        waiters: BTreeSet<RunId>,
        /// What to go back to if the build fails.
        previous: Box<Settings>,
    },
    /// It is being destroyed, possibly after waiting for an earlier build to stop.
    Terminating {
        /// The build that stops or destroys.
        build: Build,
        /// Runs that wait for the next generation.
        waiters: BTreeSet<RunId>,
        /// What keeps it from ending; none unless a try has failed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        stuck: Option<Box<Stuck>>,
    },
}

/// A teardown that has failed and is tried again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stuck {
    /// Why the last try failed.
    pub failure: Failure,
    /// Whether it is tried hourly only, since it takes a person, or earlier retries were of no use.
    pub parked: bool,
    /// The epoch of its first try.
    pub first_epoch: u64,
}

/// Documents of before this was known: what somebody asked for must not be undone.
fn yes() -> bool {
    true
}

/// The status word, spelled as the SDK spells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Status {
    /// See [`Phase::Terminated`].
    Terminated,
    /// See [`Phase::Creating`].
    Creating,
    /// See [`Phase::Active`].
    Active,
    /// See [`Phase::Updating`].
    Updating,
    /// See [`Phase::Terminating`].
    Terminating,
}

/// What a build is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// Make the cluster.
    Create,
    /// Change its node groups.
    Update,
    /// Destroy everything.
    Destroy,
}

/// One execution of Terraform on behalf of a cluster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Build {
    /// The cluster's epoch when it was decided: the build's identity.
    pub epoch: u64,
    /// What it is for.
    pub purpose: Purpose,
    /// Counts tries, from 1.
    pub attempt: u32,
    /// Whether it runs even if pods are alive (a forced teardown).
    pub forced: bool,
    /// When it may start; later than it was decided for a retry that backs off.
    pub not_before: Timestamp,
    /// When it was allowed to start; none while it waits.
    pub begun_at: Option<Timestamp>,
}

/// A build that destroys what is left of a generation that should be gone, beside whatever the cluster does meanwhile.
/// Generations never come back, so that one which was over when this was decided is over for ever: it cannot touch the
/// one that lives.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Collection {
    /// The generation.
    pub generation: u32,
    /// The cluster's epoch when it was decided: the build's identity.
    pub epoch: u64,
    /// When it was allowed to start; none while it waits.
    pub begun_at: Option<Timestamp>,
}

/// What is to be done in the world after a decision. Each can be done twice without harm.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "effect", rename_all = "snake_case")]
pub enum Effect {
    /// Start the cluster machine for the build of this epoch.
    StartMachine {
        /// The build's identity and the name of the execution.
        epoch: u64,
        /// The generation it works on.
        generation: u32,
        /// What it is for.
        purpose: Purpose,
        /// How long it waits first.
        delay_seconds: u64,
    },
    /// Stop the build of this epoch.
    StopBuild {
        /// The build's identity.
        epoch: u64,
    },
    /// Tell a waiting run that it has its lease.
    Grant {
        /// The run.
        run: RunId,
        /// The cluster's generation.
        generation: u32,
    },
    /// Tell runs that they get no cluster, or have lost it. All at once: a failure may have kilobytes, and the document
    /// that it is part of must not grow with each run beyond what the store takes.
    FailRuns {
        /// The runs.
        runs: BTreeSet<RunId>,
        /// Why.
        failure: Failure,
    },
    /// Write down what these builds have destroyed, and look whether anything is left.
    Receipt {
        /// The generation that was destroyed.
        generation: u32,
        /// The epoch of the first build.
        first_epoch: u64,
        /// The epoch of the last build, the one that succeeded.
        last_epoch: u64,
    },
    /// Let the keepalive rule tick: it ends idle clusters, and performs what a crash left undone.
    EnableKeepalive,
}

impl Phase {
    /// The status word.
    #[must_use]
    pub fn status(&self) -> Status {
        match self {
            Self::Terminated => Status::Terminated,
            Self::Creating { .. } => Status::Creating,
            Self::Active { .. } => Status::Active,
            Self::Updating { .. } => Status::Updating,
            Self::Terminating { .. } => Status::Terminating,
        }
    }

    /// The build under way or waiting to start.
    #[must_use]
    pub fn build(&self) -> Option<&Build> {
        match self {
            Self::Creating { build, .. } | Self::Updating { build, .. } | Self::Terminating { build, .. } => {
                Some(build)
            }
            Self::Terminated | Self::Active { .. } => None,
        }
    }

    /// The runs that use the cluster.
    #[must_use]
    pub fn leases(&self) -> Option<&BTreeSet<RunId>> {
        match self {
            Self::Active { leases, .. } | Self::Updating { leases, .. } => Some(leases),
            _ => None,
        }
    }

    /// All runs that use the cluster or wait for it.
    pub fn runs(&self) -> impl Iterator<Item = RunId> + '_ {
        self.leases().into_iter().chain(self.waiters()).flatten().copied()
    }

    /// The runs that wait for the cluster.
    #[must_use]
    pub fn waiters(&self) -> Option<&BTreeSet<RunId>> {
        match self {
            Self::Creating { waiters, .. } | Self::Updating { waiters, .. } | Self::Terminating { waiters, .. } => {
                Some(waiters)
            }
            Self::Terminated | Self::Active { .. } => None,
        }
    }
}

impl Cluster {
    /// The cluster of a newly registered integration: nothing exists yet.
    #[must_use]
    pub fn registered(
        id: ClusterId,
        integration: IntegrationId,
        integration_name: &str,
        region: String,
        settings: Settings,
        now: Timestamp,
    ) -> Self {
        Self {
            id,
            integration,
            name: format!("{integration_name}{NAME_SUFFIX}"),
            region,
            generation: 0,
            epoch: 0,
            settings,
            phase: Phase::Terminated,
            phase_since: now,
            collection: None,
            last_error: None,
            failed_settings: Vec::new(),
            node_groups: None,
            history: History::default(),
            outbox: BTreeMap::new(),
            next_effect: 0,
        }
    }

    /// The name EKS sees for the present generation.
    #[must_use]
    pub fn eks_name(&self) -> String {
        self.id.eks_name(self.generation)
    }

    /// The status word.
    #[must_use]
    pub fn status(&self) -> Status {
        self.phase.status()
    }

    /// The generation that the build of this epoch works on.
    #[must_use]
    pub fn generation_of(&self, epoch: u64) -> u32 {
        self.collection_by(epoch).map_or(self.generation, |collects| collects.generation)
    }

    /// Whether pods may be there of a run that was granted this generation, if any. It matters not whether the run still
    /// has its lease: the sweeper may have been quicker to release it.
    #[must_use]
    pub fn may_have_pods_of(&self, granted: Option<u32>) -> bool {
        granted == Some(self.generation) && self.phase.leases().is_some()
    }

    /// The settings with some of them changed, if that is possible while the cluster is what it is.
    ///
    /// # Errors
    /// [`Refusal::Settings`] where they do not fit together, [`Refusal::NatOfLiving`].
    pub fn changed(&self, delta: &SettingsDelta) -> Result<Settings, Refusal> {
        let settings = self.settings.merged(delta)?;
        // Nodes keep the way out that they started with: with another one they would need another network.
        if self.phase != Phase::Terminated && settings.options.nat != self.settings.options.nat {
            return Err(Refusal::NatOfLiving { name: self.name.clone(), status: self.status() });
        }
        Ok(settings)
    }

    /// Whether nothing of this generation may exist any more.
    #[must_use]
    pub fn is_over(&self, generation: u32) -> bool {
        generation < self.generation || generation == self.generation && self.phase == Phase::Terminated
    }

    /// Whether the build of an epoch was allowed to start; not while it waits, nor when it is over.
    #[must_use]
    pub fn has_begun(&self, epoch: u64) -> bool {
        let build = self.phase.build().filter(|build| build.epoch == epoch).and_then(|build| build.begun_at);
        build.or(self.collection_by(epoch).and_then(|collects| collects.begun_at)).is_some()
    }

    /// The collection that is the business of this epoch's build.
    fn collection_by(&self, epoch: u64) -> Option<&Collection> {
        self.collection.as_ref().filter(|collects| collects.epoch == epoch)
    }

    /// The epochs of all builds that are under way or wait to start: that of the phase, and what destroys leftovers.
    pub fn builds(&self) -> impl Iterator<Item = u64> {
        let epoch = self.phase.build().map(|build| build.epoch);
        epoch.into_iter().chain(self.collection.as_ref().map(|collects| collects.epoch))
    }

    /// Whether the build of this epoch is the one the cluster's phase waits for.
    #[must_use]
    pub fn expects_build(&self, epoch: u64) -> bool {
        self.phase.build().is_some_and(|build| build.epoch == epoch)
    }
}

impl std::fmt::Display for Status {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Debug::fmt(self, f)
    }
}

#[cfg(test)]
mod tests;
