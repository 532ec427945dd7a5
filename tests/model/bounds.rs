//! How much may happen in one model. Within these bounds everything is tried; beyond them nothing is claimed.

use std::fmt;

/// What may still happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub struct Budget {
    /// Runs that may be submitted.
    pub runs: u8,
    /// Commands of people that change settings or create, delete and force-delete.
    pub people: u8,
    /// Builds that fail or vanish, machines that are lost, and single effects that fail.
    pub faults: u8,
    /// Builds that escape their fence: CodeBuild starts them when nobody waits for them any more.
    pub escapes: u8,
    /// Messages that arrive twice or too late.
    pub copies: u8,
    /// Invocations that die between two steps.
    pub deaths: u8,
}

/// The bounds of one model.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Its name.
    pub name: &'static str,
    /// What may happen.
    pub budget: Budget,
    /// Invocations that perform effects at the same time.
    pub processes: usize,
}

impl fmt::Display for Bounds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Budget { runs, people, faults, escapes, copies, deaths } = self.budget;
        write!(
            f,
            "{runs} runs, {people} commands of people, {faults} faults, {escapes} escapes, {copies} late messages, {deaths} deaths, {} invocations at once",
            self.processes
        )
    }
}
