//! The seven invariants of the life cycle, and where everything ends if it is left alone.

use crate::action::Action;
use crate::document::{Act, Nodes, Work};
use crate::system::System;
use crate::world::{At, Existing, Input, RunAt, World};
use domain::cluster::{Phase, Status};
use stateright::{Model, Property};

/// More steps than it takes anything to come to rest.
const MOST_CALM_STEPS: usize = 300;

/// All that must hold in every state.
pub fn all() -> Vec<Property<System>> {
    vec![
        Property::always("1 at most one build runs, the one that is waited for", one_build),
        Property::always("2 what destroys leftovers never touches what lives", living_is_not_collected),
        Property::always("2 what is in use is not torn down, except by force", in_use_is_kept),
        Property::always("3 no run that waits is forgotten", nobody_is_forgotten),
        Property::always("3 no run waits for a teardown that takes a person", nobody_waits_for_a_person),
        Property::always("4 nobody pays for a creation that nobody wants", creation_is_wanted),
        Property::always("4 AWS has nothing that nobody knows", nothing_is_leaked),
        Property::always("4 leftovers go, though the cluster lives on", leftovers_go),
        Property::always("4 left alone, everything ends", comes_to_rest),
        Property::always("4 nothing waits for the hourly sweep without need", the_rule_ticks),
        Property::always("5 updates do not touch running work", work_goes_on),
        Property::always("6 the settings in force are those that were accepted", settings_are_kept),
        Property::always("7 nothing is torn down without a reason", teardown_has_a_reason),
    ]
}

fn builds(world: &World) -> impl Iterator<Item = (u64, Work, Input)> + '_ {
    world.machines.iter().filter_map(|(epoch, machine)| match machine.at {
        At::Building { input, .. } => Some((*epoch, machine.work, input)),
        _ => None,
    })
}

/// Those, and the ones that go on without their execution but for those that have escaped their fence.
fn working_builds(world: &World) -> impl Iterator<Item = (Work, Input)> + '_ {
    world.machines.values().filter_map(|machine| match machine.at {
        At::Building { input, .. } | At::Orphan { input, locked: true, escaped: false, .. } => {
            Some((machine.work, input))
        }
        _ => None,
    })
}

fn one_build(_: &System, world: &World) -> bool {
    let fenced = |at| matches!(at, At::Orphan { locked: true, escaped: false, .. });
    let orphans = world.machines.iter().filter(|(_, machine)| fenced(machine.at)).map(|(epoch, _)| *epoch);
    let epochs: Vec<u64> = builds(world).map(|(epoch, ..)| epoch).chain(orphans).collect();
    // What destroys leftovers works on a state of its own, beside the one build that changes the cluster.
    let cluster = &world.document.0;
    let collects = |epoch: u64| world.machines.get(&epoch).is_some_and(|machine| machine.collects);
    epochs.iter().filter(|epoch| !collects(**epoch)).count() <= 1
        && builds(world).all(|(epoch, ..)| cluster.builds().any(|awaited| awaited == epoch))
        && builds(world).all(|(epoch, ..)| collects(epoch) != cluster.expects_build(epoch))
}

fn living_is_not_collected(_: &System, world: &World) -> bool {
    let cluster = &world.document.0;
    let lives = |generation| generation == cluster.generation && cluster.status() != Status::Terminated;
    let works = |at| match at {
        At::Building { input, .. } | At::Orphan { input, locked: true, .. } => Some(input.generation),
        _ => None,
    };
    let collectors = world.machines.values().filter(|machine| machine.collects);
    collectors.filter_map(|machine| works(machine.at)).all(|generation| !lives(generation))
}

fn in_use_is_kept(_: &System, world: &World) -> bool {
    builds(world).filter(|(_, work, _)| *work == Work::Destroy).all(|(_, _, input)| {
        let pods = world.runs.iter().any(|run| run.pod == Some(input.generation));
        let present = input.generation == world.document.0.generation;
        !(present && world.document.0.phase.leases().is_some()) && (world.ghost.forced || !pods)
    })
}

fn nobody_is_forgotten(_: &System, world: &World) -> bool {
    let promised = |run| world.document.acts().any(|(_, act)| act == Act::Grant { run } || act.fails(run));
    world
        .runs
        .iter()
        .enumerate()
        .filter(|(_, run)| run.at == RunAt::Waiting && !run.ended)
        .all(|(run, _)| world.document.awaited_by(run) || promised(run))
}

fn nobody_waits_for_a_person(_: &System, world: &World) -> bool {
    let Phase::Terminating { waiters, stuck: Some(stuck), .. } = &world.document.0.phase else { return true };
    !stuck.parked || waiters.is_empty()
}

fn creation_is_wanted(_: &System, world: &World) -> bool {
    let Phase::Creating { waiters, .. } = &world.document.0.phase else { return true };
    !waiters.is_empty() || world.ghost.asked
}

/// What a build makes that has escaped its fence is found by the garbage collector: see `comes_to_rest`.
fn nothing_is_leaked(_: &System, world: &World) -> bool {
    let cluster = &world.document.0;
    world.ghost.escaped
        || world
            .aws
            .keys()
            .all(|generation| *generation == cluster.generation && cluster.status() != Status::Terminated)
}

fn work_goes_on(_: &System, world: &World) -> bool {
    let working = |run: &usize| {
        let state = &world.runs[*run];
        matches!(state.at, RunAt::Ready | RunAt::Working) && !state.ended
    };
    (0..world.runs.len()).filter(working).all(|run| {
        let failing = world.document.acts().any(|(_, act)| act.fails(run));
        let there = world.runs[run].pod.is_none_or(|generation| world.aws.get(&generation).is_some_and(|a| a.whole));
        let replaced = working_builds(world).any(|(work, input)| {
            let before = world.ghost.before;
            work == Work::Update && (input.nodes.default_type != before.default_type || input.nodes.most < before.most)
        });
        failing || (world.document.leased_to(run) && there && !replaced)
    })
}

fn settings_are_kept(_: &System, world: &World) -> bool {
    let cluster = &world.document.0;
    let nodes = Nodes::of(&cluster.settings);
    let built = Existing { whole: true, nodes: Some(nodes) };
    let sound = matches!(cluster.phase, Phase::Active { .. }) && cluster.last_error.is_none();
    nodes == world.ghost.wanted
        && (!sound || world.ghost.escaped || world.aws.get(&cluster.generation) == Some(&built))
        && builds(world)
            .filter(|(epoch, ..)| cluster.expects_build(*epoch))
            .all(|(_, _, input)| input == Input { generation: cluster.generation, nodes })
}

fn teardown_has_a_reason(_: &System, world: &World) -> bool {
    let status = world.document.0.status();
    (status != Status::Terminating || world.ghost.justified) && !(status == Status::Active && world.ghost.forced)
}

/// Wherever nothing more happens by itself but the ticks of the rule: if from then on nothing fails and nobody comes,
/// all runs end, the cluster ends, and the rule stops. Every other state leads to such a one.
fn comes_to_rest(system: &System, world: &World) -> bool {
    !world.is_quiet() || left_alone(system, world, |_| true).is_some_and(|end| is_at_rest(&end))
}

/// Whatever is to be looked after is so within a minute. Only who dies before enabling the rule, or is not let do that,
/// may leave it for longer.
fn the_rule_ticks(system: &System, world: &World) -> bool {
    let cluster = &world.document.0;
    let is_over = cluster.phase == Phase::Terminated && cluster.collection.is_none() && cluster.outbox.is_empty();
    let died = world.left.deaths < system.bounds.budget.deaths;
    !world.is_quiet() || died || world.ghost.unattended || is_over || world.rule
}

/// What should be gone is destroyed without the cluster having to end for it.
fn leftovers_go(system: &System, world: &World) -> bool {
    if !world.is_quiet() || world.leftovers().next().is_none() {
        return true;
    }
    let is_young = |action: &Action| *action != Action::KeepalivePasses;
    left_alone(system, world, is_young).is_some_and(|end| end.leftovers().next().is_none())
}

/// Where the world ends if nothing but such actions happens of which none fails; nowhere, if that takes for ever.
fn left_alone(system: &System, world: &World, happens: impl Fn(&Action) -> bool) -> Option<World> {
    let (mut world, mut actions) = (World { stale: None, ..world.clone() }, vec![]);
    for _ in 0..MOST_CALM_STEPS {
        actions.clear();
        system.inner(&world, &mut actions);
        system.outer(&world, &mut actions);
        let mut calm = actions.iter().filter(|action| happens(action));
        let next = calm.find_map(|action| system.next_state(&world, *action).filter(|next| *next != world));
        let Some(next) = next else { return Some(world) };
        world = next;
    }
    None
}

fn is_at_rest(world: &World) -> bool {
    let cluster = &world.document.0;
    cluster.phase == Phase::Terminated
        && cluster.collection.is_none()
        && cluster.outbox.is_empty()
        && world.aws.is_empty()
        && !world.rule
        && world.runs.iter().all(|run| !run.at.is_open() && run.pod.is_none())
}
