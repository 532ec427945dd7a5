//! Whose policies decide: from what STS calls the caller to what IAM knows.

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
