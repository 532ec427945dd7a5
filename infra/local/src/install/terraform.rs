//! The terraform binary: it must be there, since no package registry carries it.

use crate::Error;
use tokio::process::Command;

/// Minor versions of Terraform 1 from this one on have what the module needs.
const OLDEST_MINOR: u32 = 10;

/// Checks that a Terraform which fits the module is on the `PATH`.
pub(crate) async fn check() -> Result<(), Error> {
    let output = Command::new("terraform").args(["version", "-json"]).env("CHECKPOINT_DISABLE", "1").output().await;
    let version = output.ok().and_then(|output| {
        let version: serde_json::Value = serde_json::from_slice(&output.stdout).ok()?;
        Some(version["terraform_version"].as_str()?.to_owned())
    });
    let missing = |what| {
        let remedy = format!("put terraform 1.{OLDEST_MINOR} or newer on the PATH");
        Err(Error::Missing { what, remedy })
    };
    match version {
        Some(version) if fits(&version) => Ok(()),
        Some(version) => missing(format!("terraform {version} is too old or too new for the module")),
        None => missing("terraform is not installed".to_owned()),
    }
}

fn fits(version: &str) -> bool {
    let mut numbers = version.split('.').map(|part| part.parse::<u32>().ok());
    numbers.next() == Some(Some(1)) && numbers.next().flatten().is_some_and(|minor| minor >= OLDEST_MINOR)
}

#[cfg(test)]
mod tests {
    use super::fits;

    #[test]
    fn only_versions_with_lock_files_in_s3_fit() {
        assert!(fits("1.10.0") && fits("1.15.2"));
        assert!(!fits("1.9.8") && !fits("2.0.0") && !fits("0.15.5") && !fits(""));
    }
}
