//! Whose credentials are these, and temporary credentials of a role: STS.

use adapter_sdk::{Sdk, failed};
use async_trait::async_trait;
use aws_sdk_sts::Client;
use domain::Secret;
use domain::integration::AccessKey;
use runtime::ports::{Caller, Identity, Result};

/// How CloudTrail shows us in a user's account.
const SESSION_NAME: &str = "ondemand-eks";
/// The most that STS grants to a session that is itself a role's: ours is.
const SESSION_SECONDS: i32 = 3600;

/// STS.
pub struct StsIdentity {
    sdk: Sdk,
    own: Client,
}

impl StsIdentity {
    /// STS with our own credentials for assuming roles, and with users' for asking who they are.
    #[must_use]
    pub fn new(sdk: &Sdk) -> Self {
        Self { sdk: sdk.clone(), own: Client::new(sdk.config()) }
    }
}

#[async_trait]
impl Identity for StsIdentity {
    async fn caller(&self, key: &AccessKey, region: &str) -> Result<Caller> {
        let theirs = Client::new(&self.sdk.for_account(key, region));
        let caller = theirs.get_caller_identity().send().await;
        // Not even the key's id: people mistake it for the secret.
        let caller = caller.map_err(failed(format!("ask STS in {region} whose credentials these are")))?;
        Ok(Caller { account: caller.account.unwrap_or_default(), arn: caller.arn.unwrap_or_default() })
    }

    /// Asks in our own region: the credentials are valid in all, but an opt-in region may be closed to our account.
    async fn assume(&self, role_arn: &str, external_id: Option<&Secret>, _region: &str) -> Result<AccessKey> {
        let request = self
            .own
            .assume_role()
            .role_arn(role_arn)
            .role_session_name(SESSION_NAME)
            .duration_seconds(SESSION_SECONDS)
            .set_external_id(external_id.map(|id| id.expose().to_owned()));
        let assumed = request.send().await.map_err(failed(format!("assume role {role_arn}")))?;
        let credentials = assumed.credentials.ok_or_else(|| {
            let kind = runtime::error::PortErrorKind::Other;
            runtime::PortError::new(kind, format!("assume role {role_arn}"), "STS answered without credentials")
        })?;
        Ok(AccessKey {
            access_key_id: credentials.access_key_id,
            secret_access_key: Secret::new(credentials.secret_access_key),
            session_token: Some(Secret::new(credentials.session_token)),
        })
    }

    async fn decode(&self, key: &AccessKey, region: &str, encoded: &str) -> Result<String> {
        let theirs = Client::new(&self.sdk.for_account(key, region));
        let decoded = theirs.decode_authorization_message().encoded_message(encoded).send().await;
        let decoded = decoded.map_err(failed(format!("decode an authorization message in {region}")))?;
        Ok(decoded.decoded_message.unwrap_or_default())
    }
}
