//! From an SDK error to a [`PortError`]: what kind it is, and what to tell about it.

use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_runtime_api::http::Response;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use aws_types::request_id::RequestId;
use runtime::PortError;
use runtime::error::PortErrorKind;
use std::error::Error;
use std::fmt::Write;

/// For `map_err`: says what was attempted, and reads code, message and request id from the error.
pub fn failed<E>(attempted: impl Into<String>) -> impl FnOnce(SdkError<E, Response>) -> PortError
where
    E: ProvideErrorMetadata + Error + 'static,
{
    move |error| {
        let status = error.raw_response().map(|response| response.status().as_u16());
        let kind = match &error {
            SdkError::ServiceError(service) => kind_of(service.err().code(), status),
            SdkError::ResponseError(_) => kind_of(None, status),
            SdkError::TimeoutError(_) => PortErrorKind::Transient,
            SdkError::DispatchFailure(failure) if !failure.is_user() => PortErrorKind::Transient,
            _ => PortErrorKind::Other,
        };
        PortError::new(kind, attempted, detail(&error, status))
    }
}

/// An error and its causes in one line.
#[must_use]
pub fn chain(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let said = error.to_string();
        if !text.contains(&said) {
            text = format!("{text}: {said}");
        }
        cause = error.source();
    }
    text
}

/// What kind of failure a code is, or without one that it is known by, an HTTP status. The services agree on how codes
/// sound rather than on the codes themselves.
#[must_use]
pub fn kind_of(code: Option<&str>, status: Option<u16>) -> PortErrorKind {
    const CONFLICT: [&str; 2] = ["ConditionalCheckFailed", "TransactionConflict"];
    const DENIED: [&str; 12] = [
        "AccessDenied",
        "Unauthorized",
        "NotAuthorized",
        "AuthFailure",
        "InvalidClientTokenId",
        "InvalidAccessKeyId",
        "UnrecognizedClient",
        "ExpiredToken",
        "SignatureDoesNotMatch",
        "InvalidSignature",
        "IncompleteSignature",
        "MissingAuthenticationToken",
    ];
    const NOT_FOUND: [&str; 3] = ["NotFound", "NoSuch", "DoesNotExist"];
    const TRANSIENT: [&str; 14] = [
        "Throttl",
        "TooManyRequests",
        "SlowDown",
        "ThroughputExceeded",
        "RequestLimitExceeded",
        "RequestTimeout",
        "TransactionInProgress",
        "Unavailable",
        // Somebody else changes the same thing at this moment.
        "ConcurrentModification",
        "ConcurrentOperation",
        "ConditionalRequestConflict",
        "OperationAborted",
        // So many builds or executions are under way that one more has to wait.
        "AccountLimitExceeded",
        "ExecutionLimitExceeded",
    ];
    let sounds_like = |words: &[&str]| code.is_some_and(|code| words.iter().any(|word| code.contains(word)));
    if sounds_like(&CONFLICT) {
        PortErrorKind::Conflict
    } else if sounds_like(&DENIED) {
        PortErrorKind::Denied
    } else if sounds_like(&NOT_FOUND) {
        PortErrorKind::NotFound
    } else if sounds_like(&TRANSIENT) {
        PortErrorKind::Transient
    } else {
        match status {
            Some(401 | 403) => PortErrorKind::Denied,
            Some(404) => PortErrorKind::NotFound,
            Some(429 | 500..) => PortErrorKind::Transient,
            _ => PortErrorKind::Other,
        }
    }
}

/// `code: message (request id)`, or the network's words where no service answered.
fn detail<E>(error: &SdkError<E, Response>, status: Option<u16>) -> String
where
    E: ProvideErrorMetadata + Error + 'static,
{
    let Some(service) = error.as_service_error() else { return chain(error) };
    let mut text = match (service.code(), status) {
        (Some(code), _) => code.to_owned(),
        (None, Some(status)) => format!("HTTP status {status}"),
        (None, None) => "unknown error".to_owned(),
    };
    if let Some(message) = service.message() {
        // What follows the first line of a signature error is the canonical request, session token included.
        let message = if text.contains("Signature") { message.lines().next().unwrap_or_default() } else { message };
        let _ = write!(text, ": {message}");
    }
    if let Some(id) = error.request_id() {
        let _ = write!(text, " (request {id})");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_smithy_runtime_api::client::result::ConnectorError;
    use aws_smithy_runtime_api::http::StatusCode;
    use aws_smithy_types::body::SdkBody;
    use aws_smithy_types::error::ErrorMetadata;

    fn service(code: &str, message: &str, status: u16) -> PortError {
        let mut raw = Response::new(StatusCode::try_from(status).expect("status"), SdkBody::empty());
        raw.headers_mut().insert("x-amzn-requestid", "7a1f");
        let error = ErrorMetadata::builder().code(code).message(message).build();
        failed("get item")(SdkError::service_error(error, raw))
    }

    #[test]
    fn codes_of_different_services_mean_the_same_kind() {
        use PortErrorKind::{Conflict, Denied, NotFound, Other, Transient};
        for (code, status, kind) in [
            ("ThrottlingException", 400, Transient),
            ("ProvisionedThroughputExceededException", 400, Transient),
            ("InternalServerError", 500, Transient),
            ("ServiceUnavailable", 503, Transient),
            ("ConcurrentModificationException", 400, Transient),
            ("AccountLimitExceededException", 400, Transient),
            ("ExecutionLimitExceeded", 400, Transient),
            ("OperationAborted", 409, Transient),
            ("AccessDeniedException", 400, Denied),
            ("UnrecognizedClientException", 400, Denied),
            ("InvalidClientTokenId", 403, Denied),
            ("ExpiredTokenException", 400, Denied),
            ("ResourceNotFoundException", 400, NotFound),
            ("NoSuchKey", 404, NotFound),
            ("StateMachineDoesNotExist", 400, NotFound),
            ("ConditionalCheckFailedException", 400, Conflict),
            ("TransactionConflictException", 400, Conflict),
            ("ValidationException", 400, Other),
        ] {
            assert_eq!(service(code, "", status).kind, kind, "{code}");
        }
    }

    #[test]
    fn an_answer_without_a_code_is_read_by_its_status() {
        let head = |status| kind_of(None, Some(status));
        assert_eq!(head(404), PortErrorKind::NotFound);
        assert_eq!(head(403), PortErrorKind::Denied);
        assert_eq!(head(503), PortErrorKind::Transient);
        assert_eq!(head(400), PortErrorKind::Other);
    }

    #[test]
    fn the_detail_has_code_message_and_request_id() {
        let error = service("ValidationException", "key is empty", 400);
        assert_eq!(error.to_string(), "get item: ValidationException: key is empty (request 7a1f)");
    }

    #[test]
    fn a_signature_error_does_not_give_the_session_token_away() {
        let message = "The signature does not match.\n\nGET\n/\nx-amz-security-token:IQoJb3JpZ2lu";
        let detail = service("SignatureDoesNotMatch", message, 403).detail;
        assert!(detail.contains("does not match.") && !detail.contains("IQoJ"), "{detail}");
    }

    #[test]
    fn a_lost_connection_is_transient_and_says_why() {
        let io = ConnectorError::io("connection refused".into());
        let error = failed::<ErrorMetadata>("get item")(SdkError::dispatch_failure(io));
        assert_eq!(error.kind, PortErrorKind::Transient);
        assert!(error.detail.contains("connection refused"), "{}", error.detail);
    }
}
