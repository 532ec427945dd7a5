//! What an integration's credentials must be allowed, as the policies in `infra/policies` have it.
//!
//! The policies are the truth that users paste into IAM; this reads the same files, so that what preflight looks for
//! and what the README shows cannot differ. A test holds them against the Terraform module.

use crate::diagnosis::Policy;
use std::collections::BTreeMap;

/// What Terraform needs in order to create, refresh, change and destroy a cluster.
const CREATE: &str = include_str!("../../../infra/policies/create.json");
/// What the control plane does with the credentials itself.
const RUN: &str = include_str!("../../../infra/policies/run.json");

/// Actions that are to be allowed together on the same resources, and may be asked about together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Needed {
    /// The actions, sorted.
    pub actions: Vec<String>,
    /// The ARN pattern that they are needed on; none for every resource.
    pub pattern: Option<String>,
    /// The ARN to ask IAM about; none for any.
    pub asked: Option<String>,
    /// Whether a creation or its teardown makes these calls, and on just that: then IAM's no is certain. A policy may
    /// allow them on other resources than were asked about.
    pub exact: bool,
}

/// Where a cluster is to be created.
#[derive(Debug, Clone, Copy)]
pub struct Place<'a> {
    /// The partition, such as `aws`.
    pub partition: &'a str,
    /// The account's number.
    pub account: &'a str,
    /// The region.
    pub region: &'a str,
    /// The name that EKS will see.
    pub cluster_name: &'a str,
}

/// What creating a cluster at this place and destroying it needs, by what it is needed on.
#[must_use]
pub fn to_create(place: &Place<'_>) -> Vec<Needed> {
    let Ok(policy) = serde_json::from_str::<Policy>(CREATE) else { return vec![] };
    policy.statement.into_iter().flat_map(|statement| needed(statement.action, &statement.resource, place)).collect()
}

/// Actions that the control plane can do without: with each goes an answer before the creation instead of after it.
#[must_use]
pub fn to_look_ahead() -> Vec<String> {
    let Ok(policy) = serde_json::from_str::<Policy>(RUN) else { return vec![] };
    let look_ahead = policy.statement.into_iter().filter(|statement| statement.sid == "LookAhead");
    look_ahead.flat_map(|statement| statement.action).collect()
}

/// The pattern as the policy has it, `arn:aws:iam::*:role/ondemand-*`, with the partition and the account of the place.
fn needed(actions: Vec<String>, resources: &[String], place: &Place<'_>) -> Vec<Needed> {
    let pattern = resources.first().filter(|pattern| *pattern != "*").map(|pattern| {
        let in_partition = pattern.replacen("arn:aws:", &format!("arn:{}:", place.partition), 1);
        in_partition.replacen('*', place.account, 1)
    });
    let mut groups: BTreeMap<(Option<String>, bool), Vec<String>> = BTreeMap::new();
    // Everybody may ask who they are, whatever policies say.
    for action in actions.into_iter().filter(|action| action != "sts:GetCallerIdentity") {
        groups.entry(asked(&action, pattern.as_deref(), place)).or_default().push(action);
    }
    let group = |((asked, exact), actions)| Needed { actions, pattern: pattern.clone(), asked, exact };
    groups.into_iter().map(group).collect()
}

/// What to ask IAM about an action, and whether that is just what a creation calls it on. A pattern that allows it on
/// everything covers the resource, so that a no about the resource is the surer one.
///
/// Source: AWS Service Authorization Reference, resource types of EC2, Auto Scaling, EKS and IAM.
fn asked(action: &str, pattern: Option<&str>, place: &Place<'_>) -> (Option<String>, bool) {
    let Place { partition, account, region, cluster_name } = place;
    let role = |part: &str| Some(format!("arn:{partition}:iam::{account}:role/{cluster_name}-{part}"));
    let eks =
        |kind: &str, rest: &str| Some(format!("arn:{partition}:eks:{region}:{account}:{kind}/{cluster_name}{rest}"));
    let of_cluster_roles = pattern.is_some_and(|pattern| pattern.ends_with(":role/ondemand-*"));
    match action.split_once(':').unwrap_or_default() {
        ("iam", "DeleteRolePolicy" | "GetRolePolicy" | "PutRolePolicy") if of_cluster_roles => {
            (role("autoscaler"), true)
        }
        ("iam", "UntagRole" | "UpdateAssumeRolePolicy") if of_cluster_roles => (role("cluster"), false),
        ("iam", _) if of_cluster_roles => (role("cluster"), true),
        ("eks", "DescribeClusterVersions") => (None, true),
        (
            "eks",
            "CreateAddon"
            | "CreateCluster"
            | "CreateNodegroup"
            | "CreatePodIdentityAssociation"
            | "DeleteCluster"
            | "DescribeCluster",
        ) => (eks("cluster", ""), true),
        // EKS ends these names itself.
        ("eks", call) if call.contains("Nodegroup") => (eks("nodegroup", "/cpu-preflight/preflight"), false),
        ("eks", call) if call.contains("Addon") => (eks("addon", "/coredns/preflight"), false),
        ("eks", call) if call.contains("PodIdentity") => (eks("podidentityassociation", "/a-preflight"), false),
        ("eks", _) => (eks("cluster", ""), false),
        // Lists are of everything, and a policy that allows them on less allows nothing.
        ("ec2" | "autoscaling", call) if call.starts_with("Describe") && !call.ends_with("Attribute") => (None, true),
        _ => (pattern.map(|pattern| pattern.replace('*', "preflight")), false),
    }
}

#[cfg(test)]
mod tests;
