//! Publishing flows.

use crate::harness::{Deployment, UNKNOWN, flow, text, zipped};
use axum::body::Body;
use axum::http::Request;
use serde_json::{Value, json};

const PATH: &str = "/v1/flows";

/// The flow of the harness with its first operator set otherwise.
fn with_first(fields: Value) -> Value {
    let mut flow = flow();
    for (field, value) in fields.as_object().expect("an object") {
        flow["operators"][0][field] = value.clone();
    }
    flow
}

fn multipart(parts: &[(&str, &[u8])]) -> Request<Body> {
    let mut body = vec![];
    for (name, content) in parts {
        body.extend(format!("--limit\r\ncontent-disposition: form-data; name=\"{name}\"\r\n\r\n").into_bytes());
        body.extend_from_slice(content);
        body.extend(b"\r\n");
    }
    body.extend(b"--limit--\r\n");
    Request::post(PATH)
        .header("api-key", crate::harness::KEY)
        .header("content-type", "multipart/form-data; boundary=limit")
        .body(body.into())
        .expect("a request")
}

#[tokio::test]
async fn publishing_starts_a_run_that_says_what_it_waits_for() {
    let (deployment, _) = Deployment::registered().await;
    let (status, body) = deployment.post(PATH, flow()).await;
    assert_eq!(status, 201, "{body}");
    assert_eq!(body["run"]["status"], "pending");
    let expected = "waiting for cluster 'aws:aqueduct_ondemand_k8s' to be created, about 16 min, as AWS usually takes";
    assert_eq!(body["run"]["message"], expected);
    let started = deployment.memory.machines.log().started;
    assert!(started.contains_key(&("flow-run", text(&body, "/run/id"))));
}

#[tokio::test]
async fn publishing_again_makes_a_new_version_of_the_same_flow() {
    let (deployment, _) = Deployment::registered().await;
    let mut request = flow();
    request["run"] = json!(false);
    let (_, first) = deployment.post(PATH, request.clone()).await;
    assert_eq!(first["run"], Value::Null);
    request["description"] = json!("better");
    let (_, second) = deployment.post(PATH, request).await;
    assert_eq!(first["flow"]["id"], second["flow"]["id"]);
    assert_ne!(first["flow"]["dag_id"], second["flow"]["dag_id"]);
    assert_eq!(second["flow"]["versions"].as_array().map(Vec::len), Some(2));
    assert_eq!(second["flow"]["description"], "better");
    let (_, list) = deployment.get(PATH).await;
    assert_eq!(list["flows"].as_array().map(Vec::len), Some(1));
    assert!(deployment.memory.machines.log().started.is_empty());
}

#[tokio::test]
async fn a_schedule_is_kept_until_another_is_given() {
    let (deployment, _) = Deployment::registered().await;
    let publish = async |name: &str, fields: Value| {
        let mut request = flow();
        (request["name"], request["run"]) = (json!(name), json!(false));
        for (field, value) in fields.as_object().expect("an object") {
            request[field] = value.clone();
        }
        let (status, body) = deployment.post(PATH, request).await;
        assert_eq!(status, 201, "{body}");
        (body["flow"]["schedule"].clone(), body["flow"]["keep_runs"].clone(), text(&body, "/flow/id"))
    };
    let hourly = json!({"cron": "0 * * * *"});
    let (schedule, keep_runs, first) = publish("first", json!({})).await;
    assert_eq!((schedule, keep_runs), (json!("manual"), json!(0)));
    publish("first", json!({"schedule": hourly, "keep_runs": 3})).await;
    assert!(deployment.memory.rule.is_enabled());
    let (schedule, keep_runs, _) = publish("first", json!({})).await;
    assert_eq!((schedule, keep_runs), (hourly, json!(3)));
    let (schedule, keep_runs, _) = publish("first", json!({"schedule": "manual", "keep_runs": 0})).await;
    assert_eq!((schedule, keep_runs), (json!("manual"), json!(0)));
    for name in ["first", first.as_str()] {
        assert_eq!(publish("second", json!({"schedule": {"after": name}})).await.0, json!({"after": first}));
    }
    let (_, shown) = deployment.get(PATH).await;
    assert_eq!(shown["flows"].as_array().map(Vec::len), Some(2));
}

#[tokio::test]
async fn schedules_that_cannot_be_kept_are_refused() {
    let (deployment, _) = Deployment::registered().await;
    for (fields, status, words) in [
        (json!({"schedule": "hourly"}), 400, "expected one of `manual`, `cron`, `after`"),
        (json!({"schedule": {"cron": "61 * * * *"}}), 400, "cron expression '61 * * * *'"),
        (json!({"schedule": {"after": "nothing"}}), 422, "field 'schedule.after': there is no flow 'nothing'"),
        (json!({"schedule": {"after": UNKNOWN}}), 422, "there is no such flow"),
        (json!({"keep_runs": -1}), 400, "keep_runs"),
    ] {
        let mut request = flow();
        for (field, value) in fields.as_object().expect("an object") {
            request[field] = value.clone();
        }
        deployment.refuses("POST", PATH, request, status, words).await;
    }
}

#[tokio::test]
async fn a_flow_is_shown_with_its_graph_and_runs() {
    let (deployment, _) = Deployment::registered().await;
    let (_, published) = deployment.post(PATH, flow()).await;
    let (status, shown) = deployment.get(&format!("{PATH}/{}", text(&published, "/flow/id"))).await;
    assert_eq!(status, 200, "{shown}");
    let names: Vec<_> = (0..3).map(|n| text(&shown, &format!("/operators/{n}/name"))).collect();
    assert_eq!(names, ["limit", "load", "sum"]);
    assert_eq!((&shown["operators"][0]["kind"], &shown["operators"][0]["value"]), (&json!("parameter"), &json!(10)));
    assert_eq!(shown["operators"][2]["inputs"], shown["operators"][1]["outputs"]);
    assert_eq!(shown["runs"][0]["id"], published["run"]["id"]);
    let artifacts = shown["artifacts"].as_array().expect("a list");
    assert!(artifacts.iter().any(|a| a["name"] == "total" && a["operator"] == "sum"), "{artifacts:?}");
}

#[tokio::test]
async fn packages_come_as_parts_or_in_base64() {
    let (deployment, _) = Deployment::registered().await;
    let package = zipped(&[("top/model.py", "class Function: ..."), ("top/python_version.txt", "3.9")]);
    let request = json!({
        "name": "packed", "engine": "aws:aqueduct_ondemand_k8s", "run": false,
        "operators": [{"name": "a b", "package": "code"}],
    })
    .to_string();
    let (status, body) = deployment.raw(multipart(&[("flow", request.as_bytes()), ("code", &package)])).await;
    assert_eq!(status, 201, "{body}");
    assert_eq!(deployment.memory.objects.all().iter().filter(|key| key.ends_with(".zip")).count(), 1);
    let (_, shown) = deployment.get(&format!("{PATH}/{}", text(&body, "/flow/id"))).await;
    assert_eq!(shown["operators"][0]["python_version"], "3.9");
}

#[tokio::test]
async fn multipart_requests_that_cannot_be_used_are_refused() {
    let (deployment, _) = Deployment::registered().await;
    let package = zipped(&[("top/other.py", "")]);
    let request = with_first(json!({"package": "code", "source": null})).to_string();
    let unpacked = flow().to_string();
    for (parts, words) in [
        (vec![("code", &package[..])], "the request has no part 'flow'"),
        (vec![("flow", request.as_bytes())], "operator 'load': field 'package': the request has no part 'code'"),
        (vec![("flow", request.as_bytes()), ("code", &package)], "operator 'load': the package has no top/model.py"),
        (vec![("flow", unpacked.as_bytes()), ("x", &package)], "part 'x' of the request is no operator's"),
        (vec![("flow", b"{}"), ("flow", b"{}")], "more than one part 'flow'"),
        (vec![("flow", b"{")], "is not JSON"),
    ] {
        crate::harness::refused(&deployment.raw(multipart(&parts)).await, 400, words);
    }
    assert!(deployment.memory.objects.all().is_empty());
}

#[tokio::test]
async fn wrong_flows_are_refused_and_leave_nothing_behind() {
    let (deployment, _) = Deployment::registered().await;
    let mut nameless = flow();
    nameless["name"] = json!(" ");
    let mut elsewhere = flow();
    elsewhere["engine"] = json!("gcp:aqueduct_ondemand_k8s");
    let mut twice = flow();
    twice["operators"][1]["name"] = json!("load");
    twice["operators"][1]["source"] = json!("def load(): ...");
    for (request, status, words) in [
        (nameless, 400, "field 'name'"),
        (
            elsewhere,
            422,
            "engine 'gcp:aqueduct_ondemand_k8s' is not known; there are: 'aws:aqueduct_ondemand_k8s', 'aqueduct'",
        ),
        (with_first(json!({"engine": "x"})), 422, "operator 'load': engine 'x' is not known"),
        (twice, 400, "operator 'load' occurs more than once"),
        (
            with_first(json!({"inputs": ["total"]})),
            400,
            "operator 'load': field 'inputs': there is no operator, output or parameter 'total'",
        ),
        (with_first(json!({"inputs": ["sum.total"]})), 400, "wait for each other in a circle"),
        (with_first(json!({"source": "x = 1"})), 400, "its source does not define 'load'"),
        (with_first(json!({"kind": "metric", "outputs": ["a", "b"]})), 400, "several outputs"),
        (with_first(json!({"kind": "query"})), 400, "operators[0].kind"),
        (
            with_first(json!({"resources": {"num_cpus": 64}})),
            422,
            "operator 'load' asks for 64 CPUs, but a t3.xlarge node offers at most 3",
        ),
        (with_first(json!({"resources": {"memory": "64GB"}})), 422, "asks for 65536 MiB of memory"),
        (with_first(json!({"resources": {"gpu_resource_name": "gpu"}})), 400, "use nvidia.com/gpu"),
        (json!({"name": "f", "operators": []}), 400, "at least one operator"),
    ] {
        deployment.refuses("POST", PATH, request, status, words).await;
    }
}

#[tokio::test]
async fn functions_need_a_registered_cluster() {
    let deployment = Deployment::new().await;
    let mut request = flow();
    request["engine"] = json!("aqueduct");
    deployment
        .refuses("POST", PATH, request, 422, "no operator names a cluster as its engine, and 0 are registered")
        .await;
}

#[tokio::test]
async fn a_gpu_operator_fits_the_successor_of_the_default_type() {
    let (deployment, _) = Deployment::registered().await;
    let gpu = with_first(json!({"resources": {"gpu_resource_name": "nvidia.com/gpu", "cuda_version": "11.8.0"}}));
    let (status, body) = deployment.post(PATH, gpu).await;
    assert_eq!(status, 201, "{body}");
}

#[tokio::test]
async fn a_flow_is_deleted_with_its_runs_once_they_are_over() {
    let (deployment, _) = Deployment::registered().await;
    let (_, published) = deployment.post(PATH, flow()).await;
    let (path, run) = (format!("{PATH}/{}", text(&published, "/flow/id")), text(&published, "/run/id"));
    deployment.refuses("DELETE", &path, json!({}), 409, &format!("has a run that is not over ({run})")).await;
    assert_eq!(deployment.post(&format!("/v1/runs/{run}/cancel"), json!({})).await.0, 202);
    assert_eq!(deployment.delete(&path).await.0, 200);
    assert_eq!(deployment.get(&path).await.0, 404);
    assert_eq!(deployment.get(&format!("/v1/runs/{run}")).await.0, 404);
    assert!(deployment.memory.objects.all().is_empty());
    deployment.refuses("DELETE", &format!("{PATH}/{UNKNOWN}"), json!({}), 404, "there is no flow").await;
}
