//! How a run proceeds: one pure function from a run, its DAG and what happened to the next run and what to do.
//!
//! It is level-triggered: whatever the command, the run is then settled, that is dependants of a failed operator are
//! canceled, operators whose inputs are there get their Job, and a run without anything left to do ends. Calling it
//! twice with the same news changes nothing, and a Job whose creation was lost is asked for again.

use super::observe::verdict;
use super::{FailureType, JobObservation, OperatorError, OperatorStatus, Outcome, Run, RunStatus};
use crate::flow::Dag;
use crate::{Failure, OperatorId, event::Event};
use jiff::Timestamp;
use std::collections::BTreeMap;

/// Longest part of a traceback kept in the run itself; the end of it tells most.
const LONGEST_CONTEXT: usize = 8 * 1024;

/// What can happen to a run.
#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    /// It has its cluster, or needs none.
    Granted {
        /// The cluster's generation; none if it needs none.
        generation: Option<u32>,
    },
    /// It gets no cluster, or has lost it.
    ClusterLost {
        /// Why.
        failure: Failure,
    },
    /// This is what Kubernetes shows of its Jobs, all of them.
    Observed {
        /// By operator.
        jobs: BTreeMap<OperatorId, JobObservation>,
    },
    /// An operator's function begins.
    Started {
        /// The operator.
        operator: OperatorId,
        /// Its attempt.
        attempt: u32,
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
            Command::Granted { generation } => draft.granted(*generation),
            Command::ClusterLost { failure } => draft.cluster_lost(failure),
            Command::Observed { jobs } => draft.observed(jobs),
            Command::Started { operator, attempt } => draft.started(*operator, *attempt),
            Command::Finished { operator, attempt, outcome } => draft.finished(*operator, *attempt, outcome),
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
    fn granted(&mut self, generation: Option<u32>) {
        if self.run.status == RunStatus::Pending {
            self.run.status = RunStatus::Running;
            self.run.generation = generation;
            self.run.granted_at = Some(self.now);
            if generation.is_some() {
                self.note("cluster_granted", "the cluster is Active");
            }
        }
    }

    fn cluster_lost(&mut self, failure: &Failure) {
        self.run.error = Some(failure.clone());
        let error = OperatorError { tip: failure.message.clone(), context: String::new() };
        for state in self.run.operators.values_mut().filter(|state| state.status.is_active()) {
            state.status = OperatorStatus::Failed;
            state.failure_type = Some(FailureType::System);
            state.error = Some(error.clone());
            state.timeline.ended_at = Some(self.now);
        }
        self.cancel_unfinished();
        self.end(RunStatus::Failed);
    }

    /// Takes in what Kubernetes shows; a Job that should be there but is not is asked for again.
    fn observed(&mut self, jobs: &BTreeMap<OperatorId, JobObservation>) {
        let now = self.now;
        let mut missing = vec![];
        let mut failures = vec![];
        for (id, state) in self.run.operators.iter_mut().filter(|(_, state)| state.status.is_active()) {
            if self.dag.operators.get(id).is_none_or(|operator| operator.code().is_none()) {
                missing.push((*id, state.attempt));
                continue;
            }
            let Some(seen) = jobs.get(id).filter(|seen| seen.attempt == state.attempt) else {
                missing.push((*id, state.attempt));
                continue;
            };
            state.timeline.scheduled_at = state.timeline.scheduled_at.or(seen.scheduled_at);
            state.waiting_for = match &seen.state {
                super::JobState::Waiting { reason, message, .. } => Some(format!("{reason}: {message}")),
                _ => None,
            };
            if let Some((failure_type, error)) = verdict(&seen.state, now) {
                failures.push((*id, state.attempt, Outcome::Failed { failure_type, error, outputs: vec![] }));
            }
        }
        for (operator, attempt, outcome) in failures {
            self.finished(operator, attempt, &outcome);
        }
        for (operator, attempt) in missing {
            self.start(operator, attempt);
        }
    }

    fn started(&mut self, operator: OperatorId, attempt: u32) {
        let now = self.now;
        if let Some(state) = self.run.operators.get_mut(&operator)
            && state.attempt == attempt
            && state.status == OperatorStatus::Scheduled
        {
            state.status = OperatorStatus::Running;
            state.waiting_for = None;
            state.timeline.scheduled_at.get_or_insert(now);
            state.timeline.started_at = Some(now);
            let name = state.name.clone();
            self.note("operator_started", format!("operator '{name}' runs"));
        }
    }

    fn finished(&mut self, operator: OperatorId, attempt: u32, outcome: &Outcome) {
        let now = self.now;
        let Some(state) = self.run.operators.get_mut(&operator) else { return };
        if !state.status.is_active() || state.attempt != attempt {
            return;
        }
        state.timeline.ended_at = Some(now);
        state.waiting_for = None;
        let name = state.name.clone();
        match outcome {
            Outcome::Succeeded { outputs, system_metadata } => {
                state.status = OperatorStatus::Succeeded;
                state.outputs = outputs.clone();
                state.system_metadata = system_metadata.clone();
                self.note("operator_succeeded", format!("operator '{name}' succeeded"));
            }
            Outcome::Failed { failure_type, error, outputs } => {
                state.status = OperatorStatus::Failed;
                state.failure_type = Some(*failure_type);
                state.outputs = outputs.clone();
                let context = tail(&error.context, LONGEST_CONTEXT);
                state.error = Some(OperatorError { tip: error.tip.clone(), context });
                self.note("operator_failed", format!("operator '{name}' failed: {}", error.tip));
            }
        }
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
        for id in self.dag.in_order() {
            let upstream: Vec<_> = self.dag.upstream(id).filter_map(|id| self.run.operators.get(&id)).collect();
            let satisfied = upstream.iter().all(|state| state.is_satisfied());
            let blocked = upstream.iter().any(|state| state.status.is_final() && !state.is_satisfied());
            let Some(state) = self.run.operators.get_mut(&id).filter(|s| s.status == OperatorStatus::Pending) else {
                continue;
            };
            if blocked {
                state.status = OperatorStatus::Canceled;
                state.timeline.ended_at = Some(self.now);
            } else if satisfied {
                state.status = OperatorStatus::Scheduled;
                state.attempt = 1;
                state.timeline.queued_at = Some(self.now);
                self.start(id, 1);
            }
        }
        if self.run.operators.values().all(|state| state.status.is_final()) {
            let fatal = self.run.operators.values().any(|s| s.status == OperatorStatus::Failed && !s.is_satisfied());
            self.end(if fatal { RunStatus::Failed } else { RunStatus::Succeeded });
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
        self.run.ended_at = Some(self.now);
        self.note("ended", format!("the run {}", phrase(status)));
    }

    fn note(&mut self, kind: &str, message: impl Into<String>) {
        self.events.push(Event::new(self.now, kind, message));
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

/// The last `most` bytes of a text, cut at a character's boundary.
fn tail(text: &str, most: usize) -> String {
    let mut from = text.len().saturating_sub(most);
    while !text.is_char_boundary(from) {
        from += 1;
    }
    text[from..].to_owned()
}
