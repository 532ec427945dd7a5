//! A flow: a named DAG of operators, and the rules its graph keeps.

mod check;
mod limits;
mod order;
mod resources;
mod retention;
mod schedule;

pub use check::{DagError, check};
pub use limits::{Limits, LimitsError};
pub use resources::{Resources, ResourcesError, check_fit};
pub use retention::Retention;
pub use schedule::{Schedule, ScheduleError};

use crate::{ArtifactId, ClusterId, DagId, FlowId, OperatorId};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
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
}

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

/// The code of a function.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Code {
    /// A zip as the SDK makes it, stored beside the DAG.
    Package {
        /// Where in the package to begin.
        entry_point: PackageEntryPoint,
        /// The Python it was made with, such as `3.11`.
        python: PythonVersion,
    },
    /// Plain Python text.
    Source {
        /// The text.
        source: String,
        /// The function to call.
        entry_point: String,
        /// Lines for pip.
        requirements: Vec<String>,
        /// The Python to run it with.
        python: PythonVersion,
    },
}

/// Where in a package to begin.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PackageEntryPoint {
    /// The file, such as `model.py`.
    pub file: String,
    /// The class in it.
    pub class_name: String,
    /// The method of the class.
    pub method: String,
}

impl Default for PackageEntryPoint {
    /// What the SDK's packages mean when they name none.
    fn default() -> Self {
        Self { file: "model.py".to_owned(), class_name: "Function".to_owned(), method: "predict".to_owned() }
    }
}

/// A Python major and minor version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PythonVersion {
    minor: u8,
}

/// A Python that the runner does not support.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("Python '{0}' is not supported: use 3.8, 3.9, 3.10, 3.11 or 3.12")]
pub struct UnsupportedPython(String);

impl Default for PythonVersion {
    fn default() -> Self {
        Self { minor: 11 }
    }
}

impl TryFrom<String> for PythonVersion {
    type Error = UnsupportedPython;
    fn try_from(text: String) -> Result<Self, UnsupportedPython> {
        let supported = (8..=12).map(|minor| Self { minor }).find(|version| version.to_string() == text.trim());
        supported.ok_or(UnsupportedPython(text))
    }
}

impl From<PythonVersion> for String {
    fn from(version: PythonVersion) -> String {
        version.to_string()
    }
}

impl std::fmt::Display for PythonVersion {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "3.{}", self.minor)
    }
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

/// A parameter's value, serialised: the control plane never looks into pickles.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ParameterValue {
    /// The bytes, in base64.
    pub base64: String,
    /// How they are serialised: `json`, `string`, `pickle`, `table`, `bytes`, `image`.
    pub serialization: String,
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

impl ParameterValue {
    /// The value of a JSON document, serialised as the SDK does: text as text, everything else as JSON.
    #[must_use]
    pub fn of_json(value: &Value) -> Self {
        use base64::Engine as _;
        let (serialization, bytes) = match value {
            Value::String(text) => ("string", text.clone()),
            other => ("json", other.to_string()),
        };
        let base64 = base64::engine::general_purpose::STANDARD.encode(bytes);
        Self { base64, serialization: serialization.to_owned() }
    }

    /// The bytes.
    ///
    /// # Errors
    /// When the text is not base64.
    pub fn bytes(&self) -> Result<Vec<u8>, base64::DecodeError> {
        use base64::Engine as _;
        base64::engine::general_purpose::STANDARD.decode(self.base64.trim())
    }

    /// The artifact type of these bytes, as far as it can be told without Python (sdk-side inference: a text that is
    /// JSON is `json`, any other a `string`).
    #[must_use]
    pub fn infer_type(&self, declared: &str) -> String {
        let Ok(bytes) = self.bytes() else { return "untyped".to_owned() };
        let json = || python_json(&bytes);
        let inferred = match self.serialization.as_str() {
            "string" if json().is_some() => "json",
            "string" => "string",
            "json" => match json() {
                Some(Value::Bool(_)) => "boolean",
                Some(Value::Object(_)) => "dictionary",
                Some(Value::Array(_)) if declared == "tuple" => "tuple",
                Some(Value::Array(_)) => "list",
                _ => "numeric",
            },
            "pickle" if ["picklable", "dictionary", "list", "tuple"].contains(&declared) => declared,
            "pickle" => "picklable",
            other => other,
        };
        inferred.to_owned()
    }
}

/// Reads JSON as Python does, to which `NaN`, `Infinity` and `-Infinity` are numbers. They are read as zeros, even within
/// texts: only the form of the document is of interest.
fn python_json(bytes: &[u8]) -> Option<Value> {
    let strict = serde_json::from_slice(bytes).ok();
    strict.or_else(|| {
        let text = std::str::from_utf8(bytes).ok()?;
        let zeros =
            ["-Infinity", "Infinity", "NaN"].iter().fold(text.to_owned(), |text, word| text.replace(word, " 0 "));
        serde_json::from_str(&zeros).ok()
    })
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

impl Code {
    /// The Python to run it with.
    #[must_use]
    pub fn python(&self) -> PythonVersion {
        match self {
            Self::Package { python, .. } | Self::Source { python, .. } => *python,
        }
    }
}

impl Dag {
    /// The operator that writes an artifact.
    #[must_use]
    pub fn producer(&self, artifact: ArtifactId) -> Option<OperatorId> {
        self.operators.iter().find(|(_, operator)| operator.outputs.contains(&artifact)).map(|(id, _)| *id)
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
