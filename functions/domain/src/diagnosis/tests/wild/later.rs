//! What was found after all the others, to see how the parser fares with what it has not seen.

use crate::diagnosis::tests::samples::{Sample, sample};
use crate::diagnosis::{Diagnosis, PolicyKind};
use crate::failure::FailureClass::{
    Capacity, Credentials, Dependency, ExplicitDeny, MissingPermission, NameClash, NotStabilized, Quota, Rejected,
    Transient, Unknown,
};

pub(in crate::diagnosis::tests) const LATER: &[Sample] = &[
    sample(ExplicitDeny, "aws_eks_cluster.this", "reading EC2 VPCs: operation error EC2: DescribeVpcs, https response error StatusCode: 403, RequestID: 84c8c6d3-0bdf-42a5-80d3-a0c1336179f4, api error UnauthorizedOperation: You are not authorized to perform this operation. User: arn:aws:sts::123456789012:assumed-role/Deploy/aws-go-sdk-1769108331990631464 is not authorized to perform: ec2:DescribeVpcs with an explicit deny in an identity-based policy, with policy ARN: arn:aws:iam::123456789012:policy/Guard").actions(&["ec2:DescribeVpcs"]).code("UnauthorizedOperation").helps(false).policy(PolicyKind::IdentityPolicy),
    sample(Rejected, "aws_eks_cluster.this", "putting S3 Bucket (b) ACL: operation error S3: PutBucketAcl, https response error StatusCode: 403, RequestID: 84c8c6d3-0bdf-42a5-80d3-a0c1336179f4, api error AccessDenied: User: arn:aws:sts::123456789012:assumed-role/Deploy/aws-go-sdk-1769108331990631464 is not authorized to perform: s3:PutBucketAcl on resource: \"arn:aws:s3:::b\" because public access control lists (ACLs) are blocked by the BlockPublicAcls block public access setting.").actions(&["s3:PutBucketAcl"]).code("AccessDenied"),
    sample(MissingPermission, "aws_eks_cluster.this", "User: arn:aws:iam::123456789012:user/J is not authorized to perform: sts:AssumeRole on resource: arn:aws:iam::210987654321:role/r because no role trust policy allows the sts:AssumeRole action").actions(&["sts:AssumeRole"]).helps(false).policy(PolicyKind::TrustPolicy),
    sample(MissingPermission, "aws_eks_cluster.this", "Resource handler returned message: \"User: arn:aws:sts::123456789012:assumed-role/d/s is not authorized to perform: ssm:GetParameter because no service control policy allows the ssm:GetParameter action (Service: Ssm, Status Code: 400, Request ID: 1)\" (RequestToken: 1, HandlerErrorCode: AccessDenied)").actions(&["ssm:GetParameter"]).code("AccessDenied").helps(false).policy(PolicyKind::ServiceControlPolicy),
    sample(Capacity, "aws_eks_cluster.this", "creating EC2 Instance: operation error EC2: RunInstances, https response error StatusCode: 400, RequestID: 84c8c6d3-0bdf-42a5-80d3-a0c1336179f4, api error Unsupported: The requested configuration is currently not supported. The requested instance type is not supported in the requested Availability Zone. Please check the documentation for supported configurations.").actions(&["ec2:RunInstances"]).code("Unsupported"),
    sample(Capacity, "aws_eks_cluster.this", "creating EC2 NAT Gateway: operation error EC2: CreateNatGateway, https response error StatusCode: 400, RequestID: 84c8c6d3-0bdf-42a5-80d3-a0c1336179f4, api error NotAvailableInZone: Nat Gateway is not available in this availability zone").actions(&["ec2:CreateNatGateway"]).code("NotAvailableInZone"),
    sample(Rejected, "aws_eks_cluster.this", "creating ELBv2 network Load Balancer (n): operation error Elastic Load Balancing v2: CreateLoadBalancer, https response error StatusCode: 400, RequestID: 84c8c6d3-0bdf-42a5-80d3-a0c1336179f4, api error ValidationError: You cannot provide subnets from multiple locales.").actions(&["elasticloadbalancing:CreateLoadBalancer"]).code("ValidationError"),
    sample(NameClash, "aws_eks_cluster.this", "Error creating route: RouteAlreadyExists: The route identified by 0.0.0.0/0 already exists.\n\tstatus code: 400, request id: 1").actions(&["ec2:CreateRoute"]).code("RouteAlreadyExists"),
    sample(Unknown, "aws_eks_cluster.this", "Error finding route after creating it: Unable to find matching route for Route Table (rtb-1) and destination CIDR block (0.0.0.0/0)."),
    sample(Credentials, "aws_eks_cluster.this", "validating provider credentials: retrieving caller identity from STS: operation error STS: GetCallerIdentity, https response error StatusCode: 400, RequestID: 84c8c6d3-0bdf-42a5-80d3-a0c1336179f4, api error IncompleteSignature: Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header.").actions(&["sts:GetCallerIdentity"]).code("IncompleteSignature"),
    sample(Unknown, "aws_eks_cluster.this", "error from makeRequest: HTTP status 400: content {\"error\":{\"message\":\"Authentication error\",\"type\":\"invalid_request_error\"}}"),
    sample(Transient, "aws_eks_cluster.this", "Failed to save state").detail("Error saving state: failed to upload state: RequestError: send request failed\ncaused by: Put \"https://b.s3.eu-west-1.amazonaws.com/k\": dial tcp: lookup b.s3.eu-west-1.amazonaws.com on 127.0.0.11:53: no such host").actions(&["s3:PutObject"]),
    sample(Transient, "aws_eks_cluster.this", "Error releasing the state lock").detail("Error message: failed to retrieve lock info: RequestError: send request failed\ncaused by: Post \"https://dynamodb.eu-west-1.amazonaws.com/\": dial tcp: lookup dynamodb.eu-west-1.amazonaws.com: i/o timeout\n\nTerraform acquires a lock when accessing your state to prevent others\nrunning Terraform to potentially modify the state at the same time."),
    sample(Unknown, "aws_eks_cluster.this", "Failed to save state: failed to upload state: operation error S3: PutObject, failed to rewind transport stream for retry, request stream is not seekable").actions(&["s3:PutObject"]),
    sample(Unknown, "aws_eks_cluster.this", "Backend initialization required, please run \"terraform init\"").detail("Reason: Initial configuration of the requested backend \"s3\"\n\nThe \"backend\" is the interface that Terraform uses to store state,\nperform operations, etc."),
    sample(Unknown, "aws_eks_cluster.this", "Failed to unlock state: failed to retrieve lock info: unexpected end of JSON input"),
    sample(Rejected, "aws_eks_cluster.this", "creating IAM Policy (p): operation error IAM: CreatePolicy, https response error StatusCode: 400, RequestID: 84c8c6d3-0bdf-42a5-80d3-a0c1336179f4, MalformedPolicyDocument: Syntax errors in policy.").actions(&["iam:CreatePolicy"]).code("MalformedPolicyDocument"),
    sample(Rejected, "aws_eks_cluster.this", "attaching IAM Policy (arn:aws:iam::123456789012:policy/p) to IAM Role (r): operation error IAM: AttachRolePolicy, https response error StatusCode: 404, RequestID: 84c8c6d3-0bdf-42a5-80d3-a0c1336179f4, NoSuchEntity: Policy arn:aws:iam::123456789012:policy/p does not exist or is not attachable.").actions(&["iam:AttachRolePolicy"]).code("NoSuchEntity"),
    sample(Unknown, "aws_eks_cluster.this", "Cycle: module.eks.aws_eks_addon.this, module.eks.aws_eks_cluster.this (expand)"),
    sample(MissingPermission, "aws_eks_cluster.this", "creating CloudWatch Logs Log Group (/aws/eks/c/cluster): operation error CloudWatch Logs: CreateLogGroup, https response error StatusCode: 400, RequestID: 84c8c6d3-0bdf-42a5-80d3-a0c1336179f4, api error AccessDeniedException: User: arn:aws:sts::123456789012:assumed-role/Deploy/aws-go-sdk-1769108331990631464 is not authorized to perform: logs:CreateLogGroup on resource: arn:aws:logs:eu-west-1:123456789012:log-group:/aws/eks/c/cluster:log-stream: because no identity-based policy allows the logs:CreateLogGroup action").actions(&["logs:CreateLogGroup"]).code("AccessDeniedException").helps(true).policy(PolicyKind::IdentityPolicy),
    sample(Rejected, "aws_eks_cluster.this", "creating EKS Cluster (c): operation error EKS: CreateCluster, https response error StatusCode: 400, RequestID: 84c8c6d3-0bdf-42a5-80d3-a0c1336179f4, InvalidParameterException: The keyArn in encryptionConfig provider is invalid").actions(&["eks:CreateCluster"]).code("InvalidParameterException"),
    sample(Rejected, "aws_eks_cluster.this", "creating EKS Cluster (c): operation error EKS: CreateCluster, https response error StatusCode: 400, RequestID: 84c8c6d3-0bdf-42a5-80d3-a0c1336179f4, InvalidParameterException: The role with name eks-role cannot be found.").actions(&["eks:CreateCluster"]).code("InvalidParameterException"),
    sample(Capacity, "aws_eks_cluster.this", "creating EKS Cluster (c): operation error EKS: CreateCluster, https response error StatusCode: 400, RequestID: 84c8c6d3-0bdf-42a5-80d3-a0c1336179f4, UnsupportedAvailabilityZoneException: Cannot create cluster 'c' because EKS does not support creating control plane instances in us-east-1e, the targeted availability zone. Retry cluster creation using control plane subnets that span at least two of these availability zones: us-east-1a, us-east-1b, us-east-1c, us-east-1d, us-east-1f.").actions(&["eks:CreateCluster"]).code("UnsupportedAvailabilityZoneException"),
    sample(Quota, "aws_eks_cluster.this", "creating EKS Node Group (c:n): operation error EKS: CreateNodegroup, https response error StatusCode: 400, RequestID: 84c8c6d3-0bdf-42a5-80d3-a0c1336179f4, ResourceLimitExceededException: Cluster has reached its limit of nodegroups").actions(&["eks:CreateNodegroup"]).code("ResourceLimitExceededException"),
    sample(MissingPermission, "aws_eks_cluster.this", "reading KMS Key (k): operation error KMS: DescribeKey, https response error StatusCode: 400, RequestID: 84c8c6d3-0bdf-42a5-80d3-a0c1336179f4, api error AccessDeniedException: User: arn:aws:sts::123456789012:assumed-role/Deploy/aws-go-sdk-1769108331990631464 is not authorized to perform: kms:DescribeKey on this resource because the resource does not exist in this Region, no resource-based policies allow access, or a resource-based policy explicitly denies access").actions(&["kms:DescribeKey"]).code("AccessDeniedException").remedy("own policy"),
    sample(MissingPermission, "aws_eks_cluster.this", "getting secret: AccessDeniedException: Access to KMS is not allowed\n\tstatus code: 400, request id: 1").code("AccessDeniedException"),
    sample(Rejected, "aws_eks_cluster.this", "You must use a valid fully-formed launch template. The requested configuration is currently not supported. Please check the documentation for supported configurations. (Service: AmazonAutoScaling; Status Code: 400; Error Code: ValidationError; Request ID: c4a3285b-3628-11ea-b1b3-5b5a5f678048)").code("ValidationError"),
    sample(Dependency, "aws_eks_cluster.this", "error deleting S3 Bucket (logs-1): BucketNotEmpty: The bucket you tried to delete is not empty\n\tstatus code: 409, request id: 8F7DC8F3201C0660, host id: x").actions(&["s3:DeleteBucket"]).code("BucketNotEmpty").remedy("empty"),
    sample(Unknown, "aws_eks_cluster.this", "Error waiting for internet gateway (igw-96aeb9f3) to detach: couldn't find resource"),
    sample(NotStabilized, "aws_eks_cluster.this", "Error waiting for internet gateway (igw-02deb1c3a69fc3b48) to detach: timeout while waiting for state to become 'detached' (last state: 'detaching', timeout: 15m0s)"),
    sample(Dependency, "aws_eks_cluster.this", "deleting EC2 Internet Gateway (igw-1): detaching EC2 Internet Gateway (igw-1) from VPC (vpc-1): DependencyViolation: Network vpc-1 has some mapped public address(es). Please unmap those public address(es) before detaching the gateway.\n\tstatus code: 400, request id: 1").actions(&["ec2:DetachInternetGateway"]).code("DependencyViolation"),
    sample(MissingPermission, "aws_eks_cluster.this", "creating EKS Node Group (c:n): creating IAM Role (r): AccessDenied: Access denied\n\tstatus code: 403, request id: 1").actions(&["iam:CreateRole"]).code("AccessDenied"),
    sample(MissingPermission, "aws_eks_cluster.this", "creating IAM Role (r): attaching IAM Policy (p): AccessDenied: Access denied\n\tstatus code: 403, request id: 1").code("AccessDenied"),
];

#[test]
fn errors_of_other_programs_are_found_among_their_output() {
    let told = [
        (
            ExplicitDeny,
            "iam:CreateUser",
            "An error occurred (AccessDenied) when calling the CreateUser operation: User: arn:aws:sts::123456789012:assumed-role/Deploy/aws-go-sdk-1769108331990631464 is not authorized to perform: iam:CreateUser on resource: arn:aws:iam::123456789012:user/x with an explicit deny in a service control policy: arn:aws:organizations::210987654321:policy/o-abc123/service_control_policy/p-xyz",
        ),
        (
            Capacity,
            "ec2:RunInstances",
            "An error occurred (InsufficientInstanceCapacity) when calling the RunInstances operation (reached max retries: 2): We currently do not have sufficient t3.micro capacity in zones with support for 'gp3' volumes. Our system will be working on provisioning additional capacity.",
        ),
        (
            Rejected,
            "iam:UpdateAssumeRolePolicy",
            "An error occurred (MalformedPolicyDocument) when calling the UpdateAssumeRolePolicy operation: Invalid principal in policy: \"AWS\":\"arn:aws:iam::123456789012:role/x\"",
        ),
        (
            MissingPermission,
            "kms:Decrypt",
            "An error occurred (AccessDeniedException) when calling the Decrypt operation: User: arn:aws:sts::123456789012:assumed-role/r/s is not authorized to perform: kms:Decrypt on the resource associated with this ciphertext because the resource does not exist in this Region, no resource-based policies allow access, or a resource-based policy explicitly denies access",
        ),
        (
            NotStabilized,
            "",
            "2021-03-24 23:04:35 [✖]  AWS::EKS::Nodegroup/ManagedNodeGroup: CREATE_FAILED – \"Nodegroup ng-1 failed to stabilize: [{Code: NodeCreationFailure,Message: Instances failed to join the kubernetes cluster,ResourceIds: [i-0123456789abcdef0]}]\"",
        ),
        (
            NotStabilized,
            "",
            "[✖]  AWS::EKS::Nodegroup/ManagedNodeGroup: CREATE_FAILED – \"Nodegroup N failed to stabilize: Internal Failure\"",
        ),
        (
            NotStabilized,
            "",
            "[✖]  waiting for CloudFormation stack \"eksctl-MY_EKS-nodegroup-N\": ResourceNotReady: failed waiting for successful resource state",
        ),
        (
            Rejected,
            "elasticloadbalancing:DescribeLoadBalancers",
            "An error occurred (LoadBalancerNotFound) when calling the DescribeLoadBalancers operation: One or more load balancers not found",
        ),
        (
            MissingPermission,
            "ec2:DescribeVolumes",
            "An error occurred (UnauthorizedOperation) when calling the DescribeVolumes operation: You are not authorized to perform this operation.",
        ),
        (
            MissingPermission,
            "s3:PutBucketPolicy",
            "An error occurred (AccessDenied) when calling the PutBucketPolicy operation: Access Denied",
        ),
    ];
    for (class, action, text) in told {
        let diagnosis = Diagnosis::read(&format!("[Container] 2026/11/22 14:00:00.123456 Running a command\n{text}\n"));
        assert_eq!(diagnosis.class, Some(class), "{text}");
        let actions: Vec<&str> = diagnosis.errors[0].actions.iter().map(String::as_str).collect();
        assert_eq!(actions, if action.is_empty() { vec![] } else { vec![action] }, "{text}");
    }
}

#[test]
fn the_policy_that_denies_is_named_however_aws_puts_it() {
    let arn = "arn:aws:iam::123456789012:policy/Guard";
    for named in
        [format!(": {arn}"), format!(" ({arn})"), format!(", with policy ARN: {arn}."), format!(" with policy {arn}")]
    {
        let text = format!(
            "Error: User: arn:aws:iam::123456789012:user/u is not authorized to perform: ec2:DescribeVpcs with an explicit deny in an identity-based policy{named}"
        );
        let verdict = Diagnosis::read(&text).errors.remove(0).verdict.unwrap();
        assert_eq!(verdict.policy_arn.as_deref(), Some(arn), "{text}");
    }
}
