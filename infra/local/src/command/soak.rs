//! `soak`: many short lives of clusters under faults that a seed decides.

use crate::Error;
use crate::install::binaries::cargo;
use clap::Args;
use std::path::PathBuf;

/// What the soak can be told.
#[derive(Args, Debug, Clone)]
pub struct Options {
    /// Seed of the first life; the next one has the next
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How many lives; one takes about half a minute
    #[arg(long, default_value_t = 20)]
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
    /// Show what is planned, what failed, and all about a life that ends badly
    #[arg(long)]
    verbose: bool,
}

/// Builds and runs the soak, on a stack of its own.
///
/// # Errors
/// If a life has left something over, or something went wrong in it.
pub async fn run(options: Options) -> Result<(), Error> {
    let mut command = cargo();
    command.args(["test", "--quiet", "-p", "ondemand-eks-tests", "--test", "soak", "--"]);
    command.args(["--seed", &options.seed.to_string(), "--lives", &options.lives.to_string()]);
    if let Some(minutes) = options.minutes {
        command.args(["--minutes", &minutes.to_string()]);
    }
    if let Some(report) = options.report {
        // The test runs in another folder.
        let report = std::path::absolute(&report)
            .map_err(|source| Error::Files { attempt: format!("find {}", report.display()), source })?;
        command.arg("--report").arg(report);
    }
    if options.keep_going {
        command.arg("--keep-going");
    }
    if options.verbose {
        command.arg("--verbose");
    }
    let status = command.status().await.map_err(|source| Error::Spawn { program: "cargo".to_owned(), source })?;
    if status.success() { Ok(()) } else { Err(Error::State("the soak failed; it says above how to replay it".into())) }
}
