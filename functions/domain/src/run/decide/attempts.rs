//! The attempts of an operator: how they begin, how they end, and whether another one follows.

use super::super::observe::{self, Loss};
use super::super::{
    Beginning, Cause, FailureType, LostAttempt, Observation, OperatorError, OperatorStatus, Outcome, OutputType,
    Timeline, is_tried_again,
};
use super::{Draft, Effect};
use crate::OperatorId;
use crate::cluster::Hardware;
use crate::cut::{head, tail};

/// The operators' errors are part of the run, which is one item of the store and must not grow beyond 400 kB: so much
/// of them is kept in all, shared evenly, and no more of a single one than people read.
const ALL_TEXTS: usize = 56 * 1024;
const LONGEST_CONTEXT: usize = 8 * 1024;
pub(super) const LONGEST_TIP: usize = 1024;
/// So many lost attempts of a run are kept; its events tell of all.
const MOST_LOST: usize = 100;

impl Draft<'_> {
    /// Takes in what Kubernetes shows; a Job that should be there but is not is asked for again.
    pub(super) fn observed(&mut self, world: &Observation) {
        let mut missing = vec![];
        let mut losses = vec![];
        for (id, state) in self.run.operators.iter_mut().filter(|(_, state)| state.status.is_active()) {
            if self.dag.operators.get(id).is_none_or(|operator| operator.code().is_none()) {
                missing.push((*id, state.attempt));
                continue;
            }
            let Some(seen) = world.jobs.get(id).filter(|seen| seen.attempt == state.attempt) else {
                let newer = world.jobs.get(id).is_some_and(|seen| seen.attempt > state.attempt);
                match observe::job_lost(state, world.at).filter(|_| !newer) {
                    Some(loss) => losses.push((*id, state.attempt, loss)),
                    None if state.status == OperatorStatus::Scheduled => missing.push((*id, state.attempt)),
                    // It has begun while somebody looked.
                    None => {}
                }
                continue;
            };
            state.job_seen_at.get_or_insert(world.at);
            if !state.is_of_another_pod(seen) {
                // What Kubernetes says is exact, to the second; what the runner said is not.
                if let Some(bound) = seen.scheduled_at {
                    state.timeline.scheduled_at = Some(bound.max(state.timeline.queued_at.unwrap_or(bound)));
                }
                state.node = seen.node.clone().or_else(|| state.node.take());
            }
            state.waiting_for = observe::waiting_for(state, seen, world.node_of(seen, state));
            losses.extend(observe::lost(state, seen, world).map(|loss| (*id, state.attempt, loss)));
        }
        for (operator, attempt, Loss { cause, tip }) in losses {
            self.effects.push(Effect::DeleteJob { operator, attempt });
            let error = OperatorError { tip, context: String::new() };
            let failure_type = cause.failure_type();
            self.finished(operator, attempt, &Outcome::Failed { failure_type, cause, error, outputs: vec![] });
        }
        for (operator, attempt) in missing {
            self.start(operator, attempt);
        }
    }

    pub(super) fn started(&mut self, operator: OperatorId, attempt: u32, beginning: &Beginning) {
        let now = self.now;
        if let Some(state) = self.run.operators.get_mut(&operator)
            && state.attempt == attempt
            && state.status == OperatorStatus::Scheduled
        {
            state.status = OperatorStatus::Running;
            state.waiting_for = None;
            state.pod = beginning.pod.clone();
            state.node = beginning.node.clone().or_else(|| state.node.take());
            let container_at =
                beginning.container_at.map_or(now, |at| at.min(now)).max(state.timeline.queued_at.unwrap_or(now));
            state.timeline.scheduled_at.get_or_insert(container_at);
            state.timeline.started_at = Some(now);
            let name = state.name.clone();
            self.note("operator_started", format!("operator '{name}' runs"));
        }
    }

    /// Takes in what a pod reports. Kubernetes may have made another pod of the attempt beside the one that the function
    /// began in: whatever became of that, it says nothing of the function.
    pub(super) fn reported(&mut self, operator: OperatorId, attempt: u32, pod: Option<&str>, outcome: &Outcome) {
        if self.run.operators.get(&operator).is_some_and(|state| !state.is_begun_elsewhere(pod)) {
            self.finished(operator, attempt, outcome);
        }
    }

    pub(super) fn finished(&mut self, operator: OperatorId, attempt: u32, outcome: &Outcome) {
        let now = self.now;
        let Some(state) = self.run.operators.get_mut(&operator) else { return };
        if !state.status.is_active() || state.attempt != attempt {
            return;
        }
        let name = state.name.clone();
        match outcome {
            Outcome::Succeeded { outputs, system_metadata } => {
                state.status = OperatorStatus::Succeeded;
                state.outputs = outputs.clone();
                state.system_metadata = system_metadata.clone();
                self.note("operator_succeeded", format!("operator '{name}' succeeded"));
            }
            Outcome::Failed { cause, error, .. } if self.tries_again(operator, *cause) => {
                return self.again(operator, *cause, &error.tip);
            }
            Outcome::Failed { failure_type, cause, error, outputs } => {
                self.fail_operator(operator, *failure_type, *cause, error, outputs);
            }
        }
        if let Some(state) = self.run.operators.get_mut(&operator) {
            state.timeline.ended_at = Some(now);
            (state.waiting_for, state.pod, state.job_seen_at) = (None, None, None);
        }
    }

    /// Ends operators that no node of the cluster could ever run, instead of having them wait for one: as soon as it is
    /// known, though others may have to run before them.
    pub(super) fn refuse_unfit(&mut self, hardware: &Hardware) {
        for (id, operator) in self.dag.operators.iter().filter(|(_, operator)| operator.code().is_some()) {
            let waits = self.run.operators.get(id).is_some_and(|state| state.status == OperatorStatus::Pending);
            if let (true, Err(unfit)) = (waits, hardware.check(&operator.name, &operator.resources)) {
                let error = OperatorError { tip: unfit.to_string(), context: String::new() };
                self.fail_operator(*id, Cause::NeverFits.failure_type(), Cause::NeverFits, &error, &[]);
            }
        }
    }

    /// Ends an operator without success.
    fn fail_operator(
        &mut self,
        operator: OperatorId,
        failure_type: FailureType,
        cause: Cause,
        error: &OperatorError,
        outputs: &[OutputType],
    ) {
        let (tip, context) = (self.longest(LONGEST_TIP), self.longest(LONGEST_CONTEXT));
        let Some(state) = self.run.operators.get_mut(&operator) else { return };
        state.status = OperatorStatus::Failed;
        state.failure_type = Some(failure_type);
        state.cause = Some(cause);
        state.outputs = outputs.to_vec();
        let (tip, context) = (head(&error.tip, tip), tail(&error.context, context));
        let told = format!("operator '{}' failed: {tip}", state.name);
        state.error = Some(OperatorError { tip, context });
        state.timeline.ended_at = Some(self.now);
        self.note("operator_failed", told);
    }

    /// Whether an attempt that ended for a cause is followed by another one.
    fn tries_again(&self, operator: OperatorId, cause: Cause) -> bool {
        let asked = self.dag.operators.get(&operator).and_then(|operator| operator.limits.retries);
        self.run.operators.get(&operator).is_some_and(|state| {
            let began = state.status == OperatorStatus::Running;
            is_tried_again(cause, began, state.attempt.saturating_sub(1), asked)
        })
    }

    /// Lets another attempt follow.
    fn again(&mut self, operator: OperatorId, cause: Cause, message: &str) {
        let now = self.now;
        let message = head(message, self.longest(LONGEST_TIP));
        let kept = self.run.operators.values().map(|state| state.lost.len()).sum::<usize>();
        let Some(state) = self.run.operators.get_mut(&operator) else { return };
        let timeline = Timeline { ended_at: Some(now), ..state.timeline.clone() };
        let told =
            format!("attempt {} of operator '{}' was lost and is repeated: {message}", state.attempt, state.name);
        if kept < MOST_LOST {
            state.lost.push(LostAttempt { attempt: state.attempt, cause, message, node: state.node.take(), timeline });
        }
        let next = state.attempt + 1;
        state.begin_attempt(next, now);
        self.note("operator_repeated", told);
        self.start(operator, next);
    }

    /// The longest text of a kind that every operator can have.
    pub(super) fn longest(&self, most: usize) -> usize {
        (ALL_TEXTS / self.run.operators.len().max(1)).min(most)
    }
}
