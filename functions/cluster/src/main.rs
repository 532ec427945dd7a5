//! The Lambda behind the cluster machine: it decides whether a build may start and with what, prepares the cluster for
//! Jobs, and takes in how the build ended.

mod build;
mod steps;

use lambda_runtime::{Diagnostic, LambdaEvent, service_fn};
use runtime::environment::{flag, optional, required};
use runtime::{World, access::Access, ports::SystemClock, telemetry};
use std::sync::Arc;
use steps::ClusterFunction;
use wire::step::ClusterStep;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    telemetry::start();
    let function = &start()?;
    lambda_runtime::run(service_fn(move |event: LambdaEvent<ClusterStep>| async move {
        function.step(&event.payload).await.map_err(|error| {
            tracing::error!(cluster.id = %event.payload.cluster_id, step = ?event.payload.step, "step failed: {error}");
            Diagnostic { error_type: error.name().to_owned(), error_message: error.to_string() }
        })
    }))
    .await
}

fn start() -> Result<ClusterFunction, lambda_runtime::Error> {
    let sdk = adapter_sdk::Sdk::from_env()?;
    Ok(ClusterFunction {
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
