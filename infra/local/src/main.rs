//! `cargo local`: the whole product on one machine, with no AWS account.

use clap::{Parser, Subcommand};
use local::command::{Options, demo, diagnose, soak, status, test, up};
use std::process::ExitCode;

/// Runs ondemand-eks on this machine: the real template, functions, Terraform and Kubernetes, and no AWS account
#[derive(Parser)]
#[command(name = "cargo local", bin_name = "cargo local")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Start everything and keep it running until Ctrl-C or `cargo local down`
    Up(Options),
    /// Stop what `cargo local up` runs
    Down,
    /// Tell what runs, and where
    Status,
    /// Show the main job from registration to teardown: on a local stack, in a few minutes
    Demo(demo::Options),
    /// Tell from a build's log on standard input why it failed and what to do, as JSON
    Diagnose,
    /// Let many clusters live while everything fails, and see that nothing is left of them
    Soak(soak::Options),
    /// Run all tests: Rust, Python, Terraform, end to end
    Test(test::Options),
}

#[tokio::main]
async fn main() -> ExitCode {
    let result = match Arguments::parse().command {
        Command::Up(options) => up::up(options).await,
        Command::Down => up::down().await,
        Command::Status => status::status().await,
        Command::Demo(options) => demo::run(options).await,
        Command::Diagnose => diagnose::diagnose(),
        Command::Soak(options) => soak::run(options).await,
        Command::Test(options) => test::run(options).await,
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {}", error.report());
            ExitCode::FAILURE
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Arguments;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }
}
