//! What can happen next, everywhere at once.

use crate::class::representatives;
use crate::document::Work;
use crate::system::System;
use crate::world::{At, Rest, RunAt, World};
use domain::cluster::{Phase, Status};
use domain::failure::FailureClass;

/// One step of anybody. `dies` stands for an invocation that commits and then performs and answers nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    // People
    Create { dies: bool },
    CreateWithMoreNodes { dies: bool },
    ChangeCount { dies: bool },
    ChangeType { dies: bool },
    Delete { dies: bool },
    ForceDelete { dies: bool },
    RenewCredentials { dies: bool },
    Cancel { run: usize },
    // Invocations
    Perform { process: usize },
    Throttled { process: usize },
    Clear { process: usize },
    Die { process: usize },
    // Cluster machines and their builds
    DelayPasses { epoch: u64 },
    Look { epoch: u64 },
    BeginFails { epoch: u64, class: FailureClass },
    Begin { epoch: u64, dies: bool },
    StartBuild { epoch: u64 },
    Succeed { epoch: u64 },
    Fail { epoch: u64, class: FailureClass },
    AddonsFail { epoch: u64, class: FailureClass },
    Stopped { epoch: u64 },
    Vanish { epoch: u64 },
    Abort { epoch: u64, escapes: bool },
    OrphanLocks { epoch: u64 },
    OrphanStops { epoch: u64 },
    OrphanSucceeds { epoch: u64 },
    Report { epoch: u64, dies: bool, again: bool },
    // Runs
    Submit { run: usize },
    Ask { run: usize, dies: bool },
    Advance { run: usize, dies: bool },
    PodStarts { run: usize },
    PodEnds { run: usize },
    Finish { run: usize, dies: bool },
    Lose { run: usize },
    // What comes too late
    Deliver { late: usize },
    // Time and the keepalive rule
    KeepalivePasses,
    TickLooks,
    TickDecides { dies: bool },
    SweepOutbox,
    SweepRun { run: usize },
    SweepLostRun { run: usize, dies: bool },
    SweepLostBuild { epoch: u64, dies: bool },
    SweepStop { epoch: u64 },
    SweepLeftover { generation: u32 },
    SweepHourly,
    Rest,
    RestDies,
    // Faulty processes, in mutants only
    ReadEarly,
    PollUnlocked,
    Restart,
}

impl System {
    /// What may happen in a world; some of it may change nothing.
    pub fn possible(&self, world: &World, actions: &mut Vec<Action>) {
        self.inner(world, actions);
        self.faults(world, actions);
        self.outer(world, actions);
    }

    /// What goes on by itself, without faults and without time passing, in the order in which `calm` tries it.
    pub fn inner(&self, world: &World, actions: &mut Vec<Action>) {
        for (process, doing) in world.processes.iter().enumerate() {
            let done = doing.todo.is_empty();
            actions.push(if done { Action::Clear { process } } else { Action::Perform { process } });
        }
        for (&epoch, machine) in &world.machines {
            match machine.at {
                At::Delay => actions.push(Action::DelayPasses { epoch }),
                At::Begin => actions.push(Action::Look { epoch }),
                At::Looked { .. } => actions.push(Action::Begin { epoch, dies: false }),
                At::Proceed { .. } => actions.push(Action::StartBuild { epoch }),
                At::Building { stop, .. } => {
                    actions.extend(stop.then_some(Action::Stopped { epoch }));
                    actions.push(Action::Succeed { epoch });
                }
                At::Built { .. } => actions.push(Action::Report { epoch, dies: false, again: false }),
                At::Orphan { locked: false, .. } => actions.push(Action::OrphanLocks { epoch }),
                At::Orphan { stop, .. } => {
                    actions.extend(stop.then_some(Action::OrphanStops { epoch }));
                    actions.push(Action::OrphanSucceeds { epoch });
                }
                At::Asked { .. } | At::Reporting { .. } | At::Over => {}
            }
        }
        for (run, state) in world.runs.iter().enumerate() {
            actions.extend(match state.at {
                RunAt::Asking => Some(Action::Ask { run, dies: false }),
                RunAt::Granted => Some(Action::Advance { run, dies: false }),
                RunAt::Ready => Some(Action::PodStarts { run }),
                RunAt::Finishing => Some(Action::Finish { run, dies: false }),
                _ => None,
            });
            actions.extend(state.pod.map(|_| Action::PodEnds { run }));
        }
        actions.extend((0..world.late.len()).map(|late| Action::Deliver { late }));
        actions.extend(world.tick.map(|_| Action::TickDecides { dies: false }));
        actions.extend((world.rest != Rest::No).then_some(Action::Rest));
    }

    /// What goes on by itself as time passes and the rule ticks. A sweep comes every hour even while the rule is
    /// disabled, and enables it if there is anything to do; that is so slow that nothing else is under way then.
    pub fn outer(&self, world: &World, actions: &mut Vec<Action>) {
        let cluster = &world.document.0;
        if matches!(cluster.phase, Phase::Active { idle_since: Some(_), .. }) {
            actions.push(Action::KeepalivePasses);
        }
        let hourly = self.mutant.sweeps_hourly() && world.is_quiet();
        if world.rule || hourly {
            let found = self.mutant.leftover(world).filter(|_| cluster.builds().next().is_none());
            actions.extend(found.map(|generation| Action::SweepLeftover { generation }));
        }
        if !world.rule {
            actions.extend(hourly.then_some(Action::SweepHourly));
            return;
        }
        if !cluster.outbox.is_empty() {
            actions.push(Action::SweepOutbox);
        }
        for (run, state) in world.runs.iter().enumerate() {
            if state.at == RunAt::Lost {
                actions.push(Action::SweepLostRun { run, dies: false });
            } else if state.ended || state.at == RunAt::Over {
                actions.push(Action::SweepRun { run });
            }
        }
        for epoch in cluster.builds() {
            match world.machines.get(&epoch).map(|machine| machine.at) {
                Some(at) if self.is_lost(at) => actions.push(Action::SweepLostBuild { epoch, dies: false }),
                Some(_) => {
                    actions.push(Action::SweepStop { epoch });
                    if self.mutant.reports_running_builds_lost() {
                        actions.push(Action::SweepLostBuild { epoch, dies: false });
                    }
                }
                None => {}
            }
        }
        if world.tick.is_none() {
            actions.push(Action::TickLooks);
        }
        if world.rest == Rest::No {
            actions.push(Action::Rest);
        }
    }

    /// Whether the sweeper gives a build up: its execution is over, and CodeBuild knows of none that still works.
    fn is_lost(&self, at: At) -> bool {
        match at {
            At::Orphan { locked: true, .. } => self.mutant.gives_up_working_builds(),
            At::Orphan { .. } | At::Over => true,
            _ => false,
        }
    }

    /// What people do, what fails, dies, vanishes and is repeated.
    fn faults(&self, world: &World, actions: &mut Vec<Action>) {
        let left = &world.left;
        let deaths: &[bool] = if left.deaths > 0 { &[false, true] } else { &[false] };
        if left.people > 0 {
            for &dies in deaths {
                actions.extend([
                    Action::Create { dies },
                    Action::CreateWithMoreNodes { dies },
                    Action::ChangeCount { dies },
                    Action::ChangeType { dies },
                    Action::Delete { dies },
                    Action::ForceDelete { dies },
                    Action::RenewCredentials { dies },
                ]);
            }
        }
        for (run, state) in world.runs.iter().enumerate() {
            let submittable = left.runs > 0 && (run == 0 || world.runs[run - 1].at != RunAt::NotYet);
            actions.extend((state.at == RunAt::NotYet && submittable).then_some(Action::Submit { run }));
            actions.extend((left.people > 0).then_some(Action::Cancel { run }));
            actions.extend((left.faults > 0).then_some(Action::Lose { run }));
        }
        if left.faults > 0 {
            let at_work = world.processes.iter().enumerate().filter(|(_, doing)| !doing.todo.is_empty());
            actions.extend(at_work.map(|(process, _)| Action::Throttled { process }));
            for (&epoch, machine) in &world.machines {
                match machine.at {
                    At::Delay => actions.push(Action::Vanish { epoch }),
                    At::Begin => {
                        actions.extend(representatives().map(|class| Action::BeginFails { epoch, class }));
                        actions.push(Action::Vanish { epoch });
                    }
                    At::Proceed { .. } => actions.push(Action::Abort { epoch, escapes: false }),
                    At::Building { .. } => {
                        actions.extend(representatives().map(|class| Action::Fail { epoch, class }));
                        actions.extend([Action::Vanish { epoch }, Action::Abort { epoch, escapes: false }]);
                        if machine.work != Work::Destroy {
                            actions.extend(representatives().map(|class| Action::AddonsFail { epoch, class }));
                        }
                    }
                    _ => {}
                }
            }
        }
        if left.escapes > 0 {
            let proceeding = world.machines.iter().filter(|(_, machine)| matches!(machine.at, At::Proceed { .. }));
            actions.extend(proceeding.map(|(&epoch, _)| Action::Abort { epoch, escapes: true }));
        }
        if left.copies > 0 {
            for (&epoch, machine) in &world.machines {
                if matches!(machine.at, At::Built { .. }) {
                    actions.push(Action::Report { epoch, dies: false, again: true });
                }
            }
        }
        if left.deaths > 0 {
            self.deaths(world, actions);
        }
        self.mutations(world, actions);
    }

    fn deaths(&self, world: &World, actions: &mut Vec<Action>) {
        actions.extend((0..world.processes.len()).map(|process| Action::Die { process }));
        for (&epoch, machine) in &world.machines {
            match machine.at {
                At::Looked { .. } => actions.push(Action::Begin { epoch, dies: true }),
                At::Built { .. } => actions.push(Action::Report { epoch, dies: true, again: false }),
                _ => {}
            }
        }
        for (run, state) in world.runs.iter().enumerate() {
            actions.extend(match state.at {
                RunAt::Asking => Some(Action::Ask { run, dies: true }),
                RunAt::Granted => Some(Action::Advance { run, dies: true }),
                RunAt::Finishing => Some(Action::Finish { run, dies: true }),
                RunAt::Lost => Some(Action::SweepLostRun { run, dies: true }),
                _ => None,
            });
        }
        actions.extend(world.tick.map(|_| Action::TickDecides { dies: true }));
        actions.extend((world.rest == Rest::Disabled).then_some(Action::RestDies));
        let gone = |epoch: &u64| world.machines.get(epoch).is_some_and(|machine| self.is_lost(machine.at));
        let lost = world.document.0.builds().filter(gone);
        actions.extend(lost.map(|epoch| Action::SweepLostBuild { epoch, dies: true }));
    }

    fn mutations(&self, world: &World, actions: &mut Vec<Action>) {
        if self.mutant.reads_early(world) && world.stale.is_none() {
            actions.push(Action::ReadEarly);
        }
        if self.mutant.polls() && world.document.build().is_some() {
            let building = |at| matches!(at, At::Building { .. });
            let locked = world.machines.values().any(|machine| building(machine.at));
            actions.extend((!locked).then_some(Action::PollUnlocked));
        }
        if self.mutant.restarts() && world.document.0.status() == Status::Active {
            actions.push(Action::Restart);
        }
    }
}
