//! One error of a build, understood as far as it can be.

use super::access::{self, Encoded, Verdict};
use super::flat::Flat;
use super::lock::{self, Lock};
use super::log::RawError;
use super::{call, class, remedy, source};
use crate::failure::FailureClass;
use serde::Serialize;

/// One error of a build.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The kind.
    pub class: FailureClass,
    /// The error in its own words.
    pub message: String,
    /// The AWS service, as IAM calls it.
    pub service: Option<String>,
    /// What was asked of AWS, as IAM actions.
    pub actions: Vec<String>,
    /// The address of the resource in Terraform.
    pub resource: Option<String>,
    /// File and line in the configuration.
    pub location: Option<String>,
    /// The ARN of what the call was about.
    pub arn: Option<String>,
    /// The user or role that asked.
    pub principal: Option<String>,
    /// The error code.
    pub code: Option<String>,
    /// Whether allowing the actions in the credentials' IAM policy helps; none if this is not about permissions, or
    /// AWS does not tell.
    pub adding_permission_helps: Option<bool>,
    /// Which policy decided, for errors about permissions.
    pub verdict: Option<Verdict>,
    /// What AWS encoded instead of saying it.
    pub encoded: Option<Encoded>,
    /// Who holds the lock of the state.
    pub lock: Option<Lock>,
    /// What to do about it, in one or two sentences; empty when nothing is known.
    pub remedy: String,
    /// How often the log has it.
    pub times: u32,
}

/// What AWS says before the action that an allow is missing for, so that adding it helps unless it says more.
const TELLING: [&str; 3] =
    ["not authorized to perform: ", "missing permissions for '", "permission to create the service-linked role"];

impl Finding {
    /// Understands an error; `flat` is its message.
    pub(super) fn new(raw: &RawError, flat: &Flat) -> Self {
        let class = class::classify(flat).unwrap_or(FailureClass::Unknown);
        let mut source = raw.source.clone();
        if source.address.is_none() {
            let subject = || source::subject(flat.as_str()).map(|(address, _)| address.to_owned());
            match source::frame_within(flat.as_str()) {
                Some(within) => source = within,
                None => source.address = subject(),
            }
        }
        let call = call::call(flat);
        let denied = matches!(class, FailureClass::MissingPermission | FailureClass::ExplicitDeny);
        let verdict = denied.then(|| access::verdict(flat).or_else(|| access::of_actions(&call.actions))).flatten();
        let told = TELLING.iter().any(|words| flat.has(words));
        let mut finding = Self {
            class,
            service: call.service,
            actions: call.actions,
            resource: source.address,
            location: source.location,
            arn: call::resource(flat).map(str::to_owned),
            principal: call::principal(flat).map(str::to_owned),
            code: class::code(flat).map(str::to_owned),
            adding_permission_helps: match &verdict {
                Some(verdict) => Some(verdict.identity_policy_helps()),
                None => (denied && told && !access::is_for_another_reason(flat)).then_some(true),
            },
            verdict,
            encoded: if denied { access::encoded(flat) } else { None },
            lock: if class == FailureClass::StateLocked { lock::lock(flat) } else { None },
            remedy: String::new(),
            times: 1,
            message: raw.message(),
        };
        finding.remedy = remedy::of(&finding, flat);
        finding
    }

    /// The actions that an allow is missing for, as far as AWS does not say that the allow belongs elsewhere.
    pub fn missing_actions(&self) -> &[String] {
        let missing = self.class == FailureClass::MissingPermission && self.adding_permission_helps != Some(false);
        if missing { &self.actions } else { &[] }
    }

    /// What makes two errors the same: all of the message but the ids that AWS makes anew for each answer.
    pub(super) fn sameness(&self, flat: &Flat) -> String {
        // Where an encoded message ends was a guess, so what follows it is left out as well.
        let encoded = self.encoded.as_ref().and_then(|_| flat.lower().find("encoded authorization failure message"));
        let text = &flat.as_str()[..encoded.unwrap_or(flat.as_str().len())];
        let mut kept = String::with_capacity(text.len());
        let mut changing = false;
        for word in text.split(' ') {
            if !changing {
                kept.push_str(word);
                kept.push(' ');
            }
            changing = ["RequestID:", "HostID:", "id:", "(RequestID:"].contains(&word);
        }
        kept
    }
}
