//! The life cycle under every interleaving within bounds: `domain`'s own `decide`, driven by a model checker.
//!
//! Around it stand, as models, all who send it commands: runs, people, the keepalive rule, and cluster machines with
//! their builds. Their steps are cut wherever a process can die, a message be late or come twice. First the life cycle
//! must keep its promises in every state; then each of a list of faults, put in around it, must be found.
//!
//! Whatever fails does so in each way that the life cycle treats differently. The error classes that it treats alike are
//! one here; that it does so is shown beside the model, for every class: see `class`.

mod action;
mod bounds;
mod class;
mod commit;
mod document;
mod machine;
mod mutant;
mod normal;
mod properties;
mod system;
mod world;

use bounds::{Bounds, Budget};
use domain::failure::FailureClass;
use libtest_mimic::{Arguments, Failed, Trial};
use mutant::Mutant;
use stateright::{Checker, Model};
use std::time::Instant;
use system::System;

/// What is checked of the production code.
const MODELS: [Bounds; 6] = [
    Bounds {
        name: "runs come and go while invocations die",
        budget: Budget { runs: 2, people: 0, faults: 0, escapes: 0, copies: 0, deaths: 2 },
        processes: 2,
    },
    Bounds {
        name: "people interfere",
        budget: Budget { runs: 1, people: 2, faults: 1, escapes: 0, copies: 0, deaths: 0 },
        processes: 1,
    },
    Bounds {
        name: "two runs and a person meet",
        budget: Budget { runs: 2, people: 1, faults: 0, escapes: 0, copies: 0, deaths: 0 },
        processes: 2,
    },
    Bounds {
        name: "messages come late",
        budget: Budget { runs: 1, people: 1, faults: 1, escapes: 0, copies: 2, deaths: 0 },
        processes: 1,
    },
    Bounds {
        name: "everything goes wrong at once",
        budget: Budget { runs: 1, people: 1, faults: 2, escapes: 0, copies: 0, deaths: 1 },
        processes: 1,
    },
    Bounds {
        name: "a build escapes its fence",
        budget: Budget { runs: 1, people: 1, faults: 0, escapes: 1, copies: 0, deaths: 0 },
        processes: 1,
    },
];

/// Further, for minutes instead of seconds: `cargo test --test model -- --ignored`.
const DEEP: [Bounds; 4] = [
    Bounds {
        name: "deep: people interfere with two runs",
        budget: Budget { runs: 2, people: 2, faults: 0, escapes: 0, copies: 0, deaths: 0 },
        processes: 2,
    },
    Bounds {
        name: "deep: a run, people and everything that goes wrong",
        budget: Budget { runs: 1, people: 2, faults: 1, escapes: 0, copies: 1, deaths: 1 },
        processes: 1,
    },
    Bounds {
        name: "deep: faults and deaths under two runs",
        budget: Budget { runs: 2, people: 0, faults: 1, escapes: 0, copies: 0, deaths: 1 },
        processes: 2,
    },
    Bounds {
        name: "deep: builds escape while other things go wrong",
        budget: Budget { runs: 1, people: 1, faults: 1, escapes: 2, copies: 0, deaths: 0 },
        processes: 1,
    },
];

/// Where the mutants are looked for, the cheapest first.
const SMALL: [Budget; 7] = [
    Budget { runs: 1, people: 1, faults: 0, escapes: 0, copies: 0, deaths: 0 },
    Budget { runs: 1, people: 1, faults: 0, escapes: 0, copies: 0, deaths: 1 },
    Budget { runs: 1, people: 1, faults: 1, escapes: 0, copies: 0, deaths: 0 },
    Budget { runs: 2, people: 1, faults: 0, escapes: 0, copies: 0, deaths: 0 },
    Budget { runs: 1, people: 1, faults: 0, escapes: 0, copies: 1, deaths: 0 },
    Budget { runs: 1, people: 1, faults: 0, escapes: 1, copies: 0, deaths: 0 },
    Budget { runs: 1, people: 2, faults: 1, escapes: 0, copies: 0, deaths: 0 },
];

fn main() {
    let mut arguments = Arguments::from_args();
    arguments.test_threads = arguments.test_threads.or(Some(2));
    let model = |bounds: Bounds| Trial::test(bounds.name, move || keeps_its_promises(bounds));
    let models = MODELS.map(model).into_iter().chain(DEEP.map(|bounds| model(bounds).with_ignored_flag(true)));
    let mutants = Mutant::all().map(|mutant| Trial::test(format!("mutant {mutant:?}"), move || is_caught(mutant)));
    let apart = [Mutant::OneClassApart, Mutant::FormerClassCounts].map(|mutant| {
        Trial::test(format!("mutant {mutant:?}"), move || match class::check(mutant) {
            Ok(_) => Err(Failed::from("no class is found to differ")),
            Err(_) => Ok(()),
        })
    });
    let classes = Trial::test("every class of failures is treated as the one that stands for it", classes_are_alike);
    let trials = models.chain(mutants).chain(apart).chain([classes]).collect();
    libtest_mimic::run(&arguments, trials).exit();
}

fn keeps_its_promises(bounds: Bounds) -> Result<(), Failed> {
    let start = Instant::now();
    let checker = System { bounds, mutant: Mutant::None }.checker().spawn_bfs().join();
    eprintln!(
        "{}: {} states, {} transitions, depth {}, {:.1} s\n    within {bounds}",
        bounds.name,
        checker.unique_state_count(),
        checker.state_count(),
        checker.max_depth(),
        start.elapsed().as_secs_f32()
    );
    match counterexample(&checker) {
        None => Ok(()),
        Some((property, trace)) => Err(Failed::from(format!("\"{property}\" does not hold:\n{}", trace.join("\n")))),
    }
}

fn classes_are_alike() -> Result<(), Failed> {
    let start = Instant::now();
    let class::Checked { clusters, decisions } = class::check(Mutant::None)?;
    let (all, ones) = (FailureClass::ALL.len(), class::representatives().count());
    eprintln!(
        "{all} classes in {clusters} clusters decide as {ones} do: {decisions} decisions compared, {:.1} s",
        start.elapsed().as_secs_f32()
    );
    Ok(())
}

fn is_caught(mutant: Mutant) -> Result<(), Failed> {
    let start = Instant::now();
    let small = SMALL.map(|budget| Bounds { name: "small", budget, processes: 1 });
    let first = small.iter().find_map(|bounds| search(mutant, *bounds, None).map(|found| (*bounds, found)));
    let (bounds, mut found) = first.ok_or("no property sees it")?;
    // A search stops some way behind the first counterexample: is there a shorter one?
    while let Some(shorter) = search(mutant, bounds, Some(found.trace.len())) {
        found = shorter;
    }
    eprintln!(
        "{mutant:?}: found by \"{}\" after {} steps, {} states, {:.2} s",
        found.property,
        found.trace.len(),
        found.states,
        start.elapsed().as_secs_f32()
    );
    if std::env::var_os("TRACES").is_some() {
        eprintln!("{}", found.trace.join("\n"));
    }
    Ok(())
}

/// A counterexample.
struct Found {
    property: &'static str,
    trace: Vec<String>,
    states: usize,
}

/// Looks for a counterexample, one of less than some steps if that is given.
fn search(mutant: Mutant, bounds: Bounds, fewer_than: Option<usize>) -> Option<Found> {
    let finished = stateright::HasDiscoveries::AnyFailures;
    let mut checker = System { bounds, mutant }.checker().finish_when(finished);
    if let Some(steps) = fewer_than {
        // It counts states, of which there is one more than steps, and leaves the last one out.
        checker = checker.target_max_depth(steps + 1);
    }
    let checker = checker.spawn_bfs().join();
    let (property, trace) = counterexample(&checker)?;
    Some(Found { property, trace, states: checker.unique_state_count() })
}

/// The property with the shortest counterexample, and that.
fn counterexample(checker: &impl Checker<System>) -> Option<(&'static str, Vec<String>)> {
    let found = checker.discoveries().into_iter().map(|(property, path)| {
        let actions = path.into_actions().into_iter().map(|action| format!("  {action:?}")).collect::<Vec<_>>();
        (property, actions)
    });
    found.min_by_key(|(property, actions)| (actions.len(), *property))
}
