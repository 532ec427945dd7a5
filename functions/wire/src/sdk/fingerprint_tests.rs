use super::*;
use domain::flow::{Artifact, Engine, Limits, OperatorKind, PackageEntryPoint, PythonVersion, Resources};
use domain::{DagId, FlowId};
use std::io::Write;
use uuid::Uuid;

fn id(number: u128) -> Uuid {
    Uuid::from_u128(number)
}

/// A graph of functions: the number that its ids are made from, its name, and the numbers of those whose output it reads.
fn dag(functions: &[(u128, &str, &[u128])]) -> Dag {
    let code = || Code::Package { entry_point: PackageEntryPoint::default(), python: PythonVersion::default() };
    let operators = functions.iter().map(|(number, name, inputs)| {
        let operator = Operator {
            name: (*name).to_owned(),
            description: String::new(),
            kind: OperatorKind::Function { code: code() },
            inputs: inputs.iter().map(|input| ArtifactId(id(input + 100))).collect(),
            outputs: vec![ArtifactId(id(number + 100))],
            resources: Resources::default(),
            limits: Limits::default(),
            engine: None,
        };
        (OperatorId(id(*number)), operator)
    });
    let artifact = |number: &u128| (ArtifactId(id(number + 100)), Artifact::untyped("value".to_owned()));
    Dag {
        id: DagId(id(0)),
        flow: FlowId(id(0)),
        name: "preview".to_owned(),
        created_at: "2026-11-22T12:00:00Z".parse().expect("a moment"),
        engine: Engine::BuiltIn,
        operators: operators.collect(),
        artifacts: functions.iter().map(|(number, ..)| artifact(number)).collect(),
    }
}

fn of(functions: &[(u128, &str, &[u128])]) -> Fingerprints {
    Fingerprints::of(&dag(functions), &BTreeMap::new(), None)
}

fn package(folder: &str, text: &str, year: u16) -> Vec<u8> {
    let mut zip = zip::ZipWriter::new(Cursor::new(vec![]));
    let time = zip::DateTime::from_date_and_time(year, 1, 1, 0, 0, 0).expect("a date");
    let options = zip::write::SimpleFileOptions::default().last_modified_time(time);
    zip.start_file(format!("{folder}/model.py"), options).expect("starts");
    zip.write_all(text.as_bytes()).expect("writes");
    zip.finish().expect("finishes").into_inner()
}

#[test]
fn the_same_graph_with_other_ids_is_the_same_graph() {
    let (one, other) = (of(&[(1, "a", &[]), (2, "b", &[1])]), of(&[(9, "a", &[]), (3, "b", &[9])]));
    assert_eq!(one.graph, other.graph);
    assert_eq!((one.order.operators[0].0, other.order.operators[0].0), (id(1), id(9)));
    assert_eq!((one.order.artifacts[1].0, other.order.artifacts[1].0), (id(102), id(103)));
    assert_ne!(one.operators[&OperatorId(id(1))], other.operators[&OperatorId(id(9))]);
}

#[test]
fn who_reads_from_whom_is_part_of_a_graph() {
    // Two functions that are the same are still two: reading one twice is something else.
    let twice = of(&[(1, "a", &[]), (2, "b", &[1, 1])]);
    let both = of(&[(1, "a", &[]), (3, "a", &[]), (2, "b", &[1, 3])]);
    let swapped = of(&[(1, "a", &[]), (3, "c", &[]), (2, "b", &[1, 3])]);
    let straight = of(&[(1, "a", &[]), (3, "c", &[]), (2, "b", &[3, 1])]);
    let graphs: BTreeSet<_> = [&twice, &both, &swapped, &straight].into_iter().map(|f| &f.graph).collect();
    assert_eq!(graphs.len(), 4);
    assert_eq!(both.graph, of(&[(7, "a", &[]), (5, "a", &[]), (6, "b", &[7, 5])]).graph);
}

#[test]
fn a_longer_graph_contains_the_operators_of_the_earlier_one() {
    let short = of(&[(1, "a", &[]), (2, "b", &[1])]);
    let mut longer = dag(&[(1, "a", &[]), (2, "b", &[1]), (3, "c", &[2])]);
    // Once a value is there its type is known.
    longer.artifacts.values_mut().for_each(|artifact| artifact.expected_type = "string".to_owned());
    let longer = Fingerprints::of(&longer, &BTreeMap::new(), None);
    for (operator, fingerprint) in &short.operators {
        assert_eq!(longer.operators[operator], *fingerprint);
    }
    assert_ne!(short.graph, longer.graph);
}

#[test]
fn what_depends_on_something_else_is_something_else() {
    let (one, other) = (of(&[(1, "a", &[]), (2, "b", &[1])]), of(&[(1, "x", &[]), (2, "b", &[1])]));
    assert_ne!(one.operators[&OperatorId(id(2))], other.operators[&OperatorId(id(2))]);
}

#[test]
fn packages_are_compared_by_their_contents() {
    let with = |package| {
        Fingerprints::of(&dag(&[(1, "a", &[])]), &[(OperatorId(id(1)), package)].into_iter().collect(), None).graph
    };
    assert_eq!(with(package("f00", "print(1)", 2020)), with(package("ba5", "print(1)", 2021)));
    assert_ne!(with(package("f00", "print(1)", 2020)), with(package("f00", "print(2)", 2020)));
    assert_ne!(with(b"no zip".to_vec()), with(b"none either".to_vec()));
}
