//! Where the text of a credentials file comes from. `config_file_path` means a path on the server's machine; a Lambda
//! has no such machine, so there the file is a secret that was stored under that path.

use async_trait::async_trait;
use runtime::ports::Vault;
use runtime::{Error, keys};
use std::path::PathBuf;
use std::sync::Arc;

/// A place where credentials files are.
#[async_trait]
pub trait CredentialsFiles: Send + Sync {
    /// The text of the file of this path.
    ///
    /// # Errors
    /// [`Error::Invalid`] if there is none, with what to do about it.
    async fn read(&self, path: &str) -> Result<String, Error>;
}

/// The disk of the server's machine, in local mode.
#[derive(Debug, Clone)]
pub struct OnDisk {
    /// What `~` stands for.
    pub home: Option<PathBuf>,
}

/// The vault, under the path as it was typed.
#[derive(Clone)]
pub struct InVault {
    /// The vault.
    pub vault: Arc<dyn Vault>,
    /// What the names of the deployment's secrets begin with.
    pub prefix: String,
}

impl OnDisk {
    fn expand(&self, path: &str) -> PathBuf {
        match (path.strip_prefix("~/"), &self.home) {
            (Some(rest), Some(home)) => home.join(rest),
            _ => PathBuf::from(path),
        }
    }
}

#[async_trait]
impl CredentialsFiles for OnDisk {
    async fn read(&self, path: &str) -> Result<String, Error> {
        let full = self.expand(path);
        std::fs::read_to_string(&full).map_err(|error| {
            Error::Invalid(format!(
                "field 'config_file_path': cannot read '{path}' ({}): {error}. The file is looked for on the machine of the server, not on the client's",
                full.display()
            ))
        })
    }
}

#[async_trait]
impl CredentialsFiles for InVault {
    async fn read(&self, path: &str) -> Result<String, Error> {
        let name = keys::credentials_file(path);
        let secret = self.vault.get(&name).await?;
        let secret = secret.ok_or_else(|| {
            Error::Invalid(format!(
                "field 'config_file_path': no credentials file is stored under '{path}'. The server runs in AWS and has no disk of its own: store the file with 'aws secretsmanager create-secret --name {}/{name} --secret-string file://<path on your machine>', or give access_key_id, secret_access_key and region instead",
                self.prefix
            ))
        })?;
        Ok(secret.expose().to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tilde_stands_for_the_home_folder() {
        let disk = OnDisk { home: Some(PathBuf::from("/home/u")) };
        assert_eq!(disk.expand("~/.aws/credentials"), PathBuf::from("/home/u/.aws/credentials"));
        assert_eq!(disk.expand("/etc/c"), PathBuf::from("/etc/c"));
        assert_eq!(disk.expand("~other/c"), PathBuf::from("~other/c"));
    }

    #[tokio::test]
    async fn a_file_that_is_not_there_is_looked_for_on_the_servers_machine() {
        let disk = OnDisk { home: Some(PathBuf::from("/no/such/home")) };
        let error = disk.read("~/.aws/credentials").await.expect_err("refused").to_string();
        assert!(error.contains("'~/.aws/credentials' (/no/such/home/.aws/credentials)"), "{error}");
        assert!(error.contains("on the machine of the server"), "{error}");
    }
}
