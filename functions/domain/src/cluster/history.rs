//! How long builds took, and how long the next one may take.

use super::Purpose;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Durations, in seconds, of the last few successful builds.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct History(BTreeMap<Purpose, Vec<u64>>);

impl History {
    const KEPT: usize = 5;

    pub(super) fn record(&mut self, purpose: Purpose, seconds: u64) {
        let durations = self.0.entry(purpose).or_default();
        durations.push(seconds);
        if durations.len() > Self::KEPT {
            durations.remove(0);
        }
    }

    /// How many builds of this purpose an estimate rests on; with none, it is what is known of AWS.
    #[must_use]
    pub fn seen(&self, purpose: Purpose) -> usize {
        self.0.get(&purpose).map_or(0, Vec::len)
    }

    /// How long a build of this purpose is likely to take, in seconds: the median of what was seen here, else what
    /// AWS is known to take (15 to 18 minutes for a creation).
    #[must_use]
    pub fn estimate(&self, purpose: Purpose) -> u64 {
        let Some(seen) = self.0.get(&purpose).filter(|seen| !seen.is_empty()) else {
            return match purpose {
                Purpose::Create => 16 * 60,
                Purpose::Update => 3 * 60,
                Purpose::Destroy => 12 * 60,
            };
        };
        let mut sorted = seen.clone();
        sorted.sort_unstable();
        sorted[sorted.len() / 2]
    }
}
