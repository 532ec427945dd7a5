//! What every function is given at its start.

use crate::dags::Dags;
use crate::ports::{Builds, Clock, KeepaliveRule, Machines, Objects, Store};
use crate::receipts::Auditor;
use std::sync::Arc;

/// How often a decision is made anew when somebody else was quicker to write.
pub(crate) const MOST_TRIES: usize = 10;

/// The ports that commands need. What a function's role does not allow is absent; effects that need it stay in the
/// outbox until a function that has it comes by.
#[derive(Clone)]
pub struct World {
    /// State.
    pub store: Arc<dyn Store>,
    /// Contents.
    pub objects: Arc<dyn Objects>,
    /// State machines.
    pub machines: Arc<dyn Machines>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Builds, where they can be stopped from here.
    pub builds: Option<Arc<dyn Builds>>,
    /// The rule. Whoever may begin something must be able to have it looked after.
    pub keepalive_rule: Arc<dyn KeepaliveRule>,
    /// Graphs that were read lately.
    pub dags: Arc<Dags>,
    /// Who looks what users' accounts have, where that can be done from here.
    pub auditor: Option<Auditor>,
}
