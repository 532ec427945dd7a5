//! What kind of error a text is.

use super::call;
use super::flat::Flat;
use super::signs::{CANCELED, CODES, LOCKED, LOCKING, NETWORK, PHRASES, SUFFIXES};
use crate::failure::FailureClass;

/// The class of an error; none if nothing in it is known.
pub(super) fn classify(error: &Flat) -> Option<FailureClass> {
    certain(error).or_else(|| {
        let lost = NETWORK.iter().any(|phrase| error.has(phrase)) || is_server_error(error);
        let locking = LOCKING.iter().any(|phrase| error.has(phrase));
        if CANCELED.iter().any(|phrase| error.has(phrase)) {
            Some(FailureClass::BuildLost)
        } else if lost {
            Some(FailureClass::Transient)
        } else if locking {
            Some(FailureClass::StateLocked)
        } else {
            (error.as_str() == "Unauthorized").then_some(FailureClass::KubernetesUnauthorized)
        }
    })
}

/// The code of an error: the word in a code's place, else the first one that is known for one.
pub(super) fn code(error: &Flat) -> Option<&str> {
    let known = || error.words().find(|word| of_word(word).is_some());
    call::code(error).or_else(|| known().map(bare))
}

/// Whether a text that does not call itself an error is one beyond doubt.
pub(super) fn is_certain(text: &Flat) -> bool {
    certain(text).is_some()
}

/// The class as far as the words are AWS's or Terraform's own and mean nothing else.
fn certain(error: &Flat) -> Option<FailureClass> {
    // A lock that cannot be taken for want of a permission is a matter of that permission, and a held one shows in
    // codes that mean other things elsewhere.
    let locking = LOCKING.iter().any(|phrase| error.has(phrase));
    let held = locking && LOCKED.iter().any(|sign| error.has(sign));
    let by_phrase = || {
        let said = |all: &[&str]| all.iter().all(|phrase| error.has(phrase));
        PHRASES.iter().find(|(all, _)| said(all)).map(|(_, class)| *class)
    };
    let by_code = || call::code(error).and_then(of_code).or_else(|| error.words().find_map(of_word));
    by_phrase()
        .filter(|class| !held || *class != FailureClass::Transient)
        .or_else(|| held.then_some(FailureClass::StateLocked))
        .or_else(by_code)
}

/// The class of an error code.
fn of_code(code: &str) -> Option<FailureClass> {
    let code = code.rsplit_once("Client.").map_or(code, |(_, code)| code);
    let listed = CODES.iter().find(|(_, codes)| codes.contains(&code));
    let listed = listed.or_else(|| SUFFIXES.iter().find(|(_, ends)| ends.iter().any(|end| code.ends_with(end))));
    listed.map(|(class, _)| *class)
}

/// The class of a word that stands where a code does: before a colon, or alone as a sentence or a whole text.
fn of_word(word: &str) -> Option<FailureClass> {
    let code = bare(word);
    let like_a_code = code.len() > 6
        && code.starts_with(|c: char| c.is_ascii_uppercase())
        && code.bytes().skip(1).any(|byte| byte.is_ascii_uppercase() || byte == b'.')
        && code.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'.');
    if like_a_code { of_code(code) } else { (word == "Throttling:").then_some(FailureClass::Transient) }
}

fn bare(word: &str) -> &str {
    word.trim_end_matches([':', ',', '.', ';'])
}

/// Whether the answer's status says that AWS itself failed, or had too much to do.
fn is_server_error(error: &Flat) -> bool {
    let mut statuses = error.after("statuscode: ").chain(error.after("status code: "));
    statuses.any(|rest| {
        rest.starts_with("429") || (rest.starts_with('5') && rest.as_bytes().get(2).is_some_and(u8::is_ascii_digit))
    })
}
