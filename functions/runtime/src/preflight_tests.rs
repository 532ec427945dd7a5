use super::*;
use crate::memory::MemorySurvey;
use domain::Secret;
use domain::preflight::Severity;

async fn told(survey: &MemorySurvey, caller_arn: &str) -> Vec<Finding> {
    told_of(survey, caller_arn, &Settings::default()).await
}

async fn told_of(survey: &MemorySurvey, caller_arn: &str, settings: &Settings) -> Vec<Finding> {
    let key =
        AccessKey { access_key_id: "AKIA1".to_owned(), secret_access_key: Secret::new("hush"), session_token: None };
    let subject = Subject {
        key: &key,
        region: "eu-west-1",
        account: "123456789012",
        caller_arn,
        settings,
        patience: Duration::from_millis(20),
    };
    preflight(survey, subject).await
}

const USER: &str = "arn:aws:iam::123456789012:user/ml";

#[tokio::test]
async fn an_account_in_order_tells_only_of_the_retired_default() {
    let found = told(&MemorySurvey::default(), USER).await;
    assert!(matches!(&found[..], [only] if only.about == "image"), "{found:?}");
}

#[tokio::test]
async fn each_answer_becomes_its_finding() {
    let survey = MemorySurvey::default();
    survey.deny("ec2:CreateVpc", false);
    survey.deny("iam:PassRole", false);
    survey.set_vpcs(5);
    survey.set_quota(quota::VPCS, 5);
    survey.withdraw("g4dn.xlarge");
    let found = told(&survey, USER).await;
    let certain: Vec<_> = found.iter().filter(|f| f.severity == Severity::Certain).map(|f| f.about.as_str()).collect();
    assert_eq!(certain, ["quota", "offer"]);
    let policy = found.iter().find_map(|finding| finding.policy.as_ref()).expect("a policy");
    let text = serde_json::to_string(policy).expect("JSON");
    assert!(text.contains("arn:aws:iam::123456789012:role/ondemand-*"), "{text}");
    assert!(text.contains("ec2:CreateVpc"), "{text}");
}

#[tokio::test]
async fn what_is_refused_or_hangs_is_told_and_never_fails() {
    let refusing = MemorySurvey::default();
    refusing.refuse();
    let hanging = MemorySurvey::default();
    hanging.hang();
    for (survey, why) in [(refusing, "is missing"), (hanging, "did not answer in time")] {
        let found = told(&survey, USER).await;
        assert!(found.iter().all(|finding| finding.severity == Severity::Info), "{found:?}");
        assert_eq!(found.iter().filter(|finding| finding.what.contains(why)).count(), 7, "{found:?}");
    }
}

#[tokio::test]
async fn every_type_of_a_list_is_looked_up() {
    let survey = MemorySurvey::default();
    survey.withdraw("m5.xlarge");
    let types = ["m6i.xlarge", "m5.xlarge"].map(|name| InstanceType::parse(name).expect("a type"));
    let options = domain::options::Options { cpu_node_types: types.to_vec(), ..Default::default() };
    let settings = Settings { cpu_node_type: types[0].clone(), options, ..Settings::default() };
    let found = told_of(&survey, USER, &settings).await;
    let unsold: Vec<_> = found.iter().filter(|finding| finding.about == "offer").map(|f| f.what.as_str()).collect();
    assert_eq!(unsold, ["cpu_node_type m5.xlarge is not sold in eu-west-1"]);
}

#[tokio::test]
async fn root_is_not_asked_about() {
    let survey = MemorySurvey::default();
    survey.deny("ec2:CreateVpc", false);
    let found = told(&survey, "arn:aws:iam::123456789012:root").await;
    assert!(found.iter().all(|finding| finding.about != "permissions"), "{found:?}");
    assert!(found.iter().any(|finding| finding.what.contains("root user's keys")));
}
