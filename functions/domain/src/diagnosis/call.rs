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
    let operation = error.after("operation error ").filter_map(operation).last();
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
    Call { service: of_action.or_else(of_operation), actions }
}

/// The error code in its place in a message, of whichever SDK.
pub(super) fn code(error: &Flat) -> Option<&str> {
    let v2 = || error.after("api error ").map(word).last();
    let modelled = || error.after("https response error statuscode: ").filter_map(after_ids).last();
    let java = || error.after("error code: ").map(word).next();
    let cli = || error.after("an error occurred (").filter_map(|rest| rest.split(')').next()).next();
    let found = v2().or_else(modelled).or_else(java).or_else(cli).or_else(|| v1(error));
    found.filter(|code| is_code(code))
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
    const BEFORE: [&str; 3] = ["not authorized to perform", "missing permissions for ", "api: "];
    let mut found: Vec<String> = vec![];
    for before in BEFORE {
        for rest in error.after(before) {
            let rest = rest.strip_prefix(':').unwrap_or(rest).trim_start();
            if let Some(action) = action(rest).filter(|action| !found.iter().any(|known| known == action)) {
                found.push(action.to_owned());
            }
        }
    }
    if found.is_empty() {
        let allows = error.after(" allows the ").filter_map(action).next();
        found.extend(allows.map(str::to_owned));
    }
    found
}

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
fn operation(text: &str) -> Option<(&str, &str)> {
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

/// `creating X (y): CODE: message status code: 400`: the code, which stands between two colons.
fn v1(error: &Flat) -> Option<&str> {
    if !error.has("status code: ") {
        return None;
    }
    let mut follows = true;
    error.words().find_map(|word| {
        let code = word.strip_suffix(':').filter(|code| follows && is_code(code));
        follows = word.ends_with(':');
        code
    })
}

fn is_code(text: &str) -> bool {
    let starts = text.starts_with(|c: char| c.is_ascii_uppercase());
    let numeric = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    numeric || starts && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-'))
}
