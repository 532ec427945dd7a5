//! The model: what every step does to the world. Only the life cycle itself is not here: that is `domain`'s.

use crate::action::Action;
use crate::bounds::Bounds;
use crate::document::{Document, NOW, build_mut, failure, long_ago, other_count, other_type, run_id};
use crate::mutant::Mutant;
use crate::world::{Answer, At, Ended, Late, Process, Rest, RunAt, Who, World};
use domain::cluster::{BuildReport, Command, Phase, Status};
use domain::failure::FailureClass;
use domain::settings::SettingsDelta;
use stateright::{Model, Property};
use std::sync::Arc;

/// A cluster and all who deal with it, one of them possibly faulty.
#[derive(Clone, Copy)]
pub struct System {
    /// How much may happen.
    pub bounds: Bounds,
    /// What is done wrongly on purpose.
    pub mutant: Mutant,
}

impl Model for System {
    type State = World;
    type Action = Action;

    fn init_states(&self) -> Vec<World> {
        vec![World::new(self.bounds.budget)]
    }

    fn actions(&self, world: &World, actions: &mut Vec<Action>) {
        self.possible(world, actions);
    }

    fn next_state(&self, last: &World, action: Action) -> Option<World> {
        let mut world = last.clone();
        self.step(&mut world, action)?;
        world.normalise(last);
        Some(world)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        crate::properties::all()
    }
}

impl System {
    fn step(&self, world: &mut World, action: Action) -> Option<()> {
        match action {
            Action::Create { .. }
            | Action::CreateWithMoreNodes { .. }
            | Action::ChangeCount { .. }
            | Action::ChangeType { .. }
            | Action::Delete { .. }
            | Action::ForceDelete { .. }
            | Action::RenewCredentials { .. }
            | Action::Cancel { .. } => self.person(world, action),

            Action::Perform { process } => self.perform(world, process),
            Action::Throttled { process } => self.throttled(world, process),
            Action::Clear { process } => self.clear(world, process),
            Action::Die { process } => self.die(world, process),

            Action::Submit { run } => {
                world.left.runs -= 1;
                world.runs[run].at = RunAt::Asking;
                Some(())
            }
            Action::Ask { run, dies } if !world.runs[run].ended => {
                self.run_asks(world, run, Command::Acquire { run: run_id(run) }, Who::Ask(run), dies)
            }
            Action::Advance { run, dies } if !world.runs[run].ended => {
                self.run_asks(world, run, Command::Acquire { run: run_id(run) }, Who::Advance(run), dies)
            }
            Action::Ask { run, .. } | Action::Advance { run, .. } => {
                world.runs[run].at = RunAt::Finishing;
                Some(())
            }
            Action::PodStarts { run } => {
                let generation = world.document.0.generation;
                world.aws.get(&generation)?;
                world.runs[run].pod = Some(generation);
                world.runs[run].at = RunAt::Working;
                Some(())
            }
            Action::PodEnds { run } => {
                let run = &mut world.runs[run];
                run.pod = None;
                if run.at == RunAt::Working {
                    run.at = RunAt::Finishing;
                }
                Some(())
            }
            Action::Finish { run, dies } => {
                let command = Command::Release { run: run_id(run) };
                if self.mutant.keeps_leases() {
                    world.runs[run].at = RunAt::Over;
                    return Some(());
                }
                self.run_asks(world, run, command, Who::Release(run), dies)
            }
            Action::Lose { run } => {
                let lost = &mut world.runs[run];
                matches!(lost.at, RunAt::Waiting | RunAt::Granted | RunAt::Ready | RunAt::Working).then_some(())?;
                lost.at = RunAt::Lost;
                world.left.faults -= 1;
                Some(())
            }
            Action::Deliver { late } => match world.late.remove(late) {
                Late::Report { epoch, ended } => self.command(world, &report(epoch, ended), Who::Nobody, false),
                Late::Acquire { run } => {
                    self.command(world, &Command::Acquire { run: run_id(run) }, Who::Nobody, false)
                }
            },

            Action::KeepalivePasses => {
                let mut cluster = (*world.document.0).clone();
                let Phase::Active { idle_since: Some(since), .. } = &mut cluster.phase else { return None };
                (*since == NOW).then(|| *since = long_ago())?;
                world.document = Document(Arc::new(cluster));
                Some(())
            }
            Action::TickLooks => {
                let over = world.document.0.ends_at().is_some_and(|end| NOW >= end);
                let active = world.document.0.status() == Status::Active;
                (over || active && self.mutant.ticks_always()).then_some(())?;
                world.tick = Some(world.pods());
                Some(())
            }
            Action::TickDecides { dies } => {
                let live_pods = u32::from(world.tick.take()?);
                self.command(world, &Command::KeepaliveTick { live_pods }, Who::Nobody, dies)
            }
            Action::SweepOutbox => {
                let todo = world.document.acts().collect();
                let process = Process { who: Who::Nobody, reply: Answer::Accepted, todo, done: vec![] };
                self.begin_process(world, process)
            }
            Action::SweepRun { run } => {
                (world.document.leased_to(run) || world.document.awaited_by(run)).then_some(())?;
                (!self.mutant.keeps_leases()).then_some(())?;
                self.command(world, &Command::Release { run: run_id(run) }, Who::Nobody, false)
            }
            Action::SweepLostRun { run, dies } => {
                world.runs[run].ended = true;
                if !dies {
                    world.runs[run].at = RunAt::Over;
                }
                self.command(world, &Command::Release { run: run_id(run) }, Who::Nobody, dies)
            }
            Action::SweepLostBuild { epoch, dies } => {
                let failure = failure(FailureClass::BuildLost);
                if !self.mutant.leaves_orphans() {
                    crate::commit::stop(world, epoch);
                }
                self.command(world, &Command::BuildFailed { epoch, failure }, Who::Nobody, dies)
            }
            Action::SweepStop { epoch } => {
                let stopping = world.document.0.status() == Status::Terminating;
                let destroys = |b: &domain::cluster::Build| b.purpose == domain::cluster::Purpose::Destroy;
                let lost = matches!(world.machines.get(&epoch)?.at, At::Orphan { .. });
                (lost || stopping && !world.document.build().is_some_and(destroys)).then_some(())?;
                let before = world.machines.clone();
                crate::commit::stop(world, epoch);
                (before != world.machines).then_some(())
            }
            Action::SweepLeftover { generation } => {
                self.command(world, &Command::CollectLeftover { generation }, Who::Nobody, false)
            }
            Action::SweepHourly => {
                (!nothing_left(world)).then_some(())?;
                world.rule = true;
                Some(())
            }
            Action::Rest => self.rest(world),
            Action::RestDies => {
                world.left.deaths -= 1;
                world.rest = Rest::No;
                Some(())
            }

            Action::ReadEarly => {
                world.stale = Some(world.document.clone());
                Some(())
            }
            Action::PollUnlocked | Action::Restart => {
                let justified = world.ghost.justified;
                self.command(world, &Command::ForceDelete, Who::Nobody, false)?;
                world.ghost.justified = justified;
                world.ghost.forced = false;
                Some(())
            }
            build => self.machine_step(world, build),
        }
    }

    fn person(&self, world: &mut World, action: Action) -> Option<()> {
        world.left.people = world.left.people.checked_sub(1)?;
        let settings = &world.document.0.settings;
        let (command, dies) = match action {
            Action::Cancel { run } => {
                let state = &world.runs[run];
                (state.at.is_open() && !state.ended && state.at != RunAt::Lost).then_some(())?;
                if state.at == RunAt::Asking && world.left.copies > 0 {
                    world.left.copies -= 1;
                    world.late.push(Late::Acquire { run });
                }
                crate::commit::end_run(world, run);
                return Some(());
            }
            Action::Create { dies } => (Command::Create { delta: SettingsDelta::default() }, dies),
            Action::CreateWithMoreNodes { dies } => (Command::Create { delta: other_count(settings) }, dies),
            Action::ChangeCount { dies } => (Command::Update { delta: other_count(settings) }, dies),
            Action::ChangeType { dies } => (Command::Update { delta: other_type(settings) }, dies),
            Action::Delete { dies } => (Command::Delete, dies),
            Action::RenewCredentials { dies } => (Command::CredentialsRenewed, dies),
            _ => (Command::ForceDelete, matches!(action, Action::ForceDelete { dies: true })),
        };
        let before = (world.document.clone(), world.ghost.asked);
        self.command(world, &command, Who::Nobody, dies)?;
        (before != (world.document.clone(), world.ghost.asked) || world.stale.is_some()).then_some(())
    }

    /// A command of a run's machine; meanwhile it waits for the answer.
    fn run_asks(&self, world: &mut World, run: usize, command: Command, who: Who, dies: bool) -> Option<()> {
        if !dies {
            world.runs[run].at = match who {
                Who::Ask(_) => RunAt::Asked,
                Who::Advance(_) => RunAt::Advancing,
                _ => RunAt::Releasing,
            };
        }
        self.command(world, &command, who, dies)
    }

    /// The sweeper stops its own rule when nothing is left, and looks again.
    fn rest(&self, world: &mut World) -> Option<()> {
        world.rest = match world.rest {
            Rest::No => {
                nothing_left(world).then_some(())?;
                Rest::Saw
            }
            Rest::Saw => {
                world.rule = false;
                if self.mutant.looks_once() { Rest::No } else { Rest::Disabled }
            }
            Rest::Disabled => {
                world.rule |= !nothing_left(world);
                Rest::No
            }
        };
        Some(())
    }
}

/// Whether there is nothing that a sweeper would look after.
fn nothing_left(world: &World) -> bool {
    let cluster = &world.document.0;
    cluster.status() == Status::Terminated
        && cluster.collection.is_none()
        && cluster.outbox.is_empty()
        && !world.runs.iter().any(|run| run.at.is_open())
}

/// The command that reports a build.
pub fn report(epoch: u64, ended: Ended) -> Command {
    match ended {
        Ended::Well => Command::BuildSucceeded { epoch, report: BuildReport::default() },
        Ended::Badly(class) => Command::BuildFailed { epoch, failure: failure(class) },
    }
}

/// Lets the wait of a build's machine be over, in the document as well.
pub fn wait_is_over(world: &mut World, epoch: u64) {
    if world.document.0.expects_build(epoch) && world.document.build().is_some_and(|build| build.not_before > NOW) {
        let mut cluster = (*world.document.0).clone();
        if let Some(build) = build_mut(&mut cluster.phase) {
            build.not_before = NOW;
        }
        world.document = Document(Arc::new(cluster));
    }
}
