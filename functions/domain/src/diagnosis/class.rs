//! What kind of error a text is.

use super::call;
use super::codes::{CODES, IN_USE, ISSUES, REFUSALS, SUFFIXES, WRAPPER};
use super::flat::Flat;
use super::signs::{CANCELED, LOCKED, LOCKING, NETWORK, NO_OUTAGE, PHRASES, WAITS};
use crate::failure::FailureClass;

/// The class of an error; none if nothing in it is known.
pub(super) fn classify(error: &Flat) -> Option<FailureClass> {
    certain(error).or_else(|| weak(error))
}

/// The code of an error: the word in a code's place, else the first one that is known for one, else that of an issue.
pub(super) fn code(error: &Flat) -> Option<&str> {
    let issue = call::issue(error);
    let known = || known_words(error, issue).next().map(|(word, _)| word);
    let issue = || issue.filter(|issue| of_issue(issue).is_some() || refused(issue));
    call::code(error).or_else(known).or_else(issue)
}

/// Whether a text that does not call itself an error is one beyond doubt.
pub(super) fn is_certain(text: &Flat) -> bool {
    // That something is not there is what many a program wants to know.
    let told = || call::of_command(text).is_some_and(|code| code != "404");
    certain(text).is_some() || told()
}

/// The class as far as the words are AWS's or Terraform's own and mean nothing else.
fn certain(error: &Flat) -> Option<FailureClass> {
    let said = |all: &[&str]| all.iter().all(|phrase| error.has(phrase));
    // A lock that cannot be taken for want of a permission is a matter of that permission, and a held one shows in
    // codes that mean other things elsewhere.
    let locking = LOCKING.iter().any(|phrase| error.has(phrase));
    let held = locking && LOCKED.iter().any(|sign| error.has(sign));
    let by_phrase = PHRASES.iter().find(|(all, _)| said(all)).map(|(_, class)| *class);
    by_phrase
        .filter(|class| !held || *class != FailureClass::Transient)
        .or_else(|| held.then_some(FailureClass::StateLocked))
        .or_else(|| by_code(error))
        .or_else(|| kubernetes_clash(error).then_some(FailureClass::NameClash))
        .or_else(|| WAITS.iter().any(|all| said(all)).then_some(FailureClass::NotStabilized))
}

/// The class by the codes that an error has: that of the call first, then what is known among the words, then that of
/// an issue of EKS, which is often but a consequence.
fn by_code(error: &Flat) -> Option<FailureClass> {
    let code = call::code(error);
    let in_use = || {
        let creating = error.has("creating ") || error.has(": create");
        let class = if creating { FailureClass::NameClash } else { FailureClass::Dependency };
        code.filter(|code| IN_USE.contains(code)).map(|_| class)
    };
    let issue = call::issue(error);
    code.and_then(of_code)
        .or_else(in_use)
        .or_else(|| known_words(error, issue).next().map(|(_, class)| class))
        .or_else(|| issue.and_then(of_issue))
        .or_else(|| code.or(issue).filter(|code| refused(code)).map(|_| FailureClass::Rejected))
}

/// What is likely by words that also stand in other texts.
fn weak(error: &Flat) -> Option<FailureClass> {
    let any = |phrases: &[&str]| phrases.iter().any(|phrase| error.has(phrase));
    if any(CANCELED) {
        Some(FailureClass::BuildLost)
    } else if (any(NETWORK) && !any(NO_OUTAGE)) || is_server_error(error) {
        Some(FailureClass::Transient)
    } else if any(LOCKING) && call::code(error).is_none() {
        Some(FailureClass::StateLocked)
    } else {
        (error.as_str() == "Unauthorized").then_some(FailureClass::KubernetesUnauthorized)
    }
}

/// The class of an error code.
fn of_code(code: &str) -> Option<FailureClass> {
    let bare = ["Client.", "Server."].iter().find_map(|side| code.rsplit_once(side)).map_or(code, |(_, code)| code);
    let listed = |code: &str| CODES.iter().find(|(_, codes)| codes.contains(&code));
    let family = || SUFFIXES.iter().find(|(_, ends)| ends.iter().any(|end| bare.ends_with(end)));
    listed(code).or_else(|| listed(bare)).or_else(family).map(|(class, _)| *class)
}

fn of_issue(code: &str) -> Option<FailureClass> {
    ISSUES.iter().find(|(_, codes)| codes.contains(&code)).map(|(class, _)| *class).or_else(|| of_code(code))
}

/// Whether a code says that something in the request is wrong, and no more.
fn refused(code: &str) -> bool {
    let code = code.strip_prefix("Client.").unwrap_or(code);
    let (beginnings, ends) = REFUSALS;
    code != WRAPPER
        && (beginnings.iter().any(|begin| code.starts_with(begin)) || ends.iter().any(|end| code.ends_with(end)))
}

/// The words that are known for codes and stand where a code does, with their classes, other than that of an issue.
fn known_words<'a>(error: &'a Flat, issue: Option<&'a str>) -> impl Iterator<Item = (&'a str, FailureClass)> {
    // An error of AWS may name another call's code in its sentence; in other texts that is anybody's word.
    let of_aws = call::code(error).is_some();
    let mut words = error.words().peekable();
    let mut named = true;
    std::iter::from_fn(move || {
        let word = words.next()?;
        let ends = words.peek().map_or(named, |next| *next == "-");
        named = word.ends_with(':');
        Some(of_word(word, named || ends, of_aws).filter(|(code, _)| issue != Some(*code)))
    })
    .flatten()
}

/// A word that may be a code: `placed` where one stands, before a colon or a dash, last after a colon, or alone.
fn of_word(word: &str, placed: bool, anywhere: bool) -> Option<(&str, FailureClass)> {
    let code = word.trim_start_matches('[').trim_end_matches([':', ',', '.', ';', ']']);
    let like_a_code = code.len() > 6
        && code.starts_with(|c: char| c.is_ascii_uppercase())
        && code.bytes().skip(1).any(|byte| byte.is_ascii_uppercase() || byte == b'.')
        && code.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'.');
    let class = if like_a_code && (placed || anywhere) {
        of_code(code).or_else(|| (placed && code.starts_with("Client.Invalid")).then_some(FailureClass::Rejected))
    } else {
        (word == "Throttling:").then_some(FailureClass::Transient)
    };
    class.map(|class| (code, class))
}

/// Whether Kubernetes says that an object is there: `namespaces "jobs" already exists`.
fn kubernetes_clash(error: &Flat) -> bool {
    error.lower().trim_end_matches('.').ends_with("\" already exists")
}

/// Whether the answer's status says that AWS itself failed, or had too much to do.
fn is_server_error(error: &Flat) -> bool {
    let mut statuses = error.after("statuscode: ").chain(error.after("status code: "));
    statuses.any(|rest| {
        rest.starts_with("429") || (rest.starts_with('5') && rest.as_bytes().get(2).is_some_and(u8::is_ascii_digit))
    })
}
