//! AWS leaves something in the cluster's network: an interface of a node that ended in the wrong moment, and with it the
//! security group of EKS. Terraform knows of neither, and cannot delete the subnet or the network that they are in.

use crate::lab::{Cluster, Lab};
use serde_json::json;

const DEPENDENT: &str = "deleting EC2 Subnet (subnet-032ab9f0d9e811ae2): operation error EC2: DeleteSubnet, https response error StatusCode: 400, RequestID: 2f6c1d0b-64d6-4b5f-a9a1-6b1f7f0b1a12, api error DependencyViolation: The subnet 'subnet-032ab9f0d9e811ae2' has dependencies and cannot be deleted.";

/// What a destroy cannot go on for is removed, if it is this cluster's, and the destroy succeeds within the same build.
pub fn removed(lab: &Lab) {
    let mut cluster = lab.cluster("leftbehind");
    cluster.build("apply").succeeded();
    let (ours, others) = (interface(&cluster, "ondemand-leftbehind-g1"), interface(&cluster, "ondemand-leftbehind-g2"));
    let (group, other_group) =
        (security_group(&cluster, "ondemand-leftbehind-g1"), security_group(&cluster, "another"));
    cluster.fault(&json!({"type": "aws_subnet", "operation": "delete", "error": DEPENDENT}));
    let ended = cluster.build("destroy").succeeded();
    assert_eq!(cluster.in_account().into_iter().collect::<Vec<_>>(), [], "{}", ended.log);
    assert!(ended.log.contains(&ours) && ended.log.contains(&group), "it is told: {}", ended.log);
    let (interfaces, groups) = (interfaces(&cluster), groups(&cluster));
    assert!(!interfaces.contains(&ours) && !groups.contains(&group), "{interfaces:?} {groups:?}");
    assert!(interfaces.contains(&others), "another generation's: {interfaces:?}");
    assert!(groups.contains(&other_group), "another cluster's: {groups:?}");
    cluster.forget();
}

/// While EKS has the cluster, an interface that is not attached is on its way to a node.
pub fn kept(lab: &Lab) {
    let mut cluster = lab.cluster("leftalone");
    cluster.build("apply").succeeded();
    let ours = interface(&cluster, "ondemand-leftalone-g1");
    let refused = "deleting EKS Cluster (ondemand-leftalone-g1): operation error EKS: DeleteCluster, https response error StatusCode: 409, RequestID: 04b29cbe-5e5f-4d35-a4ef-98a0bd5b4b83, ResourceInUseException: Cluster has nodegroups attached";
    cluster.fault(&json!({"type": "aws_eks_cluster", "operation": "delete", "error": refused}));
    let failed = cluster.build("destroy");
    assert_ne!(failed.code, Some(0), "{}", failed.log);
    assert!(interfaces(&cluster).contains(&ours), "{}", failed.log);
    cluster.build("destroy").succeeded();
    cluster.forget();
}

fn interface(cluster: &Cluster<'_>, of: &str) -> String {
    let subnets = cluster.aws(&["ec2", "describe-subnets"]);
    let subnet = subnets["Subnets"][0]["SubnetId"].as_str().expect("the account has a network of its own").to_owned();
    let made = cluster.aws(&["ec2", "create-network-interface", "--subnet-id", &subnet]);
    let id = made["NetworkInterface"]["NetworkInterfaceId"].as_str().expect("an id").to_owned();
    let tag = format!("Key=cluster.k8s.amazonaws.com/name,Value={of}");
    cluster.aws(&["ec2", "create-tags", "--resources", &id, "--tags", &tag]);
    id
}

fn security_group(cluster: &Cluster<'_>, of: &str) -> String {
    let tags = format!("ResourceType=security-group,Tags=[{{Key=aws:eks:cluster-name,Value={of}}}]");
    let name = format!("eks-cluster-sg-{of}");
    let create =
        ["ec2", "create-security-group", "--group-name", &name, "--description", "EKS", "--tag-specifications"];
    let made = cluster.aws(&[&create[..], &[tags.as_str()]].concat());
    made["GroupId"].as_str().expect("an id").to_owned()
}

fn interfaces(cluster: &Cluster<'_>) -> Vec<String> {
    ids(&cluster.aws(&["ec2", "describe-network-interfaces", "--query", "NetworkInterfaces[].NetworkInterfaceId"]))
}

fn groups(cluster: &Cluster<'_>) -> Vec<String> {
    ids(&cluster.aws(&["ec2", "describe-security-groups", "--query", "SecurityGroups[].GroupId"]))
}

fn ids(answer: &serde_json::Value) -> Vec<String> {
    answer.as_array().into_iter().flatten().filter_map(|id| id.as_str().map(str::to_owned)).collect()
}
