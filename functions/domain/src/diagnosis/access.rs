//! Why access was denied: which kind of policy decides it, and what AWS encoded instead of saying it.

use super::flat::{Flat, word};
use serde::Serialize;

/// How a policy denies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// A statement denies it; no further allow helps.
    ExplicitDeny,
    /// Nothing allows it.
    NotAllowed,
}

/// The kinds of policy that AWS evaluates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PolicyKind {
    /// Attached to the user or role.
    IdentityPolicy,
    /// Attached to the resource.
    ResourcePolicy,
    /// The most that a user or role may be allowed.
    PermissionsBoundary,
    /// Given when the session was made.
    SessionPolicy,
    /// Of the organization, for its accounts.
    ServiceControlPolicy,
    /// Of the organization, for its resources.
    ResourceControlPolicy,
    /// Of the VPC endpoint that the call went through.
    VpcEndpointPolicy,
    /// Of the role, for those who assume it.
    TrustPolicy,
}

/// The forms of "because no … allows" and "with an explicit deny in …", from the IAM user guide, in lower case.
const KINDS: [(&str, PolicyKind); 8] = [
    ("identity-based policy", PolicyKind::IdentityPolicy),
    ("resource-based policy", PolicyKind::ResourcePolicy),
    ("permissions boundary", PolicyKind::PermissionsBoundary),
    ("session policy", PolicyKind::SessionPolicy),
    ("service control policy", PolicyKind::ServiceControlPolicy),
    ("resource control policy", PolicyKind::ResourceControlPolicy),
    ("vpc endpoint policy", PolicyKind::VpcEndpointPolicy),
    ("role trust policy", PolicyKind::TrustPolicy),
];

impl PolicyKind {
    /// In words, with an article.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::IdentityPolicy => "an identity policy of the credentials' user or role",
            Self::ResourcePolicy => "a policy of the resource",
            Self::PermissionsBoundary => "the permissions boundary of the credentials' user or role",
            Self::SessionPolicy => "the policy of the session",
            Self::ServiceControlPolicy => "a service control policy of the organization",
            Self::ResourceControlPolicy => "a resource control policy of the organization",
            Self::VpcEndpointPolicy => "the policy of the VPC endpoint",
            Self::TrustPolicy => "the trust policy of the role",
        }
    }
}

/// AWS's reason for a denial.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// Whether a statement denies or nothing allows.
    pub effect: Effect,
    /// The kind of policy, where AWS names it.
    pub policy: Option<PolicyKind>,
    /// The very policy, where AWS names it.
    pub policy_arn: Option<String>,
}

impl Verdict {
    /// Whether an allow in the identity policy of the credentials helps.
    #[must_use]
    pub fn identity_policy_helps(&self) -> bool {
        self.effect == Effect::NotAllowed && self.policy.is_none_or(|kind| kind == PolicyKind::IdentityPolicy)
    }
}

/// The reason that a denial names.
pub(super) fn verdict(error: &Flat) -> Option<Verdict> {
    if let Some(rest) = error.after("explicit deny").next() {
        let named = ["in an ", "in a ", "in the "].iter().find_map(|words| rest.trim_start().strip_prefix(words));
        let found = named.and_then(kind);
        let policy_arn = found.and_then(|(_, rest)| arn(rest)).map(str::to_owned);
        return Some(Verdict { effect: Effect::ExplicitDeny, policy: found.map(|(kind, _)| kind), policy_arn });
    }
    let (policy, rest) = error.after("because no ").find_map(kind)?;
    rest.starts_with(" allows").then_some(Verdict {
        effect: Effect::NotAllowed,
        policy: Some(policy),
        policy_arn: None,
    })
}

/// Whether AWS gives another reason than one that an allow removes: `… because the resource does not exist in this
/// Region, no resource-based policies allow access, or …`.
pub(super) fn is_for_another_reason(error: &Flat) -> bool {
    let mut denials = error.after("not authorized to perform");
    denials.any(|rest| {
        let sentence = &rest[..rest.floor_char_boundary(LONGEST_SENTENCE)];
        let sentence = sentence.split_once(". ").map_or(sentence, |(sentence, _)| sentence);
        sentence.split_once(" because ").is_some_and(|(_, reason)| !reason.starts_with("no "))
    })
}

/// An ARN has two kilobytes at most.
const LONGEST_SENTENCE: usize = 4096;

/// The reason that is plain from what was asked: whoever comes with a token of another identity provider has no policy
/// of its own yet, so the role decides alone.
pub(super) fn of_actions(actions: &[String]) -> Option<Verdict> {
    const BY_TOKEN: [&str; 2] = ["sts:AssumeRoleWithWebIdentity", "sts:AssumeRoleWithSAML"];
    let decided = actions.iter().any(|action| BY_TOKEN.contains(&action.as_str()));
    decided.then_some(Verdict { effect: Effect::NotAllowed, policy: Some(PolicyKind::TrustPolicy), policy_arn: None })
}

/// The kind of policy at the beginning of a text, and what follows.
fn kind(text: &str) -> Option<(PolicyKind, &str)> {
    KINDS.iter().find_map(|(words, kind)| {
        let (head, rest) = text.split_at_checked(words.len())?;
        head.eq_ignore_ascii_case(words).then_some((*kind, rest))
    })
}

/// The ARN behind the kind: `: arn:…`, ` (arn:…)`, `, with policy ARN: arn:…`.
fn arn(text: &str) -> Option<&str> {
    const BETWEEN: [&str; 7] = ["", ",", ":", "with", "policy", "arn", "arn:"];
    let between = |word: &&str| BETWEEN.contains(&word.to_ascii_lowercase().as_str());
    let found = text.split(' ').take(BETWEEN.len()).find(|word| !between(word))?;
    let policy = word(found.trim_start_matches([':', '(']));
    policy.starts_with("arn:").then_some(policy)
}

/// What AWS tells only to those who may decode it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Encoded {
    /// The message, without the breaks that a terminal put into it.
    pub message: String,
    /// The command that decodes it, for whoever may call `sts:DecodeAuthorizationMessage` in that account.
    pub decode_with: String,
}

/// The encoded reason of a denial.
pub(super) fn encoded(error: &Flat) -> Option<Encoded> {
    let rest = error.after("encoded authorization failure message: ").next()?;
    let mut message = String::new();
    let mut words = rest.split(' ').peekable();
    while let Some(word) = words.next() {
        let chunk = word.trim_end_matches(['.', ',', ';', ')', '"']);
        let last = words.peek().is_none();
        if !is_chunk(chunk, last || message.is_empty()) {
            break;
        }
        message.push_str(chunk);
        if chunk.len() < word.len() {
            break;
        }
    }
    (!message.is_empty()).then(|| {
        let decode_with = format!(
            "aws sts decode-authorization-message --encoded-message {message} --query DecodedMessage --output text"
        );
        Encoded { message, decode_with }
    })
}

/// Whether a word is a piece of an encoded message and not the next word of the sentence.
fn is_chunk(word: &str, expected: bool) -> bool {
    let charset =
        !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
    let plain = word.bytes().all(|byte| byte.is_ascii_lowercase());
    let title = word.bytes().skip(1).all(|byte| byte.is_ascii_lowercase());
    // Sixty-four letters at random hardly ever make a word of more than a few.
    charset && (expected || !(plain || title) || word.len() > 24)
}
