//! The graph as the SDK sends it: JSON with the ids that the client made up, and the packages of its functions.

use super::metadata::{Metadata, RawMetadata};
use super::problem::{OperatorProblem, Problem, of_operator};
use crate::v1::package::Package;
use domain::flow::{
    Artifact, Code, Dag, Engine, Limits, Operator, OperatorKind, PackageEntryPoint, ParameterValue, Resources,
    Severity, SystemMetric,
};
use domain::integration::BUILT_IN;
use domain::{ArtifactId, ClusterId, DagId, FlowId, OperatorId};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;

/// What a graph is made with.
#[derive(Debug, Clone)]
pub struct Context {
    /// The clusters there are.
    pub clusters: Vec<ClusterId>,
    /// The id of the new version.
    pub dag: DagId,
    /// The flow's id, if it is a new one.
    pub flow: FlowId,
    /// When it is sent.
    pub now: Timestamp,
}

/// A graph that has been understood. Whether it holds together as a whole is the domain's to say.
#[derive(Debug, Clone, PartialEq)]
pub struct Parsed {
    /// The graph. Its name is the flow's, and empty in a preview.
    pub dag: Dag,
    /// What is said of the flow; defaults in a preview.
    pub metadata: Metadata,
}

/// Understands a graph, with the packages that came along under their operators' ids.
///
/// # Errors
/// [`Problem`], naming the operator and what to change.
pub fn parse(dag_json: &str, packages: &BTreeMap<OperatorId, Vec<u8>>, context: &Context) -> Result<Parsed, Problem> {
    let raw: RawDag = serde_json::from_str(dag_json).map_err(|error| Problem::unreadable("field 'dag'", error))?;
    if let Some(unknown) = packages.keys().find(|id| !raw.operators.contains_key(id)) {
        return Err(Problem::unreadable("the request", format!("part '{unknown}' is no operator of the graph")));
    }
    let metadata = Metadata::read(raw.metadata)?;
    let engine = engine(raw.engine_config.as_ref(), context).map_err(|problem| problem.of_flow())?;
    let operators = raw.operators.into_iter().map(|(id, operator)| {
        let name = operator.name.clone();
        let package = packages.get(&id).map(Vec::as_slice);
        Ok((id, operator.read(package, context).map_err(of_operator(&name))?))
    });
    let mut operators = operators.collect::<Result<_, Problem>>()?;
    let artifacts = raw.artifacts.into_iter().map(|(id, artifact)| (id, artifact.into())).collect();
    tell_parameters_apart(&mut operators, &artifacts);
    let dag = Dag {
        id: context.dag,
        flow: context.flow,
        name: metadata.name.clone(),
        created_at: context.now,
        engine: engine.unwrap_or(Engine::BuiltIn),
        operators,
        artifacts,
    };
    Ok(Parsed { dag, metadata })
}

/// Gives parameters of the same name those of their artifacts. A function that is called twice has each of its implicit
/// parameters twice; the client, when it publishes, makes the names of the artifacts unique, but not theirs, by which a
/// run sets them.
fn tell_parameters_apart(operators: &mut BTreeMap<OperatorId, Operator>, artifacts: &BTreeMap<ArtifactId, Artifact>) {
    let mut of_name: BTreeMap<String, Vec<&mut Operator>> = BTreeMap::new();
    for operator in operators.values_mut().filter(|operator| matches!(operator.kind, OperatorKind::Parameter { .. })) {
        of_name.entry(operator.name.clone()).or_default().push(operator);
    }
    for parameter in of_name.into_values().filter(|parameters| parameters.len() > 1).flatten() {
        if let Some(artifact) = parameter.outputs.first().and_then(|id| artifacts.get(id)) {
            parameter.name.clone_from(&artifact.name);
        }
    }
}

#[derive(Deserialize)]
struct RawDag {
    operators: BTreeMap<OperatorId, RawOperator>,
    artifacts: BTreeMap<ArtifactId, RawArtifact>,
    #[serde(default)]
    metadata: RawMetadata,
    engine_config: Option<RawEngine>,
}

#[derive(Deserialize)]
struct RawOperator {
    name: String,
    #[serde(default)]
    description: String,
    spec: RawSpec,
    #[serde(default)]
    inputs: Vec<ArtifactId>,
    #[serde(default)]
    outputs: Vec<ArtifactId>,
}

#[derive(Deserialize)]
struct RawSpec {
    function: Option<RawFunction>,
    metric: Option<RawMetric>,
    check: Option<RawCheck>,
    param: Option<RawParameter>,
    system_metric: Option<RawSystemMetric>,
    extract: Option<Value>,
    load: Option<Value>,
    resources: Option<RawResources>,
    image: Option<Value>,
    engine_config: Option<RawEngine>,
}

#[derive(Deserialize)]
struct RawFunction {
    r#type: String,
    entry_point: Option<PackageEntryPoint>,
}

#[derive(Deserialize)]
struct RawMetric {
    function: RawFunction,
}

#[derive(Deserialize)]
struct RawCheck {
    level: Severity,
    function: RawFunction,
}

/// A parameter's value, as it is part of a graph and of a request to run one.
#[derive(Deserialize)]
pub(super) struct RawParameter {
    val: String,
    serialization_type: String,
}

#[derive(Deserialize)]
struct RawSystemMetric {
    metric_name: SystemMetric,
}

#[derive(Deserialize)]
struct RawResources {
    num_cpus: Option<u32>,
    memory_mb: Option<u32>,
    gpu_resource_name: Option<String>,
    cuda_version: Option<String>,
    use_llm: Option<bool>,
}

#[derive(Deserialize)]
struct RawEngine {
    r#type: String,
    k8s_config: Option<RawKubernetes>,
}

#[derive(Deserialize)]
struct RawKubernetes {
    #[serde(alias = "resource_id")]
    integration_id: ClusterId,
}

#[derive(Deserialize)]
struct RawArtifact {
    name: String,
    r#type: String,
    #[serde(default = "yes")]
    should_persist: bool,
}

fn yes() -> bool {
    true
}

impl RawOperator {
    fn read(self, package: Option<&[u8]>, context: &Context) -> Result<Operator, OperatorProblem> {
        let engine = engine(self.spec.engine_config.as_ref(), context)?;
        let resources = self.spec.resources.as_ref().map(RawResources::read).transpose()?.unwrap_or_default();
        let kind = self.spec.kind(package)?;
        let Self { name, description, inputs, outputs, .. } = self;
        Ok(Operator { name, description, kind, inputs, outputs, resources, limits: Limits::default(), engine })
    }
}

impl RawSpec {
    fn kind(self, package: Option<&[u8]>) -> Result<OperatorKind, OperatorProblem> {
        if self.extract.is_some() || self.load.is_some() {
            return Err(unsupported(
                "it reads from or writes to a data resource, which this server does not do: read and write in the function itself",
            ));
        }
        if self.image.is_some() {
            return Err(unsupported(
                "it names an image of its own, which this server does not use: name libraries in requirements",
            ));
        }
        Ok(match (self.function, self.metric, self.check, self.param, self.system_metric) {
            (Some(function), None, None, None, None) => OperatorKind::Function { code: function.code(package)? },
            (None, Some(metric), None, None, None) => OperatorKind::Metric { code: metric.function.code(package)? },
            (None, None, Some(check), None, None) => {
                OperatorKind::Check { severity: check.level, code: check.function.code(package)? }
            }
            (None, None, None, Some(parameter), None) => OperatorKind::Parameter { value: parameter.into() },
            (None, None, None, None, Some(metric)) => OperatorKind::SystemMetric { metric: metric.metric_name },
            _ => {
                let kinds = "function, metric, check, param and system_metric";
                return Err(OperatorProblem::Wrong(format!("its spec must have exactly one of {kinds}")));
            }
        })
    }
}

impl RawFunction {
    fn code(self, package: Option<&[u8]>) -> Result<Code, OperatorProblem> {
        if self.r#type != "file" {
            return Err(unsupported(format!(
                "its code is of type '{}': only packages ('file') are supported",
                self.r#type
            )));
        }
        let missing = || OperatorProblem::Wrong("its package is missing from the request".to_owned());
        let python = Package::inspect(package.ok_or_else(missing)?)?.python.unwrap_or_default();
        Ok(Code::Package { entry_point: self.entry_point.unwrap_or_default(), python })
    }
}

impl RawResources {
    fn read(&self) -> Result<Resources, OperatorProblem> {
        if self.use_llm == Some(true) {
            return Err(unsupported(
                "it asks for an image with language models: name libraries in requirements instead",
            ));
        }
        let gpu = self.gpu_resource_name.as_deref();
        Ok(Resources::parse(self.num_cpus, self.memory_mb, gpu, self.cuda_version.clone())?)
    }
}

fn engine(raw: Option<&RawEngine>, context: &Context) -> Result<Option<Engine>, OperatorProblem> {
    match raw {
        None => Ok(None),
        Some(engine) if engine.r#type == BUILT_IN => Ok(Some(Engine::BuiltIn)),
        Some(RawEngine { r#type, k8s_config: Some(kubernetes) }) if r#type == "k8s" => {
            let id = kubernetes.integration_id;
            let known = context.clusters.contains(&id);
            known.then_some(Some(Engine::Cluster(id))).ok_or_else(|| {
                unsupported(format!("engine '{id}' is not known: ask for it with client.resource(\"<name>\").k8s"))
            })
        }
        Some(other) => Err(unsupported(format!(
            "engine type '{}' is not supported: use the on-demand cluster of an AWS resource, or 'aqueduct'",
            other.r#type
        ))),
    }
}

fn unsupported(why: impl Into<String>) -> OperatorProblem {
    OperatorProblem::Unsupported(why.into())
}

impl From<RawParameter> for ParameterValue {
    fn from(raw: RawParameter) -> Self {
        Self { base64: raw.val, serialization: raw.serialization_type }
    }
}

impl From<RawArtifact> for Artifact {
    fn from(raw: RawArtifact) -> Self {
        Self { name: raw.name, expected_type: raw.r#type, should_persist: raw.should_persist }
    }
}

#[cfg(test)]
#[path = "dag_tests.rs"]
mod tests;
