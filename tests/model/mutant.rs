//! What could be done wrongly: the failures of an earlier system of this kind, and what our own rules are there to
//! prevent. Each is put in around the production code, one at a time, and the checker must find it.

use crate::document::{Act, Document, build_mut, long_ago};
use crate::world::World;
use domain::cluster::{Cluster, Command, Decision, Effect, Phase, Purpose, Refusal, Reply, Status, decide};
use domain::failure::FailureClass;
use domain::settings::Settings;
use std::sync::Arc;
use strum::VariantArray;

/// A fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, VariantArray)]
pub enum Mutant {
    /// The production code as it is.
    None,
    /// What comes from a former epoch is taken for the present one's.
    EpochsIgnored,
    /// Only the report of a success is.
    StaleSuccessAccepted,
    /// Two who found no cluster both create it: no condition on the write.
    CreationsRace,
    /// The keepalive does not ask who uses the cluster.
    KeepaliveIgnoresLeases,
    /// It decides on what it read a while ago, and writes that.
    IdleOnStaleSnapshot,
    /// Only ends of operators count as use, not pods that are alive.
    LivePodsIgnored,
    /// What was read a while ago is written back when the outbox is cleared.
    StatusResurrected,
    /// A poller ends what is being changed while nobody holds the lock: before it is taken, or after.
    PollerEndsUnlocked,
    /// A restart of the control plane ends what it finds, to build it anew.
    RestartDestroys,
    /// A failed update ends the cluster.
    UpdateFailureDestroys,
    /// A failed update leaves its settings in force.
    UpdateFailureKeepsSettings,
    /// An update replaces the nodes under runs.
    NodesReplacedInUse,
    /// What was asked for with the creation is forgotten.
    DeltaLost,
    /// A failed teardown counts as one that succeeded.
    DestroyFailureDropped,
    /// A failed creation leaves what it made.
    FailedCreationForgotten,
    /// A teardown does not wait for the build under way.
    TeardownAtOnce,
    /// Every machine that asks may begin.
    BeginAlwaysProceeds,
    /// A build that runs is given up as lost.
    RunningBuildsGivenUp,
    /// Waiting runs are not told that the cluster is there.
    WakeUpsLost,
    /// A waiting run is told so at once.
    GrantedTooEarly,
    /// Effects are performed, but not remembered until they are.
    EffectsInMemory,
    /// Nobody enables the keepalive rule.
    RuleNeverEnabled,
    /// The run function, with which most creations begin, cannot enable the rule.
    RunsCannotEnable,
    /// The sweeper disables its rule without looking again.
    RestWithoutSecondLook,
    /// Nothing sweeps while the rule is disabled.
    NoHourlySweep,
    /// A build whose machine is gone is not stopped before another one follows.
    OrphansLeft,
    /// It is stopped, and others rely on the cluster before it has come to its end.
    LostWhileAtWork,
    /// Runs that are over keep their lease.
    LeasesKept,
    /// A creation goes on though the last run that waited for it has given up.
    CancelIgnored,
    /// A run that gives up ends a creation that a person asked for.
    RequestUndone,
    /// A person who asks for a creation that is under way is not remembered.
    RequestForgotten,
    /// Runs wait for a teardown that waits for a person.
    ParkedKeepsWaiters,
    /// An update takes nodes away under runs, by a lower maximum.
    MaximumLoweredInUse,
    /// Nobody looks for what a build has made that escaped its fence.
    NoGarbageCollector,
    /// What is alive is taken for garbage.
    LivingCollected,
    /// What destroys leftovers asks which generation the cluster has when it begins.
    PresentCollected,
    /// Leftovers wait until the cluster ends.
    LeftoversWait,
    /// New credentials start a teardown anew that is under way.
    RenewalStartsAnew,
    /// One class of failures is treated otherwise than those that it is to be treated like. The model knows that class
    /// through another one, so this is not among `all`: it is what `class` must find.
    OneClassApart,
    /// Why an earlier build failed counts once more when other credentials come. The model forgets that: as before.
    FormerClassCounts,
}

impl Mutant {
    /// All that the checker must find.
    pub fn all() -> impl Iterator<Item = Self> {
        let others = [Self::None, Self::OneClassApart, Self::FormerClassCounts];
        Self::VARIANTS.iter().copied().filter(move |mutant| !others.contains(mutant))
    }

    /// The production decision, and what the fault makes of it.
    pub fn decide(self, document: &Document, command: &Command) -> Result<Decision, Refusal> {
        let cluster = &*document.0;
        let now = crate::document::NOW;
        let plain = |command: &Command| decide(cluster, command, now);
        let status = cluster.status();
        let present = cluster.phase.build().map(|build| build.epoch);
        match (self, command) {
            (Self::EpochsIgnored, command) => plain(&with_epoch(command.clone(), present)),
            (Self::StaleSuccessAccepted, Command::BuildSucceeded { .. }) => {
                plain(&with_epoch(command.clone(), present))
            }
            (Self::KeepaliveIgnoresLeases, Command::KeepaliveTick { .. }) => {
                let mut blind = cluster.clone();
                if let Phase::Active { leases, idle_since } = &mut blind.phase {
                    leases.clear();
                    *idle_since = Some(long_ago());
                }
                decide(&blind, command, now)
            }
            (Self::LivePodsIgnored, Command::KeepaliveTick { .. }) => plain(&Command::KeepaliveTick { live_pods: 0 }),
            (Self::LivePodsIgnored, Command::BeginBuild { epoch, .. }) => {
                plain(&Command::BeginBuild { epoch: *epoch, live_pods: 0 })
            }
            (Self::UpdateFailureDestroys, Command::BuildFailed { epoch, .. })
                if status == Status::Updating && Some(*epoch) == present =>
            {
                let mut old = not_begun(document);
                if let Phase::Updating { previous, .. } = &old.phase {
                    old.settings = (**previous).clone();
                }
                decide(&old, &Command::ForceDelete, now)
            }
            (Self::UpdateFailureKeepsSettings, Command::BuildFailed { .. }) => {
                plain(command).map(|decision| with_settings(decision, cluster.settings.clone()))
            }
            (Self::DeltaLost, Command::Create { .. }) => {
                plain(command).map(|decision| with_settings(decision, cluster.settings.clone()))
            }
            (Self::NodesReplacedInUse, Command::Update { .. }) => nodes_taken(document, command),
            (Self::MaximumLoweredInUse, Command::Update { delta }) => match cluster.settings.merged(delta) {
                Ok(wanted) if wanted.cpu_node_type == cluster.settings.cpu_node_type => nodes_taken(document, command),
                _ => plain(command),
            },
            (Self::CancelIgnored, Command::Release { .. }) => with_request(document, command, |_| true),
            (Self::RequestUndone, Command::Release { .. }) => with_request(document, command, |_| false),
            (Self::RequestForgotten, Command::Create { .. }) if status == Status::Creating => {
                let mut decision = plain(command)?;
                decision.cluster.phase = cluster.phase.clone();
                Ok(decision)
            }
            (Self::ParkedKeepsWaiters, Command::BuildFailed { .. }) if destroys(document) => {
                let mut decision = plain(command).map(|d| without(d, |e| matches!(e, Effect::FailRuns { .. })))?;
                if let (Phase::Terminating { waiters, .. }, Some(before)) =
                    (&mut decision.cluster.phase, cluster.phase.waiters())
                {
                    *waiters = before.clone();
                }
                Ok(decision)
            }
            (Self::LivingCollected, Command::CollectLeftover { .. }) => {
                let blind = Cluster { phase: Phase::Terminated, ..cluster.clone() };
                let mut decision = decide(&blind, command, now)?;
                decision.cluster.phase = cluster.phase.clone();
                Ok(decision)
            }
            (Self::RenewalStartsAnew, Command::CredentialsRenewed) if destroys(document) => {
                let mut waiting = not_begun(document);
                if let Phase::Terminating { build, stuck, .. } = &mut waiting.phase {
                    build.not_before = now + jiff::SignedDuration::from_secs(1);
                    let failure = crate::document::failure(FailureClass::Credentials);
                    *stuck = Some(Box::new(domain::cluster::Stuck { failure, parked: true, first_epoch: 0 }));
                }
                decide(&waiting, command, now)
            }
            (Self::DestroyFailureDropped, Command::BuildFailed { epoch, .. }) if destroys(document) => {
                plain(&Command::BuildSucceeded { epoch: *epoch, report: Default::default() })
            }
            (Self::FailedCreationForgotten, Command::BuildFailed { .. }) if status == Status::Creating => {
                let mut decision = plain(command)?;
                if decision.cluster.status() == Status::Terminating {
                    decision.cluster.phase = Phase::Terminated;
                    decision.cluster.outbox.retain(|_, effect| !matches!(effect, Effect::StartMachine { .. }));
                }
                Ok(decision)
            }
            (Self::TeardownAtOnce, Command::Delete | Command::ForceDelete) => {
                decide(&not_begun(document), command, now)
            }
            (Self::BeginAlwaysProceeds, Command::BeginBuild { .. }) => {
                plain(command).map(|decision| Decision { reply: Reply::Proceed, ..decision })
            }
            (Self::GrantedTooEarly, Command::Acquire { .. }) if status == Status::Creating => {
                plain(command).map(|decision| Decision { reply: Reply::Granted { generation: 0 }, ..decision })
            }
            (Self::OneClassApart, Command::BuildFailed { epoch, failure }) if failure.class == APART => {
                plain(&Command::BuildFailed { epoch: *epoch, failure: crate::document::failure(FailureClass::Unknown) })
            }
            (Self::FormerClassCounts, Command::CredentialsRenewed)
                if cluster.last_error.as_ref().is_some_and(|error| error.class == APART) =>
            {
                plain(&Command::Delete)
            }
            (Self::WakeUpsLost, _) => plain(command).map(|d| without(d, |e| matches!(e, Effect::Grant { .. }))),
            (Self::RuleNeverEnabled, _) => {
                plain(command).map(|d| without(d, |effect| matches!(effect, Effect::EnableKeepalive)))
            }
            _ => plain(command),
        }
    }

    /// The document that a command is decided on: the stored one, unless a faulty process has read it earlier.
    pub fn document_read(self, world: &mut World, command: &Command) -> Document {
        let early = match self {
            Self::CreationsRace => matches!(command, Command::Create { .. }),
            Self::IdleOnStaleSnapshot => matches!(command, Command::KeepaliveTick { .. }),
            _ => false,
        };
        let stale = if early { world.stale.take() } else { None };
        stale.unwrap_or_else(|| world.document.clone())
    }

    /// Whether somebody now reads the document, to write it much later.
    pub fn reads_early(self, world: &World) -> bool {
        match self {
            Self::CreationsRace => world.document.0.status() == Status::Terminated,
            Self::IdleOnStaleSnapshot => world.document.0.ends_at().is_some_and(|end| crate::document::NOW >= end),
            Self::StatusResurrected => !world.processes.is_empty(),
            _ => false,
        }
    }

    /// Whether the outbox is cleared in what was read early.
    pub fn clears_what_it_read(self) -> bool {
        self == Self::StatusResurrected
    }

    /// Whether ticks are sent whoever uses the cluster.
    pub fn ticks_always(self) -> bool {
        self == Self::KeepaliveIgnoresLeases
    }

    /// Whether a poller ends what nobody holds the lock of.
    pub fn polls(self) -> bool {
        self == Self::PollerEndsUnlocked
    }

    /// Whether restarts end clusters.
    pub fn restarts(self) -> bool {
        self == Self::RestartDestroys
    }

    /// Whether builds are given up that run.
    pub fn reports_running_builds_lost(self) -> bool {
        self == Self::RunningBuildsGivenUp
    }

    /// Whether effects die with their process.
    pub fn keeps_effects_in_memory(self) -> bool {
        self == Self::EffectsInMemory
    }

    /// Whether the sweeper looks once only.
    pub fn looks_once(self) -> bool {
        self == Self::RestWithoutSecondLook
    }

    /// What the run function's role does not allow: it leaves that in the outbox.
    pub fn keeps_runs_from(self, act: Act) -> bool {
        matches!(act, Act::Stop { .. }) || self == Self::RunsCannotEnable && act == Act::Enable
    }

    /// Whether there is a sweep every hour, whatever the rule is.
    pub fn sweeps_hourly(self) -> bool {
        !matches!(self, Self::NoHourlySweep | Self::RuleNeverEnabled | Self::RestWithoutSecondLook)
    }

    /// Whether a build is given up that still works without its execution.
    pub fn gives_up_working_builds(self) -> bool {
        matches!(self, Self::OrphansLeft | Self::LostWhileAtWork)
    }

    /// Whether builds go on whose machine is gone.
    pub fn leaves_orphans(self) -> bool {
        self == Self::OrphansLeft
    }

    /// What the sweeper finds in AWS that it has destroyed.
    pub fn leftover(self, world: &World) -> Option<u32> {
        let cluster = &world.document.0;
        match self {
            Self::NoGarbageCollector => None,
            Self::LivingCollected if cluster.status() == Status::Active => world.aws.keys().next().copied(),
            Self::LeftoversWait if cluster.status() != Status::Terminated => None,
            _ => world.leftovers().next(),
        }
    }

    /// The generation that a build works on.
    pub fn works_on(self, cluster: &Cluster, epoch: u64) -> u32 {
        if self == Self::PresentCollected { cluster.generation } else { cluster.generation_of(epoch) }
    }

    /// Whether runs keep their leases.
    pub fn keeps_leases(self) -> bool {
        self == Self::LeasesKept
    }
}

/// See `Mutant::OneClassApart` and the next.
const APART: FailureClass = FailureClass::StateLocked;

fn destroys(document: &Document) -> bool {
    document.0.status() == Status::Terminating
        && document.build().is_some_and(|build| build.purpose == Purpose::Destroy)
}

fn with_epoch(command: Command, present: Option<u64>) -> Command {
    let or = |epoch| present.unwrap_or(epoch);
    match command {
        Command::BeginBuild { epoch, live_pods } => Command::BeginBuild { epoch: or(epoch), live_pods },
        Command::BuildSucceeded { epoch, report } => Command::BuildSucceeded { epoch: or(epoch), report },
        Command::BuildFailed { epoch, failure } => Command::BuildFailed { epoch: or(epoch), failure },
        other => other,
    }
}

fn with_settings(mut decision: Decision, settings: Settings) -> Decision {
    decision.cluster.settings = settings;
    decision
}

fn without(mut decision: Decision, dropped: fn(&Effect) -> bool) -> Decision {
    decision.cluster.outbox.retain(|_, effect| !dropped(effect));
    decision
}

fn not_begun(document: &Document) -> Cluster {
    let mut cluster = (*document.0).clone();
    if let Some(build) = build_mut(&mut cluster.phase) {
        build.begun_at = None;
    }
    cluster
}

/// The decision as if it were known otherwise whether a person asked for the creation; that is put back after it.
fn with_request(document: &Document, command: &Command, asked: fn(bool) -> bool) -> Result<Decision, Refusal> {
    let mut other = Arc::unwrap_or_clone(document.0.clone());
    let Phase::Creating { requested, .. } = &mut other.phase else {
        return decide(&other, command, crate::document::NOW);
    };
    let truly = *requested;
    *requested = asked(truly);
    let mut decision = decide(&other, command, crate::document::NOW)?;
    if let Phase::Creating { requested, .. } = &mut decision.cluster.phase {
        *requested = truly;
    }
    Ok(decision)
}

/// The leases are hidden from the decision, and put back after it.
fn nodes_taken(document: &Document, command: &Command) -> Result<Decision, Refusal> {
    let mut blind = Arc::unwrap_or_clone(document.0.clone());
    let mut hidden = Default::default();
    if let Phase::Active { leases, .. } = &mut blind.phase {
        hidden = std::mem::take(leases);
    }
    let mut decision = decide(&blind, command, crate::document::NOW)?;
    if let Phase::Active { leases, .. } | Phase::Updating { leases, .. } = &mut decision.cluster.phase {
        *leases = hidden;
    }
    Ok(decision)
}
