//! Previews, as the SDK asks for them.

use crate::harness::{Deployment, KEY, refused, text, zipped};
use axum::body::{Body, to_bytes};
use axum::http::Request;
use domain::cluster;
use domain::failure::{Failure, FailureClass};
use domain::run::{Cause, Command, FailureType, OperatorError, Outcome, OutputType, SystemMetadata};
use domain::{OperatorId, RunId};
use runtime::keys;
use runtime::ports::Objects;
use serde_json::{Value, json};
use tower::ServiceExt;
use uuid::Uuid;

/// A function of a graph: the number that its ids are made from, its name, and the numbers of those whose output it
/// reads.
type Function<'a> = (u128, &'a str, &'a [u128]);

const ONE: &[Function<'static>] = &[(1, "one", &[])];
const TWO: &[Function<'static>] = &[(1, "one", &[]), (2, "two", &[1])];

/// An answer of whatever type.
struct Answer {
    status: u16,
    location: String,
    body: Vec<u8>,
}

impl Answer {
    fn error(&self) -> (u16, Value) {
        (self.status, serde_json::from_slice(&self.body).expect("JSON"))
    }

    /// The part that is read first, and all parts by name.
    fn parts(&self) -> (Value, Vec<(String, String)>) {
        let text = String::from_utf8(self.body.clone()).expect("text");
        assert_eq!(self.status, 200, "{text}");
        let boundary = text.split("\r\n").next().expect("a boundary");
        let part = |part: &str| {
            let (head, content) = part.split_once("\r\n\r\n").expect("a head");
            let name = head.split('"').nth(1).expect("a name").to_owned();
            (name, content.trim_end_matches("\r\n").to_owned())
        };
        let parts: Vec<_> = text.split(boundary).filter(|p| p.contains("form-data")).map(part).collect();
        assert_eq!(parts[0].0, "metadata");
        (serde_json::from_str(&parts[0].1).expect("JSON"), parts[1..].to_vec())
    }
}

fn operator(number: u128) -> OperatorId {
    OperatorId(Uuid::from_u128(number))
}

fn artifact(number: u128) -> String {
    Uuid::from_u128(number + 100).to_string()
}

fn graph(functions: &[Function<'_>]) -> Value {
    let mut graph = json!({"operators": {}, "artifacts": {}, "metadata": {}, "engine_config": {"type": "aqueduct"}});
    for (number, name, inputs) in functions {
        let (id, output) = (operator(*number).to_string(), artifact(*number));
        graph["operators"][&id] = json!({
            "id": id, "name": name, "description": "",
            "spec": {"function": {"type": "file", "granularity": "table", "language": "Python"}},
            "inputs": inputs.iter().map(|input| artifact(*input)).collect::<Vec<_>>(), "outputs": [output],
        });
        graph["artifacts"][&output] = json!({"id": output, "name": format!("{name} artifact"), "type": "untyped"});
    }
    graph
}

async fn request(deployment: &Deployment, request: Request<Body>) -> Answer {
    let response = deployment.router.clone().oneshot(request).await.expect("an answer");
    let status = response.status().as_u16();
    let location = response.headers().get("location").map(|to| to.to_str().expect("text").to_owned());
    let body = to_bytes(response.into_body(), usize::MAX).await.expect("a body").to_vec();
    Answer { status, location: location.unwrap_or_default(), body }
}

async fn post(deployment: &Deployment, functions: &[Function<'_>]) -> Answer {
    let mut body = format!("--B\r\nContent-Disposition: form-data; name=\"dag\"\r\n\r\n{}\r\n", graph(functions));
    let mut body = std::mem::take(&mut body).into_bytes();
    for (number, name, _) in functions {
        let head =
            format!("--B\r\nContent-Disposition: form-data; name=\"{0}\"; filename=\"{0}\"\r\n\r\n", operator(*number));
        // The client packs anew for every request, and calls the folder as it likes.
        let package = zipped(&[(&format!("{}/model.py", Uuid::new_v4()), name)]);
        body.extend([head.as_bytes(), &package, b"\r\n"].concat());
    }
    body.extend(b"--B--\r\n");
    let sent = Request::post("/sdk/0.2.12/api/preview").header("api-key", KEY);
    let sent = sent.header("content-type", "multipart/form-data; boundary=B").body(body.into()).expect("a request");
    request(deployment, sent).await
}

/// Asks for the values of a graph; returns the path of the result and the run.
async fn ask(deployment: &Deployment, functions: &[Function<'_>]) -> (String, RunId) {
    let answer = post(deployment, functions).await;
    assert_eq!(answer.status, 303, "{}", String::from_utf8_lossy(&answer.body));
    let (id, _) = answer.location.strip_prefix("preview/").and_then(|id| id.split_once('?')).expect("an id");
    let preview = deployment.world.find_preview(id.parse().expect("an id")).await.expect("a preview");
    (format!("/sdk/0.2.12/api/{}", answer.location), preview.run)
}

async fn get(deployment: &Deployment, path: &str) -> Answer {
    let sent = Request::get(path).header("api-key", KEY).body(Body::empty()).expect("a request");
    request(deployment, sent).await
}

async fn command(deployment: &Deployment, run: RunId, command: Command) {
    deployment.world.run_command(run, &command).await.expect("is accepted");
}

/// Lets an operator write a value and succeed, as its runner would.
async fn succeed(deployment: &Deployment, run: RunId, number: u128, value: &str, size_bytes: u64) {
    command(deployment, run, Command::Granted { generation: Some(1), hardware: None }).await;
    let artifact_id = artifact(number).parse().expect("an id");
    let objects = &deployment.memory.objects;
    objects.put(&keys::content(run, artifact_id, 1), value.into(), "").await.expect("stores");
    objects.put(&keys::metadata(run, artifact_id, 1), b"{}".to_vec(), "").await.expect("stores");
    let logs = json!({"stdout": format!("{value} printed\n"), "stderr": ""}).to_string();
    objects.put(&keys::logs(run, operator(number), 1), logs.into(), "").await.expect("stores");
    let (artifact_type, serialization_type) = ("string".to_owned(), "string".to_owned());
    let outputs = vec![OutputType { artifact_id, artifact_type, serialization_type, size_bytes }];
    let outcome = Outcome::Succeeded { outputs, system_metadata: SystemMetadata::default() };
    command(deployment, run, Command::Finished { operator: operator(number), attempt: 1, outcome }).await;
}

#[tokio::test]
async fn the_result_is_waited_for_on_the_same_host_and_path() {
    let (deployment, _) = Deployment::registered().await;
    let (path, run) = ask(&deployment, TWO).await;
    assert!(path.ends_with("?redirect=1"), "{path}");
    let waited = get(&deployment, &path).await;
    let id = path.split(['/', '?']).nth(5).expect("an id");
    assert_eq!((waited.status, waited.location), (302, format!("{id}?redirect=2")));

    for (number, value) in [(1, "first"), (2, "second")] {
        succeed(&deployment, run, number, value, 6).await;
    }
    let (metadata, parts) = get(&deployment, &path.replace("=1", "=2")).await.parts();
    assert_eq!(metadata["status"], "succeeded");
    let logs = &metadata["operator_results"][operator(1).to_string()]["user_logs"];
    assert_eq!(*logs, json!({"stdout": "first printed\n", "stderr": ""}));
    for number in [1, 2] {
        assert_eq!(metadata["artifact_types_metadata"][artifact(number)]["artifact_type"], "string");
    }
    assert_eq!(parts, [(artifact(2), "second".to_owned())]);
}

#[tokio::test]
async fn the_last_redirect_tells_what_is_going_on() {
    let (deployment, cluster) = Deployment::registered().await;
    let (path, run) = ask(&deployment, ONE).await;
    deployment.acquire(&cluster, &run.to_string()).await;
    let answer = get(&deployment, &path.replace("=1", "=30")).await.error();
    refused(&answer, 422, "waiting for cluster 'aws:aqueduct_ondemand_k8s' to be created, about");
    refused(&answer, 422, "call the same again in a while");
    refused(&answer, 422, "(.lazy(), or lazy=True) and publish it");

    // A client that calls again makes up new ids, and is given the result of what goes on.
    let (again, joined) = ask(&deployment, &[(7, "one", &[])]).await;
    assert_eq!(joined, run);
    succeed(&deployment, run, 1, "value", 5).await;
    let (metadata, parts) = get(&deployment, &again).await.parts();
    assert_eq!(parts, [(artifact(7), "value".to_owned())]);
    assert_eq!(metadata["operator_results"][operator(7).to_string()]["status"], "succeeded");
    assert_eq!(get(&deployment, &path).await.parts().1, [(artifact(1), "value".to_owned())]);

    // Once it was given, calling the function again means to run it again.
    assert_ne!(ask(&deployment, &[(8, "one", &[])]).await.1, run);
}

#[tokio::test]
async fn a_longer_graph_begins_where_the_earlier_one_ended() {
    let (deployment, _) = Deployment::registered().await;
    let (path, run) = ask(&deployment, ONE).await;
    succeed(&deployment, run, 1, "first", 5).await;
    get(&deployment, &path).await.parts();

    let (path, longer) = ask(&deployment, TWO).await;
    assert_ne!(longer, run);
    let stored = deployment.world.run(longer).await.expect("a run").value;
    assert!(stored.operators[&operator(1)].status.is_final(), "the first function runs again");
    let input = keys::content(longer, artifact(1).parse().expect("an id"), 1);
    assert_eq!(deployment.memory.objects.get(&input).await.expect("reads"), Some(b"first".to_vec()));
    succeed(&deployment, longer, 2, "second", 6).await;
    let (metadata, parts) = get(&deployment, &path).await.parts();
    assert_eq!(parts, [(artifact(2), "second".to_owned())]);
    let logs = &metadata["operator_results"][operator(1).to_string()]["user_logs"];
    assert_eq!(logs["stdout"], "first printed\n");

    // The very same graph needs neither a cluster nor a state machine.
    let (path, known) = ask(&deployment, TWO).await;
    assert_eq!(deployment.world.run(known).await.expect("a run").value.cluster, None);
    assert!(!deployment.memory.machines.log().started.contains_key(&("flow-run", known.to_string())));
    assert_eq!(get(&deployment, &path).await.parts().1, parts);
}

#[tokio::test]
async fn a_failed_function_is_told_once() {
    let (deployment, _) = Deployment::registered().await;
    let (path, run) = ask(&deployment, TWO).await;
    command(&deployment, run, Command::Granted { generation: Some(1), hardware: None }).await;
    let error = OperatorError { tip: "Divide by something else.".to_owned(), context: "Traceback".to_owned() };
    let outcome = Outcome::Failed {
        failure_type: FailureType::UserFatal,
        cause: Cause::Function,
        error: error.clone(),
        outputs: vec![],
    };
    command(&deployment, run, Command::Finished { operator: operator(1), attempt: 1, outcome }).await;
    let (metadata, parts) = get(&deployment, &path).await.parts();
    assert_eq!((&metadata["status"], parts.len()), (&json!("failed"), 0));
    let failed = &metadata["operator_results"][operator(1).to_string()];
    assert_eq!((&failed["failure_type"], &failed["error"]), (&json!(2), &json!(error)));
    assert_ne!(ask(&deployment, TWO).await.1, run);
}

#[tokio::test]
async fn a_cluster_that_cannot_be_had_is_told_in_its_own_words() {
    let (deployment, cluster) = Deployment::registered().await;
    let (path, run) = ask(&deployment, ONE).await;
    deployment.acquire(&cluster, &run.to_string()).await;
    let id = cluster.parse().expect("an id");
    let epoch = deployment.world.cluster(id).await.expect("a cluster").value.epoch;
    let mut failure = Failure::new(FailureClass::MissingPermission, "not authorized to perform: ec2:CreateVpc");
    failure.missing_actions = vec!["ec2:CreateVpc".to_owned(), "eks:CreateCluster".to_owned()];
    let begin = cluster::Command::BeginBuild { epoch, live_pods: 0 };
    for command in [begin, cluster::Command::BuildFailed { epoch, failure }] {
        deployment.world.cluster_command(id, &command).await.expect("is accepted");
    }
    let run = deployment.world.run(run).await.expect("a run").value;
    assert!(run.status.is_final(), "{:?}", run.status);
    let answer = get(&deployment, &path).await.error();
    refused(&answer, 422, "not authorized to perform: ec2:CreateVpc");
    refused(&answer, 422, "Missing permissions: ec2:CreateVpc, eks:CreateCluster");
}

#[tokio::test]
async fn what_does_not_fit_into_an_answer_is_said() {
    let (deployment, _) = Deployment::registered().await;
    let (path, run) = ask(&deployment, ONE).await;
    succeed(&deployment, run, 1, "small, but said to be large", 5_000_000).await;
    let answer = get(&deployment, &path).await.error();
    refused(&answer, 413, "this preview has 5.0 MB of values and logs, and an answer can have 4.4 MB: return less");
}

#[tokio::test]
async fn a_preview_is_in_no_list_and_nobody_sees_it_without_a_key() {
    let (deployment, _) = Deployment::registered().await;
    let before = deployment.memory.store.all().len();
    let (path, run) = ask(&deployment, ONE).await;
    assert_eq!(deployment.get("/v1/flows").await.1, json!({"flows": []}));
    assert_eq!(deployment.memory.store.all().len(), before + 4);
    assert!(deployment.memory.objects.all().iter().all(|key| key.starts_with("previews/")));
    let request_without_key = Request::get(&path).body(Body::empty()).expect("a request");
    refused(&request(&deployment, request_without_key).await.error(), 403, "");
    // It is a run nevertheless, which can be watched and canceled.
    assert_eq!(text(&deployment.get(&format!("/v1/runs/{run}")).await.1, "/flow_name"), "preview");
    let (status, canceled) = deployment.post(&format!("/v1/runs/{run}/cancel"), json!({})).await;
    assert_eq!(status, 202, "{canceled}");
    refused(&get(&deployment, &path).await.error(), 422, "canceled");
    assert_ne!(ask(&deployment, ONE).await.1, run);
}

#[tokio::test]
async fn what_cannot_be_run_is_refused_at_once() {
    let (deployment, _) = Deployment::registered().await;
    refused(&post(&deployment, &[]).await.error(), 400, "at least one operator");
    refused(&post(&deployment, &[(1, "one", &[2])]).await.error(), 400, "input");
    let sent = Request::post("/api/preview").header("api-key", KEY).body(vec![b'x'; 7 << 20].into());
    refused(&request(&deployment, sent.expect("a request")).await.error(), 413, "4.5 MB");
    refused(&get(&deployment, "/api/preview/nothing").await.error(), 404, "preview");
}

#[tokio::test]
async fn a_function_that_is_called_twice_has_parameters_of_one_name_twice() {
    let (deployment, _) = Deployment::registered().await;
    let mut graph = graph(&[(1, "add:b", &[]), (2, "add:b", &[])]);
    for number in [1, 2] {
        let parameter = json!({"param": {"val": "MQ==", "serialization_type": "json"}});
        graph["operators"][operator(number).to_string()]["spec"] = parameter;
    }
    // Without packages it comes as a form.
    let escape = |byte: u8| format!("%{byte:02x}");
    let body: String = graph.to_string().bytes().map(escape).collect();
    let sent = Request::post("/api/preview").header("api-key", KEY).body(format!("dag={body}").into());
    assert_eq!(request(&deployment, sent.expect("a request")).await.status, 303);
}
