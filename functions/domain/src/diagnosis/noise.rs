//! Lines of a build's log that belong to no error.

/// What Terraform says of a resource while it works on it, after the resource's address.
const PROGRESS: [&str; 16] = [
    "Creating...",
    "Still creating...",
    "Creation complete",
    "Modifying...",
    "Still modifying...",
    "Modifications complete",
    "Destroying...",
    "Still destroying...",
    "Destruction complete",
    "Destroying (",
    "Reading...",
    "Still reading...",
    "Read complete",
    "Refreshing state...",
    "Refresh complete",
    "Provisioning with",
];

/// How lines begin that Terraform, CodeBuild, and the build's own scripts print between errors.
const BEGINNINGS: [&str; 20] = [
    "Acquiring state lock",
    "Apply cancelled",
    "Apply complete!",
    "Command did not execute successfully",
    "Destroy complete!",
    "Entering phase ",
    "Initializing the backend",
    "Initializing modules",
    "Initializing provider plugins",
    "Phase complete: ",
    "Phase context status code: ",
    "Plan: ",
    "Releasing state lock",
    "Running command ",
    "Terraform has been successfully initialized",
    "Waiting for agent ping",
    "Waiting for DOWNLOAD_SOURCE",
    "##[",
    "ended: ",
    "stage: ",
];

/// Whether a line is no part of an error.
pub(super) fn is_noise(text: &str, stamped: bool) -> bool {
    // A build that ran out of time has no other words for it.
    let words = BEGINNINGS.iter().any(|words| text.starts_with(words)) && !text.contains("BUILD_TIMED_OUT");
    words || (stamped && is_debug_log(text)) || is_progress(text)
}

/// `aws_vpc.this: Still creating... [10s elapsed]`
fn is_progress(text: &str) -> bool {
    let Some((address, what)) = text.split_once(": ") else { return false };
    address.contains('.') && PROGRESS.iter().any(|words| what.starts_with(words))
}

/// Terraform's own log, which tells every error again in words for its developers.
fn is_debug_log(text: &str) -> bool {
    ["[TRACE]", "[DEBUG]", "[INFO]", "[WARN]", "[ERROR]"].iter().any(|level| text.starts_with(level))
}
