//! The one thing a pod is given: a token for its operator's attempt, and nothing else.
//!
//! It is computed from the deployment's key, not stored: creating a Job twice gives the same token, and checking it
//! needs no look-up. Whether the attempt is still under way is the run's to say.

use crate::Error;
use domain::{OperatorId, RunId, Secret};
use hmac::{Hmac, Mac};
use sha2::Sha256;

/// Who a token speaks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct JobClaim {
    /// The run.
    pub run: RunId,
    /// The operator.
    pub operator: OperatorId,
    /// Its attempt.
    pub attempt: u32,
}

impl JobClaim {
    /// The token for this claim: `<run>.<operator>.<attempt>.<signature>`.
    ///
    /// # Errors
    /// [`Error::Corrupt`] for an unusable key.
    pub fn sign(&self, key: &Secret) -> Result<Secret, Error> {
        let text = format!("{}.{}.{}", self.run, self.operator, self.attempt);
        let signature = base16ct::lower::encode_string(&mac(key, &text)?.finalize().into_bytes());
        Ok(Secret::new(format!("{text}.{signature}")))
    }

    /// Reads a token and checks its signature, in constant time.
    ///
    /// # Errors
    /// [`Error::Forbidden`] for anything but a token signed with this key.
    pub fn verify(token: &str, key: &Secret) -> Result<Self, Error> {
        let forbidden = || Error::Forbidden("the job token is not valid".to_owned());
        let (text, signature) = token.rsplit_once('.').ok_or_else(forbidden)?;
        let signature = base16ct::lower::decode_vec(signature).map_err(|_| forbidden())?;
        mac(key, text)?.verify_slice(&signature).map_err(|_| forbidden())?;
        let mut parts = text.split('.');
        let mut next = || parts.next().unwrap_or_default();
        let (run, operator, attempt) = (next(), next(), next());
        Ok(Self {
            run: run.parse().map_err(|_| forbidden())?,
            operator: operator.parse().map_err(|_| forbidden())?,
            attempt: attempt.parse().map_err(|_| forbidden())?,
        })
    }
}

fn mac(key: &Secret, text: &str) -> Result<Hmac<Sha256>, Error> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key.expose().as_bytes())
        .map_err(|error| Error::Corrupt { what: "job token key".to_owned(), detail: error.to_string() })?;
    mac.update(text.as_bytes());
    Ok(mac)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claim() -> JobClaim {
        let id = "1f1e0abd-8606-44de-a946-363d97fa8b84";
        JobClaim { run: id.parse().expect("id"), operator: id.parse().expect("id"), attempt: 1 }
    }

    #[test]
    fn a_token_speaks_for_its_claim_only() {
        let key = Secret::new("a key of the deployment");
        let token = claim().sign(&key).expect("signs");
        assert_eq!(JobClaim::verify(token.expose(), &key).expect("valid"), claim());
        let other_attempt = token.expose().replacen(".1.", ".2.", 1);
        let other_key = Secret::new("another key");
        for (token, key) in
            [(other_attempt.as_str(), &key), (token.expose(), &other_key), ("", &key), ("a.b", &key), ("é.é", &key)]
        {
            assert!(matches!(JobClaim::verify(token, key), Err(Error::Forbidden(_))), "{token}");
        }
    }
}
