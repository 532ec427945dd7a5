//! Typed documents in the store.

use crate::ports::{Expect, Item, Key, Store, Write};
use crate::{Error, PortError, keys};
use domain::Timestamp;
use domain::event::Event;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// A document with the version it was read at.
#[derive(Debug, Clone)]
pub struct Stored<T> {
    /// The document.
    pub value: T,
    /// Counts its writes.
    pub version: u64,
}

impl<T: DeserializeOwned> Stored<T> {
    pub(crate) fn read(item: &Item) -> Result<Self, Error> {
        let value = serde_json::from_str(&item.body).map_err(|error| Error::Corrupt {
            what: format!("{} {}", item.key.partition, item.key.sort),
            detail: error.to_string(),
        })?;
        Ok(Self { value, version: item.version })
    }
}

/// Reads a document that must be there.
///
/// # Errors
/// [`Error::NotFound`] if it is not.
pub async fn load<T: DeserializeOwned>(store: &dyn Store, key: &Key, what: &'static str) -> Result<Stored<T>, Error> {
    let item = store.get(key).await?;
    let item = item.ok_or_else(|| Error::NotFound { what, id: key.sort.clone() })?;
    Stored::read(&item)
}

/// Reads a document that may be there.
///
/// # Errors
/// Those of the store.
pub async fn find<T: DeserializeOwned>(store: &dyn Store, key: &Key) -> Result<Option<Stored<T>>, Error> {
    store.get(key).await?.as_ref().map(Stored::read).transpose()
}

/// Reads all documents of a partition, ascending.
///
/// # Errors
/// Those of the store.
pub async fn list<T: DeserializeOwned>(store: &dyn Store, partition: &str) -> Result<Vec<Stored<T>>, Error> {
    store.list(partition, "").await?.iter().map(Stored::read).collect()
}

/// Reads all documents of a partition that can be read, and why the last of the others cannot: one that a newer version
/// has written, say, must not keep all from being looked after.
///
/// # Errors
/// Those of the store.
pub async fn readable<T: DeserializeOwned>(
    store: &dyn Store,
    partition: &str,
) -> Result<(Vec<Stored<T>>, Option<Error>), Error> {
    let (mut readable, mut unreadable) = (vec![], None);
    for item in store.list(partition, "").await? {
        match Stored::read(&item) {
            Ok(stored) => readable.push(stored),
            Err(error) => {
                tracing::error!("nobody looks after it: {error}");
                unreadable = Some(error);
            }
        }
    }
    Ok((readable, unreadable))
}

/// The write of a document.
///
/// # Errors
/// [`PortError`] if it cannot be put as JSON.
pub fn put<T: Serialize>(key: Key, value: &T, expect: Expect) -> Result<Write, Error> {
    let body = serde_json::to_string(value).map_err(|error| Error::Corrupt {
        what: format!("{} {}", key.partition, key.sort),
        detail: error.to_string(),
    })?;
    Ok(Write::Put { key, body, expect, expires_at: None })
}

/// The same write of a document that the store may forget from a moment on.
#[must_use]
pub fn until(write: Write, moment: Timestamp) -> Write {
    match write {
        Write::Put { key, body, expect, .. } => Write::Put { key, body, expect, expires_at: Some(moment.as_second()) },
        delete @ Write::Delete { .. } => delete,
    }
}

/// The writes of events of a cluster or run, which is being written at a version.
///
/// # Errors
/// As [`put`].
pub fn events(of: &str, version: u64, events: &[Event]) -> Result<Vec<Write>, Error> {
    let key =
        |(number, event): (usize, &Event)| put(keys::event(of, event.at, version, number), event, Expect::Anything);
    events.iter().enumerate().map(key).collect()
}

/// What a lost race of writes is: reason to load and decide again.
pub(crate) fn lost_race(result: Result<(), PortError>) -> Result<bool, Error> {
    match result {
        Ok(()) => Ok(false),
        Err(error) if error.is_conflict() => Ok(true),
        Err(error) => Err(error.into()),
    }
}
