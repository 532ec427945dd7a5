//! Texts of others, as much of them as documents have room for.

use crate::Failure;

/// So much of a failure's message is kept, in bytes: more than anybody reads, and little enough that the documents it
/// becomes part of, more than once, stay below the 400 kB that the store takes.
const LONGEST_MESSAGE: usize = 8 * 1024;

/// The first `most` bytes of a text, cut at a character's boundary.
pub(crate) fn head(text: &str, most: usize) -> String {
    text[..text.floor_char_boundary(most)].to_owned()
}

/// The last `most` bytes of a text, cut at a character's boundary.
pub(crate) fn tail(text: &str, most: usize) -> String {
    text[text.ceil_char_boundary(text.len().saturating_sub(most))..].to_owned()
}

impl Failure {
    /// The same with no more of its message than can be kept.
    #[must_use]
    pub(crate) fn shortened(&self) -> Self {
        if self.message.len() <= LONGEST_MESSAGE {
            return self.clone();
        }
        Self { message: head(&self.message, LONGEST_MESSAGE) + "…", ..self.clone() }
    }
}
