//! The whole system on this machine, driven from outside as a user would: over HTTP, with the real functions, state
//! machines, buildspec, module and Kubernetes. The cases share one stack and run in the order of the list.

mod ahead;
mod client;
mod ends;
mod failures;
mod life;
mod losses;
mod refusals;
mod sdk;
mod stories;

use client::Client;
use libtest_mimic::{Arguments, Failed, Trial};
use local::{Progress, Stack, StackConfig};
use std::future::Future;
use std::process::ExitCode;
use std::sync::Arc;

/// What every case is given.
pub struct World {
    /// The running stack.
    pub stack: Stack,
    /// A client with a valid key.
    pub client: Client,
}

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    arguments.test_threads = Some(1);
    if arguments.list {
        return libtest_mimic::run(&arguments, trials(None)).exit_code();
    }
    let runtime = Arc::new(tokio::runtime::Runtime::new().expect("a runtime"));
    let default = StackConfig::default();
    let home = Some(sdk::home(&default.directory));
    // Retries wait for half a minute and more, of which nothing is to be seen here.
    let config = StackConfig { progress: Progress::terminal(), home, wait_scale: 0.1, ..default };
    let stack = match runtime.block_on(Stack::start(config)) {
        Ok(stack) => stack,
        Err(error) => {
            eprintln!("the stack does not start: {error}");
            return ExitCode::FAILURE;
        }
    };
    let client = Client::new(&stack.api_url, &stack.api_key);
    let directory = stack.directory.clone();
    let world = Arc::new(World { stack, client });
    let conclusion = libtest_mimic::run(&arguments, trials(Some((Arc::clone(&runtime), Arc::clone(&world)))));
    if let Ok(world) = Arc::try_unwrap(world).map_err(|_| "a case still holds the stack") {
        runtime.block_on(world.stack.shutdown());
    }
    if conclusion.has_failed() {
        eprintln!("logs are in {}", directory.path("").display());
    } else {
        std::fs::remove_dir_all(directory.path("")).ok();
    }
    conclusion.exit_code()
}

type Shared = Option<(Arc<tokio::runtime::Runtime>, Arc<World>)>;

fn trials(shared: Shared) -> Vec<Trial> {
    vec![
        trial("requests_that_cannot_be_accepted_change_nothing", &shared, refusals::change_nothing),
        trial("what_is_ahead_is_told_and_options_are_made", &shared, ahead::told_and_made),
        trial("a_failed_build_fails_the_run_and_leaves_nothing", &shared, failures::failed_build),
        trial("the_usual_causes_of_a_failure_are_told_and_can_be_removed", &shared, stories::usual),
        trial("a_build_that_vanishes_is_gone_on_with", &shared, stories::vanished),
        trial("a_creation_that_nobody_waits_for_is_stopped", &shared, ends::given_up),
        trial("a_teardown_that_sticks_is_shown_and_ends_with_a_receipt", &shared, ends::stuck),
        trial("a_cluster_lives_as_long_as_it_is_needed", &shared, life::whole),
        trial("what_is_lost_is_told_and_repeated_where_that_helps", &shared, losses::told),
        trial("the_newest_sdk_drives_it", &shared, sdk::newest),
        trial("the_documented_sdk_drives_it", &shared, sdk::documented),
        trial("no_secret_is_left_in_the_open", &shared, life::secrets),
        trial("a_dead_emulator_is_told_with_a_remedy", &shared, failures::dead_emulator),
        trial("every_cause_of_a_failure_is_told_and_can_be_removed", &shared, stories::every).with_ignored_flag(true),
        trial("figures_of_flows_through_the_sdk", &shared, sdk::figures).with_ignored_flag(true),
    ]
}

/// A case of the list. A panic in it is its failure.
fn trial<F>(name: &str, shared: &Shared, case: fn(Arc<World>) -> F) -> Trial
where
    F: Future<Output = ()> + Send + 'static,
{
    let shared = shared.clone();
    Trial::test(name, move || {
        let (runtime, world) = shared.ok_or_else(|| Failed::from("there is no stack"))?;
        runtime
            .block_on(async move { tokio::spawn(case(world)).await })
            .map_err(|error| Failed::from(error.to_string()))
    })
}
