//! From a flow as people write it, with names, to the domain's graph, with ids. Whether the graph holds together as a
//! whole (no circle, entry points that exist) is the domain's to say.

use super::flow::{Kind, OperatorRequest, PublishRequest, ResourcesRequest};
use super::package::Package;
pub use super::problem::{FlowError, OperatorProblem};
use super::problem::{LONGEST_CRON, LONGEST_DESCRIPTION, LONGEST_NAME};
use super::schedule::Schedule;
use base64::Engine as _;
use domain::cluster::Cluster;
use domain::flow::{
    Artifact, Code, Dag, DagError, Engine, Limits, Operator, OperatorKind, PackageEntryPoint, ParameterValue,
    PythonVersion, Resources, Severity,
};
use domain::integration::BUILT_IN;
use domain::{ArtifactId, DagId, FlowId, OperatorId};
use jiff::Timestamp;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use uuid::Uuid;

/// So many names are listed in an error at most.
const MOST_LISTED: usize = 20;

/// What a graph is made with.
#[derive(Debug, Clone, Copy)]
pub struct Place<'a> {
    /// The id of the new version.
    pub dag: DagId,
    /// The flow's id, if it is a new one.
    pub flow: FlowId,
    /// When it is published.
    pub now: Timestamp,
    /// The clusters there are.
    pub clusters: &'a [Cluster],
}

/// A flow that has been understood.
#[derive(Debug, Clone)]
pub struct Graph {
    /// The graph.
    pub dag: Dag,
    /// The packages of the operators that come as packages.
    pub packages: BTreeMap<OperatorId, Vec<u8>>,
}

impl Graph {
    /// Understands a flow, with the packages that came along by the name of their part.
    ///
    /// # Errors
    /// [`FlowError`], naming operator and field.
    pub fn read(
        request: &PublishRequest,
        parts: BTreeMap<String, Vec<u8>>,
        place: &Place<'_>,
    ) -> Result<Self, FlowError> {
        check_name("name", &request.name)?;
        check_length("description", &request.description, LONGEST_DESCRIPTION)?;
        if let Some(Schedule::Cron(cron)) = &request.schedule {
            check_length("schedule.cron", cron, LONGEST_CRON)?;
        }
        let python = match &request.python_version {
            Some(text) => PythonVersion::try_from(text.clone())?,
            None => PythonVersion::default(),
        };
        let names = Names::of(request, place.dag)?;
        let mut draft = Draft { place, python, names, parts, packages: BTreeMap::new(), used: BTreeSet::new() };
        let mut operators = BTreeMap::new();
        for (name, value) in &request.parameters {
            operators.insert(operator_id(place.dag, name), draft.parameter(name, value));
        }
        for operator in &request.operators {
            operators.insert(operator_id(place.dag, &operator.name), draft.operator(operator)?);
        }
        if let Some(unused) = draft.parts.keys().find(|part| !draft.used.contains(*part)) {
            return Err(FlowError::UnusedPart(unused.clone()));
        }
        let dag = Dag {
            id: place.dag,
            flow: place.flow,
            name: request.name.clone(),
            created_at: place.now,
            engine: draft.engine(request.engine.as_deref(), "")?.unwrap_or(Engine::BuiltIn),
            operators,
            artifacts: draft.names.artifacts,
        };
        Ok(Self { dag, packages: draft.packages })
    }
}

/// What inputs can refer to.
struct Names {
    /// By the name of an operator, parameter or `<operator>.<output>`.
    referents: BTreeMap<String, Vec<ArtifactId>>,
    /// The outputs of each operator and parameter.
    outputs: BTreeMap<String, Vec<(String, ArtifactId)>>,
    artifacts: BTreeMap<ArtifactId, Artifact>,
}

impl Names {
    fn of(request: &PublishRequest, dag: DagId) -> Result<Self, FlowError> {
        let mut names = Self { referents: BTreeMap::new(), outputs: BTreeMap::new(), artifacts: BTreeMap::new() };
        for parameter in request.parameters.keys() {
            check_name("parameters", parameter)?;
            names.declare(dag, parameter, &[])?;
        }
        for operator in &request.operators {
            check_name("operators.name", &operator.name)?;
            names.declare(dag, &operator.name, &operator.outputs)?;
        }
        // Last, so that an operator that is called like another one's output is found by its name.
        for (owner, outputs) in &names.outputs {
            names.referents.insert(owner.clone(), outputs.iter().map(|(_, id)| *id).collect());
        }
        Ok(names)
    }

    fn declare(&mut self, dag: DagId, owner: &str, outputs: &[String]) -> Result<(), FlowError> {
        let only = [owner.to_owned()];
        let outputs = if outputs.is_empty() { &only } else { outputs };
        let mut declared: Vec<(String, ArtifactId)> = vec![];
        for output in outputs {
            if output.trim().is_empty() || declared.iter().any(|(name, _)| name == output) {
                let problem = OperatorProblem::Output(output.clone());
                return Err(FlowError::Operator { operator: owner.to_owned(), problem });
            }
            let id = ArtifactId(Uuid::new_v5(&dag.0, format!("artifact\n{owner}\n{output}").as_bytes()));
            self.artifacts.insert(id, Artifact::untyped(output.clone()));
            self.referents.insert(format!("{owner}.{output}"), vec![id]);
            declared.push((output.clone(), id));
        }
        match self.outputs.insert(owner.to_owned(), declared) {
            None => Ok(()),
            Some(_) => Err(DagError::DuplicateName(owner.to_owned()).into()),
        }
    }

    fn resolve(&self, input: &str) -> Result<ArtifactId, OperatorProblem> {
        match self.referents.get(input).map(Vec::as_slice) {
            Some([id]) => Ok(*id),
            Some(_) => {
                let outputs = self.outputs.get(input).into_iter().flatten();
                let choices = list(outputs.map(|(output, _)| format!("{input}.{output}")));
                Err(OperatorProblem::AmbiguousInput { input: input.to_owned(), choices })
            }
            None => {
                let known = list(self.outputs.keys().cloned());
                Err(OperatorProblem::UnknownInput { input: input.to_owned(), known })
            }
        }
    }

    fn of_operator(&self, name: &str) -> Vec<ArtifactId> {
        self.outputs.get(name).into_iter().flatten().map(|(_, id)| *id).collect()
    }
}

struct Draft<'a> {
    place: &'a Place<'a>,
    python: PythonVersion,
    names: Names,
    parts: BTreeMap<String, Vec<u8>>,
    used: BTreeSet<String>,
    packages: BTreeMap<OperatorId, Vec<u8>>,
}

impl Draft<'_> {
    fn parameter(&self, name: &str, value: &Value) -> Operator {
        Operator {
            name: name.to_owned(),
            description: String::new(),
            kind: OperatorKind::Parameter { value: ParameterValue::of_json(value) },
            inputs: vec![],
            outputs: self.names.of_operator(name),
            resources: Resources::default(),
            limits: Limits::default(),
            engine: None,
        }
    }

    fn operator(&mut self, request: &OperatorRequest) -> Result<Operator, FlowError> {
        let engine = self.engine(request.engine.as_deref(), &format!("operator '{}': ", request.name))?;
        let problem = |problem| FlowError::Operator { operator: request.name.clone(), problem };
        let inputs: Result<Vec<_>, _> = request.inputs.iter().map(|input| self.names.resolve(input)).collect();
        Ok(Operator {
            name: request.name.clone(),
            description: request.description.clone(),
            inputs: inputs.map_err(problem)?,
            outputs: self.names.of_operator(&request.name),
            resources: resources(&request.resources).map_err(problem)?,
            limits: Limits::parse(request.timeout, request.retries).map_err(|error| problem(error.into()))?,
            kind: self.kind(request).map_err(problem)?,
            engine,
        })
    }

    fn kind(&mut self, request: &OperatorRequest) -> Result<OperatorKind, OperatorProblem> {
        if request.severity.is_some() && request.kind != Kind::Check {
            return Err(OperatorProblem::Field { field: "severity", rule: "is for an operator of kind 'check' only" });
        }
        let code = self.code(request)?;
        Ok(match request.kind {
            Kind::Function => OperatorKind::Function { code },
            Kind::Metric => OperatorKind::Metric { code },
            Kind::Check => OperatorKind::Check { severity: request.severity.unwrap_or(Severity::Error), code },
        })
    }

    fn code(&mut self, request: &OperatorRequest) -> Result<Code, OperatorProblem> {
        let package = match (&request.source, &request.package, &request.package_base64) {
            (Some(source), None, None) => return self.source(request, source.clone()),
            (None, Some(part), None) => {
                let known = || list(self.parts.keys().cloned());
                let bytes = self.parts.get(part).cloned();
                let bytes = bytes.ok_or_else(|| OperatorProblem::UnknownPart { part: part.clone(), known: known() })?;
                self.used.insert(part.clone());
                bytes
            }
            (None, None, Some(text)) => base64::engine::general_purpose::STANDARD
                .decode(text.trim())
                .map_err(|_| OperatorProblem::Field { field: "package_base64", rule: "is not valid base64" })?,
            (source, package, base64) => {
                let found = [source, package, base64].iter().filter(|field| field.is_some()).count();
                return Err(OperatorProblem::Code(found));
            }
        };
        for (field, given) in
            [("entry_point", request.entry_point.is_some()), ("requirements", request.requirements.is_some())]
        {
            if given {
                return Err(OperatorProblem::Field { field, rule: "is for source text: a package brings its own" });
            }
        }
        let python = Package::inspect(&package)?.python.unwrap_or(self.python);
        self.packages.insert(operator_id(self.place.dag, &request.name), package);
        Ok(Code::Package { entry_point: PackageEntryPoint::default(), python })
    }

    fn source(&self, request: &OperatorRequest, source: String) -> Result<Code, OperatorProblem> {
        let entry_point = match &request.entry_point {
            Some(name) => name.clone(),
            None if is_python_name(&request.name) => request.name.clone(),
            None => return Err(OperatorProblem::NoEntryPoint),
        };
        let requirements = request.requirements.clone().unwrap_or_default();
        Ok(Code::Source { source, entry_point, requirements, python: self.python })
    }

    fn engine(&self, name: Option<&str>, place: &str) -> Result<Option<Engine>, FlowError> {
        let Some(name) = name else { return Ok(None) };
        if name == BUILT_IN {
            return Ok(Some(Engine::BuiltIn));
        }
        let cluster = self.place.clusters.iter().find(|cluster| cluster.name == name);
        let cluster = cluster.ok_or_else(|| {
            let names = self.place.clusters.iter().map(|cluster| cluster.name.clone());
            let known = list(names.chain([BUILT_IN.to_owned()]));
            FlowError::UnknownEngine { place: place.to_owned(), engine: name.to_owned(), known }
        })?;
        Ok(Some(Engine::Cluster(cluster.id)))
    }
}

fn operator_id(dag: DagId, name: &str) -> OperatorId {
    OperatorId(Uuid::new_v5(&dag.0, format!("operator\n{name}").as_bytes()))
}

fn resources(request: &ResourcesRequest) -> Result<Resources, OperatorProblem> {
    if request.cuda_version.is_some() && request.gpu_resource_name.is_none() {
        let rule = "needs resources.gpu_resource_name: \"nvidia.com/gpu\"";
        return Err(OperatorProblem::Field { field: "resources.cuda_version", rule });
    }
    let memory = request.memory.as_ref().map(megabytes).transpose()?;
    let gpu = request.gpu_resource_name.as_deref();
    Ok(Resources::parse(request.num_cpus, memory, gpu, request.cuda_version.clone())?)
}

/// Megabytes as the SDK counts them: a gigabyte has 1024 of them.
fn megabytes(memory: &Value) -> Result<u32, OperatorProblem> {
    let read = match memory {
        Value::Number(number) => number.as_u64(),
        Value::String(text) => {
            let text = text.trim().to_ascii_uppercase();
            let (number, factor) = match (text.strip_suffix("GB"), text.strip_suffix("MB")) {
                (Some(number), _) => (number, 1024),
                (_, Some(number)) => (number, 1),
                _ => (text.as_str(), 1),
            };
            number.trim().parse::<u64>().ok().and_then(|number| number.checked_mul(factor))
        }
        _ => None,
    };
    read.and_then(|number| u32::try_from(number).ok()).ok_or_else(|| OperatorProblem::Memory(memory.clone()))
}

fn is_python_name(text: &str) -> bool {
    let mut characters = text.chars();
    characters.next().is_some_and(|c| c.is_alphabetic() || c == '_')
        && characters.all(|c| c.is_alphanumeric() || c == '_')
}

fn check_name(field: &'static str, name: &str) -> Result<(), FlowError> {
    let fine = !name.trim().is_empty() && name.len() <= LONGEST_NAME;
    if fine { Ok(()) } else { Err(FlowError::Name { field, name: name.chars().take(40).collect() }) }
}

fn check_length(field: &'static str, text: &str, most: usize) -> Result<(), FlowError> {
    if text.len() <= most { Ok(()) } else { Err(FlowError::TooLong { field, bytes: text.len(), most }) }
}

fn list(names: impl Iterator<Item = String>) -> String {
    let mut names: Vec<String> = names.take(MOST_LISTED + 1).map(|name| format!("'{name}'")).collect();
    if names.len() > MOST_LISTED {
        names[MOST_LISTED] = "…".to_owned();
    }
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}

#[cfg(test)]
#[path = "graph_tests.rs"]
mod tests;
