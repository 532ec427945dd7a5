//! The commands of `cargo local`.

pub mod demo;
pub mod diagnose;
mod interrupt;
mod session;
pub mod soak;
pub mod status;
pub mod test;
pub mod up;

use crate::{Progress, StackConfig, paths};
use clap::Args;
use std::path::PathBuf;
use std::time::Duration;

/// What `up` and `demo` can be told.
#[derive(Args, Debug, Clone)]
#[group(skip)]
pub struct Options {
    /// Port of the API
    #[arg(long, default_value_t = 8080)]
    pub port: u16,
    /// Port of the AWS emulator; 0 takes a free one
    #[arg(long, default_value_t = 0)]
    pub emulator_port: u16,
    /// Port of the local account, which runs the clusters; 0 takes a free one
    #[arg(long, default_value_t = 0)]
    pub account_port: u16,
    /// AWS credentials file to register with, instead of made-up keys; it is read, and never leaves this machine
    #[arg(long)]
    pub credentials_file: Option<PathBuf>,
    /// Profile in the credentials file
    #[arg(long, default_value = "default")]
    pub credentials_profile: String,
    /// Shortest keepalive that the API accepts, in seconds; 600 in AWS
    #[arg(long, default_value_t = 5)]
    pub min_keepalive: u64,
    /// How long creating or destroying each resource takes, in milliseconds: long enough to watch
    #[arg(long, default_value_t = 600)]
    pub resource_delay: u64,
    /// File of failures to inject, as infra/local/README.md describes it
    #[arg(long)]
    pub faults: Option<PathBuf>,
}

impl Options {
    fn config(self, progress: Progress) -> StackConfig {
        StackConfig {
            api_port: self.port,
            emulator_port: self.emulator_port,
            account_port: self.account_port,
            directory: directory(),
            min_keepalive_seconds: self.min_keepalive,
            keepalive_period: Duration::from_secs(3),
            resource_delay: Duration::from_millis(self.resource_delay),
            wait_scale: 1.0,
            timeout_scale: 1.0,
            faults: self.faults,
            credentials_file: self.credentials_file,
            credentials_profile: self.credentials_profile,
            home: None,
            progress,
        }
    }
}

/// Where `up` and `demo` keep their state.
fn directory() -> PathBuf {
    paths::checkout().join(".local")
}
