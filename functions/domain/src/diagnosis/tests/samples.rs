//! Errors as AWS and Terraform print them, of both SDK generations, with what is to be read from each.
//!
//! The texts are those of public issue threads with names and ids made up.

use crate::diagnosis::PolicyKind;
use crate::failure::FailureClass;

/// One error and what is to be read from it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sample {
    pub summary: &'static str,
    pub detail: &'static str,
    pub address: &'static str,
    pub class: FailureClass,
    pub actions: &'static [&'static str],
    pub code: Option<&'static str>,
    /// Whether adding a permission helps, and which policy decided.
    pub helps: Option<bool>,
    pub policy: Option<PolicyKind>,
    /// Words of the remedy.
    pub remedy: &'static str,
}

/// An error of a class; the rest follows.
pub(super) const fn sample(class: FailureClass, address: &'static str, summary: &'static str) -> Sample {
    Sample { summary, detail: "", address, class, actions: &[], code: None, helps: None, policy: None, remedy: "" }
}

impl Sample {
    pub const fn detail(mut self, detail: &'static str) -> Self {
        self.detail = detail;
        self
    }
    pub const fn code(mut self, code: &'static str) -> Self {
        self.code = Some(code);
        self
    }
    pub const fn actions(mut self, actions: &'static [&'static str]) -> Self {
        self.actions = actions;
        self
    }
    pub const fn helps(mut self, helps: bool) -> Self {
        self.helps = Some(helps);
        self
    }
    pub const fn remedy(mut self, remedy: &'static str) -> Self {
        self.remedy = remedy;
        self
    }
    pub const fn policy(mut self, policy: PolicyKind) -> Self {
        self.policy = Some(policy);
        self
    }
}

/// All of them.
pub(super) fn all() -> Vec<Sample> {
    let wild = super::wild::access::ACCESS.iter().chain(super::wild::nodes::NODES);
    let wild = wild
        .chain(super::wild::requests::REQUESTS)
        .chain(super::wild::machine::MACHINE)
        .chain(super::wild::later::LATER);
    super::denials::DENIALS.iter().chain(super::failures::FAILURES).chain(wild).copied().collect()
}
