//! Flows and runs as the SDK publishes and reads them.

use crate::harness::{Deployment, KEY, UNKNOWN, refused, text};
use crate::sdk::{COUNT, COUNT_VALUE, FAMILIES, WORK, WORK_VALUE, graph};
use axum::body::Body;
use axum::http::Request;
use domain::flow::Schedule;
use domain::run::{Cause, Command, FailureType, OperatorError, Outcome, OutputType, SystemMetadata};
use domain::{OperatorId, RunId};
use runtime::keys;
use serde_json::{Value, json};

const LOGS: &str = r#"{"stdout": "hello\n", "stderr": ""}"#;

fn written(artifact: &str, artifact_type: &str, serialization: &str) -> OutputType {
    OutputType {
        artifact_id: artifact.parse().expect("an id"),
        artifact_type: artifact_type.to_owned(),
        serialization_type: serialization.to_owned(),
        size_bytes: 5,
    }
}

/// A published flow with a run whose function has ended in some way.
async fn ran(deployment: &Deployment, cluster: &str, outcome: Outcome) -> (String, RunId) {
    ran_graph(deployment, &graph("shop", cluster), outcome).await
}

async fn ran_graph(deployment: &Deployment, graph: &Value, outcome: Outcome) -> (String, RunId) {
    let (status, body) = deployment.register("", graph, Some("True")).await;
    assert_eq!(status, 200, "{body}");
    let flow = text(&body, "/id");
    let run = deployment.world.runs_of(flow.parse().expect("an id")).await.expect("reads")[0].id;
    let command = async |command| deployment.world.run_command(run, &command).await.expect("is accepted");
    command(Command::Granted { generation: Some(1), hardware: None }).await;
    let outputs = vec![written(COUNT_VALUE, "numeric", "json")];
    let parameter = Outcome::Succeeded { outputs, system_metadata: SystemMetadata::default() };
    for (operator, outcome) in [(COUNT, parameter), (WORK, outcome)] {
        let operator: OperatorId = operator.parse().expect("an id");
        command(Command::Finished { operator, attempt: 1, outcome }).await;
        let objects = &deployment.memory.objects;
        let objects: &dyn runtime::ports::Objects = objects.as_ref();
        objects.put(&keys::logs(run, operator, 1), LOGS.into(), "application/json").await.expect("stores");
    }
    (flow, run)
}

fn succeeded() -> Outcome {
    let outputs = vec![written(WORK_VALUE, "string", "string")];
    Outcome::Succeeded { outputs, system_metadata: SystemMetadata::default() }
}

fn failed() -> Outcome {
    let error = OperatorError { tip: "Mend it.".to_owned(), context: "Traceback".to_owned() };
    Outcome::Failed { failure_type: FailureType::UserFatal, cause: Cause::Function, error, outputs: vec![] }
}

async fn artifact(deployment: &Deployment, run: RunId, artifact: &str) -> (Value, Option<String>) {
    artifact_for("", deployment, run, artifact).await
}

async fn artifact_for(sdk: &str, deployment: &Deployment, run: RunId, artifact: &str) -> (Value, Option<String>) {
    let request = Request::get(format!("{sdk}/api/artifact/{run}/{artifact}/result")).header("api-key", KEY);
    let (status, content_type, body) = deployment.bytes(request.body(Body::empty()).expect("a request")).await;
    assert_eq!(status, 200);
    let boundary = content_type.strip_prefix("multipart/form-data; boundary=").expect("multipart");
    let body = String::from_utf8(body).expect("text");
    let parts: Vec<&str> = body.split(&format!("--{boundary}")).collect();
    let part = |number: usize, name: &str| {
        let head = format!("\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n");
        parts.get(number)?.strip_prefix(&head)?.strip_suffix("\r\n").map(str::to_owned)
    };
    let metadata = serde_json::from_str(&part(1, "metadata").expect("metadata first")).expect("JSON");
    (metadata, part(2, "data"))
}

#[tokio::test]
async fn publishing_starts_a_run_unless_told_otherwise() {
    for (_, base) in FAMILIES {
        let (deployment, cluster) = Deployment::registered().await;
        let (status, first) = deployment.register(base, &graph("shop", &cluster), Some("False")).await;
        assert_eq!(
            (status, &first["python_version"]),
            (200, &json!("Python 3.10 of its newest patch release")),
            "{first}"
        );
        assert!(deployment.memory.machines.log().started.is_empty());
        let (_, list) = deployment.get(&format!("{base}/api/workflows")).await;
        assert_eq!((&list[0]["status"], &list[0]["last_run_at"]), (&json!("registered"), &json!(0)));
        for run_now in [Some("True"), None] {
            let (_, again) = deployment.register(base, &graph("shop", &cluster), run_now).await;
            assert_eq!(again["id"], first["id"]);
        }
        assert_eq!(deployment.memory.machines.log().started.len(), 2);
        let (_, list) = deployment.get(&format!("{base}/api/workflows")).await;
        assert_eq!((list.as_array().map(Vec::len), &list[0]["status"]), (Some(1), &json!("pending")));
        assert!(list[0]["created_at"].is_i64() && list[0]["last_run_at"].as_i64() > Some(0));
    }
}

#[tokio::test]
async fn a_flow_of_parameters_comes_as_a_plain_form() {
    let deployment = Deployment::new().await;
    let mut graph = graph("params", UNKNOWN);
    graph["operators"].as_object_mut().expect("an object").remove(WORK);
    graph["artifacts"].as_object_mut().expect("an object").remove(WORK_VALUE);
    let (status, body) = deployment.form("/api/workflow/register", &[], &[("dag", &graph.to_string())]).await;
    assert_eq!(status, 200, "{body}");
    refused(&deployment.form("/api/workflow/register", &[], &[]).await, 400, "field 'dag' is missing");
}

#[tokio::test]
async fn flows_that_cannot_be_published_are_refused() {
    let (deployment, cluster) = Deployment::registered().await;
    let changed = |pointer: &str, value: Value| {
        let mut graph = graph("shop", &cluster);
        *graph.pointer_mut(pointer).unwrap_or_else(|| panic!("no {pointer}")) = value;
        graph
    };
    let periodic = json!({"trigger": "periodic", "cron_schedule": "99 * * * *"});
    let cascade = json!({"trigger": "cascade", "source_id": UNKNOWN});
    for (graph, status, words) in [
        (changed("/metadata/name", json!("")), 400, "has no name"),
        (graph("shop", UNKNOWN), 422, "is not known"),
        (changed(&format!("/operators/{WORK}/spec"), json!({"load": {}})), 422, "operator 'work': it reads from"),
        (changed(&format!("/operators/{COUNT}/spec"), json!({"load": {}})), 422, "operator 'count': it reads from"),
        (changed(&format!("/operators/{WORK}/inputs/0"), json!(UNKNOWN)), 400, "is not part of the flow"),
        (changed(&format!("/operators/{WORK}/spec/resources/num_cpus"), json!(64)), 422, "asks for 64 CPUs"),
        (changed("/metadata/schedule", periodic), 400, "cron expression '99 * * * *'"),
        (changed("/metadata/schedule", cascade), 422, "there is no such flow"),
    ] {
        refused(&deployment.register("", &graph, None).await, status, words);
    }
    assert!(deployment.memory.objects.all().is_empty());
}

#[tokio::test]
async fn schedules_are_kept_and_shown() {
    let (deployment, cluster) = Deployment::registered().await;
    let mut hourly = graph("hourly", &cluster);
    hourly["metadata"]["schedule"] = json!({"trigger": "periodic", "cron_schedule": "0 * * * *"});
    hourly["metadata"]["retention_policy"] = json!({"k_latest_runs": 3});
    let (_, first) = deployment.register("", &hourly, Some("False")).await;
    let mut after = graph("after", &cluster);
    after["metadata"]["schedule"] = json!({"trigger": "cascade", "source_id": first["id"]});
    let (_, second) = deployment.register("", &after, Some("False")).await;
    let shown = async |flow: &Value| deployment.get(&format!("/api/v2/workflow/{}", text(flow, "/id"))).await.1;
    let expected = json!({
        "trigger": "periodic", "cron_schedule": "0 * * * *", "disable_manual_trigger": false, "source_id": null,
    });
    assert_eq!(shown(&first).await["schedule"], expected);
    assert_eq!(shown(&first).await["retention_policy"]["k_latest_runs"], 3);
    let flow = deployment.world.flow(text(&second, "/id").parse().expect("an id")).await.expect("reads");
    assert_eq!(flow.schedule, Schedule::Cascade { source: text(&first, "/id").parse().expect("an id") });
    assert_eq!(shown(&second).await["schedule"]["source_id"], first["id"]);
}

#[tokio::test]
async fn older_versions_read_all_of_a_flow_at_once() {
    let (deployment, cluster) = Deployment::registered().await;
    let (flow, run) = ran(&deployment, &cluster, succeeded()).await;
    let (status, shown) = deployment.get(&format!("/sdk/0.2.12/api/workflow/{flow}")).await;
    assert_eq!(status, 200, "{shown}");
    let (dag, version) = shown["workflow_dags"].as_object().and_then(|dags| dags.iter().next()).expect("a version");
    let published = graph("shop", &cluster);
    for (id, operator) in published["operators"].as_object().expect("operators") {
        assert_eq!(version["operators"][id], *operator);
    }
    assert_eq!(version["artifacts"][WORK_VALUE]["type"], "string", "the computed type");
    assert_eq!(version["metadata"]["name"], "shop");
    let result = &shown["workflow_dag_results"][0];
    assert_eq!((&result["id"], &result["workflow_dag_id"]), (&json!(run), &json!(dag)));
    assert_eq!((&result["status"], &result["exec_state"]["status"]), (&json!("succeeded"), &json!("succeeded")));
}

#[tokio::test]
async fn newer_versions_read_each_part_on_its_own() {
    let (deployment, cluster) = Deployment::registered().await;
    let (flow, run) = ran(&deployment, &cluster, succeeded()).await;
    deployment.memory.clock.advance(std::time::Duration::from_secs(1));
    deployment.register("", &graph("shop", &cluster), Some("True")).await;
    let get = async |path: &str| deployment.get(&format!("/api/v2/workflow/{flow}{path}")).await.1;
    let (dags, results) = (get("/dags").await, get("/results").await);
    assert_eq!((dags.as_array().map(Vec::len), results.as_array().map(Vec::len)), (Some(2), Some(2)));
    assert_eq!(results[0], json!({"id": run, "dag_id": dags[0]["id"], "exec_state": results[0]["exec_state"]}));
    assert_eq!(results[1]["exec_state"]["status"], "pending", "the latest is last, and not over");
    assert_eq!(dags[0]["created_at"], "2026-11-22T12:00:00.000000000Z");
    let nodes = get(&format!("/dag/{}/nodes", text(&dags, "/0/id"))).await;
    let find = |kind: &str, id: &str| {
        let all = nodes[kind].as_array().expect("a list");
        all.iter().find(|node| node["id"] == id).cloned().unwrap_or_else(|| panic!("no {id}"))
    };
    assert_eq!(find("operators", WORK)["dag_id"], dags[0]["id"]);
    let count = find("artifacts", COUNT_VALUE);
    assert_eq!((&count["input"], &count["outputs"]), (&json!(COUNT), &json!([WORK])));
    assert_eq!(find("artifacts", WORK_VALUE)["type"], "string");
}

#[tokio::test]
async fn a_failed_run_tells_why() {
    let (deployment, cluster) = Deployment::registered().await;
    let (flow, run) = ran(&deployment, &cluster, failed()).await;
    let (status, shown) = deployment.get(&format!("/api/workflow/{flow}/result/{run}")).await;
    assert_eq!(status, 200, "{shown}");
    assert_eq!(shown["result"]["exec_state"]["status"], "failed");
    let expected = json!({
        "status": "failed", "failure_type": 2, "error": {"tip": "Mend it.", "context": "Traceback"},
        "user_logs": {"stdout": "hello\n", "stderr": ""},
    });
    assert_eq!(shown["operators"][WORK]["result"]["exec_state"], expected);
    let (metadata, data) = artifact(&deployment, run, WORK_VALUE).await;
    assert_eq!((&metadata["exec_state"]["status"], data), (&json!("failed"), None));
    assert!(metadata["artifact_type"].is_null() && metadata.get("serialization_type").is_some());
    refused(&deployment.get(&format!("/api/workflow/{UNKNOWN}/result/{run}")).await, 404, "there is no run");
}

#[tokio::test]
async fn artifacts_come_with_their_content() {
    let (deployment, cluster) = Deployment::registered().await;
    let (_, run) = ran(&deployment, &cluster, succeeded()).await;
    let objects: &dyn runtime::ports::Objects = deployment.memory.objects.as_ref();
    let content = keys::content(run, WORK_VALUE.parse().expect("an id"), 1);
    objects.put(&content, b"\r\nhi\r\n".to_vec(), "").await.expect("stores");
    let (metadata, data) = artifact(&deployment, run, WORK_VALUE).await;
    assert_eq!(metadata["name"], "work artifact");
    assert_eq!((&metadata["artifact_type"], &metadata["serialization_type"]), (&json!("string"), &json!("string")));
    assert_eq!(metadata["exec_state"]["status"], "succeeded");
    assert_eq!(data.as_deref(), Some("\r\nhi\r\n"));
    refused(&deployment.get(&format!("/api/artifact/{run}/{UNKNOWN}/result")).await, 404, "there is no artifact");
}

#[tokio::test]
async fn what_is_not_kept_is_told_in_a_word_that_the_version_knows() {
    let (deployment, cluster) = Deployment::registered().await;
    let mut graph = graph("shop", &cluster);
    graph["artifacts"][WORK_VALUE]["should_persist"] = json!(false);
    let (_, run) = ran_graph(&deployment, &graph, succeeded()).await;
    for (sdk, word) in [("", "deleted"), ("/sdk/0.3.5", "canceled"), ("/sdk/0.2.12", "canceled")] {
        let (metadata, data) = artifact_for(sdk, &deployment, run, WORK_VALUE).await;
        assert_eq!((metadata["exec_state"]["status"].as_str(), data), (Some(word), None));
    }
}

#[tokio::test]
async fn a_false_check_has_a_value_all_the_same() {
    let (deployment, cluster) = Deployment::registered().await;
    let outputs = vec![written(WORK_VALUE, "boolean", "json")];
    let error = OperatorError::default();
    let outcome = Outcome::Failed { failure_type: FailureType::UserNonFatal, cause: Cause::Function, error, outputs };
    let (flow, run) = ran(&deployment, &cluster, outcome).await;
    let (_, shown) = deployment.get(&format!("/api/workflow/{flow}/result/{run}")).await;
    assert_eq!(shown["result"]["exec_state"]["status"], "succeeded");
    assert_eq!(shown["operators"][WORK]["result"]["exec_state"]["failure_type"], 3);
    assert_eq!(artifact(&deployment, run, WORK_VALUE).await.0["exec_state"]["status"], "succeeded");
}

#[tokio::test]
async fn a_flow_is_run_again_with_other_values() {
    let (deployment, cluster) = Deployment::registered().await;
    let (_, body) = deployment.register("", &graph("shop", &cluster), Some("False")).await;
    let path = format!("/api/workflow/{}/refresh", text(&body, "/id"));
    let refresh = async |parameters: &str| deployment.form(&path, &[], &[("parameters", parameters)]).await;
    assert_eq!(refresh("{}").await.0, 200);
    deployment.memory.clock.advance(std::time::Duration::from_secs(1));
    assert_eq!(refresh("{\"count\": {\"val\": \"NA==\", \"serialization_type\": \"json\"}}").await.0, 200);
    let runs = deployment.world.runs_of(text(&body, "/id").parse().expect("an id")).await.expect("reads");
    assert_eq!(runs.len(), 2);
    assert_eq!(runs[1].parameters["count"].bytes().expect("base64"), b"4");
    let unknown = refresh("{\"who\": {\"val\": \"NA==\", \"serialization_type\": \"json\"}}").await;
    refused(&unknown, 400, "has no parameter 'who'; it has: count");
    refused(&refresh("[]").await, 400, "field 'parameters' cannot be read");
}

#[tokio::test]
async fn values_too_large_for_a_document_are_kept_beside_it() {
    let (deployment, cluster) = Deployment::registered().await;
    let (_, body) = deployment.register("", &graph("shop", &cluster), Some("False")).await;
    let path = format!("/api/workflow/{}/refresh", text(&body, "/id"));
    let large = "QUJD".repeat(1_000_000);
    let parameters = json!({"count": {"val": large, "serialization_type": "string"}}).to_string();
    assert_eq!(deployment.form(&path, &[], &[("parameters", &parameters)]).await.0, 200);
    assert!(deployment.memory.store.all().iter().all(|item| item.body.len() < 400_000), "DynamoDB takes no more");
    let runs = deployment.world.runs_of(text(&body, "/id").parse().expect("an id")).await.expect("reads");
    let value = deployment.world.own_parameter(&runs[0], "count").await.expect("reads").expect("is there");
    assert_eq!((value.base64.as_str(), value.serialization.as_str()), (large.as_str(), "string"));
    assert_eq!(deployment.world.own_parameter(&runs[0], "other").await.expect("reads"), None);
}

#[tokio::test]
async fn a_flow_is_deleted_once_its_runs_are_over() {
    let (deployment, cluster) = Deployment::registered().await;
    let (flow, _) = ran(&deployment, &cluster, succeeded()).await;
    let path = format!("/api/workflow/{flow}");
    assert_eq!(deployment.get(&format!("{path}/objects")).await, (200, json!({"object_details": null})));
    deployment.form(&format!("{path}/refresh"), &[], &[("parameters", "{}")]).await;
    let request = json!({"external_delete": {}, "force": false});
    refused(&deployment.post(&format!("{path}/delete"), request.clone()).await, 422, "has a run that is not over");
    let runs = deployment.world.runs_of(flow.parse().expect("an id")).await.expect("reads");
    for run in runs.iter().filter(|run| !run.status.is_final()) {
        deployment.world.run_command(run.id, &Command::Cancel).await.expect("is accepted");
    }
    let answer = deployment.post(&format!("{path}/delete"), request).await;
    assert_eq!(answer, (200, json!({"saved_object_deletion_results": {}})));
    refused(&deployment.get(&format!("/api/v2/workflow/{flow}")).await, 404, "there is no flow");
}
