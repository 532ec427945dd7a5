//! What happens to a run while nobody can look at it.

use super::super::locked_out::{LONGEST_LOCKED_OUT, LockedOut};
use super::super::{Cause, RunStatus};
use super::Draft;
use crate::Failure;

impl Draft<'_> {
    /// Notes that the account refuses us, and gives the run up once that has lasted for too long. The words of a refusal
    /// differ from one to the next, so the first of a kind stands for the others.
    pub(super) fn locked_out(&mut self, failure: &Failure) {
        if self.run.status != RunStatus::Running {
            return;
        }
        let before = self.run.locked_out.take();
        let since = before.as_ref().map_or(self.now, |before| before.since);
        let new = before.as_ref().is_none_or(|before| before.failure.class != failure.class);
        let failure = before.filter(|_| !new).map_or_else(|| failure.clone(), |before| before.failure);
        if self.now.duration_since(since) > LONGEST_LOCKED_OUT {
            let hours = LONGEST_LOCKED_OUT.as_hours();
            let message = format!("for {hours} hours nobody could look at the run's pods: {}", failure.message);
            return self.fail(Cause::LockedOut, &Failure { message, ..failure });
        }
        if new {
            let message = &failure.message;
            self.note("locked_out", format!("nobody can look at the run's pods, which work on: {message}"));
        }
        self.run.locked_out = Some(LockedOut { since, failure });
    }

    /// Notes that the account lets us in again.
    pub(super) fn let_in(&mut self) {
        if self.run.locked_out.take().is_some() {
            self.note("let_in", "the run's pods can be looked at again");
        }
    }
}
