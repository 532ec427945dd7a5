//! Settings of a deployment, from the environment that `infra/template.yaml` gives each function.

use crate::Error;

/// Reads a variable that must be set.
///
/// # Errors
/// [`Error::Invalid`] naming the variable.
pub fn required(name: &str) -> Result<String, Error> {
    optional(name).ok_or_else(|| Error::Invalid(format!("environment variable {name} is not set")))
}

/// Reads a variable; an empty one counts as not set.
#[must_use]
pub fn optional(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// Whether a variable says `true`.
#[must_use]
pub fn flag(name: &str) -> bool {
    optional(name).is_some_and(|value| value == "true")
}
