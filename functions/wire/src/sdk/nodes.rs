//! Operators and artifacts as the SDK wrote them. What the domain does not keep, because it never varies, is written as
//! a constant.

use domain::flow::{
    Artifact, Code, Dag, Engine, Operator, OperatorKind, PackageEntryPoint, Resources, Severity, SystemMetric,
};
use domain::run::Run;
use domain::{ArtifactId, OperatorId};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// The types of artifacts, as far as runs have shown them.
#[derive(Debug, Default)]
pub struct Types(BTreeMap<ArtifactId, String>);

impl Types {
    /// What a version's runs have written, of each artifact the latest. The SDK does not take contents whose type is
    /// still `untyped`.
    #[must_use]
    pub fn seen<'a>(dag: &Dag, runs: impl IntoIterator<Item = &'a Run>) -> Self {
        let of_version = runs.into_iter().filter(|run| run.dag == dag.id);
        let outputs = of_version.flat_map(|run| run.operators.values()).flat_map(|state| &state.outputs);
        Self(outputs.map(|output| (output.artifact_id, output.artifact_type.clone())).collect())
    }

    fn of<'a>(&'a self, id: ArtifactId, artifact: &'a Artifact) -> &'a str {
        self.0.get(&id).map_or(&artifact.expected_type, String::as_str)
    }
}

/// An operator, as it stands in a graph.
pub(super) fn operator(id: OperatorId, operator: &Operator) -> Value {
    json!({
        "id": id,
        "name": operator.name,
        "description": operator.description,
        "spec": spec(operator),
        "inputs": operator.inputs,
        "outputs": operator.outputs,
    })
}

/// All operators of a graph, by their ids.
pub(super) fn operators(dag: &Dag) -> Map<String, Value> {
    dag.operators.iter().map(|(id, node)| (id.to_string(), operator(*id, node))).collect()
}

/// All artifacts of a graph, by their ids.
pub(super) fn artifacts(dag: &Dag, types: &Types) -> Map<String, Value> {
    let node = |(id, artifact): (&ArtifactId, &Artifact)| {
        let shown = json!({
            "id": id, "name": artifact.name, "type": types.of(*id, artifact), "should_persist": artifact.should_persist,
        });
        (id.to_string(), shown)
    };
    dag.artifacts.iter().map(node).collect()
}

/// A graph in the newer form: lists, with references in both directions.
#[must_use]
pub fn lists(dag: &Dag, types: &Types) -> Value {
    let operators = dag.operators.iter().map(|(id, node)| with(operator(*id, node), "dag_id", json!(dag.id)));
    let artifacts = dag.artifacts.iter().map(|(id, artifact)| {
        let readers = dag.operators.iter().filter(|(_, operator)| operator.inputs.contains(id));
        json!({
            "id": id,
            "dag_id": dag.id,
            "name": artifact.name,
            "description": "",
            "type": types.of(*id, artifact),
            "input": dag.producer(*id),
            "outputs": readers.map(|(id, _)| *id).collect::<Vec<_>>(),
        })
    });
    json!({"operators": operators.collect::<Vec<_>>(), "artifacts": artifacts.collect::<Vec<_>>()})
}

/// An engine.
pub(super) fn engine(engine: Engine) -> Value {
    match engine {
        Engine::BuiltIn => json!({"type": "aqueduct"}),
        Engine::Cluster(id) => json!({"type": "k8s", "k8s_config": {"integration_id": id}}),
    }
}

/// The same object with one more field.
pub(super) fn with(mut object: Value, field: &str, value: Value) -> Value {
    object[field] = value;
    object
}

fn spec(operator: &Operator) -> Value {
    let mut spec = match &operator.kind {
        OperatorKind::Function { code } => json!({"function": function(code)}),
        OperatorKind::Metric { code } => json!({"metric": {"function": function(code)}}),
        OperatorKind::Check { severity, code } => {
            json!({"check": {"level": level(*severity), "function": function(code)}})
        }
        OperatorKind::Parameter { value } => {
            json!({"param": {"val": value.base64, "serialization_type": value.serialization}})
        }
        OperatorKind::SystemMetric { metric } => json!({"system_metric": {"metric_name": measure(*metric)}}),
    };
    if operator.resources != Resources::default() {
        spec["resources"] = resources(&operator.resources);
    }
    if let Some(chosen) = operator.engine {
        spec["engine_config"] = engine(chosen);
    }
    spec
}

fn function(code: &Code) -> Value {
    let function = json!({"type": "file", "language": "Python", "granularity": "table"});
    match code {
        Code::Package { entry_point, .. } if *entry_point != PackageEntryPoint::default() => {
            with(function, "entry_point", json!(entry_point))
        }
        Code::Package { .. } | Code::Source { .. } => function,
    }
}

fn resources(resources: &Resources) -> Value {
    let mut fields = Map::new();
    fields.extend(resources.cpus.map(|cpus| ("num_cpus".to_owned(), json!(cpus))));
    fields.extend(resources.memory_mib.map(|memory| ("memory_mb".to_owned(), json!(memory))));
    fields.extend(resources.gpu.then(|| ("gpu_resource_name".to_owned(), json!("nvidia.com/gpu"))));
    fields.extend(resources.cuda_version.as_ref().map(|version| ("cuda_version".to_owned(), json!(version))));
    Value::Object(fields)
}

fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Warning => "warning",
        Severity::Error => "error",
    }
}

fn measure(metric: SystemMetric) -> &'static str {
    match metric {
        SystemMetric::Runtime => "runtime",
        SystemMetric::MaxMemory => "max_memory",
    }
}
