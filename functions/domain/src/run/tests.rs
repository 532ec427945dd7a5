//! Runs, told as stories: what has happened to a run, and what it does next.

mod ends;
mod jobs;
mod locked_out;
mod losses;
mod progress;
mod properties;
mod races;
mod retries;
mod size;
mod unfit;

use super::*;
use crate::failure::FailureClass;
use crate::flow::tests::sample::{dag, parameter, system_metric};
use jiff::SignedDuration;
use uuid::Uuid;

/// A run, its DAG, the time, and what the last command brought about.
#[derive(Clone)]
struct Story {
    run: Run,
    dag: Dag,
    now: Timestamp,
    effects: Vec<Effect>,
    events: Vec<String>,
}

impl Story {
    /// A run that waits for its cluster.
    fn submitted(dag: Dag) -> Self {
        let now = Timestamp::from_second(1_700_000_000).expect("a time");
        let (id, cluster) = (RunId(Uuid::from_u128(0xe)), ClusterId(Uuid::from_u128(0xc)));
        let run = Run::submitted(id, &dag, Some(cluster), BTreeMap::new(), now);
        Self { run, dag, now, effects: vec![], events: vec![] }
    }

    /// A run that has its cluster.
    fn granted(dag: Dag) -> Self {
        let mut story = Self::submitted(dag);
        story.does(&Command::Granted { generation: Some(1), hardware: None });
        story
    }

    /// Sends a command; sent once more, it must not change anything.
    fn does(&mut self, command: &Command) -> &mut Self {
        let decision = decide(&self.run, &self.dag, command, self.now);
        check_step(&self.run, &decision, &self.dag);
        let again = decide(&decision.run, &self.dag, command, self.now);
        assert_eq!((&again.run, &again.events), (&decision.run, &vec![]), "{command:?} once more");
        self.run = decision.run;
        self.effects = decision.effects;
        self.events = decision.events.into_iter().map(|event| event.kind).collect();
        self
    }

    /// Sends a command that must not change anything.
    fn ignores(&mut self, command: &Command) {
        let before = self.run.clone();
        self.does(command);
        assert_eq!(self.run, before, "{command:?}");
        assert!(self.events.is_empty(), "{command:?}");
    }

    fn later(&mut self, seconds: i64) -> &mut Self {
        self.now += SignedDuration::from_secs(seconds);
        self
    }

    fn started(&mut self, name: &str) -> &mut Self {
        let (operator, attempt) = (self.dag.id_of(name), self.state(name).attempt);
        let node = Some("node-1".to_owned());
        let beginning = Beginning { pod: Some(format!("{name}-{attempt}")), node, container_at: None };
        self.does(&Command::Started { operator, attempt, beginning })
    }

    fn finished(&mut self, name: &str, outcome: Outcome) -> &mut Self {
        let (operator, attempt) = (self.dag.id_of(name), self.state(name).attempt);
        self.does(&Command::Finished { operator, attempt, outcome })
    }

    fn succeeded(&mut self, name: &str) -> &mut Self {
        self.finished(name, success())
    }

    fn failed(&mut self, name: &str, failure_type: FailureType) -> &mut Self {
        self.finished(name, failed(failure_type))
    }

    /// Shows the run the Jobs of the present attempts, those given and no others, each with the pod that began it on
    /// the node that it was bound to.
    fn observed(&mut self, jobs: &[(&str, JobState)]) -> &mut Self {
        let seen = |(name, job): &(&str, JobState)| {
            let OperatorState { attempt, pod, node, .. } = self.state(name).clone();
            (self.dag.id_of(name), JobObservation { attempt, scheduled_at: None, pod, node, state: job.clone() })
        };
        self.sees(jobs.iter().map(seen).collect(), &["node-1"])
    }

    /// Shows the run these Jobs and nodes.
    fn sees(&mut self, jobs: BTreeMap<OperatorId, JobObservation>, nodes: &[&str]) -> &mut Self {
        let nodes = nodes.iter().map(|name| ((*name).to_owned(), NodeState::Ready)).collect();
        self.does(&Command::Observed(Observation { at: self.now, jobs, nodes: Some(nodes) }))
    }

    fn state(&self, name: &str) -> &OperatorState {
        &self.run.operators[&self.dag.id_of(name)]
    }

    /// Every operator's status in one line.
    fn statuses(&self) -> String {
        let states = self.run.operators.values().map(|state| format!("{} {:?}", state.name, state.status));
        states.collect::<Vec<_>>().join(", ").to_lowercase()
    }

    /// The last command's effects in one line.
    fn effects(&self) -> String {
        let name = |id: &OperatorId| self.dag.operators[id].name.clone();
        let effects = self.effects.iter().map(|effect| match effect {
            Effect::Compute { operator, .. } => format!("compute {}", name(operator)),
            Effect::StartJob { operator, .. } => format!("start {}", name(operator)),
            Effect::DeleteJob { operator, attempt } => format!("delete {} {attempt}", name(operator)),
            Effect::DeleteJobs => "delete jobs".to_owned(),
            Effect::Wake => "wake".to_owned(),
        });
        effects.collect::<Vec<_>>().join(", ")
    }
}

/// What holds of every decision, whatever was decided.
fn check_step(before: &Run, decision: &Decision, dag: &Dag) {
    let after = &decision.run;
    let wakes = decision.effects.iter().filter(|effect| **effect == Effect::Wake).count();
    assert_eq!(wakes, usize::from(after.status.is_final()), "the machine goes on exactly when the run is over");
    assert_eq!(after.ended_at.is_some(), after.status.is_final());
    for (id, state) in &after.operators {
        let earlier = &before.operators[id];
        assert!(!earlier.status.is_final() || earlier == state, "{} was over", state.name);
        assert_eq!(state.timeline.ended_at.is_some(), state.status.is_final(), "{}", state.name);
        assert!(!after.status.is_final() || state.status.is_final(), "{} is left over", state.name);
        if state.status.is_active() {
            let mut upstream = dag.upstream(*id).map(|id| &after.operators[&id]);
            assert!(upstream.all(OperatorState::is_satisfied), "{} has not all its inputs", state.name);
        }
    }
    for effect in &decision.effects {
        if let Effect::Compute { operator, attempt } | Effect::StartJob { operator, attempt } = effect {
            let state = &after.operators[operator];
            assert!(state.status.is_active() && state.attempt == *attempt, "{} is started", state.name);
            let has_code = dag.operators[operator].code().is_some();
            let earlier = &before.operators[operator];
            let has_begun = earlier.status == OperatorStatus::Running && earlier.attempt == *attempt;
            assert!(!has_code || !has_begun, "{} is started twice", state.name);
            assert_eq!(has_code, matches!(effect, Effect::StartJob { .. }), "{}", state.name);
        }
    }
}

fn success() -> Outcome {
    Outcome::Succeeded { outputs: vec![], system_metadata: SystemMetadata::default() }
}

fn failed(failure_type: FailureType) -> Outcome {
    let error = OperatorError { tip: "It failed.".to_owned(), context: "Traceback ...".to_owned() };
    Outcome::Failed { failure_type, cause: Cause::Function, error, outputs: vec![] }
}

fn seen(attempt: u32, state: JobState) -> JobObservation {
    JobObservation { attempt, scheduled_at: None, pod: None, node: None, state }
}

/// The account does not let anybody in.
fn refused() -> Command {
    Command::LockedOut { failure: refusal("describe EKS cluster c: ExpiredTokenException: it is expired") }
}

fn lost() -> Command {
    Command::ClusterLost { failure: Failure::new(FailureClass::Requested, "the cluster was deleted by force") }
}
