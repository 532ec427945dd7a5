//! How long an operator may take, and how often it is tried again.

use serde::{Deserialize, Serialize};
use std::num::NonZeroU32;

/// The longest time-out: 30 days. What takes longer should store what it has, and be run in parts.
const LONGEST_TIMEOUT: u32 = 30 * 24 * 3600;
/// The most retries.
const MOST_RETRIES: u8 = 10;

/// How long an operator may take, and how often it is tried again.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// The longest time its function may take, in seconds; as long as it wants if none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout_seconds: Option<NonZeroU32>,
    /// How often it is tried again after a cause that this can help; the system's own few times if none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retries: Option<u8>,
}

/// Why limits are refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LimitsError {
    /// A time-out of no time or of more than there is.
    #[error("field 'timeout' must be between 1 and {LONGEST_TIMEOUT} seconds (30 days), but is {0}")]
    Timeout(i64),
    /// Less than none or too many.
    #[error(
        "field 'retries' must be between 0 and {MOST_RETRIES}, but is {0}; leave it out for the system's own retries of what never began"
    )]
    Retries(i64),
}

impl Limits {
    /// Limits as asked for: a time-out in seconds, and a number of retries.
    ///
    /// # Errors
    /// [`LimitsError`] for what is out of bounds.
    pub fn parse(timeout: Option<i64>, retries: Option<i64>) -> Result<Self, LimitsError> {
        let seconds = |asked: i64| {
            let seconds = u32::try_from(asked).ok().filter(|seconds| *seconds <= LONGEST_TIMEOUT);
            seconds.and_then(NonZeroU32::new).ok_or(LimitsError::Timeout(asked))
        };
        let count = |asked: i64| {
            u8::try_from(asked).ok().filter(|count| *count <= MOST_RETRIES).ok_or(LimitsError::Retries(asked))
        };
        Ok(Self { timeout_seconds: timeout.map(seconds).transpose()?, retries: retries.map(count).transpose()? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_have_bounds() {
        assert_eq!(Limits::parse(None, None), Ok(Limits::default()));
        let day = Limits::parse(Some(86_400), Some(10)).expect("limits");
        assert_eq!((day.timeout_seconds.map(NonZeroU32::get), day.retries), (Some(86_400), Some(10)));
        assert_eq!(Limits::parse(Some(1), Some(0)).map(|limits| limits.retries), Ok(Some(0)));
        for seconds in [0, -1, 2_592_001, i64::MAX] {
            assert_eq!(Limits::parse(Some(seconds), None), Err(LimitsError::Timeout(seconds)));
        }
        for count in [-1, 11, 256] {
            assert_eq!(Limits::parse(None, Some(count)), Err(LimitsError::Retries(count)));
        }
    }

    #[test]
    fn an_operator_stored_without_limits_has_none() {
        assert_eq!(serde_json::from_str::<Limits>("{}").expect("limits"), Limits::default());
        assert_eq!(serde_json::to_string(&Limits::default()).expect("text"), "{}");
    }
}
