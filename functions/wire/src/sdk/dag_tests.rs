use super::*;
use domain::flow::{Schedule, check};
use serde_json::json;
use std::io::{Cursor, Write};
use std::num::NonZeroU32;

const CLUSTER: &str = "1c88dbf8-0da7-4bf5-b21d-c0b7a4a0b4a1";
const CPU: &str = "3f29ac8e-52ad-4c4e-9f3c-5b1e3a4f5a01";
const COUNT: &str = "eb02ac8e-52ad-4c4e-9f3c-5b1e3a4f5a02";

fn zipped(files: &[(&str, &str)]) -> Vec<u8> {
    let mut zip = zip::ZipWriter::new(Cursor::new(vec![]));
    for (name, text) in files {
        zip.start_file(*name, zip::write::SimpleFileOptions::default()).expect("starts");
        zip.write_all(text.as_bytes()).expect("writes");
    }
    zip.finish().expect("finishes").into_inner()
}

/// A graph as version 0.3.6 sends it: a parameter, and a function of it on the cluster.
fn recorded() -> Value {
    json!({
        "operators": {
            COUNT: {"id": COUNT, "name": "run_on_cpu:count", "description": "", "inputs": [],
                "spec": {"param": {"val": "Mw==", "serialization_type": "json"}},
                "outputs": ["269d0000-52ad-4c4e-9f3c-5b1e3a4f5a03"]},
            CPU: {"id": CPU, "name": "run_on_cpu", "description": "On a CPU.",
                "spec": {
                    "function": {"type": "file", "granularity": "table", "language": "Python"},
                    "resources": {"num_cpus": 1, "memory_mb": 512},
                    "engine_config": {"type": "k8s", "k8s_config": {"integration_id": CLUSTER}},
                },
                "inputs": ["269d0000-52ad-4c4e-9f3c-5b1e3a4f5a03"], "outputs": ["9f0e0000-52ad-4c4e-9f3c-5b1e3a4f5a04"]},
        },
        "artifacts": {
            "269d0000-52ad-4c4e-9f3c-5b1e3a4f5a03": {"id": "269d0000-52ad-4c4e-9f3c-5b1e3a4f5a03",
                "name": "run_on_cpu:count", "type": "numeric", "should_persist": true},
            "9f0e0000-52ad-4c4e-9f3c-5b1e3a4f5a04": {"id": "9f0e0000-52ad-4c4e-9f3c-5b1e3a4f5a04",
                "name": "run_on_cpu artifact", "type": "untyped"},
        },
        "metadata": {
            "name": "workflow_with_ondemand_k8s", "description": "",
            "schedule": {"trigger": "manual", "cron_schedule": "", "disable_manual_trigger": false},
            "retention_policy": {"k_latest_runs": -1},
        },
        "engine_config": {"type": "aqueduct"},
    })
}

fn read(dag: &Value) -> Result<Parsed, Problem> {
    let package = zipped(&[("top/model.py", ""), ("top/python_version.txt", "3.10")]);
    let packages = BTreeMap::from([(CPU.parse().expect("an id"), package)]);
    let context = Context {
        clusters: vec![CLUSTER.parse().expect("an id")],
        dag: "d0000000-0000-4000-8000-000000000000".parse().expect("an id"),
        flow: "f0000000-0000-4000-8000-000000000000".parse().expect("an id"),
        now: Timestamp::UNIX_EPOCH,
    };
    parse(&dag.to_string(), &packages, &context)
}

fn with(pointer: &str, value: Value) -> Value {
    let mut dag = recorded();
    let (parent, last) = pointer.rsplit_once('/').expect("a pointer");
    dag.pointer_mut(parent).unwrap_or_else(|| panic!("no {parent}"))[last] = value;
    dag
}

fn refused(dag: &Value, words: &str) {
    let error = read(dag).expect_err("refused").to_string();
    assert!(error.contains(words), "{error:?} does not say {words:?}");
}

fn spec(value: Value) -> Value {
    with(&format!("/operators/{CPU}/spec"), value)
}

#[test]
fn a_recorded_graph_is_understood() {
    let Parsed { dag, metadata } = read(&recorded()).expect("understood");
    assert_eq!(check(&dag), Ok(()));
    assert_eq!((metadata.name.as_str(), &metadata.schedule), ("workflow_with_ondemand_k8s", &Schedule::Manual));
    let function = &dag.operators[&CPU.parse().expect("an id")];
    assert_eq!(function.engine, Some(Engine::Cluster(CLUSTER.parse().expect("an id"))));
    assert_eq!((function.resources.cpus, function.resources.memory_mib), (Some(1), Some(512)));
    assert_eq!(function.code().map(|code| code.python().to_string()).as_deref(), Some("3.10"));
    let parameter = &dag.operators[&COUNT.parse().expect("an id")];
    let OperatorKind::Parameter { value } = &parameter.kind else { panic!("{parameter:?}") };
    assert_eq!(value.bytes().expect("base64"), b"3");
    assert_eq!(parameter.outputs, function.inputs);
}

#[test]
fn parameters_of_one_name_are_called_like_their_artifacts() {
    const OTHER: &str = "eb02ac8e-52ad-4c4e-9f3c-5b1e3a4f5a05";
    const WRITTEN: &str = "269d0000-52ad-4c4e-9f3c-5b1e3a4f5a06";
    let mut dag = recorded();
    let mut second = dag["operators"][COUNT].clone();
    (second["id"], second["outputs"]) = (json!(OTHER), json!([WRITTEN]));
    dag["operators"][OTHER] = second;
    dag["artifacts"][WRITTEN] = json!({"id": WRITTEN, "name": "run_on_cpu:count (1)", "type": "numeric"});
    let Parsed { dag, .. } = read(&dag).expect("understood");
    let name = |id: &str| dag.operators[&id.parse().expect("an id")].name.clone();
    assert_eq!((name(COUNT).as_str(), name(OTHER).as_str()), ("run_on_cpu:count", "run_on_cpu:count (1)"));
    assert_eq!(check(&dag), Ok(()));
}

#[test]
fn checks_metrics_and_system_metrics_are_told_apart() {
    let function = json!({"type": "file", "granularity": "table", "language": "Python"});
    for (kind, expected) in [
        (json!({"metric": {"function": function}}), "Metric"),
        (json!({"check": {"level": "warning", "function": function}}), "severity: Warning"),
        (json!({"system_metric": {"metric_name": "max_memory"}}), "MaxMemory"),
    ] {
        let parsed = read(&spec(kind)).expect("understood");
        let kind = format!("{:?}", parsed.dag.operators[&CPU.parse().expect("an id")].kind);
        assert!(kind.contains(expected), "{kind}");
    }
}

#[test]
fn what_the_server_cannot_do_is_refused_by_name() {
    let function = json!({"type": "file"});
    refused(&spec(json!({"extract": {"service": "Postgres"}})), "operator 'run_on_cpu': it reads from or writes to");
    refused(&spec(json!({"function": {"type": "github"}})), "only packages ('file') are supported");
    refused(&spec(json!({"function": function, "image": {"url": "x"}})), "name libraries in requirements");
    refused(&spec(json!({"function": function, "resources": {"use_llm": true}})), "language models");
    refused(&spec(json!({"function": function, "resources": {"gpu_resource_name": "amd"}})), "use nvidia.com/gpu");
    refused(&spec(json!({"function": function, "engine_config": {"type": "spark"}})), "'spark' is not supported");
    refused(&with("/engine_config", json!({"type": "airflow"})), "'airflow' is not supported");
    let elsewhere = json!({"type": "k8s", "k8s_config": {"integration_id": CPU}});
    refused(&with("/engine_config", elsewhere), "is not known");
}

#[test]
fn what_is_wrong_is_said() {
    refused(&json!([]), "field 'dag' cannot be read");
    refused(&with("/operators/x", json!({})), "field 'dag' cannot be read");
    refused(&spec(json!({})), "exactly one of function, metric");
    let mut stranger = recorded();
    let operator = stranger["operators"].as_object_mut().and_then(|all| all.remove(CPU)).expect("there");
    refused(&stranger, "is no operator of the graph");
    stranger["operators"][CLUSTER] = operator;
    refused(&stranger, "is no operator of the graph");
    let metric = with(&format!("/operators/{COUNT}/spec"), json!({"function": {"type": "file"}}));
    refused(&metric, "operator 'run_on_cpu:count': its package is missing");
}

#[test]
fn schedules_and_retention_are_read() {
    let parsed = |schedule: Value| read(&with("/metadata/schedule", schedule)).map(|parsed| parsed.metadata.schedule);
    let cron = parsed(json!({"trigger": "periodic", "cron_schedule": "0 0 * * 7"})).expect("understood");
    assert_eq!(cron, Schedule::Periodic { cron: "0 0 * * 7".to_owned() });
    let source = parsed(json!({"trigger": "cascade", "cron_schedule": "", "source_id": CPU})).expect("understood");
    assert_eq!(source.source().map(|id| id.to_string()).as_deref(), Some(CPU));
    assert!(parsed(json!({"trigger": "periodic", "cron_schedule": ""})).is_err());
    assert!(parsed(json!({"trigger": "cascade"})).is_err());
    refused(&with("/metadata/schedule", json!({"trigger": "hourly"})), "use manual, periodic or cascade");
    refused(&with("/metadata/retention_policy/k_latest_runs", json!(0)), "at least 1, or -1");
    let kept = read(&with("/metadata/retention_policy/k_latest_runs", json!(3))).expect("understood");
    assert_eq!(kept.metadata.keep_runs, NonZeroU32::new(3).into());
}

#[test]
fn texts_that_a_flows_document_has_no_room_for_are_refused() {
    refused(&with("/metadata/description", json!("x".repeat(20_000))), "'metadata.description' cannot be read: it has");
    let cron = json!({"trigger": "periodic", "cron_schedule": "0,".repeat(200)});
    refused(&with("/metadata/schedule", cron), "'metadata.schedule.cron_schedule' cannot be read: it has 400 bytes");
}

#[test]
fn a_preview_has_no_name_and_cannot_be_published() {
    let parsed = read(&with("/metadata", json!({}))).expect("understood");
    assert_eq!(parsed.metadata, Metadata::default());
    assert!(parsed.metadata.check_name().is_err());
}

#[test]
fn every_kind_of_operator_is_shown_as_it_was_sent() {
    let function = json!({"type": "file", "granularity": "table", "language": "Python"});
    let mut of_github = function.clone();
    of_github["entry_point"] = json!({"file": "churn.py", "class_name": "Churn", "method": "run"});
    let resources = json!({"gpu_resource_name": "nvidia.com/gpu", "cuda_version": "11.4.1"});
    for kind in [
        json!({"function": function}),
        json!({"function": of_github}),
        json!({"function": function, "resources": resources, "engine_config": {"type": "aqueduct"}}),
        json!({"metric": {"function": function}}),
        json!({"check": {"level": "warning", "function": function}}),
        json!({"system_metric": {"metric_name": "runtime"}}),
    ] {
        let sent = spec(kind);
        let dag = read(&sent).expect("understood").dag;
        for (id, operator) in sent["operators"].as_object().expect("operators") {
            assert_eq!(super::super::nodes::operators(&dag)[id], *operator);
        }
    }
}
