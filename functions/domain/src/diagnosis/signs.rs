//! The sentences that tell the classes apart.
//!
//! Sources: the IAM user guide ("Troubleshoot access denied error
//! messages"), the EKS user guide ("Troubleshoot problems with clusters and nodes"), Terraform's source and public
//! issue threads.

use crate::failure::FailureClass::{
    self, BuildLost, Capacity, Credentials, Dependency, ExplicitDeny, KubernetesUnauthorized, MissingPermission,
    NameClash, Quota, Rejected, Transient, Version,
};

/// Sentences that decide whatever code stands beside them, in lower case; all of a row must be there, and the first
/// row decides.
pub(super) const PHRASES: &[(&[&str], FailureClass)] = &[
    // Whoever asks: a setting of the bucket or the account forbids it.
    (&["not authorized to perform", " because public ", "block public access"], Rejected),
    (&["explicit deny", "not authorized"], ExplicitDeny),
    (&["with an explicit deny in a"], ExplicitDeny),
    (&["due to an explicit deny in a"], ExplicitDeny),
    (&["the server has asked for the client to provide credentials"], KubernetesUnauthorized),
    (&["is forbidden: user ", "cannot "], KubernetesUnauthorized),
    (&["you must be logged in to the server"], KubernetesUnauthorized),
    (&["not authorized to perform"], MissingPermission),
    (&["missing permissions for '"], MissingPermission),
    (&["do not have permission to create the service-linked role"], MissingPermission),
    (&["encoded authorization failure message"], MissingPermission),
    (&["you are not authorized to launch instances"], MissingPermission),
    (&["you are not authorized to use launch template"], MissingPermission),
    (&["no valid credential sources"], Credentials),
    (&["no valid providers in chain"], Credentials),
    (&["failed to refresh cached credentials"], Credentials),
    (&["failed to get shared config profile"], Credentials),
    (&["failed to retrieve credentials"], Credentials),
    (&["could not load credentials from"], Credentials),
    (&["partial credentials found in"], Credentials),
    (&["the config profile (", "could not be found"], Credentials),
    (&["token has expired and refresh failed"], Credentials),
    (&["the sso session", "has expired"], Credentials),
    (&["unable to locate credentials"], Credentials),
    // A clock that is wrong, or a call that waited for too long: the keys are good.
    (&["signature expired: ", "is now earlier than"], Transient),
    (&["signature not yet current: "], Transient),
    // What is not ours to release: a load balancer or a NAT gateway still holds it.
    (&["you do not have permission to access the specified resource"], Dependency),
    (&["you are not allowed to manage '", "attachments"], Dependency),
    (&["the security token included in the request is"], Credentials),
    (&["not able to validate the provided access credentials"], Credentials),
    (&["only supported for kubernetes version"], Version),
    (&["unsupported kubernetes"], Version),
    (&["kubernetes version", "is not supported"], Version),
    (&["ami type", "is not supported"], Version),
    (&["requested ami for this version", "is not supported"], Version),
    (&["nodegroup kubernetes version should be"], Version),
    (&["addon", "specified is not supported"], Version),
    (&["add-on version info", "empty result"], Version),
    (&["release version", "is invalid"], Version),
    (&["release version", "is not valid"], Version),
    (&["supplied instance types do not exist"], Version),
    (&["no available releases match the given constraints"], Version),
    (&["doesn't match any of the checksums"], Version),
    (&["inconsistent dependency lock file"], Version),
    (&["does not support terraform version"], Version),
    (&["state snapshot was created by terraform", "newer than"], Version),
    (&["unsupported checkable object kind"], Version),
    (&["is not supported in ", " requested availability zone"], Capacity),
    (&["does not currently have sufficient capacity"], Capacity),
    (&["currently do not have sufficient", "capacity"], Capacity),
    (&["unable to fulfill capacity"], Capacity),
    (&["you've reached your quota for"], Quota),
    (&["cannot exceed quota for"], Quota),
    (&["you have requested more ", "than your current ", " limit of "], Quota),
    (&["max spot instance count exceeded"], Quota),
    (&["the maximum number of", "has been reached"], Quota),
    (&[": rate exceeded"], Transient),
    (&["archive has incorrect checksum"], Transient),
    (&["checksum list has unexpected sha-256 hash"], Transient),
    (&["state data in s3 does not have the expected content"], Transient),
    (&["has been taken in this account"], NameClash),
    (&["resourceinuseexception", "already exists"], NameClash),
    (&["conflictexception", "already exists"], NameClash),
    (&["resourceinuseexception", "in progress"], Transient),
    (&["resourceinuseexception", "currently has ", " in status "], Transient),
    (&["resourceinuseexception", "attached"], Dependency),
    (&["has dependencies and cannot be deleted"], Dependency),
    (&["has some mapped public address"], Dependency),
    (&["build_timed_out"], BuildLost),
    (&["the build was stopped before terraform"], BuildLost),
    (&["was stopped because its time was over"], BuildLost),
    (&["was killed before it had written its state"], BuildLost),
    (&["no time was left for terraform"], BuildLost),
    (&["operation error", "canceled, "], BuildLost),
    (&["plugin did not respond"], BuildLost),
    (&["the terraform-provider-", "plugin crashed"], BuildLost),
    (&["no space left on device"], BuildLost),
    (&["signal: killed"], BuildLost),
];

/// What says that the wait for a resource ended. Why may stand beside it, so these come last.
pub(super) const WAITS: &[&[&str]] = &[
    &["unexpected state '", "wanted target '"],
    &["timeout while waiting for state to become '"],
    &["timeout while waiting for resource to be gone"],
    &["timed out waiting for the condition"],
    &[" failed to stabilize: "],
    &["resourcenotready: failed waiting for successful resource state"],
    &["need at least ", " healthy instances in asg"],
    &["waiter ", " failed: waiter encountered a terminal failure state"],
    &["waiter ", " failed: max attempts exceeded"],
];

/// What Terraform says when it takes or gives back the lock of the state.
pub(super) const LOCKING: &[&str] =
    &["error acquiring the state lock", "error locking state", "error releasing the state lock"];

/// What says that somebody else has it: DynamoDB's refusal, S3's, and the note that the holder left.
pub(super) const LOCKED: &[&str] =
    &["conditionalcheckfailedexception", "preconditionfailed", "statuscode: 412", "lock info: id:", "already locked"];

/// What programs say when they are told to stop. Weak, as the next.
pub(super) const CANCELED: &[&str] = &["context canceled", "request was cancelled", "execution halted"];

/// What programs say when the network fails them. Weak: logs are full of such words.
pub(super) const NETWORK: &[&str] = &[
    "client.timeout exceeded",
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
    "could not resolve host",
    // What a server answers that cannot answer.
    "429 too many requests",
    "500 internal server error",
    "502 bad gateway",
    "503 service unavailable",
    "504 gateway time",
    // Of a request: a file may end too early as well.
    "\": unexpected eof",
];

/// What fails in the same words and does not pass by itself: nobody answers on this very machine, or the answer is not
/// trusted.
pub(super) const NO_OUTAGE: &[&str] = &["dial tcp 127.", "dial tcp [::1]", "x509: "];
