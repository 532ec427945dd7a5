//! The store of secrets on Secrets Manager.

use adapter_sdk::{Sdk, failed};
use async_trait::async_trait;
use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::operation::create_secret::CreateSecretError;
use domain::Secret;
use runtime::error::PortErrorKind;
use runtime::ports::{Result, Vault};

/// The store of secrets.
pub struct SecretsManagerVault {
    client: Client,
    prefix: String,
}

impl SecretsManagerVault {
    /// The vault of a deployment: all its secrets are named `<prefix>/…`, and its role can read no others.
    #[must_use]
    pub fn new(sdk: &Sdk, prefix: impl Into<String>) -> Self {
        Self { client: Client::new(sdk.config()), prefix: prefix.into() }
    }

    fn id(&self, name: &str) -> String {
        format!("{}/{name}", self.prefix)
    }
}

#[async_trait]
impl Vault for SecretsManagerVault {
    async fn put(&self, name: &str, secret: &Secret) -> Result<()> {
        let id = self.id(name);
        let attempted = format!("store secret {id}");
        let create = self.client.create_secret().name(&id).secret_string(secret.expose());
        let Err(error) = create.send().await else { return Ok(()) };
        match error.as_service_error() {
            Some(CreateSecretError::ResourceExistsException(_)) => {
                let replace = self.client.put_secret_value().secret_id(&id).secret_string(secret.expose());
                replace.send().await.map(drop).map_err(failed(attempted))
            }
            // A deletion takes a moment even if it is forced; until then the name is taken.
            Some(CreateSecretError::InvalidRequestException(e))
                if e.message().is_some_and(|message| message.contains("scheduled for deletion")) =>
            {
                let mut error = failed(attempted)(error);
                error.kind = PortErrorKind::Transient;
                Err(error)
            }
            _ => Err(failed(attempted)(error)),
        }
    }

    async fn get(&self, name: &str) -> Result<Option<Secret>> {
        let id = self.id(name);
        match self.client.get_secret_value().secret_id(&id).send().await {
            Ok(found) => Ok(found.secret_string.map(Secret::new)),
            Err(error) if error.as_service_error().is_some_and(|e| e.is_resource_not_found_exception()) => Ok(None),
            Err(error) => Err(failed(format!("read secret {id}"))(error)),
        }
    }

    async fn delete(&self, name: &str) -> Result<()> {
        let id = self.id(name);
        let delete = self.client.delete_secret().secret_id(&id).force_delete_without_recovery(true);
        match delete.send().await {
            Err(error) if !error.as_service_error().is_some_and(|e| e.is_resource_not_found_exception()) => {
                Err(failed(format!("delete secret {id}"))(error))
            }
            _ => Ok(()),
        }
    }

    fn reference(&self, name: &str, json_key: &str) -> String {
        format!("{}:{json_key}", self.id(name))
    }
}
