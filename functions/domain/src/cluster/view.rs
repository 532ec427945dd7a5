//! What a person is told about a cluster: why it is alive, and when it will end.

use super::{Build, Cluster, Phase, Purpose};
use crate::{Failure, RunId};
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

/// How far the clocks of two functions may be apart.
const LARGEST_SKEW: SignedDuration = SignedDuration::from_mins(1);

/// Why a cluster is alive, or what it is waiting for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "because", rename_all = "snake_case")]
pub enum Alive {
    /// It does not exist, and costs nothing.
    NotAlive,
    /// It is being made.
    Creating {
        /// Runs that wait for it, none if a person asked.
        waiting_runs: Vec<RunId>,
    },
    /// Runs use it.
    InUse {
        /// The runs.
        runs: Vec<RunId>,
    },
    /// Nothing uses it; it lives on for its keepalive.
    KeptAlive {
        /// Since when.
        idle_since: Timestamp,
        /// When its teardown starts if nothing comes.
        ends_at: Timestamp,
    },
    /// It is being destroyed.
    Ending {
        /// Runs that wait for the next one.
        waiting_runs: Vec<RunId>,
    },
}

/// The time-dependent facts of a cluster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct View {
    /// Why it is alive.
    pub alive: Alive,
    /// When the teardown starts if nothing comes.
    pub ends_at: Option<Timestamp>,
    /// Seconds since the present build began.
    pub build_elapsed_seconds: Option<u64>,
    /// How long the present build is likely to take in all, in seconds.
    pub build_estimate_seconds: Option<u64>,
    /// What follows the failure of the last try; none unless it is to be tried again.
    pub retry: Option<Retry>,
}

/// A build that waits for its next try.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Retry {
    /// Which try it will be, the second or a later one.
    pub attempt: u32,
    /// When.
    pub next_try_at: Timestamp,
    /// Whether it is tried hourly only: it takes a person, or earlier retries were of no use.
    pub parked: bool,
}

/// What a run waits for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Wait {
    /// What must happen first: `creation`, `destruction and creation`, or `replacement of nodes`.
    pub waits_for: &'static str,
    /// Since when the cluster is in its present phase.
    pub phase_since: Timestamp,
    /// Seconds until the run is likely to get the cluster.
    pub estimate_seconds: u64,
    /// How many earlier builds of this cluster the estimate rests on; with none, it is what AWS usually takes.
    pub estimated_from_builds: usize,
}

impl Cluster {
    /// When an idle cluster's keepalive is over.
    #[must_use]
    pub fn ends_at(&self) -> Option<Timestamp> {
        let Phase::Active { idle_since: Some(since), .. } = &self.phase else { return None };
        let keepalive = i64::try_from(self.settings.keepalive).ok()?;
        since.checked_add(SignedDuration::from_secs(keepalive)).ok()
    }

    /// Whether an idle cluster's keepalive is over, as far as can be told: an idle time that begins in the future was
    /// written by a clock that was wrong, and is to begin anew.
    #[must_use]
    pub fn keepalive_is_over(&self, now: Timestamp) -> bool {
        let is_wrong =
            matches!(self.phase, Phase::Active { idle_since: Some(since), .. } if since > now + LARGEST_SKEW);
        is_wrong || self.ends_at().is_some_and(|end| now >= end)
    }

    /// What to tell a person at this moment.
    #[must_use]
    pub fn view(&self, now: Timestamp) -> View {
        let list = |runs: &std::collections::BTreeSet<RunId>| runs.iter().copied().collect::<Vec<_>>();
        let alive = match &self.phase {
            Phase::Terminated => Alive::NotAlive,
            Phase::Creating { waiters, .. } => Alive::Creating { waiting_runs: list(waiters) },
            Phase::Active { idle_since: Some(idle_since), .. } => {
                Alive::KeptAlive { idle_since: *idle_since, ends_at: self.ends_at().unwrap_or(*idle_since) }
            }
            Phase::Active { leases, .. } | Phase::Updating { leases, .. } => Alive::InUse { runs: list(leases) },
            Phase::Terminating { waiters, .. } => Alive::Ending { waiting_runs: list(waiters) },
        };
        let build = self.phase.build();
        View {
            alive,
            ends_at: self.ends_at(),
            build_elapsed_seconds: build.and_then(|b| b.begun_at).map(|begun| seconds_between(begun, now)),
            build_estimate_seconds: build.map(|b| self.history.estimate(b.purpose)),
            retry: self.retry(),
        }
    }

    /// What is wrong at present: why the teardown under way does not succeed, else the last failure of a creation or
    /// an update that has not been followed by a success.
    #[must_use]
    pub fn present_error(&self) -> Option<&Failure> {
        match &self.phase {
            Phase::Terminating { stuck: Some(stuck), .. } => Some(&stuck.failure),
            _ => self.last_error.as_ref(),
        }
    }

    fn retry(&self) -> Option<Retry> {
        let build = self.phase.build().filter(|build| build.attempt > 1 && build.begun_at.is_none())?;
        let parked = matches!(&self.phase, Phase::Terminating { stuck: Some(stuck), .. } if stuck.parked);
        Some(Retry { attempt: build.attempt, next_try_at: build.not_before, parked })
    }

    /// What a run that waits at this moment waits for.
    #[must_use]
    pub fn wait(&self, now: Timestamp) -> Wait {
        let seen = |purpose| self.history.seen(purpose);
        let (waits_for, builds) = match &self.phase {
            Phase::Terminated | Phase::Creating { .. } | Phase::Active { .. } => ("creation", seen(Purpose::Create)),
            Phase::Updating { .. } => ("replacement of nodes", seen(Purpose::Update)),
            Phase::Terminating { .. } => {
                ("destruction and creation", seen(Purpose::Destroy).min(seen(Purpose::Create)))
            }
        };
        Wait {
            waits_for,
            phase_since: self.phase_since,
            estimate_seconds: self.wait_estimate_seconds(now),
            estimated_from_builds: builds,
        }
    }

    /// Seconds until a build is likely over; one that waits for its next try has all of its time still before it.
    fn left_of(&self, build: &Build, now: Timestamp) -> u64 {
        let whole = self.history.estimate(build.purpose);
        match build.begun_at {
            Some(begun) => whole.saturating_sub(seconds_between(begun, now)),
            None => whole + seconds_between(now, build.not_before),
        }
    }

    /// Minutes until the present build is likely over, at least one.
    #[must_use]
    pub(super) fn minutes_left(&self, now: Timestamp) -> u64 {
        let Some(build) = self.phase.build() else { return 1 };
        (self.left_of(build, now) / 60).max(1)
    }

    /// Seconds until a run that waits now is likely to get the cluster.
    #[must_use]
    pub fn wait_estimate_seconds(&self, now: Timestamp) -> u64 {
        let left = |purpose| match self.phase.build().filter(|build| build.purpose == purpose) {
            Some(build) => self.left_of(build, now),
            None => self.history.estimate(purpose),
        };
        match &self.phase {
            Phase::Terminated => self.history.estimate(Purpose::Create),
            Phase::Creating { .. } => left(Purpose::Create),
            Phase::Active { .. } => 0,
            // A run that waits here waits for new nodes.
            Phase::Updating { .. } => left(Purpose::Update),
            Phase::Terminating { .. } => left(Purpose::Destroy) + self.history.estimate(Purpose::Create),
        }
    }
}

/// Whole seconds from one moment to a later one; zero if it is not later.
#[must_use]
pub fn seconds_between(from: Timestamp, to: Timestamp) -> u64 {
    u64::try_from(to.duration_since(from).as_secs()).unwrap_or(0)
}
