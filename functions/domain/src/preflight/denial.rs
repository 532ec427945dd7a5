//! What IAM says that the credentials lack, and what stands in the way.

use super::{Fact, Finding, Severity, finding, unchecked};
use crate::diagnosis::Policy;
use std::collections::{BTreeMap, BTreeSet};

/// What keeps an action from being allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Barrier {
    /// A policy of the organization.
    Organization,
    /// The permissions boundary of the user or role.
    Boundary,
    /// A statement that denies it.
    ExplicitDeny,
    /// No policy allows it: adding an allow helps, as it does with none of the others.
    NoAllow,
}

/// An action that a principal's policies do not allow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Denial {
    /// The action.
    pub action: String,
    /// The pattern of what it is needed on, where that is not everything.
    pub pattern: Option<String>,
    /// What stands in the way.
    pub barrier: Barrier,
    /// Whether IAM was asked about the very resource, and its answer hangs on nothing that only the call itself says.
    pub certain: bool,
}

pub(super) fn findings(denials: &Fact<Vec<Denial>>) -> Vec<Finding> {
    const ABOUT: &str = "permissions";
    let denials = match denials {
        Ok(denials) => denials,
        Err(why) => return vec![unchecked(ABOUT, "which permissions are missing", why, "iam:SimulatePrincipalPolicy")],
    };
    let mut groups: BTreeMap<(Severity, Barrier), BTreeSet<&str>> = BTreeMap::new();
    for denial in denials {
        let severity = if denial.certain { Severity::Certain } else { Severity::Likely };
        groups.entry((severity, denial.barrier)).or_default().insert(&denial.action);
    }
    // One policy for all that is missing: it is pasted once.
    let missing = denials.iter().filter(|denial| denial.barrier == Barrier::NoAllow);
    let policy = Policy::allowing(missing.map(|denial| (denial.action.as_str(), denial.pattern.as_deref())));
    let told = groups.into_iter().map(|((severity, barrier), actions)| {
        let actions = actions.into_iter().collect::<Vec<_>>().join(", ");
        let (who, remedy) = barrier.told();
        let what = format!("{who} what creating and destroying a cluster needs: {actions}");
        let policy = policy.clone().filter(|_| barrier == Barrier::NoAllow);
        Finding { policy, ..finding(severity, ABOUT, what, remedy) }
    });
    told.collect()
}

impl Barrier {
    /// Who forbids, and what helps.
    fn told(self) -> (&'static str, &'static str) {
        match self {
            Self::Organization => (
                "a service control policy of the organization forbids",
                "Adding an allow does not help. Ask whoever administers the AWS organization to let this account do it, or register another account.",
            ),
            Self::Boundary => (
                "the permissions boundary of the user or role does not allow",
                "Adding an allow to its policies does not help: ask the owner of the boundary to allow it there.",
            ),
            Self::ExplicitDeny => (
                "a statement that denies forbids",
                "Adding an allow does not help. Find the statement with \"Effect\": \"Deny\" in the policies of the user or role, and have it lifted.",
            ),
            Self::NoAllow => ("no policy allows", "Add the policy given here to the credentials' user or role."),
        }
    }
}
