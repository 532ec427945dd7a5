//! A soak: many short lives of clusters on one stack, each under faults that its seed decides. At the end of a life
//! nothing may be left of it, whatever failed.
//!
//! `cargo local soak --seed 7 --lives 50`, or this binary with the same words. A life that fails is told with the
//! command that replays it.

mod check;
mod faults;
mod journal;
mod life;
mod plan;
mod tally;
mod user;

use clap::Parser;
use local::{Progress, Stack, StackConfig};
use serde_json::json;
use std::ops::Range;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};
use tally::Tally;

/// Lives of clusters under faults.
#[derive(Parser)]
struct Arguments {
    /// Seed of the first life; the next one has the next. Without it, a life that is short and meets much
    #[arg(long)]
    seed: Option<u64>,
    /// How many lives
    #[arg(long, default_value_t = 1)]
    lives: u64,
    /// Begin no further life after so many minutes
    #[arg(long)]
    minutes: Option<u64>,
    /// Add what came of each life to this file, a line of JSON each, and tell the sum of all lives in it
    #[arg(long)]
    report: Option<PathBuf>,
    /// Go on after a life that ended badly
    #[arg(long)]
    keep_going: bool,
    /// Show what happens in a life, and keep its logs
    #[arg(long)]
    verbose: bool,
    /// What a test harness is given: words that this test's name must hold, and options that mean nothing here
    #[arg(hide = true, allow_hyphen_values = true)]
    harness: Vec<String>,
}

/// The seed of a short life in which a function dies, events come late, calls of AWS fail before and after they are
/// carried out, pods get no answer, and a run is canceled.
const SHORT: u64 = 7;

impl Arguments {
    fn seeds(&self) -> Range<u64> {
        let first = self.seed.unwrap_or(SHORT);
        first..first.saturating_add(self.lives)
    }

    /// Whether a test harness would run a test of this name.
    fn is_meant(&self) -> bool {
        let mut words = self.harness.iter().filter(|word| !word.starts_with('-')).peekable();
        let listing = self.harness.iter().any(|word| word == "--list");
        !listing && (words.peek().is_none() || words.any(|word| "soak".contains(word.as_str())))
    }
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    if !arguments.is_meant() {
        return ExitCode::SUCCESS;
    }
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    match runtime.block_on(soak(&arguments)) {
        Ok(tally) if tally.is_clean() => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("the stack does not start: {}", error.report());
            ExitCode::FAILURE
        }
    }
}

async fn soak(arguments: &Arguments) -> Result<Tally, local::Error> {
    let default = StackConfig::default();
    let config = StackConfig {
        progress: Progress::terminal(),
        // Retries after 30 s come after 0.6 s; a run is looked at again every 2 s instead of every 20 s.
        wait_scale: 0.02,
        timeout_scale: 0.1,
        resource_delay: Duration::from_millis(10),
        ..default
    };
    let stack = Stack::start(config).await?;
    let directory = stack.directory.clone();
    let started = Instant::now();
    let mut tally = Tally::default();
    for seed in arguments.seeds() {
        if arguments.minutes.is_some_and(|most| started.elapsed() > Duration::from_secs(60 * most)) {
            break;
        }
        let outcome = life::live(&stack, seed, arguments.verbose).await;
        println!("{}", outcome.line());
        if let Some(report) = &arguments.report
            && let Err(error) = outcome.append_to(report)
        {
            eprintln!("write {}: {error}", report.display());
        }
        tally.add(&outcome);
        // What a bad life has left over would be taken for the next one's.
        if !outcome.leaks.is_empty() || !outcome.is_clean() && !arguments.keep_going {
            break;
        }
    }
    stack.shutdown().await;
    println!("\n{}", tally.report());
    if let Some(report) = &arguments.report {
        match Tally::of(report) {
            Ok(all) => println!("\nwith all others in {}:\n{}\n{}", report.display(), all.report(), json!(all)),
            Err(error) => eprintln!("read {}: {error}", report.display()),
        }
    }
    if tally.is_clean() && !arguments.verbose {
        std::fs::remove_dir_all(directory.path("")).ok();
    } else {
        println!("logs are in {}", directory.path("").display());
    }
    Ok(tally)
}
