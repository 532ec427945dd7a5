//! The Lambda behind the flow-run machine and behind `/v1/jobs`: it gets runs their cluster, creates the Jobs whose
//! inputs are there, and takes in what the pods report. Both ways lead to the same `advance`, so that a finished
//! operator's successors start in the invocation that hears of it.

mod advance;
mod cluster_access;
mod compute;
mod job_routes;
mod jobs;
#[cfg(test)]
mod tests;

use advance::RunFunction;
use assembly::Parts;
use lambda_runtime::{Diagnostic, LambdaEvent, service_fn};
use runtime::Error;
use runtime::environment::required;
use serde_json::Value;
use std::sync::Arc;
use wire::step::RunStep;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    let function = &start()?;
    lambda_runtime::run(service_fn(move |event: LambdaEvent<Value>| handle(function, event.payload))).await
}

/// Tells the two kinds of event apart: API Gateway's have a request context, the state machine's a step.
async fn handle(function: &RunFunction, event: Value) -> Result<Value, Diagnostic> {
    if event.get("requestContext").is_some() {
        return Ok(job_routes::answer(function, &event).await);
    }
    let outcome = match serde_json::from_value::<RunStep>(event) {
        Ok(step) => function.step(step).await,
        Err(error) => Err(Error::Invalid(format!("the event is no step of the flow-run machine: {error}"))),
    };
    outcome.map_err(|error| {
        tracing::error!("step failed: {error}");
        Diagnostic { error_type: error.name().to_owned(), error_message: error.to_string() }
    })
}

fn start() -> Result<RunFunction, lambda_runtime::Error> {
    let Parts { sdk, world, access } = assembly::start()?;
    Ok(RunFunction {
        world,
        access,
        eks: Arc::new(adapter_eks::EksClusters::new(&sdk)),
        jobs: Arc::new(adapter_kube::KubernetesJobs::new()),
        api_url: required("API_URL")?,
        known: cluster_access::Known::default(),
    })
}
