//! One command: decide, commit with the effects in the outbox, perform them one by one, take them out of the outbox.
//! What the runtime does in one call is cut here wherever it can be interrupted.

use crate::document::{Act, Document, Nodes};
use crate::system::System;
use crate::world::{Answer, At, Machine, Process, RunAt, Who, World};
use domain::cluster::{Cluster, Command, Phase, Status};
use std::sync::Arc;

impl System {
    /// Decides on a command and stores the decision. None if it is refused, or if nothing may happen because too many
    /// invocations are at work. An invocation that dies has only changed the document.
    pub fn command(&self, world: &mut World, command: &Command, who: Who, dies: bool) -> Option<()> {
        let read = self.mutant.document_read(world, command);
        let mut decision = self.mutant.decide(&read, command).ok()?;
        decision.cluster = Document::without_receipts(decision.cluster);
        let changed = decision.cluster != *read.0;
        if dies {
            world.left.deaths = world.left.deaths.checked_sub(1)?;
            changed.then_some(())?;
        }
        let reply = Answer::from(&decision.reply);
        self.remember(world, command, &decision.cluster);
        let todo: Vec<(u64, Act)> = decision.cluster.outbox.iter().map(|(key, e)| (*key, Act::of(e))).collect();
        let mut stored = decision.cluster;
        if self.mutant.keeps_effects_in_memory() {
            stored.outbox.clear();
        }
        world.document = Document(Arc::new(stored));
        if dies {
            return Some(());
        }
        let process = Process { who, reply, todo, done: vec![] };
        if process.todo.is_empty() {
            self.answer(world, &process);
            return Some(());
        }
        self.begin_process(world, process)
    }

    /// Starts an invocation unless too many are at work, or one at the very same work.
    pub fn begin_process(&self, world: &mut World, process: Process) -> Option<()> {
        (world.processes.len() < self.bounds.processes && !world.processes.contains(&process)).then_some(())?;
        world.processes.push(process);
        world.processes.sort();
        Some(())
    }

    /// Performs the next effect of an invocation.
    pub fn perform(&self, world: &mut World, process: usize) -> Option<()> {
        let mut doing = world.processes.remove(process);
        let (key, act) = (!doing.todo.is_empty()).then(|| doing.todo.remove(0))?;
        let able = !(doing.who.is_run() && self.mutant.keeps_runs_from(act));
        if able {
            match self.act(world, act) {
                Some(rest) => doing.todo.insert(0, (key, rest)),
                None => doing.done.push(key),
            }
        }
        world.processes.push(doing);
        world.processes.sort();
        Some(())
    }

    /// The next effect of an invocation fails. It stays in the outbox, and the invocation goes on with what is after it.
    pub fn throttled(&self, world: &mut World, process: usize) -> Option<()> {
        world.left.faults = world.left.faults.checked_sub(1)?;
        let mut doing = world.processes.remove(process);
        let (_, act) = (!doing.todo.is_empty()).then(|| doing.todo.remove(0))?;
        world.ghost.unattended |= act == Act::Enable;
        world.processes.push(doing);
        world.processes.sort();
        Some(())
    }

    /// What is left to do of it: runs are told one after the other.
    fn act(&self, world: &mut World, act: Act) -> Option<Act> {
        match act {
            Act::Start { epoch, work, .. } => {
                let collects = world.document.0.collection.as_ref().is_some_and(|collects| collects.epoch == epoch);
                world.machines.entry(epoch).or_insert(Machine { work, collects, at: At::Delay });
            }
            Act::Stop { epoch } => stop(world, epoch),
            Act::Enable => world.rule = true,
            Act::Grant { run } => {
                let run = &mut world.runs[run];
                if matches!(run.at, RunAt::Asked | RunAt::Waiting) {
                    run.at = RunAt::Granted;
                }
            }
            Act::Fail { mut runs } => {
                if let Some(run) = runs.iter().position(|told| *told) {
                    end_run(world, run);
                    runs[run] = false;
                }
                return runs.contains(&true).then_some(Act::Fail { runs });
            }
        }
        None
    }

    /// Takes what an invocation has performed out of the outbox, and lets it answer.
    pub fn clear(&self, world: &mut World, process: usize) -> Option<()> {
        let doing = world.processes.remove(process);
        if !doing.done.is_empty() {
            let mut cluster = match world.stale.take() {
                Some(stale) if self.mutant.clears_what_it_read() => (*stale.0).clone(),
                stale => {
                    world.stale = stale;
                    (*world.document.0).clone()
                }
            };
            cluster.outbox.retain(|key, _| !doing.done.contains(key));
            world.document = Document(Arc::new(cluster));
        }
        self.answer(world, &doing);
        Some(())
    }

    /// What the one who waits does with the answer, if it still waits.
    fn answer(&self, world: &mut World, process: &Process) {
        match process.who {
            Who::Nobody => {}
            Who::Ask(run) => {
                let granted = process.reply == Answer::Granted;
                move_run(world, run, RunAt::Asked, if granted { RunAt::Granted } else { RunAt::Waiting });
            }
            Who::Advance(run) => {
                let granted = process.reply == Answer::Granted;
                move_run(world, run, RunAt::Advancing, if granted { RunAt::Ready } else { RunAt::Granted });
            }
            Who::Release(run) => move_run(world, run, RunAt::Releasing, RunAt::Over),
            Who::Begin(epoch) | Who::Report(epoch) => {
                let Some(machine) = world.machines.get_mut(&epoch) else { return };
                machine.at = match machine.at {
                    At::Asked { input, .. } if process.reply == Answer::Proceed => At::Proceed { input },
                    At::Asked { .. } | At::Reporting { .. } => At::Over,
                    at => at,
                };
            }
        }
    }

    /// An invocation dies; the machine it works for will ask again.
    pub fn die(&self, world: &mut World, process: usize) -> Option<()> {
        world.left.deaths = world.left.deaths.checked_sub(1)?;
        match world.processes.remove(process).who {
            Who::Nobody => {}
            Who::Ask(run) => move_run(world, run, RunAt::Asked, RunAt::Asking),
            Who::Advance(run) => move_run(world, run, RunAt::Advancing, RunAt::Granted),
            Who::Release(run) => move_run(world, run, RunAt::Releasing, RunAt::Finishing),
            Who::Begin(epoch) | Who::Report(epoch) => {
                let Some(machine) = world.machines.get_mut(&epoch) else { return Some(()) };
                machine.at = match machine.at {
                    At::Asked { .. } => At::Begin,
                    At::Reporting { ended } => At::Built { ended },
                    at => at,
                };
            }
        }
        Some(())
    }

    /// What the checker remembers of a command that was accepted.
    fn remember(&self, world: &mut World, command: &Command, after: &Cluster) {
        let before = world.document.0.clone();
        let ghost = &mut world.ghost;
        let (from, to) = (before.status(), after.status());
        match command {
            Command::Create { delta } | Command::Update { delta } => {
                let wanted = before.settings.merged(delta).map_or(ghost.wanted, |settings| Nodes::of(&settings));
                ghost.before = std::mem::replace(&mut ghost.wanted, wanted);
            }
            Command::BuildFailed { epoch, .. } if before.expects_build(*epoch) => match from {
                Status::Updating => ghost.wanted = ghost.before,
                Status::Creating => ghost.justified = true,
                _ => {}
            },
            // A run that gives up ends a creation that nobody else wants.
            Command::Release { run } if from == Status::Creating => {
                let alone = before.phase.waiters().is_some_and(|waiters| waiters.iter().all(|waiter| waiter == run));
                ghost.justified |= alone && !ghost.asked;
            }
            Command::Delete => ghost.justified |= before.phase.leases().is_none_or(|leases| leases.is_empty()),
            Command::ForceDelete => {
                ghost.justified = true;
                ghost.forced |= from != Status::Terminated;
            }
            Command::KeepaliveTick { .. } => {
                let idle = matches!(&before.phase, Phase::Active { leases, idle_since: Some(since) }
                    if leases.is_empty() && *since < crate::document::NOW);
                ghost.justified |= idle;
            }
            _ => {}
        }
        if let Command::Create { .. } = command {
            ghost.asked |= matches!(from, Status::Terminated | Status::Creating);
        }
        ghost.asked &= to == Status::Creating;
        if after.generation != before.generation || to == Status::Terminated {
            ghost.forced = false;
        }
        if matches!(to, Status::Active | Status::Creating | Status::Terminated) {
            ghost.justified = false;
        }
    }
}

fn move_run(world: &mut World, run: usize, from: RunAt, to: RunAt) {
    if world.runs[run].at == from {
        world.runs[run].at = to;
    }
}

/// The order to stop reaches a build that CodeBuild has; before, it is lost. Without the lock, there is nothing to
/// bring to an end, unless the build escapes: CodeBuild has it, but does not list it yet.
pub fn stop(world: &mut World, epoch: u64) {
    let Some(machine) = world.machines.get_mut(&epoch) else { return };
    match &mut machine.at {
        At::Building { stop, .. } | At::Orphan { stop, locked: true, .. } => *stop = true,
        At::Orphan { escaped: false, .. } => machine.at = At::Over,
        _ => {}
    }
}

/// A run is over for a reason of its cluster or of a person; its machine is woken.
pub fn end_run(world: &mut World, number: usize) {
    let run = &mut world.runs[number];
    run.ended |= run.at.is_open();
    if matches!(
        run.at,
        RunAt::Asked | RunAt::Waiting | RunAt::Granted | RunAt::Advancing | RunAt::Ready | RunAt::Working
    ) {
        run.at = RunAt::Finishing;
    }
}
