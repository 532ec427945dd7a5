//! What to do about an error.

use super::Finding;
use super::access::Effect;
use crate::failure::FailureClass;

/// Quotas by the code of the error that says they are used up: service, code and name in Service Quotas.
const QUOTAS: &[(&str, &str)] = &[
    ("VpcLimitExceeded", "'VPCs per Region' (vpc, L-F678F1CE)"),
    ("AddressLimitExceeded", "'EC2-VPC Elastic IPs' (ec2, L-0263D0A3)"),
    ("NatGatewayLimitExceeded", "'NAT gateways per Availability Zone' (vpc, L-FE5A380F)"),
    ("InternetGatewayLimitExceeded", "'Internet gateways per Region' (vpc, L-A4707A72)"),
    ("SubnetLimitExceeded", "'Subnets per VPC' (vpc, L-407747CB)"),
    (
        "VcpuLimitExceeded",
        "'Running On-Demand instances' of the node type's family (ec2: Standard L-1216C47A, G and VT L-DB2E81BA, P L-417A185B)",
    ),
];

/// The remedy of one error; empty if none is known.
pub(super) fn of(finding: &Finding) -> String {
    match finding.class {
        FailureClass::MissingPermission | FailureClass::ExplicitDeny => of_denial(finding),
        FailureClass::Quota => {
            let named = QUOTAS.iter().find(|(code, _)| finding.message.contains(code)).map(|(_, name)| *name);
            match named {
                Some(quota) => format!("Ask AWS to raise the quota {quota}, or free what uses it up."),
                None => "Ask AWS to raise the quota in Service Quotas, or free what uses it up.".to_owned(),
            }
        }
        FailureClass::StateLocked => of_lock(finding),
        class => of_class(class).to_owned(),
    }
}

/// One text for all errors of a build.
pub(super) fn together(findings: &[&Finding], missing: &[String]) -> String {
    let mut remedies: Vec<String> = vec![];
    for finding in findings {
        let gathered = !finding.missing_actions().is_empty();
        let mut remedy = if gathered { allow(missing) } else { finding.remedy.clone() };
        if gathered && let Some(hint) = unclear(finding) {
            remedy = format!("{remedy} {hint}");
        }
        if !remedy.is_empty() && !remedies.contains(&remedy) {
            remedies.push(remedy);
        }
        if remedies.len() == MOST_REMEDIES {
            break;
        }
    }
    remedies.join(" ")
}

/// More than this nobody reads; every error has its own.
const MOST_REMEDIES: usize = 5;

fn allow(actions: &[String]) -> String {
    match actions {
        [] => "Allow the denied action in the IAM policy of the integration's credentials.".to_owned(),
        [one] => format!("Add this action to the IAM policy of the integration's credentials: {one}."),
        all => format!("Add these actions to the IAM policy of the integration's credentials: {}.", all.join(", ")),
    }
}

fn of_denial(finding: &Finding) -> String {
    let what = if finding.actions.is_empty() { "this".to_owned() } else { finding.actions.join(", ") };
    let policy = finding.verdict.as_ref().and_then(|verdict| verdict.policy);
    let arn = finding.verdict.as_ref().and_then(|verdict| verdict.policy_arn.as_deref());
    let policy_named = arn.map(|arn| format!(" ({arn})")).unwrap_or_default();
    match finding.verdict.as_ref().map(|verdict| verdict.effect) {
        Some(Effect::ExplicitDeny) => {
            let by = policy.map_or("A policy", |kind| kind.words());
            let by = format!("{}{}", by[..1].to_uppercase(), &by[1..]);
            format!(
                "{by}{policy_named} denies {what} explicitly: adding an allow does not help. Ask the owner of that policy to lift the deny."
            )
        }
        Some(Effect::NotAllowed) if finding.adding_permission_helps == Some(false) => {
            let by = policy.map_or("another policy", |kind| kind.words());
            format!(
                "What is missing is an allow for {what} in {by}: one in the credentials' own policy does not help. Ask its owner to add it."
            )
        }
        _ => match unclear(finding) {
            Some(hint) => format!("{} {hint}", allow(&finding.actions)),
            None => allow(&finding.actions),
        },
    }
}

/// What to do where AWS leaves open which policy denies.
fn unclear(finding: &Finding) -> Option<String> {
    if finding.adding_permission_helps.is_some() {
        return None;
    }
    let encoded = finding.encoded.as_ref()?;
    Some(format!("What exactly is denied, and by which policy, tells: {}", encoded.decode_with))
}

fn of_lock(finding: &Finding) -> String {
    let lock = finding.lock.clone().unwrap_or_default();
    let who = lock.who.map(|who| format!(", {who},")).unwrap_or_default();
    let unlock = lock.id.map(|id| format!(" `terraform force-unlock {id}`")).unwrap_or_default();
    let unlock = if unlock.is_empty() { " terraform force-unlock".to_owned() } else { unlock };
    format!(
        "Another run of Terraform{who} holds the lock of the state: wait for its end. If it is over, release the lock with{unlock}."
    )
}

fn of_class(class: FailureClass) -> &'static str {
    match class {
        FailureClass::Capacity => {
            "AWS has no such machines free at present, or not in this zone: try later, or choose another node type."
        }
        FailureClass::Credentials => {
            "Give the integration credentials that are valid (PUT /v1/integrations/{id}/credentials)."
        }
        FailureClass::NameClash => "Delete the resource of that name, which an earlier cluster may have left.",
        FailureClass::Version => "Choose a Kubernetes version and node types that EKS supports today.",
        FailureClass::Dependency => {
            "Something that Terraform did not make still uses this resource, such as a load balancer or a network interface: it can be deleted once that is gone."
        }
        FailureClass::Transient => "AWS or the network failed for a moment: try again.",
        FailureClass::KubernetesUnauthorized => {
            "The cluster's API does not accept the caller, whatever IAM allows: give its user or role an access entry of the EKS cluster, or get a new token."
        }
        FailureClass::BuildLost => "The build was stopped before its end: start it again.",
        _ => "",
    }
}
