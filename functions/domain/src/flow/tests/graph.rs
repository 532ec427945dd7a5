//! Every way in which a graph can fail to hold together, and what its author is told.

use super::*;
use crate::flow::tests::sample::{code, operator};
use uuid::Uuid;

type Change = fn(&mut Dag);

const BROKEN: &[(&str, Change, &str)] = &[
    ("a", |dag| dag.operators.clear(), "a flow needs at least one operator"),
    (
        "a",
        |dag| {
            let a = dag.operators[&dag.id_of("a")].clone();
            dag.operators.extend((1000..1500).map(|n| (OperatorId(Uuid::from_u128(n)), a.clone())));
        },
        "a flow may have at most 500 operators, but this one has 501",
    ),
    ("a", |dag| dag.operator_mut("a").name = " ".to_owned(), "every operator needs a name"),
    (
        "a",
        |dag| dag.operator_mut("a").name = "é".repeat(129),
        "the operator 'éééééééééééééééééééééééééééééééééééééééé…' has a name of 258 bytes, and 256 are allowed: shorten it",
    ),
    (
        "a",
        |dag| dag.name = "n".repeat(257),
        "the flow 'nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn…' has a name of 257 bytes, and 256 are allowed: shorten it",
    ),
    (
        "a",
        |dag| dag.operator_mut("a").name = "a\nb".to_owned(),
        "the operator \"a\\nb\" has control characters in its name: leave them out",
    ),
    (
        "a",
        |dag| {
            let a = dag.operators[&dag.id_of("a")].clone();
            let long = (0..100)
                .map(|n| (OperatorId(Uuid::from_u128(1000 + n)), Operator { name: "n".repeat(256), ..a.clone() }));
            dag.operators.extend(long);
        },
        "the names of a flow's functions may have 24576 bytes together, but these have 25601: shorten them",
    ),
    (
        "a",
        |dag| {
            let values = (0..600).map(|n| (ArtifactId(Uuid::from_u128(1000 + n)), Artifact::untyped(n.to_string())));
            dag.artifacts.extend(values);
        },
        "the operators of a flow may have at most 600 outputs together, but these have 601: return several values as one list or dictionary",
    ),
    (
        "a; b",
        |dag| {
            for operator in dag.operators.values_mut() {
                (operator.name, operator.kind) = ("a".to_owned(), parameter());
            }
        },
        "operator 'a' occurs more than once: names must be unique within a flow",
    ),
    (
        "a; b: a",
        |dag| dag.operator_mut("b").inputs = vec![ArtifactId(Uuid::from_u128(99))],
        "operator 'b': its input '00000000-0000-0000-0000-000000000063' is not part of the flow",
    ),
    (
        "a",
        |dag| dag.operator_mut("a").outputs.push(ArtifactId(Uuid::from_u128(99))),
        "operator 'a': its output '00000000-0000-0000-0000-000000000063' is not part of the flow",
    ),
    (
        "a",
        |dag| _ = dag.artifacts.insert(ArtifactId(Uuid::from_u128(99)), Artifact::untyped("orphan".to_owned())),
        "artifact 'orphan' is not the output of any operator",
    ),
    (
        "a; b",
        |dag| {
            let a = dag.artifact_of("a");
            dag.operator_mut("b").outputs.push(a);
        },
        "artifact 'a' is the output of more than one operator",
    ),
    ("a; b: a c; c: b; d: c", |_| {}, "operators 'b', 'c' wait for each other in a circle"),
    ("a; b: b", |_| {}, "operators 'b' wait for each other in a circle"),
    ("a", |dag| dag.operator_mut("a").outputs.clear(), "operator 'a': a function has at least one output"),
    (
        "a",
        |dag| {
            *dag.operator_mut("a") = operator("a", OperatorKind::Metric { code: code() }, vec![], vec![]);
        },
        "operator 'a': a metric has exactly one output",
    ),
    (
        "a",
        |dag| {
            let kind = OperatorKind::Check { severity: Severity::Error, code: code() };
            *dag.operator_mut("a") = operator("a", kind, vec![], vec![]);
        },
        "operator 'a': a check has exactly one output",
    ),
    (
        "a; b: a",
        |dag| dag.operator_mut("b").kind = parameter(),
        "operator 'b': a parameter has no input and exactly one output",
    ),
    (
        "a; b; c: a b",
        |dag| dag.operator_mut("c").kind = system_metric(),
        "operator 'c': a system metric has exactly one input and one output",
    ),
    (
        "a",
        |dag| {
            let value = ParameterValue { base64: "no base64!".to_owned(), serialization: "json".to_owned() };
            dag.operator_mut("a").kind = OperatorKind::Parameter { value };
        },
        "parameter 'a': its value is not valid base64",
    ),
    (
        "a",
        |dag| {
            let OperatorKind::Function { code: Code::Source { entry_point, .. } } = &mut dag.operator_mut("a").kind
            else {
                panic!("a function");
            };
            *entry_point = "main".to_owned();
        },
        "operator 'a': its source does not define 'main'; write 'def main(...)' or change entry_point",
    ),
];

#[test]
fn a_broken_graph_is_refused_and_its_author_told_where() {
    for (text, change, told) in BROKEN {
        let mut broken = dag(text);
        change(&mut broken);
        assert_eq!(check(&broken).map_err(|error| error.to_string()), Err((*told).to_owned()), "{text}");
    }
}

#[test]
fn a_sound_graph_is_accepted() {
    let mut sound = dag("n; load; train: load n; quality: train; fast: train; ok: quality");
    sound.operator_mut("n").kind = parameter();
    sound.operator_mut("quality").kind = OperatorKind::Metric { code: code() };
    sound.operator_mut("fast").kind = system_metric();
    sound.operator_mut("ok").kind = OperatorKind::Check { severity: Severity::Warning, code: code() };
    assert_eq!(check(&sound), Ok(()));
}

#[test]
fn an_operator_may_write_several_artifacts_and_read_one_twice() {
    let mut several = dag("split; join: split");
    let left = ArtifactId(Uuid::from_u128(99));
    several.artifacts.insert(left, Artifact::untyped("left".to_owned()));
    several.operator_mut("split").outputs.push(left);
    let right = several.artifact_of("split");
    several.operator_mut("join").inputs = vec![left, right, right];
    assert_eq!(check(&several), Ok(()));
    assert_eq!(several.in_order(), [several.id_of("split"), several.id_of("join")]);
    assert_eq!(several.producer(left), Some(several.id_of("split")));
}

#[test]
fn a_flow_runs_on_the_one_cluster_its_functions_name() {
    let (one, two) = (cluster(1), cluster(2));
    let parameters_only = || {
        let mut dag = dag("a");
        dag.operator_mut("a").kind = parameter();
        dag
    };
    let named = |names: &[(&str, ClusterId)]| {
        let mut dag = dag("a; b");
        for (name, id) in names {
            dag.operator_mut(name).engine = Some(Engine::Cluster(*id));
        }
        dag
    };
    let by_default = |id| Dag { engine: Engine::Cluster(id), ..dag("a; b") };
    let mixed = || Dag { engine: Engine::Cluster(one), ..named(&[("a", two)]) };

    assert_eq!(parameters_only().cluster(&[]), Ok(None));
    assert_eq!(dag("a").cluster(&[one]), Ok(Some(one)), "there is just one to choose");
    assert_eq!(named(&[("a", two)]).cluster(&[one, two]), Ok(Some(two)), "b goes where a goes");
    assert_eq!(named(&[("a", two), ("b", two)]).cluster(&[one, two]), Ok(Some(two)));
    assert_eq!(by_default(two).cluster(&[one, two]), Ok(Some(two)));
    assert_eq!(mixed().cluster(&[one, two]), Err(DagError::SeveralClusters { count: 2 }));
    assert_eq!(dag("a").cluster(&[]), Err(DagError::NoCluster { choices: 0 }));
    let undecided = dag("a").cluster(&[one, two]).expect_err("refused").to_string();
    assert!(undecided.contains("2 are registered: set engine to '<integration>:aqueduct_ondemand_k8s'"), "{undecided}");
}
