//! What the cluster function reads: the event stream of a build.

use crate::diagnosis::diagnose;
use crate::failure::FailureClass;
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
    assert_eq!(failure.policy, None);
}

#[test]
fn an_unknown_error_stays_in_its_own_words() {
    let failure = diagnose(&stream(&["the flux capacitor is empty"])).expect("a failure");
    assert_eq!((failure.class, failure.remedy.as_str()), (FailureClass::Unknown, ""));
    assert_eq!(failure.message, "creating\nthe flux capacitor is empty");
    assert_eq!(diagnose("{\"type\":\"version\"}\n"), None);
    assert_eq!(diagnose(""), None);
}
