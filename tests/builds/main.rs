//! Builds, without a stack around them: the real Terraform, module and build scripts, with the stand-in provider and
//! an S3 of the emulator. They are killed in mid-work, interrupted and refused, and must come to the same end.
//!
//! Every resource is killed at with `cargo test -p ondemand-eks-tests --test builds -- --include-ignored`; without the
//! last words only those are that stand for the others.

#[path = "../support/brief.rs"]
mod brief;
mod failed;
mod interrupted;
mod killed;
mod lab;
mod left_behind;
mod resized;
mod undisturbed;

use lab::Lab;
use libtest_mimic::{Arguments, Failed, Trial};
use local::{Progress, Workshop, paths};
use std::process::ExitCode;
use std::sync::Arc;

/// Cases that run side by side: some wait, most work.
const SIDE_BY_SIDE: usize = 3;

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    arguments.test_threads = arguments.test_threads.or(Some(SIDE_BY_SIDE));
    if arguments.list {
        return libtest_mimic::run(&arguments, trials(None)).exit_code();
    }
    brief::quiet_panics();
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let folder = paths::checkout().join(".local").join(format!("builds-{}", uuid::Uuid::new_v4().simple()));
    let workshop = match runtime.block_on(Workshop::start(&folder, Progress::terminal())) {
        Ok(workshop) => workshop,
        Err(error) => {
            eprintln!("the workshop does not start: {error}");
            return ExitCode::FAILURE;
        }
    };
    let lab = Arc::new(Lab::new(workshop, runtime, folder.clone()));
    let conclusion = libtest_mimic::run(&arguments, trials(Some(&lab)));
    if let Ok(lab) = Arc::try_unwrap(lab).map_err(|_| "a case still holds the workshop") {
        lab.shutdown();
    }
    if conclusion.has_failed() {
        eprintln!("what is left of the cases is in {}", folder.display());
    } else {
        std::fs::remove_dir_all(folder).ok();
    }
    conclusion.exit_code()
}

fn trials(lab: Option<&Arc<Lab>>) -> Vec<Trial> {
    let mut trials = vec![
        trial("a_cluster_is_built_in_order_and_leaves_nothing".to_owned(), lab, undisturbed::whole),
        trial("a_build_out_of_time_puts_its_state_away".to_owned(), lab, interrupted::out_of_time),
        trial("a_stopped_build_puts_its_state_away".to_owned(), lab, interrupted::stopped),
        trial(
            "a_build_signalled_again_and_again_loses_nothing".to_owned(),
            lab,
            interrupted::signalled_again_and_again,
        ),
        trial(
            "what_a_terraform_that_lets_everything_lie_was_making_is_found".to_owned(),
            lab,
            interrupted::ended_out_of_order,
        ),
        trial("what_a_killed_build_has_made_is_passed_on_by_those_that_fail".to_owned(), lab, killed::passed_on),
        trial("a_build_that_was_given_up_changes_nothing".to_owned(), lab, interrupted::given_up),
        trial("what_a_machine_that_died_without_a_word_has_made_is_found".to_owned(), lab, killed::without_a_word),
        trial("what_cannot_be_imported_now_is_not_made_again".to_owned(), lab, killed::not_told),
        trial("two_builds_at_once_are_one".to_owned(), lab, interrupted::two_at_once),
        trial("what_aws_has_left_in_the_network_is_removed".to_owned(), lab, left_behind::removed),
        trial("what_aws_has_left_of_a_living_cluster_is_not_touched".to_owned(), lab, left_behind::kept),
        trial("a_group_that_grows_while_its_limits_change_keeps_its_nodes".to_owned(), lab, resized::growing),
        trial("limits_move_the_size_of_a_group_no_further_than_they_must".to_owned(), lab, resized::moved),
        trial("a_refusal_to_resize_a_group_is_explained".to_owned(), lab, resized::refused),
    ];
    trials.extend(failed::REFUSALS.iter().map(|refusal| {
        trial(format!("a_refused_{}_is_explained_and_cleared_away", refusal.kind), lab, |lab| {
            failed::refused(lab, refusal);
        })
    }));
    for point in killed::points() {
        let name = format!("killed_at_the_{}_of_{}_{}_it_goes_on", point.operation, point.kind, point.number);
        let stands_for_others = point.stands_for_others;
        let trial = trial(name, lab, move |lab| killed::resumed(lab, &point));
        trials.push(trial.with_ignored_flag(!stands_for_others));
    }
    trials
}

fn trial(name: String, lab: Option<&Arc<Lab>>, case: impl FnOnce(&Lab) + Send + 'static) -> Trial {
    let lab = lab.cloned();
    Trial::test(name, move || {
        let lab = lab.ok_or_else(|| Failed::from("there is no workshop"))?;
        let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| case(&lab)));
        // All of a build's log and events may be in it.
        outcome.map_err(|panic| Failed::from(brief::brief(&brief::said(&*panic), 2000)))
    })
}
