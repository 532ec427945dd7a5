use super::*;
use crate::memory::MemorySurvey;
use domain::Secret;
use domain::preflight::{Barrier, Severity};

async fn told(survey: &MemorySurvey, caller_arn: &str) -> Vec<Finding> {
    told_of(survey, caller_arn, &Settings::default()).await
}

async fn told_of(survey: &dyn Survey, caller_arn: &str, settings: &Settings) -> Vec<Finding> {
    // What hangs is waited for as long as this; nothing else takes any time.
    let patience = Duration::from_millis(200);
    let key =
        AccessKey { access_key_id: "AKIA1".to_owned(), secret_access_key: Secret::new("hush"), session_token: None };
    let id = ClusterId("1f1e0abd-0000-4000-8000-000000000000".parse().expect("an id"));
    let (integration, now) = (domain::IntegrationId(id.0), domain::Timestamp::UNIX_EPOCH);
    let cluster = Cluster::registered(id, integration, "aws", "eu-west-1".to_owned(), settings.clone(), now);
    let subject = Subject {
        cluster: &cluster,
        key: &key,
        region: "eu-west-1",
        account: "123456789012",
        caller_arn,
        settings,
        patience,
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
    survey.deny("ec2:CreateVpc", Barrier::NoAllow);
    survey.deny("iam:PassRole", Barrier::NoAllow);
    survey.set_vpcs(5);
    survey.set_quota(quota::VPCS, 5);
    survey.withdraw("g4dn.xlarge");
    survey.set_version("1.99");
    let found = told(&survey, USER).await;
    assert!(found.iter().any(|f| f.about == "version" && f.what.contains("1.99")), "{found:?}");
    let certain: Vec<_> = found.iter().filter(|f| f.severity == Severity::Certain).map(|f| f.about.as_str()).collect();
    assert_eq!(certain, ["permissions", "quota", "offer"], "IAM was asked about the very role that is passed");
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
        assert_eq!(found.iter().filter(|finding| finding.what.contains(why)).count(), 9, "{found:?}");
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
    assert_eq!(unsold, ["cpu_node_type m5.xlarge is not sold in eu-west-1: the creation fails"]);
}

#[tokio::test]
async fn root_is_not_asked_about() {
    let survey = MemorySurvey::default();
    survey.deny("ec2:CreateVpc", Barrier::NoAllow);
    let found = told(&survey, "arn:aws:iam::123456789012:root").await;
    assert!(found.iter().all(|finding| finding.about != "permissions"), "{found:?}");
    assert!(found.iter().any(|finding| finding.what.contains("root user's keys")));
}

#[tokio::test]
async fn a_role_of_the_next_clusters_name_is_a_clash_unless_it_is_its_own() {
    let survey = MemorySurvey::default();
    survey.take("ondemand-1f1e0abd-g1-node", &[("ondemand-eks:cluster", "another")]);
    survey.take("ondemand-1f1e0abd-g1-cluster", &[(CLUSTER_TAG, "1f1e0abd-0000-4000-8000-000000000000")]);
    survey.take("ondemand-1f1e0abd-g2", &[]);
    let found = told(&survey, USER).await;
    let clashes: Vec<_> =
        found.iter().filter(|finding| finding.about == "name").map(|f| (f.severity, &f.what)).collect();
    assert!(
        matches!(&clashes[..], [(Severity::Certain, what)] if what.contains("'ondemand-1f1e0abd-g1-node'")),
        "{clashes:?}"
    );
}

/// A survey that answers nothing before so many questions of one kind are under way.
struct Meeting {
    permissions: tokio::sync::Barrier,
    prices: tokio::sync::Barrier,
    inner: MemorySurvey,
}

#[async_trait::async_trait]
impl Survey for Meeting {
    async fn denied(
        &self,
        key: &AccessKey,
        region: &str,
        principal: &str,
        actions: &[String],
        resource: Option<&str>,
    ) -> crate::ports::Result<Vec<DeniedAction>> {
        self.permissions.wait().await;
        self.inner.denied(key, region, principal, actions, resource).await
    }

    async fn tags_of(
        &self,
        key: &AccessKey,
        region: &str,
        name: &Name,
    ) -> crate::ports::Result<Option<std::collections::BTreeMap<String, String>>> {
        self.inner.tags_of(key, region, name).await
    }

    async fn quota(&self, key: &AccessKey, region: &str, quota: Quota) -> crate::ports::Result<u32> {
        self.inner.quota(key, region, quota).await
    }

    async fn count(&self, key: &AccessKey, region: &str, what: Counted) -> crate::ports::Result<u32> {
        self.inner.count(key, region, what).await
    }

    async fn newest_version(&self, key: &AccessKey, region: &str) -> crate::ports::Result<Option<String>> {
        self.inner.newest_version(key, region).await
    }

    async fn price(
        &self,
        key: &AccessKey,
        region: &str,
        instance_type: &InstanceType,
    ) -> crate::ports::Result<Option<domain::price::Usd>> {
        self.prices.wait().await;
        self.inner.price(key, region, instance_type).await
    }
}

#[tokio::test]
async fn questions_of_one_kind_are_asked_at_the_same_time() {
    let place = Place { partition: "aws", account: "1", region: "eu-west-1", cluster_name: "x" };
    let groups = permissions::to_create(&place).len();
    assert!(groups > 5, "{groups}");
    let types = ["m6i.xlarge", "m5.xlarge", "m7i.xlarge"].map(|name| InstanceType::parse(name).expect("a type"));
    let options = domain::options::Options { cpu_node_types: types.to_vec(), ..Default::default() };
    let settings = Settings { cpu_node_type: types[0].clone(), options, ..Settings::default() };
    // Of three CPU types and a GPU type.
    let (permissions, prices) = (tokio::sync::Barrier::new(groups), tokio::sync::Barrier::new(4));
    let survey = Meeting { permissions, prices, inner: MemorySurvey::default() };
    let found = told_of(&survey, USER, &settings).await;
    assert!(found.iter().all(|finding| !finding.what.starts_with("not checked")), "{found:?}");
}
