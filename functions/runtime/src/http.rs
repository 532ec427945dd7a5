//! From an error to what an HTTP client is told.

use crate::Error;
use std::borrow::Cow;

/// So many bytes are told of each end of an error: it may quote what was sent, of which there may be megabytes.
const TOLD: usize = 16 * 1024;

/// The status code of an error. What a user can mend is a 4xx; 503 asks to try again.
#[must_use]
pub fn status(error: &Error) -> u16 {
    match error {
        Error::Invalid(_) => 400,
        Error::Forbidden(_) => 403,
        Error::NotFound { .. } => 404,
        Error::Refused(_) => 409,
        Error::TooLarge(_) => 413,
        Error::Unprocessable(_) => 422,
        Error::LockedOut(_) => 503,
        _ if error.is_transient() => 503,
        Error::Port(_) | Error::Contended { .. } | Error::Corrupt { .. } | Error::StateHeld(_) => 500,
    }
}

/// The body of an error: `{"error": "..."}`. A fault of ours is logged in full and told without its details.
#[must_use]
pub fn body(error: &Error) -> String {
    let text = match status(error) {
        500 => {
            tracing::error!("request failed: {error}");
            "the control plane has failed; its logs say how. Nothing is lost: try again".to_owned()
        }
        503 => {
            tracing::warn!("request failed for now: {error}");
            format!("{error}. Try again in a few seconds")
        }
        _ => error.to_string(),
    };
    serde_json::json!({ "error": shortened(&text, TOLD) }).to_string()
}

/// A text without its middle, if that leaves out anything: so many bytes of its beginning and of its end.
#[must_use]
pub fn shortened(text: &str, each: usize) -> Cow<'_, str> {
    let (head, tail) = (text.floor_char_boundary(each), text.ceil_char_boundary(text.len().saturating_sub(each)));
    if head < tail { format!("{} … {}", &text[..head], &text[tail..]).into() } else { text.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_that_quotes_much_says_all_the_same_where_and_what() {
        let told = body(&Error::Invalid(format!("field 'x' must not be {}: use y", "é".repeat(TOLD))));
        assert!(told.len() < 3 * TOLD, "{}", told.len());
        assert!(told.contains("field 'x' must not be é") && told.contains(" … é") && told.contains("é: use y"));
        assert_eq!(shortened("short", 3), "short");
        assert_eq!(shortened("éééé", 3), "é … é");
    }
}
