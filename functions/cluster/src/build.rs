//! What the end of a build means.

use domain::diagnosis::Diagnosis;
use domain::failure::{Failure, FailureClass};
use serde_json::Value;

/// Why a build failed: what Terraform said in its event stream, else what the state machine was told. Denials that AWS
/// had encoded are told as far as they were decoded.
#[must_use]
pub fn failure(diagnosis: Diagnosis, error: &str, cause: &str) -> Failure {
    let details: Value = serde_json::from_str(cause).unwrap_or_default();
    let build = &details["Build"];
    let mut failure = diagnosis.failure().unwrap_or_else(|| match build["BuildStatus"].as_str() {
        Some("TIMED_OUT") => Failure::new(FailureClass::BuildLost, "the build ran out of time"),
        Some("STOPPED") => Failure::new(FailureClass::BuildLost, "the build was stopped"),
        Some(status) => Failure::new(
            FailureClass::BuildLost,
            format!("the build ended as {status} without an error of Terraform{}", phase_message(build)),
        ),
        None => unprepared(error, details["errorMessage"].as_str().unwrap_or(cause)),
    });
    failure.build_id = build["Id"].as_str().map(str::to_owned);
    failure
}

/// Why a step of the machine failed before or after its build, or could not be waited for any longer.
fn unprepared(error: &str, message: &str) -> Failure {
    let of_class = |class| Failure::new(class, String::new());
    let told = match error {
        "States.Timeout" => {
            return Failure::new(FailureClass::BuildLost, "the build, or a step beside it, did not end in time");
        }
        "StateHeld" => of_class(FailureClass::StateLocked),
        // A function that died or could not be invoked, each time it was tried: that says nothing of the cluster.
        "Transient" | "Sandbox.Timedout" | "Runtime.ExitError" | "CodeBuild.SdkClientException" => {
            of_class(FailureClass::Transient)
        }
        error if error.starts_with("Lambda.") => of_class(FailureClass::Transient),
        "LockedOut" => of_class(FailureClass::KubernetesUnauthorized).remedied_by(
            "The cluster's own API turns the integration's credentials away: give their user or role an access entry of \
             the EKS cluster. DELETE /v1/clusters/{id}?force=true tears the cluster down without looking for pods.",
        ),
        // Credentials that are not valid any more take a person, in whatever step that shows.
        _ => {
            let told = Diagnosis::read(&format!("Error: {message}")).failure();
            told.unwrap_or_else(|| of_class(FailureClass::Unknown))
        }
    };
    Failure { message: format!("the cluster could not be prepared ({error}): {message}"), ..told }
}

/// What the failed phase of a build says of itself.
fn phase_message(build: &Value) -> String {
    let contexts = build["Phases"].as_array().into_iter().flatten().filter(|p| p["PhaseStatus"] == "FAILED");
    let message = contexts.flat_map(|p| p["Contexts"].as_array().cloned().unwrap_or_default()).find_map(|context| {
        let text = context["Message"].as_str().unwrap_or_default().trim().to_owned();
        (!text.is_empty()).then_some(text)
    });
    message.map(|text| format!(": {text}")).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::failure::Reaction;
    use serde_json::json;

    #[test]
    fn credentials_that_are_not_valid_any_more_are_told_from_other_failures_to_prepare() {
        for (code, class) in [
            ("InvalidClientTokenId", FailureClass::Credentials),
            ("ExpiredTokenException", FailureClass::Credentials),
            ("SomethingElse", FailureClass::Unknown),
        ] {
            let words = format!("describe EKS cluster x-g1 in us-east-1: {code}: the token is of no use");
            let cause = json!({"errorType": "Fault", "errorMessage": words}).to_string();
            let failure = failure(Diagnosis::default(), "Fault", &cause);
            assert_eq!(
                (failure.class, failure.remedy.is_empty()),
                (class, class == FailureClass::Unknown),
                "{failure:?}"
            );
            assert!(failure.message.contains("could not be prepared (Fault)"), "{failure:?}");
        }
    }

    #[test]
    fn what_says_nothing_of_the_cluster_is_tried_again() {
        let exit = r#"{"errorType":"Runtime.ExitError","errorMessage":"RequestId: 1 Error: Runtime exited with error: signal: killed"}"#;
        for (error, cause) in [
            ("States.Timeout", ""),
            ("Sandbox.Timedout", r#"{"errorMessage":"RequestId: 1 Error: Task timed out after 120.00 seconds"}"#),
            ("Runtime.ExitError", exit),
            ("Lambda.Unknown", "The cause could not be determined because Lambda did not return an error type."),
            ("Lambda.TooManyRequestsException", "Rate Exceeded."),
            ("CodeBuild.SdkClientException", "Unable to execute HTTP request"),
        ] {
            let failure = failure(Diagnosis::default(), error, cause);
            assert_eq!(failure.class.reaction(), Reaction::TryAgain, "{error}: {failure:?}");
        }
    }

    #[test]
    fn terraforms_own_words_come_first() {
        let stream = json!({"type": "diagnostic", "diagnostic": {"severity": "error", "summary": "VpcLimitExceeded", "detail": ""}});
        let cause = json!({"Build": {"Id": "p:1", "BuildStatus": "FAILED"}}).to_string();
        let failure = failure(Diagnosis::read(&stream.to_string()), "States.TaskFailed", &cause);
        assert_eq!((failure.class, failure.build_id.as_deref()), (FailureClass::Quota, Some("p:1")));
    }

    #[test]
    fn a_silent_end_is_a_lost_build_in_the_words_of_its_phase() {
        let build = json!({"Build": {"BuildStatus": "FAILED", "Phases": [{"PhaseStatus": "FAILED", "Contexts": [{"Message": "exit status 127"}]}]}});
        let found = failure(Diagnosis::default(), "States.TaskFailed", &build.to_string());
        assert_eq!(found.class, FailureClass::BuildLost);
        assert!(found.message.ends_with(": exit status 127"), "{}", found.message);
        let addons = failure(
            Diagnosis::default(),
            "Fault",
            r#"{"errorType":"Fault","errorMessage":"apply Namespace: forbidden"}"#,
        );
        assert!(addons.message.contains("apply Namespace: forbidden"));
        let held = failure(
            Diagnosis::default(),
            "StateHeld",
            r#"{"errorType":"StateHeld","errorMessage":"build p:1 still works"}"#,
        );
        assert!(held.class == FailureClass::StateLocked && held.message.contains("build p:1"), "{held:?}");
    }
}
