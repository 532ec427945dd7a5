//! Looking ahead: preflight, prices, and what goes beyond the settings.

use crate::harness::{Deployment, UNKNOWN, refused, registration, text};
use domain::preflight::quota;
use domain::price::Usd;
use serde_json::{Value, json};

fn about(findings: &Value) -> Vec<(String, String)> {
    let list = findings.as_array().unwrap_or_else(|| panic!("no list: {findings}"));
    list.iter().map(|finding| (text(finding, "/severity"), text(finding, "/about"))).collect()
}

#[tokio::test]
async fn registration_warns_and_registers_all_the_same() {
    let deployment = Deployment::new().await;
    deployment.survey.deny("ec2:CreateVpc", false);
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

    let refused_options = |options: Value| registration(json!({"options": options}));
    for (options, status, words) in [
        (json!({"nat": "many"}), 400, "'nat' must be"),
        (json!({"spot": true}), 400, "unknown option 'spot'"),
        (json!({"gpu_node_types": ["p2.xlarge"]}), 422, "g4dn.xlarge"),
        (json!("SPOT"), 400, "config.options"),
    ] {
        deployment.refuses("POST", "/v1/integrations", refused_options(options), status, words).await;
    }
}
