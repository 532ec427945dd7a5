//! The errors of a log, one by one, whatever form they have: events of Terraform, its words for people with and
//! without boxes, and lines of other programs that carry an AWS error.

use super::class;
use super::event::{self, Event};
use super::flat::Flat;
use super::line::{Edge, Line};
use super::noise::is_noise;
use super::source::{self, Source};
use serde_json::Value;

/// One error as it stands in the log.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct RawError {
    pub summary: String,
    pub detail: String,
    pub source: Source,
}

impl RawError {
    pub fn new(summary: String, detail: String) -> Self {
        Self { summary, detail, source: Source::default() }
    }

    /// The error in its own words.
    pub fn message(&self) -> String {
        match (self.summary.is_empty(), self.detail.is_empty()) {
            (false, false) => format!("{}\n{}", self.summary, self.detail),
            _ => format!("{}{}", self.summary, self.detail),
        }
    }
}

/// Every error of a log, in its order.
pub(super) fn errors(log: &str) -> Vec<RawError> {
    let log = log.trim_start_matches('\u{feff}');
    if log.trim_start().starts_with('{')
        && let Ok(document) = serde_json::from_str::<Value>(log)
    {
        if let Some(errors) = event::in_document(&document) {
            return errors;
        }
        // What `aws logs get-log-events` answers.
        if let Some(events) = document["events"].as_array() {
            let lines: Vec<&str> = events.iter().filter_map(|event| event["message"].as_str()).collect();
            return read(&lines.join("\n"));
        }
    }
    read(log)
}

fn read(log: &str) -> Vec<RawError> {
    let mut reader = Reader::default();
    let mut prefixed = false;
    for raw in log.lines() {
        let mut line = if prefixed { Line::in_prefixed_box(raw) } else { Line::new(raw) };
        match line.edge {
            Edge::Top => prefixed = line.prefixed,
            Edge::Bottom => prefixed = false,
            Edge::Side | Edge::None => {}
        }
        if line.stamped && !line.prefixed && reader.may_say_times() && !raw.starts_with("[Container]") {
            line = Line::with_time(raw);
        }
        reader.take(&line);
    }
    reader.close();
    reader.errors
}

/// What the lines at hand are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// An error that says so.
    Error,
    /// A warning, which is passed over.
    Warning,
    /// A paragraph that may carry an error.
    Loose,
}

#[derive(Debug)]
struct Block {
    kind: Kind,
    /// It began with the top of a box.
    boxed: bool,
    stamped: bool,
    lines: Vec<String>,
}

/// Summaries of the AWS provider and of the backend for S3 whose detail ends with a paragraph that begins with
/// "Error:", too.
const WITH_CAUSE: [&str; 5] = [
    "Error: Cannot assume IAM Role",
    "Error: Failed to get existing workspaces",
    "Error: No valid credential sources found",
    "Error: error configuring S3 Backend: no valid credential sources",
    "Error: error configuring Terraform AWS Provider: no valid credential sources",
];

impl Block {
    /// Whether the next paragraph may be the cause and not another error.
    fn expects_cause(&self) -> bool {
        let beginning = Flat::new(&self.lines.iter().take(8).map(String::as_str).collect::<Vec<_>>().join(" "));
        let named = WITH_CAUSE.iter().any(|summary| beginning.as_str().starts_with(summary));
        let paragraph = self.lines.last().is_some_and(|last| last.trim().is_empty());
        named && paragraph && !self.lines.iter().skip(1).any(|line| line.starts_with("Error:"))
    }
}

#[derive(Debug, Default)]
struct Reader {
    open: Option<Block>,
    errors: Vec<RawError>,
}

impl Reader {
    fn take(&mut self, line: &Line<'_>) {
        match line.edge {
            Edge::Top => {
                self.close();
                self.open = Some(Block { kind: Kind::Loose, boxed: true, stamped: line.stamped, lines: vec![] });
            }
            Edge::Bottom => self.close(),
            Edge::Side => self.text(line),
            Edge::None => match Event::read(&line.text) {
                Event::Error(error) => {
                    self.close();
                    self.errors.push(error);
                }
                Event::Other => self.interrupt(),
                Event::Text if is_noise(&line.text, line.stamped) => self.interrupt(),
                Event::Text => self.text(line),
            },
        }
    }

    /// Whether a sentence without a stamp is going on, so that a time belongs to it.
    fn may_say_times(&self) -> bool {
        let unstamped = self.open.as_ref().filter(|open| open.kind == Kind::Error && !open.stamped);
        unstamped.is_some_and(|open| open.lines.last().is_some_and(|last| !last.trim().is_empty()))
    }

    /// A line that is no part of an error ends one, unless that has a box to end it.
    fn interrupt(&mut self) {
        if self.open.as_ref().is_some_and(|open| !open.boxed) {
            self.close();
        }
    }

    fn text(&mut self, line: &Line<'_>) {
        if let Some(kind) = self.beginning(line) {
            if !self.open.as_ref().is_some_and(|open| open.boxed && open.lines.is_empty()) {
                self.close();
            }
            let boxed = self.open.take().is_some_and(|open| open.boxed);
            self.open = Some(Block { kind, boxed, stamped: line.stamped, lines: vec![line.text.to_string()] });
            return;
        }
        match &mut self.open {
            // A paragraph of its own ends with it; so does what has no box once a log service speaks for itself.
            Some(open) if open.kind == Kind::Loose && !open.boxed && line.is_blank() => self.close(),
            Some(open) if open.boxed || open.stamped || !line.stamped => open.lines.push(line.text.to_string()),
            _ if line.is_blank() => {}
            _ => {
                self.close();
                let lines = vec![line.text.to_string()];
                self.open = Some(Block { kind: Kind::Loose, boxed: false, stamped: line.stamped, lines });
            }
        }
    }

    /// What begins with a line, if anything does.
    fn beginning(&self, line: &Line<'_>) -> Option<Kind> {
        let begins =
            |word: &str| line.text.strip_prefix(word).is_some_and(|rest| rest.is_empty() || rest.starts_with(' '));
        let in_box = self.open.as_ref().is_some_and(|open| open.boxed && !open.lines.is_empty());
        // Within a box the words may be anything; a line without a side says that the box's bottom is missing.
        if in_box && line.edge == Edge::Side {
            return None;
        }
        if begins("Error:") {
            return (!self.open.as_ref().is_some_and(Block::expects_cause)).then_some(Kind::Error);
        }
        if begins("Warning:") {
            return Some(Kind::Warning);
        }
        // Other programs write it small, and so do sentences that a terminal broke there.
        let within =
            self.open.as_ref().is_some_and(|open| open.lines.last().is_some_and(|last| !last.trim().is_empty()));
        (begins("error:") && !within).then_some(Kind::Error)
    }

    fn close(&mut self) {
        let Some(block) = self.open.take() else { return };
        let found = match block.kind {
            Kind::Warning => return,
            Kind::Error => error(&block.lines),
            Kind::Loose => {
                let text = block.lines.join("\n");
                if !class::is_certain(&Flat::new(&text)) {
                    return;
                }
                error(&block.lines)
            }
        };
        match several(&found) {
            Some(several) => self.errors.extend(several),
            None if found.message().is_empty() => {}
            None => self.errors.push(found),
        }
    }
}

/// An error from its lines: summary, frame, detail.
fn error(lines: &[String]) -> RawError {
    let mut raw = RawError::default();
    let mut framed = false;
    for (index, paragraph) in lines.split(|line| line.trim().is_empty()).filter(|lines| !lines.is_empty()).enumerate() {
        let text = paragraph.join("\n");
        if index == 0 {
            let words = ["Error:", "error:"].iter().find_map(|word| text.strip_prefix(word)).unwrap_or(&text);
            raw.summary = words.trim().to_owned();
            continue;
        }
        if !framed && let Some(source) = source::frame(Flat::new(&text).as_str()) {
            raw.source = source;
            framed = true;
            continue;
        }
        if !raw.detail.is_empty() {
            raw.detail.push_str("\n\n");
        }
        raw.detail.push_str(text.trim_end());
    }
    raw
}

/// How lists of errors begin.
const LISTS: [&str; 3] = ["error(s) occurred:", "errors occurred:", "1 error occurred:"];

/// The errors within one of Terraform before 0.12, which lists them: `* aws_vpc.this: VpcLimitExceeded: …`.
fn several(raw: &RawError) -> Option<Vec<RawError>> {
    let flat = Flat::new(&raw.message());
    let listed = |text: &str| LISTS.iter().any(|words| text.ends_with(words));
    if !LISTS.iter().any(|words| flat.has(words)) {
        return None;
    }
    let mut found: Vec<RawError> = vec![];
    // What follows the list is the same for every build.
    let list = flat.as_str().split(" Terraform does not automatically rollback").next()?;
    for item in list.split(" * ").skip(1).filter(|item| !listed(item)) {
        let named = source::subject(item);
        match (named, found.last_mut()) {
            (Some((address, text)), _) => {
                let mut error = RawError::new(text.to_owned(), String::new());
                error.source.address = Some(address.to_owned());
                found.push(error);
            }
            (None, Some(last)) => {
                last.summary.push_str(" * ");
                last.summary.push_str(item);
            }
            (None, None) => return None,
        }
    }
    (!found.is_empty()).then_some(found)
}
