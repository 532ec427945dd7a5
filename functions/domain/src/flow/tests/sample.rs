//! Small DAGs to test with.

use crate::flow::*;
use proptest::prelude::*;
use uuid::Uuid;

/// A DAG from its operators, each with those it waits for: `dag("load; train: load")`. Every operator is a function
/// and writes one artifact, which has the operator's name; ids are numbered in the order of writing.
pub(crate) fn dag(text: &str) -> Dag {
    let operators = text.split(';').map(|operator| operator.split_once(':').unwrap_or((operator, "")));
    let operators: Vec<(String, Vec<String>)> = operators
        .map(|(name, upstream)| (name.trim().to_owned(), upstream.split_whitespace().map(str::to_owned).collect()))
        .collect();
    graph(&operators)
}

fn graph(written: &[(String, Vec<String>)]) -> Dag {
    let ids = (1..).map(Uuid::from_u128);
    let ids: BTreeMap<&str, Uuid> = written.iter().map(|(name, _)| name.as_str()).zip(ids).collect();
    let operators = written.iter().map(|(name, upstream)| {
        let inputs = upstream.iter().map(|name| ArtifactId(ids[name.as_str()])).collect();
        let outputs = vec![ArtifactId(ids[name.as_str()])];
        (OperatorId(ids[name.as_str()]), operator(name, function(), inputs, outputs))
    });
    Dag {
        id: DagId(Uuid::from_u128(0xd)),
        flow: FlowId(Uuid::from_u128(0xf)),
        name: "a flow".to_owned(),
        created_at: Timestamp::UNIX_EPOCH,
        engine: Engine::BuiltIn,
        operators: operators.collect(),
        artifacts: written.iter().map(|(n, _)| (ArtifactId(ids[n.as_str()]), Artifact::untyped(n.clone()))).collect(),
    }
}

pub(crate) fn operator(name: &str, kind: OperatorKind, inputs: Vec<ArtifactId>, outputs: Vec<ArtifactId>) -> Operator {
    let (name, description) = (name.to_owned(), String::new());
    let (resources, limits) = (Resources::default(), Limits::default());
    Operator { name, description, kind, inputs, outputs, resources, limits, engine: None }
}

pub(crate) fn code() -> Code {
    Code::Source {
        source: "def work(*inputs):\n    return 1\n".to_owned(),
        entry_point: "work".to_owned(),
        requirements: vec![],
        python: PythonVersion::default(),
    }
}

pub(crate) fn function() -> OperatorKind {
    OperatorKind::Function { code: code() }
}

pub(crate) fn parameter() -> OperatorKind {
    OperatorKind::Parameter { value: ParameterValue::of_json(&serde_json::json!(1)) }
}

pub(crate) fn system_metric() -> OperatorKind {
    OperatorKind::SystemMetric { metric: SystemMetric::Runtime }
}

pub(crate) fn cluster(number: u128) -> ClusterId {
    ClusterId(Uuid::from_u128(number))
}

impl Dag {
    /// The operator of a name.
    pub(crate) fn id_of(&self, name: &str) -> OperatorId {
        *self.operators.iter().find(|(_, operator)| operator.name == name).expect("an operator of that name").0
    }

    /// The operator of a name, to change it.
    pub(crate) fn operator_mut(&mut self, name: &str) -> &mut Operator {
        let id = self.id_of(name);
        self.operators.get_mut(&id).expect("it was found")
    }

    /// The artifact of a name.
    pub(crate) fn artifact_of(&self, name: &str) -> ArtifactId {
        *self.artifacts.iter().find(|(_, artifact)| artifact.name == name).expect("an artifact of that name").0
    }
}

/// Up to eight operators, each waiting for some of those that come before it in an order that their ids do not tell.
/// Operators without input may be parameters, those with one input system metrics.
pub(crate) fn acyclic() -> impl Strategy<Value = Dag> {
    let names: Vec<String> = ('a'..='h').map(String::from).collect();
    let names = (Just(names).prop_shuffle(), 1..=8_usize).prop_map(|(mut names, count)| {
        names.truncate(count);
        names
    });
    (names, proptest::collection::vec(0..=255_u8, 8), any::<u8>()).prop_map(|(names, masks, computed)| {
        let chosen = |mask: u8, index: usize| mask & (1 << index) != 0;
        let mut written = vec![];
        for (index, name) in names.iter().enumerate() {
            let upstream = (0..index).filter(|earlier| chosen(masks[index], *earlier)).map(|i| names[i].clone());
            written.push((name.clone(), upstream.collect()));
        }
        written.sort();
        let mut dag = graph(&written);
        for (_, operator) in dag.operators.values_mut().enumerate().filter(|(index, _)| chosen(computed, *index)) {
            match operator.inputs.len() {
                0 => operator.kind = parameter(),
                1 => operator.kind = system_metric(),
                _ => {}
            }
        }
        dag
    })
}
