//! Holds together: the Terraform module, the table of actions, the two policies, and the code that calls AWS.

use super::*;
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn table() -> Value {
    serde_json::from_str(&read("infra/policies/actions.json")).expect("a table")
}

fn texts(value: &Value) -> BTreeSet<String> {
    let list = value.as_array().unwrap_or_else(|| panic!("no list: {value}"));
    list.iter().map(|text| text.as_str().expect("a text").to_owned()).collect()
}

fn keys(value: &Value) -> BTreeSet<String> {
    value.as_object().expect("an object").keys().cloned().collect()
}

/// The types of `resource` or `data` blocks in the module.
fn types(kind: &str) -> BTreeSet<String> {
    let folder = std::fs::read_dir(root().join("terraform")).expect("the module");
    let files = folder.map(|entry| entry.expect("a file").path()).filter(|p| p.extension().is_some_and(|e| e == "tf"));
    let source: String = files.map(|path| std::fs::read_to_string(path).expect("a text")).collect();
    let block = format!("{kind} \"");
    let named = source.lines().filter_map(|line| line.strip_prefix(block.as_str())?.split('"').next());
    named.map(str::to_owned).collect()
}

fn actions_of_table(table: &Value) -> BTreeSet<String> {
    let resources = table["resources"].as_object().expect("resources").values();
    let of_resources = resources.flat_map(|operations| operations.as_object().expect("operations").values());
    let of_module = of_resources.chain(table["data"].as_object().expect("data").values()).flat_map(texts);
    of_module.chain(called(&table["build"])).collect()
}

/// The actions of calls that are still made where the table says.
fn called(calls: &Value) -> BTreeSet<String> {
    let mut called = BTreeSet::new();
    for call in calls.as_array().expect("calls") {
        let (file, words) = (call["file"].as_str().expect("a file"), call["call"].as_str().expect("words"));
        assert!(read(file).contains(words), "{file} no longer calls {words}");
        called.extend(texts(&call["actions"]));
    }
    called
}

fn statements(policy: &str) -> Vec<Value> {
    let policy: Value = serde_json::from_str(policy).expect("a policy");
    policy["Statement"].as_array().expect("statements").clone()
}

fn actions_of(policy: &str) -> BTreeSet<String> {
    statements(policy).iter().flat_map(|statement| texts(&statement["Action"])).collect()
}

#[test]
fn the_table_has_what_the_module_has_and_nothing_else() {
    let table = table();
    assert_eq!(keys(&table["resources"]), types("resource"), "resources of the table and of terraform/*.tf");
    assert_eq!(keys(&table["data"]), types("data"), "data sources of the table and of terraform/*.tf");
    for (resource, operations) in table["resources"].as_object().expect("resources") {
        let expected = ["create", "delete", "read", "update"].map(str::to_owned);
        assert_eq!(keys(operations), BTreeSet::from(expected), "{resource}");
        for operation in ["create", "read", "delete"] {
            assert!(!texts(&operations[operation]).is_empty(), "{resource} can be {operation}d without a permission?");
        }
    }
}

#[test]
fn the_policy_to_create_allows_what_the_table_has_and_nothing_else() {
    assert_eq!(actions_of(CREATE), actions_of_table(&table()));
}

#[test]
fn the_policy_to_run_allows_what_the_code_calls_and_nothing_else() {
    assert_eq!(actions_of(RUN), called(&table()["run"]));
    assert!(to_look_ahead().contains(&"iam:SimulatePrincipalPolicy".to_owned()));
}

#[test]
fn every_documented_action_is_allowed_or_told_why_not() {
    // The list that Aqueduct's documentation gives, in its own order and spelling but for the two actions that AWS
    // spells AuthorizeSecurityGroup….
    const DOCUMENTED: &str = "
        ec2: AllocateAddress AssociateRouteTable AttachInternetGateway AuthorizeSecurityGroupEgress
        AuthorizeSecurityGroupIngress CreateInternetGateway CreateLaunchTemplate CreateNatGateway CreateRoute
        CreateRouteTable CreateSecurityGroup CreateSubnet CreateVpc DescribeAddresses DescribeAvailabilityZones
        DescribeInternetGateways DescribeLaunchTemplateVersions DescribeLaunchTemplates DescribeNatGateways
        DescribeNetworkAcls DescribeRouteTables DescribeSecurityGroups DescribeSubnets DescribeVpcAttribute
        DescribeVpcClassicLink DescribeVpcClassicLinkDnsSupport DescribeVpcs DetachInternetGateway DisassociateAddress
        DisassociateRouteTable DeleteInternetGateway DeleteLaunchTemplate DeleteNatGateway DeleteRoute
        DeleteRouteTable DeleteSecurityGroup DeleteSubnet DeleteVpc RevokeSecurityGroupEgress
        RevokeSecurityGroupIngress ModifySubnetAttribute ModifyVpcAttribute
        eks: CreateCluster CreateNodegroup DescribeCluster DescribeNodegroup DeleteCluster DeleteNodegroup
        iam: AttachRolePolicy CreateOpenIDConnectProvider CreatePolicy CreateRole DeleteOpenIDConnectProvider
        DeletePolicy DeleteRole DeleteRolePolicy DetachRolePolicy GetOpenIDConnectProvider GetPolicy GetPolicyVersion
        GetRole GetRolePolicy ListAttachedRolePolicies ListInstanceProfilesForRole ListPolicyVersions ListRolePolicies
        PutRolePolicy
        kms: CreateAlias CreateKey DeleteAlias DescribeKey EnableKeyRotation GetKeyPolicy GetKeyRotationStatus
        ListAliases ListResourceTags ScheduleKeyDeletion
        logs: CreateLogGroup DeleteLogGroup DescribeLogGroups ListTagsForResource PutRetentionPolicy
        sts: GetCallerIdentity";
    let mut service = "";
    let mut documented = BTreeSet::new();
    for word in DOCUMENTED.split_whitespace() {
        match word.strip_suffix(':') {
            Some(name) => service = name,
            None => drop(documented.insert(format!("{service}:{word}"))),
        }
    }
    assert_eq!(documented.len(), 83);
    let not_needed = keys(&table()["documented_but_not_needed"]);
    let allowed = actions_of(CREATE);
    assert!(allowed.is_disjoint(&not_needed), "allowed and not needed: {:?}", allowed.intersection(&not_needed));
    let told: BTreeSet<_> = allowed.union(&not_needed).cloned().collect();
    assert!(documented.is_subset(&told), "neither: {:?}", documented.difference(&told));
    assert!(not_needed.is_subset(&documented), "never documented: {:?}", not_needed.difference(&documented));
}

#[test]
fn the_policies_are_ready_to_paste() {
    for policy in [CREATE, RUN] {
        // IAM's limit for a managed policy, white space not counted.
        let size = policy.chars().filter(|c| !c.is_whitespace()).count();
        assert!(size < 6_144, "{size} characters");
        for statement in statements(policy) {
            let actions: Vec<_> = statement["Action"].as_array().expect("actions").iter().collect();
            assert!(actions.is_sorted_by_key(|action| action.as_str()), "{}", statement["Sid"]);
            assert_eq!((&statement["Effect"], actions.is_empty()), (&Value::from("Allow"), false));
            // Whoever may pass or change any role is an administrator.
            let of_iam =
                actions.iter().filter_map(|action| action.as_str()).filter(|action| action.starts_with("iam:"));
            let writes = of_iam.filter(|action| *action != "iam:SimulatePrincipalPolicy").count();
            assert!(writes == 0 || !texts(&statement["Resource"]).contains("*"), "{}", statement["Sid"]);
        }
    }
}

#[test]
fn what_is_needed_is_asked_about_where_it_is_needed() {
    let (partition, account, region) = ("aws", "123456789012", "eu-west-1");
    let place = Place { partition, account, region, cluster_name: "ondemand-1f1e0abd-g3" };
    let needed = to_create(&place);
    let on = |action: &str| {
        let of_action = needed.iter().find(|needed| needed.actions.iter().any(|a| a == action)).expect("it is needed");
        (of_action.pattern.clone(), of_action.asked.clone(), of_action.exact)
    };
    assert_eq!(on("ec2:CreateVpc"), (None, None, false));
    assert_eq!(on("ec2:DescribeVpcs"), (None, None, true));
    assert_eq!(on("ec2:DescribeVpcAttribute"), (None, None, false));
    let role = |name: &str| Some(format!("arn:aws:iam::123456789012:role/{name}"));
    assert_eq!(on("iam:PassRole"), (role("ondemand-*"), role("ondemand-1f1e0abd-g3-cluster"), true));
    assert_eq!(on("iam:PutRolePolicy"), (role("ondemand-*"), role("ondemand-1f1e0abd-g3-autoscaler"), true));
    let linked = (role("aws-service-role/*"), role("aws-service-role/preflight"), false);
    assert_eq!(on("iam:CreateServiceLinkedRole"), linked);
    let eks = |name: &str| Some(format!("arn:aws:eks:eu-west-1:123456789012:{name}"));
    assert_eq!(on("eks:CreateNodegroup"), (None, eks("cluster/ondemand-1f1e0abd-g3"), true));
    assert_eq!(on("eks:DescribeAddon"), (None, eks("addon/ondemand-1f1e0abd-g3/coredns/preflight"), false));

    let all: BTreeSet<String> = needed.iter().flat_map(|needed| needed.actions.clone()).collect();
    let missing: Vec<String> = actions_of(CREATE).difference(&all).cloned().collect();
    assert_eq!(missing, ["sts:GetCallerIdentity"], "which needs no permission");
    let in_china = to_create(&Place { partition: "aws-cn", ..place });
    let arns = in_china.iter().flat_map(|needed| needed.pattern.iter().chain(&needed.asked));
    assert!(arns.map(String::as_str).all(|arn| arn.starts_with("arn:aws-cn:")));
}
