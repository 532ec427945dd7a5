//! Errors about anything but permissions.

use super::samples::{Sample, sample};
use crate::failure::FailureClass::{
    BuildLost, Capacity, Credentials, Dependency, KubernetesUnauthorized, NameClash, NotStabilized, Quota, StateLocked,
    Transient, Unknown, Version,
};

pub(super) const FAILURES: &[Sample] = &[
    sample(KubernetesUnauthorized, "kubernetes_namespace.this", "Unauthorized"),
    sample(
        KubernetesUnauthorized,
        "kubectl_manifest.this",
        "ns/karpenter failed to create kubernetes rest client for update of resource: the server has asked for the client to provide credentials",
    ),
    sample(
        KubernetesUnauthorized,
        "kubernetes_namespace.jobs",
        "namespaces is forbidden: User \"deployer\" cannot create resource \"namespaces\" in API group \"\" at the cluster scope",
    ),
    sample(
        Credentials,
        "aws_eks_cluster.this",
        "waiting for EKS Cluster (c) create: ExpiredTokenException: The security token included in the request is expired\n\tstatus code: 403, request id: 4f2a1c3d-9a5e-4b6f-8c7d-1e2f3a4b5c6d",
    )
    .code("ExpiredTokenException"),
    sample(
        Credentials,
        "aws_eks_node_group.this[\"cpu\"]",
        "waiting for EKS Node Group (c:cpu) create: operation error EKS: DescribeNodegroup, https response error StatusCode: 403, RequestID: 5d6e7f80-91a2-4b3c-8d4e-5f60718293a4, api error ExpiredToken: The provided token has expired.",
    )
    .actions(&["eks:DescribeNodegroup"])
    .code("ExpiredToken"),
    sample(
        Credentials,
        "aws_iam_role.node",
        "creating IAM Role (c-node): InvalidClientTokenId: The security token included in the request is invalid\n\tstatus code: 403, request id: 6e7f8091-a2b3-4c4d-8e5f-60718293a4b5",
    )
    .actions(&["iam:CreateRole"])
    .code("InvalidClientTokenId"),
    sample(Credentials, "provider[\"registry.terraform.io/hashicorp/aws\"]", "No valid credential sources found")
        .detail("Please see https://registry.terraform.io/providers/hashicorp/aws\nfor more information about providing credentials.\n\nError: failed to refresh cached credentials, no EC2 IMDS role found, operation error ec2imds: GetMetadata, request canceled, context deadline exceeded"),
    sample(
        Quota,
        "aws_vpc.this",
        "Error creating VPC: VpcLimitExceeded: The maximum number of VPCs has been reached.\n\tstatus code: 400, request id: 7f8091a2-b3c4-4d5e-8f60-718293a4b5c6",
    )
    .actions(&["ec2:CreateVpc"])
    .code("VpcLimitExceeded"),
    sample(
        Quota,
        "aws_eip.nat[0]",
        "creating EC2 EIP: operation error EC2: AllocateAddress, https response error StatusCode: 400, RequestID: 8091a2b3-c4d5-4e6f-8071-8293a4b5c6d7, api error AddressLimitExceeded: The maximum number of addresses has been reached.",
    )
    .actions(&["ec2:AllocateAddress"])
    .code("AddressLimitExceeded"),
    sample(
        Quota,
        "aws_eks_node_group.this[\"gpu\"]",
        "waiting for EKS Node Group (c:gpu) create: unexpected state 'CREATE_FAILED', wanted target 'ACTIVE'. last error: 1 error occurred:\n\t* c-gpu-0: AsgInstanceLaunchFailures: Could not launch On-Demand Instances. VcpuLimitExceeded - You have requested more vCPU capacity than your current vCPU limit of 0 allows for the instance bucket that the specified instance type belongs to. Please visit http://aws.amazon.com/contact-us/ec2-request to request an adjustment to this limit. Launching EC2 instance failed.",
    )
    .code("VcpuLimitExceeded"),
    sample(
        Capacity,
        "aws_eks_node_group.this[\"gpu\"]",
        "waiting for EKS Node Group (c:gpu) create: unexpected state 'CREATE_FAILED', wanted target 'ACTIVE'. last error: 1 error occurred:\n\t* eks-c-gpu-3ac1b2: AsgInstanceLaunchFailures: Could not launch On-Demand Instances. InsufficientInstanceCapacity - We currently do not have sufficient p2.xlarge capacity in the Availability Zone you requested (us-west-2b). Our system will be working on provisioning additional capacity. You can currently get p2.xlarge capacity by not specifying an Availability Zone in your request or choosing us-west-2a, us-west-2c. Launching EC2 instance failed.",
    )
    .code("InsufficientInstanceCapacity"),
    sample(
        Capacity,
        "aws_eks_cluster.this",
        "creating EKS Cluster (c): operation error EKS: CreateCluster, https response error StatusCode: 400, RequestID: 91a2b3c4-d5e6-4f70-8182-93a4b5c6d7e8, UnsupportedAvailabilityZoneException: Cannot create cluster 'c' because us-east-1e, the targeted availability zone, does not currently have sufficient capacity to support the cluster. Retry and choose from these availability zones: us-east-1a, us-east-1b",
    )
    .actions(&["eks:CreateCluster"])
    .code("UnsupportedAvailabilityZoneException"),
    sample(
        Capacity,
        "aws_instance.gpu",
        "creating EC2 Instance: operation error EC2: RunInstances, https response error StatusCode: 400, RequestID: a2b3c4d5-e6f7-4081-8293-a4b5c6d7e8f9, api error Unsupported: Your requested instance type (p3.16xlarge) is not supported in your requested Availability Zone (us-east-1e). Please retry your request by not specifying an Availability Zone or choosing us-east-1a, us-east-1b.",
    )
    .actions(&["ec2:RunInstances"])
    .code("Unsupported"),
    sample(StateLocked, "", "Error acquiring the state lock").detail(
        "Error message: ConditionalCheckFailedException: The conditional request failed\nLock Info:\n  ID:        a1b2c3d4-e5f6-4a7b-8c9d-0e1f2a3b4c5d\n  Path:      my-state/clusters/terraform.tfstate\n  Operation: OperationTypeApply\n  Who:       root@ip-10-0-0-1\n  Version:   1.11.4\n  Created:   2026-11-22 14:00:00.123456789 +0000 UTC\n  Info:      \n\n\nTerraform acquires a state lock to protect the state from being written\nby multiple users at the same time. Please resolve the issue above and try\nagain. For most commands, you can disable locking with the \"-lock=false\"\nflag, but this is not recommended.",
    )
    .code("ConditionalCheckFailedException"),
    sample(StateLocked, "", "Error acquiring the state lock")
        .detail("Error message: operation error S3: PutObject, https response error StatusCode: 412, RequestID: 4DZ6NVZ8Y2V6HX1J, HostID: c2VydmVyLXNpZGU=, api error PreconditionFailed: At least one of the pre-conditions you specified did not hold\nLock Info:\n  ID:        b2c3d4e5-f6a7-4b8c-9d0e-1f2a3b4c5d6e\n  Path:      my-state/clusters/terraform.tfstate\n  Operation: OperationTypePlan\n  Who:       alice@workstation\n  Version:   1.11.4\n  Created:   2026-11-22 14:00:00.5 +0000 UTC\n  Info:      \n\n\nTerraform acquires a state lock to protect the state from being written\nby multiple users at the same time.")
        .actions(&["s3:PutObject"])
        .code("PreconditionFailed"),
    sample(
        Dependency,
        "module.network.aws_subnet.public[\"us-east-1a\"]",
        "deleting EC2 Subnet (subnet-0a1b2c3d4e5f60718): operation error EC2: DeleteSubnet, https response error StatusCode: 400, RequestID: b3c4d5e6-f708-4192-83a4-b5c6d7e8f90a, api error DependencyViolation: The subnet 'subnet-0a1b2c3d4e5f60718' has dependencies and cannot be deleted.",
    )
    .actions(&["ec2:DeleteSubnet"])
    .code("DependencyViolation"),
    sample(
        Dependency,
        "aws_internet_gateway.this",
        "deleting EC2 Internet Gateway (igw-0a1b2c3d): detaching EC2 Internet Gateway (igw-0a1b2c3d) from VPC (vpc-0a1b2c3d): DependencyViolation: Network vpc-0a1b2c3d has some mapped public address(es). Please unmap those public address(es) before detaching the gateway.\n\tstatus code: 400, request id: c4d5e6f7-0819-42a3-84b5-c6d7e8f90a1b",
    )
    .actions(&["ec2:DetachInternetGateway"])
    .code("DependencyViolation"),
    sample(
        Dependency,
        "aws_eks_cluster.this",
        "deleting EKS Cluster (c): operation error EKS: DeleteCluster, https response error StatusCode: 409, RequestID: d5e6f708-192a-43b4-85c6-d7e8f90a1b2c, ResourceInUseException: Cluster has nodegroups attached",
    )
    .actions(&["eks:DeleteCluster"])
    .code("ResourceInUseException"),
    sample(
        NameClash,
        "aws_cloudwatch_log_group.this[0]",
        "creating CloudWatch Logs Log Group (/aws/eks/c/cluster): operation error CloudWatch Logs: CreateLogGroup, https response error StatusCode: 400, RequestID: e6f70819-2a3b-44c5-86d7-e8f90a1b2c3d, ResourceAlreadyExistsException: The specified log group already exists",
    )
    .actions(&["logs:CreateLogGroup"])
    .code("ResourceAlreadyExistsException"),
    sample(
        NameClash,
        "aws_eks_cluster.other",
        "creating EKS Cluster (x): operation error EKS: CreateCluster, https response error StatusCode: 409, RequestID: f708192a-3b4c-45d6-87e8-f90a1b2c3d4e, ResourceInUseException: Cluster already exists with name: x",
    )
    .actions(&["eks:CreateCluster"])
    .code("ResourceInUseException"),
    sample(
        NameClash,
        "aws_kms_alias.this",
        "creating KMS Alias (alias/eks/c): AlreadyExistsException: An alias with the name arn:aws:kms:us-east-1:123456789012:alias/eks/c already exists",
    )
    .actions(&["kms:CreateAlias"])
    .code("AlreadyExistsException"),
    sample(
        Version,
        "aws_eks_node_group.old",
        "creating EKS Node Group (c:old): operation error EKS: CreateNodegroup, https response error StatusCode: 400, RequestID: 08192a3b-4c5d-46e7-88f9-0a1b2c3d4e5f, InvalidParameterException: AMI Type AL2_x86_64 is only supported for kubernetes versions 1.32 or earlier",
    )
    .actions(&["eks:CreateNodegroup"])
    .code("InvalidParameterException"),
    sample(
        Version,
        "aws_eks_cluster.old",
        "creating EKS Cluster (c): operation error EKS: CreateCluster, https response error StatusCode: 400, RequestID: 192a3b4c-5d6e-47f8-890a-1b2c3d4e5f60, InvalidParameterException: unsupported Kubernetes version 1.20",
    )
    .actions(&["eks:CreateCluster"])
    .code("InvalidParameterException"),
    sample(
        Transient,
        "aws_route_table.private",
        "reading EC2 Route Table (rtb-0a1b2c3d): operation error EC2: DescribeRouteTables, exceeded maximum number of attempts, 25, https response error StatusCode: 503, RequestID: 2a3b4c5d-6e7f-4809-8a1b-2c3d4e5f6071, api error RequestLimitExceeded: Request limit exceeded.",
    )
    .actions(&["ec2:DescribeRouteTables"])
    .code("RequestLimitExceeded"),
    sample(
        Transient,
        "aws_eks_cluster.this",
        "reading EKS Cluster (c): operation error EKS: DescribeCluster, https response error StatusCode: 0, RequestID: , request send failed, Get \"https://eks.us-east-1.amazonaws.com/clusters/c\": dial tcp 10.0.0.2:443: i/o timeout",
    )
    .actions(&["eks:DescribeCluster"]),
    sample(
        Transient,
        "aws_subnet.private[1]",
        "Error reading subnet: RequestError: send request failed caused by: Post \"https://ec2.us-east-1.amazonaws.com/\": read tcp 10.0.0.5:40312->52.94.1.1:443: read: connection reset by peer",
    )
    .actions(&["ec2:DescribeSubnets"]),
    sample(
        BuildLost,
        "aws_nat_gateway.this",
        "waiting for EC2 NAT Gateway (nat-0a1b2c3d) create: operation error EC2: DescribeNatGateways, https response error StatusCode: 0, RequestID: , canceled, context canceled",
    )
    .actions(&["ec2:DescribeNatGateways"]),
    sample(BuildLost, "", "timed out").detail("terraform apply was stopped because its time was over."),
    sample(Unknown, "aws_launch_template.this", "creating EC2 Launch Template (c): the flux capacitor is empty").actions(&["ec2:CreateLaunchTemplate"]),
    sample(NotStabilized, "aws_eks_node_group.this[\"cpu\"]", "waiting for EKS Node Group (c:cpu) create: unexpected state 'CREATE_FAILED', wanted target 'ACTIVE'. last error: 1 error occurred:\n\t* i-0a1b2c3d4e5f60718: NodeCreationFailure: Instances failed to join the kubernetes cluster").code("NodeCreationFailure"),
    sample(Unknown, "", "Invalid value for variable").detail("The cluster's name may not be empty.\n\nThis was checked by the validation rule at variables.tf:9,3-13."),
];
