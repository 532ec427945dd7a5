//! Which IAM action an API call needs.
//!
//! The first names are the service ids by which AWS's SDKs call themselves in errors (`operation error
//! CloudWatch Logs: CreateLogGroup`); the prefixes are those of the Service Authorization Reference, and so are the
//! exceptions to the rule that a call needs the action of its own name.

use super::flat::{Flat, word};

/// Services and their prefixes in IAM. What is not listed is not guessed.
const SERVICES: &[(&str, &str)] = &[
    ("ACM", "acm"),
    ("API Gateway", "apigateway"),
    ("ApiGatewayV2", "apigateway"),
    ("Application Auto Scaling", "application-autoscaling"),
    ("Auto Scaling", "autoscaling"),
    ("Backup", "backup"),
    ("Batch", "batch"),
    ("CloudFormation", "cloudformation"),
    ("CloudFront", "cloudfront"),
    ("CloudTrail", "cloudtrail"),
    ("CloudWatch", "cloudwatch"),
    ("CloudWatch Logs", "logs"),
    ("CodeBuild", "codebuild"),
    ("Config Service", "config"),
    ("DynamoDB", "dynamodb"),
    ("EC2", "ec2"),
    ("ECR", "ecr"),
    ("ECR PUBLIC", "ecr-public"),
    ("ECS", "ecs"),
    ("EFS", "elasticfilesystem"),
    ("EKS", "eks"),
    ("ElastiCache", "elasticache"),
    ("Elastic Load Balancing", "elasticloadbalancing"),
    ("Elastic Load Balancing v2", "elasticloadbalancing"),
    ("EventBridge", "events"),
    ("Firehose", "firehose"),
    ("FSx", "fsx"),
    ("IAM", "iam"),
    ("Kinesis", "kinesis"),
    ("KMS", "kms"),
    ("Lambda", "lambda"),
    ("Network Firewall", "network-firewall"),
    ("Organizations", "organizations"),
    ("Pricing", "pricing"),
    ("RAM", "ram"),
    ("RDS", "rds"),
    ("Resource Groups", "resource-groups"),
    ("Resource Groups Tagging API", "tag"),
    ("Route 53", "route53"),
    ("Route53Resolver", "route53resolver"),
    ("S3", "s3"),
    ("S3 Control", "s3"),
    ("Secrets Manager", "secretsmanager"),
    ("Service Quotas", "servicequotas"),
    ("SFN", "states"),
    ("SNS", "sns"),
    ("SQS", "sqs"),
    ("SSM", "ssm"),
    ("SSO", "sso"),
    ("STS", "sts"),
    ("WAFV2", "wafv2"),
];

/// Calls whose action has another name.
const RENAMED: &[(&str, &str, &str)] = &[
    ("lambda", "Invoke", "InvokeFunction"),
    ("s3", "CompleteMultipartUpload", "PutObject"),
    ("s3", "CopyObject", "PutObject"),
    ("s3", "CreateMultipartUpload", "PutObject"),
    ("s3", "DeleteBucketEncryption", "PutEncryptionConfiguration"),
    ("s3", "DeleteBucketLifecycle", "PutLifecycleConfiguration"),
    ("s3", "DeleteBucketTagging", "PutBucketTagging"),
    ("s3", "DeleteObjects", "DeleteObject"),
    ("s3", "DeletePublicAccessBlock", "PutBucketPublicAccessBlock"),
    ("s3", "GetBucketAccelerateConfiguration", "GetAccelerateConfiguration"),
    ("s3", "GetBucketCors", "GetBucketCORS"),
    ("s3", "GetBucketEncryption", "GetEncryptionConfiguration"),
    ("s3", "GetBucketLifecycleConfiguration", "GetLifecycleConfiguration"),
    ("s3", "GetBucketReplication", "GetReplicationConfiguration"),
    ("s3", "GetObjectLockConfiguration", "GetBucketObjectLockConfiguration"),
    ("s3", "GetPublicAccessBlock", "GetBucketPublicAccessBlock"),
    ("s3", "HeadBucket", "ListBucket"),
    ("s3", "HeadObject", "GetObject"),
    ("s3", "ListBuckets", "ListAllMyBuckets"),
    ("s3", "ListObjects", "ListBucket"),
    ("s3", "ListObjectsV2", "ListBucket"),
    ("s3", "ListObjectVersions", "ListBucketVersions"),
    ("s3", "PutBucketCors", "PutBucketCORS"),
    ("s3", "PutBucketEncryption", "PutEncryptionConfiguration"),
    ("s3", "PutBucketLifecycleConfiguration", "PutLifecycleConfiguration"),
    ("s3", "PutPublicAccessBlock", "PutBucketPublicAccessBlock"),
    ("s3", "UploadPart", "PutObject"),
];

/// What no other service has by that name, as far as it can be in such a log, for errors that name the call alone
/// (`An error occurred (403) when calling the HeadObject operation`). A call is one of them behind a verb.
const NOUNS: &[(&str, &[&str])] = &[
    ("autoscaling", &["AutoScalingGroup", "AutoScalingGroups", "LaunchConfiguration", "LaunchConfigurations"]),
    (
        "ec2",
        &[
            "Address",
            "Addresses",
            "AvailabilityZones",
            "InstanceAttribute",
            "InstanceTypeOfferings",
            "InstanceTypes",
            "InternetGateway",
            "InternetGateways",
            "LaunchTemplate",
            "LaunchTemplateVersion",
            "LaunchTemplateVersions",
            "LaunchTemplates",
            "NatGateway",
            "NatGateways",
            "NetworkAcl",
            "NetworkAcls",
            "NetworkInterface",
            "NetworkInterfaceAttribute",
            "NetworkInterfaces",
            "RouteTable",
            "RouteTables",
            "SecurityGroup",
            "SecurityGroupEgress",
            "SecurityGroupIngress",
            "SecurityGroupRules",
            "SecurityGroups",
            "SpotPriceHistory",
            "Subnet",
            "SubnetAttribute",
            "Subnets",
            "Volume",
            "Volumes",
            "Vpc",
            "VpcAttribute",
            "VpcEndpoint",
            "VpcEndpoints",
            "Vpcs",
        ],
    ),
    (
        "eks",
        &[
            "AccessEntry",
            "Addon",
            "AddonVersions",
            "Addons",
            "ClusterConfig",
            "ClusterVersion",
            "ClusterVersions",
            "FargateProfile",
            "FargateProfiles",
            "Nodegroup",
            "NodegroupConfig",
            "NodegroupVersion",
            "Nodegroups",
            "PodIdentityAssociation",
            "PodIdentityAssociations",
        ],
    ),
    (
        "elasticloadbalancing",
        &["Listener", "Listeners", "LoadBalancer", "LoadBalancers", "TargetGroup", "TargetGroups", "TargetHealth"],
    ),
    (
        "iam",
        &[
            "AssumeRolePolicy",
            "AttachedRolePolicies",
            "InstanceProfile",
            "InstanceProfiles",
            "InstanceProfilesForRole",
            "OpenIDConnectProvider",
            "OpenIDConnectProviders",
            "Role",
            "RoleFromInstanceProfile",
            "RolePermissionsBoundary",
            "RolePolicies",
            "RolePolicy",
            "RoleToInstanceProfile",
            "Roles",
            "ServiceLinkedRole",
            "ServiceLinkedRoleDeletionStatus",
        ],
    ),
    ("logs", &["LogEvents", "LogGroup", "LogGroups", "LogStream", "LogStreams", "RetentionPolicy"]),
    ("s3", &["BucketAcl", "BucketPolicy", "BucketTagging", "BucketVersioning", "MultipartUpload"]),
    ("servicequotas", &["ServiceQuota", "ServiceQuotas"]),
];

/// The verbs that calls begin with.
const VERBS: &[&str] = &[
    "Add",
    "Allocate",
    "Associate",
    "Attach",
    "Authorize",
    "Create",
    "Delete",
    "Describe",
    "Detach",
    "Disassociate",
    "Get",
    "List",
    "Modify",
    "Put",
    "Release",
    "Remove",
    "Revoke",
    "Update",
];

/// Calls that are not of that form, or whose verb makes them one service's own.
const UNIQUE: &[(&str, &[&str])] = &[
    (
        "autoscaling",
        &[
            "AttachLoadBalancers",
            "CreateOrUpdateTags",
            "DetachLoadBalancers",
            "SetDesiredCapacity",
            "TerminateInstanceInAutoScalingGroup",
        ],
    ),
    ("dynamodb", &["DeleteItem", "GetItem", "PutItem"]),
    ("ec2", &["RunInstances", "StartInstances", "StopInstances", "TerminateInstances"]),
    ("eks", &["AssociateAccessPolicy", "DisassociateAccessPolicy", "ListAssociatedAccessPolicies"]),
    ("iam", &["SimulatePrincipalPolicy"]),
    ("kms", &["CreateGrant", "Decrypt", "Encrypt", "GenerateDataKey", "ScheduleKeyDeletion"]),
    ("s3", &["GetObject", "HeadBucket", "HeadObject", "ListBuckets", "ListObjectsV2", "PutObject"]),
    ("secretsmanager", &["GetSecretValue"]),
    (
        "sts",
        &[
            "AssumeRole",
            "AssumeRoleWithSAML",
            "AssumeRoleWithWebIdentity",
            "DecodeAuthorizationMessage",
            "GetCallerIdentity",
        ],
    ),
];

/// What the AWS provider calls things, and what creating, deleting and reading them needs; empty where that is not
/// certain. For errors of SDK v1, which do not name the call.
const THINGS: &[(&str, &str, &str, &str)] = &[
    ("vpc", "ec2:CreateVpc", "ec2:DeleteVpc", "ec2:DescribeVpcs"),
    ("subnet", "ec2:CreateSubnet", "ec2:DeleteSubnet", "ec2:DescribeSubnets"),
    ("eip", "ec2:AllocateAddress", "ec2:ReleaseAddress", "ec2:DescribeAddresses"),
    ("internet gateway", "ec2:CreateInternetGateway", "ec2:DeleteInternetGateway", "ec2:DescribeInternetGateways"),
    ("nat gateway", "ec2:CreateNatGateway", "ec2:DeleteNatGateway", "ec2:DescribeNatGateways"),
    ("route table", "ec2:CreateRouteTable", "ec2:DeleteRouteTable", "ec2:DescribeRouteTables"),
    ("route", "ec2:CreateRoute", "ec2:DeleteRoute", "ec2:DescribeRouteTables"),
    ("security group", "ec2:CreateSecurityGroup", "ec2:DeleteSecurityGroup", "ec2:DescribeSecurityGroups"),
    ("launch template", "ec2:CreateLaunchTemplate", "ec2:DeleteLaunchTemplate", "ec2:DescribeLaunchTemplates"),
    ("source instance", "ec2:RunInstances", "", ""),
    ("instance", "ec2:RunInstances", "ec2:TerminateInstances", "ec2:DescribeInstances"),
    ("amis", "", "", "ec2:DescribeImages"),
    ("availability zones", "", "", "ec2:DescribeAvailabilityZones"),
    ("eks cluster", "eks:CreateCluster", "eks:DeleteCluster", "eks:DescribeCluster"),
    ("eks node group", "eks:CreateNodegroup", "eks:DeleteNodegroup", "eks:DescribeNodegroup"),
    ("eks access entry", "eks:CreateAccessEntry", "eks:DeleteAccessEntry", "eks:DescribeAccessEntry"),
    ("eks fargate profile", "eks:CreateFargateProfile", "eks:DeleteFargateProfile", "eks:DescribeFargateProfile"),
    ("eks add-on", "eks:CreateAddon", "eks:DeleteAddon", "eks:DescribeAddon"),
    ("iam role", "iam:CreateRole", "iam:DeleteRole", "iam:GetRole"),
    ("iam service linked role", "iam:CreateServiceLinkedRole", "iam:DeleteServiceLinkedRole", "iam:GetRole"),
    ("iam policy", "iam:CreatePolicy", "iam:DeletePolicy", "iam:GetPolicy"),
    ("iam instance profile", "iam:CreateInstanceProfile", "iam:DeleteInstanceProfile", "iam:GetInstanceProfile"),
    (
        "iam oidc provider",
        "iam:CreateOpenIDConnectProvider",
        "iam:DeleteOpenIDConnectProvider",
        "iam:GetOpenIDConnectProvider",
    ),
    ("cloudwatch log group", "logs:CreateLogGroup", "logs:DeleteLogGroup", "logs:DescribeLogGroups"),
    ("cloudwatch logs log group", "logs:CreateLogGroup", "logs:DeleteLogGroup", "logs:DescribeLogGroups"),
    ("kms key", "kms:CreateKey", "kms:ScheduleKeyDeletion", "kms:DescribeKey"),
    ("kms alias", "kms:CreateAlias", "kms:DeleteAlias", "kms:ListAliases"),
    (
        "auto scaling group",
        "autoscaling:CreateAutoScalingGroup",
        "autoscaling:DeleteAutoScalingGroup",
        "autoscaling:DescribeAutoScalingGroups",
    ),
    (
        "autoscaling group",
        "autoscaling:CreateAutoScalingGroup",
        "autoscaling:DeleteAutoScalingGroup",
        "autoscaling:DescribeAutoScalingGroups",
    ),
    ("amazon s3 (simple storage) bucket", "s3:CreateBucket", "s3:DeleteBucket", "s3:ListBucket"),
    ("s3 bucket", "s3:CreateBucket", "s3:DeleteBucket", "s3:ListBucket"),
];

/// The prefix of a service in IAM.
pub(super) fn prefix(service: &str) -> Option<&'static str> {
    SERVICES.iter().find(|(id, _)| id.eq_ignore_ascii_case(service)).map(|(_, prefix)| *prefix)
}

/// The service that an error names without naming a call: where the provider says what it was at (`waiting for EKS
/// Node Group …`), or in brackets, as AWS's library for Java does (`(Service: AmazonEKS; …`, `(Service: Eks, …`).
pub(super) fn named(error: &Flat) -> Option<&'static str> {
    const AT: [&str; 8] =
        ["waiting for ", "creating ", "updating ", "deleting ", "reading ", "attaching ", "detaching ", "unexpected "];
    let longest = |rest: &str| {
        let named = SERVICES.iter().filter(|(id, _)| {
            let found = rest.get(..id.len()).is_some_and(|head| head == *id);
            found && rest[id.len()..].starts_with(' ')
        });
        named.max_by_key(|(id, _)| id.len()).map(|(_, prefix)| *prefix)
    };
    let in_brackets = || error.after("(service: ").map(word).find_map(|name| of_java(name.split(';').next()?));
    AT.iter().find_map(|verb| error.after(verb).take(MOST_PLACES).find_map(longest)).or_else(in_brackets)
}

/// In more places than this, nobody says what he was at.
const MOST_PLACES: usize = 8;

/// The prefix of a service by its name in AWS's library for Java, which has no blanks.
fn of_java(name: &str) -> Option<&'static str> {
    let bare = name.strip_prefix("Amazon").or_else(|| name.strip_prefix("AWS")).unwrap_or(name);
    let bare = if bare == "IdentityManagement" { "IAM" } else { bare };
    let same = |id: &str| id.replace(' ', "").eq_ignore_ascii_case(bare);
    SERVICES.iter().find(|(id, _)| same(id)).map(|(_, prefix)| *prefix)
}

/// The service that alone has a call of this name.
pub(super) fn owner(operation: &str) -> Option<&'static str> {
    let alone = UNIQUE.iter().find(|(_, operations)| operations.contains(&operation));
    let nouns = VERBS.iter().filter_map(|verb| operation.strip_prefix(verb));
    let owned = || nouns.filter_map(|noun| NOUNS.iter().find(|(_, nouns)| nouns.contains(&noun))).next();
    alone.or_else(owned).map(|(prefix, _)| *prefix)
}

/// The action that a call needs. Those of API Gateway are HTTP methods, which the call does not tell.
pub(super) fn action(prefix: &str, operation: &str) -> Option<String> {
    let renamed = RENAMED.iter().find(|(of, call, _)| *of == prefix && *call == operation);
    let name = renamed.map_or(operation, |(_, _, name)| name);
    (prefix != "apigateway").then(|| format!("{prefix}:{name}"))
}

/// The action behind the provider's own words, in lower case: `creating ec2 vpc: `, `reading amazon s3 … bucket (b): `,
/// `creating iam role nodes: `.
pub(super) fn of_words(text: &str) -> Option<&'static str> {
    if text.contains("failed to upload state: ") {
        return Some("s3:PutObject");
    }
    let text = innermost(text);
    for (verb, action) in [("attaching ", "ec2:AttachInternetGateway"), ("detaching ", "ec2:DetachInternetGateway")] {
        if text.strip_prefix(verb).is_some_and(|rest| rest.strip_prefix("ec2 ").unwrap_or(rest).starts_with(GATEWAY)) {
            return Some(action);
        }
    }
    for (index, verbs) in
        [&["creating ", "launching "][..], &["deleting "], &["reading ", "fetching ", "describing "]].iter().enumerate()
    {
        for verb in *verbs {
            let Some((_, rest)) = text.split_once(verb) else { continue };
            let rest = rest.strip_prefix("ec2 ").unwrap_or(rest);
            let thing = THINGS.iter().find(|(thing, ..)| rest.strip_prefix(thing).is_some_and(ends_there));
            if let Some((_, create, delete, read)) = thing {
                let action = [create, delete, read][index];
                return (!action.is_empty()).then_some(action);
            }
        }
    }
    None
}

const GATEWAY: &str = "internet gateway (";

/// A text from where it says what was done last: where one thing was done for another, the inner one failed
/// (`deleting x: detaching y: …`).
fn innermost(text: &str) -> &str {
    const DOING: [&str; 6] = ["attaching ", "creating ", "deleting ", "detaching ", "reading ", "updating "];
    let parts = text.match_indices(": ").map(|(at, colon)| &text[at + colon.len()..]);
    let parts = parts.map(|part| part.strip_prefix("error ").unwrap_or(part));
    parts.filter(|part| DOING.iter().any(|verb| part.starts_with(verb))).last().unwrap_or(text)
}

/// Whether what follows the name of a thing is no more of that name: a colon, or one thing's own name before a colon.
fn ends_there(rest: &str) -> bool {
    let named =
        || rest.strip_prefix(' ').and_then(|rest| rest.split(' ').next()).is_some_and(|name| name.ends_with(':'));
    rest.starts_with(':') || rest.starts_with(" (") || named()
}
