//! The codes that tell the classes apart.
//!
//! Sources: the API references of the services (EC2 "Error codes"; EKS, IAM, S3, STS "Common errors"; EKS "Issue" and
//! "AddonIssue" for the health of node groups and add-ons; CloudFormation "Handler error codes") and the retry tables of
//! AWS's SDKs.

use crate::failure::FailureClass::{
    self, Capacity, Credentials, Dependency, KubernetesUnauthorized, MissingPermission, NameClash, NotStabilized,
    Quota, Rejected, Transient, Version,
};

/// Codes that mean one thing.
pub(super) const CODES: &[(FailureClass, &[&str])] = &[
    (
        Credentials,
        &[
            "AuthFailure",
            "ExpiredToken",
            "ExpiredTokenException",
            "IncompleteSignature",
            "IncompleteSignatureException",
            "InvalidAccessKeyId",
            "InvalidClientTokenId",
            "InvalidIdentityToken",
            "InvalidSignatureException",
            "InvalidToken",
            "MissingAuthenticationToken",
            "MissingAuthenticationTokenException",
            "NoCredentialProviders",
            "RequestExpired",
            "SharedConfigProfileNotExist",
            "SharedConfigProfileNotExistsError",
            "SignatureDoesNotMatch",
            "TokenRefreshRequired",
            "UnrecognizedClientException",
        ],
    ),
    (
        MissingPermission,
        &[
            "403",
            "AccessDenied",
            "AccessDeniedException",
            "AuthorizationError",
            "AuthorizationErrorException",
            "Forbidden",
            "NotAuthorized",
            "UnauthorizedAccess",
            "UnauthorizedOperation",
        ],
    ),
    (
        Transient,
        &[
            "BandwidthLimitExceeded",
            "ConcurrentModification",
            "ConcurrentModificationException",
            "EC2ThrottledException",
            "InternalError",
            "InternalFailure",
            "InternalServerError",
            "InternalServiceError",
            "OperationAborted",
            "NetworkFailure",
            "PriorRequestNotComplete",
            "RequestLimitExceeded",
            "RequestThrottled",
            "RequestThrottledException",
            "RequestTimeTooSkewed",
            "RequestTimeout",
            "ServerException",
            "ServiceInternalError",
            "ServiceUnavailable",
            "ServiceUnavailableException",
            "SlowDown",
            "ThrottledException",
            "Throttling",
            "ThrottlingException",
            "TooManyRequestsException",
        ],
    ),
    (
        Quota,
        &[
            "InsufficientFreeAddresses",
            "InsufficientFreeAddressesInSubnet",
            "LimitExceeded",
            "LimitExceededException",
            "MaxSpotInstanceCountExceeded",
            "TooManyBuckets",
        ],
    ),
    (
        Capacity,
        &[
            "InsufficientHostCapacity",
            "InsufficientInstanceCapacity",
            "InsufficientReservedInstanceCapacity",
            "InsufficientCapacity",
            "InsufficientCapacityOnHost",
            "NotAvailableInZone",
            "SpotMaxPriceTooLow",
            "UnfulfillableCapacity",
            "UnsupportedAvailabilityZoneException",
        ],
    ),
    (Version, &["AmiIdNotFound", "Ec2InstanceTypeDoesNotExist", "UnsupportedKubernetesVersion"]),
    (
        NameClash,
        &["BucketAlreadyOwnedByYou", "ConfigurationConflict", "ResourceConflictException", "ResourceExistsException"],
    ),
    (
        Dependency,
        &["DeleteConflict", "DeleteConflictException", "DependencyViolation", "Ec2SecurityGroupDeletionFailure"],
    ),
    (
        Rejected,
        &[
            "AutoScalingGroupInvalidConfiguration",
            "AutoScalingGroupOptInRequired",
            "Blocked",
            "BucketRegionError",
            // EC2 could not start the machine, which is nearly always the key of its volume.
            "Client.InternalError",
            "Ec2LaunchTemplateInvalidConfiguration",
            "Ec2LaunchTemplateVersionMismatch",
            "Ec2SubnetInvalidConfiguration",
            "Ec2SubnetListTooLong",
            "Ec2SubnetMissingIpv6Assignment",
            "Gateway.NotAttached",
            "KubernetesLabelInvalid",
            "OperationNotPermitted",
            "OptInRequired",
            "PendingVerification",
            "PermanentRedirect",
            "Resource.AlreadyAssociated",
            "UnsupportedOperation",
            "ValidationError",
            "ValidationException",
        ],
    ),
];

/// Families of codes that every service makes members of. The first row decides.
pub(super) const SUFFIXES: &[(FailureClass, &[&str])] = &[
    (
        Transient,
        &[
            "RateLimitExceeded",
            "RequestLimitExceeded",
            "Throttling",
            "ThrottlingException",
            "ThroughputExceededException",
        ],
    ),
    (
        Quota,
        &[
            "LimitExceeded",
            "LimitExceededException",
            "LimitExceededFault",
            "QuotaExceeded",
            "QuotaExceededException",
            "QuotaExceededFault",
        ],
    ),
    (NameClash, &["AlreadyExists", "AlreadyExistsException", "AlreadyExistsFault", ".Duplicate", ".DuplicateName"]),
    (Dependency, &[".InUse", "NotEmpty"]),
];

/// Families of codes that say no more than that something in the request is wrong. They count in a code's own place
/// alone, and only when nothing else is known.
pub(super) const REFUSALS: (&[&str], &[&str]) =
    (&["Invalid", "Malformed", "NoSuch"], &["NotFound", "NotFoundException", "NotFoundFault", "Malformed"]);

/// Codes of what is in use: by others when it is to go, under that name when it is to be made.
pub(super) const IN_USE: &[&str] = &["ResourceInUse", "ResourceInUseException", "ResourceInUseFault"];

/// The codes by which EKS says why a node group or an add-on is not well, as far as they mean something else than the
/// same code of a call, or say less than what stands beside them.
pub(super) const ISSUES: &[(FailureClass, &[&str])] = &[
    (KubernetesUnauthorized, &["AccessDenied"]),
    (
        NotStabilized,
        &[
            "AdmissionRequestDenied",
            "ClusterUnreachable",
            "InsufficientNumberOfReplicas",
            "InternalFailure",
            "K8sResourceNotFound",
            "NodeCreationFailure",
            "NodeTerminationFailure",
            "PodEvictionFailure",
        ],
    ),
    (Rejected, &["AddonPermissionFailure", "AddonSubscriptionNeeded", "UnsupportedAddonModification"]),
];

/// The issue that only wraps why no machine could be started.
pub(super) const WRAPPER: &str = "AsgInstanceLaunchFailures";
