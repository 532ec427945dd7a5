//! Which AWS call failed, with which code, and on what.

use super::flat::{Flat, word};
use super::services;

/// The call as far as the error tells.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Call {
    /// The service's prefix in IAM, or its name in the error where that is not known.
    pub service: Option<String>,
    /// What was called, as IAM actions.
    pub actions: Vec<String>,
}

/// Reads the call from an error. What the error says in so many words counts before what follows from it.
pub(super) fn call(error: &Flat) -> Call {
    let operation = failed_operation(error);
    let mut actions = named_actions(error);
    if actions.is_empty() {
        let derived = match operation {
            Some((service, name)) => services::prefix(service).and_then(|prefix| services::action(prefix, name)),
            None => called(error).and_then(|name| services::action(services::owner(name)?, name)),
        };
        actions.extend(derived.or_else(|| services::of_words(error.lower()).map(str::to_owned)));
    }
    let of_action = actions.first().and_then(|action| action.split(':').next()).map(str::to_owned);
    let of_operation = || operation.map(|(service, _)| services::prefix(service).unwrap_or(service).to_owned());
    let of_words = || services::named(error).map(str::to_owned);
    Call { service: of_action.or_else(of_operation).or_else(of_words), actions }
}

/// The operation that failed: where one called for another, the inner one; where a second error follows, the first.
fn failed_operation(error: &Flat) -> Option<(&str, &str)> {
    let end = error.lower().find("https response error ").unwrap_or(error.lower().len());
    let in_first = error.lower()[..end]
        .match_indices(OPERATION)
        .filter_map(|(at, _)| operation_at(error.from(at + OPERATION.len())));
    in_first.last().or_else(|| error.after(OPERATION).find_map(operation_at))
}

/// The error code in its place in a message, of whichever SDK.
pub(super) fn code(error: &Flat) -> Option<&str> {
    let v2 = || error.after("api error ").map(word).next();
    let modelled = || error.after("https response error statuscode: ").filter_map(after_ids).next();
    let java = || error.after(" error code: ").map(word).next();
    let handler = || error.after("handlererrorcode: ").map(word).next().filter(|code| *code != UNTOLD);
    let found = v2().or_else(modelled).or_else(java).or_else(|| of_command(error)).or_else(handler);
    found.or_else(|| v1(error)).filter(|code| is_code(code))
}

/// The code in an error of AWS's command line, or of its library for Python.
pub(super) fn of_command(error: &Flat) -> Option<&str> {
    let code = error.after("an error occurred (").filter_map(|rest| rest.split(')').next()).next();
    code.filter(|code| is_code(code))
}

/// What CloudFormation calls an error that its handlers have no code for.
const UNTOLD: &str = "GeneralServiceException";
const OPERATION: &str = "operation error ";

/// The code of the first issue that EKS has with a node group or an add-on, behind the names of what it is about:
/// `last error: i-0a1b: NodeCreationFailure: …`, `[Issue(Code=NodeCreationFailure, …`, `[{Code: NodeCreationFailure,…`.
pub(super) fn issue(error: &Flat) -> Option<&str> {
    /// More names than this are not passed over.
    const MOST_WORDS: usize = 64;
    let waited = || {
        let rest = error.after("last error: ").next().or_else(|| error.after("creation: ").next())?;
        rest.split(' ').take(MOST_WORDS).find_map(|word| word.strip_suffix(':').filter(|code| is_issue(code)))
    };
    let mut lists = error.after("issue(code=").chain(error.after("[{code: ")).map(word);
    let mut listed = || lists.next().map(|code| code.split(',').next().unwrap_or(code));
    listed().or_else(waited).filter(|code| is_issue(code))
}

fn is_issue(text: &str) -> bool {
    let capitals = text.bytes().filter(u8::is_ascii_uppercase).count();
    let sound = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'.');
    capitals > 1 && sound && text.starts_with(|c: char| c.is_ascii_uppercase())
}

/// The user or role that asked.
pub(super) fn principal(error: &Flat) -> Option<&str> {
    error.after("user: ").map(word).find(|user| user.starts_with("arn:"))
}

/// What it asked for, where that is named by its ARN.
pub(super) fn resource(error: &Flat) -> Option<&str> {
    error.after("on resource: ").map(word).find(|resource| resource.starts_with("arn:"))
}

/// The actions that an error names, in its order.
fn named_actions(error: &Flat) -> Vec<String> {
    const BEFORE: [&str; 4] = ["not authorized to perform", "missing permissions for ", "api: ", "error calling "];
    // What nothing allows may be another action than the call's own, such as one that only a setting of it needs.
    let refused = error.after("because no ").filter_map(|rest| {
        const ALLOWS: &str = " allows the ";
        let at = rest[..rest.floor_char_boundary(LONGEST_KIND)].find(ALLOWS)?;
        action(&rest[at + ALLOWS.len()..])
    });
    let mut found: Vec<&str> = refused.collect();
    if error.has("permission to create the service-linked role") {
        found.push("iam:CreateServiceLinkedRole");
    }
    if found.is_empty() {
        for before in BEFORE {
            let named = error.after(before).map(|rest| rest.strip_prefix(':').unwrap_or(rest).trim_start());
            found.extend(named.filter_map(action));
        }
    }
    let mut once: Vec<String> = vec![];
    for action in found {
        if !once.iter().any(|known| known == action) {
            once.push(action.to_owned());
        }
    }
    once
}

/// No kind of policy has a longer name.
const LONGEST_KIND: usize = 64;

/// The action at the beginning of a text, such as `ec2:CreateVpc`.
fn action(text: &str) -> Option<&str> {
    let text = text.split(' ').next()?.trim_start_matches(['\'', '"', '`', '[']);
    let (prefix, rest) = text.split_at(text.find(':')?);
    let name = rest[1..].len() - rest[1..].trim_start_matches(|c: char| c.is_ascii_alphanumeric() || c == '*').len();
    let service =
        !prefix.is_empty() && prefix.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    let named = rest[1..].starts_with(|c: char| c.is_ascii_uppercase() || c == '*');
    (service && named).then(|| &text[..prefix.len() + 1 + name])
}

/// `CloudWatch Logs: CreateLogGroup, https response error …`: service and operation.
fn operation_at(text: &str) -> Option<(&str, &str)> {
    /// No service has a longer name.
    const LONGEST: usize = 64;
    let at = text.bytes().take(LONGEST).position(|byte| byte == b':')?;
    let name = word(&text[at + 1..]);
    let sound = name.starts_with(|c: char| c.is_ascii_uppercase()) && name.bytes().all(|b| b.is_ascii_alphanumeric());
    sound.then(|| (&text[..at], name))
}

/// `An error occurred (403) when calling the HeadObject operation`: the operation.
fn called(error: &Flat) -> Option<&str> {
    error.after("when calling the ").map(word).next()
}

/// `403, RequestID: 1b2…, HostID: x, ForbiddenException: …`: the code behind status and ids.
fn after_ids(text: &str) -> Option<&str> {
    let mut rest = text.trim_start_matches(|c: char| c.is_ascii_digit()).strip_prefix(", ")?;
    for id in ["RequestID: ", "HostID: "] {
        if let Some(after) = rest.strip_prefix(id) {
            rest = after.split_once(", ")?.1;
        }
    }
    let code = &rest[..rest.find([':', ' ']).unwrap_or(rest.len())];
    is_code(code).then_some(code)
}

/// `creating X (y): CODE: message status code: 400`: the code, which stands between two colons. Where no status tells
/// that this is AWS's, its name must.
fn v1(error: &Flat) -> Option<&str> {
    let of_aws = error.has("status code: ") || error.has("{ respmetadata: {");
    let mut follows = true;
    error.words().find_map(|word| {
        let code = word.strip_suffix(':').filter(|code| is_code(code));
        let code = code.filter(|code| if code.ends_with("Exception") { of_aws || follows } else { of_aws && follows });
        follows = word.ends_with(':');
        code
    })
}

fn is_code(text: &str) -> bool {
    if matches!(text, "Error" | "Exception") {
        return false;
    }
    let starts = text.starts_with(|c: char| c.is_ascii_uppercase());
    let numeric = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    numeric || starts && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-'))
}
