//! `test`: all tests of the repository, in two lanes that go on side by side: the longest of those that start whole
//! stacks, and the rest.

mod programs;
mod suites;
mod tally;
mod why;

use super::directory;
use super::interrupt::interrupted;
use crate::install::Installer;
use crate::paths::Directory;
use crate::process::{self, run as run_process};
use crate::progress::seconds;
use crate::{Error, Progress};
use clap::{Args, ValueEnum};
use std::time::{Duration, Instant};
use suites::{Lane, Suite};
use tally::Tally;
use why::why;

/// Whoever sees but the last 4000 characters of the output is to know why something failed.
const SHOWN: usize = 3000;

/// What the tests can be told.
#[derive(Args, Debug, Clone)]
pub struct Options {
    /// Run this part only; may be repeated
    #[arg(long, value_enum)]
    only: Vec<Part>,
}

/// A part of the tests.
#[derive(ValueEnum, Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// Unit and integration tests of all crates
    Rust,
    /// The runner and the emulator
    Python,
    /// Formatting, validation and tests of the module
    Terraform,
    /// Whole stacks: the `tests` crate
    EndToEnd,
}

#[derive(Clone)]
struct Outcome {
    name: &'static str,
    tally: Tally,
    took: Duration,
    /// What the commands printed that failed.
    failed: Vec<String>,
}

/// Installs what is missing and runs the tests.
///
/// # Errors
/// If one fails; the others are run all the same.
pub async fn run(options: Options) -> Result<(), Error> {
    tokio::select! {
        result = run_all(options) => result,
        () = interrupted() => Err(Error::State("interrupted".to_owned())),
    }
}

async fn run_all(options: Options) -> Result<(), Error> {
    let progress = Progress::terminal();
    let directory = Directory::create(&directory())?;
    let installer = Installer { progress: progress.clone(), watchdog: process::watchdog()?, directory };
    let installed = installer.install().await?;

    let wanted = |part| options.only.is_empty() || options.only.contains(&part);
    let (stacks, rest): (Vec<_>, Vec<_>) = suites::all(&installer, &installed, wanted)
        .await?
        .into_iter()
        .partition(|suite: &Suite| suite.lane == Lane::Stacks);
    let (rest, stacks) = tokio::try_join!(run_lane(&installer, rest), run_lane(&installer, stacks))?;
    // What is built from now on would be there twice.
    drop(std::fs::remove_dir_all(installer.directory.path(programs::KEPT)));
    let outcomes = [rest, stacks].concat();
    progress.say("\nsummary");
    for Outcome { name, tally, took, failed } in &outcomes {
        let mark = if failed.is_empty() { "✓" } else { "✗" };
        progress.say(format!(
            "{mark} {name:<12} {:>4} passed, {} failed ({})",
            tally.passed,
            tally.failed,
            seconds(*took)
        ));
    }
    let total = outcomes.iter().fold(Tally::default(), |total, outcome| total + outcome.tally);
    progress.say(format!("{} passed, {} failed", total.passed, total.failed));
    let failed: Vec<&Outcome> = outcomes.iter().filter(|outcome| !outcome.failed.is_empty()).collect();
    for outcome in &failed {
        progress.say(format!("\n━━ why {} failed\n{}", outcome.name, why(&outcome.failed, SHOWN / failed.len())));
    }
    let names: Vec<&str> = failed.iter().map(|outcome| outcome.name).collect();
    if names.is_empty() { Ok(()) } else { Err(Error::State(format!("failed: {}", names.join(", ")))) }
}

/// Runs suites one after the other.
async fn run_lane(installer: &Installer, suites: Vec<Suite>) -> Result<Vec<Outcome>, Error> {
    let mut outcomes = vec![];
    for suite in suites {
        outcomes.push(run_suite(installer, suite).await?);
    }
    Ok(outcomes)
}

/// Runs the commands of a suite, with all that they print.
async fn run_suite(installer: &Installer, suite: Suite) -> Result<Outcome, Error> {
    let started = Instant::now();
    let name = suite.name;
    let mut tally = Tally::default();
    let mut failed = vec![];
    for (number, mut command) in suite.commands.into_iter().enumerate() {
        // A backtrace is longer than what is kept of a failure, and says less than its message.
        command.env("RUST_BACKTRACE", "0");
        let program = command.as_std();
        let words = std::iter::once(program.get_program()).chain(program.get_args());
        let shown: Vec<_> = words.map(|word| word.to_string_lossy().into_owned()).collect();
        installer.progress.say(format!("{name:<10} │ ━━ {}", shown.join(" ")));
        let log = installer.directory.log(&format!("test-{}-{number}", name.replace(' ', "-")));
        let counted = tally;
        let mut printed = vec![];
        let result = run_process(&installer.watchdog, name, command, &log, |_, line| {
            if !line.is_empty() {
                installer.progress.say(format!("{name:<10} │ {line}"));
            }
            printed.push(line.to_owned());
            tally.read(line);
            true
        })
        .await;
        match result {
            // What counts nothing itself is one test that passed.
            Ok(()) if tally == counted => tally.passed += 1,
            Ok(()) => {}
            Err(Error::Failed { .. }) => {
                failed.append(&mut printed);
                failed.push(format!("failed: {}", shown.join(" ")));
                if tally.failed == counted.failed {
                    tally.failed += 1;
                }
            }
            Err(error) => return Err(error),
        }
    }
    Ok(Outcome { name, tally, took: started.elapsed(), failed })
}
