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
use sweep::{KeepaliveFunction, Sender};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    let function = &start()?;
    let rule = &format!("rule/{}", required("KEEPALIVE_RULE")?);
    lambda_runtime::run(service_fn(move |event: LambdaEvent<Value>| async move {
        function.tick(sender(&event.payload, rule)).await.map_err(|error| {
            tracing::error!("tick failed: {error}");
            Diagnostic { error_type: error.name().to_owned(), error_message: error.to_string() }
        })
    }))
    .await
}

/// Who has sent a scheduled event: it names its rule.
fn sender(event: &Value, rule: &str) -> Sender {
    let of_rule = |arn: &Value| arn.as_str().is_some_and(|arn| arn.ends_with(rule));
    let by_rule = event["resources"].as_array().is_some_and(|all| all.iter().any(of_rule));
    if by_rule { Sender::Rule } else { Sender::Other }
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

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_scheduled_event_tells_who_has_sent_it() {
        let event = |rule: &str| json!({"resources": [format!("arn:aws:events:eu-west-1:123456789012:rule/{rule}")]});
        assert_eq!(sender(&event("demo-keepalive"), "rule/demo-keepalive"), Sender::Rule);
        for other in [event("demo-hourly-sweep"), event("my-demo-keepalive"), json!({}), json!(null)] {
            assert_eq!(sender(&other, "rule/demo-keepalive"), Sender::Other, "{other}");
        }
    }
}
