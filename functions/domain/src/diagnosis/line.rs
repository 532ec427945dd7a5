//! One line of a log without what terminals and log services put around it.

use std::borrow::Cow;

/// The left edge of the box that Terraform draws around a diagnostic, also as it looks when UTF-8 was read as
/// Windows-1252.
const EDGES: [(&str, Edge); 6] = [
    ("│", Edge::Side),
    ("╷", Edge::Top),
    ("╵", Edge::Bottom),
    ("â”‚", Edge::Side),
    ("â•·", Edge::Top),
    ("â•µ", Edge::Bottom),
];

/// Nothing that is longer, in bytes, is taken for what something writes before each line.
const LONGEST_PREFIX: usize = 160;

/// Where in a box a line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Edge {
    /// In none.
    None,
    Top,
    Side,
    Bottom,
}

/// A line as its writer meant it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Line<'a> {
    pub text: Cow<'a, str>,
    pub edge: Edge,
    /// A log service or a logger wrote the time before it.
    pub stamped: bool,
    /// Something else stands before the top of a box here, and so before each line of that box.
    pub prefixed: bool,
}

impl<'a> Line<'a> {
    pub fn new(raw: &'a str) -> Self {
        Self::read(raw, true)
    }

    /// The same for a line that begins with a time because its writer meant to say one.
    pub fn with_time(raw: &'a str) -> Self {
        Self::read(raw, false)
    }

    /// A line of a box that has something before each line, such as the name of a container or of a job.
    pub fn in_prefixed_box(raw: &'a str) -> Self {
        let near = &raw[..raw.floor_char_boundary(LONGEST_PREFIX)];
        match EDGES.iter().filter_map(|(sign, _)| near.find(sign)).min() {
            Some(at) => Self { prefixed: true, ..Self::new(&raw[at..]) },
            None => Self::new(raw),
        }
    }

    fn read(raw: &'a str, may_be_stamped: bool) -> Self {
        match without_escapes(raw.trim_end()) {
            Cow::Borrowed(raw) => {
                let (text, edge, stamped) = bare(raw, may_be_stamped);
                Self { text: Cow::Borrowed(text), edge, stamped, prefixed: false }
            }
            Cow::Owned(raw) => {
                let (text, edge, stamped) = bare(&raw, may_be_stamped);
                Self { text: Cow::Owned(text.to_owned()), edge, stamped, prefixed: false }
            }
        }
        .topped()
    }

    /// The same where a top of a box is all that follows something else.
    fn topped(self) -> Self {
        let mut tops = EDGES.iter().filter(|(_, edge)| *edge == Edge::Top);
        let may_be = self.edge == Edge::None && (1..=LONGEST_PREFIX).contains(&self.text.len());
        if may_be && tops.any(|(sign, _)| self.text.ends_with(sign)) {
            Self { text: Cow::Borrowed(""), edge: Edge::Top, prefixed: true, ..self }
        } else {
            self
        }
    }

    pub fn is_blank(&self) -> bool {
        self.text.trim().is_empty()
    }
}

/// The text without time and box.
fn bare(raw: &str, may_be_stamped: bool) -> (&str, Edge, bool) {
    let unstamped = without_stamp(raw).filter(|_| may_be_stamped);
    let text = unstamped.unwrap_or(raw);
    let indented = text.trim_start();
    for (sign, edge) in EDGES {
        if let Some(inside) = indented.strip_prefix(sign) {
            return (inside.strip_prefix(' ').unwrap_or(inside).trim_end(), edge, unstamped.is_some());
        }
    }
    (text.trim_end(), Edge::None, unstamped.is_some())
}

/// What follows the time at the beginning of a line, if there is one: `[Container] 2026/11/22 14:00:00.123456 ` of
/// CodeBuild, RFC 3339 with what `aws logs tail` puts after it, `2026-11-22 14:00:00,123 ` of many loggers, `14:00:00 `
/// of build servers; all with or without brackets.
fn without_stamp(text: &str) -> Option<&str> {
    let text = text.strip_prefix("[Container] ").unwrap_or(text);
    let (text, bracketed) = text.strip_prefix('[').map_or((text, false), |text| (text, true));
    let text = match shaped(text, "0000-00-00").or_else(|| shaped(text, "0000/00/00")) {
        Some(text) => text.strip_prefix(['T', ' '])?,
        None => text,
    };
    let text = shaped(text, "00:00:00")?;
    let text = match text.strip_prefix(['.', ',']) {
        Some(fraction) => fraction.trim_start_matches(|c: char| c.is_ascii_digit()),
        None => text,
    };
    let zone = if bracketed { " UTC" } else { "Z" };
    let text = text.strip_prefix(zone).unwrap_or(text);
    let text = ["+00:00", "-00:00", "+0000", "-0000"].iter().find_map(|zone| shaped(text, zone)).unwrap_or(text);
    let text = if bracketed { text.strip_prefix(']')? } else { text };
    if text.is_empty() {
        return Some(text);
    }
    let text = text.strip_prefix([' ', '\t']).or_else(|| text.strip_prefix(": "))?;
    // The log stream of a CodeBuild build is a UUID.
    let stream = shaped(text, "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx").and_then(|text| text.strip_prefix(' '));
    Some(stream.unwrap_or(text))
}

/// What follows a text that looks like `shape`: `0` is any digit, `x` any lower-case hexadecimal one.
fn shaped<'a>(text: &'a str, shape: &str) -> Option<&'a str> {
    let fits = |(byte, like): (u8, u8)| match like {
        b'0' => byte.is_ascii_digit(),
        b'x' => byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte),
        like => byte == like,
    };
    let long_enough = text.len() >= shape.len();
    (long_enough && text.bytes().zip(shape.bytes()).all(fits)).then(|| &text[shape.len()..])
}

/// The line without colours and other commands to a terminal, also those that lost their escape character on the way
/// through a clipboard (`[31m`).
fn without_escapes(line: &str) -> Cow<'_, str> {
    if !line.contains(['\u{1b}', '[']) {
        return Cow::Borrowed(line);
    }
    let mut kept = String::with_capacity(line.len());
    let mut rest = line;
    while let Some(at) = rest.find(['\u{1b}', '[']) {
        kept.push_str(&rest[..at]);
        rest = &rest[at..];
        let length = escape_length(rest.as_bytes());
        if length == 0 {
            kept.push('[');
        }
        rest = &rest[length.max(1)..];
    }
    kept.push_str(rest);
    Cow::Owned(kept)
}

/// How long the command at the beginning of `text`, an escape character or a bracket, is; 0 if it is none.
fn escape_length(text: &[u8]) -> usize {
    /// The longest command that is looked for the end of, so that a broken log costs no more than a sound one.
    const LONGEST: usize = 256;
    let run = |from: usize, part_of: fn(u8) -> bool| {
        from + text.iter().skip(from).take(LONGEST).take_while(|byte| part_of(**byte)).count()
    };
    match text {
        [0x1b, b'[', ..] => {
            let end = run(2, |byte| (0x20..=0x3f).contains(&byte));
            if text.get(end).is_some_and(u8::is_ascii) { end + 1 } else { end }
        }
        [0x1b, b']', ..] => {
            let end = run(2, |byte| byte.is_ascii() && byte != 0x07 && byte != 0x1b);
            if text.get(end) == Some(&0x07) { end + 1 } else { end }
        }
        [0x1b, ..] => 1,
        _ => {
            let end = run(1, |byte| byte.is_ascii_digit() || byte == b';');
            if (2..12).contains(&end) && text.get(end) == Some(&b'm') { end + 1 } else { 0 }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Edge, Line};

    fn line(raw: &str) -> (String, Edge, bool) {
        let line = Line::new(raw);
        (line.text.into_owned(), line.edge, line.stamped)
    }

    #[test]
    fn times_boxes_and_colours_come_off() {
        for (raw, text, edge, stamped) in [
            ("Error: x", "Error: x", Edge::None, false),
            ("│ Error: x\r", "Error: x", Edge::Side, false),
            ("  │   with aws_vpc.this,", "  with aws_vpc.this,", Edge::Side, false),
            ("│", "", Edge::Side, false),
            ("\u{1b}[31m╷\u{1b}[0m\u{1b}[0m", "", Edge::Top, false),
            ("\u{1b}[31m│\u{1b}[0m \u{1b}[0m\u{1b}[1m\u{1b}[31mError: \u{1b}[0mx", "Error: x", Edge::Side, false),
            ("[31m│[0m [1mError: x[0m", "Error: x", Edge::Side, false),
            ("aws_subnet.a[0]: x[12m", "aws_subnet.a[0]: x", Edge::None, false),
            ("\u{1b}]0;title\u{7}x\u{1b}", "x", Edge::None, false),
            ("[Container] 2026/11/22 14:00:00 ╷", "", Edge::Top, true),
            ("[Container] 2026/11/22 14:00:00.123456 Phase complete", "Phase complete", Edge::None, true),
            ("2026-11-22T14:00:00.1234567Z │ x", "x", Edge::Side, true),
            ("2026-11-22T14:00:00+00:00 1f1e0abd-0000-4000-8000-00000000000a x", "x", Edge::None, true),
            ("2026-11-22 14:00:00,123   x", "  x", Edge::None, true),
            ("[2026-11-22 14:00:00 UTC] x", "x", Edge::None, true),
            ("14:00:00 │ x", "x", Edge::Side, true),
            ("[14:00:00.123] x", "x", Edge::None, true),
            ("14:00 x", "14:00 x", Edge::None, false),
            ("api-1  | ╷", "", Edge::Top, false),
            ("2026-11-22: x", "2026-11-22: x", Edge::None, false),
            ("â”‚ x", "x", Edge::Side, false),
        ] {
            assert_eq!(line(raw), (text.to_owned(), edge, stamped), "{raw:?}");
        }
    }
}
