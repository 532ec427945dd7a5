//! A text as one line, so that it does not matter where a terminal broke it.

/// A text with every run of white space as one blank.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Flat {
    text: String,
    lower: String,
}

impl Flat {
    pub fn new(text: &str) -> Self {
        let mut flat = String::with_capacity(text.len());
        for word in escaped_breaks_as_blanks(text).split_whitespace() {
            if !flat.is_empty() {
                flat.push(' ');
            }
            flat.push_str(word);
        }
        Self { lower: flat.to_ascii_lowercase(), text: flat }
    }

    pub fn as_str(&self) -> &str {
        &self.text
    }

    pub fn lower(&self) -> &str {
        &self.lower
    }

    /// Whether a phrase, given in lower case, is in the text.
    pub fn has(&self, phrase: &str) -> bool {
        self.lower.contains(phrase)
    }

    /// What follows each place where a phrase, given in lower case, is.
    pub fn after<'a>(&'a self, phrase: &'a str) -> impl Iterator<Item = &'a str> {
        self.lower.match_indices(phrase).map(move |(at, _)| &self.text[at + phrase.len()..])
    }

    /// The text from a place on, which a phrase in lower case was found at.
    pub fn from(&self, at: usize) -> &str {
        &self.text[at..]
    }

    pub fn words(&self) -> impl Iterator<Item = &str> {
        self.text.split(' ')
    }
}

/// Breaks that are still written as in JSON, since something copied a string out of it without reading it.
fn escaped_breaks_as_blanks(text: &str) -> std::borrow::Cow<'_, str> {
    if text.contains('\\') {
        text.replace("\\n", " ").replace("\\t", " ").replace("\\\"", "\"").into()
    } else {
        text.into()
    }
}

/// The beginning of a text up to the first blank, without punctuation around it.
pub(super) fn word(text: &str) -> &str {
    let word = text.split_whitespace().next().unwrap_or_default();
    word.trim_matches(|c: char| matches!(c, ',' | '.' | ';' | ':' | '"' | '\'' | '`' | '(' | ')'))
}
