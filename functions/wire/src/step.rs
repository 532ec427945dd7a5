//! What the state machines send to their functions.

use domain::cluster::Purpose;
use domain::{ClusterId, RunId};
use serde::{Deserialize, Serialize};

/// A step of the cluster machine.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct ClusterStep {
    /// Which.
    pub step: ClusterStepName,
    /// The cluster.
    pub cluster_id: ClusterId,
    /// The generation the build works on.
    pub generation: u32,
    /// The build's identity.
    pub epoch: u64,
    /// What the build is for.
    pub purpose: Purpose,
    /// What failed, for `build_failed`: the error's name.
    #[serde(default)]
    pub error: Option<String>,
    /// What failed, for `build_failed`: the cause, often JSON in text.
    #[serde(default)]
    pub cause: Option<String>,
}

/// The steps of the cluster machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClusterStepName {
    /// May the build start?
    Begin,
    /// Apply what the cluster needs before Jobs.
    Addons,
    /// The build ended well.
    BuildSucceeded,
    /// The build failed, was stopped or ran out of time.
    BuildFailed,
}

/// The answer to `begin`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BeginAnswer {
    /// Whether the build may start.
    pub proceed: bool,
    /// What the build is told.
    pub environment: Vec<EnvironmentVariable>,
}

/// An environment variable of a build, spelled as CodeBuild's API spells it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct EnvironmentVariable {
    /// Its name.
    pub name: String,
    /// Its value, or the reference of a secret.
    pub value: String,
    /// `PLAINTEXT` or `SECRETS_MANAGER`.
    pub r#type: &'static str,
}

impl EnvironmentVariable {
    /// A value that anybody may see.
    pub fn plain(name: &str, value: impl ToString) -> Self {
        Self { name: name.to_owned(), value: value.to_string(), r#type: "PLAINTEXT" }
    }

    /// A value that CodeBuild fetches from Secrets Manager.
    pub fn secret(name: &str, reference: String) -> Self {
        Self { name: name.to_owned(), value: reference, r#type: "SECRETS_MANAGER" }
    }
}

/// A step of the flow-run machine.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(tag = "step", rename_all = "snake_case")]
pub enum RunStep {
    /// Get the run its cluster; the task ends when it has it.
    Acquire {
        /// The run.
        run_id: RunId,
        /// The task's token.
        task_token: String,
    },
    /// Do what can be done now; the task ends when the run is over.
    Advance {
        /// The run.
        run_id: RunId,
        /// The task's token.
        task_token: String,
    },
    /// Clear up after the run.
    Finish {
        /// The run.
        run_id: RunId,
        /// What failed in the machine itself, if anything: the error's name.
        #[serde(default)]
        error: Option<String>,
        /// What failed in the machine itself, if anything: the cause.
        #[serde(default)]
        cause: Option<String>,
    },
}
