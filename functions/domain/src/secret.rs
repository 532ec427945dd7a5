//! A value that must not be seen.

use serde::{Deserialize, Serialize};
use std::fmt;

/// Text that is never printed: `Debug` shows stars, and it can be read from a request but not written to a response.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    /// Wraps a secret text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself. Every call is a place to review.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether there is any text.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// For `#[serde(serialize_with = "secret::sealed")]`: the one place where a secret is written, into the vault.
///
/// # Errors
/// Those of the serializer.
pub fn sealed<S: serde::Serializer>(secret: &Secret, to: S) -> Result<S::Ok, S::Error> {
    secret.0.serialize(to)
}

#[cfg(test)]
mod tests {
    use super::Secret;

    #[test]
    fn debug_output_hides_the_text() {
        assert_eq!(format!("{:?}", Some(Secret::new("wJalrXUtnFEMI"))), "Some(***)");
    }
}
