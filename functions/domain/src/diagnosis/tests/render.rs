//! How a sample looks in a log.

use super::samples::Sample;
use serde_json::json;

/// What stands between the writer of an error and its reader.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Looks {
    pub boxed: bool,
    pub coloured: bool,
    pub crlf: bool,
    pub stamped: bool,
    pub wrap: Wrap,
}

/// Where lines break.
#[derive(Debug, Clone, Copy, Default)]
pub(super) enum Wrap {
    #[default]
    Nowhere,
    /// Where Terraform breaks them when it does not know the width of the terminal.
    At78,
    /// At blanks that a seed picks.
    AtRandom(u64),
}

/// Terraform's event of an error.
pub(super) fn json(sample: &Sample) -> String {
    let mut diagnostic = json!({"severity": "error", "summary": sample.summary, "detail": sample.detail});
    if !sample.address.is_empty() {
        diagnostic["address"] = json!(sample.address);
        diagnostic["range"] = json!({"filename": "main.tf", "start": {"line": 17, "column": 1, "byte": 300}});
    }
    json!({"@level": "error", "@message": format!("Error: {}", sample.summary), "@module": "terraform.ui",
        "@timestamp": "2026-11-22T14:00:00.000000Z", "type": "diagnostic", "diagnostic": diagnostic})
    .to_string()
}

/// Terraform's words for people.
pub(super) fn human(sample: &Sample, looks: Looks) -> String {
    let mut text = format!("Error: {}\n\n", sample.summary);
    if !sample.address.is_empty() {
        let frame = "  on main.tf line 17, in resource \"aws_x\" \"y\":\n  17: resource \"aws_x\" \"y\" {";
        text.push_str(&format!("  with {},\n{frame}\n\n", sample.address));
    }
    text.push_str(sample.detail);
    let mut seed = if let Wrap::AtRandom(seed) = looks.wrap { seed } else { 0 };
    let mut lines: Vec<String> = vec![];
    for line in text.trim_end().split('\n') {
        match looks.wrap {
            Wrap::Nowhere => lines.push(line.to_owned()),
            Wrap::At78 => lines.extend(broken(line, |width| width > 76)),
            Wrap::AtRandom(_) => lines.extend(broken(line, |_| {
                seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                (seed >> 33) % 3 == 0
            })),
        }
    }
    if looks.boxed {
        lines = lines.iter().map(|line| format!("│ {line}")).collect();
        lines.insert(0, "╷".to_owned());
        lines.push("╵".to_owned());
    } else {
        lines.push(String::new());
    }
    let end = if looks.crlf { "\r\n" } else { "\n" };
    lines.iter().map(|line| dressed(line, looks) + end).collect()
}

/// A line broken at blanks, before words with which it would become too wide.
fn broken(line: &str, mut too_wide: impl FnMut(usize) -> bool) -> Vec<String> {
    let indent = line.len() - line.trim_start().len();
    let mut pieces = vec![line[..indent].to_owned()];
    for (index, word) in line[indent..].split(' ').enumerate() {
        let width = pieces.last().map_or(0, String::len) + 1 + word.len();
        match pieces.last_mut() {
            Some(piece) if index == 0 => piece.push_str(word),
            Some(piece) if piece.trim().is_empty() || word.is_empty() || !too_wide(width) => {
                piece.push(' ');
                piece.push_str(word);
            }
            _ => pieces.push(word.to_owned()),
        }
    }
    pieces
}

fn dressed(line: &str, looks: Looks) -> String {
    let mut line = line.to_owned();
    if looks.coloured {
        for edge in ["╷", "│", "╵"] {
            line = line.replacen(edge, &format!("\u{1b}[31m{edge}\u{1b}[0m\u{1b}[0m"), 1);
        }
        line = line.replacen("Error: ", "\u{1b}[1m\u{1b}[31mError: \u{1b}[0m\u{1b}[0m\u{1b}[1m", 1) + "\u{1b}[0m";
    }
    if looks.stamped {
        line.insert_str(0, "[Container] 2026/11/22 14:00:00.123456 ");
    }
    line
}
