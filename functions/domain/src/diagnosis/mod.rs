//! Why a build failed, read from its log: Terraform's event stream, its words for people, or a mixture.
//!
//! ```text
//! log ─ line ─> lines without boxes, colours, times ─ log, event, source ─> errors ─ finding ─> class, call, policy
//! ```
//!
//! Every error counts, not only the first: Terraform goes on with independent branches, so one build can show all the
//! permissions that are missing. What is not known stays in its own words. All of it takes time in proportion to the
//! log.

mod access;
mod advice;
mod call;
mod class;
mod codes;
mod decoded;
mod event;
mod finding;
mod flat;
mod line;
mod lock;
mod log;
mod noise;
mod policy;
mod remedy;
mod services;
mod signs;
mod source;
#[cfg(test)]
mod tests;

pub use access::{Effect, Encoded, PolicyKind, Verdict};
pub use decoded::Decoded;
pub use finding::Finding;
pub use lock::Lock;
pub use policy::{Policy, Statement};

use crate::cut::head;
use crate::failure::{Failure, FailureClass};
use flat::Flat;
use log::RawError;
use serde::Serialize;
use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap, HashSet};

/// What is wrong with a build.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Diagnosis {
    /// The class that decides what to do next; none if there is no error.
    pub class: Option<FailureClass>,
    /// What to do about all of it; empty when nothing is known.
    pub remedy: String,
    /// IAM actions to allow, sorted.
    pub missing_actions: Vec<String>,
    /// The policy that allows them.
    pub policy: Option<Policy>,
    /// Actions that no allow in the credentials' policy helps with, and why.
    pub denied: Vec<Denial>,
    /// Every error, in the order of the log and without repetition.
    pub errors: Vec<Finding>,
}

/// Actions that are denied for another reason than a missing allow in the credentials' policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Denial {
    /// The actions.
    pub actions: Vec<String>,
    /// What the call was about.
    pub arn: Option<String>,
    /// Who denies it.
    pub verdict: Verdict,
}

/// The classes by what they demand: what a person must do first comes before what passes by itself.
const SEVERITY: [FailureClass; 15] = [
    FailureClass::Credentials,
    FailureClass::ExplicitDeny,
    FailureClass::MissingPermission,
    FailureClass::KubernetesUnauthorized,
    FailureClass::Quota,
    FailureClass::Version,
    FailureClass::NameClash,
    FailureClass::Rejected,
    FailureClass::StateLocked,
    FailureClass::Dependency,
    FailureClass::Capacity,
    FailureClass::NotStabilized,
    FailureClass::Transient,
    FailureClass::BuildLost,
    FailureClass::Unknown,
];

impl Diagnosis {
    /// Reads a log, or as much of it as there is.
    #[must_use]
    pub fn read(log: &str) -> Self {
        Self::read_with(log, &BTreeMap::new())
    }

    /// The same with what STS decoded of the messages that the log has encoded.
    #[must_use]
    pub fn read_with(log: &str, decoded: &BTreeMap<String, Decoded>) -> Self {
        let mut errors = merged(&log::errors(log));
        for error in &mut errors {
            let known = error.encoded.as_ref().and_then(|encoded| decoded.get(&encoded.message));
            if let Some(decoded) = known {
                error.complete(decoded);
            }
        }
        let mut missing: Vec<String> = errors.iter().flat_map(Finding::missing_actions).cloned().collect();
        missing.sort();
        missing.dedup();
        let asked = errors.iter().flat_map(|error| {
            error.missing_actions().iter().map(move |action| (action.as_str(), error.arn.as_deref()))
        });
        let policy = Policy::allowing(asked);
        let mut denied: Vec<Denial> = vec![];
        for error in errors.iter().filter(|error| error.adding_permission_helps == Some(false)) {
            let Some(verdict) = error.verdict.clone() else { continue };
            let denial = Denial { actions: error.actions.clone(), arn: error.arn.clone(), verdict };
            if denied.last() != Some(&denial) {
                denied.push(denial);
            }
        }
        let mut by_severity: Vec<&Finding> = errors.iter().collect();
        by_severity.sort_by_key(|error| severity(error.class));
        Self {
            class: by_severity.first().map(|error| error.class),
            remedy: remedy::together(&by_severity, &missing),
            missing_actions: missing,
            policy,
            denied,
            errors,
        }
    }

    /// The failure that the errors amount to; none if there are none.
    #[must_use]
    pub fn failure(self) -> Option<Failure> {
        let class = self.class?;
        Some(Failure {
            message: message(&self.errors),
            remedy: self.remedy,
            missing_actions: self.missing_actions,
            policy: self.policy,
            ..Failure::new(class, "")
        })
    }
}

/// The failure that a log's errors amount to; none if it shows no error.
#[must_use]
pub fn diagnose(log: &str) -> Option<Failure> {
    Diagnosis::read(log).failure()
}

/// The messages in a log that AWS has encoded, for STS to decode.
#[must_use]
pub fn encoded_messages(log: &str) -> Vec<String> {
    let encoded = Diagnosis::read(log).errors.into_iter().filter_map(|error| error.encoded);
    let mut messages: Vec<String> = encoded.map(|encoded| encoded.message).collect();
    messages.sort();
    messages.dedup();
    messages
}

/// Every error of a log, in its own words and order.
#[must_use]
pub fn errors(log: &str) -> Vec<String> {
    Diagnosis::read(log).errors.into_iter().map(|error| error.message).collect()
}

fn severity(class: FailureClass) -> usize {
    SEVERITY.iter().position(|listed| *listed == class).unwrap_or(SEVERITY.len())
}

/// The errors without repetition. The same resource may say the same more than once, in another form or in a later
/// build; and a log may print the bare summaries once more.
fn merged(raws: &[RawError]) -> Vec<Finding> {
    let bare = |raw: &RawError| raw.detail.is_empty() && raw.source.address.is_none();
    let told_fully: HashSet<Flat> = match raws.iter().any(bare) {
        true => raws.iter().filter(|raw| !bare(raw)).map(|raw| Flat::new(&raw.summary)).collect(),
        false => HashSet::new(),
    };
    let mut errors: Vec<Finding> = vec![];
    let mut known: HashMap<(String, Option<String>), usize> = HashMap::new();
    for raw in raws.iter().filter(|raw| !(bare(raw) && told_fully.contains(&Flat::new(&raw.summary)))) {
        let flat = Flat::new(&raw.message());
        let finding = Finding::new(raw, &flat);
        match known.entry((finding.sameness(&flat), finding.resource.clone())) {
            Entry::Occupied(known) => errors[*known.get()].times += 1,
            Entry::Vacant(new) => {
                new.insert(errors.len());
                errors.push(finding);
            }
        }
    }
    errors
}

/// The most bytes of errors that a failure carries: it is stored with its cluster, in an item of limited size.
const LONGEST_MESSAGE: usize = 16 * 1024;

fn message(errors: &[Finding]) -> String {
    let mut message = String::new();
    for (index, error) in errors.iter().enumerate() {
        if message.len() + error.message.len() > LONGEST_MESSAGE && index > 0 {
            message.push_str(&format!("\n(and {} more errors, in the build's events)", errors.len() - index));
            break;
        }
        if index > 0 {
            message.push('\n');
        }
        message.push_str(&head(&error.message, LONGEST_MESSAGE));
    }
    message
}
