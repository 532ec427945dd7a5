//! The two state machines on Step Functions.

use adapter_sdk::{Sdk, failed};
use async_trait::async_trait;
use aws_sdk_sfn::Client;
use aws_sdk_sfn::types::ExecutionStatus;
use runtime::PortError;
use runtime::error::PortErrorKind;
use runtime::ports::{Execution, Machine, Machines, Result};
use serde_json::Value;

/// Step Functions' limits for the two texts of a failure.
const LONGEST_ERROR: usize = 256;
const LONGEST_CAUSE: usize = 32 * 1024;

/// The two state machines.
pub struct StepFunctions {
    client: Client,
    cluster: Option<String>,
    flow_run: Option<String>,
}

impl StepFunctions {
    /// The machines by their ARNs; a function that only completes tasks needs none.
    #[must_use]
    pub fn new(sdk: &Sdk, cluster: Option<String>, flow_run: Option<String>) -> Self {
        Self { client: Client::new(sdk.config()), cluster, flow_run }
    }

    fn arn(&self, machine: Machine) -> Result<&str> {
        let (arn, variable) = match machine {
            Machine::Cluster => (&self.cluster, "CLUSTER_MACHINE_ARN"),
            Machine::FlowRun => (&self.flow_run, "RUN_MACHINE_ARN"),
        };
        arn.as_deref().ok_or_else(|| {
            let detail = format!("its ARN is not known: set {variable}");
            PortError::new(PortErrorKind::Other, format!("use state machine {machine:?}"), detail)
        })
    }
}

#[async_trait]
impl Machines for StepFunctions {
    async fn start(&self, machine: Machine, name: &str, input: Value) -> Result<()> {
        let arn = self.arn(machine)?;
        match self.client.start_execution().state_machine_arn(arn).name(name).input(input.to_string()).send().await {
            Err(error) if !error.as_service_error().is_some_and(|e| e.is_execution_already_exists()) => {
                Err(failed(format!("start execution {name} of {arn}"))(error))
            }
            _ => Ok(()),
        }
    }

    async fn succeed(&self, task_token: &str, output: Value) -> Result<()> {
        let request = self.client.send_task_success().task_token(task_token).output(output.to_string());
        let Err(error) = request.send().await else { return Ok(()) };
        let over = error
            .as_service_error()
            .is_some_and(|e| e.is_task_timed_out() || e.is_task_does_not_exist() || e.is_invalid_token());
        if over { Ok(()) } else { Err(failed("complete a waiting task")(error)) }
    }

    async fn fail(&self, task_token: &str, error: &str, cause: &str) -> Result<()> {
        let request = self.client.send_task_failure().task_token(task_token);
        let request = request.error(head(error, LONGEST_ERROR)).cause(head(cause, LONGEST_CAUSE));
        let Err(error) = request.send().await else { return Ok(()) };
        let over = error
            .as_service_error()
            .is_some_and(|e| e.is_task_timed_out() || e.is_task_does_not_exist() || e.is_invalid_token());
        if over { Ok(()) } else { Err(failed("fail a waiting task")(error)) }
    }

    async fn execution(&self, machine: Machine, name: &str) -> Result<Execution> {
        let arn = execution_arn(self.arn(machine)?, name);
        match self.client.describe_execution().execution_arn(&arn).send().await {
            Ok(found) => Ok(match found.status {
                ExecutionStatus::Running | ExecutionStatus::PendingRedrive => Execution::Running,
                _ => Execution::Ended,
            }),
            Err(error) if error.as_service_error().is_some_and(|e| e.is_execution_does_not_exist()) => {
                Ok(Execution::Unknown)
            }
            Err(error) => Err(failed(format!("describe execution {arn}"))(error)),
        }
    }
}

fn execution_arn(machine_arn: &str, name: &str) -> String {
    format!("{}:{name}", machine_arn.replacen(":stateMachine:", ":execution:", 1))
}

/// The first `most` bytes of a text, cut at a character's boundary.
fn head(text: &str, most: usize) -> &str {
    &text[..text.floor_char_boundary(most)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_execution_is_named_after_its_machine() {
        let machine = "arn:aws:states:eu-west-1:123456789012:stateMachine:demo-cluster";
        let execution = "arn:aws:states:eu-west-1:123456789012:execution:demo-cluster:1f1e-e3";
        assert_eq!(execution_arn(machine, "1f1e-e3"), execution);
    }

    #[test]
    fn long_texts_are_cut_between_characters() {
        assert_eq!(head("état", 1), "");
        assert_eq!(head("état", 3), "ét");
        assert_eq!(head("état", 99), "état");
    }
}
