//! A cluster's building and its end, with nothing going wrong: the figures and the order that everything else is
//! measured by.

use crate::lab::{Lab, all};
use serde_json::Value;
use std::collections::BTreeSet;

pub fn whole(lab: &Lab) {
    let cluster = lab.cluster("undisturbed");
    let (code, text) = cluster.terraform(&["apply", "-auto-approve", "-json"]);
    assert_eq!(code, Some(0), "{text}");
    assert_eq!(cluster.in_account(), all());
    let journal = cluster.journal();
    in_order(&journal, "create");
    tagged(&journal);
    names_are_unique(&journal);

    let (code, text) = cluster.terraform(&["plan", "-detailed-exitcode", "-no-color"]);
    assert_eq!(code, Some(0), "nothing is left to do: {text}");

    let (code, text) = cluster.terraform(&["destroy", "-auto-approve", "-json"]);
    assert_eq!(code, Some(0), "{text}");
    assert!(cluster.in_account().is_empty());
    in_order(&cluster.journal(), "delete");
    cluster.forget();
}

/// What must be there before something else is created, and must outlast it: a type, and after a colon what its Name has.
const BEFORE: &[(&str, &str)] = &[
    ("aws_vpc", "aws_subnet"),
    ("aws_vpc", "aws_internet_gateway"),
    ("aws_internet_gateway", "aws_nat_gateway"),
    ("aws_eip", "aws_nat_gateway"),
    ("aws_nat_gateway", "aws_eks_node_group"),
    ("aws_route", "aws_eks_node_group"),
    ("aws_route_table_association", "aws_eks_node_group"),
    ("aws_iam_role_policy_attachment", "aws_eks_node_group"),
    ("aws_subnet:-private-", "aws_eks_cluster"),
    ("aws_eks_cluster", "aws_eks_node_group"),
    ("aws_launch_template", "aws_eks_node_group"),
    ("aws_eks_node_group", "aws_autoscaling_group_tag"),
    ("aws_eks_cluster", "aws_eks_pod_identity_association"),
];

fn in_order(journal: &[Value], operation: &str) {
    let moments = |what: &str| -> Vec<usize> {
        let (kind, part) = what.split_once(':').unwrap_or((what, ""));
        let is_it = |line: &Value| {
            let name = line["values"]["tags"]["Name"].as_str().unwrap_or_default();
            line["operation"] == operation && line["type"] == kind && name.contains(part)
        };
        journal.iter().enumerate().filter(|(_, line)| is_it(line)).map(|(at, _)| at).collect()
    };
    for (first, second) in BEFORE {
        let (earlier, later) = if operation == "create" { (first, second) } else { (second, first) };
        let (earlier, later) = (moments(earlier), moments(later));
        assert!(!earlier.is_empty() && !later.is_empty(), "{operation}: neither {first} nor {second} may be missing");
        assert!(earlier.iter().max() < later.iter().min(), "{operation}: {first} and {second}");
    }
}

/// Whatever can carry tags says whose it is.
fn tagged(journal: &[Value]) {
    let untagged: BTreeSet<&str> = journal
        .iter()
        .filter(|line| {
            line["operation"] == "create" && line["values"]["tags_all"]["ondemand-eks:cluster"] != "undisturbed"
        })
        .filter_map(|line| line["type"].as_str())
        .collect();
    let cannot = [
        "aws_autoscaling_group_tag",
        "aws_iam_role_policy",
        "aws_iam_role_policy_attachment",
        "aws_route",
        "aws_route_table_association",
    ];
    assert_eq!(untagged, BTreeSet::from(cannot));
}

/// No two things of a type have the same name, and what AWS wants to be unique in an account has the cluster's.
fn names_are_unique(journal: &[Value]) {
    for kind in ["aws_iam_role", "aws_eks_cluster", "aws_launch_template"] {
        let lines = journal.iter().filter(|line| line["operation"] == "create" && line["type"] == kind);
        let names: Vec<&str> = lines.filter_map(|line| line["name"].as_str()).collect();
        assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len(), "{names:?}");
        assert!(names.iter().all(|name| name.starts_with("ondemand-undisturbed-g1")), "{names:?}");
    }
}
