//! Errors about permissions.

use super::samples::{Sample, sample};
use crate::diagnosis::PolicyKind;
use crate::failure::FailureClass::{ExplicitDeny, MissingPermission};

pub(super) const DENIALS: &[Sample] = &[
    // SDK v2, with reason.
    sample(
        MissingPermission,
        "module.network.aws_vpc.this",
        "creating EC2 VPC: operation error EC2: CreateVpc, https response error StatusCode: 403, RequestID: 0d3b5ac3-1f0e-4cde-8d65-3a3d0c5cf1b1, api error UnauthorizedOperation: You are not authorized to perform this operation. User: arn:aws:iam::123456789012:user/deployer is not authorized to perform: ec2:CreateVpc on resource: arn:aws:ec2:ap-south-1:123456789012:vpc/* because no identity-based policy allows the ec2:CreateVpc action",
    )
    .actions(&["ec2:CreateVpc"])
    .code("UnauthorizedOperation")
    .helps(true)
    .policy(PolicyKind::IdentityPolicy),
    // The same with an encoded message behind it.
    sample(
        MissingPermission,
        "aws_eks_node_group.this[\"gpu\"]",
        "operation error EC2: CreateFleet, https response error StatusCode: 403, RequestID: 5b1c2a37-55ac-4a2c-9a51-5be9cb81b3f4, api error UnauthorizedOperation: You are not authorized to perform this operation. User: arn:aws:sts::123456789012:assumed-role/deploy/session is not authorized to perform: ec2:CreateFleet on resource: arn:aws:ec2:us-west-2:123456789012:launch-template/* because no identity-based policy allows the ec2:CreateFleet action. Encoded authorization failure message: Wb3tGx_N0-9aVYkqv1pSR8sTfZbLh2mC7dKqP5nUxE4jYyA6oIwGfHrQcDlXzMvB",
    )
    .actions(&["ec2:CreateFleet"])
    .code("UnauthorizedOperation")
    .helps(true)
    .policy(PolicyKind::IdentityPolicy),
    // Without a resource.
    sample(
        MissingPermission,
        "data.aws_vpc.default",
        "reading EC2 VPCs: operation error EC2: DescribeVpcs, https response error StatusCode: 403, RequestID: 8f8a9a8e-7a53-4c0b-ae53-34a1d4b6f1d6, api error UnauthorizedOperation: You are not authorized to perform this operation. User: arn:aws:iam::123456789012:user/deployer is not authorized to perform: ec2:DescribeVpcs because no identity-based policy allows the ec2:DescribeVpcs action",
    )
    .actions(&["ec2:DescribeVpcs"])
    .code("UnauthorizedOperation")
    .helps(true)
    .policy(PolicyKind::IdentityPolicy),
    // SDK v1: all is encoded, and the action follows from the provider's words.
    sample(
        MissingPermission,
        "aws_instance.web",
        "Error launching source instance: UnauthorizedOperation: You are not authorized to perform this operation. Encoded authorization failure message: y9SN8p2Qb-Zs1rTq7_JkW4uVhXcEoLmAiDfGgRtYbNvMxKzP0aHjQwUe6I5lSdF3BnC_Oy8-rEjTkLpMqZxWvUsY\n\tstatus code: 403, request id: 4f6a9c1e-6a7e-4c38-8dfe-8df0d9b53c0a",
    )
    .actions(&["ec2:RunInstances"])
    .code("UnauthorizedOperation"),
    // An explicit deny of a policy that is not named.
    sample(
        ExplicitDeny,
        "module.irsa.aws_iam_role.this[0]",
        "error creating IAM Role (irsa-autoscaler): AccessDenied: User: arn:aws:sts::123456789012:assumed-role/admin/alice is not authorized to perform: iam:CreateRole on resource: arn:aws:iam::123456789012:role/irsa-autoscaler with an explicit deny\n\tstatus code: 403, request id: 7b0f2a5c-7c8c-4a67-9d49-0b7c7f0c1d52",
    )
    .actions(&["iam:CreateRole"])
    .code("AccessDenied")
    .helps(false),
    // The policy's ARN at the end.
    sample(
        ExplicitDeny,
        "data.aws_ami.eks",
        "reading EC2 AMIs: operation error EC2: DescribeImages, https response error StatusCode: 403, RequestID: 1c6f2d0e-4bb4-4c0f-a6ef-6e4d5f20b8c7, api error UnauthorizedOperation: You are not authorized to perform this operation. User: arn:aws:iam::123456789012:user/deployer is not authorized to perform: ec2:DescribeImages with an explicit deny in an identity-based policy: arn:aws:iam::123456789012:policy/NoImages",
    )
    .actions(&["ec2:DescribeImages"])
    .code("UnauthorizedOperation")
    .helps(false)
    .policy(PolicyKind::IdentityPolicy),
    sample(
        ExplicitDeny,
        "data.aws_availability_zones.available",
        "fetching Availability Zones: operation error EC2: DescribeAvailabilityZones, https response error StatusCode: 403, RequestID: 2d2a7f5e-93f8-4b43-bb42-9d70dcdbf5a1, api error UnauthorizedOperation: You are not authorized to perform this operation. User: arn:aws:sts::123456789012:assumed-role/ci/run is not authorized to perform: ec2:DescribeAvailabilityZones with an explicit deny in a service control policy: arn:aws:organizations::210987654321:policy/o-a1b2c3d4e5/service_control_policy/p-abcd1234",
    )
    .actions(&["ec2:DescribeAvailabilityZones"])
    .code("UnauthorizedOperation")
    .helps(false)
    .policy(PolicyKind::ServiceControlPolicy),
    // Nothing allows it, but the allow belongs elsewhere.
    sample(
        MissingPermission,
        "aws_iam_role.cluster",
        "creating IAM Role (ondemand-1f1e0abd-g1-cluster): operation error IAM: CreateRole, https response error StatusCode: 403, RequestID: 3a9e6c58-8c7b-4f6f-8a5a-a36f0a4a6e3d, api error AccessDenied: User: arn:aws:iam::123456789012:user/deployer is not authorized to perform: iam:CreateRole on resource: arn:aws:iam::123456789012:role/ondemand-1f1e0abd-g1-cluster because no permissions boundary allows the iam:CreateRole action",
    )
    .actions(&["iam:CreateRole"])
    .code("AccessDenied")
    .helps(false)
    .policy(PolicyKind::PermissionsBoundary),
    sample(
        MissingPermission,
        "aws_eks_cluster.this",
        "creating EKS Cluster (c): operation error EKS: CreateCluster, https response error StatusCode: 403, RequestID: 90f6e3a7-63b1-44a5-9e1c-b4e0a3fbb1a4, api error AccessDeniedException: User: arn:aws:sts::123456789012:assumed-role/ci/run is not authorized to perform: eks:CreateCluster on resource: arn:aws:eks:us-east-1:123456789012:cluster/c because no session policy allows the eks:CreateCluster action",
    )
    .actions(&["eks:CreateCluster"])
    .code("AccessDeniedException")
    .helps(false)
    .policy(PolicyKind::SessionPolicy),
    sample(
        MissingPermission,
        "aws_kms_key.this",
        "creating KMS Key: operation error KMS: CreateKey, https response error StatusCode: 400, RequestID: 6c9c0a5f-3f9d-4e2e-8a5c-16cd30e3b0fb, api error AccessDeniedException: User: arn:aws:iam::123456789012:user/deployer is not authorized to perform: kms:TagResource on resource: arn:aws:kms:us-east-1:123456789012:key/* because no resource-based policy allows the kms:TagResource action",
    )
    .actions(&["kms:TagResource"])
    .code("AccessDeniedException")
    .helps(false)
    .policy(PolicyKind::ResourcePolicy),
    // The service-linked role, with a dump of SDK v1 behind it.
    sample(
        MissingPermission,
        "aws_eks_node_group.this[\"cpu\"]",
        "error creating EKS Node Group (c:cpu): InvalidRequestException: Failed to create service linked role: AWSServiceRoleForAmazonEKSNodegroup due to missing permissions for 'iam:CreateServiceLinkedRole'\n{\n  RespMetadata: {\n    StatusCode: 400,\n    RequestID: \"a4e3b2c1-5d6f-4a7b-8c9d-0e1f2a3b4c5d\"\n  },\n  ClusterName: \"c\",\n  Message_: \"Failed to create service linked role\",\n  NodegroupName: \"cpu\"\n}",
    )
    .actions(&["iam:CreateServiceLinkedRole"])
    .code("InvalidRequestException")
    .helps(true),
    sample(
        MissingPermission,
        "aws_eks_cluster.this",
        "creating EKS Cluster (c): operation error EKS: CreateCluster, https response error StatusCode: 403, RequestID: b7a0b7b5-5cb8-4c6a-8d58-9c9c8f0e9f11, api error AccessDeniedException: User: arn:aws:iam::123456789012:user/kk_labs is not authorized to perform: iam:PassRole on resource: arn:aws:iam::123456789012:role/eks-cluster-role",
    )
    .actions(&["iam:PassRole"])
    .code("AccessDeniedException")
    .helps(true),
    // Neither action nor user.
    sample(
        MissingPermission,
        "aws_s3_bucket.state",
        "reading Amazon S3 (Simple Storage) Bucket (my-state): Forbidden: Forbidden\n\tstatus code: 403, request id: 3S5QWE8RTYU1P0AK, host id: Zm9vYmFyYmF6cXV4",
    )
    .actions(&["s3:ListBucket"])
    .code("Forbidden"),
    sample(
        MissingPermission,
        "aws_s3_bucket.state",
        "reading S3 Bucket (my-state): operation error S3: HeadBucket, https response error StatusCode: 403, RequestID: 3S5QWE8RTYU1P0AK, HostID: Zm9vYmFyYmF6cXV4+/x==, api error Forbidden: Forbidden",
    )
    .actions(&["s3:ListBucket"])
    .code("Forbidden"),
    // A permission to act as somebody, in the way to every other call.
    sample(
        MissingPermission,
        "provider[\"registry.terraform.io/hashicorp/aws\"]",
        "Cannot assume IAM Role",
    )
    .detail("IAM Role (arn:aws:iam::123456789012:role/deploy) cannot be assumed.\n\nThere are a number of possible causes of this - the most common are:\n  * The credentials used in order to assume the role are invalid\n  * The credentials do not have appropriate permission to assume the role\n  * The role ARN is not valid\n\nError: operation error STS: AssumeRole, https response error StatusCode: 403, RequestID: 6a1f0c79-5f0a-4e9b-b1b7-0f4e5a7b5c11, api error AccessDenied: User: arn:aws:iam::210987654321:user/ci is not authorized to perform: sts:AssumeRole on resource: arn:aws:iam::123456789012:role/deploy")
    .actions(&["sts:AssumeRole"])
    .code("AccessDenied")
    .helps(true),
    // The lock of the state cannot be taken for want of a permission.
    sample(MissingPermission, "", "Error acquiring the state lock")
        .detail("Error message: operation error DynamoDB: PutItem, https response error StatusCode: 400, RequestID: V4PJUQ8B2R1M3K5L, api error AccessDeniedException: User: arn:aws:iam::123456789012:user/deployer is not authorized to perform: dynamodb:PutItem on resource: arn:aws:dynamodb:us-east-1:123456789012:table/locks because no identity-based policy allows the dynamodb:PutItem action")
        .actions(&["dynamodb:PutItem"])
        .code("AccessDeniedException")
        .helps(true)
        .policy(PolicyKind::IdentityPolicy),
    // Auto Scaling names the call it makes for the user.
    sample(
        MissingPermission,
        "aws_autoscaling_group.workers",
        "creating Auto Scaling Group (workers): operation error Auto Scaling: CreateAutoScalingGroup, https response error StatusCode: 403, RequestID: c1d2e3f4-a5b6-4c7d-8e9f-0a1b2c3d4e5f, api error AccessDenied: You are not authorized to use launch template: lt-0a1b2c3d4e5f60718",
    )
    .actions(&["autoscaling:CreateAutoScalingGroup"])
    .code("AccessDenied"),
    sample(
        MissingPermission,
        "aws_eks_node_group.this[\"gpu\"]",
        "creating EKS Node Group (c:gpu): operation error EKS: CreateNodegroup, https response error StatusCode: 400, RequestID: f5a4e3d2-c1b0-4a9f-8e7d-6c5b4a392817, InvalidRequestException: You are not authorized to launch instances with this launch template. API: ec2:RunInstances Not authorized for images: [ami-0a1b2c3d4e5f60718]",
    )
    .actions(&["ec2:RunInstances"])
    .code("InvalidRequestException"),
    // CloudWatch Logs: the service's name has a blank.
    sample(
        MissingPermission,
        "aws_cloudwatch_log_group.this",
        "creating CloudWatch Logs Log Group (/aws/eks/c/cluster): operation error CloudWatch Logs: CreateLogGroup, https response error StatusCode: 400, RequestID: 0e9f8a7b-6c5d-4e3f-2a1b-0c9d8e7f6a5b, api error AccessDeniedException: Access denied",
    )
    .actions(&["logs:CreateLogGroup"])
    .code("AccessDeniedException"),
];
