//! What the local account did behind the scenes: one file, one line per event.

use super::locked;
use std::fmt::Arguments;
use std::fs::File;
use std::io::{self, Write};
use std::path::Path;
use std::sync::Mutex;

/// A log file of its own, so that the command that runs the account can keep the terminal for what matters.
pub(crate) struct Journal(Mutex<File>);

impl Journal {
    /// Opens the file at `path`, which a new account empties.
    pub(crate) fn create(path: &Path) -> io::Result<Self> {
        Ok(Self(Mutex::new(File::create(path)?)))
    }

    /// Writes one line. A full disk must not stop the cluster, so a failure is not passed on.
    pub(crate) fn note(&self, event: Arguments<'_>) {
        let _ = writeln!(locked(&self.0), "{} {event}", jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%S%.3fZ"));
    }
}
