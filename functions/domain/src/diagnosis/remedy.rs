//! What to do about an error.

use super::access::Effect;
use super::flat::Flat;
use super::{Finding, advice};
use crate::failure::FailureClass;
use std::collections::HashSet;

/// The remedy of one error, whose message is `flat`; empty if none is known.
pub(super) fn of(finding: &Finding, flat: &Flat) -> String {
    match finding.class {
        FailureClass::MissingPermission | FailureClass::ExplicitDeny => of_denial(finding, &finding.actions, flat),
        FailureClass::StateLocked => of_lock(finding),
        FailureClass::Unknown => String::new(),
        class => match (advice::of(finding, flat), class) {
            (Some(advice), _) => advice.to_owned(),
            (None, FailureClass::Quota) if let Some(quota) = advice::quota(flat) => {
                format!("Ask AWS to raise the quota {quota}, or free what uses it up.")
            }
            (None, class) => of_class(class).to_owned(),
        },
    }
}

/// One text for all errors of a build.
pub(super) fn together(findings: &[&Finding], missing: &[String]) -> String {
    let allowing = (!missing.is_empty()).then(|| allow(missing));
    let mut remedies: Vec<String> = vec![];
    let mut denied: Vec<&Finding> = vec![];
    for finding in findings {
        let next = if !finding.missing_actions().is_empty() {
            [allowing.clone(), hint(finding, &Flat::new(&finding.message))]
        } else if finding.adding_permission_helps != Some(false) {
            [Some(finding.remedy.clone()), None]
        } else if denied.iter().any(|known| alike(known, finding)) {
            continue;
        } else {
            denied.push(finding);
            [Some(of_denial(finding, &denied_alike(findings, finding), &Flat::new(&finding.message))), None]
        };
        for remedy in next.into_iter().flatten().filter(|remedy| !remedy.is_empty()) {
            if !remedies.contains(&remedy) {
                remedies.push(remedy);
            }
        }
        if remedies.len() >= MOST_REMEDIES {
            break;
        }
    }
    // What is to be allowed is told, however much else is wrong.
    if let Some(allowing) = allowing.filter(|allowing| !remedies.contains(allowing)) {
        remedies.pop();
        remedies.push(allowing);
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

/// The actions that errors found denied for the very same reason, in their order.
fn denied_alike(findings: &[&Finding], like: &Finding) -> Vec<String> {
    let mut once = HashSet::new();
    let actions = findings.iter().filter(|finding| alike(finding, like)).flat_map(|finding| &finding.actions);
    actions.filter(|action| once.insert(*action)).cloned().collect()
}

fn alike(one: &Finding, other: &Finding) -> bool {
    one.class == other.class && one.verdict == other.verdict && one.adding_permission_helps == Some(false)
}

fn of_denial(finding: &Finding, actions: &[String], flat: &Flat) -> String {
    let what = if actions.is_empty() { "this".to_owned() } else { actions.join(", ") };
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
        _ => match hint(finding, flat) {
            Some(hint) => format!("{} {hint}", allow(actions)),
            None => allow(actions),
        },
    }
}

/// What else is to be done than to allow what was denied.
fn hint(finding: &Finding, flat: &Flat) -> Option<String> {
    if finding.actions.iter().any(|action| action == "sts:AssumeRole") {
        return Some("The trust policy of the role must allow it to this user or role, too.".to_owned());
    }
    if finding.adding_permission_helps.is_some() {
        return None;
    }
    if flat.has("no resource-based policies allow access") {
        return Some("The resource must exist in this region, and its own policy must allow it, too.".to_owned());
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
        FailureClass::Quota => "Ask AWS to raise the quota in Service Quotas, or free what uses it up.",
        FailureClass::Rejected => "AWS does not accept this as it is asked for: correct what the message names.",
        FailureClass::NotStabilized => {
            "This was not ready, or not gone, in the time given: look at its state and events in the AWS console. If nothing there is wrong, try again."
        }
        FailureClass::Capacity => {
            "AWS has no such machines free at present, or not in this zone: try later, or choose another node type."
        }
        FailureClass::Credentials => {
            "Give the integration credentials that are valid (PUT /v1/integrations/{id}/credentials)."
        }
        FailureClass::NameClash => "Delete the resource of that name, which an earlier cluster may have left.",
        FailureClass::Version => {
            "Choose a Kubernetes version, add-ons and node types that EKS supports together today."
        }
        FailureClass::Dependency => {
            "Something that Terraform did not make still uses this resource, such as a load balancer or a network interface: it can be deleted once that is gone."
        }
        FailureClass::Transient => "AWS or the network failed, or was too busy, for a moment: try again.",
        FailureClass::KubernetesUnauthorized => {
            "The cluster's API does not accept the caller, whatever IAM allows: give its user or role an access entry of the EKS cluster, or get a new token."
        }
        FailureClass::BuildLost => "The build was stopped before its end: start it again.",
        _ => "",
    }
}
