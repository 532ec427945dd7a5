//! The Lambda behind the cluster machine: it decides whether a build may start and with what, prepares the cluster for
//! Jobs, and takes in how the build ended.

mod build;
mod hold;
mod steps;

use assembly::Parts;
use lambda_runtime::{Diagnostic, LambdaEvent, service_fn};
use runtime::World;
use runtime::environment::required;
use runtime::receipts::Auditor;
use std::sync::Arc;
use steps::ClusterFunction;
use wire::step::ClusterStep;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
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
    let Parts { sdk, world, access } = assembly::start()?;
    Ok(ClusterFunction {
        world: World {
            builds: Some(Arc::new(adapter_codebuild::CodeBuild::new(&sdk, required("BUILD_PROJECT")?))),
            auditor: Some(Auditor {
                access: access.clone(),
                tagged: Arc::new(adapter_tagging::ResourceGroupsTagging::new(&sdk)),
            }),
            ..world
        },
        access,
        eks: Arc::new(adapter_eks::EksClusters::new(&sdk)),
        jobs: Arc::new(adapter_kube::KubernetesJobs::new()),
        survey: Arc::new(adapter_survey::AccountSurvey::new(&sdk)),
    })
}
