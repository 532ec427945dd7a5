//! Locks between processes: a lock on a file, which the kernel takes back whatever happens to its holder.

use crate::Error;
use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};
use std::fs::{File, OpenOptions};
use std::path::Path;
use std::time::Duration;

/// How often a lock that somebody else holds is tried again.
const INTERVAL: Duration = Duration::from_millis(200);

/// A held lock; dropping it lets go.
pub(crate) struct Lock {
    _file: Flock<File>,
}

/// Takes the lock, or says that somebody else has it.
pub(crate) fn try_lock(path: &Path) -> Result<Option<Lock>, Error> {
    let failed = |source| Error::Files { attempt: format!("lock {}", path.display()), source };
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(failed)?;
    }
    let file = OpenOptions::new().create(true).truncate(false).write(true).open(path).map_err(failed)?;
    match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
        Ok(file) => Ok(Some(Lock { _file: file })),
        Err((_, Errno::EWOULDBLOCK)) => Ok(None),
        Err((_, error)) => Err(failed(error.into())),
    }
}

/// Takes the lock, after calling `waiting` if somebody else has it first.
pub(crate) async fn lock(path: &Path, waiting: impl FnOnce()) -> Result<Lock, Error> {
    let mut waiting = Some(waiting);
    loop {
        if let Some(lock) = try_lock(path)? {
            return Ok(lock);
        }
        if let Some(tell) = waiting.take() {
            tell();
        }
        tokio::time::sleep(INTERVAL).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_is_held_until_it_is_dropped() {
        let path = std::env::temp_dir().join(format!("lock-{}", uuid::Uuid::new_v4()));
        let held = try_lock(&path).unwrap();
        assert!(held.is_some());
        assert!(try_lock(&path).unwrap().is_none());
        drop(held);
        assert!(try_lock(&path).unwrap().is_some());
        std::fs::remove_file(path).unwrap();
    }
}
