//! What an integration's account allows, has and is offered, as far as its credentials may look.
//!
//! Networks and addresses are counted through Cloud Control rather than EC2: the one call that is needed here does not
//! justify the largest of all SDKs, which is some fifty times the size of the others.

mod offer;

use adapter_sdk::{Sdk, failed};
use async_trait::async_trait;
use aws_sdk_eks::types::VersionStatus;
use aws_sdk_iam::types::{ContextEntry, ContextKeyTypeEnum, EvaluationResult, PolicyEvaluationDecisionType};
use domain::instance_type::InstanceType;
use domain::integration::AccessKey;
use domain::kubernetes;
use domain::preflight::quota::Quota;
use domain::preflight::{Barrier, Kind, Name};
use domain::price::Usd;
use runtime::PortError;
use runtime::error::PortErrorKind;
use runtime::ports::{Counted, DeniedAction, Result, Survey};
use serde_json::Value;
use std::collections::BTreeMap;

/// The price list is served from a few regions only, and is the same in each.
const PRICE_LIST_REGION: &str = "us-east-1";
/// Where IAM is, to policies that look at the region.
const IAM_REGION: &str = "us-east-1";
/// Pages that are read of anything; nothing that is asked about here comes near to it.
const MOST_PAGES: usize = 10;

/// IAM, EKS, Service Quotas, Cloud Control and the price list.
pub struct AccountSurvey {
    sdk: Sdk,
}

impl AccountSurvey {
    /// Surveys of users' accounts.
    #[must_use]
    pub fn new(sdk: &Sdk) -> Self {
        Self { sdk: sdk.clone() }
    }
}

#[async_trait]
impl Survey for AccountSurvey {
    async fn denied(
        &self,
        key: &AccessKey,
        region: &str,
        principal: &str,
        actions: &[String],
        resource: Option<&str>,
    ) -> Result<Vec<DeniedAction>> {
        let client = aws_sdk_iam::Client::new(&self.sdk.for_account(key, region));
        let mut denied = vec![];
        let mut marker = None;
        for _ in 0..MOST_PAGES {
            let request = client.simulate_principal_policy().policy_source_arn(principal);
            let request = request.set_action_names(Some(actions.to_vec()));
            let request = request.set_resource_arns(resource.map(|arn| vec![arn.to_owned()]));
            // Organizations commonly forbid all regions but some.
            let request = request.context_entries(requested_region(actions, region));
            let page = request.set_marker(marker).send().await;
            let page = page.map_err(failed(format!("simulate the policies of {principal}")))?;
            denied.extend(page.evaluation_results().iter().filter_map(denial));
            match page.marker {
                Some(next) if page.is_truncated => marker = Some(next),
                _ => break,
            }
        }
        Ok(denied)
    }

    async fn tags_of(&self, key: &AccessKey, region: &str, name: &Name) -> Result<Option<BTreeMap<String, String>>> {
        let config = self.sdk.for_account(key, region);
        match name.kind {
            Kind::Role => {
                let role = aws_sdk_iam::Client::new(&config).get_role().role_name(&name.name).send().await;
                match role {
                    Ok(found) => {
                        let tags = found.role.and_then(|role| role.tags).unwrap_or_default();
                        Ok(Some(tags.into_iter().map(|tag| (tag.key, tag.value)).collect()))
                    }
                    Err(error) if error.as_service_error().is_some_and(|e| e.is_no_such_entity_exception()) => Ok(None),
                    Err(error) => Err(failed(format!("look up role {}", name.name))(error)),
                }
            }
            Kind::Cluster => {
                let client = aws_sdk_cloudcontrol::Client::new(&config);
                let found = client.get_resource().type_name("AWS::EKS::Cluster").identifier(&name.name).send().await;
                match found {
                    Ok(found) => {
                        let properties = found.resource_description.and_then(|found| found.properties);
                        Ok(Some(tags(&properties.unwrap_or_default())))
                    }
                    Err(error) if error.as_service_error().is_some_and(|e| e.is_resource_not_found_exception()) => {
                        Ok(None)
                    }
                    Err(error) => Err(failed(format!("look up EKS cluster {} in {region}", name.name))(error)),
                }
            }
        }
    }

    async fn quota(&self, key: &AccessKey, region: &str, quota: Quota) -> Result<u32> {
        let client = aws_sdk_servicequotas::Client::new(&self.sdk.for_account(key, region));
        let attempted = || format!("read the quota {} of {} in {region}", quota.code, quota.service);
        let applied = client.get_service_quota().service_code(quota.service).quota_code(quota.code).send().await;
        let value = match applied.map_err(failed(attempted())) {
            Ok(found) => found.quota.and_then(|quota| quota.value),
            // An account that never had the quota changed may have no value of its own.
            Err(error) if error.kind == PortErrorKind::NotFound => {
                let default = client.get_aws_default_service_quota();
                let default = default.service_code(quota.service).quota_code(quota.code).send().await;
                default.map_err(failed(attempted()))?.quota.and_then(|quota| quota.value)
            }
            Err(error) => return Err(error),
        };
        let whole = value.and_then(whole);
        whole.ok_or_else(|| PortError::new(PortErrorKind::Other, attempted(), "AWS answered without a value"))
    }

    async fn count(&self, key: &AccessKey, region: &str, what: Counted) -> Result<u32> {
        let client = aws_sdk_cloudcontrol::Client::new(&self.sdk.for_account(key, region));
        let kind = match what {
            Counted::Vpcs => "AWS::EC2::VPC",
            Counted::Addresses => "AWS::EC2::EIP",
        };
        let mut count = 0;
        let mut token = None;
        for _ in 0..MOST_PAGES {
            let page = client.list_resources().type_name(kind).set_next_token(token).send().await;
            let page = page.map_err(failed(format!("list {kind} in {region}")))?;
            count += page.resource_descriptions().len();
            match page.next_token {
                Some(next) => token = Some(next),
                None => break,
            }
        }
        Ok(u32::try_from(count).unwrap_or(u32::MAX))
    }

    async fn newest_version(&self, key: &AccessKey, region: &str) -> Result<Option<String>> {
        let client = aws_sdk_eks::Client::new(&self.sdk.for_account(key, region));
        let mut versions: Vec<String> = vec![];
        let mut token = None;
        for _ in 0..MOST_PAGES {
            let page = client.describe_cluster_versions().version_status(VersionStatus::StandardSupport);
            let page = page.set_next_token(token).send().await;
            let page = page.map_err(failed(format!("list the versions of Kubernetes in {region}")))?;
            versions.extend(page.cluster_versions.unwrap_or_default().into_iter().filter_map(|v| v.cluster_version));
            match page.next_token {
                Some(next) => token = Some(next),
                None => break,
            }
        }
        Ok(versions.into_iter().max_by_key(|version| kubernetes::minor(version)))
    }

    async fn price(&self, key: &AccessKey, region: &str, instance_type: &InstanceType) -> Result<Option<Usd>> {
        let client = aws_sdk_pricing::Client::new(&self.sdk.for_account(key, PRICE_LIST_REGION));
        let products = client.get_products().service_code("AmazonEC2");
        let products = products.set_filters(Some(offer::filters(region, instance_type))).send().await;
        let attempted = format!("read the price of {instance_type} in {region}");
        let products = products.map_err(failed(attempted.clone()))?;
        offer::price(products.price_list()).map_err(|detail| PortError::new(PortErrorKind::Other, attempted, detail))
    }
}

/// What one answer of IAM says of an action that is not allowed; none if it is.
fn denial(result: &EvaluationResult) -> Option<DeniedAction> {
    if *result.eval_decision() == PolicyEvaluationDecisionType::Allowed {
        return None;
    }
    let organization = result.organizations_decision_detail().is_some_and(|detail| !detail.allowed_by_organizations());
    let boundary =
        result.permissions_boundary_decision_detail().is_some_and(|detail| !detail.allowed_by_permissions_boundary());
    let barrier = if organization {
        Barrier::Organization
    } else if boundary {
        Barrier::Boundary
    } else if *result.eval_decision() == PolicyEvaluationDecisionType::ExplicitDeny {
        Barrier::ExplicitDeny
    } else {
        Barrier::NoAllow
    };
    let depends_on_call = !result.missing_context_values().is_empty();
    Some(DeniedAction { action: result.eval_action_name().to_owned(), barrier, depends_on_call })
}

/// The region that a call is for, as policies see it: IAM has but one.
fn requested_region(actions: &[String], region: &str) -> ContextEntry {
    let of_iam = actions.first().is_some_and(|action| action.starts_with("iam:"));
    ContextEntry::builder()
        .context_key_name("aws:RequestedRegion")
        .context_key_type(ContextKeyTypeEnum::String)
        .context_key_values(if of_iam { IAM_REGION } else { region })
        .build()
}

/// The tags among a resource's properties, as Cloud Control writes them.
fn tags(properties: &str) -> BTreeMap<String, String> {
    let properties: Value = serde_json::from_str(properties).unwrap_or_default();
    let text = |tag: &Value, name: &str| tag[name].as_str().unwrap_or_default().to_owned();
    properties["Tags"].as_array().into_iter().flatten().map(|tag| (text(tag, "Key"), text(tag, "Value"))).collect()
}

/// A quota is a number of things, though its type is that of a measurement.
fn whole(value: f64) -> Option<u32> {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "within the range just checked")]
    (0.0..=f64::from(u32::MAX)).contains(&value).then_some(value as u32)
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_sdk_iam::types::{OrganizationsDecisionDetail, PermissionsBoundaryDecisionDetail};

    fn result(decision: PolicyEvaluationDecisionType) -> aws_sdk_iam::types::builders::EvaluationResultBuilder {
        EvaluationResult::builder().eval_action_name("ec2:CreateVpc").eval_decision(decision)
    }

    #[test]
    fn an_allow_is_no_denial_and_a_deny_tells_what_stands_in_the_way() {
        use PolicyEvaluationDecisionType::{Allowed, ExplicitDeny, ImplicitDeny};
        let told = |built: aws_sdk_iam::types::builders::EvaluationResultBuilder| {
            denial(&built.build().expect("complete")).map(|denied| (denied.barrier, denied.depends_on_call))
        };
        assert_eq!(told(result(Allowed)), None);
        assert_eq!(told(result(ImplicitDeny)), Some((Barrier::NoAllow, false)));
        assert_eq!(told(result(ExplicitDeny)), Some((Barrier::ExplicitDeny, false)));
        let hangs = result(ExplicitDeny).missing_context_values("aws:SourceIp");
        assert_eq!(told(hangs), Some((Barrier::ExplicitDeny, true)));
        let no = OrganizationsDecisionDetail::builder().allowed_by_organizations(false).build();
        let by_organization = result(ExplicitDeny).organizations_decision_detail(no);
        assert_eq!(told(by_organization), Some((Barrier::Organization, false)));
        let no = PermissionsBoundaryDecisionDetail::builder().allowed_by_permissions_boundary(false).build();
        let by_boundary = result(ImplicitDeny).permissions_boundary_decision_detail(no);
        assert_eq!(told(by_boundary), Some((Barrier::Boundary, false)));
    }

    #[test]
    fn policies_see_the_region_that_is_called() {
        let region =
            |action: &str| requested_region(&[action.to_owned()], "eu-west-1").context_key_values.unwrap_or_default();
        assert_eq!(region("ec2:CreateVpc"), ["eu-west-1"]);
        assert_eq!(region("iam:PassRole"), ["us-east-1"]);
    }

    #[test]
    fn tags_are_found_among_a_resources_properties() {
        let properties = r#"{"Name":"x","Tags":[{"Key":"ondemand-eks:cluster","Value":"c"}]}"#;
        assert_eq!(tags(properties), [("ondemand-eks:cluster".to_owned(), "c".to_owned())].into());
        assert!(tags("{}").is_empty() && tags("").is_empty());
    }

    #[test]
    fn a_quota_is_a_whole_number() {
        assert_eq!((whole(5.0), whole(0.0), whole(-1.0), whole(f64::NAN)), (Some(5), Some(0), None, None));
    }
}
