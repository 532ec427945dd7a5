//! From an integration to signed calls in its account: what lies in the vault, and who opens it.

use crate::ports::{Eks, Identity, KubeAccess, Vault};
use crate::{Error, keys};
use domain::cluster::Cluster;
use domain::integration::{AccessKey, CredentialsInput, Profile};
use domain::{IntegrationId, Secret};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// An integration's credentials as they lie in the vault.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Sealed {
    /// The same as a shared credentials file with one profile, `target`: what a build is given.
    #[serde(serialize_with = "domain::secret::sealed")]
    ini: Secret,
    #[serde(flatten)]
    form: Form,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum Form {
    AccessKey {
        access_key_id: String,
        #[serde(serialize_with = "domain::secret::sealed")]
        secret_access_key: Secret,
        #[serde(default, skip_serializing_if = "Option::is_none", serialize_with = "sealed_option")]
        session_token: Option<Secret>,
    },
    Role {
        role_arn: String,
        #[serde(default, skip_serializing_if = "Option::is_none", serialize_with = "sealed_option")]
        external_id: Option<Secret>,
    },
}

fn sealed_option<S: serde::Serializer>(secret: &Option<Secret>, to: S) -> Result<S::Ok, S::Error> {
    match secret {
        Some(secret) => domain::secret::sealed(secret, to),
        None => to.serialize_none(),
    }
}

/// The JSON key of [`Sealed`] that a build reads.
pub const INI: &str = "ini";

impl Sealed {
    /// Puts a user's credentials into their stored form, with the region to work in.
    ///
    /// # Errors
    /// [`Error::Invalid`] when a file's profile lacks something, or no region is known.
    pub fn seal(input: &CredentialsInput, file: Option<&str>) -> Result<(Self, String), Error> {
        let invalid = |error: domain::integration::IntegrationError| Error::Invalid(error.to_string());
        match input {
            CredentialsInput::AccessKey { key, region } => Ok((Self::of_key(key), region.clone())),
            CredentialsInput::File { path, profile, region } => {
                let found = Profile::find(file.unwrap_or_default(), path, profile).map_err(invalid)?;
                let region = region.clone().or(found.region).unwrap_or_else(|| DEFAULT_REGION.to_owned());
                Ok((Self::of_key(&found.key), region))
            }
            CredentialsInput::Role { role_arn, external_id, region } => {
                let external =
                    external_id.as_ref().map(|id| format!("external_id = {}\n", id.expose())).unwrap_or_default();
                // Terraform assumes the role anew when its session ends; an hour is the most that a role which was
                // assumed itself, as the build's, may ask for, and the least that any role allows.
                let source = "credential_source = EcsContainer\nduration_seconds = 3600\n";
                let ini = format!("[target]\nrole_arn = {role_arn}\n{external}{source}");
                let form = Form::Role { role_arn: role_arn.clone(), external_id: external_id.clone() };
                Ok((Self { ini: Secret::new(ini), form }, region.clone()))
            }
        }
    }

    fn of_key(key: &AccessKey) -> Self {
        let mut ini = format!(
            "[target]\naws_access_key_id = {}\naws_secret_access_key = {}\n",
            key.access_key_id,
            key.secret_access_key.expose()
        );
        if let Some(token) = &key.session_token {
            ini.push_str(&format!("aws_session_token = {}\n", token.expose()));
        }
        let AccessKey { access_key_id, secret_access_key, session_token } = key.clone();
        Self { ini: Secret::new(ini), form: Form::AccessKey { access_key_id, secret_access_key, session_token } }
    }
}

/// Where the documented snippets work when neither the request nor the file names a region.
const DEFAULT_REGION: &str = "us-east-1";

/// Opens the vault for calls in users' accounts.
#[derive(Clone)]
pub struct Access {
    /// Where credentials lie.
    pub vault: Arc<dyn Vault>,
    /// Who turns roles into keys.
    pub identity: Arc<dyn Identity>,
}

impl Access {
    /// Keys for calls in an integration's account: the stored ones, or temporary ones of its role.
    ///
    /// # Errors
    /// [`Error::NotFound`] when the vault has none.
    pub async fn key(&self, integration: IntegrationId, region: &str) -> Result<AccessKey, Error> {
        let name = keys::credentials(integration);
        let secret = self.vault.get(&name).await?;
        let secret = secret.ok_or_else(|| Error::NotFound {
            what: "secret with the credentials of integration",
            id: integration.to_string(),
        })?;
        let sealed: Sealed = serde_json::from_str(secret.expose()).map_err(|_| Error::Corrupt {
            what: format!("secret {name}"),
            detail: "it is not in the expected form".to_owned(),
        })?;
        self.open(&sealed, region).await
    }

    /// Keys from credentials in their stored form.
    ///
    /// # Errors
    /// Those of STS.
    pub async fn open(&self, sealed: &Sealed, region: &str) -> Result<AccessKey, Error> {
        match &sealed.form {
            Form::AccessKey { access_key_id, secret_access_key, session_token } => Ok(AccessKey {
                access_key_id: access_key_id.clone(),
                secret_access_key: secret_access_key.clone(),
                session_token: session_token.clone(),
            }),
            Form::Role { role_arn, external_id } => {
                Ok(self.identity.assume(role_arn, external_id.as_ref(), region).await?)
            }
        }
    }

    /// The way to a cluster's API server; none if EKS knows no such cluster.
    ///
    /// # Errors
    /// Those of the vault, STS and EKS.
    pub async fn kube(&self, eks: &dyn Eks, cluster: &Cluster) -> Result<Option<KubeAccess>, Error> {
        let key = self.key(cluster.integration, &cluster.region).await?;
        let found = eks.describe(&key, &cluster.region, &cluster.eks_name()).await?;
        Ok(found.map(|cluster| KubeAccess { cluster, key }))
    }
}
