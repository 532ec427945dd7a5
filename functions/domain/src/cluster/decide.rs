//! The life cycle: one pure function from a cluster and a command to the next cluster and what to do in the world.
//!
//! | command | Terminated | Creating | Active | Updating | Terminating |
//! |---|---|---|---|---|---|
//! | acquire | → Creating, wait | wait | lease | lease; wait if nodes are being taken away | wait; re-create when destroyed; a parked retry starts at once |
//! | release | – | → Terminating if nobody waits any more and no person asked | idle clock starts after the last | – | – |
//! | create | → Creating | remember that a person asked; with a delta: refuse | as update | no-op; with a delta: refuse | refuse |
//! | update | refuse; options of the next creation | refuse | → Updating; refuse to take away nodes in use | refuse | refuse |
//! | delete | no-op | cancel if nobody waits | → Terminating if nobody uses it | refuse | no-op; a waiting retry starts at once |
//! | force-delete | no-op | stop, → Terminating | → Terminating, runs fail | stop, → Terminating | as delete |
//! | credentials renewed | – | – | – | – | a retry that waits for a person starts at once |
//! | keepalive tick | – | – | → Terminating if idle for longer than the keepalive | – | – |
//! | build succeeded | – | → Active | – | → Active | → Terminated, or → Creating if runs wait |
//! | build failed | – | again, or → Terminating | – | → Active, old settings | again, later; parked in the end: its waiters fail, tried hourly |
//!
//! What is left of a generation that should be gone is destroyed beside all this, in whatever phase: see `collection`.
//! A creation whose first build has not begun ends in Terminated at once: nothing was made.
//!
//! Two rules hold everywhere: the epoch moves on every change of phase or build, and what carries another epoch than
//! the build that is waited for changes nothing.

mod builds;
mod collection;
mod requests;

use super::view::seconds_between;
use super::{Build, Cluster, Effect, NodeGroups, Phase, Purpose, Refusal, Status, Stuck};
use crate::{Failure, RunId, event::Event, settings::SettingsDelta};
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeSet;

/// What can be asked of a cluster, or be reported to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// A run needs the cluster.
    Acquire {
        /// The run.
        run: RunId,
    },
    /// A run is over, or no longer waits.
    Release {
        /// The run.
        run: RunId,
    },
    /// A person wants it created, with some settings changed.
    Create {
        /// The changes, possibly none.
        delta: SettingsDelta,
    },
    /// A person wants settings changed.
    Update {
        /// The changes.
        delta: SettingsDelta,
    },
    /// A person wants it gone, unless somebody uses it.
    Delete,
    /// A person wants it gone whoever uses it.
    ForceDelete,
    /// The account has got other credentials, or the same anew: what failed for want of them may succeed now.
    CredentialsRenewed,
    /// The keepalive rule has fired.
    KeepaliveTick {
        /// Pods of operators seen alive in the cluster.
        live_pods: u32,
    },
    /// The cluster machine asks whether its build may start.
    BeginBuild {
        /// The build's identity.
        epoch: u64,
        /// Pods of operators seen alive in the cluster, where it is about to be torn down.
        live_pods: u32,
    },
    /// Resources of a generation were found that should not exist, and their Terraform state is there.
    CollectLeftover {
        /// The generation.
        generation: u32,
    },
    /// A build has ended well.
    BuildSucceeded {
        /// The build's identity.
        epoch: u64,
        /// What it did.
        report: BuildReport,
    },
    /// A build has failed, was stopped or is lost.
    BuildFailed {
        /// The build's identity.
        epoch: u64,
        /// Why.
        failure: Failure,
    },
}

/// What a build did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BuildReport {
    /// Resources created.
    pub added: u32,
    /// Resources changed in place.
    pub changed: u32,
    /// Resources destroyed.
    pub destroyed: u32,
    /// The node groups that the cluster has now; none if it has not told.
    pub node_groups: Option<NodeGroups>,
}

/// What the one who sent the command is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// Under way, or already so.
    Accepted,
    /// The run has its lease on this generation.
    Granted {
        /// The generation.
        generation: u32,
    },
    /// The run will be woken.
    Waiting,
    /// The build may start.
    Proceed,
    /// What was reported belongs to a former epoch; nothing has changed.
    Superseded,
}

/// The outcome of a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// The cluster to store; its outbox holds the effects to perform.
    pub cluster: Cluster,
    /// What to write into its history.
    pub events: Vec<Event>,
    /// What to answer.
    pub reply: Reply,
}

/// Decides what follows from a command.
///
/// # Errors
/// [`Refusal`] when the command cannot be carried out; nothing is to be stored then.
pub fn decide(cluster: &Cluster, command: &Command, now: Timestamp) -> Result<Decision, Refusal> {
    let mut draft = Draft { cluster: cluster.clone(), events: vec![], now };
    let reply = match command {
        Command::Acquire { run } => draft.acquire(*run),
        Command::Release { run } => draft.release(*run),
        Command::Create { delta } => draft.create(delta)?,
        Command::Update { delta } => draft.update(delta)?,
        Command::Delete => draft.delete()?,
        Command::ForceDelete => draft.force_delete(),
        Command::CredentialsRenewed => draft.credentials_renewed(),
        Command::KeepaliveTick { live_pods } => draft.keepalive_tick(*live_pods),
        Command::CollectLeftover { generation } => draft.collect_leftover(*generation),
        Command::BeginBuild { epoch, live_pods } => draft.begin_build(*epoch, *live_pods),
        Command::BuildSucceeded { epoch, report } => draft.build_succeeded(*epoch, report),
        Command::BuildFailed { epoch, failure } => draft.build_failed(*epoch, &failure.shortened()),
    };
    Ok(Decision { cluster: draft.cluster, events: draft.events, reply })
}

/// The decision while it is being made.
struct Draft {
    cluster: Cluster,
    events: Vec<Event>,
    now: Timestamp,
}

/// What a build is to be.
struct Plan {
    purpose: Purpose,
    attempt: u32,
    delay_seconds: u64,
    forced: bool,
}

impl Plan {
    /// The first try, at once.
    fn first(purpose: Purpose) -> Self {
        Self { purpose, attempt: 1, delay_seconds: 0, forced: false }
    }

    /// The same build once more, after a while.
    fn again(build: &Build, attempt: u32, delay_seconds: u64) -> Self {
        Self { purpose: build.purpose, attempt, delay_seconds, forced: build.forced }
    }
}

impl Draft {
    fn start_creation(&mut self, waiters: BTreeSet<RunId>, requested: bool, because: String) {
        self.cluster.generation += 1;
        self.cluster.node_groups = None;
        self.effect(Effect::EnableKeepalive);
        let build = self.new_build(&Plan::first(Purpose::Create));
        self.enter(Phase::Creating { build, waiters, requested });
        self.note("creation_started", because);
    }

    /// Ends whatever the cluster is doing. A build that has begun is stopped first, and the teardown begins when it
    /// has ended: never two builds at once.
    fn tear_down(&mut self, because: &str, forced: bool) {
        self.note("teardown_started", because);
        match self.cluster.phase.build().cloned() {
            Some(build) if build.begun_at.is_some() => {
                self.effect(Effect::StopBuild { epoch: build.epoch });
                self.cluster.epoch += 1;
                let build = Build { forced: true, ..build };
                self.enter(Phase::Terminating { build, waiters: BTreeSet::new(), stuck: None });
            }
            // It would find its epoch gone, and no build was before it.
            Some(Build { purpose: Purpose::Create, attempt: 1, .. }) => {
                self.note("destroyed", "Terminated: its creation had not begun, nothing was made");
                self.terminated();
            }
            // A build that has not begun leaves at most what earlier tries made.
            abandoned => self.destroy(BTreeSet::new(), forced || abandoned.is_some()),
        }
    }

    fn terminated(&mut self) {
        self.cluster.epoch += 1;
        self.cluster.failed_settings.clear();
        self.cluster.node_groups = None;
        self.enter(Phase::Terminated);
    }

    fn destroy(&mut self, waiters: BTreeSet<RunId>, forced: bool) {
        let build = self.new_build(&Plan { forced, ..Plan::first(Purpose::Destroy) });
        self.enter(Phase::Terminating { build, waiters, stuck: None });
    }

    /// A teardown that has not begun no longer heeds live pods.
    fn force_teardown(&mut self) {
        if let Phase::Terminating { build, .. } = &mut self.cluster.phase {
            build.forced = true;
        }
    }

    /// A teardown that waits for its next try is tried at once.
    fn hasten_teardown(&mut self) {
        if let Phase::Terminating { build, waiters, stuck } = self.cluster.phase.clone()
            && build.purpose == Purpose::Destroy
            && build.begun_at.is_none()
            && build.not_before > self.now
        {
            let build = self.new_build(&Plan::again(&build, build.attempt, 0));
            let stuck = stuck.map(|stuck| Box::new(Stuck { parked: false, ..*stuck }));
            self.enter(Phase::Terminating { build, waiters, stuck });
        }
    }

    /// Active; the runs that waited get their leases and are told so.
    fn activate(&mut self, leases: BTreeSet<RunId>, waiters: BTreeSet<RunId>) {
        self.cluster.epoch += 1;
        let leases = &leases | &waiters;
        let idle_since = leases.is_empty().then_some(self.now);
        self.enter(Phase::Active { leases, idle_since });
        self.effect(Effect::EnableKeepalive);
        let generation = self.cluster.generation;
        for run in waiters {
            self.effect(Effect::Grant { run, generation });
        }
    }

    /// Decides on a build: a new epoch, and the machine that runs it.
    fn new_build(&mut self, plan: &Plan) -> Build {
        self.cluster.epoch += 1;
        let Plan { purpose, attempt, delay_seconds, forced } = *plan;
        let (epoch, generation) = (self.cluster.epoch, self.cluster.generation);
        self.effect(Effect::StartMachine { epoch, generation, purpose, delay_seconds });
        let delay = SignedDuration::from_secs(i64::try_from(delay_seconds).unwrap_or(0));
        let not_before = self.now.checked_add(delay).unwrap_or(self.now);
        Build { epoch, purpose, attempt, forced, not_before, begun_at: None }
    }

    fn enter(&mut self, phase: Phase) {
        if phase.status() != self.cluster.status() {
            self.cluster.phase_since = self.now;
        }
        self.cluster.phase = phase;
    }

    fn effect(&mut self, effect: Effect) {
        self.cluster.outbox.insert(self.cluster.next_effect, effect);
        self.cluster.next_effect += 1;
    }

    fn fail_runs(&mut self, runs: &BTreeSet<RunId>, failure: &Failure) {
        if !runs.is_empty() {
            self.effect(Effect::FailRuns { runs: runs.clone(), failure: failure.clone() });
        }
    }

    fn fail_with(&mut self, failure: &Failure, kind: &str, and_now: &str) {
        self.note_failure(failure, kind, and_now);
        self.cluster.last_error = Some(failure.clone());
    }

    fn note_failure(&mut self, failure: &Failure, kind: &str, and_now: &str) {
        self.note(kind, format!("{}: {and_now}", failure.message));
    }

    fn note(&mut self, kind: &str, message: impl Into<String>) {
        self.events.push(Event::new(self.now, kind, message));
    }

    fn record_duration(&mut self, build: &Build) {
        if let Some(begun) = build.begun_at {
            self.cluster.history.record(build.purpose, seconds_between(begun, self.now));
        }
    }

    fn busy(&self, command: &'static str, until: Status) -> Refusal {
        Refusal::Busy {
            name: self.cluster.name.clone(),
            status: self.cluster.status(),
            command,
            until,
            minutes: self.cluster.minutes_left(self.now),
        }
    }
}
