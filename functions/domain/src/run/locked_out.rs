//! A run that nobody can look at: the user's account, or its cluster, refuses us.

use crate::cut::head;
use crate::diagnosis::diagnose;
use crate::failure::{Failure, FailureClass, Reaction};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// How long a run goes on though nobody can look at its pods.
///
/// An outage ends by itself, so half an hour is patience enough for one. Credentials do not: a person must notice and
/// renew them, who may be asleep. Waiting harms nothing meanwhile. The pods need none of these credentials: they work
/// on and report by themselves. And what is not waited for could not even be cleared up.
pub const LONGEST_LOCKED_OUT: SignedDuration = SignedDuration::from_hours(24);

/// Since when, and why, nobody can look at a run in its cluster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LockedOut {
    /// Since when.
    pub since: Timestamp,
    /// Why, and what to do about it.
    pub failure: Failure,
}

impl LockedOut {
    /// When the run is given up.
    #[must_use]
    pub fn until(&self) -> Timestamp {
        self.since + LONGEST_LOCKED_OUT
    }
}

/// What a refusal by the user's account or cluster amounts to, from its own words.
#[must_use]
pub fn refusal(words: &str) -> Failure {
    let words = head(words, LONGEST_WORDS);
    let known = diagnose(&format!("Error: {words}"));
    let known = known.filter(|known| known.class.reaction() == Reaction::AwaitPerson || known.class == KUBERNETES);
    let failure = known.unwrap_or_else(|| Failure::new(FailureClass::Credentials, words.as_str()));
    let remedy = match failure.class {
        FailureClass::Credentials => RENEW.to_owned(),
        KUBERNETES => format!("{RENEW} If they are valid, give their user or role an access entry of the EKS cluster."),
        _ => failure.remedy.clone(),
    };
    Failure { message: words, remedy, ..failure }
}

/// As much of a refusal as people read.
const LONGEST_WORDS: usize = 2 * 1024;
const KUBERNETES: FailureClass = FailureClass::KubernetesUnauthorized;
const RENEW: &str =
    "Renew the integration's credentials (PUT /v1/integrations/{id}/credentials): the next look uses them.";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_tells_what_a_person_has_to_do() {
        let expired = refusal(
            "describe EKS cluster c: ExpiredTokenException: The security token included in the request is expired",
        );
        assert_eq!(expired.class, FailureClass::Credentials);
        assert!(expired.message.contains("ExpiredToken") && expired.remedy.contains("Renew"), "{expired:?}");

        let denied = "describe EKS cluster c: AccessDeniedException: User: arn:aws:iam::123456789012:user/ml is not \
                      authorized to perform: eks:DescribeCluster on resource: arn:aws:eks:us-east-2:123456789012:cluster/c";
        let denied = refusal(denied);
        assert_eq!(
            (denied.class, &denied.missing_actions[..]),
            (FailureClass::MissingPermission, &["eks:DescribeCluster".to_owned()][..])
        );
        assert!(denied.remedy.contains("eks:DescribeCluster") && denied.policy.is_some(), "{denied:?}");

        let forbidden = refusal(
            "observe run r in cluster c: Forbidden: pods is forbidden: User \"ml\" cannot list resource \"pods\"",
        );
        assert_eq!(forbidden.class, FailureClass::KubernetesUnauthorized);
        assert!(forbidden.remedy.contains("access entry"), "{forbidden:?}");

        for words in ["observe run r in cluster c: Unauthorized: Unauthorized", "Rate exceeded", ""] {
            let failure = refusal(words);
            assert!(failure.remedy.contains("Renew") && failure.message == words, "{failure:?}");
        }
        assert!(refusal(&"ä".repeat(100_000)).message.len() <= LONGEST_WORDS);
    }
}
