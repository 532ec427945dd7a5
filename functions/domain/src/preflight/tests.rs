use super::*;
use serde_json::json;

fn node(name: &'static str, offered: Fact<bool>, cpu_limit: Fact<u32>) -> NodeFacts {
    let instance_type = InstanceType::known(name);
    let unsold = offered.map(|offered| if offered { vec![] } else { vec![instance_type.clone()] });
    NodeFacts { instance_type, unsold, cpu_limit }
}

fn role(name: &str) -> Name {
    Name { kind: Kind::Role, name: name.to_owned() }
}

/// An account in which everything is as it should be.
fn fine() -> Facts {
    Facts {
        principal: Principal::Entity("arn:aws:iam::123456789012:user/ml".to_owned()),
        denials: Ok(vec![]),
        names: vec![(role("ondemand-1f1e0abd-g1-node"), Ok(Holder::Nobody)), (role("ours"), Ok(Holder::Us))],
        vpcs: Ok(Usage { limit: 5, used: 1 }),
        addresses: Ok(Usage { limit: 5, used: 0 }),
        cpu: node("t3.xlarge", Ok(true), Ok(64)),
        gpu: node("g4dn.xlarge", Ok(true), Ok(8)),
        version: Ok(Some("1.34".to_owned())),
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
fn a_region_that_nobody_has_heard_of_is_told_and_not_refused() {
    let all = findings(&fine(), &modern(), "eu-west-9");
    let [only] = &all[..] else { panic!("{all:?}") };
    assert_eq!((only.severity, only.about.as_str()), (Severity::Info, "region"));
    assert!(only.what.contains("'eu-west-9'") && !only.remedy.is_empty(), "{only:?}");
}

#[test]
fn missing_permissions_come_with_a_policy_that_allows_them() {
    let denial = |action: &str, pattern: Option<&str>, barrier, certain| Denial {
        action: action.to_owned(),
        pattern: pattern.map(str::to_owned),
        barrier,
        certain,
    };
    let roles = "arn:aws:iam::123456789012:role/ondemand-*";
    let denials = vec![
        denial("ec2:CreateVpc", None, Barrier::NoAllow, false),
        denial("iam:PassRole", Some(roles), Barrier::NoAllow, true),
        denial("ec2:CreateNatGateway", None, Barrier::Organization, true),
        denial("eks:CreateCluster", None, Barrier::Boundary, true),
        denial("ec2:AllocateAddress", None, Barrier::ExplicitDeny, false),
    ];
    let found = findings(&Facts { denials: Ok(denials), ..fine() }, &modern(), "eu-west-1");
    let [organization, boundary, certain, deny, likely] = &found[..] else { panic!("{found:?}") };
    for (finding, severity, who, action, helps) in [
        (organization, Severity::Certain, "a service control policy", "ec2:CreateNatGateway", "administers"),
        (boundary, Severity::Certain, "the permissions boundary", "eks:CreateCluster", "owner of the boundary"),
        (deny, Severity::Likely, "a statement that denies", "ec2:AllocateAddress", "have it lifted"),
    ] {
        assert_eq!((finding.severity, &finding.policy), (severity, &None), "{finding:?}");
        assert!(finding.what.starts_with(who) && finding.what.ends_with(action), "{finding:?}");
        assert!(finding.remedy.contains("does not help") && finding.remedy.contains(helps), "{finding:?}");
    }
    assert_eq!((certain.severity, likely.severity), (Severity::Certain, Severity::Likely));
    assert!(certain.what.ends_with("needs: iam:PassRole"), "{}", certain.what);
    assert!(likely.what.ends_with("needs: ec2:CreateVpc"), "{}", likely.what);
    assert_eq!(certain.policy, likely.policy, "it is pasted once");
    let policy = json!(certain.policy);
    assert_eq!(policy["Statement"][0]["Action"], json!(["ec2:CreateVpc"]));
    assert_eq!(policy["Statement"][1]["Resource"], json!([roles]));
    assert!(!policy.to_string().contains("CreateNatGateway"));
}

#[test]
fn a_name_that_another_has_is_certain_to_clash() {
    let taken = vec![
        (Name { kind: Kind::Cluster, name: "ondemand-1f1e0abd-g1".to_owned() }, Ok(Holder::Other)),
        (role("ondemand-1f1e0abd-g1-node"), Err(NotChecked::Denied)),
        (role("ondemand-1f1e0abd-g1-cluster"), Err(NotChecked::Denied)),
    ];
    let found = told(&Facts { names: taken, ..fine() }, &modern());
    let [(Severity::Certain, clash), (Severity::Info, unknown)] = &found[..] else { panic!("{found:?}") };
    assert!(clash.starts_with("there is an EKS cluster 'ondemand-1f1e0abd-g1'"), "{clash}");
    assert!(unknown.contains("names of the next cluster") && unknown.contains("iam:GetRole"), "{unknown}");
}

#[test]
fn the_names_are_those_of_the_generation_to_come_or_the_one_that_is_there() {
    use crate::cluster::{Cluster, Command, decide};
    use crate::{ClusterId, IntegrationId, Timestamp};
    let id = ClusterId("1f1e0abd-0000-4000-8000-000000000000".parse().expect("an id"));
    let (integration, now) = (IntegrationId(id.0), Timestamp::UNIX_EPOCH);
    let cluster = Cluster::registered(id, integration, "aws", String::new(), Settings::default(), now);
    let parts = |cluster: &Cluster| names(cluster).into_iter().map(|name| name.name).collect::<Vec<_>>();
    let expected = ["", "-cluster", "-node", "-autoscaler"].map(|part| format!("ondemand-1f1e0abd-g1{part}"));
    assert_eq!(parts(&cluster), expected);
    let creating = decide(&cluster, &Command::Create { delta: Default::default() }, now).expect("accepted").cluster;
    assert_eq!(parts(&creating), expected);
    // As the module has them.
    let module = ["cluster.tf", "nodes.tf", "autoscaler.tf"].map(|file| {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../terraform").join(file);
        std::fs::read_to_string(path).expect("the module")
    });
    for part in ["cluster", "node", "autoscaler"] {
        let name = format!("name = \"${{var.cluster_name}}-{part}\"");
        assert!(module.iter().any(|text| text.contains(&name)), "{name}");
    }
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
    let what = "cpu_node_type m7i.large is not sold in eu-west-1: the creation fails";
    assert_eq!(found, [(Severity::Certain, what.to_owned())]);
    let facts = Facts { gpu: node("g4dn.xlarge", Ok(false), Ok(8)), ..fine() };
    let gpu = |settings: &Settings| told(&facts, settings).pop().map(|(_, what)| what).unwrap_or_default();
    assert!(gpu(&modern()).ends_with("an operator that needs one would wait in vain"), "the group is left out");
    let from_the_start = settings(json!({"gpu_node_type": "g4dn.xlarge", "min_gpu_node": 1}));
    assert!(gpu(&from_the_start).ends_with("the creation fails"));
}

#[test]
fn a_version_that_this_release_does_not_know_or_eks_does_not_name_is_told() {
    let newest = kubernetes::MINORS.end();
    let with = |version: Option<String>| told(&Facts { version: Ok(version), ..fine() }, &modern());
    assert_eq!(with(Some(format!("1.{newest}"))), []);
    for newer in [format!("1.{}", newest + 1), "2.0".to_owned()] {
        let found = with(Some(newer.clone()));
        assert!(matches!(&found[..], [(Severity::Info, what)] if what.contains(&newer)), "{found:?}");
    }
    let found = with(None);
    assert!(matches!(&found[..], [(Severity::Likely, what)] if what.contains("eu-west-1")), "{found:?}");
}

#[test]
fn what_may_not_be_asked_is_said_and_never_more_than_information() {
    let nothing = Facts {
        principal: Principal::Entity("arn:aws:iam::1:user/u".to_owned()),
        denials: Err(NotChecked::Denied),
        names: vec![(role("ondemand-1f1e0abd-g1-node"), Err(NotChecked::TooSlow))],
        vpcs: Err(NotChecked::Denied),
        addresses: Err(NotChecked::TooSlow),
        cpu: node("t3.xlarge", Err(NotChecked::Denied), Err(NotChecked::Denied)),
        gpu: node("g4dn.xlarge", Err(NotChecked::Because("AWS fell over".to_owned())), Err(NotChecked::TooSlow)),
        version: Err(NotChecked::Denied),
    };
    let found = told(&nothing, &modern());
    assert_eq!(found.len(), 9);
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
fn a_cluster_that_lets_in_somebody_else_is_told_with_the_way_in() {
    use crate::cluster::{Cluster, Command, decide};
    use crate::{ClusterId, IntegrationId, Timestamp};
    let id = ClusterId("1f1e0abd-0000-4000-8000-000000000000".parse().expect("an id"));
    let (integration, now) = (IntegrationId(id.0), Timestamp::UNIX_EPOCH);
    let none = Cluster::registered(id, integration, "aws", "eu-west-1".to_owned(), Settings::default(), now);
    let living = decide(&none, &Command::Create { delta: Default::default() }, now).expect("accepted").cluster;
    let (ann, role) = ("arn:aws:iam::123456789012:user/ann", "arn:aws:sts::123456789012:assumed-role/ml/session");
    assert_eq!(replaced(ann, role, &none), None, "the next cluster is theirs");
    assert_eq!(replaced(ann, ann, &living), None, "another key of the same user");
    let next_session = "arn:aws:sts::123456789012:assumed-role/ml/another";
    assert_eq!(replaced(role, next_session, &living), None, "another session of the same role");
    let told = replaced(ann, role, &living).expect("told");
    assert_eq!((told.severity, told.about.as_str()), (Severity::Likely, "credentials"));
    for words in ["create-access-entry", "ondemand-1f1e0abd-g1", "arn:aws:iam::123456789012:role/ml`", "eu-west-1"] {
        assert!(told.remedy.contains(words), "no '{words}' in {}", told.remedy);
    }
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
