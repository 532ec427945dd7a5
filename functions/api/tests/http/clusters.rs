//! The life of a cluster, by hand.

use crate::harness::{Deployment, flow, refused, text};
use serde_json::{Value, json};
use std::time::Duration;

#[tokio::test]
async fn a_cluster_is_created_updated_and_deleted() {
    let (deployment, cluster) = Deployment::registered().await;
    let path = format!("/v1/clusters/{cluster}");
    let (status, view) = deployment.post(&format!("{path}/create"), json!({"max_cpu_node": 3})).await;
    assert_eq!((status, &view["status"], &view["generation"]), (202, &json!("Creating"), &json!(1)));
    assert_eq!(view["settings"]["max_cpu_node"], 3);
    assert_eq!(view["progress"]["estimate_seconds"], 16 * 60);
    assert_eq!(view["alive"]["because"], "creating");
    assert!(text(&view, "/eks_name").ends_with("-g1"));
    assert_eq!(deployment.memory.machines.log().started.len(), 1);

    deployment.finish_build(&cluster).await;
    deployment.memory.clock.advance(Duration::from_secs(60));
    let (_, view) = deployment.get(&path).await;
    assert_eq!((&view["status"], &view["progress"]), (&json!("Active"), &Value::Null));
    assert_eq!(view["alive"]["because"], "kept_alive");
    assert_eq!(view["ends_at"], "2026-11-22T12:20:00Z");

    let (status, view) = deployment.patch(&path, json!({"keepalive": 1800, "max_cpu_node": 10})).await;
    assert_eq!((status, &view["status"]), (202, &json!("Updating")));
    assert_eq!(view["settings"]["max_cpu_node"], 10);
    deployment.finish_build(&cluster).await;

    let (status, view) = deployment.delete(&path).await;
    assert_eq!((status, &view["status"]), (202, &json!("Terminating")));
    deployment.finish_build(&cluster).await;
    let (_, view) = deployment.get(&path).await;
    assert_eq!((&view["status"], &view["settings"]["keepalive"]), (&json!("Terminated"), &json!(1800)));

    let (_, history) = deployment.get(&format!("{path}/events")).await;
    let kinds: Vec<_> = history["events"].as_array().expect("a list").iter().map(|e| text(e, "/kind")).collect();
    assert_eq!(kinds, ["creation_started", "created", "update_started", "updated", "teardown_started", "destroyed"]);
}

#[tokio::test]
async fn a_cluster_is_found_by_its_name() {
    let (deployment, cluster) = Deployment::registered().await;
    for name in ["aws:aqueduct_ondemand_k8s", "aws%3Aaqueduct_ondemand_k8s"] {
        let (status, view) = deployment.get(&format!("/v1/clusters/{name}")).await;
        assert_eq!((status, text(&view, "/id")), (200, cluster.clone()));
    }
    let (_, list) = deployment.get("/v1/clusters").await;
    assert_eq!(list["clusters"].as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn commands_that_do_not_fit_the_status_are_refused() {
    let (deployment, cluster) = Deployment::registered().await;
    let path = format!("/v1/clusters/{cluster}");
    let create = format!("{path}/create");
    let delta = json!({"max_cpu_node": 2});
    deployment.refuses("PATCH", &path, delta.clone(), 422, "only an Active cluster can be updated").await;
    deployment.refuses("POST", &create, json!({"min_cpu_node": 5}), 422, "must not be above max_cpu_node").await;
    deployment.refuses("POST", &create, json!({"size": 5}), 400, "unknown setting 'size'").await;
    deployment.refuses("PATCH", &path, json!({"keepalive": 1}), 400, "'keepalive' must be between 600").await;
    deployment.refuses("PATCH", &path, json!([]), 400, "must be a JSON object").await;
    deployment.refuses("DELETE", &format!("{path}?force=maybe"), json!({}), 400, "force").await;
    deployment.refuses("DELETE", &format!("{path}?forse=true"), json!({}), 400, "forse").await;

    deployment.post(&create, json!({})).await;
    assert_eq!(deployment.post(&create, json!({})).await.0, 202, "creating twice is creating once");
    deployment.refuses("POST", &create, delta.clone(), 409, "with other settings is possible once it is Active").await;
    deployment.refuses("PATCH", &path, delta.clone(), 422, "is Creating").await;

    deployment.finish_build(&cluster).await;
    deployment.delete(&path).await;
    deployment.refuses("POST", &create, json!({}), 409, "is possible once it is Terminated (in about 12 min)").await;
    deployment.refuses("PATCH", &path, delta, 422, "is Terminating").await;
    assert_eq!(deployment.delete(&path).await.0, 202, "deleting twice is deleting once");
}

#[tokio::test]
async fn a_cluster_in_use_is_deleted_by_force_only() {
    let (deployment, cluster) = Deployment::active().await;
    let (_, published) = deployment.post("/v1/flows", flow()).await;
    let run = text(&published, "/run/id");
    deployment.acquire(&cluster, &run).await;
    let path = format!("/v1/clusters/{cluster}");
    let (_, view) = deployment.get(&path).await;
    assert_eq!((&view["alive"]["because"], &view["runs"]), (&json!("in_use"), &json!([run])));
    deployment.refuses("DELETE", &path, json!({}), 409, &format!("in use by 1 run(s): {run}")).await;

    let (status, view) = deployment.delete(&format!("{path}?force=true")).await;
    assert_eq!((status, &view["status"]), (202, &json!("Terminating")));
    let (_, run) = deployment.get(&format!("/v1/runs/{run}")).await;
    assert_eq!(run["status"], "failed");
    assert!(text(&run, "/message").contains("was deleted by force"));
}

#[tokio::test]
async fn progress_is_read_from_the_build() {
    use runtime::ports::Objects;
    let (deployment, cluster) = Deployment::registered().await;
    let path = format!("/v1/clusters/{cluster}");
    deployment.post(&format!("{path}/create"), json!({})).await;
    let stream = r#"{"type":"change_summary","changes":{"add":30,"change":0,"remove":0,"operation":"plan"}}
{"type":"apply_start","hook":{"resource":{"addr":"aws_vpc.this"},"action":"create"}}"#;
    let key = runtime::keys::build_events(cluster.parse().expect("an id"), 1);
    deployment.memory.objects.put(&key, stream.into(), "").await.expect("stores");
    let (_, view) = deployment.get(&path).await;
    assert_eq!((&view["progress"]["planned"], &view["progress"]["current"]), (&json!(30), &json!(["aws_vpc.this"])));
}

#[tokio::test]
async fn a_waiting_creation_is_not_cancelled_by_a_plain_delete() {
    let (deployment, cluster) = Deployment::registered().await;
    let (_, published) = deployment.post("/v1/flows", flow()).await;
    deployment.acquire(&cluster, &text(&published, "/run/id")).await;
    refused(&deployment.delete(&format!("/v1/clusters/{cluster}")).await, 409, "in use by 1 run(s)");
}

#[tokio::test]
async fn a_creation_ends_as_soon_as_the_last_run_that_waits_for_it_is_canceled() {
    let (deployment, cluster) = Deployment::registered().await;
    let mut runs = vec![];
    for _ in 0..2 {
        let (_, published) = deployment.post("/v1/flows", flow()).await;
        let run = text(&published, "/run/id");
        deployment.acquire(&cluster, &run).await;
        runs.push(run);
    }
    deployment.begin(&cluster).await;
    let path = format!("/v1/clusters/{cluster}");
    for (run, then) in runs.iter().zip(["Creating", "Terminating"]) {
        assert_eq!(deployment.post(&format!("/v1/runs/{run}/cancel"), json!({})).await.0, 202);
        let (_, view) = deployment.get(&path).await;
        assert_eq!(view["status"], then, "{view}");
    }
    assert_eq!(deployment.memory.builds.stopped().len(), 1);
}

#[tokio::test]
async fn a_teardown_that_takes_a_person_is_shown_with_what_it_costs() {
    let (deployment, cluster) = Deployment::active().await;
    let path = format!("/v1/clusters/{cluster}");
    deployment.delete(&path).await;
    deployment.begin_and_fail(&cluster, domain::failure::FailureClass::Credentials).await;
    let (_, view) = deployment.get(&path).await;
    assert_eq!((&view["status"], &view["last_error"]["class"]), (&json!("Terminating"), &json!("credentials")));
    let retry = &view["retry"];
    assert_eq!((&retry["attempt"], &retry["parked"]), (&json!(2), &json!(true)));
    assert_eq!(retry["next_try_at"], "2026-11-22T13:00:00Z");
    assert!(retry["cost"]["usd_per_hour"].as_f64().is_some_and(|usd| usd > 0.1), "{retry}");
    let (_, history) = deployment.get(&format!("{path}/events")).await;
    let parked = history["events"].as_array().and_then(|events| events.last()).expect("an event").clone();
    assert_eq!(parked["kind"], "teardown_parked");
    assert!(text(&parked, "/message").contains("costs up to $0."), "{parked}");

    deployment.delete(&path).await;
    deployment.finish_build(&cluster).await;
    let (_, view) = deployment.get(&path).await;
    assert_eq!(
        (&view["status"], &view["last_error"], &view["retry"]),
        (&json!("Terminated"), &json!(null), &json!(null))
    );
}

#[tokio::test]
async fn a_teardown_has_a_receipt_with_an_inventory() {
    let (deployment, cluster) = Deployment::active().await;
    let path = format!("/v1/clusters/{cluster}");
    let (_, none) = deployment.get(&format!("{path}/receipts")).await;
    assert_eq!(none, json!({"receipts": [], "inventory": null}));
    deployment.delete(&path).await;
    deployment.finish_build(&cluster).await;
    let (status, list) = deployment.get(&format!("{path}/receipts")).await;
    assert_eq!(status, 200, "{list}");
    let receipt = &list["receipts"][0];
    assert_eq!((&receipt["generation"], &receipt["resources"]), (&json!(1), &json!(0)));
    assert_eq!(receipt["inventory"]["result"], "clean");
    assert_eq!(list["inventory"]["result"], "clean");
    let (_, document) = deployment.get("/openapi.json").await;
    let described = document["components"]["schemas"]["Receipt"]["properties"].as_object().expect("a schema");
    let names: Vec<_> = receipt.as_object().expect("an object").keys().collect();
    assert!(names.iter().all(|name| described.contains_key(*name)) && names.len() == described.len(), "{names:?}");
}
