//! How many runs of a flow are kept.

use serde::{Deserialize, Serialize};
use std::num::NonZeroU32;

/// How many of a flow's latest runs are kept. It is stored as their number, or as null for all.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Option<NonZeroU32>", into = "Option<NonZeroU32>")]
pub enum Retention {
    /// All of them.
    #[default]
    All,
    /// So many.
    Latest(NonZeroU32),
}

impl From<Option<NonZeroU32>> for Retention {
    fn from(most: Option<NonZeroU32>) -> Self {
        most.map_or(Self::All, Self::Latest)
    }
}

impl From<Retention> for Option<NonZeroU32> {
    fn from(retention: Retention) -> Self {
        match retention {
            Retention::All => None,
            Retention::Latest(most) => Some(most),
        }
    }
}

impl Retention {
    /// How many of so many runs, from the oldest, are not kept.
    #[must_use]
    pub fn surplus(self, runs: usize) -> usize {
        match self {
            Self::All => 0,
            Self::Latest(most) => runs.saturating_sub(most.get() as usize),
        }
    }
}
