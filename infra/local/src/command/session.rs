//! The one stack that `up` or `demo` runs in a checkout, as other processes see it.

use crate::lock::{Lock, try_lock};
use crate::paths::Directory;
use crate::{Error, Stack};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

const FILE: &str = "up.json";

/// What the running process tells others.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Session {
    pub(crate) pid: i32,
    pub(crate) api_url: Option<String>,
    pub(crate) emulator_url: Option<String>,
    pub(crate) account_url: Option<String>,
}

/// The right to be the one that runs.
pub(crate) struct Held {
    directory: Directory,
    _lock: Lock,
}

impl Held {
    /// Takes the right, unless another process has it.
    pub(crate) fn take(directory: &Directory) -> Result<Self, Error> {
        let Some(lock) = try_lock(&lock_file(directory))? else {
            let url = Session::read(directory).and_then(|session| session.api_url);
            let place = url.map_or_else(|| "and is starting".to_owned(), |url| format!("at {url}"));
            return Err(Error::State(format!(
                "local mode is up already, {place}: use it, or stop it with `cargo local down`"
            )));
        };
        let held = Self { directory: directory.clone(), _lock: lock };
        held.write(&Session { pid: own_pid(), api_url: None, emulator_url: None, account_url: None })?;
        Ok(held)
    }

    /// Tells others where everything is.
    pub(crate) fn announce(&self, stack: &Stack) -> Result<(), Error> {
        self.write(&Session {
            pid: own_pid(),
            api_url: Some(stack.api_url.clone()),
            emulator_url: Some(stack.emulator_url.clone()),
            account_url: Some(stack.account_url.clone()),
        })
    }

    fn write(&self, session: &Session) -> Result<(), Error> {
        let path = self.directory.path(FILE);
        let text = serde_json::to_string_pretty(session).unwrap_or_default();
        let failed = |source| Error::Files { attempt: format!("write {}", path.display()), source };
        std::fs::write(&path, text).map_err(failed)
    }
}

impl Session {
    /// What the running process tells; none if none runs.
    pub(crate) fn running(directory: &Directory) -> Result<Option<Self>, Error> {
        match try_lock(&lock_file(directory))? {
            Some(_free) => Ok(None),
            None => Ok(Self::read(directory)),
        }
    }

    fn read(directory: &Directory) -> Option<Self> {
        serde_json::from_slice(&std::fs::read(directory.path(FILE)).ok()?).ok()
    }
}

fn lock_file(directory: &Directory) -> PathBuf {
    directory.path("up.lock")
}

fn own_pid() -> i32 {
    i32::try_from(std::process::id()).unwrap_or_default()
}
