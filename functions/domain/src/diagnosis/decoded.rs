//! What `sts:DecodeAuthorizationMessage` tells of a denial that AWS had encoded.

use super::access::{Effect, Verdict};
use super::finding::Finding;
use super::flat::Flat;
use crate::failure::FailureClass;
use serde_json::Value;

/// A decoded denial.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decoded {
    /// The action that was denied, such as `ec2:RunInstances`.
    pub action: String,
    /// The ARN it was denied on, where one is named.
    pub resource: Option<String>,
    /// Who asked.
    pub principal: Option<String>,
    /// Whether a statement denies it, rather than none allowing it.
    pub explicit: bool,
}

impl Decoded {
    /// Reads a decoded message; none if it does not say which action it is about.
    #[must_use]
    pub fn parse(message: &str) -> Option<Self> {
        let message: Value = serde_json::from_str(message).ok()?;
        let context = &message["context"];
        let text = |value: &Value| value.as_str().filter(|text| !text.is_empty()).map(str::to_owned);
        Some(Self {
            action: text(&context["action"]).filter(|action| action.contains(':'))?,
            resource: text(&context["resource"]),
            principal: text(&context["principal"]["arn"]),
            explicit: message["explicitDeny"].as_bool().unwrap_or(false),
        })
    }
}

impl Finding {
    /// Completes a denial by what was decoded. What AWS said in plain words already stays.
    pub(super) fn complete(&mut self, decoded: &Decoded) {
        let on = decoded.resource.as_deref().map(|arn| format!(" on {arn}")).unwrap_or_default();
        let how = if decoded.explicit { "a policy denies explicitly" } else { "no policy allows" };
        self.message = format!("{}\nDecoded: {how} {}{on}", self.message.trim_end(), decoded.action);
        self.service = decoded.action.split(':').next().map(str::to_owned);
        self.actions = vec![decoded.action.clone()];
        self.arn = decoded.resource.clone().or_else(|| self.arn.take());
        self.principal = decoded.principal.clone().or_else(|| self.principal.take());
        self.class = if decoded.explicit { FailureClass::ExplicitDeny } else { FailureClass::MissingPermission };
        if self.verdict.is_none() {
            let effect = if decoded.explicit { Effect::ExplicitDeny } else { Effect::NotAllowed };
            self.verdict = Some(Verdict { effect, policy: None, policy_arn: None });
        }
        self.adding_permission_helps = Some(!decoded.explicit);
        self.encoded = None;
        self.remedy = super::remedy::of(self, &Flat::new(&self.message));
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Diagnosis, encoded_messages};
    use super::*;
    use serde_json::json;
    use std::collections::BTreeMap;

    const ENCODED: &str = "SAh2nDlM_rJs7hFuZ5hszTmXB0Cpmz2KENOOFaiMYyH7cyIdM-abc";

    fn log() -> String {
        format!(
            "Error: creating EKS Node Group: operation error EKS: CreateNodegroup, InvalidRequestException: You are not authorized to launch instances with this launch template. Encoded authorization failure message: {ENCODED}"
        )
    }

    fn decoded(explicit: bool) -> BTreeMap<String, Decoded> {
        let message = json!({
            "allowed": false, "explicitDeny": explicit, "matchedStatements": {"items": []},
            "context": {
                "principal": {"id": "AIDA", "arn": "arn:aws:iam::123456789012:user/ml"},
                "action": "ec2:RunInstances", "resource": "arn:aws:ec2:eu-west-1:123456789012:instance/*",
                "conditions": {"items": []},
            },
        });
        BTreeMap::from([(ENCODED.to_owned(), Decoded::parse(&message.to_string()).expect("an action"))])
    }

    #[test]
    fn a_decoded_denial_names_the_action_and_the_policy_for_it() {
        assert_eq!(encoded_messages(&log()), [ENCODED]);
        let undecoded = Diagnosis::read(&log());
        assert!(undecoded.remedy.contains("decode-authorization-message"), "{}", undecoded.remedy);
        let diagnosis = Diagnosis::read_with(&log(), &decoded(false));
        assert_eq!(diagnosis.class, Some(FailureClass::MissingPermission));
        assert_eq!(diagnosis.missing_actions, ["ec2:RunInstances"]);
        assert!(json!(diagnosis.policy).to_string().contains("ec2:RunInstances"));
        assert!(!diagnosis.remedy.contains("decode-authorization-message"), "{}", diagnosis.remedy);
        assert!(diagnosis.errors[0].message.contains("Decoded: no policy allows ec2:RunInstances on arn:aws:ec2"));
    }

    #[test]
    fn a_decoded_explicit_deny_asks_for_no_allow() {
        let diagnosis = Diagnosis::read_with(&log(), &decoded(true));
        assert_eq!((diagnosis.class, diagnosis.policy), (Some(FailureClass::ExplicitDeny), None));
        assert!(diagnosis.remedy.contains("adding an allow does not help"), "{}", diagnosis.remedy);
    }

    #[test]
    fn what_does_not_tell_an_action_is_nothing() {
        for useless in ["", "null", "{}", r#"{"context": {"action": "?"}}"#, "An error occurred"] {
            assert_eq!(Decoded::parse(useless), None, "{useless}");
        }
    }
}
