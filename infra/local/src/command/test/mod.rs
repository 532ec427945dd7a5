//! `test`: all tests of the repository, in order, from those that take seconds to those that start whole stacks.

mod suites;
mod tally;

use super::directory;
use super::interrupt::interrupted;
use crate::install::Installer;
use crate::paths::Directory;
use crate::process::{self, run as run_process};
use crate::progress::seconds;
use crate::{Error, Progress};
use clap::{Args, ValueEnum};
use std::time::{Duration, Instant};
use suites::Suite;
use tally::Tally;

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

struct Outcome {
    name: &'static str,
    tally: Tally,
    took: Duration,
    failed: bool,
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

    let mut outcomes = vec![];
    for suite in suites::all(&installed, &installer.directory).await? {
        if options.only.is_empty() || options.only.contains(&suite.part) {
            outcomes.push(run_suite(&installer, suite).await?);
        }
    }
    progress.say("\nsummary");
    for Outcome { name, tally, took, failed } in &outcomes {
        let mark = if *failed { "✗" } else { "✓" };
        progress.say(format!(
            "{mark} {name:<28} {:>4} passed, {} failed ({})",
            tally.passed,
            tally.failed,
            seconds(*took)
        ));
    }
    let total = outcomes.iter().fold(Tally::default(), |total, outcome| total + outcome.tally);
    progress.say(format!("{} passed, {} failed", total.passed, total.failed));
    let failed: Vec<&str> = outcomes.iter().filter(|outcome| outcome.failed).map(|outcome| outcome.name).collect();
    if failed.is_empty() { Ok(()) } else { Err(Error::State(format!("failed: {}", failed.join(", ")))) }
}

/// Runs the commands of a suite until one fails, with all that they print.
async fn run_suite(installer: &Installer, suite: Suite) -> Result<Outcome, Error> {
    let started = Instant::now();
    let mut tally = Tally::default();
    let mut failed = false;
    for command in suite.commands {
        let program = command.as_std();
        let words = std::iter::once(program.get_program()).chain(program.get_args());
        let shown: Vec<_> = words.map(|word| word.to_string_lossy()).collect();
        installer.progress.say(format!("\n━━ {}: {}", suite.name, shown.join(" ")));
        let log = installer.directory.log(&format!("test-{}", suite.name.replace(' ', "-")));
        let counted = tally;
        let result = run_process(&installer.watchdog, suite.name, command, &log, |_, line| {
            installer.progress.say(line);
            tally.read(line);
            true
        })
        .await;
        match result {
            // What counts nothing itself is one test that passed.
            Ok(()) if tally == counted => tally.passed += 1,
            Ok(()) => {}
            Err(Error::Failed { .. }) => {
                failed = true;
                if tally.failed == counted.failed {
                    tally.failed += 1;
                }
                break;
            }
            Err(error) => return Err(error),
        }
    }
    Ok(Outcome { name: suite.name, tally, took: started.elapsed(), failed })
}
