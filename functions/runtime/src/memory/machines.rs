//! State machines that only remember.

use super::locked;
use crate::ports::{Execution, Machine, Machines, Result};
use async_trait::async_trait;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;

/// What was asked of Step Functions.
#[derive(Debug, Clone, Default)]
pub struct MachineLog {
    /// Inputs of started executions, by machine and name.
    pub started: BTreeMap<(&'static str, String), Value>,
    /// Names of executions that have ended.
    pub ended: BTreeSet<String>,
    /// Tokens of tasks that succeeded, with their output.
    pub succeeded: Vec<(String, Value)>,
    /// Tokens of tasks that failed, with error and cause.
    pub failed: Vec<(String, String, String)>,
}

/// State machines that only remember.
#[derive(Debug, Default)]
pub struct MemoryMachines(Mutex<MachineLog>);

impl MemoryMachines {
    /// What was asked so far.
    #[must_use]
    pub fn log(&self) -> MachineLog {
        locked(&self.0).clone()
    }

    /// Lets an execution never have been started.
    pub fn forget(&self, name: &str) {
        locked(&self.0).started.retain(|(_, started), _| started != name);
    }

    /// Lets an execution end.
    pub fn end(&self, name: &str) {
        locked(&self.0).ended.insert(name.to_owned());
    }
}

fn machine_name(machine: Machine) -> &'static str {
    match machine {
        Machine::Cluster => "cluster",
        Machine::FlowRun => "flow-run",
    }
}

#[async_trait]
impl Machines for MemoryMachines {
    async fn start(&self, machine: Machine, name: &str, input: Value) -> Result<()> {
        locked(&self.0).started.entry((machine_name(machine), name.to_owned())).or_insert(input);
        Ok(())
    }

    async fn succeed(&self, task_token: &str, output: Value) -> Result<()> {
        locked(&self.0).succeeded.push((task_token.to_owned(), output));
        Ok(())
    }

    async fn fail(&self, task_token: &str, error: &str, cause: &str) -> Result<()> {
        locked(&self.0).failed.push((task_token.to_owned(), error.to_owned(), cause.to_owned()));
        Ok(())
    }

    async fn execution(&self, machine: Machine, name: &str) -> Result<Execution> {
        let log = locked(&self.0);
        Ok(match (log.started.contains_key(&(machine_name(machine), name.to_owned())), log.ended.contains(name)) {
            (false, _) => Execution::Unknown,
            (true, false) => Execution::Running,
            (true, true) => Execution::Ended,
        })
    }
}
