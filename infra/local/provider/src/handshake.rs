//! The first words between Terraform and a plugin: a cookie in the environment, an address on standard output.

use std::{env, net::SocketAddr, time::Duration};

use nix::{
    sys::signal::{self, Signal},
    unistd::Pid,
};

/// The value by which Terraform proves that it, and not a person, started the plugin.
const COOKIE: (&str, &str) =
    ("TF_PLUGIN_MAGIC_COOKIE", "d602bf8f470bc67ca7faa0386276bbdd4330efaf76d1a219cb4d6991ca9872b2");

/// Why the plugin cannot serve.
#[derive(Debug, PartialEq, thiserror::Error)]
pub enum Error {
    #[error(
        "this is a plugin that Terraform starts; run it as `terraform-provider-aws install FOLDER` to lay out a mirror"
    )]
    NotTerraform,
    #[error("the stand-in AWS provider does not speak TLS to Terraform: set TF_DISABLE_PLUGIN_TLS=1")]
    TlsExpected,
}

/// Checks that Terraform started this process, and that it expects a plain connection.
///
/// Terraform would authenticate itself with a P-521 certificate, which rustls with *ring* cannot verify. Both ends
/// run as one user on the loopback interface, so the connection stays plain, by an explicit choice of whoever set
/// the variable.
pub fn check() -> Result<(), Error> {
    check_with(|name| env::var(name).ok())
}

fn check_with(var: impl Fn(&str) -> Option<String>) -> Result<(), Error> {
    if var(COOKIE.0).as_deref() != Some(COOKIE.1) {
        return Err(Error::NotTerraform);
    }
    match var("PLUGIN_CLIENT_CERT") {
        Some(certificate) if !certificate.is_empty() => Err(Error::TlsExpected),
        _ => Ok(()),
    }
}

/// The line that tells Terraform where the plugin listens: go-plugin 1, plugin protocol 5.
pub fn line(address: SocketAddr) -> String {
    format!("1|5|tcp|{address}|grpc")
}

/// Returns once the process that started us is gone. A killed Terraform does not take its plugins along.
pub async fn parent_gone() {
    let parent = std::os::unix::process::parent_id();
    while std::os::unix::process::parent_id() == parent {
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}

/// Kills the process that started us, and ends: as when the machine dies under both. What else is under way is not
/// carried out.
pub fn end_with_parent() -> ! {
    let parent = i32::try_from(std::os::unix::process::parent_id()).map(Pid::from_raw);
    if let Ok(parent) = parent
        && parent.as_raw() > 1
    {
        // Whoever is gone already need not be killed.
        signal::kill(parent, Signal::SIGKILL).ok();
    }
    std::process::exit(137)
}

/// An interrupt reaches the whole process group, but is meant for Terraform, which then asks its plugins to stop.
/// A plugin that dies of it takes the result of its current operation along.
pub async fn ignore_interrupts() -> std::io::Result<()> {
    loop {
        tokio::signal::ctrl_c().await?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment<'a>(pairs: &'a [(&str, &str)]) -> impl Fn(&str) -> Option<String> + 'a {
        move |name| pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_string())
    }

    #[test]
    fn a_person_is_told_that_this_is_a_plugin() {
        assert_eq!(check_with(environment(&[])), Err(Error::NotTerraform));
    }

    #[test]
    fn terraform_with_tls_is_told_which_variable_to_set() {
        let error = check_with(environment(&[COOKIE, ("PLUGIN_CLIENT_CERT", "-----BEGIN")])).unwrap_err();
        assert!(error.to_string().contains("TF_DISABLE_PLUGIN_TLS=1"));
    }

    #[test]
    fn terraform_without_tls_is_served() {
        assert_eq!(check_with(environment(&[COOKIE])), Ok(()));
    }
}
