//! The life cycle: one pure function from a cluster and a command to the next cluster and what to do in the world.
//!
//! | command | Terminated | Creating | Active | Updating | Terminating |
//! |---|---|---|---|---|---|
//! | acquire | → Creating, wait | wait | lease | lease | wait; re-create when destroyed |
//! | create | → Creating | no-op; with a delta: refuse | as update | no-op; with a delta: refuse | refuse |
//! | update | refuse | refuse | → Updating | refuse | refuse |
//! | delete | no-op | cancel if nobody waits | → Terminating if nobody uses it | refuse | no-op; a waiting retry starts at once |
//! | force-delete | no-op | stop, → Terminating | → Terminating, runs fail | stop, → Terminating | as delete |
//! | keepalive tick | – | – | → Terminating if idle for longer than the keepalive | – | – |
//! | build succeeded | – | → Active | – | → Active | → Terminated, or → Creating if runs wait |
//! | build failed | – | again, or → Terminating | – | → Active, old settings | again, later |
//!
//! Two rules hold everywhere: the epoch moves on every change of phase or build, and what carries another epoch than
//! the build that is waited for changes nothing.

use super::view::seconds_between;
use super::{Build, Cluster, Effect, Phase, Purpose, Refusal, Status};
use crate::{Failure, RunId, event::Event, failure::FailureClass, settings::SettingsDelta};
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeSet;

/// How often a creation is tried before what it made is destroyed.
const MOST_CREATE_ATTEMPTS: u32 = 3;
/// How long the first retry of a build waits; it doubles with every further one.
const FIRST_RETRY_SECONDS: u64 = 30;
/// A destroy that keeps failing is tried again this often.
const LONGEST_RETRY_SECONDS: u64 = 3600;

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
        Command::KeepaliveTick { live_pods } => draft.keepalive_tick(*live_pods),
        Command::BeginBuild { epoch, live_pods } => draft.begin_build(*epoch, *live_pods),
        Command::BuildSucceeded { epoch, report } => draft.build_succeeded(*epoch, report),
        Command::BuildFailed { epoch, failure } => draft.build_failed(*epoch, failure),
    };
    Ok(Decision { cluster: draft.cluster, events: draft.events, reply })
}

/// The decision while it is being made.
struct Draft {
    cluster: Cluster,
    events: Vec<Event>,
    now: Timestamp,
}

impl Draft {
    fn acquire(&mut self, run: RunId) -> Reply {
        let generation = self.cluster.generation;
        match &mut self.cluster.phase {
            Phase::Active { leases, idle_since } => {
                leases.insert(run);
                *idle_since = None;
                Reply::Granted { generation }
            }
            Phase::Updating { leases, .. } => {
                leases.insert(run);
                Reply::Granted { generation }
            }
            Phase::Creating { waiters, .. } | Phase::Terminating { waiters, .. } => {
                waiters.insert(run);
                Reply::Waiting
            }
            Phase::Terminated => {
                self.start_creation(BTreeSet::from([run]), format!("run {run} needs the cluster"));
                Reply::Waiting
            }
        }
    }

    fn release(&mut self, run: RunId) -> Reply {
        let now = self.now;
        match &mut self.cluster.phase {
            Phase::Active { leases, idle_since } => {
                if leases.remove(&run) && leases.is_empty() {
                    *idle_since = Some(now);
                    let keepalive = self.cluster.settings.keepalive;
                    self.note("idle", format!("the last run is over; the cluster ends in {keepalive} s if none comes"));
                }
            }
            Phase::Updating { leases, .. } => {
                leases.remove(&run);
            }
            Phase::Creating { waiters, .. } | Phase::Terminating { waiters, .. } => {
                waiters.remove(&run);
            }
            Phase::Terminated => {}
        }
        Reply::Accepted
    }

    fn create(&mut self, delta: &SettingsDelta) -> Result<Reply, Refusal> {
        match &self.cluster.phase {
            Phase::Terminated => {
                self.cluster.settings = self.cluster.settings.merged(delta)?;
                self.start_creation(BTreeSet::new(), "a user asked for the cluster".to_owned());
                Ok(Reply::Accepted)
            }
            Phase::Creating { .. } | Phase::Updating { .. } if delta.is_empty() => Ok(Reply::Accepted),
            Phase::Creating { .. } | Phase::Updating { .. } => {
                Err(self.busy("creating it with other settings", Status::Active))
            }
            Phase::Active { .. } if delta.is_empty() => Ok(Reply::Accepted),
            Phase::Active { .. } => self.update(delta),
            Phase::Terminating { .. } => Err(self.busy("creating it again", Status::Terminated)),
        }
    }

    fn update(&mut self, delta: &SettingsDelta) -> Result<Reply, Refusal> {
        let Phase::Active { leases, .. } = &self.cluster.phase else {
            return Err(Refusal::NotActive { name: self.cluster.name.clone(), status: self.cluster.status() });
        };
        let leases = leases.clone();
        let settings = self.cluster.settings.merged(delta)?;
        let previous = std::mem::replace(&mut self.cluster.settings, settings);
        // What AWS has after a failed update is not known: the next one builds, whatever it changes.
        if self.cluster.settings.need_build_from(&previous) || self.cluster.last_error.is_some() {
            let build = self.new_build(Purpose::Update, 1, 0, false);
            self.enter(Phase::Updating { build, leases, previous: Box::new(previous) });
            self.note("update_started", "a user changed the settings");
        } else if self.cluster.settings != previous {
            self.note("updated", format!("the keepalive is now {} s", self.cluster.settings.keepalive));
        }
        Ok(Reply::Accepted)
    }

    fn delete(&mut self) -> Result<Reply, Refusal> {
        let in_use = |runs: &BTreeSet<RunId>, name: &str| Refusal::InUse {
            name: name.to_owned(),
            runs: runs.iter().copied().collect(),
        };
        match &self.cluster.phase {
            Phase::Terminated => {}
            Phase::Creating { waiters, .. } if !waiters.is_empty() => return Err(in_use(waiters, &self.cluster.name)),
            Phase::Creating { .. } => self.tear_down("a user cancelled the creation", false, BTreeSet::new()),
            Phase::Active { leases, .. } if !leases.is_empty() => return Err(in_use(leases, &self.cluster.name)),
            Phase::Active { .. } => self.tear_down("a user deleted the cluster", false, BTreeSet::new()),
            Phase::Updating { .. } => return Err(self.busy("deleting it", Status::Active)),
            Phase::Terminating { .. } => self.hasten_teardown(),
        }
        Ok(Reply::Accepted)
    }

    fn force_delete(&mut self) -> Reply {
        let lost: BTreeSet<RunId> = match &self.cluster.phase {
            Phase::Terminated => return Reply::Accepted,
            Phase::Terminating { .. } => {
                self.force_teardown();
                self.hasten_teardown();
                return Reply::Accepted;
            }
            Phase::Creating { waiters, .. } => waiters.clone(),
            Phase::Active { leases, .. } | Phase::Updating { leases, .. } => leases.clone(),
        };
        let failure = Failure::new(
            FailureClass::Requested,
            format!("cluster '{}' was deleted by force while the run needed it", self.cluster.name),
        )
        .remedied_by("Start the run again: it will create the cluster anew.");
        self.fail_runs(&lost, &failure);
        self.tear_down("a user deleted the cluster by force", true, BTreeSet::new());
        Reply::Accepted
    }

    fn keepalive_tick(&mut self, live_pods: u32) -> Reply {
        let over = self.cluster.ends_at().is_some_and(|end| self.now >= end);
        let keepalive = self.cluster.settings.keepalive;
        let now = self.now;
        if let Phase::Active { leases, idle_since } = &mut self.cluster.phase
            && leases.is_empty()
        {
            if live_pods > 0 {
                *idle_since = Some(now);
            } else if over {
                self.tear_down(&format!("idle for longer than the keepalive of {keepalive} s"), false, BTreeSet::new());
            }
        }
        Reply::Accepted
    }

    /// Fences a build: it may start only while it is the one that the cluster waits for. A teardown that finds life
    /// after all is called off.
    fn begin_build(&mut self, epoch: u64, live_pods: u32) -> Reply {
        if !self.cluster.expects_build(epoch) {
            return Reply::Superseded;
        }
        let now = self.now;
        match &mut self.cluster.phase {
            // This build was called off while it waited; its end starts the teardown.
            Phase::Terminating { build, .. } if build.purpose != Purpose::Destroy => Reply::Superseded,
            Phase::Terminating { build, waiters } if live_pods > 0 && !build.forced && build.begun_at.is_none() => {
                let waiters = waiters.clone();
                self.note("teardown_called_off", format!("{live_pods} pod(s) are still alive in the cluster"));
                self.activate_for(waiters);
                Reply::Superseded
            }
            Phase::Creating { build, .. } | Phase::Updating { build, .. } | Phase::Terminating { build, .. } => {
                build.begun_at.get_or_insert(now);
                Reply::Proceed
            }
            Phase::Terminated | Phase::Active { .. } => Reply::Superseded,
        }
    }

    fn build_succeeded(&mut self, epoch: u64, report: &BuildReport) -> Reply {
        if !self.cluster.expects_build(epoch) {
            return Reply::Superseded;
        }
        match self.cluster.phase.clone() {
            Phase::Creating { build, waiters } => {
                self.record_duration(&build);
                self.note("created", format!("Active: {} resources created", report.added));
                self.activate_for(waiters);
            }
            Phase::Updating { build, leases, .. } => {
                self.record_duration(&build);
                self.activate(leases);
                self.note("updated", "the new settings are in force");
            }
            Phase::Terminating { build, waiters } if build.purpose == Purpose::Destroy => {
                self.record_duration(&build);
                self.note("destroyed", format!("Terminated: {} resources destroyed, none left", report.destroyed));
                if waiters.is_empty() {
                    self.cluster.epoch += 1;
                    self.enter(Phase::Terminated);
                } else {
                    self.start_creation(waiters, "runs came while it was ending".to_owned());
                }
            }
            // The build that was to be stopped was quicker.
            Phase::Terminating { waiters, build } => self.destroy(waiters, build.forced),
            Phase::Terminated | Phase::Active { .. } => return Reply::Superseded,
        }
        Reply::Accepted
    }

    fn build_failed(&mut self, epoch: u64, failure: &Failure) -> Reply {
        if !self.cluster.expects_build(epoch) {
            return Reply::Superseded;
        }
        match self.cluster.phase.clone() {
            Phase::Creating { build, waiters }
                if failure.class.is_retryable() && build.attempt < MOST_CREATE_ATTEMPTS =>
            {
                let delay = retry_delay(build.attempt);
                self.fail_with(failure, "creation_failed", &format!("trying again in {delay} s"));
                let build = self.new_build(Purpose::Create, build.attempt + 1, delay, false);
                self.enter(Phase::Creating { build, waiters });
            }
            Phase::Creating { waiters, .. } => {
                self.fail_with(failure, "creation_failed", "destroying what was made");
                self.fail_runs(&waiters, failure);
                self.destroy(BTreeSet::new(), true);
            }
            Phase::Updating { leases, previous, .. } => {
                self.cluster.settings = *previous;
                self.activate(leases);
                self.fail_with(failure, "update_failed", "the old settings stay in force");
            }
            Phase::Terminating { build, waiters } if build.purpose == Purpose::Destroy => {
                let delay = retry_delay(build.attempt);
                self.fail_with(failure, "teardown_failed", &format!("trying again in {delay} s"));
                // From half a cluster there is no way back.
                let forced = build.forced || build.begun_at.is_some();
                let build = self.new_build(Purpose::Destroy, build.attempt + 1, delay, forced);
                self.enter(Phase::Terminating { build, waiters });
            }
            Phase::Terminating { waiters, build } => self.destroy(waiters, build.forced),
            Phase::Terminated | Phase::Active { .. } => return Reply::Superseded,
        }
        Reply::Accepted
    }

    fn start_creation(&mut self, waiters: BTreeSet<RunId>, because: String) {
        self.cluster.generation += 1;
        self.effect(Effect::EnableKeepalive);
        let build = self.new_build(Purpose::Create, 1, 0, false);
        self.enter(Phase::Creating { build, waiters });
        self.note("creation_started", because);
    }

    /// Ends whatever the cluster is doing. A build that has begun is stopped first, and the teardown begins when it
    /// has ended: never two builds at once.
    fn tear_down(&mut self, because: &str, forced: bool, waiters: BTreeSet<RunId>) {
        self.note("teardown_started", because);
        match self.cluster.phase.build().filter(|build| build.begun_at.is_some()).cloned() {
            Some(build) => {
                self.effect(Effect::StopBuild { epoch: build.epoch });
                self.cluster.epoch += 1;
                self.enter(Phase::Terminating { build: Build { forced: true, ..build }, waiters });
            }
            // A build that has not begun (it would find its epoch gone) leaves at most what earlier tries made.
            None => {
                let abandoned = self.cluster.phase.build().is_some();
                self.destroy(waiters, forced || abandoned);
            }
        }
    }

    fn destroy(&mut self, waiters: BTreeSet<RunId>, forced: bool) {
        let build = self.new_build(Purpose::Destroy, 1, 0, forced);
        self.enter(Phase::Terminating { build, waiters });
    }

    /// A teardown that has not begun no longer heeds live pods.
    fn force_teardown(&mut self) {
        if let Phase::Terminating { build, .. } = &mut self.cluster.phase {
            build.forced = true;
        }
    }

    /// A teardown that waits for its next try is tried at once.
    fn hasten_teardown(&mut self) {
        if let Phase::Terminating { build, waiters } = &self.cluster.phase
            && build.purpose == Purpose::Destroy
            && build.begun_at.is_none()
            && build.not_before > self.now
        {
            let (attempt, forced, waiters) = (build.attempt, build.forced, waiters.clone());
            let build = self.new_build(Purpose::Destroy, attempt, 0, forced);
            self.enter(Phase::Terminating { build, waiters });
        }
    }

    /// Active, and the runs that waited for it are told so.
    fn activate_for(&mut self, waiters: BTreeSet<RunId>) {
        self.activate(waiters.clone());
        let generation = self.cluster.generation;
        for run in waiters {
            self.effect(Effect::Grant { run, generation });
        }
    }

    fn activate(&mut self, leases: BTreeSet<RunId>) {
        self.cluster.epoch += 1;
        self.cluster.last_error = None;
        let idle_since = leases.is_empty().then_some(self.now);
        self.enter(Phase::Active { leases, idle_since });
        self.effect(Effect::EnableKeepalive);
    }

    /// Decides on a build: a new epoch, and the machine that runs it.
    fn new_build(&mut self, purpose: Purpose, attempt: u32, delay_seconds: u64, forced: bool) -> Build {
        self.cluster.epoch += 1;
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
        for run in runs {
            self.effect(Effect::FailRun { run: *run, failure: failure.clone() });
        }
    }

    fn fail_with(&mut self, failure: &Failure, kind: &str, and_now: &str) {
        self.note(kind, format!("{}: {and_now}", failure.message));
        self.cluster.last_error = Some(failure.clone());
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

fn retry_delay(attempt: u32) -> u64 {
    FIRST_RETRY_SECONDS.saturating_mul(1 << attempt.saturating_sub(1).min(12)).min(LONGEST_RETRY_SECONDS)
}
