//! Why a build failed, read from Terraform's event stream.
//!
//! Every error of the stream counts, not only the first: Terraform goes on with independent branches, so one build
//! can show all the permissions that are missing.

use crate::failure::{Failure, FailureClass};
use serde_json::Value;

/// What the words of an error stand for, the first match deciding. Forms as AWS's services and Terraform print them.
const SIGNS: &[(&str, FailureClass)] = &[
    ("with an explicit deny", FailureClass::ExplicitDeny),
    ("is not authorized to perform", FailureClass::MissingPermission),
    ("UnauthorizedOperation", FailureClass::MissingPermission),
    ("due to missing permissions for", FailureClass::MissingPermission),
    ("AccessDenied", FailureClass::MissingPermission),
    ("ExpiredToken", FailureClass::Credentials),
    ("InvalidClientTokenId", FailureClass::Credentials),
    ("SignatureDoesNotMatch", FailureClass::Credentials),
    ("AuthFailure", FailureClass::Credentials),
    ("LimitExceeded", FailureClass::Quota),
    ("QuotaExceeded", FailureClass::Quota),
    ("InsufficientInstanceCapacity", FailureClass::Capacity),
    ("UnsupportedAvailabilityZone", FailureClass::Capacity),
    ("Error acquiring the state lock", FailureClass::StateLocked),
    ("DependencyViolation", FailureClass::Dependency),
    ("AlreadyExists", FailureClass::NameClash),
    ("ResourceInUseException", FailureClass::NameClash),
    ("is only supported for kubernetes version", FailureClass::Version),
    ("unsupported Kubernetes version", FailureClass::Version),
    ("RequestLimitExceeded", FailureClass::Transient),
    ("Throttling", FailureClass::Transient),
    ("connection reset", FailureClass::Transient),
    ("i/o timeout", FailureClass::Transient),
];

/// Every error of a stream, in its own words and order.
#[must_use]
pub fn errors(stream: &str) -> Vec<String> {
    let mut found: Vec<String> = vec![];
    for event in stream.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok()) {
        let diagnostic = &event["diagnostic"];
        if event["type"] == "diagnostic" && diagnostic["severity"] == "error" {
            let text = |key: &str| diagnostic[key].as_str().unwrap_or_default().trim();
            let message =
                [text("summary"), text("detail")].iter().filter(|t| !t.is_empty()).copied().collect::<Vec<_>>();
            let message = message.join("\n");
            if !message.is_empty() && !found.contains(&message) {
                found.push(message);
            }
        }
    }
    found
}

/// The failure that a stream's errors amount to; none if it shows no error.
#[must_use]
pub fn diagnose(stream: &str) -> Option<Failure> {
    let errors = errors(stream);
    let first = errors.first()?;
    let class = errors.iter().map(|error| classify(error)).find(|class| *class != FailureClass::Unknown);
    let class = class.unwrap_or(FailureClass::Unknown);
    let mut missing: Vec<String> = errors
        .iter()
        .filter(|error| classify(error) == FailureClass::MissingPermission)
        .flat_map(|error| denied_actions(error))
        .collect();
    missing.sort();
    missing.dedup();
    let message = if errors.len() == 1 { first.clone() } else { errors.join("\n") };
    let remedy = remedy(class, &missing);
    Some(Failure { class, message, remedy, missing_actions: missing, build_id: None })
}

/// The class of one error text.
#[must_use]
pub fn classify(error: &str) -> FailureClass {
    SIGNS.iter().find(|(sign, _)| error.contains(sign)).map_or(FailureClass::Unknown, |(_, class)| *class)
}

/// The IAM actions an error text names as denied.
fn denied_actions(error: &str) -> Vec<String> {
    const BEFORE: [&str; 2] = ["not authorized to perform: ", "missing permissions for '"];
    let action = |text: &str| {
        let end = text.find(|c: char| !(c.is_ascii_alphanumeric() || c == ':' || c == '-' || c == '*'))?;
        text[..end].contains(':').then(|| text[..end].to_owned())
    };
    let flat = error.split_whitespace().collect::<Vec<_>>().join(" ") + " ";
    BEFORE.iter().flat_map(|before| flat.split(before).skip(1).filter_map(action).collect::<Vec<_>>()).collect()
}

fn remedy(class: FailureClass, missing: &[String]) -> String {
    match class {
        FailureClass::MissingPermission if missing.is_empty() => {
            "Allow the denied action in the IAM policy of the integration's credentials.".to_owned()
        }
        FailureClass::MissingPermission => {
            format!("Add these actions to the IAM policy of the integration's credentials: {}.", missing.join(", "))
        }
        FailureClass::ExplicitDeny => {
            "A policy denies this explicitly: adding an allow does not help. Ask the owner of that policy to lift the deny.".to_owned()
        }
        FailureClass::Quota => "Ask AWS to raise the quota in Service Quotas, or free what uses it up.".to_owned(),
        FailureClass::Capacity => "AWS has no such machines free at present: try later, or choose another node type.".to_owned(),
        FailureClass::Credentials => "Register the integration again with credentials that are valid.".to_owned(),
        FailureClass::NameClash => "Delete the resource of that name, which an earlier cluster may have left.".to_owned(),
        FailureClass::Version => "Choose a Kubernetes version and node types that EKS supports today.".to_owned(),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn stream(details: &[&str]) -> String {
        let event = |detail: &&str| {
            json!({"type": "diagnostic", "diagnostic": {"severity": "error", "summary": "creating", "detail": detail}})
                .to_string()
        };
        details.iter().map(event).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn all_missing_actions_of_a_build_are_gathered() {
        let failure = diagnose(&stream(&[
            "api error UnauthorizedOperation: User: arn:aws:iam::123456789012:user/u is not authorized to perform: ec2:CreateVpc on resource: x because no identity-based policy allows the ec2:CreateVpc action",
            "AccessDenied: User: arn:aws:sts::1:assumed-role/R/S is not authorized to\nperform: iam:CreateRole on resource: y",
            "Failed to create service linked role due to missing permissions for 'iam:CreateServiceLinkedRole'",
        ]))
        .expect("a failure");
        assert_eq!(failure.class, FailureClass::MissingPermission);
        assert_eq!(failure.missing_actions, ["ec2:CreateVpc", "iam:CreateRole", "iam:CreateServiceLinkedRole"]);
        assert!(failure.remedy.contains("iam:CreateServiceLinkedRole"));
    }

    #[test]
    fn an_explicit_deny_is_not_answered_with_an_allow() {
        let text = "User: u is not authorized to perform: iam:CreateRole on resource: r with an explicit deny in a service control policy";
        let failure = diagnose(&stream(&[text])).expect("a failure");
        assert_eq!((failure.class, failure.missing_actions.len()), (FailureClass::ExplicitDeny, 0));
    }

    #[test]
    fn an_unknown_error_stays_in_its_own_words() {
        let failure = diagnose(&stream(&["the flux capacitor is empty"])).expect("a failure");
        assert_eq!((failure.class, failure.remedy.as_str()), (FailureClass::Unknown, ""));
        assert!(failure.message.contains("the flux capacitor is empty"));
        assert_eq!(diagnose("{\"type\":\"version\"}\n"), None);
    }
}
