//! The store of secrets on Secrets Manager.

use adapter_sdk::{Sdk, failed};
use async_trait::async_trait;
use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::operation::create_secret::CreateSecretError;
use aws_sdk_secretsmanager::operation::get_secret_value::GetSecretValueError;
use aws_sdk_secretsmanager::operation::put_secret_value::PutSecretValueError;
use aws_sdk_secretsmanager::types::error::InvalidRequestException;
use domain::Secret;
use runtime::PortError;
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
        // Until a deletion is over, the name is taken.
        let later = |error: PortError| PortError { kind: PortErrorKind::Transient, ..error };
        match error.as_service_error() {
            Some(CreateSecretError::ResourceExistsException(_)) => {
                let replace = self.client.put_secret_value().secret_id(&id).secret_string(secret.expose());
                let Err(error) = replace.send().await else { return Ok(()) };
                Err(match error.as_service_error() {
                    Some(PutSecretValueError::InvalidRequestException(e)) if is_being_deleted(e) => {
                        later(failed(attempted)(error))
                    }
                    _ => failed(attempted)(error),
                })
            }
            Some(CreateSecretError::InvalidRequestException(e)) if is_being_deleted(e) => {
                Err(later(failed(attempted)(error)))
            }
            _ => Err(failed(attempted)(error)),
        }
    }

    async fn get(&self, name: &str) -> Result<Option<Secret>> {
        let id = self.id(name);
        match self.client.get_secret_value().secret_id(&id).send().await {
            Ok(found) => Ok(found.secret_string.map(Secret::new)),
            Err(error) => match error.as_service_error() {
                Some(GetSecretValueError::ResourceNotFoundException(_)) => Ok(None),
                Some(GetSecretValueError::InvalidRequestException(e)) if is_being_deleted(e) => Ok(None),
                _ => Err(failed(format!("read secret {id}"))(error)),
            },
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

/// Whether a secret is on its way out, which takes a moment even if it is forced: until then AWS calls a request about it
/// invalid, and says why in words only.
fn is_being_deleted(error: &InvalidRequestException) -> bool {
    error.message().is_some_and(|message| message.contains("for deletion"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_on_its_way_out_is_known_by_the_words_of_the_refusal() {
        let refused = |message: &str| InvalidRequestException::builder().message(message).build();
        for message in [
            "You can't create this secret because a secret with this name is already scheduled for deletion.",
            "You can't perform this operation on the secret because it was marked for deletion.",
        ] {
            assert!(is_being_deleted(&refused(message)), "{message}");
        }
        assert!(!is_being_deleted(&refused("You can't use ClientRequestToken with a value that was already used.")));
    }
}
