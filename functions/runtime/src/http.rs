//! From an error to what an HTTP client is told.

use crate::Error;

/// So many bytes of an error are told: it may quote what was sent, of which there may be megabytes.
const LONGEST_TEXT: usize = 32 * 1024;

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
    serde_json::json!({ "error": &text[..text.floor_char_boundary(LONGEST_TEXT)] }).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_that_quotes_much_is_cut() {
        let told = body(&Error::Invalid("é".repeat(LONGEST_TEXT)));
        assert_eq!(told.len(), LONGEST_TEXT + r#"{"error":""}"#.len());
    }
}
