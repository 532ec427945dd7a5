//! How a run proceeds: one pure function from a run, its DAG and what happened to the next run and what to do.
//!
//! It is level-triggered: whatever the command, the run is then settled, that is dependants of a failed operator are
//! canceled, operators whose inputs are there get their Job, and a run without anything left to do ends. Calling it
//! twice with the same news changes nothing, and a Job whose creation was lost is asked for again.

mod attempts;
mod locked_out;

use super::{
    Beginning, Cause, FailureType, Observation, OperatorError, OperatorState, OperatorStatus, Outcome, Run, RunStatus,
    Timeline,
};
use crate::cluster::Hardware;
use crate::cut::head;
use crate::flow::Dag;
use crate::{Failure, OperatorId, event::Event};
use attempts::LONGEST_TIP;
use jiff::Timestamp;

/// What can happen to a run.
#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    /// It has its cluster, or needs none.
    Granted {
        /// The cluster's generation; none if it needs none.
        generation: Option<u32>,
        /// What the cluster has, where that is known.
        hardware: Option<Box<Hardware>>,
    },
    /// It gets no cluster, or has lost it.
    ClusterLost {
        /// Why.
        failure: Failure,
    },
    /// This is what Kubernetes shows of it.
    Observed(Observation),
    /// The user's account does not let us look at it, or do what is to be done.
    LockedOut {
        /// Why, and what to do about it.
        failure: Failure,
    },
    /// The user's account lets us in.
    LetIn,
    /// An operator's function begins.
    Started {
        /// The operator.
        operator: OperatorId,
        /// Its attempt.
        attempt: u32,
        /// Where.
        beginning: Beginning,
    },
    /// An operator is over.
    Finished {
        /// The operator.
        operator: OperatorId,
        /// Its attempt.
        attempt: u32,
        /// How it ended.
        outcome: Outcome,
    },
    /// A pod says how its operator ended.
    Reported {
        /// The operator.
        operator: OperatorId,
        /// Its attempt.
        attempt: u32,
        /// The pod's unique id, if it says so.
        pod: Option<String>,
        /// How it ended.
        outcome: Outcome,
    },
    /// A person ends it.
    Cancel,
}

/// What is to be done in the world. Each can be done twice without harm.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Compute a parameter or a system metric here and report it as finished.
    Compute {
        /// The operator.
        operator: OperatorId,
        /// Its attempt.
        attempt: u32,
    },
    /// Create the operator's Job.
    StartJob {
        /// The operator.
        operator: OperatorId,
        /// Its attempt.
        attempt: u32,
    },
    /// Delete the Job of an attempt that was given up.
    DeleteJob {
        /// The operator.
        operator: OperatorId,
        /// Its attempt.
        attempt: u32,
    },
    /// Delete all Jobs of the run.
    DeleteJobs,
    /// Let the state machine go on: the run is over.
    Wake,
}

/// The outcome of a command.
#[derive(Debug, Clone, PartialEq)]
pub struct Decision {
    /// The run to store.
    pub run: Run,
    /// What to do.
    pub effects: Vec<Effect>,
    /// What to write into its history.
    pub events: Vec<Event>,
}

/// Decides what follows from a command. `dag` must be the run's own.
#[must_use]
pub fn decide(run: &Run, dag: &Dag, command: &Command, now: Timestamp) -> Decision {
    let mut draft = Draft { run: run.clone(), dag, effects: vec![], events: vec![], now };
    let was_final = run.status.is_final();
    if !was_final {
        match command {
            Command::Granted { generation, hardware } => draft.granted(*generation, hardware.as_deref()),
            Command::ClusterLost { failure } => draft.fail(Cause::ClusterLost, failure),
            Command::Observed(observation) => draft.observed(observation),
            Command::LockedOut { failure } => draft.locked_out(failure),
            Command::LetIn => draft.let_in(),
            Command::Started { operator, attempt, beginning } => draft.started(*operator, *attempt, beginning),
            Command::Finished { operator, attempt, outcome } => draft.finished(*operator, *attempt, outcome),
            Command::Reported { operator, attempt, pod, outcome } => {
                draft.reported(*operator, *attempt, pod.as_deref(), outcome);
            }
            Command::Cancel => draft.cancel(),
        }
        draft.settle();
    }
    if draft.run.status.is_final() {
        draft.effects.push(Effect::Wake);
    }
    Decision { run: draft.run, effects: draft.effects, events: draft.events }
}

struct Draft<'a> {
    run: Run,
    dag: &'a Dag,
    effects: Vec<Effect>,
    events: Vec<Event>,
    now: Timestamp,
}

impl Draft<'_> {
    fn granted(&mut self, generation: Option<u32>, hardware: Option<&Hardware>) {
        if self.run.status == RunStatus::Pending {
            self.run.status = RunStatus::Running;
            self.run.generation = generation;
            self.run.granted_at = Some(self.now);
            if generation.is_some() {
                self.note("cluster_granted", "the cluster is Active");
            }
            if let Some(hardware) = hardware {
                self.refuse_unfit(hardware);
            }
        }
    }

    /// Ends the run for a reason that is none of its operators' own.
    fn fail(&mut self, cause: Cause, failure: &Failure) {
        self.run.error = Some(failure.shortened());
        let error = OperatorError { tip: head(&failure.message, self.longest(LONGEST_TIP)), context: String::new() };
        for state in self.run.operators.values_mut().filter(|state| state.status.is_active()) {
            state.status = OperatorStatus::Failed;
            state.failure_type = Some(FailureType::System);
            state.cause = Some(cause);
            state.waiting_for = None;
            state.error = Some(error.clone());
            state.timeline.ended_at = Some(self.now);
        }
        self.cancel_unfinished();
        self.end(RunStatus::Failed);
    }

    fn cancel(&mut self) {
        self.cancel_unfinished();
        self.note("canceled", "a user canceled the run");
        self.effects.push(Effect::DeleteJobs);
        self.end(RunStatus::Canceled);
    }

    fn settle(&mut self) {
        if self.run.status != RunStatus::Running {
            return;
        }
        self.settle_pending();
        if self.run.operators.values().all(|state| state.status.is_final()) {
            let fatal = self.run.operators.values().any(|s| s.status == OperatorStatus::Failed && !s.is_satisfied());
            self.end(if fatal { RunStatus::Failed } else { RunStatus::Succeeded });
        }
    }

    /// Starts operators whose inputs are there, and cancels those whose inputs will never come.
    fn settle_pending(&mut self) {
        let is_pending = |state: &OperatorState| state.status == OperatorStatus::Pending;
        if !self.run.operators.values().any(is_pending) {
            return;
        }
        let (dag, producers) = (self.dag, self.dag.producers());
        for (id, operator) in dag.in_order().into_iter().filter_map(|id| Some((id, dag.operators.get(&id)?))) {
            if !self.run.operators.get(&id).is_some_and(is_pending) {
                continue;
            }
            let upstream = operator.inputs.iter().filter_map(|artifact| producers.get(artifact));
            let upstream: Vec<_> = upstream.filter_map(|id| self.run.operators.get(id)).collect();
            let satisfied = upstream.iter().all(|state| state.is_satisfied());
            let blocked = upstream.iter().any(|state| state.status.is_final() && !state.is_satisfied());
            let Some(state) = self.run.operators.get_mut(&id) else { continue };
            if blocked {
                state.status = OperatorStatus::Canceled;
                state.timeline.ended_at = Some(self.now);
            } else if satisfied {
                state.begin_attempt(1, self.now);
                self.start(id, 1);
            }
        }
    }

    fn start(&mut self, operator: OperatorId, attempt: u32) {
        let here = self.dag.operators.get(&operator).is_none_or(|operator| operator.code().is_none());
        let start = if here { Effect::Compute { operator, attempt } } else { Effect::StartJob { operator, attempt } };
        self.effects.push(start);
    }

    fn cancel_unfinished(&mut self) {
        for state in self.run.operators.values_mut().filter(|state| !state.status.is_final()) {
            state.status = OperatorStatus::Canceled;
            state.waiting_for = None;
            state.timeline.ended_at = Some(self.now);
        }
    }

    fn end(&mut self, status: RunStatus) {
        self.run.status = status;
        self.run.locked_out = None;
        self.run.ended_at = Some(self.now);
        self.note("ended", format!("the run {}", phrase(status)));
    }

    fn note(&mut self, kind: &str, message: impl Into<String>) {
        self.events.push(Event::new(self.now, kind, message));
    }
}

impl OperatorState {
    /// Makes it wait for the pod of another attempt.
    fn begin_attempt(&mut self, attempt: u32, now: Timestamp) {
        self.status = OperatorStatus::Scheduled;
        (self.attempt, self.stored_as) = (attempt, attempt);
        self.timeline = Timeline { queued_at: Some(now), ..Timeline::default() };
        (self.pod, self.node, self.job_seen_at, self.waiting_for) = (None, None, None, None);
    }
}

fn phrase(status: RunStatus) -> &'static str {
    match status {
        RunStatus::Pending => "is pending",
        RunStatus::Running => "is running",
        RunStatus::Succeeded => "succeeded",
        RunStatus::Failed => "failed",
        RunStatus::Canceled => "was canceled",
    }
}
