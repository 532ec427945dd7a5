use super::*;
use serde_json::json;

fn node(name: &'static str, offered: Fact<bool>, cpu_limit: Fact<u32>) -> NodeFacts {
    let instance_type = InstanceType::known(name);
    let unsold = offered.map(|offered| if offered { vec![] } else { vec![instance_type.clone()] });
    NodeFacts { instance_type, unsold, cpu_limit }
}

/// An account in which everything is as it should be.
fn fine() -> Facts {
    Facts {
        principal: Principal::Entity("arn:aws:iam::123456789012:user/ml".to_owned()),
        denials: Ok(vec![]),
        vpcs: Ok(Usage { limit: 5, used: 1 }),
        addresses: Ok(Usage { limit: 5, used: 0 }),
        cpu: node("t3.xlarge", Ok(true), Ok(64)),
        gpu: node("g4dn.xlarge", Ok(true), Ok(8)),
    }
}

fn settings(raw: serde_json::Value) -> Settings {
    let delta = crate::settings::SettingsDelta::parse(raw.as_object().expect("an object"), Default::default());
    Settings::default().merged(&delta.expect("valid")).expect("consistent")
}

/// Settings without a note of their own.
fn modern() -> Settings {
    settings(json!({"gpu_node_type": "g4dn.xlarge"}))
}

fn told(facts: &Facts, settings: &Settings) -> Vec<(Severity, String)> {
    let all = findings(facts, settings, "eu-west-1");
    assert!(all.is_sorted_by_key(|finding| finding.severity));
    all.into_iter().map(|finding| (finding.severity, finding.what)).collect()
}

#[test]
fn an_account_in_order_has_no_findings() {
    assert_eq!(told(&fine(), &modern()), []);
}

#[test]
fn the_retired_default_is_told_and_harms_nothing() {
    let found = told(&fine(), &Settings::default());
    assert_eq!(found.len(), 1);
    assert!(found[0].0 == Severity::Info && found[0].1.contains("p2.xlarge"), "{found:?}");
}

#[test]
fn missing_permissions_come_with_a_policy_that_allows_them() {
    let denial = |action: &str, pattern: Option<&str>, out_of_reach| Denial {
        action: action.to_owned(),
        pattern: pattern.map(str::to_owned),
        out_of_reach,
    };
    let roles = "arn:aws:iam::123456789012:role/ondemand-*";
    let denials = vec![
        denial("ec2:CreateVpc", None, false),
        denial("iam:PassRole", Some(roles), false),
        denial("ec2:CreateNatGateway", None, true),
    ];
    let found = findings(&Facts { denials: Ok(denials), ..fine() }, &modern(), "eu-west-1");
    let [refused, missing] = &found[..] else { panic!("{found:?}") };
    assert_eq!((refused.severity, refused.policy.as_ref()), (Severity::Certain, None));
    assert!(refused.what.ends_with("ec2:CreateNatGateway") && refused.remedy.contains("does not help"));
    assert_eq!(missing.severity, Severity::Likely);
    assert!(missing.what.ends_with("ec2:CreateVpc, iam:PassRole"), "{}", missing.what);
    let policy = json!(missing.policy);
    assert_eq!(policy["Statement"][0]["Action"], json!(["ec2:CreateVpc"]));
    assert_eq!(policy["Statement"][1]["Resource"], json!([roles]));
    assert!(!policy.to_string().contains("CreateNatGateway"));
}

#[test]
fn a_full_quota_is_certain_and_names_itself() {
    let full = Facts { vpcs: Ok(Usage { limit: 5, used: 5 }), ..fine() };
    let found = findings(&full, &modern(), "eu-west-1");
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].severity, Severity::Certain);
    assert!(found[0].remedy.contains("'VPCs per Region' (vpc, L-F678F1CE)"), "{}", found[0].remedy);
    assert_eq!(told(&Facts { vpcs: Ok(Usage { limit: 5, used: 4 }), ..fine() }, &modern()), []);
}

#[test]
fn virtual_cpus_are_counted_against_the_first_and_the_most_nodes() {
    let with = |limit| Facts { gpu: node("g4dn.xlarge", Ok(true), Ok(limit)), ..fine() };
    let four = settings(json!({"gpu_node_type": "g4dn.xlarge", "max_gpu_node": 4, "min_gpu_node": 2}));
    let one = |limit| {
        told(&with(limit), &four)
            .pop()
            .map(|(severity, what)| (severity, what.split(": ").nth(1).unwrap_or_default().to_owned()))
    };
    assert_eq!(one(0), Some((Severity::Certain, "no GPU node can start".to_owned())));
    assert_eq!(one(4), Some((Severity::Certain, "at most 1 of the 2 nodes that are to start at first can".to_owned())));
    assert_eq!(one(15), Some((Severity::Likely, "at most 3 of up to 4 GPU nodes can start".to_owned())));
    assert_eq!(one(16), None);
}

#[test]
fn a_type_that_the_region_lacks_is_certain() {
    let found = told(&Facts { cpu: node("m7i.large", Ok(false), Ok(64)), ..fine() }, &modern());
    assert_eq!(found, [(Severity::Certain, "cpu_node_type m7i.large is not sold in eu-west-1".to_owned())]);
}

#[test]
fn what_may_not_be_asked_is_said_and_never_more_than_information() {
    let nothing = Facts {
        principal: Principal::Entity("arn:aws:iam::1:user/u".to_owned()),
        denials: Err(NotChecked::Denied),
        vpcs: Err(NotChecked::Denied),
        addresses: Err(NotChecked::TooSlow),
        cpu: node("t3.xlarge", Err(NotChecked::Denied), Err(NotChecked::Denied)),
        gpu: node("g4dn.xlarge", Err(NotChecked::Because("AWS fell over".to_owned())), Err(NotChecked::TooSlow)),
    };
    let found = told(&nothing, &modern());
    assert_eq!(found.len(), 7);
    assert!(found.iter().all(|(severity, what)| *severity == Severity::Info && what.starts_with("not checked: ")));
    assert!(found.iter().any(|(_, what)| what.contains("permission iam:SimulatePrincipalPolicy is missing")));
    assert!(found.iter().any(|(_, what)| what.ends_with("since AWS fell over")));
}

#[test]
fn families_share_the_quotas_that_aws_says() {
    let code = |name, spot| quota::of_nodes(&InstanceType::known(name), spot).map(|quota| quota.code);
    assert_eq!(code("t3.xlarge", false), Some("L-1216C47A"));
    assert_eq!(code("m7i-flex.large", false), Some("L-1216C47A"));
    assert_eq!(code("g6e.xlarge", false), Some("L-DB2E81BA"));
    assert_eq!(code("gr6.4xlarge", false), Some("L-DB2E81BA"));
    assert_eq!(code("p4d.24xlarge", false), Some("L-417A185B"));
    assert_eq!(code("p5.48xlarge", true), None);
    assert_eq!(code("c5.large", true), Some("L-34B43A08"));
    assert_eq!(code("trn1.2xlarge", false), None);
}

#[test]
fn a_caller_is_found_in_iam() {
    let role = Principal::Entity("arn:aws-cn:iam::123456789012:role/ml".to_owned());
    assert_eq!(principal("arn:aws-cn:sts::123456789012:assumed-role/ml/session"), role);
    let user = "arn:aws:iam::123456789012:user/team/ml";
    assert_eq!(principal(user), Principal::Entity(user.to_owned()));
    assert_eq!(principal("arn:aws:iam::123456789012:root"), Principal::Root);
    assert!(matches!(principal("arn:aws:sts::123456789012:federated-user/x"), Principal::Other(_)));
    assert!(matches!(principal(""), Principal::Other(_)));
}
