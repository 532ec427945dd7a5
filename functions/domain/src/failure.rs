//! What went wrong with a build or a cluster, in a form that tells a person what to do.

use crate::diagnosis::Policy;
use serde::{Deserialize, Serialize};
use strum::VariantArray;

/// The kinds of failure that a person has to be told apart: each has words and a remedy of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, VariantArray)]
#[serde(rename_all = "snake_case")]
pub enum FailureClass {
    /// An AWS action is not allowed and allowing it helps.
    MissingPermission,
    /// An AWS action is denied by a statement that no further allow overrides.
    ExplicitDeny,
    /// A quota of the account is used up.
    Quota,
    /// AWS has no capacity for the instance type at present.
    Capacity,
    /// A version (of Kubernetes, an add-on, a machine image, Terraform, a provider) is not offered or does not fit.
    Version,
    /// A resource of that name exists already.
    NameClash,
    /// AWS does not accept what it is asked for, whoever asks: a setting, a network, the state of the account.
    Rejected,
    /// The credentials are wrong or have expired.
    Credentials,
    /// Another Terraform process holds the state's lock.
    StateLocked,
    /// A resource cannot be deleted while others depend on it.
    Dependency,
    /// What was asked for was accepted, and is not ready, or not gone, in time.
    NotStabilized,
    /// The cluster's own API turns the caller away, whatever IAM allows.
    KubernetesUnauthorized,
    /// AWS throttled the call, or a network call failed.
    Transient,
    /// The build ran out of time, was stopped or vanished.
    BuildLost,
    /// The person responsible asked for it.
    Requested,
    /// None of the above; the text is passed on as it is.
    Unknown,
}

/// What follows from a failure. Of a class, the life cycle of a cluster asks nothing but this, so that any class stands for
/// all that have the same answer: `tests/model` rests on it, and holds the decisions to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reaction {
    /// The same again, a little later: that may succeed without anybody changing anything.
    TryAgain,
    /// The same again is of no use before a person has changed something outside.
    AwaitPerson,
    /// What was begun is undone. A teardown cannot be: that is tried again all the same.
    GiveUp,
}

impl FailureClass {
    /// All of them.
    pub const ALL: &[Self] = Self::VARIANTS;

    /// What follows from a failure of this class.
    #[must_use]
    pub fn reaction(self) -> Reaction {
        match self {
            Self::Capacity | Self::Transient | Self::StateLocked | Self::Dependency | Self::BuildLost => {
                Reaction::TryAgain
            }
            Self::MissingPermission | Self::ExplicitDeny | Self::Credentials => Reaction::AwaitPerson,
            Self::Quota
            | Self::Version
            | Self::NameClash
            | Self::Rejected
            | Self::NotStabilized
            | Self::KubernetesUnauthorized
            | Self::Requested
            | Self::Unknown => Reaction::GiveUp,
        }
    }
}

/// A failure with its cause and its remedy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// The kind.
    pub class: FailureClass,
    /// What happened, in AWS's or Terraform's own words where there are any.
    pub message: String,
    /// What to do about it; empty when nothing is known.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub remedy: String,
    /// IAM actions to add, such as `ec2:CreateVpc`, sorted and without repetition.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub missing_actions: Vec<String>,
    /// The policy that allows them, ready to paste.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<Policy>,
    /// The CodeBuild build in which it happened.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub build_id: Option<String>,
}

impl Failure {
    /// A failure of a class, in words, without further detail.
    pub fn new(class: FailureClass, message: impl Into<String>) -> Self {
        Self {
            class,
            message: message.into(),
            remedy: String::new(),
            missing_actions: vec![],
            policy: None,
            build_id: None,
        }
    }

    /// The same with a remedy.
    #[must_use]
    pub fn remedied_by(mut self, remedy: impl Into<String>) -> Self {
        self.remedy = remedy.into();
        self
    }

    /// Message and remedy in one text.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = self.message.trim_end().to_owned();
        if !self.remedy.is_empty() {
            text.push_str("\n\n");
            text.push_str(&self.remedy);
        }
        text
    }
}
