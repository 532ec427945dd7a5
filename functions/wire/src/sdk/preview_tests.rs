use super::*;
use domain::flow::{Artifact, Code, Engine, Limits, Operator, OperatorKind, PythonVersion, Resources};
use domain::run::{FailureType, OperatorError, OperatorStatus, RunStatus};
use domain::{DagId, FlowId, RunId};
use uuid::Uuid;

fn operator(number: u128) -> OperatorId {
    OperatorId(Uuid::from_u128(number))
}

fn artifact(number: u128) -> ArtifactId {
    ArtifactId(Uuid::from_u128(number))
}

fn function(name: &str, inputs: &[u128], outputs: &[u128]) -> Operator {
    let code = Code::Source {
        source: String::new(),
        entry_point: name.to_owned(),
        requirements: vec![],
        python: PythonVersion::default(),
    };
    Operator {
        name: name.to_owned(),
        description: String::new(),
        kind: OperatorKind::Function { code },
        inputs: inputs.iter().map(|id| artifact(*id)).collect(),
        outputs: outputs.iter().map(|id| artifact(*id)).collect(),
        resources: Resources::default(),
        limits: Limits::default(),
        engine: None,
    }
}

/// `load` (1) writes 11 for `sum` (2), which writes 12.
fn dag() -> Dag {
    let now = "2026-11-22T12:00:00Z".parse().expect("a moment");
    Dag {
        id: DagId(Uuid::nil()),
        flow: FlowId(Uuid::nil()),
        name: "preview".to_owned(),
        created_at: now,
        engine: Engine::BuiltIn,
        operators: [(operator(1), function("load", &[], &[11])), (operator(2), function("sum", &[11], &[12]))].into(),
        artifacts: [11, 12].map(|id| (artifact(id), Artifact::untyped("value".to_owned()))).into(),
    }
}

fn run(dag: &Dag, status: RunStatus) -> Run {
    let mut run = Run::submitted(RunId(Uuid::nil()), dag, None, BTreeMap::new(), dag.created_at);
    run.status = status;
    run
}

fn writes(run: &mut Run, of: u128, id: u128) {
    let state = run.operators.get_mut(&operator(of)).expect("an operator");
    state.status = OperatorStatus::Succeeded;
    state.outputs = vec![OutputType {
        artifact_id: artifact(id),
        artifact_type: "numeric".to_owned(),
        serialization_type: "json".to_owned(),
        size_bytes: 2,
    }];
}

#[test]
fn the_values_at_the_ends_come_with_the_clients_own_names() {
    let dag = dag();
    let mut run = run(&dag, RunStatus::Succeeded);
    writes(&mut run, 1, 11);
    writes(&mut run, 2, 12);
    let order = |start: u128| Order {
        operators: vec![operator(start), operator(start + 1)],
        artifacts: vec![artifact(start + 10), artifact(start + 11)],
    };
    let names = Renaming::between(&order(1), &order(41));
    let logs = [(operator(1), Logs { stdout: "hi\n".to_owned(), stderr: String::new() })].into();
    let answer = PreviewAnswer { run: &run, dag: &dag, names: &names, logs: &logs };
    let values: Vec<_> = wanted(&run, &dag).map(|(of, output)| (of, output.artifact_id)).collect();
    assert_eq!(values, [(operator(2), artifact(12))]);

    let metadata = answer.metadata();
    assert_eq!(metadata["status"], "succeeded");
    let ran = &metadata["operator_results"][operator(41).to_string()];
    let expected = json!({
        "status": "succeeded", "failure_type": null, "error": null, "user_logs": {"stdout": "hi\n", "stderr": ""},
    });
    assert_eq!(*ran, expected);
    for id in [51, 52] {
        let of_artifact = &metadata["artifact_types_metadata"][artifact(id).to_string()];
        assert_eq!(*of_artifact, json!({"serialization_type": "json", "artifact_type": "numeric"}));
    }
    let (_, body) = answer.render(&[(artifact(12), b"42".to_vec())].into(), "B".to_owned());
    let body = String::from_utf8(body).expect("text");
    assert!(body.starts_with("--B\r\nContent-Disposition: form-data; name=\"metadata\"\r\n\r\n{"), "{body}");
    assert!(body.ends_with(&format!("name=\"{}\"\r\n\r\n42\r\n--B--\r\n", artifact(52))), "{body}");
}

#[test]
fn a_failure_says_what_the_user_can_do_and_what_did_not_run() {
    let dag = dag();
    let mut run = run(&dag, RunStatus::Failed);
    let error = OperatorError { tip: "Divide by something else.".to_owned(), context: String::new() };
    let failed = run.operators.get_mut(&operator(1)).expect("an operator");
    (failed.status, failed.failure_type, failed.error) =
        (OperatorStatus::Failed, Some(FailureType::UserFatal), Some(error));
    run.operators.get_mut(&operator(2)).expect("an operator").status = OperatorStatus::Canceled;
    let (names, logs) = (Renaming::default(), BTreeMap::new());
    let answer = PreviewAnswer { run: &run, dag: &dag, names: &names, logs: &logs };
    let metadata = answer.metadata();
    let of = |number| &metadata["operator_results"][operator(number).to_string()];
    assert_eq!((&metadata["status"], &of(1)["failure_type"]), (&json!("failed"), &json!(2)));
    assert_eq!(of(1)["error"], json!({"tip": "Divide by something else.", "context": ""}));
    assert_eq!((&of(2)["status"], &of(2)["error"]), (&json!("canceled"), &Value::Null));
    assert_eq!(wanted(&run, &dag).count(), 0);
}

#[test]
fn a_false_warning_is_an_answer() {
    let dag = dag();
    let mut run = run(&dag, RunStatus::Succeeded);
    writes(&mut run, 1, 11);
    writes(&mut run, 2, 12);
    let check = run.operators.get_mut(&operator(2)).expect("an operator");
    (check.status, check.failure_type) = (OperatorStatus::Failed, Some(FailureType::UserNonFatal));
    let (names, logs) = (Renaming::default(), BTreeMap::new());
    let answer = PreviewAnswer { run: &run, dag: &dag, names: &names, logs: &logs };
    let metadata = answer.metadata();
    assert_eq!(metadata["status"], "succeeded");
    assert_eq!(metadata["operator_results"][operator(2).to_string()]["failure_type"], 3);
    assert_eq!(wanted(&run, &dag).count(), 1);
}
