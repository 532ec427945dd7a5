//! Registering AWS accounts.

use crate::access::{Access, Sealed};
use crate::error::PortErrorKind;
use crate::loose_secrets::no_longer_loose;
use crate::ports::{Caller, Expect, Write};
use crate::records::{self, Stored};
use crate::world::MOST_TRIES;
use crate::{Error, PortError, World, keys};
use domain::cluster::{Cluster, Command, Phase};
use domain::integration::{CredentialsInput, Integration, check_name};
use domain::region;
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
        let Tried { secret, caller, region } = try_out(access, &credentials, file.as_deref()).await?;
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
        self.expect_loose_secret(id).await?;
        access.vault.put(&keys::credentials(id), &secret).await?;
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

    /// Gives an integration other credentials of the same account, and has what waited for them tried at once. They
    /// are tried before anything is stored. To do it twice is to do it once.
    ///
    /// # Errors
    /// [`Error::Invalid`] for credentials that AWS does not accept, [`Error::Unprocessable`] for those of another
    /// account or region: there, Terraform's state describes nothing.
    pub async fn replace_credentials(
        &self,
        access: &Access,
        id: IntegrationId,
        mut credentials: CredentialsInput,
        file: Option<&str>,
    ) -> Result<Replaced, Error> {
        for _ in 0..MOST_TRIES {
            let mut stored: Stored<Integration> =
                records::load(self.store.as_ref(), &keys::integration(id), "integration").await?;
            let integration = &mut stored.value;
            if let CredentialsInput::File { region: region @ None, .. } = &mut credentials {
                *region = Some(integration.region.clone());
            }
            let Tried { secret, caller, region } = try_out(access, &credentials, file).await?;
            stays("account", &integration.name, &integration.account, &caller.account)?;
            stays("region", &integration.name, &integration.region, &region)?;
            let former_caller_arn = std::mem::replace(&mut integration.caller_arn, caller.arn);
            integration.credentials = credentials.kind();

            // Whoever deletes the integration meanwhile must not leave this secret.
            self.expect_loose_secret(id).await?;
            access.vault.put(&keys::credentials(id), &secret).await?;
            let writes = vec![
                records::put(keys::integration(id), &stored.value, Expect::Version(stored.version))?,
                no_longer_loose(id),
            ];
            if records::lost_race(self.store.commit(writes).await)? {
                // Somebody has replaced them, too, or has deleted the integration and may have been done before the vault.
                if self.store.get(&keys::integration(id)).await?.is_none() {
                    self.remove_loose_secret(access, id).await?;
                }
                continue;
            }
            self.look_again_with_new_credentials(stored.value.cluster).await?;
            self.cluster_command(stored.value.cluster, &Command::CredentialsRenewed).await?;
            let cluster = self.cluster(stored.value.cluster).await?.value;
            return Ok(Replaced { integration: stored.value, cluster, former_caller_arn });
        }
        Err(Error::Contended { what: format!("integration {id}") })
    }

    /// Removes an integration, its cluster's entry and its credentials.
    ///
    /// # Errors
    /// [`Error::Refused`] unless the cluster is Terminated, and nothing of it is known that can still be destroyed: that
    /// takes its credentials.
    pub async fn delete_integration(&self, access: &Access, id: IntegrationId) -> Result<(), Error> {
        let integration = self.integration(id).await?;
        // A cluster that has just ended is still written to: what its end left to do is done then.
        for _ in 0..MOST_TRIES {
            let cluster = self.cluster(integration.cluster).await?;
            self.expect_deletable(&integration, &cluster.value).await?;
            self.expect_loose_secret(id).await?;
            let delete = |key, expect| Write::Delete { key, expect };
            let writes = vec![
                delete(keys::cluster(integration.cluster), Expect::Version(cluster.version)),
                delete(keys::integration(id), Expect::Anything),
                delete(keys::integration_name(&integration.name), Expect::Anything),
            ];
            if records::lost_race(self.store.commit(writes).await)? {
                continue;
            }
            // The integration is gone: told otherwise, its user would look for it in vain.
            if let Err(error) = self.remove_loose_secret(access, id).await {
                tracing::warn!(integration.id = %id, "its credentials are left to the sweeper: {error}");
            }
            return Ok(());
        }
        Err(Error::Contended { what: format!("cluster {}", integration.cluster) })
    }

    /// Refuses the deletion of an integration whose credentials are still needed.
    async fn expect_deletable(&self, integration: &Integration, cluster: &Cluster) -> Result<(), Error> {
        let refused = |why: String| {
            Err(Error::Refused(format!("integration '{}' cannot be deleted while {why}", integration.name)))
        };
        if cluster.phase != Phase::Terminated {
            let status = cluster.status();
            return refused(format!(
                "its cluster is {status}: delete the cluster first and wait until it is Terminated"
            ));
        }
        if let Some(collects) = &cluster.collection {
            return refused(format!(
                "what is left of generation {} of its cluster is being destroyed with its credentials: wait until that is done",
                collects.generation
            ));
        }
        if let Some(generation) = self.to_be_collected(integration.cluster).await? {
            return refused(format!(
                "resources of generation {generation} of its cluster still exist: they are destroyed with its credentials within the hour"
            ));
        }
        Ok(())
    }
}

/// An integration that has got other credentials.
#[derive(Debug)]
pub struct Replaced {
    /// The integration.
    pub integration: Integration,
    /// Its cluster.
    pub cluster: Cluster,
    /// Whose the credentials before were.
    pub former_caller_arn: String,
}

/// Credentials that AWS has accepted.
struct Tried {
    /// As they are stored.
    secret: Secret,
    /// Whose they are.
    caller: Caller,
    /// Where to work with them.
    region: String,
}

async fn try_out(access: &Access, credentials: &CredentialsInput, file: Option<&str>) -> Result<Tried, Error> {
    let (sealed, region) = Sealed::seal(credentials, file)?;
    let key = access.open(&sealed, &region).await.map_err(rejected)?;
    let caller = access.identity.caller(&key, &region).await.map_err(|error| rejected_in(&region, error))?;
    let secret = serde_json::to_string(&sealed)
        .map_err(|_| Error::Corrupt { what: "credentials".to_owned(), detail: "they cannot be stored".to_owned() })?;
    Ok(Tried { secret: Secret::new(secret), caller, region })
}

/// Refuses credentials for another place than the one that the integration is about.
fn stays(what: &str, name: &str, registered: &str, given: &str) -> Result<(), Error> {
    if registered == given {
        return Ok(());
    }
    Err(Error::Unprocessable(format!(
        "field 'config': these credentials are for {what} {given}, and integration '{name}' is {what} {registered}: give others for {registered}, or register {given} under another name"
    )))
}

fn taken(name: &str) -> Error {
    Error::Refused(format!(
        "field 'name': there is an integration '{name}' already; choose another name, give that one other credentials, or delete it"
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

/// The same where the region may be to blame: a mistyped one has no STS that could answer, and one that the account has
/// not enabled knows nobody.
fn rejected_in(region: &str, error: PortError) -> Error {
    match (error.kind, region::unreachable(region)) {
        (PortErrorKind::Transient, Some(told)) => Error::Invalid(format!("{told} ({})", error.detail)),
        (PortErrorKind::Denied, _) => {
            let disabled = region::unaccepted(region).map(|why| format!(". {why}")).unwrap_or_default();
            rejected(PortError { detail: format!("{}{disabled}", error.detail), ..error }.into())
        }
        _ => rejected(error.into()),
    }
}

#[cfg(test)]
#[path = "integrations_tests.rs"]
mod tests;
