//! From which resource an error comes: the frame that Terraform prints between an error's summary and its detail.

/// Where in the configuration an error arose.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Source {
    /// The address, such as `module.network.aws_subnet.private["a"]`.
    pub address: Option<String>,
    /// File and line.
    pub location: Option<String>,
}

/// Reads a paragraph, as one line, that is nothing but a frame:
/// `with aws_vpc.this, on network.tf line 17, in resource "aws_vpc" "this": 17: resource "aws_vpc" "this" {`.
pub(super) fn frame(paragraph: &str) -> Option<Source> {
    match paragraph.strip_prefix("with ") {
        Some(with) => {
            let (address, rest) = address(with)?;
            let rest = rest.strip_prefix(',')?.trim_start();
            let place = rest.strip_prefix("on ").and_then(place);
            (rest.is_empty() || place.is_some())
                .then(|| Source { address: Some(address.to_owned()), location: place.map(|(location, _)| location) })
        }
        None => {
            let (location, block) = place(paragraph.strip_prefix("on ")?)?;
            Some(Source { address: block.and_then(in_block), location: Some(location) })
        }
    }
}

/// A frame within a longer text, which has lost its empty lines.
pub(super) fn frame_within(text: &str) -> Option<Source> {
    const ON: &str = ", on ";
    // Only where a place follows: "with" alone is a word of every other sentence.
    let mut places = text.match_indices(ON).filter_map(|(at, _)| Some((at, place(&text[at + ON.len()..])?.0)));
    let (end, location) = places.next()?;
    let with = text[..end].rfind(" with ")?;
    let (address, rest) = address(&text[with + " with ".len()..end])?;
    rest.is_empty().then(|| Source { address: Some(address.to_owned()), location: Some(location) })
}

/// The resource that a text names before it speaks: `aws_vpc.this: VpcLimitExceeded: …`. What merely looks like an
/// address, such as the name of a machine, has no underscore.
pub(super) fn subject(text: &str) -> Option<(&str, &str)> {
    let (address, rest) = address(text)?;
    let resource = address.contains('_') || address.starts_with("provider.");
    resource.then_some((address, rest.strip_prefix(": ")?))
}

/// `network.tf line 17, in resource "aws_vpc" "this":`: the place, and the words after `in`.
fn place(text: &str) -> Option<(String, Option<&str>)> {
    let (file, rest) = text.split_once(' ')?;
    let rest = rest.strip_prefix("line ")?;
    let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    (digits > 0 && !file.is_empty())
        .then(|| (format!("{file} line {}", &rest[..digits]), rest[digits..].strip_prefix(", in ")))
}

/// The address of a block that is named by its header: `resource "aws_vpc" "this":`.
pub(super) fn in_block(header: &str) -> Option<String> {
    let mut parts = header.split('"');
    let kind = parts.next()?.trim();
    let first = parts.next()?;
    let second = parts.nth(1);
    match (kind, second) {
        ("resource", Some(name)) => Some(format!("{first}.{name}")),
        ("data", Some(name)) => Some(format!("data.{first}.{name}")),
        ("provider" | "module", _) => Some(format!("{kind}.{first}")),
        _ => None,
    }
}

/// The resource address at the beginning of a text, and what follows. Keys in brackets may hold anything.
pub(super) fn address(text: &str) -> Option<(&str, &str)> {
    let mut end = text.len();
    let (mut depth, mut quoted, mut escaped, mut dots) = (0_u32, false, false, 0_u32);
    for (at, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' if depth > 0 => quoted = !quoted,
            _ if quoted => {}
            '[' => depth += 1,
            ']' if depth > 0 => depth -= 1,
            '.' => dots += 1,
            c if c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '/') && depth < 2 => {}
            _ => {
                end = at;
                break;
            }
        }
    }
    let address = &text[..end];
    let begins = address.starts_with(|c: char| c.is_ascii_lowercase() || c == '_');
    let known = dots > 0 || address.starts_with("provider[");
    (begins && known && depth == 0 && !quoted && !address.ends_with('.')).then(|| (address, &text[end..]))
}

#[cfg(test)]
mod tests {
    use super::{Source, frame, frame_within, subject};

    fn source(address: Option<&str>, location: Option<&str>) -> Source {
        Source { address: address.map(str::to_owned), location: location.map(str::to_owned) }
    }

    #[test]
    fn frames_of_all_ages_are_read() {
        for (text, address, location) in [
            (
                r#"with module.x.aws_y.z["a b, c"], on .terraform/modules/x/main.tf line 28, in resource "aws_y" "z": 28: resource "aws_y" "z" {"#,
                Some(r#"module.x.aws_y.z["a b, c"]"#),
                Some(".terraform/modules/x/main.tf line 28"),
            ),
            ("with aws_subnet.private[0],", Some("aws_subnet.private[0]"), None),
            (
                r#"with provider["registry.example/hashicorp/aws"], on versions.tf line 9, in provider "aws": 9: provider "aws" {"#,
                Some(r#"provider["registry.example/hashicorp/aws"]"#),
                Some("versions.tf line 9"),
            ),
            (r#"on main.tf line 1, in resource "aws_vpc" "this": 1: x"#, Some("aws_vpc.this"), Some("main.tf line 1")),
            (r#"on main.tf line 1, in data "aws_ami" "a":"#, Some("data.aws_ami.a"), Some("main.tf line 1")),
            ("on main.tf line 1:", None, Some("main.tf line 1")),
        ] {
            assert_eq!(frame(text), Some(source(address, location)), "{text}");
        }
        for text in ["with an explicit deny", "with care, on time", "on the way", "with x.y, and more"] {
            assert_eq!(frame(text), None, "{text}");
        }
    }

    #[test]
    fn a_resource_is_told_from_a_machine() {
        let text = "aws_security_group.workers: DependencyViolation: resource sg-1";
        assert_eq!(subject(text), Some(("aws_security_group.workers", "DependencyViolation: resource sg-1")));
        assert_eq!(subject("ip-10-0-0-1.ec2.internal: NodeCreationFailure"), None);
    }

    #[test]
    fn a_frame_is_found_in_a_text_that_lost_its_empty_lines() {
        let text =
            r#"denied with an explicit deny with aws_vpc.this, on main.tf line 5, in resource "aws_vpc" "this": 5: x"#;
        assert_eq!(frame_within(text), Some(source(Some("aws_vpc.this"), Some("main.tf line 5"))));
        assert_eq!(frame_within("denied with an explicit deny, on resource x line y"), None);
    }
}
