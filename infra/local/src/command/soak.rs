//! `soak`: many short lives of clusters under faults that a seed decides.

use crate::Error;
use crate::install::binaries::cargo;
use clap::Args;

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
    if options.verbose {
        command.arg("--verbose");
    }
    let status = command.status().await.map_err(|source| Error::Spawn { program: "cargo".to_owned(), source })?;
    if status.success() { Ok(()) } else { Err(Error::State("the soak failed; it says above how to replay it".into())) }
}
