//! The Lambda behind the keepalive rule. It ends clusters that have been idle for too long, and sweeps up: effects that
//! a crash left undone, builds and runs whose state machine is gone, leases of runs that are over.

mod sweep;

use lambda_runtime::{Diagnostic, LambdaEvent, service_fn};
use runtime::environment::{flag, optional, required};
use runtime::{World, access::Access, ports::SystemClock, telemetry};
use serde_json::Value;
use std::sync::Arc;
use sweep::KeepaliveFunction;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    telemetry::start();
    let function = &start()?;
    lambda_runtime::run(service_fn(move |_: LambdaEvent<Value>| async move {
        function.tick().await.map_err(|error| {
            tracing::error!("tick failed: {error}");
            Diagnostic { error_type: error.name().to_owned(), error_message: error.to_string() }
        })
    }))
    .await
}

fn start() -> Result<KeepaliveFunction, lambda_runtime::Error> {
    let sdk = adapter_sdk::Sdk::from_env()?;
    Ok(KeepaliveFunction {
        world: World {
            store: Arc::new(adapter_dynamo::DynamoStore::new(&sdk, required("TABLE")?)),
            objects: Arc::new(adapter_s3::S3Objects::new(&sdk, required("BUCKET")?, flag("S3_FORCE_PATH_STYLE"))),
            machines: Arc::new(adapter_sfn::StepFunctions::new(
                &sdk,
                optional("CLUSTER_MACHINE_ARN"),
                optional("RUN_MACHINE_ARN"),
            )),
            clock: Arc::new(SystemClock),
            builds: Some(Arc::new(adapter_codebuild::CodeBuild::new(&sdk, required("BUILD_PROJECT")?))),
            keepalive_rule: Some(Arc::new(adapter_eventbridge::EventBridgeRule::new(
                &sdk,
                required("KEEPALIVE_RULE")?,
            ))),
        },
        access: Access {
            vault: Arc::new(adapter_secrets::SecretsManagerVault::new(&sdk, required("SECRET_PREFIX")?)),
            identity: Arc::new(adapter_sts::StsIdentity::new(&sdk)),
        },
        eks: Arc::new(adapter_eks::EksClusters::new(&sdk)),
        jobs: Arc::new(adapter_kube::KubernetesJobs::new()),
    })
}
