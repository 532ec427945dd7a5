//! Credentials that lie in the vault without their integration. Vault and store have no transaction in common, so whoever
//! dies between them would leave a user's secret for ever: what is about to be loose for a moment is written down first,
//! and the sweeper removes what has stayed so.

use crate::access::Access;
use crate::ports::{Expect, Write};
use crate::records::Stored;
use crate::{Error, World, keys, records};
use domain::{IntegrationId, Timestamp};
use std::time::Duration;

/// How long whoever wrote that down may still be at work: longer than the api function may run.
const AT_WORK: Duration = Duration::from_mins(1);

impl World {
    /// Writes down that an integration's secret may soon be there without it, and has the sweeper look.
    ///
    /// # Errors
    /// Those of the store and the rule.
    pub(crate) async fn expect_loose_secret(&self, id: IntegrationId) -> Result<(), Error> {
        let note = records::put(keys::loose_secret(id), &self.now(), Expect::Anything)?;
        self.store.commit(vec![note]).await?;
        Ok(self.keepalive_rule.enable().await?)
    }

    /// Removes the secret of an integration that is not there, and then what was written down about it.
    ///
    /// # Errors
    /// Those of the vault and the store.
    pub(crate) async fn remove_loose_secret(&self, access: &Access, id: IntegrationId) -> Result<(), Error> {
        access.vault.delete(&keys::credentials(id)).await?;
        Ok(self.store.commit(vec![no_longer_loose(id)]).await?)
    }

    /// Whether secrets may be there without their integrations.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn has_loose_secrets(&self) -> Result<bool, Error> {
        Ok(!self.store.list(keys::LOOSE_SECRETS, "").await?.is_empty())
    }

    /// Removes secrets that were left without their integrations. Whether some may still be.
    ///
    /// # Errors
    /// Those of the store and the vault.
    pub async fn sweep_loose_secrets(&self, access: &Access) -> Result<bool, Error> {
        let mut at_work = false;
        for item in self.store.list(keys::LOOSE_SECRETS, "").await? {
            let since: Timestamp = Stored::read(&item)?.value;
            let unreadable = |error: uuid::Error| Error::Corrupt {
                what: format!("loose secret {}", item.key.sort),
                detail: error.to_string(),
            };
            let id = IntegrationId(item.key.sort.parse().map_err(unreadable)?);
            if self.now() < since + AT_WORK {
                at_work = true;
                continue;
            }
            if self.store.get(&keys::integration(id)).await?.is_some() {
                self.store.commit(vec![no_longer_loose(id)]).await?;
            } else {
                tracing::warn!(integration.id = %id, "credentials without an integration are removed, if there are any");
                self.remove_loose_secret(access, id).await?;
            }
        }
        Ok(at_work)
    }
}

/// The write that says that an integration and its secret are both there, or neither.
pub(crate) fn no_longer_loose(id: IntegrationId) -> Write {
    Write::Delete { key: keys::loose_secret(id), expect: Expect::Anything }
}
