//! What an integration's credentials must be allowed, as the policies in `infra/policies` have it.
//!
//! The policies are the truth that users paste into IAM; this reads the same files, so that what preflight looks for
//! and what the README shows cannot differ. A test holds them against the Terraform module.

use crate::diagnosis::Policy;

/// What Terraform needs in order to create, refresh, change and destroy a cluster.
const CREATE: &str = include_str!("../../../infra/policies/create.json");
/// What the control plane does with the credentials itself.
const RUN: &str = include_str!("../../../infra/policies/run.json");

/// Actions that are to be allowed together on the same resources.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Needed {
    /// The actions, sorted.
    pub actions: Vec<String>,
    /// The ARN pattern that they are needed on; none for every resource.
    pub pattern: Option<String>,
}

impl Needed {
    /// An ARN that the pattern covers, to ask IAM about.
    #[must_use]
    pub fn example(&self) -> Option<String> {
        self.pattern.as_ref().map(|pattern| pattern.replace('*', "preflight"))
    }
}

/// What creating a cluster in this account needs, by what it is needed on.
#[must_use]
pub fn to_create(account: &str) -> Vec<Needed> {
    let Ok(policy) = serde_json::from_str::<Policy>(CREATE) else { return vec![] };
    policy.statement.into_iter().map(|statement| needed(statement.action, &statement.resource, account)).collect()
}

/// Actions that the control plane can do without: with each goes an answer before the creation instead of after it.
#[must_use]
pub fn to_look_ahead() -> Vec<String> {
    let Ok(policy) = serde_json::from_str::<Policy>(RUN) else { return vec![] };
    let look_ahead = policy.statement.into_iter().filter(|statement| statement.sid == "LookAhead");
    look_ahead.flat_map(|statement| statement.action).collect()
}

/// The pattern as the policy has it, `arn:aws:iam::*:role/ondemand-*`, with the account in place of the first star.
fn needed(actions: Vec<String>, resources: &[String], account: &str) -> Needed {
    let pattern = resources.first().filter(|pattern| *pattern != "*");
    Needed { actions, pattern: pattern.map(|pattern| pattern.replacen('*', account, 1)) }
}

#[cfg(test)]
mod tests;
