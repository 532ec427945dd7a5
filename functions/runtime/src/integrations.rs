//! Registering AWS accounts.

use crate::access::{Access, Sealed};
use crate::error::PortErrorKind;
use crate::loose_secrets::no_longer_loose;
use crate::ports::{Expect, Write};
use crate::records::{self, Stored};
use crate::{Error, World, keys};
use domain::cluster::{Cluster, Phase};
use domain::integration::{CredentialsInput, Integration, check_name};
use domain::settings::{Settings, SettingsDelta};
use domain::{ClusterId, IntegrationId, Secret};

/// An integration to register.
#[derive(Debug, Clone)]
pub struct Registration {
    /// Its id.
    pub id: IntegrationId,
    /// The id of its cluster.
    pub cluster: ClusterId,
    /// Its name.
    pub name: String,
    /// Its credentials.
    pub credentials: CredentialsInput,
    /// The text of the credentials file, where they are in one.
    pub file: Option<String>,
    /// Settings that differ from the defaults.
    pub settings: SettingsDelta,
}

impl World {
    /// Reads all integrations.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn integrations(&self) -> Result<Vec<Integration>, Error> {
        let all = records::list(self.store.as_ref(), keys::INTEGRATIONS).await?;
        Ok(all.into_iter().map(|stored| stored.value).collect())
    }

    /// Reads an integration.
    ///
    /// # Errors
    /// [`Error::NotFound`] if there is none of that id.
    pub async fn integration(&self, id: IntegrationId) -> Result<Integration, Error> {
        let stored: Stored<Integration> =
            records::load(self.store.as_ref(), &keys::integration(id), "integration").await?;
        Ok(stored.value)
    }

    /// Registers an integration and its cluster. The credentials are tried before anything is stored.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a name, credentials or settings that cannot be accepted.
    pub async fn register(&self, access: &Access, registration: Registration) -> Result<(Integration, Cluster), Error> {
        let Registration { id, cluster, name, credentials, file, settings } = registration;
        check_name(&name).map_err(|error| Error::Invalid(error.to_string()))?;
        let settings = Settings::default().merged(&settings)?;
        if self.store.get(&keys::integration_name(&name)).await?.is_some() {
            return Err(taken(&name));
        }
        let (sealed, region) = Sealed::seal(&credentials, file.as_deref())?;
        let key = access.open(&sealed, &region).await.map_err(rejected)?;
        let caller = access.identity.caller(&key, &region).await.map_err(|error| rejected(error.into()))?;

        let now = self.now();
        let integration = Integration {
            id,
            name: name.clone(),
            cluster,
            account: caller.account,
            caller_arn: caller.arn,
            region: region.clone(),
            credentials: credentials.kind(),
            created_at: now,
        };
        let cluster = Cluster::registered(cluster, id, &name, region, settings, now);
        let secret = serde_json::to_string(&sealed).map_err(|_| Error::Corrupt {
            what: "credentials".to_owned(),
            detail: "they cannot be stored".to_owned(),
        })?;
        let vault_name = keys::credentials(id);
        self.expect_loose_secret(id).await?;
        access.vault.put(&vault_name, &Secret::new(secret)).await?;
        let writes = vec![
            records::put(keys::integration_name(&name), &id, Expect::Absent)?,
            records::put(keys::integration(id), &integration, Expect::Absent)?,
            records::put(keys::cluster(cluster.id), &cluster, Expect::Absent)?,
            no_longer_loose(id),
        ];
        let committed = records::lost_race(self.store.commit(writes).await);
        // An error may hide that the transaction was carried out; then the credentials are needed. Who cannot look
        // keeps them: a secret too many is the smaller evil.
        let is_stored = matches!(committed, Ok(false)) || self.store.get(&keys::integration(id)).await?.is_some();
        if is_stored {
            return Ok((integration, cluster));
        }
        self.remove_loose_secret(access, id).await?;
        committed.and_then(|_| Err(taken(&name)))
    }

    /// Removes an integration, its cluster's entry and its credentials.
    ///
    /// # Errors
    /// [`Error::Refused`] unless the cluster is Terminated: its credentials are needed to end it.
    pub async fn delete_integration(&self, access: &Access, id: IntegrationId) -> Result<(), Error> {
        let integration = self.integration(id).await?;
        let cluster = self.cluster(integration.cluster).await?;
        if cluster.value.phase != Phase::Terminated {
            return Err(Error::Refused(format!(
                "integration '{}' cannot be deleted while its cluster is {}: delete the cluster first and wait until it is Terminated",
                integration.name,
                cluster.value.status()
            )));
        }
        self.expect_loose_secret(id).await?;
        let delete = |key, expect| Write::Delete { key, expect };
        let writes = vec![
            delete(keys::cluster(integration.cluster), Expect::Version(cluster.version)),
            delete(keys::integration(id), Expect::Anything),
            delete(keys::integration_name(&integration.name), Expect::Anything),
        ];
        if records::lost_race(self.store.commit(writes).await)? {
            return Err(Error::Contended { what: format!("cluster {}", integration.cluster) });
        }
        // The integration is gone: told otherwise, its user would look for it in vain.
        if let Err(error) = self.remove_loose_secret(access, id).await {
            tracing::warn!(integration.id = %id, "its credentials are left to the sweeper: {error}");
        }
        Ok(())
    }
}

fn taken(name: &str) -> Error {
    Error::Refused(format!(
        "field 'name': there is an integration '{name}' already; choose another name or delete that one"
    ))
}

/// Credentials that AWS does not accept are the user's to mend; everything else is not.
fn rejected(error: Error) -> Error {
    match error {
        Error::Port(error) if error.kind == PortErrorKind::Denied => {
            Error::Invalid(format!("field 'config': AWS does not accept these credentials: {}", error.detail))
        }
        other => other,
    }
}

#[cfg(test)]
#[path = "integrations_tests.rs"]
mod tests;
