//! What to do about errors for which more is known than about their class.

use super::Finding;
use super::flat::Flat;
use crate::failure::FailureClass;

/// Quotas by what the error that says they are used up has, in lower case: service, code and name in Service Quotas.
const QUOTAS: &[(&str, &str)] = &[
    ("vpclimitexceeded", "'VPCs per Region' (vpc, L-F678F1CE)"),
    ("addresslimitexceeded", "'EC2-VPC Elastic IPs' (ec2, L-0263D0A3)"),
    ("natgatewaylimitexceeded", "'NAT gateways per Availability Zone' (vpc, L-FE5A380F)"),
    ("internetgatewaylimitexceeded", "'Internet gateways per Region' (vpc, L-A4707A72)"),
    ("subnetlimitexceeded", "'Subnets per VPC' (vpc, L-407747CB)"),
    ("policiesperrole", "'Managed policies attached to an IAM role' (iam, L-0DA4ABF3)"),
    ("cluster limit exceeded", "'Clusters' (eks, L-1194D53C)"),
    (
        "vcpulimitexceeded",
        "'Running On-Demand instances' of the node type's family (ec2: Standard L-1216C47A, G and VT L-DB2E81BA, P L-417A185B)",
    ),
    (
        "max spot instance count exceeded",
        "'All Spot Instance Requests' of the node type's family (ec2: Standard L-34B43A08, G and VT L-3819A6DF, P L-7212CCBC)",
    ),
];

const CLOCK: &str = "The clock of the machine that asked is wrong, or the call waited for minutes before it was sent: set the clock, then try again. The keys need no change.";
const KEY: &str = "The machine could not use the key of its volume: let the key's policy allow it to the service-linked role AWSServiceRoleForAutoScaling, with kms:CreateGrant, or take the key of AWS's own.";
const SUBNET: &str = "Correct the subnets of the node group as the message says: public ones must assign public addresses, private ones need a route to a NAT gateway.";
const ZONES: &str =
    "This zone does not have it, now or at all: use other availability zones of the region, or another region.";
const HELD: &str = "A load balancer, a NAT gateway or another service of AWS still holds this address or network interface: delete that service's resource, and it lets go within minutes.";
const TABLE: &str = "The table or bucket that keeps the state or its lock is not there, or not of the form that Terraform needs: correct the settings of the backend.";
const INIT: &str =
    "Choose versions that exist together: correct the constraints on the provider, or run `terraform init -upgrade`.";
const CORE: &str =
    "Run a Terraform of the version that the state or the configuration asks for, or change that constraint.";
const ADDON: &str = "Choose an add-on version that EKS offers for this Kubernetes version: `aws eks describe-addon-versions` lists them.";
const CRASHED: &str = "The provider crashed, most often for want of memory: try again with more memory, and with another version of the provider if it stays.";
const BUSY: &str = "AWS is still carrying out another change of this: try again when that is over.";
const NODES: &str =
    "The cluster still has node groups, such as one whose creation failed: delete them first, then the cluster.";
const NAMED: &str =
    "What the message names is not there, in this account and region: make it, or correct its name or id.";

/// Advice by error code.
const BY_CODE: &[(&[&str], &str)] = &[
    (
        &["NodeCreationFailure"],
        "The machines started and did not join the cluster: look whether their subnets reach the internet or AWS's endpoints, whether their security group lets them reach the cluster, and whether the node role has its policies.",
    ),
    (&["Ec2SubnetInvalidConfiguration", "Ec2SubnetMissingIpv6Assignment"], SUBNET),
    (&["Client.InternalError"], KEY),
    (
        &["InsufficientFreeAddresses", "InsufficientFreeAddressesInSubnet"],
        "The subnets have no free addresses left: choose larger subnets, or free addresses in these.",
    ),
    (
        &["InsufficientNumberOfReplicas"],
        "The add-on's pods do not run: there must be nodes that are ready and have room for them.",
    ),
    (
        &["ConfigurationConflict"],
        "The cluster has this add-on already, with other settings: let the new ones win (resolve_conflicts_on_create = \"OVERWRITE\").",
    ),
    (
        &["AddonPermissionFailure"],
        "The role of the add-on's service account lacks permissions: attach the policy that the add-on needs.",
    ),
    (
        &["PendingVerification"],
        "AWS is still verifying the account in this region, which takes minutes and at most some hours: wait for its e-mail, then try again.",
    ),
    (&["Blocked"], "AWS has blocked the account: ask AWS Support, or register another account."),
    (
        &["OptInRequired", "AutoScalingGroupOptInRequired"],
        "The account is not subscribed to this service or image, or the region is not enabled in it: subscribe, or enable the region.",
    ),
    (&["NotAvailableInZone", "UnsupportedAvailabilityZoneException"], ZONES),
    (&["RequestTimeTooSkewed"], CLOCK),
    (
        &[
            "AuthorizationHeaderMalformed",
            "BucketRegionError",
            "IllegalLocationConstraintException",
            "PermanentRedirect",
        ],
        "The bucket is in another region than the one it was asked in: correct the region, or the name of the bucket.",
    ),
    (
        &["InvalidClientTokenId", "UnrecognizedClientException"],
        "Give the integration credentials that are valid (PUT /v1/integrations/{id}/credentials). If they are valid elsewhere, the region is not enabled in the account, or belongs to another partition of AWS.",
    ),
    (
        &["DeleteConflict", "DeleteConflictException"],
        "Something that Terraform did not make is still attached to this, such as a policy or an instance profile: detach it, then try again.",
    ),
    (&["BucketAlreadyExists"], "Names of buckets are shared by all accounts: choose another."),
    (&["BucketNotEmpty"], "The bucket still holds objects or versions of them: empty it, then try again."),
    (
        &["MalformedPolicyDocument", "MalformedPolicyDocumentException", "MalformedPolicy"],
        "The policy is not valid: correct what the message names. A principal in it must exist before the policy does.",
    ),
];

/// Advice by what stands in the message, in lower case; all of a row must be there.
const BY_WORDS: &[(&[&str], &str)] = &[
    (&["signature expired: "], CLOCK),
    (&["signature not yet current: "], CLOCK),
    (
        &["block public access"],
        "S3 Block Public Access forbids what is public, whatever the caller may do: leave out the public policy or ACL.",
    ),
    (&["invalidkmskey.invalidstate"], KEY),
    (&["you do not have permission to access the specified resource"], HELD),
    (&["you are not allowed to manage '"], HELD),
    (
        &["refresh cached sso token failed"],
        "Log in again (`aws sso login`). A build needs keys of its own or a role, since nobody can log in for it.",
    ),
    (
        &["the sso session"],
        "Log in again (`aws sso login`). A build needs keys of its own or a role, since nobody can log in for it.",
    ),
    (
        &["state data in s3 does not have the expected content"],
        "Wait a minute and try again. If it stays, the Digest of the state in the DynamoDB table is out of date: set it to the checksum that the message calculated, once the state in S3 is known to be the right one.",
    ),
    (
        &["incorrect checksum"],
        "The download was damaged: try again. If it stays, the provider's release or the mirror is broken.",
    ),
    (
        &["unexpected sha-256"],
        "The download was damaged: try again. If it stays, the provider's release or the mirror is broken.",
    ),
    (
        &["doesn't match any of the checksums"],
        "The lock file has no checksum for this platform: run `terraform providers lock -platform=linux_amd64` and commit its changes.",
    ),
    (&["inconsistent dependency lock file"], "Run `terraform init`, and commit the lock file that it writes."),
    (&["no available releases match"], INIT),
    (&["does not support terraform version"], CORE),
    (&["state snapshot was created by terraform"], CORE),
    (&["unsupported checkable object kind"], CORE),
    (&["addon", "specified is not supported"], ADDON),
    (&["add-on version info", "empty result"], ADDON),
    (&["supplied instance types do not exist"], "Choose node types that the region offers."),
    (
        &["release version", "allowed release version is"],
        "Choose the release version that the message allows, or leave it to EKS.",
    ),
    (&["resourceinuseexception", "in progress"], BUSY),
    (&["resourceinuseexception", "currently has "], BUSY),
    (&["nodegroups attached"], NODES),
    (&["node groups attached"], NODES),
    (
        &["the specified access entry resource is already in use"],
        "This user or role has an access entry already, such as the one that the cluster's creator gets: import it, or leave it out.",
    ),
    (
        &["service role name", "has been taken in this account"],
        "The account has this role already, once and for all clusters: import it, or leave it out.",
    ),
    (
        &["maximum policy size"],
        "Split the policy, or attach it as one of the account's own: this limit cannot be raised.",
    ),
    (&["quota for policysize"], "Split the policy into several: this limit cannot be raised."),
    (&["plugin did not respond"], CRASHED),
    (&["plugin crashed"], CRASHED),
    (
        &["no space left on device"],
        "The disk is full: try again on a machine with more free disk, or remove old providers and plans.",
    ),
    (&["signal: killed"], "The process was killed, most often for want of memory: try again with more memory."),
    (&["error acquiring the state lock", "validationexception"], TABLE),
    (&["error acquiring the state lock", "resourcenotfoundexception"], TABLE),
    (
        &["could not be assumed because it does not exist or the trusted entity is not correct"],
        "The role that the message names does not exist, or its trust policy does not name the service: correct it. A role that was made a moment ago is known everywhere after some seconds.",
    ),
    (
        &["not found in the trust relationships of"],
        "Add the service that the message names to the trust policy of that role.",
    ),
];

/// What to do about an error, beyond what its class says; none if no more is known.
pub(super) fn of(finding: &Finding, message: &Flat) -> Option<&'static str> {
    let code = finding.code.as_deref().unwrap_or_default();
    let by_code = BY_CODE.iter().find(|(codes, _)| codes.contains(&code));
    let by_words = || BY_WORDS.iter().find(|(all, _)| all.iter().all(|phrase| message.has(phrase)));
    let missing = ["NotFound", "NotFoundException", "NotFoundFault"].iter().any(|end| code.ends_with(end));
    let missing = finding.class == FailureClass::Rejected && (missing || code.starts_with("NoSuch"));
    // A sentence says more than the code beside it.
    by_words().or(by_code).map(|(_, advice)| *advice).or(missing.then_some(NAMED))
}

/// The quota that is used up, as Service Quotas calls it.
pub(super) fn quota(message: &Flat) -> Option<&'static str> {
    QUOTAS.iter().find(|(sign, _)| message.has(sign)).map(|(_, name)| *name)
}
