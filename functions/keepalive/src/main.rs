//! The Lambda behind the keepalive rule. It ends clusters that have been idle for too long, and sweeps up: effects that
//! a crash left undone, builds and runs whose state machine is gone, leases of runs that are over.

mod sweep;

use assembly::Parts;
use lambda_runtime::{Diagnostic, LambdaEvent, service_fn};
use runtime::World;
use runtime::environment::required;
use runtime::receipts::Auditor;
use serde_json::Value;
use std::sync::Arc;
use sweep::KeepaliveFunction;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
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
    let Parts { sdk, world, access } = assembly::start()?;
    Ok(KeepaliveFunction {
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
    })
}
