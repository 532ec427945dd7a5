//! Registering accounts.

use crate::harness::{Deployment, SECRET, UNKNOWN, registration, text};
use domain::Secret;
use runtime::keys;
use runtime::ports::Vault;
use serde_json::{Value, json};

const PATH: &str = "/v1/integrations";

#[tokio::test]
async fn registering_yields_two_entries_and_a_note_on_the_retired_default() {
    let deployment = Deployment::new().await;
    let settings = json!({"k8s": {"keepalive": "1800", "max_cpu_node": 10}});
    let (status, body) = deployment.post(PATH, registration(settings)).await;
    assert_eq!(status, 201, "{body}");
    assert_eq!(body["integration"]["account"], "123456789012");
    assert_eq!(body["cluster"]["status"], "Terminated");
    assert_eq!(body["cluster"]["eks_name"], Value::Null);
    assert_eq!(body["cluster"]["settings"]["keepalive"], 1800);
    assert_eq!(body["cluster"]["settings"]["max_cpu_node"], 10);
    assert_eq!(body["cluster"]["settings"]["cpu_node_type"], "t3.xlarge");
    assert!(text(&body, "/notes/0").contains("g4dn.xlarge"));
    assert!(!body.to_string().contains(SECRET));

    let (_, list) = deployment.get(PATH).await;
    let entries: Vec<_> = list["integrations"].as_array().expect("a list").iter().collect();
    let shown: Vec<_> = entries.iter().map(|e| (text(e, "/name"), text(e, "/service"))).collect();
    let expected = [("aws", "AWS"), ("aws:aqueduct_ondemand_k8s", "Kubernetes")];
    assert_eq!(shown, expected.map(|(name, service)| (name.to_owned(), service.to_owned())));
    for entry in entries {
        let (status, shown) = deployment.get(&format!("{PATH}/{}", text(entry, "/id"))).await;
        assert_eq!((status, &shown), (200, entry));
    }
}

#[tokio::test]
async fn the_secret_lies_in_the_vault_only() {
    let (deployment, _) = Deployment::registered().await;
    assert_eq!(deployment.memory.vault.all().len(), 1);
    assert!(!format!("{:?}", deployment.memory.store.all()).contains(SECRET));
}

#[tokio::test]
async fn a_stored_credentials_file_can_be_named_by_its_path() {
    let deployment = Deployment::new().await;
    let request = |profile: &str| json!({"name": "aws", "config": {"config_file_path": "~/.aws/credentials", "config_file_profile": profile}});
    let how = "create-secret --name ondemand-eks/test/credentials-files/-/.aws/credentials";
    deployment.refuses("POST", PATH, request("default"), 400, how).await;

    let file = format!("[default]\naws_access_key_id = AKIA1\naws_secret_access_key = {SECRET}\nregion = eu-west-1\n");
    let name = keys::credentials_file("~/.aws/credentials");
    deployment.memory.vault.put(&name, &Secret::new(file)).await.expect("stores");
    deployment.refuses("POST", PATH, request("other"), 400, "there is no profile 'other'; there are: default").await;
    let (status, body) = deployment.post(PATH, request("default")).await;
    assert_eq!((status, &body["integration"]["region"]), (201, &json!("eu-west-1")), "{body}");
    assert_eq!(body["integration"]["credentials"], "credentials_file");
}

#[tokio::test]
async fn a_role_can_be_registered_unless_it_cannot_be_assumed() {
    let deployment = Deployment::new().await;
    let request =
        |role: &str| json!({"name": "aws", "config": {"role_arn": role, "external_id": SECRET, "region": "us-east-1"}});
    let denied = "AWS does not accept these credentials: AccessDenied";
    deployment.refuses("POST", PATH, request("arn:aws:iam::123456789012:role/INVALID"), 400, denied).await;
    let (status, body) = deployment.post(PATH, request("arn:aws:iam::123456789012:role/r")).await;
    assert_eq!((status, &body["integration"]["credentials"]), (201, &json!("role")), "{body}");
}

#[tokio::test]
async fn wrong_registrations_are_refused_and_leave_nothing_behind() {
    let (deployment, _) = Deployment::registered().await;
    let named = |name: &str| {
        let mut request = registration(json!({}));
        request["name"] = json!(name);
        request
    };
    let other = |config: Value| {
        let mut request = registration(config);
        request["name"] = json!("other");
        request
    };
    let k8s = |settings: Value| other(json!({ "k8s": settings }));
    for (request, status, words) in [
        (named("aws"), 409, "there is an integration 'aws' already"),
        (named("aqueduct"), 400, "it is the built-in engine's"),
        (named(" "), 400, "it is empty"),
        (named("a:b"), 400, "must not contain colons"),
        (json!({"name": "other", "service": "GCP", "config": {}}), 422, "the only service is 'AWS'"),
        (json!({"name": "other"}), 400, "missing field `config`"),
        (json!({"name": "other", "config": SECRET}), 400, "field 'config' must be an object"),
        (json!({"name": "other", "config": {}}), 400, "give exactly one of"),
        (json!({"name": "other", "config": {}, "conf": {}}), 400, "unknown field `conf`"),
        (other(json!({"config_file_path": "~/.aws/credentials"})), 400, "give exactly one of"),
        (other(json!({"region": null})), 400, "give exactly one of"),
        (other(json!({"region": "Virginia"})), 400, "does not look like an AWS region"),
        (other(json!({"region": 5})), 400, "field 'config.region' must be text"),
        (other(json!({"regoin": "x"})), 400, "unknown key 'regoin'"),
        (other(json!({"k8s": 5})), 400, "field 'config.k8s' must be an object"),
        (other(json!({"access_key_id": "INVALIDKEY"})), 400, "AWS does not accept these credentials: InvalidClient"),
        (k8s(json!({"keep_alive": 700})), 400, "unknown setting 'keep_alive': the settings are keepalive,"),
        (k8s(json!({"keepalive": 599})), 400, "'keepalive' must be between 600 and"),
        (k8s(json!({"max_gpu_node": 0})), 400, "'max_gpu_node' must be between 1 and"),
        (k8s(json!({"max_cpu_node": "many"})), 400, "'max_cpu_node' must be a whole number"),
        (k8s(json!({"min_cpu_node": 2})), 422, "min_cpu_node (2) must not be above max_cpu_node (1)"),
        (k8s(json!({"gpu_node_type": "p2.xlarge"})), 422, "p2.xlarge is not supported by current EKS images"),
        (k8s(json!({"gpu_node_type": "t3.xlarge"})), 422, "t3.xlarge has no GPU"),
        (k8s(json!({"cpu_node_type": "big"})), 400, "must be an EC2 instance type"),
    ] {
        deployment.refuses("POST", PATH, request, status, words).await;
    }
}

#[tokio::test]
async fn an_integration_can_be_deleted_once_its_cluster_is_terminated() {
    let (deployment, cluster) = Deployment::active().await;
    let (_, list) = deployment.get(PATH).await;
    let path = format!("{PATH}/{}", text(&list, "/integrations/0/id"));
    deployment.refuses("DELETE", &path, json!({}), 409, "while its cluster is Active: delete the cluster first").await;

    assert_eq!(deployment.delete(&format!("/v1/clusters/{cluster}")).await.0, 202);
    deployment.finish_build(&cluster).await;
    let (status, body) = deployment.delete(&path).await;
    assert_eq!((status, body["deleted"].as_str()), (200, path.rsplit('/').next()));
    assert_eq!(deployment.get(&path).await.0, 404);
    assert_eq!(deployment.get(PATH).await.1, json!({"integrations": []}));
    assert!(deployment.memory.vault.all().is_empty());
    deployment.refuses("DELETE", &format!("{PATH}/{UNKNOWN}"), json!({}), 404, "there is no integration").await;
}

#[tokio::test]
async fn new_credentials_have_a_parked_teardown_tried_at_once() {
    let (deployment, cluster) = Deployment::active().await;
    let (_, list) = deployment.get(PATH).await;
    let path = format!("{PATH}/{}/credentials", text(&list, "/integrations/0/id"));
    let put = async |body: Value| deployment.send("PUT", &path, body.to_string().into()).await;
    assert_eq!(deployment.delete(&format!("/v1/clusters/{cluster}")).await.0, 202);
    deployment.begin_and_fail(&cluster, domain::failure::FailureClass::Credentials).await;
    let machines = || deployment.memory.machines.log().started.len();
    let before = machines();

    let renewed = json!({"config": {"role_arn": "arn:aws:iam::123456789012:role/r", "region": "us-east-1"}});
    let (status, body) = put(renewed.clone()).await;
    assert_eq!((status, &body["integration"]["credentials"]), (200, &json!("role")), "{body}");
    assert_eq!((&body["cluster"]["retry"]["parked"], machines()), (&json!(false), before + 1), "{body}");
    assert_eq!(put(renewed).await.0, 200);
    assert_eq!(machines(), before + 1, "twice is once");
    deployment.finish_build(&cluster).await;
    let (_, view) = deployment.get(&format!("/v1/clusters/{cluster}")).await;
    assert_eq!(view["status"], "Terminated");
}

#[tokio::test]
async fn credentials_of_somebody_else_come_with_the_way_into_the_cluster_that_lives() {
    let (deployment, _) = Deployment::active().await;
    let (_, list) = deployment.get(PATH).await;
    let path = format!("{PATH}/{}/credentials", text(&list, "/integrations/0/id"));
    let config = |key: &str| json!({"config": registration(json!({"access_key_id": key}))["config"]});
    let put = async |key: &str| deployment.send("PUT", &path, config(key).to_string().into()).await;
    let locks_out = |body: &Value| text(body, "/warnings/0/remedy").contains("aws eks create-access-entry");
    let (status, body) = put("AKIASECONDUSER").await;
    assert!(status == 200 && locks_out(&body), "{body}");
    let (status, body) = put("AKIASECONDUSER").await;
    assert!(status == 200 && !locks_out(&body), "they are whose they were: {body}");
}

#[tokio::test]
async fn credentials_of_another_place_are_refused_and_the_old_ones_stay() {
    let (deployment, _) = Deployment::registered().await;
    let (_, list) = deployment.get(PATH).await;
    let path = format!("{PATH}/{}/credentials", text(&list, "/integrations/0/id"));
    let config = |fields: Value| json!({"config": registration(fields)["config"]});
    for (body, status, words) in [
        (
            config(json!({"region": "eu-west-1"})),
            422,
            "are for region eu-west-1, and integration 'aws' is region us-east-1",
        ),
        (config(json!({"access_key_id": "AKIAOTHERACCOUNT"})), 422, "are for account 210987654321, and"),
        (config(json!({"access_key_id": "INVALIDKEY"})), 400, "AWS does not accept these credentials"),
        (config(json!({"k8s": {}})), 400, "unknown key 'k8s'"),
        (json!({"config": {}}), 400, "give exactly one of"),
        (json!({"config": SECRET}), 400, "field 'config' must be an object"),
        (json!({"name": "aws", "config": {}}), 400, "unknown field `name`"),
    ] {
        deployment.refuses("PUT", &path, body, status, words).await;
    }
    let unknown = format!("{PATH}/{UNKNOWN}/credentials");
    deployment.refuses("PUT", &unknown, config(json!({})), 404, "there is no integration").await;
}
