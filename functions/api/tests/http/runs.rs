//! Running flows, and what comes of it.

use crate::harness::{Deployment, UNKNOWN, flow, refused, text};
use domain::run::{Beginning, Cause, Command, OperatorError, Outcome, OutputType, SystemMetadata};
use domain::{OperatorId, RunId};
use runtime::keys;
use runtime::ports::Objects;
use serde_json::{Value, json};

/// A published flow whose run has its cluster.
async fn granted() -> (Deployment, Value) {
    let (deployment, cluster) = Deployment::active().await;
    let (status, published) = deployment.post("/v1/flows", flow()).await;
    assert_eq!(status, 201, "{published}");
    deployment.acquire(&cluster, &text(&published, "/run/id")).await;
    command(&deployment, &published, &Command::Granted { generation: Some(1), hardware: None }).await;
    (deployment, published)
}

async fn command(deployment: &Deployment, published: &Value, command: &Command) {
    let run: RunId = text(published, "/run/id").parse().expect("an id");
    deployment.world.run_command(run, command).await.expect("is accepted");
}

async fn show(deployment: &Deployment, published: &Value) -> Value {
    deployment.get(&format!("/v1/runs/{}", text(published, "/run/id"))).await.1
}

/// Lets an operator succeed with one output of this content.
async fn succeed(deployment: &Deployment, published: &Value, name: &str, kind: (&str, &str), content: &str) {
    let run: RunId = text(published, "/run/id").parse().expect("an id");
    let stored = deployment.world.run(run).await.expect("a run").value;
    let dag = deployment.world.dag(stored.flow, stored.dag).await.expect("a graph");
    let (operator, _) = dag.operators.iter().find(|(_, o)| o.name == name).expect("an operator");
    let artifact_id = dag.operators[operator].outputs[0];
    deployment.memory.objects.put(&keys::content(run, artifact_id, 1), content.into(), "").await.expect("stores");
    let output = OutputType {
        artifact_id,
        artifact_type: kind.0.to_owned(),
        serialization_type: kind.1.to_owned(),
        size_bytes: content.len() as u64,
    };
    let outcome = Outcome::Succeeded { outputs: vec![output], system_metadata: SystemMetadata::default() };
    command(deployment, published, &Command::Finished { operator: *operator, attempt: 1, outcome }).await;
}

fn operator(shown: &Value, name: &str) -> Value {
    let operators = shown["operators"].as_array().expect("a list");
    operators.iter().find(|operator| operator["name"] == name).expect("an operator").clone()
}

#[tokio::test]
async fn a_run_is_followed_from_its_submission_to_its_end() {
    let (deployment, published) = granted().await;
    let shown = show(&deployment, &published).await;
    assert_eq!(
        (&shown["status"], &shown["message"]),
        (&json!("running"), &json!("0 of 3 operators done; starting: limit"))
    );
    assert_eq!(shown["cluster"]["status"], "Active");

    succeed(&deployment, &published, "limit", ("numeric", "json"), "10").await;
    let load: OperatorId = text(&operator(&show(&deployment, &published).await, "load"), "/id").parse().expect("an id");
    command(&deployment, &published, &Command::Started { operator: load, attempt: 1, beginning: Beginning::default() })
        .await;
    let shown = show(&deployment, &published).await;
    assert_eq!(shown["message"], "1 of 3 operators done; running: load");
    assert_eq!(operator(&shown, "load")["timeline"]["started_at"], "2026-11-22T12:00:00Z");

    succeed(&deployment, &published, "load", ("string", "string"), "ten").await;
    succeed(&deployment, &published, "sum", ("numeric", "json"), "10").await;
    let shown = show(&deployment, &published).await;
    assert_eq!((&shown["status"], &shown["ended_at"]), (&json!("succeeded"), &json!("2026-11-22T12:00:00Z")));
    assert_eq!(operator(&shown, "sum")["outputs"][0]["name"], "total");
    let (_, events) = deployment.get(&format!("/v1/runs/{}/events", text(&published, "/run/id"))).await;
    assert_eq!(events["events"].as_array().and_then(|e| e.last()).map(|e| text(e, "/kind")), Some("ended".to_owned()));
}

#[tokio::test]
async fn values_are_shown_where_they_are_plain_and_small() {
    let (deployment, published) = granted().await;
    let run = text(&published, "/run/id");
    let artifact = |name: &str| format!("/v1/runs/{run}/artifacts/{name}");
    let (_, unwritten) = deployment.get(&artifact("total")).await;
    assert_eq!((&unwritten["status"], &unwritten["download_url"]), (&json!("pending"), &Value::Null));

    succeed(&deployment, &published, "limit", ("numeric", "json"), "10").await;
    let large = "x".repeat(256 * 1024);
    succeed(&deployment, &published, "load", ("string", "string"), &large).await;
    succeed(&deployment, &published, "sum", ("json", "string"), "{\"a\": 1}").await;
    for (name, value) in
        [("limit", json!(10)), ("load", Value::Null), ("total", json!({"a": 1})), ("sum.total", json!({"a": 1}))]
    {
        let (status, shown) = deployment.get(&artifact(name)).await;
        assert_eq!((status, &shown["value"]), (200, &value), "{name}");
        assert!(text(&shown, "/download_url").contains("seconds=900"));
    }
    let (_, list) = deployment.get(&format!("/v1/runs/{run}/artifacts")).await;
    let list = list["artifacts"].as_array().expect("a list").clone();
    assert_eq!(list.iter().map(|a| text(a, "/name")).collect::<Vec<_>>(), ["limit", "load", "total"]);
    let (_, by_id) = deployment.get(&artifact(&text(&list[0], "/artifact_id"))).await;
    assert_eq!(by_id["name"], "limit");
    refused(&deployment.get(&artifact("other")).await, 404, "there is no artifact 'other'");
}

#[tokio::test]
async fn a_failure_is_shown_with_its_tip_and_logs() {
    let (deployment, published) = granted().await;
    let run = text(&published, "/run/id");
    succeed(&deployment, &published, "limit", ("numeric", "json"), "10").await;
    let id = text(&operator(&show(&deployment, &published).await, "load"), "/id");
    let logs = format!("/v1/runs/{run}/operators");
    assert_eq!(deployment.get(&format!("{logs}/load/logs")).await.1, json!({"stdout": "", "stderr": ""}));
    let printed = json!({"stdout": "before\n", "stderr": ""});
    let key = keys::logs(run.parse().expect("an id"), id.parse().expect("an id"), 1);
    deployment.memory.objects.put(&key, printed.to_string().into(), "").await.expect("stores");
    let error = OperatorError { tip: "Divide by something else.".to_owned(), context: "Traceback".to_owned() };
    let failure_type = domain::run::FailureType::UserFatal;
    let outcome = Outcome::Failed { failure_type, cause: Cause::Function, error, outputs: vec![] };
    let operator_id = id.parse().expect("an id");
    command(&deployment, &published, &Command::Finished { operator: operator_id, attempt: 1, outcome }).await;

    let shown = show(&deployment, &published).await;
    assert_eq!(shown["status"], "failed");
    assert_eq!(shown["message"], "operator 'load' failed: Divide by something else.");
    assert_eq!(operator(&shown, "load")["failure_type"], 2);
    assert_eq!(operator(&shown, "sum")["status"], "canceled");
    for name in ["load", &id] {
        assert_eq!(deployment.get(&format!("{logs}/{name}/logs")).await.1, printed);
    }
    refused(&deployment.get(&format!("{logs}/other/logs")).await, 404, "there is no operator 'other'");
}

#[tokio::test]
async fn waiting_runs_know_their_position() {
    let (deployment, cluster) = Deployment::registered().await;
    let (_, published) = deployment.post("/v1/flows", flow()).await;
    let runs = format!("/v1/flows/{}/runs", text(&published, "/flow/id"));
    deployment.memory.clock.advance(std::time::Duration::from_secs(1));
    let (status, second) = deployment.post(&runs, json!({})).await;
    assert_eq!(status, 202, "{second}");
    let (first, second) = (text(&published, "/run/id"), text(&second, "/id"));
    assert_eq!(deployment.get(&format!("/v1/runs/{first}")).await.1["position"], Value::Null);
    for run in [&second, &first] {
        deployment.acquire(&cluster, run).await;
    }
    for (run, position) in [(&first, 1), (&second, 2)] {
        let (_, shown) = deployment.get(&format!("/v1/runs/{run}")).await;
        assert_eq!(shown["position"], position);
        assert_eq!(shown["wait"]["runs"], json!([first, second]));
        assert_eq!((&shown["wait"]["waits_for"], &shown["wait"]["phase"]), (&json!("creation"), &json!("Creating")));
        assert_eq!(shown["wait"]["estimate_seconds"], 16 * 60);
        assert_eq!(shown["wait"]["estimated_from_builds"], 0);
    }
    let (_, view) = deployment.get(&format!("/v1/clusters/{cluster}")).await;
    assert_eq!(view["wait"]["runs"], json!([first, second]));
    let (_, list) = deployment.get(&runs).await;
    assert_eq!((text(&list, "/runs/0/id"), text(&list, "/runs/1/id")), (second, first));
}

#[tokio::test]
async fn a_run_takes_only_parameters_that_the_flow_has() {
    let (deployment, _) = Deployment::registered().await;
    let (_, published) = deployment.post("/v1/flows", flow()).await;
    let path = format!("/v1/flows/{}/runs", text(&published, "/flow/id"));
    let wrong = json!({"parameters": {"limt": 5}});
    deployment.refuses("POST", &path, wrong, 400, "flow 'shop' has no parameter 'limt'; it has: limit").await;
    deployment.refuses("POST", &path, json!({"limit": 5}), 400, "unknown field `limit`").await;
    let (status, run) = deployment.post(&path, json!({"parameters": {"limit": [1, null]}})).await;
    assert_eq!(status, 202, "{run}");
    let run = deployment.world.run(text(&run, "/id").parse().expect("an id")).await.expect("a run").value;
    assert_eq!(run.parameters["limit"].bytes().expect("bytes"), b"[1,null]");
    deployment.refuses("POST", &format!("/v1/flows/{UNKNOWN}/runs"), json!({}), 404, "there is no flow").await;
}

#[tokio::test]
async fn a_run_is_canceled_once() {
    let (deployment, published) = granted().await;
    let path = format!("/v1/runs/{}/cancel", text(&published, "/run/id"));
    let (status, run) = deployment.post(&path, json!({})).await;
    assert_eq!((status, &run["status"], &run["message"]), (202, &json!("canceled"), &json!("canceled by a user")));
    deployment.refuses("POST", &path, json!({}), 409, "is over already: it was canceled").await;
    deployment.refuses("POST", &format!("/v1/runs/{UNKNOWN}/cancel"), json!({}), 404, "there is no run").await;
}

#[tokio::test]
async fn each_attempt_has_its_own_log_and_its_own_values() {
    let (deployment, published) = granted().await;
    let run = text(&published, "/run/id");
    succeed(&deployment, &published, "limit", ("numeric", "json"), "10").await;
    let operator: OperatorId =
        text(&operator(&show(&deployment, &published).await, "load"), "/id").parse().expect("an id");
    let error = OperatorError::default();
    let failure_type = domain::run::FailureType::System;
    let outcome = Outcome::Failed { failure_type, cause: Cause::Transport, error, outputs: vec![] };
    command(&deployment, &published, &Command::Finished { operator, attempt: 1, outcome }).await;
    let objects = &deployment.memory.objects;
    let stored = deployment.world.run(run.parse().expect("an id")).await.expect("a run").value;
    let dag = deployment.world.dag(stored.flow, stored.dag).await.expect("a graph");
    let artifact_id = dag.operators[&operator].outputs[0];
    // The first attempt was believed lost, and delivers after the second.
    for attempt in [2, 1] {
        let printed = json!({"stdout": format!("attempt {attempt}\n"), "stderr": ""}).to_string();
        objects.put(&keys::logs(stored.id, operator, attempt), printed.into(), "").await.expect("stores");
        let value = format!("\"value of attempt {attempt}\"");
        objects.put(&keys::content(stored.id, artifact_id, attempt), value.into(), "").await.expect("stores");
    }
    let (artifact_type, serialization_type) = ("json".to_owned(), "json".to_owned());
    let output = OutputType { artifact_id, artifact_type, serialization_type, size_bytes: 20 };
    let outcome = Outcome::Succeeded { outputs: vec![output], system_metadata: SystemMetadata::default() };
    command(&deployment, &published, &Command::Finished { operator, attempt: 2, outcome }).await;

    let (_, value) = deployment.get(&format!("/v1/runs/{run}/artifacts/load")).await;
    assert_eq!(value["value"], "value of attempt 2");
    let logs = format!("/v1/runs/{run}/operators/load/logs");
    for (query, printed) in [("", "attempt 2\n"), ("?attempt=1", "attempt 1\n"), ("?attempt=2", "attempt 2\n")] {
        assert_eq!(deployment.get(&format!("{logs}{query}")).await.1["stdout"], printed, "{query}");
    }
    for unknown in [0, 3] {
        refused(&deployment.get(&format!("{logs}?attempt={unknown}")).await, 404, "there is no attempt");
    }
    refused(&deployment.get(&format!("{logs}?attempt=last")).await, 400, "attempt");
}

#[tokio::test]
async fn a_run_that_nobody_can_look_at_says_so_and_what_to_do() {
    let (deployment, published) = granted().await;
    assert_eq!(show(&deployment, &published).await["locked_out"], Value::Null);
    let failure = domain::run::refusal("describe EKS cluster c: ExpiredTokenException: it is expired");
    command(&deployment, &published, &Command::LockedOut { failure }).await;
    let shown = show(&deployment, &published).await;
    let locked_out = &shown["locked_out"];
    assert_eq!(
        (&locked_out["since"], &locked_out["gives_up_at"]),
        (&json!("2026-11-22T12:00:00Z"), &json!("2026-11-23T12:00:00Z"))
    );
    assert_eq!(locked_out["why"]["class"], "credentials");
    assert!(text(locked_out, "/why/message").contains("ExpiredToken"));
    assert!(text(locked_out, "/why/remedy").contains("PUT /v1/integrations/{id}/credentials"));
    let message = text(&shown, "/message");
    assert!(message.contains("its pods cannot be looked at since 2026-11-22 12:00 UTC"), "{message}");
    command(&deployment, &published, &Command::LetIn).await;
    assert_eq!(show(&deployment, &published).await["locked_out"], Value::Null);
}
