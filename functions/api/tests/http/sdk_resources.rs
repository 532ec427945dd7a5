//! The SDK's first requests, and what it does with resources.

use crate::harness::{Deployment, KEY, SECRET, UNKNOWN, refused, text};
use crate::sdk::{FAMILIES, keys};
use axum::body::Body;
use axum::http::Request;
use domain::cluster::{Command, Status};
use serde_json::{Value, json};

#[tokio::test]
async fn the_server_is_of_the_version_that_the_address_names() {
    let deployment = Deployment::new().await;
    for (path, version) in
        [("/api/version", "0.3.6"), ("/sdk/0.2.8/api/version", "0.2.8"), ("/sdk/0.3.4/api/version", "0.3.4")]
    {
        assert_eq!(deployment.get(path).await, (200, json!({"version": version})), "{path}");
    }
    refused(&deployment.get("/sdk/0.3.0/api/version").await, 404, "version '0.3.0' of the SDK is not served");
    refused(&deployment.get("/sdk/0.1.0/api/integrations").await, 404, "there are: 0.2.8, ");
}

#[tokio::test]
async fn a_wrong_key_is_refused_only_where_the_user_sees_why() {
    let deployment = Deployment::new().await;
    for base in ["", "/sdk/0.2.12"] {
        let send = |path: &str| {
            let request = Request::get(format!("{base}{path}")).header("api-key", "wrong");
            deployment.raw(request.body(Body::empty()).expect("a request"))
        };
        assert_eq!(send("/api/version").await.0, 200);
        refused(&send("/api/resources").await, 403, "the API key is not known");
        refused(&send("/api/integrations").await, 403, "the API key is not known");
    }
}

#[tokio::test]
async fn the_list_is_never_empty_and_has_the_words_of_its_version() {
    let deployment = Deployment::new().await;
    for (path, word) in [
        ("/api/resources", "Aqueduct"),
        ("/api/integrations", "Aqueduct"),
        ("/sdk/0.3.1/api/integrations", "Aqueduct"),
        ("/sdk/0.2.8/api/integrations", "Aqueduct Engine"),
    ] {
        let (status, list) = deployment.get(path).await;
        assert_eq!((status, list.as_array().map(Vec::len)), (200, Some(1)), "{list}");
        let entry = &list[0];
        assert_eq!((&entry["name"], &entry["service"]), (&json!("aqueduct"), &json!(word)));
        assert!(entry["createdAt"].is_i64() && entry["validated"] == true, "{entry}");
        assert_eq!(entry["exec_state"]["status"], "succeeded");
    }
}

#[tokio::test]
async fn a_connected_account_is_listed_with_its_cluster() {
    for (family, base) in FAMILIES {
        let deployment = Deployment::new().await;
        let mut config = keys();
        config["k8s_serialized"] = json!("{\"keepalive\": \"1800\", \"max_cpu_node\": \"10\"}");
        let answer = deployment.connect(family, base, b"aws", "AWS", &config.to_string()).await;
        assert_eq!(answer.0, 200, "{answer:?}");
        let (_, list) = deployment.get(&format!("{base}/api/{family}s")).await;
        let pairs: Vec<_> = (1..3).map(|n| (text(&list[n], "/name"), text(&list[n], "/service"))).collect();
        assert_eq!(pairs[0], ("aws".to_owned(), "AWS".to_owned()));
        assert_eq!(pairs[1], ("aws:aqueduct_ondemand_k8s".to_owned(), "Kubernetes".to_owned()));
        let cluster = &deployment.world.clusters().await.expect("reads")[0];
        assert_eq!((cluster.settings.keepalive, cluster.settings.max_cpu_node), (1800, 10));
        assert!(!list.to_string().contains(SECRET));
    }
}

#[tokio::test]
async fn names_may_have_letters_of_latin_1() {
    let deployment = Deployment::new().await;
    let answer = deployment.connect("resource", "", b"m\xfcller", "AWS", &keys().to_string()).await;
    assert_eq!(answer.0, 200, "{answer:?}");
    let (_, list) = deployment.get("/api/resources").await;
    assert_eq!(list[2]["name"], "müller:aqueduct_ondemand_k8s");
}

#[tokio::test]
async fn accounts_that_cannot_be_connected_are_refused() {
    let deployment = Deployment::new().await;
    let with = |field: &str, value: Value| {
        let mut config = keys();
        config[field] = value;
        config.to_string()
    };
    let k8s = |text: &str| with("k8s_serialized", json!(text));
    for (name, service, config, status, words) in [
        ("", "AWS", keys().to_string(), 400, "field 'name'"),
        ("Aqueduct", "AWS", keys().to_string(), 400, "built-in engine"),
        ("aws", "Postgres", keys().to_string(), 422, "'Postgres' is not supported"),
        ("aws", "AWS", "{".to_owned(), 400, "the config cannot be read"),
        ("aws", "AWS", format!("[\"{SECRET}\"]"), 400, "the config cannot be read"),
        ("aws", "AWS", "{}".to_owned(), 400, "give exactly one of"),
        ("aws", "AWS", with("region", json!("")), 400, "give exactly one of"),
        ("aws", "AWS", with("config_file_path", json!("~/.aws/credentials")), 400, "give exactly one of"),
        ("aws", "AWS", with("access_key_id", json!("INVALID")), 400, "AWS does not accept these credentials"),
        ("aws", "AWS", k8s("{\"keepalive\": \"1800.5\"}"), 400, "'keepalive' must be a whole number"),
        ("aws", "AWS", k8s("{\"keepalive\": \"True\"}"), 400, "'keepalive' must be a whole number"),
        ("aws", "AWS", k8s("{\"max_cpu_node\": \"-1\"}"), 400, "'max_cpu_node' must be a whole number"),
        ("aws", "AWS", k8s("{\"max_cpu_node\": \"\"}"), 400, "'max_cpu_node' must be a whole number"),
        ("aws", "AWS", k8s("{\"min_cpu_node\": \"3\"}"), 422, "must not be above max_cpu_node"),
        ("aws", "AWS", k8s("{\"nodes\": \"3\"}"), 400, "unknown setting 'nodes'"),
        ("aws", "AWS", k8s("nonsense"), 400, "the config's 'k8s' cannot be read"),
    ] {
        let (found, body) = deployment.connect("resource", "", name.as_bytes(), service, &config).await;
        refused(&(found, serde_json::from_str(&body).expect("JSON")), status, words);
    }
    assert!(deployment.world.integrations().await.expect("reads").is_empty());
    let request = Request::post("/api/resource/connect").header("api-key", KEY);
    let answer = deployment.raw(request.body(Body::empty()).expect("a request")).await;
    refused(&answer, 400, "header 'resource-name' is missing");
}

#[tokio::test]
async fn a_name_that_is_taken_is_refused() {
    let (deployment, _) = Deployment::registered().await;
    let (status, body) = deployment.connect("resource", "", b"aws", "AWS", &keys().to_string()).await;
    refused(&(status, serde_json::from_str(&body).expect("JSON")), 422, "there is an integration 'aws' already");
}

#[tokio::test]
async fn an_account_is_deleted_with_its_cluster() {
    for (family, base) in FAMILIES {
        let (deployment, cluster) = Deployment::registered().await;
        let (_, list) = deployment.get(&format!("{base}/api/{family}s")).await;
        let delete = async |id: &str| deployment.form(&format!("{base}/api/{family}/{id}/delete"), &[], &[]).await;
        refused(&delete(&cluster).await, 422, "delete that resource");
        refused(&delete(UNKNOWN).await, 404, "there is no integration");
        assert_eq!(delete(&text(&list, "/1/id")).await.0, 200);
        let (_, list) = deployment.get(&format!("{base}/api/{family}s")).await;
        assert_eq!(list.as_array().map(Vec::len), Some(1));
    }
}

#[tokio::test]
async fn the_status_is_told_of_clusters_only() {
    for (family, base) in FAMILIES {
        let (deployment, cluster) = Deployment::registered().await;
        let path = format!("{base}/api/{family}/dynamic-engine/status");
        let header = format!("{family}-ids");
        let ask = async |ids: &str| deployment.ask(&path, &[(&header, ids)]).await;
        assert_eq!(ask("[]").await, (200, json!([])));
        let ids = json!([UNKNOWN, cluster, "no id"]).to_string();
        let expected = json!([{"id": cluster, "name": "aws:aqueduct_ondemand_k8s", "status": "Terminated"}]);
        assert_eq!(ask(&ids).await, (200, expected));
        refused(&ask("{}").await, 400, "header 'resource-ids' cannot be read");
    }
}

#[tokio::test]
async fn a_cluster_is_created_updated_and_deleted() {
    for (family, base) in FAMILIES {
        let (deployment, cluster) = Deployment::registered().await;
        let path = format!("{base}/api/{family}/dynamic-engine/{cluster}/edit");
        let edit = async |action: &str, delta: &str| {
            deployment.form(&path, &[("action", action)], &[("config_delta", delta)]).await
        };
        let now = async || deployment.world.cluster(cluster.parse().expect("an id")).await.expect("reads").value;
        refused(&edit("update", "{\"keepalive\": \"1800\"}").await, 422, "only an Active cluster can be updated");
        assert_eq!(edit("create", "{\"max_cpu_node\": \"3\"}").await.0, 200);
        assert_eq!(edit("create", "{}").await.0, 200, "again, while it is being created");
        assert_eq!((now().await.status(), now().await.settings.max_cpu_node), (Status::Creating, 3));
        deployment.finish_build(&cluster).await;
        assert_eq!(edit("update", "{\"keepalive\": \"1800\"}").await.0, 200);
        assert_eq!((now().await.settings.keepalive, now().await.settings.max_cpu_node), (1800, 3));
        refused(&edit("update", "{\"min_cpu_node\": \"4\"}").await, 422, "must not be above");
        refused(&edit("explode", "{}").await, 422, "action 'explode' is not known");
        refused(&edit("update", "nonsense").await, 400, "field 'config_delta' cannot be read");
        assert_eq!(edit("delete", "{}").await.0, 200);
        assert_eq!(now().await.status(), Status::Terminating);
    }
}

#[tokio::test]
async fn a_cluster_in_use_is_deleted_by_force_only() {
    let (deployment, cluster) = Deployment::active().await;
    let run = domain::RunId(UNKNOWN.parse().expect("an id"));
    let id = cluster.parse().expect("an id");
    deployment.world.cluster_command(id, &Command::Acquire { run }).await.expect("granted");
    let path = format!("/api/resource/dynamic-engine/{cluster}/edit");
    let edit = async |action: &str| deployment.form(&path, &[("action", action)], &[("config_delta", "{}")]).await;
    refused(&edit("delete").await, 422, "is in use by 1 run(s)");
    assert_eq!(edit("force-delete").await.0, 200);
    assert_eq!(deployment.world.cluster(id).await.expect("reads").value.status(), Status::Terminating);
}

#[tokio::test]
async fn what_is_not_done_here_is_said() {
    let deployment = Deployment::new().await;
    for path in [
        "/api/workflow/register/airflow",
        "/api/resources/github/repos",
        "/api/integrations/github/branches",
        "/api/resource/container-registry/url",
        "/sdk/0.3.6/api/positioning",
    ] {
        refused(&deployment.get(path).await, 422, "on-demand Kubernetes clusters");
    }
    let (status, body) = deployment.get(&format!("/api/resource/{UNKNOWN}/objects")).await;
    assert_eq!((status, body), (200, json!({"object_names": []})));
    refused(&deployment.get("/api/nonsense").await, 404, "there is no route");
}
