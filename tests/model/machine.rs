//! The cluster machine, step by step, and what Terraform does in its builds.

use crate::action::Action;
use crate::class::representative;
use crate::document::{Nodes, Work};
use crate::system::{System, report, wait_is_over};
use crate::world::{At, Ended, Existing, Input, Late, Machine, Who, World};
use domain::cluster::{Build, Command};
use domain::failure::FailureClass;

impl System {
    /// One step of a cluster machine or its build.
    pub fn machine_step(&self, world: &mut World, action: Action) -> Option<()> {
        match action {
            Action::DelayPasses { epoch } => {
                wait_is_over(world, epoch);
                go(world, epoch, At::Begin)
            }
            Action::Look { epoch } => {
                let cluster = &world.document.0;
                let forced = cluster.phase.build().is_none_or(|build: &Build| build.forced);
                let destroys = world.machines.get(&epoch)?.work == Work::Destroy;
                let pods = destroys && !forced && cluster.expects_build(epoch) && world.pods();
                let input =
                    Input { generation: self.mutant.works_on(cluster, epoch), nodes: Nodes::of(&cluster.settings) };
                go(world, epoch, At::Looked { pods, input })
            }
            Action::BeginFails { epoch, class } => {
                world.left.faults -= 1;
                go(world, epoch, At::Built { ended: Ended::Badly(class) })
            }
            Action::Begin { epoch, dies } => {
                let At::Looked { pods, input } = world.machines.get(&epoch)?.at else { return None };
                let at = if dies { At::Begin } else { At::Asked { pods, input } };
                go(world, epoch, at)?;
                let command = Command::BeginBuild { epoch, live_pods: u32::from(pods) };
                self.command(world, &command, Who::Begin(epoch), dies)
            }
            Action::StartBuild { epoch } => {
                let Machine { work, at: At::Proceed { input }, .. } = *world.machines.get(&epoch)? else { return None };
                // Builds that are waited for exclude each other without the lock; that is checked, not taken for granted.
                if world.machines.values().any(|machine| holds_lock_as_orphan(machine, input.generation)) {
                    return go(world, epoch, At::Built { ended: badly(FailureClass::StateLocked) });
                }
                change_begins(world, work, input);
                go(world, epoch, At::Building { input, stop: false })
            }
            Action::Abort { epoch, escapes: escaped } => {
                *(if escaped { &mut world.left.escapes } else { &mut world.left.faults }) -= 1;
                world.ghost.escaped |= escaped;
                let at = match world.machines.get(&epoch)?.at {
                    At::Proceed { input } => At::Orphan { input, locked: false, stop: false, escaped },
                    At::Building { input, stop } => At::Orphan { input, locked: true, stop, escaped },
                    _ => return None,
                };
                go(world, epoch, at)
            }
            Action::OrphanLocks { epoch } => {
                let Machine { work, at: At::Orphan { input, escaped, .. }, .. } = *world.machines.get(&epoch)? else {
                    return None;
                };
                let of = input.generation;
                let builds =
                    |machine: &Machine| matches!(machine.at, At::Building { input, .. } if input.generation == of);
                if world.machines.values().any(|machine| builds(machine) || holds_lock_as_orphan(machine, of)) {
                    return go(world, epoch, At::Over);
                }
                change_begins(world, work, input);
                go(world, epoch, At::Orphan { input, locked: true, stop: false, escaped })
            }
            Action::OrphanStops { epoch } => go(world, epoch, At::Over),
            Action::OrphanSucceeds { epoch } => {
                self.build_is_whole(world, epoch)?;
                go(world, epoch, At::Over)
            }
            Action::Report { epoch, dies, again } => {
                let At::Built { ended } = world.machines.get(&epoch)?.at else { return None };
                if again {
                    world.left.copies -= 1;
                    world.late.push(Late::Report { epoch, ended });
                }
                if !dies {
                    go(world, epoch, At::Reporting { ended })?;
                }
                self.command(world, &report(epoch, ended), Who::Report(epoch), dies)
            }
            Action::Succeed { epoch } => {
                self.build_is_whole(world, epoch)?;
                go(world, epoch, At::Built { ended: Ended::Well })
            }
            Action::AddonsFail { epoch, class } => {
                world.left.faults -= 1;
                self.build_is_whole(world, epoch)?;
                go(world, epoch, At::Built { ended: Ended::Badly(class) })
            }
            Action::Fail { epoch, class } => {
                world.left.faults -= 1;
                go(world, epoch, At::Built { ended: Ended::Badly(class) })
            }
            Action::Stopped { epoch } => go(world, epoch, At::Built { ended: badly(FailureClass::BuildLost) }),
            Action::Vanish { epoch } => {
                world.left.faults -= 1;
                go(world, epoch, At::Over)
            }
            _ => None,
        }
    }

    /// Terraform has done all it was told.
    fn build_is_whole(&self, world: &mut World, epoch: u64) -> Option<()> {
        let Machine { work, at: At::Building { input, .. } | At::Orphan { input, .. }, .. } =
            *world.machines.get(&epoch)?
        else {
            return None;
        };
        if work == Work::Destroy {
            world.aws.remove(&input.generation);
            for run in world.runs.iter_mut().filter(|run| run.pod == Some(input.generation)) {
                run.pod = None;
            }
        } else {
            exists(world, input, true, Some(input.nodes));
        }
        Some(())
    }
}

/// Terraform has the lock and begins.
fn change_begins(world: &mut World, work: Work, input: Input) {
    match (work, world.aws.get(&input.generation).copied()) {
        (Work::Create, None) => exists(world, input, false, None),
        (Work::Destroy, Some(found)) => exists(world, input, false, found.nodes),
        (Work::Update, Some(found)) => exists(world, input, found.whole, None),
        (Work::Create, Some(_)) | (Work::Destroy | Work::Update, None) => {}
    }
}

/// Every generation has a state, and a lock, of its own.
fn holds_lock_as_orphan(machine: &Machine, generation: u32) -> bool {
    matches!(machine.at, At::Orphan { locked: true, input, .. } if input.generation == generation)
}

fn badly(class: FailureClass) -> Ended {
    Ended::Badly(representative(class))
}

fn go(world: &mut World, epoch: u64, at: At) -> Option<()> {
    world.machines.get_mut(&epoch)?.at = at;
    Some(())
}

fn exists(world: &mut World, input: Input, whole: bool, nodes: Option<Nodes>) {
    world.aws.insert(input.generation, Existing { whole, nodes });
}
