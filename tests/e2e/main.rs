//! The whole system on this machine, driven from outside as a user would: over HTTP, with the real functions, state
//! machines, buildspec, module and Kubernetes. Most cases share a stack and run side by side, which is how users run,
//! too: each has integrations of its own, and looks at its own clusters only. A few need a stack to themselves.

mod ahead;
#[path = "../support/brief.rs"]
mod brief;
mod client;
mod ends;
mod failures;
mod gpus;
mod life;
mod losses;
mod refusals;
mod report;
mod sdk;
mod stories;
mod world;

use libtest_mimic::{Arguments, Failed, Trial};
use std::future::Future;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;
use tokio::runtime::Runtime;
use world::Place::{Own, OwnToo, Shared};
use world::{Place, Stacks};

pub use world::World;

/// So many cases run side by side: about half of their time is waiting.
const SIDE_BY_SIDE: usize = 4;

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    arguments.test_threads = arguments.test_threads.or(Some(SIDE_BY_SIDE));
    let all = Arc::new(All { runtime: Runtime::new().expect("a runtime"), stacks: Stacks::default() });
    if arguments.list {
        return libtest_mimic::run(&arguments, cases(&all).into_iter().chain(last_cases(&all)).collect()).exit_code();
    }
    brief::quiet_panics();
    let conclusion = libtest_mimic::run(&arguments, cases(&all));
    // These look at what the others have left, and the very last ends its stack.
    let last = libtest_mimic::run(&Arguments { test_threads: Some(1), ..arguments }, last_cases(&all));
    let has_failed = conclusion.has_failed() || last.has_failed();
    all.runtime.block_on(all.stacks.shutdown(has_failed));
    if has_failed { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

/// What cases run on.
struct All {
    runtime: Runtime,
    stacks: Stacks,
}

/// Those that need not know of each other, the longest first; at the end those that wait for their turn on a stack.
fn cases(all: &Arc<All>) -> Vec<Trial> {
    vec![
        trial("the_newest_sdk_drives_it", all, Own, sdk::newest),
        trial("the_documented_sdk_drives_it", all, OwnToo, sdk::documented),
        trial("the_usual_causes_of_a_failure_are_told_and_can_be_removed", all, Shared, stories::usual),
        trial("a_cluster_lives_as_long_as_it_is_needed", all, Shared, life::whole),
        trial("what_is_ahead_is_told_and_options_are_made", all, Shared, ahead::told_and_made),
        trial("where_no_gpu_is_offered_who_needs_one_is_told", all, Shared, gpus::missing),
        trial("a_teardown_that_sticks_is_shown_and_ends_with_a_receipt", all, Shared, ends::stuck),
        trial("a_creation_that_nobody_waits_for_is_stopped", all, Shared, ends::given_up),
        trial("a_failed_build_fails_the_run_and_leaves_nothing", all, Shared, failures::failed_build),
        trial("requests_that_cannot_be_accepted_change_nothing", all, Shared, refusals::change_nothing),
        trial("what_is_lost_is_told_and_repeated_where_that_helps", all, OwnToo, losses::told),
        trial("a_build_that_vanishes_is_gone_on_with", all, OwnToo, stories::vanished),
        trial("every_cause_of_a_failure_is_told_and_can_be_removed", all, Shared, stories::every)
            .with_ignored_flag(true),
        trial("figures_of_flows_through_the_sdk", all, Own, sdk::figures).with_ignored_flag(true),
    ]
}

/// Those that come when all others are over.
fn last_cases(all: &Arc<All>) -> Vec<Trial> {
    vec![
        last_trial("no_account_has_anything_left", all, life::nothing_left_anywhere),
        last_trial("no_secret_is_left_in_the_open", all, life::secrets),
        trial("a_dead_emulator_is_told_with_a_remedy", all, Shared, failures::dead_emulator),
    ]
}

/// A case of the list. A panic in it is its failure.
fn trial<F>(name: &'static str, all: &Arc<All>, place: Place, case: fn(Arc<World>) -> F) -> Trial
where
    F: Future<Output = ()> + Send + 'static,
{
    let all = Arc::clone(all);
    Trial::test(name, move || {
        let turn = all.runtime.block_on(all.stacks.turn(place))?;
        let since = Instant::now();
        let outcome = all.runtime.block_on(all.runtime.spawn(case(Arc::clone(&turn.world))));
        println!("{name}: {} s", since.elapsed().as_secs());
        outcome.map_err(|error| Failed::from(report::why(&turn.world, &panic_of(error))))
    })
}

/// A case that looks at all stacks.
fn last_trial<F>(name: &'static str, all: &Arc<All>, case: fn(Vec<Arc<World>>) -> F) -> Trial
where
    F: Future<Output = ()> + Send + 'static,
{
    let all = Arc::clone(all);
    Trial::test(name, move || {
        let worlds = all.runtime.block_on(all.stacks.all())?;
        all.runtime
            .block_on(all.runtime.spawn(case(worlds)))
            .map_err(|error| brief::brief(&panic_of(error), 2000).into())
    })
}

fn panic_of(error: tokio::task::JoinError) -> String {
    error.try_into_panic().map_or_else(|error| error.to_string(), |panic| brief::said(&*panic))
}
