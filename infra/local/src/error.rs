//! Why local mode could not do something, in words that say what to do about it.

use crate::account;
use std::fmt::Write as _;
use std::io;
use std::path::PathBuf;

/// What was attempted, and why it failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Listening on a port.
    #[error("port {port} of 127.0.0.1 is taken: stop what uses it, or choose another with {option}")]
    PortTaken {
        /// The port.
        port: u16,
        /// The option that names another.
        option: &'static str,
    },
    /// Listening on a port, for another reason than that it is taken.
    #[error("cannot listen on port {port} of 127.0.0.1")]
    Listen {
        /// The port.
        port: u16,
        /// Why not.
        source: io::Error,
    },
    /// Working with files.
    #[error("cannot {attempt}")]
    Files {
        /// What was attempted.
        attempt: String,
        /// Why not.
        source: io::Error,
    },
    /// Starting a program.
    #[error("cannot start {program}")]
    Spawn {
        /// Which one.
        program: String,
        /// Why not.
        source: io::Error,
    },
    /// A program that was to succeed.
    #[error("{what} failed ({status}); {} ends with:\n{tail}", log.display())]
    Failed {
        /// What it was to do.
        what: String,
        /// How it ended.
        status: String,
        /// Its log.
        log: PathBuf,
        /// The last lines of it.
        tail: String,
    },
    /// Something that this machine lacks.
    #[error("{what}: {remedy}")]
    Missing {
        /// What is missing.
        what: String,
        /// How to get it, or what is accepted instead.
        remedy: String,
    },
    /// A call that got no answer.
    #[error("cannot {attempt}")]
    Http {
        /// What was attempted.
        attempt: String,
        /// Why not.
        source: reqwest::Error,
    },
    /// A call that was answered with an error.
    #[error("cannot {attempt}: HTTP {status}: {body}")]
    Refused {
        /// What was attempted.
        attempt: String,
        /// The status of the answer.
        status: u16,
        /// The answer.
        body: String,
    },
    /// Something that took longer than is sensible.
    #[error("{what} did not happen within {seconds} s{hint}")]
    TooLong {
        /// What was waited for.
        what: String,
        /// How long.
        seconds: u64,
        /// Where to look, if that is known.
        hint: String,
    },
    /// Deploying the template.
    #[error("infra/template.yaml was not deployed: the stack is {status}\n{reasons}")]
    Deploy {
        /// The stack's status.
        status: String,
        /// The emulator's reasons, a line each.
        reasons: String,
    },
    /// The stand-in for AWS accounts.
    #[error("the local account failed")]
    Account(#[from] account::Error),
    /// A part of the running stack that ended by itself.
    #[error("{0}")]
    Died(String),
    /// A command that makes no sense now.
    #[error("{0}")]
    State(String),
    /// A file of the user that cannot be used.
    #[error("credentials file {}: {why}", path.display())]
    Credentials {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
}

impl Error {
    /// The error and everything that caused it, for a person.
    #[must_use]
    pub fn report(&self) -> String {
        let mut text = self.to_string();
        let mut cause = std::error::Error::source(self);
        while let Some(error) = cause {
            let _ = write!(text, ": {error}");
            cause = error.source();
        }
        text
    }
}
