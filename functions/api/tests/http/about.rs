//! What holds for all routes: keys, errors, limits, the OpenAPI document.

use crate::harness::{Deployment, UNKNOWN, refused, text};
use axum::body::Body;
use axum::http::Request;
use serde_json::{Value, json};
use std::collections::BTreeSet;

fn request(method: &str, path: &str) -> Request<Body> {
    Request::builder().method(method).uri(path).body(Body::empty()).expect("a request")
}

#[tokio::test]
async fn health_needs_no_key() {
    let (status, body) = Deployment::new().await.raw(request("GET", "/health")).await;
    assert_eq!((status, &body["status"]), (200, &json!("ok")));
}

#[tokio::test]
async fn everything_else_needs_a_known_key() {
    let deployment = Deployment::new().await;
    for path in ["/v1/integrations", "/v1/clusters", "/openapi.json", "/nowhere"] {
        refused(&deployment.raw(request("GET", path)).await, 403, "send the header 'api-key'");
        let mut wrong = request("GET", path);
        wrong.headers_mut().insert("api-key", "another".parse().expect("a value"));
        refused(&deployment.raw(wrong).await, 403, "the API key is not known");
    }
}

#[tokio::test]
async fn unknown_routes_and_methods_are_told_in_json() {
    let deployment = Deployment::new().await;
    refused(&deployment.get("/v2/flows").await, 404, "there is no route /v2/flows");
    refused(&deployment.send("PUT", "/v1/flows", Body::empty()).await, 405, "method PUT is not allowed for /v1/flows");
}

#[tokio::test]
async fn a_body_that_is_no_json_or_has_unknown_fields_is_refused() {
    let deployment = Deployment::new().await;
    refused(&deployment.send("POST", "/v1/flows", "{\"name\":".into()).await, 400, "is not JSON");
    refused(&deployment.send("POST", "/v1/flows", Body::empty()).await, 400, "missing field `name`");
    let typo = json!({"name": "f", "operators": [{"name": "a", "sorce": ""}]});
    deployment.refuses("POST", "/v1/flows", typo, 400, "operators[0].sorce: unknown field `sorce`").await;
    let wrong = json!({"name": "f", "operators": [{"name": "a", "resources": {"num_cpus": -1}}]});
    deployment.refuses("POST", "/v1/flows", wrong, 400, "operators[0].resources.num_cpus").await;
}

#[tokio::test]
async fn a_body_that_is_too_large_is_refused_with_a_way_around() {
    let deployment = Deployment::new().await;
    let large = vec![b' '; 4_500_001];
    refused(&deployment.send("POST", "/v1/flows", large.into()).await, 413, "name libraries in requirements");
    let just_fits = vec![b' '; 4_500_000];
    refused(&deployment.send("POST", "/v1/flows", just_fits.into()).await, 400, "is not JSON");
}

#[tokio::test]
async fn the_document_describes_every_route() {
    let deployment = Deployment::new().await;
    let (status, document) = deployment.get("/openapi.json").await;
    assert_eq!(status, 200);
    let (mut routes, mut names) = (vec![], BTreeSet::new());
    for (path, item) in document["paths"].as_object().expect("paths") {
        for (method, operation) in item.as_object().expect("an item") {
            routes.push(format!("{method} {path}"));
            let name = text(operation, "/operationId");
            assert!(names.insert(name.clone()), "two operations are called {name}");
            assert!(operation.pointer("/responses/default").is_some(), "{name} describes no error");
        }
    }
    routes.sort();
    assert_eq!(
        routes,
        [
            "delete /v1/clusters/{id}",
            "delete /v1/flows/{id}",
            "delete /v1/integrations/{id}",
            "get /health",
            "get /openapi.json",
            "get /v1/clusters",
            "get /v1/clusters/{id}",
            "get /v1/clusters/{id}/events",
            "get /v1/clusters/{id}/plans/{plan}",
            "get /v1/clusters/{id}/receipts",
            "get /v1/flows",
            "get /v1/flows/{id}",
            "get /v1/flows/{id}/runs",
            "get /v1/integrations",
            "get /v1/integrations/{id}",
            "get /v1/integrations/{id}/preflight",
            "get /v1/runs/{id}",
            "get /v1/runs/{id}/artifacts",
            "get /v1/runs/{id}/artifacts/{artifact}",
            "get /v1/runs/{id}/events",
            "get /v1/runs/{id}/operators/{operator}/logs",
            "patch /v1/clusters/{id}",
            "post /v1/clusters/{id}/create",
            "post /v1/clusters/{id}/plan",
            "post /v1/flows",
            "post /v1/flows/{id}/runs",
            "post /v1/integrations",
            "post /v1/runs/{id}/cancel",
            "put /v1/integrations/{id}/credentials",
        ]
    );
    assert_eq!(document["security"], json!([{"api-key": []}]));
    assert_eq!(document["paths"]["/health"]["get"]["security"], json!([{}]));
}

#[tokio::test]
async fn every_reference_of_the_document_leads_somewhere() {
    fn references(value: &Value, found: &mut Vec<String>) {
        match value {
            Value::Object(fields) => {
                found.extend(fields.get("$ref").and_then(Value::as_str).map(str::to_owned));
                fields.values().for_each(|value| references(value, found));
            }
            Value::Array(values) => values.iter().for_each(|value| references(value, found)),
            _ => {}
        }
    }
    let (_, document) = Deployment::new().await.get("/openapi.json").await;
    let mut found = vec![];
    references(&document, &mut found);
    assert!(found.len() > 30, "only {} references", found.len());
    for reference in found {
        let pointer = reference.strip_prefix('#').expect("a local reference");
        assert!(document.pointer(pointer).is_some(), "{reference} leads nowhere");
    }
}

const DENIED: &str = "Error: creating EC2 VPC: operation error EC2: CreateVpc, https response error StatusCode: 403, RequestID: 0f31cf5c-1c26-4b39-8ff4-6e4e6f6d3a10, api error UnauthorizedOperation: You are not authorized to perform this operation. User: arn:aws:iam::123456789012:user/u is not authorized to perform: ec2:CreateVpc on resource: arn:aws:ec2:us-east-1:123456789012:vpc/* because no identity-based policy allows the ec2:CreateVpc action";

/// The shapes in `wire::v1::documents` stand for types of the domain: their names must be those that are sent.
#[tokio::test]
async fn the_document_names_what_the_domain_writes() {
    let (deployment, cluster) = Deployment::active().await;
    let (_, document) = deployment.get("/openapi.json").await;
    let described = |schema: &str| -> Vec<String> {
        let pointer = format!("/components/schemas/{schema}/properties");
        let properties = document.pointer(&pointer).and_then(Value::as_object);
        properties.unwrap_or_else(|| panic!("no schema {schema}")).keys().cloned().collect()
    };
    let (_, view) = deployment.get(&format!("/v1/clusters/{cluster}")).await;
    let (_, events) = deployment.get(&format!("/v1/clusters/{cluster}/events")).await;
    let failure = domain::Failure {
        missing_actions: vec!["ec2:CreateVpc".to_owned()],
        policy: domain::diagnosis::diagnose(DENIED).and_then(|failure| failure.policy),
        build_id: Some("b".to_owned()),
        ..domain::Failure::new(domain::failure::FailureClass::Quota, "m").remedied_by("r")
    };
    let types = || vec![domain::instance_type::InstanceType::parse("g4dn.xlarge").expect("a type")];
    let options = domain::options::Options {
        cpu_node_types: types(),
        gpu_node_types: types(),
        nat: domain::options::Nat::None,
        ..Default::default()
    };
    let settings = domain::settings::Settings { options, ..Default::default() };
    let group = domain::cluster::NodeGroup { instance_types: types(), min: 0, max: 1 };
    let groups = domain::cluster::NodeGroups { cpu: group, gpu: None };
    let finding = domain::preflight::Finding {
        severity: domain::preflight::Severity::Likely,
        about: "permissions".to_owned(),
        what: "w".to_owned(),
        remedy: "r".to_owned(),
        policy: failure.policy.clone(),
    };
    let timeline = domain::run::Timeline::default();
    let lost = domain::run::LostAttempt {
        attempt: 1,
        cause: domain::run::Cause::Evicted,
        message: "m".to_owned(),
        node: Some("n".to_owned()),
        timeline: timeline.clone(),
    };
    let error = domain::run::OperatorError::default();
    for (schema, written) in [
        ("ClusterView", view.clone()),
        ("NodeGroups", json!(groups)),
        ("NodeGroup", json!(groups.cpu)),
        ("Settings", json!(settings)),
        ("Options", json!(settings.options)),
        ("PreflightFinding", json!(finding)),
        ("Event", events["events"][0].clone()),
        ("Failure", json!(failure)),
        ("Timeline", json!(timeline)),
        ("OperatorError", json!(error)),
        ("LostAttempt", json!(lost)),
    ] {
        let mut names: Vec<String> = written.as_object().expect("an object").keys().cloned().collect();
        let mut expected = described(schema);
        names.sort();
        expected.sort();
        assert_eq!(names, expected, "{schema}");
    }
    for name in view["alive"].as_object().expect("an object").keys() {
        assert!(described("Alive").contains(name), "Alive does not describe {name}");
    }
}

#[tokio::test]
async fn an_id_that_is_none_is_told_from_one_that_is_unknown() {
    let deployment = Deployment::new().await;
    for (path, words) in [
        ("/v1/integrations/x", "'x' is not the id of an integration"),
        ("/v1/flows/x", "'x' is not the id of a flow"),
        ("/v1/flows/x/runs", "'x' is not the id of a flow"),
        ("/v1/runs/x", "'x' is not the id of a run"),
        ("/v1/runs/x/artifacts", "'x' is not the id of a run"),
        ("/v1/runs/%ff", "UTF-8"),
    ] {
        refused(&deployment.get(path).await, 400, words);
    }
    let unknown = UNKNOWN;
    for (path, what) in [
        (format!("/v1/integrations/{unknown}"), "integration"),
        (format!("/v1/clusters/{unknown}"), "cluster"),
        ("/v1/clusters/nowhere:aqueduct_ondemand_k8s".to_owned(), "cluster"),
        (format!("/v1/clusters/{unknown}/events"), "cluster"),
        (format!("/v1/flows/{unknown}"), "flow"),
        (format!("/v1/flows/{unknown}/runs"), "flow"),
        (format!("/v1/runs/{unknown}"), "run"),
        (format!("/v1/runs/{unknown}/events"), "run"),
        (format!("/v1/runs/{unknown}/artifacts/a"), "run"),
        (format!("/v1/runs/{unknown}/operators/a/logs"), "run"),
    ] {
        refused(&deployment.get(&path).await, 404, &format!("there is no {what} '"));
    }
}
