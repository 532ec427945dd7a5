//! A flow: a named DAG of operators, and the rules its graph keeps.

mod check;
mod code;
mod limits;
mod order;
mod resources;
mod retention;
mod schedule;
mod value;

pub use check::{DagError, MOST_ARTIFACTS, check};
pub use code::{Code, PackageEntryPoint, PythonVersion, UnsupportedPython};
pub use limits::{Limits, LimitsError};
pub use resources::{Resources, ResourcesError, check_fit};
pub use retention::Retention;
pub use schedule::{Schedule, ScheduleError};
pub use value::ParameterValue;

use crate::{ArtifactId, ClusterId, DagId, FlowId, OperatorId};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A published flow.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Flow {
    /// Its id over all versions.
    pub id: FlowId,
    /// Its name; publishing the same name again makes a new version.
    pub name: String,
    /// What it is about.
    pub description: String,
    /// The newest version of its graph.
    pub dag: DagId,
    /// All versions, oldest first.
    pub versions: Vec<DagId>,
    /// When it was first published.
    pub created_at: Timestamp,
    /// When it runs by itself.
    #[serde(default)]
    pub schedule: Schedule,
    /// How many of its runs are kept.
    #[serde(default)]
    pub keep_runs: Retention,
    /// Up to when its schedule was carried out; before, the moment it was set.
    #[serde(default)]
    pub scheduled_at: Option<Timestamp>,
}

impl Flow {
    /// The flow that a graph will be the first version of.
    #[must_use]
    pub fn before(dag: &Dag) -> Self {
        Self {
            id: dag.flow,
            name: dag.name.clone(),
            description: String::new(),
            dag: dag.id,
            versions: vec![],
            created_at: dag.created_at,
            schedule: Schedule::default(),
            keep_runs: Retention::default(),
            scheduled_at: None,
        }
    }

    /// Makes a graph the newest version. The oldest beyond a thousand are no longer listed; their runs keep them.
    pub fn add_version(&mut self, dag: DagId) {
        self.dag = dag;
        self.versions.push(dag);
        self.versions.drain(..self.versions.len().saturating_sub(MOST_VERSIONS));
    }
}

/// So many versions are listed: a flow is one item of the store, of 400 kB at most.
const MOST_VERSIONS: usize = 1000;

/// One version of a flow's graph. [`check`] is the only way to be sure that it holds together.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Dag {
    /// This version's id.
    pub id: DagId,
    /// The flow it belongs to.
    pub flow: FlowId,
    /// The flow's name at that time.
    pub name: String,
    /// When it was published.
    pub created_at: Timestamp,
    /// The engine of operators that name none.
    pub engine: Engine,
    /// The nodes that compute.
    pub operators: BTreeMap<OperatorId, Operator>,
    /// The values between them.
    pub artifacts: BTreeMap<ArtifactId, Artifact>,
}

/// Where operators run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Engine {
    /// Wherever the system sees fit: parameters are computed by the control plane, functions run on the cluster
    /// that the rest of the DAG names.
    BuiltIn,
    /// On this cluster.
    Cluster(ClusterId),
}

/// A node that computes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Operator {
    /// Its name, unique within the DAG.
    pub name: String,
    /// What it does.
    pub description: String,
    /// What it is.
    pub kind: OperatorKind,
    /// The artifacts it reads, in the order of its arguments.
    pub inputs: Vec<ArtifactId>,
    /// The artifacts it writes, in the order of its returned values.
    pub outputs: Vec<ArtifactId>,
    /// What it needs to run.
    pub resources: Resources,
    /// How long it may take, and how often it is tried again.
    #[serde(default)]
    pub limits: Limits,
    /// Its own engine, where it names one.
    pub engine: Option<Engine>,
}

/// What an operator is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum OperatorKind {
    /// A Python function.
    Function {
        /// Its code.
        code: Code,
    },
    /// A function that returns one number.
    Metric {
        /// Its code.
        code: Code,
    },
    /// A function that returns whether all is well.
    Check {
        /// What a false answer means.
        severity: Severity,
        /// Its code.
        code: Code,
    },
    /// A value that a run may replace.
    Parameter {
        /// Its default.
        value: ParameterValue,
    },
    /// A measure of the operator that made the input.
    SystemMetric {
        /// Which one.
        metric: SystemMetric,
    },
}

/// What a false check means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// The run goes on.
    Warning,
    /// The run fails.
    Error,
}

/// A measure of an operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SystemMetric {
    /// Seconds that its function took.
    Runtime,
    /// The peak of what it allocated, in MB.
    MaxMemory,
}

/// A value between operators.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Artifact {
    /// Its name.
    pub name: String,
    /// The type that is expected; `untyped` when anything may come.
    #[serde(rename = "type")]
    pub expected_type: String,
    /// Whether its content outlives the run.
    pub should_persist: bool,
}

impl Artifact {
    /// An artifact of any type that is kept.
    #[must_use]
    pub fn untyped(name: String) -> Self {
        Self { name, expected_type: "untyped".to_owned(), should_persist: true }
    }
}

impl Operator {
    /// The code, for operators that have some.
    #[must_use]
    pub fn code(&self) -> Option<&Code> {
        match &self.kind {
            OperatorKind::Function { code } | OperatorKind::Metric { code } | OperatorKind::Check { code, .. } => {
                Some(code)
            }
            OperatorKind::Parameter { .. } | OperatorKind::SystemMetric { .. } => None,
        }
    }
}

impl Dag {
    /// The operator that writes an artifact.
    #[must_use]
    pub fn producer(&self, artifact: ArtifactId) -> Option<OperatorId> {
        self.operators.iter().find(|(_, operator)| operator.outputs.contains(&artifact)).map(|(id, _)| *id)
    }

    /// The operators that write artifacts, by what they write.
    #[must_use]
    pub fn producers(&self) -> BTreeMap<ArtifactId, OperatorId> {
        let written = |(id, operator): (&OperatorId, &Operator)| {
            let id = *id;
            operator.outputs.clone().into_iter().map(move |artifact| (artifact, id))
        };
        self.operators.iter().flat_map(written).collect()
    }

    /// The operators that an operator waits for.
    pub fn upstream(&self, operator: OperatorId) -> impl Iterator<Item = OperatorId> + '_ {
        let inputs = self.operators.get(&operator).map(|o| o.inputs.as_slice()).unwrap_or_default();
        inputs.iter().filter_map(|artifact| self.producer(*artifact))
    }

    /// All operators, each after those it waits for.
    #[must_use]
    pub fn in_order(&self) -> Vec<OperatorId> {
        order::topological(self).unwrap_or_default()
    }

    /// The one cluster its functions run on; none if no function needs one.
    ///
    /// # Errors
    /// [`DagError`] when functions name several clusters, or none while there is not exactly one to choose.
    pub fn cluster(&self, registered: &[ClusterId]) -> Result<Option<ClusterId>, DagError> {
        let named = |engine: &Engine| match engine {
            Engine::Cluster(id) => Some(*id),
            Engine::BuiltIn => None,
        };
        let functions: Vec<&Operator> = self.operators.values().filter(|o| o.code().is_some()).collect();
        let mut clusters: Vec<ClusterId> =
            functions.iter().filter_map(|o| named(o.engine.as_ref().unwrap_or(&self.engine))).collect();
        clusters.sort_unstable();
        clusters.dedup();
        match (clusters.as_slice(), functions.is_empty(), registered) {
            ([one], ..) => Ok(Some(*one)),
            ([], true, _) => Ok(None),
            ([], false, [only]) => Ok(Some(*only)),
            ([], false, _) => Err(DagError::NoCluster { choices: registered.len() }),
            (several, ..) => Err(DagError::SeveralClusters { count: several.len() }),
        }
    }
}

#[cfg(test)]
pub(crate) mod tests;
