//! Errors in Terraform's event stream (`-json`, one object a line).

use super::log::RawError;
use super::source::in_block;
use serde_json::Value;

/// What a line of JSON is.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Event {
    /// An error.
    Error(RawError),
    /// An event that is none, or JSON of someone else's.
    Other,
    /// Not JSON.
    Text,
}

impl Event {
    pub fn read(line: &str) -> Self {
        if !line.starts_with('{') {
            return Self::Text;
        }
        match serde_json::from_str::<Value>(line) {
            Ok(event) if event["type"].is_string() || event["@level"].is_string() => {
                diagnostic(&event["diagnostic"]).map_or(Self::Other, Self::Error)
            }
            Ok(_) => Self::Text,
            Err(_) if line.starts_with(r#"{"@level":"error""#) => broken(line).map_or(Self::Other, Self::Error),
            Err(_) if line.starts_with(r#"{"@level":""#) => Self::Other,
            Err(_) => Self::Text,
        }
    }
}

/// The errors of a whole text that is one JSON document: the answer of `terraform validate -json`.
pub(super) fn in_document(document: &Value) -> Option<Vec<RawError>> {
    Some(document["diagnostics"].as_array()?.iter().filter_map(diagnostic).collect())
}

fn diagnostic(diagnostic: &Value) -> Option<RawError> {
    if diagnostic["severity"] != "error" {
        return None;
    }
    let text = |value: &Value| value.as_str().unwrap_or_default().trim().to_owned();
    let mut raw = RawError::new(text(&diagnostic["summary"]), text(&diagnostic["detail"]));
    let named = diagnostic["address"].as_str().map(str::to_owned);
    raw.source.address = named.or_else(|| in_block(diagnostic["snippet"]["context"].as_str()?));
    let range = &diagnostic["range"];
    if let (Some(file), Some(line)) = (range["filename"].as_str(), range["start"]["line"].as_u64()) {
        raw.source.location = Some(format!("{file} line {line}"));
    }
    (!raw.message().is_empty()).then_some(raw)
}

/// The error of an event whose end is missing, as far as it goes.
fn broken(line: &str) -> Option<RawError> {
    let summary = string(line, r#""summary":""#);
    let message = || {
        let message = string(line, r#""@message":""#)?;
        Some(message.strip_prefix("Error:").unwrap_or(&message).trim_start().to_owned())
    };
    let mut raw = RawError::new(summary.or_else(message)?, string(line, r#""detail":""#).unwrap_or_default());
    raw.source.address = string(line, r#""address":""#);
    (!raw.message().is_empty()).then_some(raw)
}

/// The string after a key, up to its closing quote or the end of the line.
fn string(line: &str, key: &str) -> Option<String> {
    let rest = &line[line.find(key)? + key.len()..];
    let mut escaped = false;
    let end = rest.bytes().position(|byte| {
        let closes = byte == b'"' && !escaped;
        escaped = byte == b'\\' && !escaped;
        closes
    });
    let text = &rest[..end.unwrap_or(rest.len())];
    // What is cut may end within an escape: at most `\uXXX` of it is there.
    let cuts = (0..6).filter_map(|less| text.get(..text.len().checked_sub(less)?));
    let mut readings = cuts.map(|text| serde_json::from_str(&format!("\"{text}\"")));
    readings.find_map(Result::ok)
}

#[cfg(test)]
mod tests {
    use super::Event;
    use serde_json::json;

    #[test]
    fn an_event_that_was_cut_is_read_as_far_as_it_goes() {
        let whole = json!({"@level": "error", "@message": "Error: creating \"x\"", "type": "diagnostic",
            "diagnostic": {"severity": "error", "summary": "creating \"x\"", "detail": "one\ntwo \u{1}", "address": "aws_vpc.a"}});
        let whole = whole.to_string();
        let Event::Error(raw) = Event::read(&whole) else { panic!("{whole}") };
        assert_eq!((raw.summary.as_str(), raw.detail.as_str()), ("creating \"x\"", "one\ntwo \u{1}"));
        assert_eq!(raw.source.address.as_deref(), Some("aws_vpc.a"));
        for end in whole.find("creating").expect("a message") + 1..whole.len() {
            let Event::Error(cut) = Event::read(&whole[..end]) else { panic!("{}", &whole[..end]) };
            assert!(raw.summary.starts_with(&cut.summary) && raw.detail.starts_with(&cut.detail), "{cut:?}");
        }
        assert_eq!(Event::read(&whole[..9]), Event::Text);
        assert_eq!(Event::read(r#"{"@level":"info","type":"ver"#), Event::Other);
        assert_eq!(Event::read(r#"{"a":1}"#), Event::Text);
    }
}
