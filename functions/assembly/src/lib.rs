//! What every function is made of: logs, and the ports that all of them need, from the environment that
//! `infra/template.yaml` gives them. What only some may do, they add themselves; their manifests read like their roles.

use adapter_sdk::{ConfigError, Sdk};
use runtime::environment::{flag, optional, required};
use runtime::{World, access::Access, ports::SystemClock, telemetry};
use std::sync::Arc;

/// Why a function cannot start.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The SDK's part of the environment is incomplete.
    #[error(transparent)]
    Sdk(#[from] ConfigError),
    /// Our part of the environment is incomplete.
    #[error(transparent)]
    Environment(#[from] runtime::Error),
}

/// What every function has.
pub struct Parts {
    /// For further adapters.
    pub sdk: Sdk,
    /// What commands need, without builds and the auditor.
    pub world: World,
    /// The way into users' accounts.
    pub access: Access,
}

/// Starts the logs and makes the ports. No call goes out.
///
/// # Errors
/// [`Error`] naming the variable that is missing.
pub fn start() -> Result<Parts, Error> {
    telemetry::start();
    let sdk = Sdk::from_env()?;
    let machines = adapter_sfn::StepFunctions::new(&sdk, optional("CLUSTER_MACHINE_ARN"), optional("RUN_MACHINE_ARN"));
    let world = World {
        store: Arc::new(adapter_dynamo::DynamoStore::new(&sdk, required("TABLE")?)),
        objects: Arc::new(adapter_s3::S3Objects::new(&sdk, required("BUCKET")?, flag("S3_FORCE_PATH_STYLE"))),
        machines: Arc::new(machines),
        clock: Arc::new(SystemClock),
        builds: None,
        keepalive_rule: Arc::new(adapter_eventbridge::EventBridgeRule::new(&sdk, required("KEEPALIVE_RULE")?)),
        dags: Arc::default(),
        auditor: None,
    };
    let access = Access {
        vault: Arc::new(adapter_secrets::SecretsManagerVault::new(&sdk, required("SECRET_PREFIX")?)),
        identity: Arc::new(adapter_sts::StsIdentity::new(&sdk)),
    };
    Ok(Parts { sdk, world, access })
}
