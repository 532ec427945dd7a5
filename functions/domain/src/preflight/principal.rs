//! Whose policies decide: from what STS calls the caller to what IAM knows.

use super::{Finding, Severity, finding};
use crate::cluster::{Cluster, Phase};

/// Who makes the calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Principal {
    /// The account itself: it may do everything.
    Root,
    /// A user or role, by its ARN in IAM.
    Entity(String),
    /// Something whose policies IAM does not simulate, in words.
    Other(String),
}

/// Reads the ARN that STS gives a caller.
///
/// A session of a role names the role without its path; the role is taken to have none, which IAM contradicts if wrong.
#[must_use]
pub fn principal(caller_arn: &str) -> Principal {
    let mut parts = caller_arn.splitn(6, ':');
    let mut next = || parts.next().unwrap_or_default();
    let (_, partition, service, _, account, resource) = (next(), next(), next(), next(), next(), next());
    match (service, resource.split_once('/')) {
        ("iam", None) if resource == "root" => Principal::Root,
        ("iam", Some(("user" | "role", _))) => Principal::Entity(caller_arn.to_owned()),
        ("sts", Some(("assumed-role", session))) => {
            let role = session.split('/').next().unwrap_or(session);
            Principal::Entity(format!("arn:{partition}:iam::{account}:role/{role}"))
        }
        _ => Principal::Other(format!("{caller_arn} is neither a user nor a role")),
    }
}

/// The partition of AWS that an ARN is of, such as `aws` or `aws-cn`.
#[must_use]
pub fn partition(arn: &str) -> &str {
    arn.split(':').nth(1).filter(|partition| !partition.is_empty()).unwrap_or("aws")
}

/// What to tell when an integration gets credentials of somebody else while it has a cluster; none if nothing changes.
///
/// EKS lets in whoever created a cluster, and nobody else before it is told to. Terraform does not ask Kubernetes for
/// anything, so the new ones can still change and destroy it.
#[must_use]
pub fn replaced(former_arn: &str, caller_arn: &str, cluster: &Cluster) -> Option<Finding> {
    let (former, now) = (principal(former_arn), principal(caller_arn));
    if former == now || matches!(cluster.phase, Phase::Terminated | Phase::Terminating { .. }) {
        return None;
    }
    let entity = match &now {
        Principal::Entity(arn) => arn,
        Principal::Root | Principal::Other(_) => caller_arn,
    };
    let of = format!("--region {} --cluster-name {} --principal-arn {entity}", cluster.region, cluster.eks_name());
    let scope = format!(
        "--access-scope type=cluster --policy-arn arn:{}:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy",
        partition(caller_arn)
    );
    Some(finding(
        Severity::Likely,
        "credentials",
        format!(
            "these are the credentials of {caller_arn}, and those before were of {former_arn}: a cluster lets in only whoever created it, so its runs may be locked out"
        ),
        format!(
            "Let them in by `aws eks create-access-entry {of}` and `aws eks associate-access-policy {of} {scope}`, or give credentials of whoever created it, or delete the cluster: the next one is theirs."
        ),
    ))
}
