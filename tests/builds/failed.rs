//! AWS refuses to make a resource, in its own words: the diagnosis names class, action and resource, and the teardown
//! that follows leaves nothing.

use crate::lab::Lab;
use domain::diagnosis::Diagnosis;
use domain::failure::FailureClass::{
    self, Capacity, Credentials, ExplicitDeny, MissingPermission, NameClash, Quota, Transient, Version,
};
use serde_json::json;

/// One refusal and what is to be read from it.
pub struct Refusal {
    /// The resource's type.
    pub kind: &'static str,
    error: &'static str,
    class: FailureClass,
    /// The action that is missing or denied, where it is about one.
    action: Option<&'static str>,
    /// Whether AWS made it nevertheless, so that Terraform keeps it as tainted.
    half_made: bool,
}

const fn refusal(
    kind: &'static str,
    class: FailureClass,
    action: Option<&'static str>,
    error: &'static str,
) -> Refusal {
    Refusal { kind, error, class, action, half_made: false }
}

/// One for each type, with what it is most often refused for; every class that a creation can end with.
pub const REFUSALS: &[Refusal] = &[
    refusal(
        "aws_vpc",
        Quota,
        None,
        "creating EC2 VPC: operation error EC2: CreateVpc, https response error StatusCode: 400, RequestID: 5f0a3a33-93d5-4b14-b9f4-2f0f0c5f2b11, api error VpcLimitExceeded: The maximum number of VPCs has been reached.",
    ),
    refusal(
        "aws_eip",
        Quota,
        None,
        "creating EC2 EIP: operation error EC2: AllocateAddress, https response error StatusCode: 400, RequestID: 9a146f8d-ec08-4a82-8e1a-08442295320e, api error AddressLimitExceeded: The maximum number of addresses has been reached.",
    ),
    refusal(
        "aws_subnet",
        MissingPermission,
        Some("ec2:CreateSubnet"),
        "creating EC2 Subnet: operation error EC2: CreateSubnet, https response error StatusCode: 403, RequestID: 0f31cf5c-1c26-4b39-8ff4-6e4e6f6d3a10, api error UnauthorizedOperation: You are not authorized to perform this operation. User: arn:aws:iam::000000000000:user/data-team is not authorized to perform: ec2:CreateSubnet on resource: arn:aws:ec2:us-east-1:000000000000:subnet/* because no identity-based policy allows the ec2:CreateSubnet action",
    ),
    refusal(
        "aws_internet_gateway",
        Quota,
        None,
        "creating EC2 Internet Gateway: operation error EC2: CreateInternetGateway, https response error StatusCode: 400, RequestID: 1b0fcb0e-64a5-4c5f-b19a-5d7a1b1f7c55, api error InternetGatewayLimitExceeded: The maximum number of internet gateways has been reached.",
    ),
    Refusal {
        half_made: true,
        ..refusal(
            "aws_nat_gateway",
            Quota,
            None,
            "waiting for EC2 NAT Gateway (nat-0a1b2c3d4e5f60718) create: unexpected state 'failed', wanted target 'available'. last error: InsufficientFreeAddressesInSubnet: Subnet subnet-0398736c758d0cf22 has insufficient free addresses to create this NAT gateway",
        )
    },
    refusal(
        "aws_route_table",
        Transient,
        None,
        "creating EC2 Route Table: operation error EC2: CreateRouteTable, exceeded maximum number of attempts, 25, https response error StatusCode: 503, RequestID: 72ba8984-f11a-4d20-87ba-84b217c4067f, api error RequestLimitExceeded: Request limit exceeded.",
    ),
    refusal(
        "aws_route",
        ExplicitDeny,
        Some("ec2:CreateRoute"),
        "creating Route in Route Table (rtb-07986d28ff07e1c3f) with destination (0.0.0.0/0): operation error EC2: CreateRoute, https response error StatusCode: 403, RequestID: 784e482d-a494-4b39-861c-752e59872bd8, api error UnauthorizedOperation: You are not authorized to perform this operation. User: arn:aws:sts::000000000000:assumed-role/Build/s is not authorized to perform: ec2:CreateRoute on resource: arn:aws:ec2:us-east-1:000000000000:route-table/rtb-07986d28ff07e1c3f with an explicit deny in a service control policy: arn:aws:organizations::111111111111:policy/o-a1b2c3d4e5/service_control_policy/p-0a1b2c3d",
    ),
    refusal(
        "aws_route_table_association",
        MissingPermission,
        Some("ec2:AssociateRouteTable"),
        "creating Route Table (rtb-07986d28ff07e1c3f) Association: operation error EC2: AssociateRouteTable, https response error StatusCode: 403, RequestID: f1772e1a-841a-40ac-82f9-a4b28cef2cc2, api error UnauthorizedOperation: You are not authorized to perform this operation. Encoded authorization failure message: 4nYb3Zk8pUu1wq0K2gXoTtJ1lWcQd9Vh5R7sEmFaLbPxNzCy6MiOeGjDkHvSwB",
    ),
    refusal(
        "aws_iam_role",
        NameClash,
        None,
        "creating IAM Role (ondemand-1f1e0abd-g1-node): operation error IAM: CreateRole, https response error StatusCode: 409, RequestID: f1b4616a-5afc-4c8d-83c1-3d13da785695, EntityAlreadyExists: Role with name ondemand-1f1e0abd-g1-node already exists.",
    ),
    refusal(
        "aws_iam_role_policy",
        MissingPermission,
        Some("iam:PutRolePolicy"),
        "putting IAM Role (ondemand-1f1e0abd-g1-autoscaler) Policy (scale-node-groups): operation error IAM: PutRolePolicy, https response error StatusCode: 403, RequestID: 6e286c1c-99a3-4c3e-8ef1-e5a99431d5bd, api error AccessDenied: User: arn:aws:iam::000000000000:user/data-team is not authorized to perform: iam:PutRolePolicy on resource: role ondemand-1f1e0abd-g1-autoscaler because no permissions boundary allows the iam:PutRolePolicy action",
    ),
    refusal(
        "aws_iam_role_policy_attachment",
        ExplicitDeny,
        Some("iam:AttachRolePolicy"),
        "attaching IAM Policy (arn:aws:iam::aws:policy/AmazonEKSClusterPolicy) to IAM Role (ondemand-1f1e0abd-g1-cluster): operation error IAM: AttachRolePolicy, https response error StatusCode: 403, RequestID: 85474ab2-a4f6-468a-8240-935c38047b1c, api error AccessDenied: User: arn:aws:iam::000000000000:user/data-team is not authorized to perform: iam:AttachRolePolicy on resource: role ondemand-1f1e0abd-g1-cluster with an explicit deny in an identity-based policy: arn:aws:iam::000000000000:policy/no-admin",
    ),
    refusal(
        "aws_launch_template",
        MissingPermission,
        Some("ec2:CreateLaunchTemplate"),
        "creating EC2 Launch Template (ondemand-1f1e0abd-g1-cpu): operation error EC2: CreateLaunchTemplate, https response error StatusCode: 403, RequestID: 6d78471d-69a8-4dfa-84a4-2c2aa4b9ec56, api error UnauthorizedOperation: You are not authorized to perform this operation. User: arn:aws:iam::000000000000:user/data-team is not authorized to perform: ec2:CreateLaunchTemplate on resource: arn:aws:ec2:us-east-1:000000000000:launch-template/* because no identity-based policy allows the ec2:CreateLaunchTemplate action",
    ),
    refusal(
        "aws_eks_cluster",
        Capacity,
        None,
        "creating EKS Cluster (ondemand-1f1e0abd-g1): operation error EKS: CreateCluster, https response error StatusCode: 400, RequestID: 04b29cbe-5e5f-4d35-a4ef-98a0bd5b4b83, UnsupportedAvailabilityZoneException: Cannot create cluster 'ondemand-1f1e0abd-g1' because EKS does not support creating control plane instances in us-east-1e, the targeted availability zone. Retry cluster creation using control plane subnets that span at least two of these availability zones: us-east-1a, us-east-1b, us-east-1c.",
    ),
    refusal(
        "aws_eks_addon",
        Version,
        None,
        "creating EKS Add-On (ondemand-1f1e0abd-g1:vpc-cni): operation error EKS: CreateAddon, https response error StatusCode: 400, RequestID: 2f6c1d0b-64d6-4b5f-a9a1-6b1f7f0b1a11, InvalidParameterException: Addon version specified is not supported",
    ),
    Refusal {
        half_made: true,
        ..refusal(
            "aws_eks_node_group",
            Quota,
            None,
            "waiting for EKS Node Group (ondemand-1f1e0abd-g1:cpu-t3-xlarge-20261122180000) create: unexpected state 'CREATE_FAILED', wanted target 'ACTIVE'. last error: eks-cpu-t3-xlarge-20261122180000-0ac9: AsgInstanceLaunchFailures: Could not launch On-Demand Instances. VcpuLimitExceeded - You have requested more vCPU capacity than your current vCPU limit of 0 allows for the instance bucket that the specified instance type belongs to. Please visit http://aws.amazon.com/contact-us/ec2-request to request an adjustment to this limit. Launching EC2 instance failed.",
        )
    },
    refusal(
        "aws_eks_pod_identity_association",
        MissingPermission,
        Some("iam:PassRole"),
        "creating EKS (Elastic Kubernetes) Pod Identity Association: operation error EKS: CreatePodIdentityAssociation, https response error StatusCode: 403, RequestID: 8a0f1f5e-4c2f-4a51-9d8d-0a2b6f1d2c33, api error AccessDeniedException: User: arn:aws:iam::000000000000:user/data-team is not authorized to perform: iam:PassRole on resource: arn:aws:iam::000000000000:role/ondemand-1f1e0abd-g1-autoscaler because no identity-based policy allows the iam:PassRole action",
    ),
    refusal(
        "aws_autoscaling_group_tag",
        Credentials,
        None,
        "creating Auto Scaling Group (eks-cpu-t3-xlarge-20261122180000-0ac9) tag (k8s.io/cluster-autoscaler/enabled): operation error Auto Scaling: CreateOrUpdateTags, https response error StatusCode: 403, RequestID: 3c1de1c6-19ab-4ea6-9d39-7f0d1a3b5e77, api error ExpiredToken: The security token included in the request is expired",
    ),
];

pub fn refused(lab: &Lab, refusal: &Refusal) {
    let name = format!("no{}", refusal.kind.trim_start_matches("aws_").replace('_', ""));
    let cluster = lab.cluster(&name);
    cluster.fault(&json!({
        "type": refusal.kind, "operation": "create", "error": refusal.error, "tainted": refusal.half_made,
    }));
    let (code, stream) = cluster.terraform(&["apply", "-auto-approve", "-json"]);
    assert_eq!(code, Some(1), "{stream}");
    let diagnosis = Diagnosis::read(&stream);
    let [found] = diagnosis.errors.as_slice() else { panic!("one error is told: {:#?}", diagnosis.errors) };
    assert_eq!(found.class, refusal.class, "{found:#?}");
    let resource = found.resource.as_deref().unwrap_or_default();
    assert!(resource.starts_with(&format!("{}.", refusal.kind)), "{found:#?}");
    if let Some(action) = refusal.action {
        assert_eq!(found.actions, [action], "{found:#?}");
    }
    assert!(!found.remedy.is_empty(), "{found:#?}");

    let (code, text) = cluster.terraform(&["destroy", "-auto-approve", "-json"]);
    assert_eq!(code, Some(0), "{text}");
    assert_eq!(cluster.in_account().into_iter().collect::<Vec<_>>(), []);
    cluster.forget();
}
