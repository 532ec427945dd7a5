//! Why few classes of failures stand for all: whatever the cluster is, a decision is the same for all classes with the
//! same reaction, but for the class that it writes down. And no decision depends on a class that is written down already,
//! so the model may forget it.
//!
//! So the model need not know all classes: in each of its states, what another class would lead to is a state that it
//! has. This is compared for each class, in all clusters that a model reaches and what it has simplified in them.

use crate::bounds::{Bounds, Budget};
use crate::document::{Document, build_mut, failure, other_count, other_type, run_id};
use crate::mutant::Mutant;
use crate::system::System;
use crate::world::RUNS;
use domain::cluster::{BuildReport, Cluster, Command, Decision, Effect, Phase, Purpose, Stuck};
use domain::failure::FailureClass;
use domain::settings::SettingsDelta;
use stateright::Model;
use std::collections::HashSet;
use std::sync::{Arc, LazyLock};

/// The one that stands for a class: the first with the same reaction.
pub fn representative(class: FailureClass) -> FailureClass {
    let alike = |other: &&FailureClass| other.reaction() == class.reaction();
    FailureClass::ALL.iter().find(alike).copied().unwrap_or(class)
}

/// One class for each reaction.
pub fn representatives() -> impl Iterator<Item = FailureClass> {
    static ALL: LazyLock<Vec<FailureClass>> = LazyLock::new(|| {
        let all = FailureClass::ALL.iter().copied();
        all.filter(|class| representative(*class) == *class).collect()
    });
    ALL.iter().copied()
}

/// Where clusters are taken from: they pass through every phase, are parked, tried again, and have leftovers collected.
const BUDGETS: [Budget; 2] = [
    Budget { runs: 1, people: 1, faults: 1, escapes: 0, copies: 0, deaths: 0 },
    Budget { runs: 1, people: 1, faults: 0, escapes: 1, copies: 0, deaths: 0 },
];

/// What was compared.
pub struct Checked {
    /// Clusters that differ.
    pub clusters: usize,
    /// Decisions.
    pub decisions: usize,
}

/// Compares the decisions for all classes, one change at a time: of what is stored, and of what is reported.
///
/// # Errors
/// Where a class is treated otherwise than the one that stands for it.
pub fn check(mutant: Mutant) -> Result<Checked, String> {
    let (mut clusters, mut decisions) = (0, 0);
    let reached: HashSet<Document> = BUDGETS.into_iter().flat_map(reached).collect();
    for cluster in reached.iter().flat_map(|document| unsimplified(&document.0)) {
        clusters += 1;
        let others: Vec<Document> = stored_otherwise(&cluster).collect();
        let cluster = Document(Arc::new(cluster));
        for command in commands(&cluster.0) {
            let expected = outcome(mutant, &cluster, &command);
            let stored = others.iter().map(|other| (other, command.clone()));
            let reported = reported_otherwise(&command).map(|other| (&cluster, other));
            for (cluster, command) in stored.chain(reported) {
                decisions += 1;
                if outcome(mutant, cluster, &command) != expected {
                    return Err(format!("not as for the class that stands for it:\n{command:?}\n{:#?}", cluster.0));
                }
            }
        }
    }
    Ok(Checked { clusters, decisions })
}

/// The command with each other class that the one which it has stands for.
fn reported_otherwise(command: &Command) -> impl Iterator<Item = Command> {
    let reported = match command {
        Command::BuildFailed { epoch, failure } => Some((*epoch, failure.class)),
        _ => None,
    };
    reported.into_iter().flat_map(|(epoch, known)| {
        let alike = FailureClass::ALL.iter().filter(move |class| representative(**class) == known && **class != known);
        alike.map(move |class| Command::BuildFailed { epoch, failure: failure(*class) })
    })
}

/// The cluster with each other class of the failures that it has written down, if it has any.
fn stored_otherwise(cluster: &Cluster) -> impl Iterator<Item = Document> {
    let others = FailureClass::ALL.iter().map(|class| with_class(cluster.clone(), *class));
    others.filter(move |other| other != cluster).map(|other| Document(Arc::new(other)))
}

/// What a command leads to, whatever the classes that are written down; none if it is refused.
fn outcome(mutant: Mutant, document: &Document, command: &Command) -> Option<Decision> {
    let decision = mutant.decide(document, command).ok()?;
    Some(Decision { cluster: with_class(decision.cluster, FailureClass::Unknown), ..decision })
}

/// The cluster with this class of all failures that it has written down.
fn with_class(mut cluster: Cluster, class: FailureClass) -> Cluster {
    let stuck = match &mut cluster.phase {
        Phase::Terminating { stuck: Some(stuck), .. } => Some(&mut stuck.failure),
        _ => None,
    };
    let told = cluster.outbox.values_mut().filter_map(|effect| match effect {
        Effect::FailRuns { failure, .. } => Some(failure),
        _ => None,
    });
    stuck.into_iter().chain(told).chain(&mut cluster.last_error).for_each(|failure| failure.class = class);
    cluster
}

/// All documents within bounds.
fn reached(budget: Budget) -> HashSet<Document> {
    let system = System { bounds: Bounds { name: "clusters", budget, processes: 1 }, mutant: Mutant::None };
    let mut open = system.init_states();
    let mut seen: HashSet<_> = open.iter().cloned().collect();
    while let Some(world) = open.pop() {
        for next in system.next_states(&world) {
            if seen.insert(next.clone()) {
                open.push(next);
            }
        }
    }
    seen.into_iter().map(|world| world.document).collect()
}

/// A cluster, and what it may have been before it was simplified: a teardown after its first try, and after many.
fn unsimplified(cluster: &Cluster) -> Vec<Cluster> {
    let mut all = vec![cluster.clone()];
    let is_teardown = cluster.phase.build().is_some_and(|build| build.purpose == Purpose::Destroy);
    for attempt in [2, 20].into_iter().filter(|_| is_teardown) {
        let mut tried = cluster.clone();
        if let Phase::Terminating { stuck, .. } = &mut tried.phase {
            let unparked = || Stuck { failure: failure(FailureClass::Unknown), parked: false, first_epoch: 0 };
            stuck.get_or_insert_with(|| Box::new(unparked()));
        }
        build_mut(&mut tried.phase).into_iter().for_each(|build| build.attempt = attempt);
        all.push(tried);
    }
    all
}

/// All that can be sent to a cluster, with one class for each reaction.
fn commands(cluster: &Cluster) -> Vec<Command> {
    let settings = &cluster.settings;
    let deltas = || [SettingsDelta::default(), other_count(settings), other_type(settings)];
    let mut all = vec![Command::Delete, Command::ForceDelete, Command::CredentialsRenewed];
    all.extend((0..RUNS).flat_map(|run| {
        let run = run_id(run);
        [Command::Acquire { run }, Command::Release { run }]
    }));
    all.extend(deltas().map(|delta| Command::Create { delta }));
    all.extend(deltas().map(|delta| Command::Update { delta }));
    all.extend([0, 1].map(|live_pods| Command::KeepaliveTick { live_pods }));
    all.extend((0..=cluster.generation).map(|generation| Command::CollectLeftover { generation }));
    for epoch in cluster.builds() {
        all.extend([0, 1].map(|live_pods| Command::BeginBuild { epoch, live_pods }));
        all.push(Command::BuildSucceeded { epoch, report: BuildReport::default() });
        all.extend(representatives().map(|class| Command::BuildFailed { epoch, failure: failure(class) }));
    }
    all
}
