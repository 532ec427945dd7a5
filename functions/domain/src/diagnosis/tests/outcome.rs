//! What the errors of a build amount to.

use super::render::json;
use super::samples::{Sample, all};
use crate::diagnosis::{Diagnosis, SEVERITY, diagnose};
use crate::failure::{Failure, FailureClass};
use serde_json::json;

fn build(which: impl Fn(&Sample) -> bool) -> Diagnosis {
    let samples = all();
    Diagnosis::read(
        &samples.iter().filter(|sample| which(sample)).map(|sample| json(sample) + "\n").collect::<String>(),
    )
}

#[test]
fn the_policy_allows_all_that_an_allow_helps_with_and_nothing_else() {
    let diagnosis = build(|_| true);
    let mut expected: Vec<&str> = all()
        .iter()
        .filter(|sample| sample.class == FailureClass::MissingPermission && sample.helps != Some(false))
        .flat_map(|sample| sample.actions)
        .copied()
        .collect();
    expected.sort_unstable();
    expected.dedup();
    assert_eq!(diagnosis.missing_actions, expected);
    let policy = json!(diagnosis.policy);
    let statements = policy["Statement"].as_array().expect("statements");
    let mut allowed: Vec<&str> = statements
        .iter()
        .flat_map(|statement| statement["Action"].as_array().expect("actions"))
        .filter_map(|action| action.as_str())
        .collect();
    allowed.sort_unstable();
    assert_eq!(allowed, expected);
    let pass = statements.iter().find(|statement| statement["Action"] == json!(["iam:PassRole"]));
    assert_eq!(pass.expect("a statement")["Resource"], json!(["arn:aws:iam::123456789012:role/eks-cluster-role"]));
}

#[test]
fn what_no_allow_helps_with_is_told_with_its_verdict() {
    let diagnosis = build(|sample| sample.helps == Some(false));
    assert_eq!((diagnosis.class, &diagnosis.policy), (Some(FailureClass::ExplicitDeny), &None));
    assert_eq!(diagnosis.missing_actions, [""; 0]);
    let denied = json!(diagnosis.denied);
    let expected = json!({
        "actions": ["ec2:DescribeAvailabilityZones"],
        "arn": null,
        "verdict": {
            "effect": "explicit_deny",
            "policy": "service_control_policy",
            "policy_arn": "arn:aws:organizations::210987654321:policy/o-a1b2c3d4e5/service_control_policy/p-abcd1234",
        },
    });
    assert!(denied.as_array().expect("a list").contains(&expected), "{denied:#}");
    assert_eq!(diagnosis.denied.len(), diagnosis.errors.len());
}

#[test]
fn what_a_person_must_do_comes_before_what_passes_by_itself() {
    let classes = |which: &[FailureClass]| build(|sample| which.contains(&sample.class)).class;
    use FailureClass::{Capacity, Credentials, ExplicitDeny, MissingPermission, Quota, Transient, Unknown};
    for (which, expected) in [
        (&[Transient, MissingPermission][..], MissingPermission),
        (&[MissingPermission, ExplicitDeny], ExplicitDeny),
        (&[Capacity, Quota, Unknown], Quota),
        (&[Unknown, Transient], Transient),
        (&[Credentials, MissingPermission, Unknown], Credentials),
        (&[Unknown], Unknown),
    ] {
        assert_eq!(classes(which), Some(expected), "{which:?}");
    }
    let both = build(|sample| matches!(sample.class, MissingPermission | ExplicitDeny));
    assert!(both.remedy.contains("explicitly") && both.remedy.contains("Add these actions"), "{}", both.remedy);
}

#[test]
fn what_is_denied_for_one_reason_is_told_at_once_and_what_is_to_be_allowed_always() {
    let denied = |action: &str, how: &str| {
        let detail = format!("AccessDenied: User: u is not authorized to perform: {action} on resource: r {how}");
        json!({"type": "diagnostic", "diagnostic": {"severity": "error", "summary": "x", "detail": detail}}).to_string()
    };
    let deny = |kind: &str| format!("with an explicit deny in a {kind}");
    let mut log = vec![denied("ec2:CreateVpc", &deny("service control policy"))];
    log.push(denied("ec2:CreateSubnet", &deny("service control policy")));
    log.push(denied("iam:CreateRole", "because no identity-based policy allows the iam:CreateRole action"));
    let few = Diagnosis::read(&log.join("\n")).remedy;
    assert!(
        few.contains("denies ec2:CreateVpc, ec2:CreateSubnet explicitly") && few.contains("iam:CreateRole"),
        "{few}"
    );
    for kind in
        ["session policy", "permissions boundary", "resource-based policy", "VPC endpoint policy", "role trust policy"]
    {
        log.insert(0, denied("eks:CreateCluster", &deny(kind)));
    }
    let many = Diagnosis::read(&log.join("\n")).remedy;
    assert!(
        many.ends_with("Add this action to the IAM policy of the integration's credentials: iam:CreateRole."),
        "{many}"
    );
}

#[test]
fn quotas_are_named_as_service_quotas_names_them() {
    let remedies = build(|sample| sample.class == FailureClass::Quota).errors;
    for quota in ["L-F678F1CE", "L-0263D0A3", "L-DB2E81BA"] {
        assert!(remedies.iter().any(|error| error.remedy.contains(quota)), "{quota}");
    }
}

#[test]
fn the_shape_of_the_answer_is_stable() {
    let keys = |value: &serde_json::Value| value.as_object().expect("an object").keys().cloned().collect::<Vec<_>>();
    let empty = json!(Diagnosis::read(""));
    assert_eq!(
        empty,
        json!({"class": null, "remedy": "", "missing_actions": [], "policy": null, "denied": [], "errors": []})
    );
    let full = json!(build(|_| true));
    assert_eq!(keys(&full), keys(&empty));
    let errors = full["errors"].as_array().expect("errors");
    assert!(errors.iter().all(|error| keys(error) == keys(&errors[0])));
}

#[test]
fn a_failure_fits_into_its_item_and_old_ones_are_still_read() {
    let long = json!({"type": "diagnostic", "diagnostic": {"severity": "error", "summary": "é".repeat(300_000)}});
    let failure = diagnose(&long.to_string()).expect("a failure");
    assert!((16_000..17_000).contains(&failure.message.len()));
    let many: String = (0..1000)
        .map(|n| json!({"type": "diagnostic", "diagnostic": {"severity": "error", "summary": format!("{n}: {}", "x".repeat(99))}}).to_string() + "\n")
        .collect();
    let failure = diagnose(&many).expect("a failure");
    assert!(failure.message.len() < 17_000 && failure.message.contains("more errors"));
    let old = json!({"class": "missing_permission", "message": "m", "missing_actions": ["ec2:CreateVpc"]});
    let old: Failure = serde_json::from_value(old).expect("a failure");
    assert_eq!(old.policy, None);
    let new = build(|sample| sample.class == FailureClass::MissingPermission).failure().expect("a failure");
    assert_eq!(serde_json::from_value::<Failure>(json!(new)).expect("a failure"), new);
}

#[test]
fn every_class_that_a_log_can_show_has_its_place_by_what_it_demands() {
    let unplaced: Vec<_> = FailureClass::ALL.iter().filter(|class| !SEVERITY.contains(class)).collect();
    assert_eq!(unplaced, [&FailureClass::Requested], "no log tells of a person's wish");
}
