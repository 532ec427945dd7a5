//! Requests that come again, since their client does not know what became of them: those with the header
//! `Idempotency-Key` (draft-ietf-httpapi-idempotency-key-header).
//!
//! The answer is stored in the same transaction as what it tells of, so there is never the one without the other. Of
//! several equal requests at the same time one is carried out, and all get its answer.

use crate::ports::{Expect, Key, Write};
use crate::records::{self, Stored};
use crate::{Error, World, api_key, keys};
use domain::{RunId, Timestamp};
use jiff::SignedDuration;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// How long an answer is given to whoever sends the request again.
pub const KEPT: SignedDuration = SignedDuration::from_hours(24);
/// The longest key that is accepted, in characters.
const LONGEST_KEY: usize = 255;

/// A request that may come again.
#[derive(Debug, Clone)]
pub struct Repeatable {
    at: Key,
    name: String,
    fingerprint: String,
}

/// What is remembered of a request.
#[derive(Serialize, Deserialize)]
struct Answered {
    /// Of the request.
    fingerprint: String,
    /// The run that it started.
    run: Option<RunId>,
    /// What was answered.
    answer: serde_json::Value,
    /// When.
    at: Timestamp,
}

/// What is known of a request that has just come.
pub(crate) enum Earlier<A> {
    /// It came before, and this was the answer.
    Answered(A),
    /// It is new. This must still hold when its answer is stored.
    New(Expect),
}

impl Repeatable {
    /// A request under a key that its client has chosen. Clients do not meet each other's keys: `caller` is the API key.
    /// `parts` is all that makes the request what it is.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a key that is empty, too long, or not of printable characters.
    pub fn new(caller: &str, key: &str, parts: &[&[u8]]) -> Result<Self, Error> {
        // By the draft it is a quoted text; many clients leave the quotes out.
        let key = key.trim();
        let name = key.strip_prefix('"').and_then(|key| key.strip_suffix('"')).unwrap_or(key);
        if name.is_empty() || name.len() > LONGEST_KEY || !name.bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
            return Err(Error::Invalid(format!(
                "header 'Idempotency-Key' must have 1 to {LONGEST_KEY} printable characters, such as a UUID"
            )));
        }
        let mut hash = Sha256::new();
        for part in parts {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        }
        let fingerprint = base16ct::lower::encode_string(&hash.finalize());
        Ok(Self { at: keys::answered(&api_key::hash(caller), name), name: name.to_owned(), fingerprint })
    }
}

impl World {
    /// Looks whether a request came before. If so, whatever its first coming was to begin is begun, which that may not
    /// have lived to do.
    ///
    /// # Errors
    /// [`Error::Unprocessable`] if another request came under this key.
    pub(crate) async fn earlier<A: DeserializeOwned>(&self, request: &Repeatable) -> Result<Earlier<A>, Error> {
        let Some(stored) = records::find::<Answered>(self.store.as_ref(), &request.at).await? else {
            return Ok(Earlier::New(Expect::Absent));
        };
        let Stored { value: Answered { fingerprint, run, answer, at }, version } = stored;
        if at + KEPT <= self.now() {
            return Ok(Earlier::New(Expect::Version(version)));
        }
        if fingerprint != request.fingerprint {
            return Err(Error::Unprocessable(format!(
                "header 'Idempotency-Key': '{}' came with another request at {}; send a key of its own with every new request",
                request.name,
                at.strftime("%F %T UTC")
            )));
        }
        self.keepalive_rule.enable().await?;
        if let Some(run) = run {
            self.start_submitted(run).await?;
        }
        let answer = serde_json::from_value(answer);
        let unreadable = |e: serde_json::Error| Error::Corrupt { what: "answer".to_owned(), detail: e.to_string() };
        Ok(Earlier::Answered(answer.map_err(unreadable)?))
    }

    /// The write that remembers the answer to a request.
    pub(crate) fn answered<A: Serialize>(
        &self,
        request: &Repeatable,
        expect: Expect,
        run: Option<RunId>,
        answer: &A,
    ) -> Result<Write, Error> {
        let unwritable = |e: serde_json::Error| Error::Corrupt { what: "answer".to_owned(), detail: e.to_string() };
        let answer = serde_json::to_value(answer).map_err(unwritable)?;
        let answered = Answered { fingerprint: request.fingerprint.clone(), run, answer, at: self.now() };
        Ok(records::until(records::put(request.at.clone(), &answered, expect)?, self.now() + KEPT))
    }
}

#[cfg(test)]
#[path = "idempotency_tests.rs"]
mod tests;
