//! Flows: what publishes one, and how they are shown.

use super::run::RunSummary;
use super::schedule::Schedule;
use domain::flow::{Artifact, Code, Dag, Engine, Flow, Operator, OperatorKind, ParameterValue, Severity};
use domain::{ArtifactId, OperatorId};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;
use std::num::NonZeroU32;
use utoipa::ToSchema;
use uuid::Uuid;

/// A flow to publish. Operators refer to each other by name.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PublishRequest {
    /// Its name; publishing the same name again makes a new version.
    pub name: String,
    /// What it is about.
    #[serde(default)]
    pub description: String,
    /// Where operators run that name no engine: a cluster's name, or `aqueduct` for wherever the rest runs.
    #[serde(default)]
    pub engine: Option<String>,
    /// The Python for source text, and for packages that name none: `3.8` to `3.12`.
    #[serde(default)]
    #[schema(default = "3.11")]
    pub python_version: Option<String>,
    /// Values that a run may replace, by name; any JSON.
    #[serde(default)]
    pub parameters: BTreeMap<String, Value>,
    /// The functions.
    pub operators: Vec<OperatorRequest>,
    /// When it runs by itself; as before if not given, and at first `"manual"`.
    #[serde(default)]
    pub schedule: Option<Schedule>,
    /// How many of its latest runs are kept, 0 for all; as before if not given, and at first 0.
    #[serde(default)]
    pub keep_runs: Option<u32>,
    /// Whether to run it at once.
    #[serde(default = "yes")]
    #[schema(default = true)]
    pub run: bool,
}

fn yes() -> bool {
    true
}

/// A function of a flow: Python text, or a package.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OperatorRequest {
    /// Its name, unique within the flow.
    pub name: String,
    /// What it does.
    #[serde(default)]
    pub description: String,
    /// Where it runs, if not where the flow does.
    #[serde(default)]
    pub engine: Option<String>,
    /// What it is.
    #[serde(default)]
    pub kind: Kind,
    /// For a check: what a false answer means; `error` if not given.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub severity: Option<Severity>,
    /// Python text that defines the function.
    #[serde(default)]
    pub source: Option<String>,
    /// For source text: the function to call; the operator's name if not given.
    #[serde(default)]
    pub entry_point: Option<String>,
    /// For source text: lines for pip.
    #[serde(default)]
    pub requirements: Option<Vec<String>>,
    /// Instead of source text: the name of the request's part that holds a package.
    #[serde(default)]
    pub package: Option<String>,
    /// Instead of source text: a package in base64.
    #[serde(default)]
    pub package_base64: Option<String>,
    /// The function's arguments in order: an operator's name, `<operator>.<output>`, or a parameter's name.
    #[serde(default)]
    pub inputs: Vec<String>,
    /// Names for the returned values; one of the operator's name if not given.
    #[serde(default)]
    pub outputs: Vec<String>,
    /// What it needs to run.
    #[serde(default)]
    pub resources: ResourcesRequest,
    /// The longest time the function may take, in seconds; as long as it wants if not given. Nodes, images, requirements
    /// and inputs do not count.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 2_592_000)]
    pub timeout: Option<i64>,
    /// How often it is tried again after a cause that this can help, such as a lost node; never after a failure of the
    /// function itself, a time-out or a lack of memory. If not given, a pod that is lost before the function has begun
    /// is replaced twice, and a function that has begun is not called again.
    #[serde(default)]
    #[schema(minimum = 0, maximum = 10)]
    pub retries: Option<i64>,
}

/// What an operator is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Anything.
    #[default]
    Function,
    /// It returns one number.
    Metric,
    /// It returns whether all is well.
    Check,
}

/// What an operator needs to run; defaults fit the cluster's nodes.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ResourcesRequest {
    /// Virtual CPUs.
    #[serde(default)]
    pub num_cpus: Option<u32>,
    /// Memory: megabytes, or text such as `512MB` or `1GB`.
    #[serde(default)]
    #[schema(value_type = Option<String>, example = "1GB")]
    pub memory: Option<Value>,
    /// `nvidia.com/gpu` for a GPU.
    #[serde(default)]
    pub gpu_resource_name: Option<String>,
    /// The CUDA version it is written for.
    #[serde(default)]
    pub cuda_version: Option<String>,
}

/// Values for a run.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RunRequest {
    /// Values that replace the flow's, by the parameter's name; any JSON.
    #[serde(default)]
    pub parameters: BTreeMap<String, Value>,
}

impl RunRequest {
    /// The values in the form operators read.
    #[must_use]
    pub fn values(&self) -> BTreeMap<String, ParameterValue> {
        self.parameters.iter().map(|(name, value)| (name.clone(), ParameterValue::of_json(value))).collect()
    }
}

/// A flow.
#[derive(Debug, Serialize, ToSchema)]
pub struct FlowView {
    /// Its id over all versions.
    pub id: Uuid,
    /// Its name.
    pub name: String,
    /// What it is about.
    pub description: String,
    /// The newest version of its graph.
    pub dag_id: Uuid,
    /// All versions, oldest first.
    pub versions: Vec<Uuid>,
    /// When it was first published.
    pub created_at: Timestamp,
    /// When it runs by itself; a flow that it runs after is given by its id.
    pub schedule: Schedule,
    /// How many of its latest runs are kept; 0 for all.
    pub keep_runs: u32,
}

/// A flow with its newest graph and runs.
#[derive(Debug, Serialize, ToSchema)]
pub struct FlowDetail {
    /// The flow.
    #[serde(flatten)]
    pub flow: FlowView,
    /// Its operators, parameters among them, each after those it waits for.
    pub operators: Vec<OperatorView>,
    /// The values between them.
    pub artifacts: Vec<ArtifactView>,
    /// Its latest runs, newest first.
    pub runs: Vec<RunSummary>,
}

/// An operator of a graph.
#[derive(Debug, Serialize, ToSchema)]
pub struct OperatorView {
    /// Its id.
    pub id: Uuid,
    /// Its name.
    pub name: String,
    /// What it does.
    pub description: String,
    /// `function`, `metric`, `check`, `parameter` or `system_metric`.
    #[schema(value_type = String)]
    pub kind: &'static str,
    /// For a check: `warning` or `error`.
    #[schema(value_type = Option<String>)]
    pub severity: Option<Severity>,
    /// The cluster it names; none if that is left to the flow or the system.
    pub engine: Option<Uuid>,
    /// The Python it runs with.
    pub python_version: Option<String>,
    /// For a parameter: its default, if that is JSON or text.
    #[schema(value_type = Option<Object>)]
    pub value: Option<Value>,
    /// Artifacts it reads, in the order of its arguments.
    pub inputs: Vec<Uuid>,
    /// Artifacts it writes, in the order of its returned values.
    pub outputs: Vec<Uuid>,
    /// What it asks for.
    pub resources: ResourcesView,
    /// The longest time the function may take, in seconds.
    pub timeout: Option<u32>,
    /// How often it is tried again, if its author has said so.
    pub retries: Option<u8>,
}

/// What an operator asks for.
#[derive(Debug, Serialize, ToSchema)]
pub struct ResourcesView {
    /// Virtual CPUs.
    pub num_cpus: Option<u32>,
    /// Memory in megabytes.
    pub memory_mb: Option<u32>,
    /// Whether it needs a GPU.
    pub gpu: bool,
    /// The CUDA version it is written for.
    pub cuda_version: Option<String>,
}

/// A value of a graph.
#[derive(Debug, Serialize, ToSchema)]
pub struct ArtifactView {
    /// Its id.
    pub id: Uuid,
    /// Its name.
    pub name: String,
    /// The type that is expected, or `untyped`.
    #[serde(rename = "type")]
    pub expected_type: String,
    /// The operator that writes it.
    pub operator: Option<String>,
}

/// All flows.
#[derive(Debug, Serialize, ToSchema)]
pub struct FlowList {
    /// In no particular order.
    pub flows: Vec<FlowView>,
}

/// A published flow.
#[derive(Debug, Serialize, ToSchema)]
pub struct Published {
    /// The flow.
    pub flow: FlowView,
    /// The run that was started, if any.
    pub run: Option<RunSummary>,
}

/// What was deleted.
#[derive(Debug, Serialize, ToSchema)]
pub struct Deleted {
    /// The id of what is gone.
    pub deleted: Uuid,
}

impl From<&Flow> for FlowView {
    fn from(flow: &Flow) -> Self {
        Self {
            id: flow.id.0,
            name: flow.name.clone(),
            description: flow.description.clone(),
            dag_id: flow.dag.0,
            versions: flow.versions.iter().map(|version| version.0).collect(),
            created_at: flow.created_at,
            schedule: (&flow.schedule).into(),
            keep_runs: Option::from(flow.keep_runs).map_or(0, NonZeroU32::get),
        }
    }
}

impl FlowDetail {
    /// A flow, the newest version of its graph, and runs.
    #[must_use]
    pub fn of(flow: &Flow, dag: &Dag, runs: Vec<RunSummary>) -> Self {
        let in_order = dag.in_order().into_iter();
        Self {
            flow: flow.into(),
            operators: in_order.filter_map(|id| Some(OperatorView::of(id, dag.operators.get(&id)?))).collect(),
            artifacts: dag.artifacts.iter().map(|(id, artifact)| ArtifactView::of(*id, artifact, dag)).collect(),
            runs,
        }
    }
}

impl OperatorView {
    fn of(id: OperatorId, operator: &Operator) -> Self {
        let (severity, value) = match &operator.kind {
            OperatorKind::Check { severity, .. } => (Some(*severity), None),
            OperatorKind::Parameter { value } => (None, plain(value)),
            _ => (None, None),
        };
        Self {
            id: id.0,
            name: operator.name.clone(),
            description: operator.description.clone(),
            kind: kind(&operator.kind),
            severity,
            engine: match operator.engine {
                Some(Engine::Cluster(id)) => Some(id.0),
                _ => None,
            },
            python_version: operator.code().map(Code::python).map(|python| python.to_string()),
            value,
            inputs: operator.inputs.iter().map(|id| id.0).collect(),
            outputs: operator.outputs.iter().map(|id| id.0).collect(),
            resources: ResourcesView {
                num_cpus: operator.resources.cpus,
                memory_mb: operator.resources.memory_mib,
                gpu: operator.resources.gpu,
                cuda_version: operator.resources.cuda_version.clone(),
            },
            timeout: operator.limits.timeout_seconds.map(NonZeroU32::get),
            retries: operator.limits.retries,
        }
    }
}

impl ArtifactView {
    fn of(id: ArtifactId, artifact: &Artifact, dag: &Dag) -> Self {
        let producer = dag.producer(id).and_then(|producer| dag.operators.get(&producer));
        Self {
            id: id.0,
            name: artifact.name.clone(),
            expected_type: artifact.expected_type.clone(),
            operator: producer.map(|operator| operator.name.clone()),
        }
    }
}

fn kind(kind: &OperatorKind) -> &'static str {
    match kind {
        OperatorKind::Function { .. } => "function",
        OperatorKind::Metric { .. } => "metric",
        OperatorKind::Check { .. } => "check",
        OperatorKind::Parameter { .. } => "parameter",
        OperatorKind::SystemMetric { .. } => "system_metric",
    }
}

/// A parameter's value as JSON, unless only Python can read it.
fn plain(value: &ParameterValue) -> Option<Value> {
    let bytes = value.bytes().ok()?;
    match value.serialization.as_str() {
        "json" => serde_json::from_slice(&bytes).ok(),
        "string" => String::from_utf8(bytes).ok().map(Value::String),
        _ => None,
    }
}
