//! Time that passes when it is told to.

use super::locked;
use crate::ports::Clock;
use domain::Timestamp;
use std::sync::Mutex;
use std::time::Duration;

/// A clock that stands still until it is told otherwise.
#[derive(Debug)]
pub struct MemoryClock(Mutex<Timestamp>);

impl MemoryClock {
    pub(super) fn at(now: Timestamp) -> Self {
        Self(Mutex::new(now))
    }

    /// Lets time pass.
    pub fn advance(&self, by: Duration) {
        let mut now = locked(&self.0);
        *now = now.checked_add(by).unwrap_or(*now);
    }
}

impl Clock for MemoryClock {
    fn now(&self) -> Timestamp {
        *locked(&self.0)
    }
}
