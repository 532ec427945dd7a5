//! Looking ahead: preflight, prices, and what goes beyond the settings.

use crate::harness::{Deployment, UNKNOWN, refused, registration, text};
use domain::hold::BuildState;
use domain::preflight::{Barrier, quota};
use domain::price::Usd;
use runtime::ports::Objects;
use serde_json::{Value, json};

fn about(findings: &Value) -> Vec<(String, String)> {
    let list = findings.as_array().unwrap_or_else(|| panic!("no list: {findings}"));
    list.iter().map(|finding| (text(finding, "/severity"), text(finding, "/about"))).collect()
}

#[tokio::test]
async fn registration_warns_and_registers_all_the_same() {
    let deployment = Deployment::new().await;
    deployment.survey.deny("ec2:CreateVpc", Barrier::NoAllow);
    deployment.survey.set_vpcs(5);
    deployment.survey.set_quota(quota::VPCS, 5);
    let (status, body) = deployment.post("/v1/integrations", registration(json!({}))).await;
    assert_eq!(status, 201, "{body}");
    let expected = [("certain", "quota"), ("likely", "permissions"), ("info", "image")];
    assert_eq!(about(&body["warnings"]), expected.map(|(s, a)| (s.to_owned(), a.to_owned())));
    let policy = &body["warnings"][1]["policy"]["Statement"][0];
    assert_eq!((&policy["Action"], &policy["Resource"]), (&json!(["ec2:CreateVpc"]), &json!(["*"])));

    let id = text(&body, "/integration/id");
    deployment.survey.set_vpcs(4);
    let (status, later) = deployment.get(&format!("/v1/integrations/{id}/preflight")).await;
    assert_eq!((status, &later["region"]), (200, &json!("us-east-1")), "{later}");
    assert_eq!(about(&later["findings"])[0], ("likely".to_owned(), "permissions".to_owned()));
}

#[tokio::test]
async fn an_account_that_may_not_be_looked_over_registers_and_says_so() {
    let deployment = Deployment::new().await;
    deployment.survey.refuse();
    let (status, body) = deployment.post("/v1/integrations", registration(json!({}))).await;
    assert_eq!(status, 201, "{body}");
    assert!(about(&body["warnings"]).iter().all(|(severity, _)| severity == "info"), "{body}");
    assert!(body["warnings"].to_string().contains("permission iam:SimulatePrincipalPolicy is missing"), "{body}");
    refused(&deployment.get(&format!("/v1/integrations/{UNKNOWN}/preflight")).await, 404, UNKNOWN);
}

#[tokio::test]
async fn a_plan_tells_the_price_idle_and_at_most_and_changes_nothing() {
    let (deployment, cluster) = Deployment::registered().await;
    deployment.survey.refuse();
    let path = format!("/v1/clusters/{cluster}/plan");
    let before = deployment.memory.store.all();
    let (status, body) = deployment.post(&path, json!({"max_cpu_node": 10})).await;
    assert_eq!(status, 200, "{body}");
    assert_eq!((&body["action"], &body["settings"]["max_cpu_node"]), (&json!("create"), &json!(10)));
    let cost = |name: &str| body["price"][name]["per_hour"].as_f64().expect("a number");
    assert!((cost("idle") - 0.321_879).abs() < 1e-9, "{body}");
    // Nine more CPU nodes with their disks, and one GPU node with its.
    assert!((cost("at_max") - (0.15 + 10.0 * 0.1664 + 0.054_794 + 0.526 + 0.010_958)).abs() < 1e-9, "{body}");
    assert_eq!((&body["price"]["idle_now"], &body["price"]["asked_now"]), (&Value::Null, &json!([])));
    assert_eq!(deployment.memory.store.all(), before);
    deployment.refuses("POST", &path, json!({"max_cpu_node": 0}), 400, "max_cpu_node").await;
    deployment.refuses("POST", &path, json!({"min_cpu_node": 3}), 422, "min_cpu_node").await;
}

#[tokio::test]
async fn a_plan_for_a_living_cluster_compares_and_asks_aws_for_prices() {
    let (deployment, cluster) = Deployment::active().await;
    deployment.survey.set_price("t3.xlarge", Usd::from_micro(200_000));
    let path = format!("/v1/clusters/{cluster}/plan");
    let (_, same) = deployment.post(&path, json!({"keepalive": 3000})).await;
    assert_eq!(same["action"], "none", "{same}");
    let (_, more) = deployment.post(&path, json!({"min_cpu_node": 2, "max_cpu_node": 2})).await;
    assert_eq!(more["action"], "update", "{more}");
    let cost = |name: &str| more["price"][name]["per_hour"].as_f64().expect("a number");
    assert!((cost("idle") - cost("idle_now") - 0.2 - 0.005_479).abs() < 1e-5, "{more}");
    assert_eq!(more["price"]["asked_now"], json!(["g4dn.xlarge", "t3.xlarge"]));
}

#[tokio::test]
async fn options_are_given_with_the_registration_and_shown() {
    let deployment = Deployment::new().await;
    let options = json!({"cpu_node_types": ["m6i.xlarge", "m5.xlarge"], "capacity_type": "SPOT", "nat": "none"});
    let (status, body) = deployment.post("/v1/integrations", registration(json!({"options": options}))).await;
    assert_eq!(status, 201, "{body}");
    assert_eq!(body["cluster"]["settings"]["options"], options);
    assert_eq!(body["cluster"]["settings"]["cpu_node_type"], "m6i.xlarge");
    let path = format!("/v1/clusters/{}/plan", text(&body, "/cluster/id"));
    let (_, plan) = deployment.post(&path, json!({})).await;
    assert!(text(&plan, "/price/idle/unknown/0").contains("spot prices change"), "{plan}");

    let cluster = format!("/v1/clusters/{}", text(&body, "/cluster/id"));
    let change = json!({"options": {"capacity_type": "ON_DEMAND", "cpu_node_types": ["m7i.xlarge", "m6i.xlarge"]}});
    let (status, planned) = deployment.post(&path, change.clone()).await;
    assert_eq!((status, &planned["settings"]["cpu_node_type"]), (200, &json!("m7i.xlarge")), "{planned}");
    let (status, changed) = deployment.patch(&cluster, change).await;
    assert_eq!((status, &changed["status"]), (202, &json!("Terminated")), "{changed}");
    let expected = json!({"cpu_node_types": ["m7i.xlarge", "m6i.xlarge"], "capacity_type": "ON_DEMAND", "nat": "none"});
    assert_eq!(changed["settings"]["options"], expected);
    deployment.refuses("PATCH", &cluster, json!({"options": {"nat": "many"}}), 400, "'nat' must be").await;
    deployment.refuses("PATCH", &cluster, json!({"options": "SPOT"}), 400, "'options' must be an object").await;

    let created = deployment.post(&format!("{cluster}/create"), json!({"options": {"nat": "single"}})).await;
    assert_eq!(created.1["settings"]["options"]["nat"], "single", "{created:?}");
    deployment.finish_build(&text(&body, "/cluster/id")).await;
    for (method, path) in [("PATCH", &cluster), ("POST", &path)] {
        let nat = json!({"options": {"nat": "none"}});
        deployment.refuses(method, path, nat, 422, "'nat' can only be changed while it is Terminated").await;
    }
    let (_, updating) = deployment.patch(&cluster, json!({"options": {"capacity_type": "SPOT"}})).await;
    assert_eq!(updating["status"], "Updating", "nobody uses its nodes");

    let refused_options = |options: Value| registration(json!({"options": options}));
    for (options, status, words) in [
        (json!({"nat": "many"}), 400, "'nat' must be"),
        (json!({"spot": true}), 400, "unknown option 'spot'"),
        (json!({"gpu_node_types": ["p2.xlarge"]}), 422, "g4dn.xlarge"),
        (json!("SPOT"), 400, "config.options"),
    ] {
        deployment.refuses("POST", "/v1/integrations", refused_options(options), status, words).await;
    }
    let twice = registration(json!({"options": {}, "k8s": {"options": {"nat": "none"}}}));
    deployment.refuses("POST", "/v1/integrations", twice, 400, "must be given once, beside 'k8s' or in it").await;
}

#[tokio::test]
async fn terraform_counts_in_a_build_that_is_no_build_of_the_cluster() {
    let (deployment, cluster) = Deployment::registered().await;
    let path = format!("/v1/clusters/{cluster}");
    let (status, body) = deployment.post(&format!("{path}/plan?build=true"), json!({"max_cpu_node": 4})).await;
    assert_eq!(status, 200, "{body}");
    let started = deployment.memory.builds.started();
    let [environment] = &started[..] else { panic!("{started:?}") };
    let value = |name: &str| environment.iter().find(|v| v.name == name).map(|v| v.value.clone());
    assert_eq!(value("ACTION").as_deref(), Some("plan"));
    assert_eq!(value("STATE_KEY"), Some(format!("clusters/{cluster}/g1/terraform.tfstate")));
    // By these two a cluster's own build is known, and stopped.
    assert_eq!((value("EPOCH"), value("CLUSTER_ID")), (None, None));

    let plan = text(&body, "/plan_id");
    let prefix = format!("clusters/{cluster}/plans/{plan}");
    let objects = &deployment.memory.objects;
    let variables = objects.get(&format!("{prefix}/variables.tfvars.json")).await.expect("answers").expect("variables");
    let variables: Value = serde_json::from_slice(&variables).expect("JSON");
    assert_eq!((&variables["max_cpu_node"], &variables["gpu_node_type"]), (&json!(4), &json!("g4dn.xlarge")));

    let shown = format!("{path}/plans/{plan}");
    assert_eq!(deployment.get(&shown).await.1["status"], "running");
    let change = json!({"action": "create", "resource": {"resource_type": "aws_vpc"}});
    let events = json!({"type": "planned_change", "change": change}).to_string();
    let put = async |name: &str, text: String| {
        objects.put(&format!("{prefix}/{name}"), text.into_bytes(), "application/json").await.expect("stores");
    };
    put("events.jsonl", events).await;
    put("summary.json", json!({"exit_code": 0}).to_string()).await;
    let (_, done) = deployment.get(&shown).await;
    let counts = json!({"aws_vpc": {"create": 1, "update": 0, "replace": 0, "delete": 0}});
    assert_eq!((&done["status"], &done["counts"]), (&json!("succeeded"), &counts), "{done}");

    put("events.jsonl", "Error: no such type".to_owned()).await;
    put("summary.json", json!({"exit_code": 1}).to_string()).await;
    let (_, failed) = deployment.get(&shown).await;
    assert_eq!(failed["status"], "failed", "{failed}");
    assert!(text(&failed, "/error/message").contains("no such type"), "{failed}");
    refused(&deployment.get(&format!("{path}/plans/{UNKNOWN}")).await, 404, UNKNOWN);
    refused(&deployment.get(&format!("{path}/plans/x")).await, 404, "plan");
}

#[tokio::test]
async fn a_plan_whose_build_dies_without_a_word_has_failed() {
    let (deployment, cluster) = Deployment::registered().await;
    let (_, body) = deployment.post(&format!("/v1/clusters/{cluster}/plan?build=true"), json!({})).await;
    deployment.memory.builds.set("memory:1", BuildState::Over);
    let (_, lost) = deployment.get(&format!("/v1/clusters/{cluster}/plans/{}", text(&body, "/plan_id"))).await;
    assert_eq!((&lost["status"], &lost["error"]["class"]), (&json!("failed"), &json!("build_lost")), "{lost}");
}
