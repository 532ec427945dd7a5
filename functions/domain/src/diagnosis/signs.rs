//! The words that tell the classes apart.
//!
//! Sources: error codes from the API references of the services (EC2 "Error codes", EKS, IAM, S3, STS "Common
//! errors") and the retry tables of AWS's SDKs; sentences from the IAM user guide ("Troubleshoot access denied error
//! messages"), the EKS user guide ("Troubleshoot problems with clusters and nodes"), Terraform's source and public
//! issue threads.

use crate::failure::FailureClass::{
    self, BuildLost, Capacity, Credentials, Dependency, ExplicitDeny, KubernetesUnauthorized, MissingPermission,
    NameClash, Quota, Transient, Version,
};

/// Sentences that decide whatever code stands beside them, in lower case; all of a row must be there, and the first
/// row decides.
pub(super) const PHRASES: &[(&[&str], FailureClass)] = &[
    (&["explicit deny", "not authorized"], ExplicitDeny),
    (&["explicit deny in a"], ExplicitDeny),
    (&["the server has asked for the client to provide credentials"], KubernetesUnauthorized),
    (&["is forbidden: user ", "cannot "], KubernetesUnauthorized),
    (&["not authorized to perform"], MissingPermission),
    (&["missing permissions for '"], MissingPermission),
    (&["encoded authorization failure message"], MissingPermission),
    (&["you are not authorized to launch instances"], MissingPermission),
    (&["you are not authorized to use launch template"], MissingPermission),
    (&["no valid credential sources"], Credentials),
    (&["no valid providers in chain"], Credentials),
    (&["failed to refresh cached credentials"], Credentials),
    (&["failed to get shared config profile"], Credentials),
    (&["the security token included in the request is"], Credentials),
    (&["not able to validate the provided access credentials"], Credentials),
    (&["only supported for kubernetes version"], Version),
    (&["unsupported kubernetes"], Version),
    (&["kubernetes version", "is not supported"], Version),
    (&["ami type", "is not supported"], Version),
    (&["requested ami for this version", "is not supported"], Version),
    (&["nodegroup kubernetes version should be"], Version),
    (&["addon version", "is not supported"], Version),
    (&["is not supported in your requested availability zone"], Capacity),
    (&["does not currently have sufficient capacity"], Capacity),
    (&["currently do not have sufficient", "capacity"], Capacity),
    (&["unable to fulfill capacity"], Capacity),
    (&["you've reached your quota for"], Quota),
    (&["cannot exceed quota for"], Quota),
    (&["you have requested more vcpu capacity than your current vcpu limit"], Quota),
    (&["the maximum number of", "has been reached"], Quota),
    (&["rate exceeded"], Transient),
    (&["resourceinuseexception", "already exists"], NameClash),
    (&["conflictexception", "already exists"], NameClash),
    (&["resourceinuseexception", "in progress"], Transient),
    (&["resourceinuseexception", "attached"], Dependency),
    (&["has dependencies and cannot be deleted"], Dependency),
    (&["has some mapped public address"], Dependency),
    (&["build_timed_out"], BuildLost),
    (&["the build was stopped before terraform"], BuildLost),
    (&["was stopped because its time was over"], BuildLost),
    (&["was killed before it had written its state"], BuildLost),
    (&["no time was left for terraform"], BuildLost),
    (&["operation error", "canceled, "], BuildLost),
];

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
            "RequestTimeTooSkewed",
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
            "PriorRequestNotComplete",
            "RequestLimitExceeded",
            "RequestThrottled",
            "RequestThrottledException",
            "RequestTimeout",
            "ServerException",
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
            "SpotMaxPriceTooLow",
            "UnfulfillableCapacity",
            "UnsupportedAvailabilityZoneException",
        ],
    ),
    (Version, &["UnsupportedKubernetesVersion"]),
    (NameClash, &["BucketAlreadyOwnedByYou", "ResourceConflictException", "ResourceExistsException"]),
    (Dependency, &["BucketNotEmpty", "DeleteConflict", "DeleteConflictException", "DependencyViolation"]),
];

/// Families of codes that every service makes members of.
pub(super) const SUFFIXES: &[(FailureClass, &[&str])] = &[
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
    (Dependency, &[".InUse"]),
];

/// What Terraform says when it takes or gives back the lock of the state.
pub(super) const LOCKING: &[&str] =
    &["error acquiring the state lock", "error locking state", "error releasing the state lock"];

/// What says that somebody else has it: DynamoDB's refusal, S3's, and the note that the holder left.
pub(super) const LOCKED: &[&str] =
    &["conditionalcheckfailedexception", "preconditionfailed", "statuscode: 412", "lock info:", "already locked"];

/// What programs say when they are told to stop. Weak, as the next.
pub(super) const CANCELED: &[&str] = &["context canceled", "request was cancelled", "execution halted"];

/// What programs say when the network fails them. Weak: logs are full of such words.
pub(super) const NETWORK: &[&str] = &[
    "connection refused",
    "connection reset",
    "connection timed out",
    "context deadline exceeded",
    "could not connect to ",
    "dial tcp",
    "exceeded maximum number of attempts",
    "i/o timeout",
    "network is unreachable",
    "no such host",
    "request send failed",
    "requesterror: send request failed",
    "temporary failure in name resolution",
    "tls handshake timeout",
    "unexpected eof",
    "could not resolve host",
];
