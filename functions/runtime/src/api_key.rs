//! API keys: stored as hashes only.

use crate::{Error, World, keys};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

impl World {
    /// Lets a request in.
    ///
    /// # Errors
    /// [`Error::Forbidden`] for a key that is missing or unknown.
    pub async fn authorize(&self, api_key: Option<&str>) -> Result<(), Error> {
        let forbidden =
            |why: &str| Error::Forbidden(format!("{why}: send the header 'api-key' with a key of this deployment"));
        let api_key = api_key.filter(|key| !key.is_empty()).ok_or_else(|| forbidden("no API key was sent"))?;
        let hash = hash(api_key);
        let item = self.store.get(&keys::api_key(&hash)).await?;
        let known = item.is_some_and(|item| bool::from(item.key.sort.as_bytes().ct_eq(hash.as_bytes())));
        if known { Ok(()) } else { Err(forbidden("the API key is not known")) }
    }
}

/// The hash under which a key is stored: SHA-256 in lowercase hex. A key has 32 random bytes, so no salt is needed.
#[must_use]
pub fn hash(api_key: &str) -> String {
    base16ct::lower::encode_string(&Sha256::digest(api_key.as_bytes()))
}
