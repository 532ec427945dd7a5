//! The Lambda behind the HTTP API: everything is made before the first request, from the environment.

use domain::settings::Limits;
use ondemand_eks_api::credentials::{CredentialsFiles, InVault, OnDisk};
use ondemand_eks_api::{Api, router};
use runtime::environment::{flag, optional, required};
use runtime::{Error, World, access::Access, ports::SystemClock, ports::Vault, telemetry};
use std::sync::Arc;
use std::time::Duration;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    telemetry::start();
    lambda_http::run(router(start()?)).await
}

/// API Gateway waits for an answer for half a minute, and the answer takes its time too.
const PATIENCE: Duration = Duration::from_secs(26);

fn start() -> Result<Api, lambda_http::Error> {
    let sdk = adapter_sdk::Sdk::from_env()?;
    let prefix = required("SECRET_PREFIX")?;
    let vault: Arc<dyn Vault> = Arc::new(adapter_secrets::SecretsManagerVault::new(&sdk, prefix.clone()));
    Ok(Api {
        world: World {
            store: Arc::new(adapter_dynamo::DynamoStore::new(&sdk, required("TABLE")?)),
            objects: Arc::new(adapter_s3::S3Objects::new(&sdk, required("BUCKET")?, flag("S3_FORCE_PATH_STYLE"))),
            machines: Arc::new(adapter_sfn::StepFunctions::new(
                &sdk,
                Some(required("CLUSTER_MACHINE_ARN")?),
                Some(required("RUN_MACHINE_ARN")?),
            )),
            clock: Arc::new(SystemClock),
            builds: Some(Arc::new(adapter_codebuild::CodeBuild::new(&sdk, required("BUILD_PROJECT")?))),
            keepalive_rule: Some(Arc::new(adapter_eventbridge::EventBridgeRule::new(
                &sdk,
                required("KEEPALIVE_RULE")?,
            ))),
        },
        access: Access { vault: vault.clone(), identity: Arc::new(adapter_sts::StsIdentity::new(&sdk)) },
        files: files(vault, prefix)?,
        limits: limits()?,
        patience: PATIENCE,
    })
}

fn files(vault: Arc<dyn Vault>, prefix: String) -> Result<Arc<dyn CredentialsFiles>, Error> {
    match optional("CREDENTIALS_FILES").as_deref() {
        Some("file") => Ok(Arc::new(OnDisk { home: optional("HOME").map(Into::into) })),
        Some("secret") | None => Ok(Arc::new(InVault { vault, prefix })),
        Some(other) => {
            Err(Error::Invalid(format!("environment variable CREDENTIALS_FILES is '{other}': use 'secret' or 'file'")))
        }
    }
}

fn limits() -> Result<Limits, Error> {
    let Some(text) = optional("MIN_KEEPALIVE_SECONDS") else { return Ok(Limits::default()) };
    let seconds = text.parse().map_err(|_| {
        Error::Invalid(format!("environment variable MIN_KEEPALIVE_SECONDS is '{text}': use a whole number"))
    })?;
    Ok(Limits { min_keepalive: seconds })
}
