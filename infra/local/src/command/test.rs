//! `test`: all tests of the repository, in order.

use crate::Error;
use clap::Args;

/// What the tests can be told.
#[derive(Args, Debug, Clone)]
pub struct Options {}

/// Runs all tests.
///
/// # Errors
/// If one fails.
pub async fn run(_options: Options) -> Result<(), Error> {
    Ok(())
}
