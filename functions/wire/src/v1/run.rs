//! Runs: how they are shown.

use super::documents;
use super::lifecycle::{WaitView, estimate};
use domain::cluster::{Cluster, Phase, Status, seconds_between};
use domain::flow::Dag;
use domain::run::{
    Cause, FailureType, LockedOut, LostAttempt, OperatorError, OperatorState, OperatorStatus, Run, RunStatus, Timeline,
};
use domain::{Failure, OperatorId, RunId};
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::artifact::OutputView;

/// A run in short.
#[derive(Debug, Serialize, ToSchema)]
pub struct RunSummary {
    /// Its id.
    pub id: Uuid,
    /// The flow.
    pub flow_id: Uuid,
    /// The flow's name.
    pub flow_name: String,
    /// `pending`, `running`, `succeeded`, `failed` or `canceled`.
    #[schema(value_type = String)]
    pub status: RunStatus,
    /// What it does or waits for, or how it ended.
    pub message: String,
    /// The cluster its functions run on, if it needs one.
    pub cluster: Option<RunCluster>,
    /// When it was submitted.
    pub created_at: Timestamp,
    /// When it had its cluster.
    pub granted_at: Option<Timestamp>,
    /// When it was over.
    pub ended_at: Option<Timestamp>,
}

/// The cluster of a run.
#[derive(Debug, Serialize, ToSchema)]
pub struct RunCluster {
    /// Its id.
    pub id: Uuid,
    /// Its name; none if it is not registered any more.
    pub name: Option<String>,
    /// Its status; none if it is not registered any more.
    #[schema(value_type = Option<String>)]
    pub status: Option<Status>,
}

/// A run with its operators.
#[derive(Debug, Serialize, ToSchema)]
pub struct RunDetail {
    /// The run.
    #[serde(flatten)]
    pub run: RunSummary,
    /// Why it failed, beyond its operators' own failures.
    #[schema(value_type = Option<documents::Failure>)]
    pub error: Option<Failure>,
    /// Why nobody can look at its pods at present; none if somebody can. They work on, and what they report is taken.
    pub locked_out: Option<LockedOutView>,
    /// Its place among the runs that wait for the cluster, by their submission, from 1; none if it does not wait. All
    /// of them start as soon as the cluster is Active.
    pub position: Option<usize>,
    /// What it waits for; none if it does not wait.
    pub wait: Option<WaitView>,
    /// Its operators, each after those it waits for.
    pub operators: Vec<OperatorRun>,
}

/// Why nobody can look at a run: its account, or the cluster in it, refuses us.
#[derive(Debug, Serialize, ToSchema)]
pub struct LockedOutView {
    /// Since when.
    pub since: Timestamp,
    /// When the run is given up, if nothing changes. It is looked at until then, at least once a minute on its first day.
    pub gives_up_at: Timestamp,
    /// The refusal, and what to do about it.
    #[schema(value_type = documents::Failure)]
    pub why: Failure,
}

/// An operator in a run.
#[derive(Debug, Serialize, ToSchema)]
pub struct OperatorRun {
    /// Its id.
    pub id: Uuid,
    /// Its name.
    pub name: String,
    /// `pending`, `scheduled`, `running`, `succeeded`, `failed` or `canceled`.
    #[schema(value_type = String)]
    pub status: OperatorStatus,
    /// Counts its Jobs, from 1; 0 before the first.
    pub attempt: u32,
    /// The attempts that were lost before this one, oldest first.
    #[schema(value_type = Vec<documents::LostAttempt>)]
    pub lost_attempts: Vec<LostAttempt>,
    /// Whose failure it is: 1 the system's, 2 the user's, 3 the user's without harm to the run.
    #[schema(value_type = Option<u8>)]
    pub failure_type: Option<FailureType>,
    /// Why it failed: `function`, `timed_out`, `out_of_memory`, `runner`, `transport`, `node_lost`, `evicted`,
    /// `pod_deleted`, `job_deleted`, `killed`, `not_admitted`, `not_started`, `image_unavailable`, `image_invalid`,
    /// `unschedulable`, `never_fits`, `silent`, `cluster_lost` or `locked_out`.
    #[schema(value_type = Option<String>)]
    pub cause: Option<Cause>,
    /// What to know of the failure.
    #[schema(value_type = Option<documents::OperatorError>)]
    pub error: Option<OperatorError>,
    /// What its pod waits for at present.
    pub waiting_for: Option<String>,
    /// The node of its pod, as far as known.
    pub node: Option<String>,
    /// When what happened, in the present attempt.
    #[schema(value_type = documents::Timeline)]
    pub timeline: Timeline,
    /// What it has written.
    pub outputs: Vec<OutputView>,
}

/// The runs of a flow.
#[derive(Debug, Serialize, ToSchema)]
pub struct RunList {
    /// Newest first.
    pub runs: Vec<RunSummary>,
}

/// What an operator printed.
#[derive(Debug, Default, PartialEq, Eq, Serialize, serde::Deserialize, ToSchema)]
pub struct Logs {
    /// On standard output.
    #[serde(default)]
    pub stdout: String,
    /// On standard error.
    #[serde(default)]
    pub stderr: String,
}

impl Logs {
    /// The end of each text, where they are longer than `most` bytes.
    #[must_use]
    pub fn tail(self, most: usize) -> Self {
        let tail = |text: String| {
            let from = text.ceil_char_boundary(text.len().saturating_sub(most));
            if from == 0 { text } else { format!("[{from} bytes left out]\n{}", &text[from..]) }
        };
        Self { stdout: tail(self.stdout), stderr: tail(self.stderr) }
    }
}

impl RunSummary {
    /// A run, with its cluster as far as it is registered, as seen now.
    #[must_use]
    pub fn of(run: &Run, clusters: &[Cluster], now: Timestamp) -> Self {
        let cluster = run.cluster.map(|id| (id, clusters.iter().find(|cluster| cluster.id == id)));
        Self {
            id: run.id.0,
            flow_id: run.flow.0,
            flow_name: run.flow_name.clone(),
            status: run.status,
            message: message(run, cluster.and_then(|(_, cluster)| cluster), now),
            cluster: cluster.map(|(id, cluster)| RunCluster {
                id: id.0,
                name: cluster.map(|cluster| cluster.name.clone()),
                status: cluster.map(Cluster::status),
            }),
            created_at: run.created_at,
            granted_at: run.granted_at,
            ended_at: run.ended_at,
        }
    }
}

impl RunDetail {
    /// A run with its graph and the runs that wait for its cluster, in the order of their submission; see
    /// [`RunSummary::of`].
    #[must_use]
    pub fn of(run: &Run, dag: &Dag, clusters: &[Cluster], in_line: &[RunId], now: Timestamp) -> Self {
        let position = in_line.iter().position(|other| *other == run.id).map(|before| before + 1);
        let wait = clusters.first().filter(|_| position.is_some()).and_then(|c| WaitView::of(c, in_line, now));
        let in_order = dag.in_order().into_iter();
        Self {
            run: RunSummary::of(run, clusters, now),
            error: run.error.clone(),
            locked_out: run.locked_out.as_ref().map(LockedOutView::from),
            position,
            wait,
            operators: in_order.filter_map(|id| Some(OperatorRun::of(id, run.operators.get(&id)?, dag))).collect(),
        }
    }
}

impl From<&LockedOut> for LockedOutView {
    fn from(locked_out: &LockedOut) -> Self {
        let LockedOut { since, failure } = locked_out.clone();
        Self { since, gives_up_at: locked_out.until(), why: failure }
    }
}

impl OperatorRun {
    fn of(id: OperatorId, state: &OperatorState, dag: &Dag) -> Self {
        Self {
            id: id.0,
            name: state.name.clone(),
            status: state.status,
            attempt: state.attempt,
            lost_attempts: state.lost.clone(),
            failure_type: state.failure_type,
            cause: state.cause,
            error: state.error.clone(),
            waiting_for: state.waiting_for.clone(),
            node: state.node.clone(),
            timeline: state.timeline.clone(),
            outputs: state.outputs.iter().map(|output| OutputView::of(output, dag)).collect(),
        }
    }
}

/// What a run does or waits for, or how it ended, in a sentence.
fn message(run: &Run, cluster: Option<&Cluster>, now: Timestamp) -> String {
    let failed =
        || run.operators.values().find(|state| state.status == OperatorStatus::Failed && !state.is_satisfied());
    match (run.status, cluster) {
        (RunStatus::Pending, Some(cluster)) => waiting(run, cluster, now),
        (RunStatus::Pending, None) => "starting".to_owned(),
        (RunStatus::Running, _) => working(run),
        (RunStatus::Succeeded, _) => {
            let seconds = run.ended_at.map_or(0, |end| seconds_between(run.created_at, end));
            format!("succeeded after {seconds} s")
        }
        (RunStatus::Canceled, _) => "canceled by a user".to_owned(),
        (RunStatus::Failed, _) => match (&run.error, failed()) {
            (Some(failure), _) => failure.text(),
            (None, Some(state)) => {
                let tip = state.error.as_ref().map(|error| format!(": {}", error.tip)).unwrap_or_default();
                format!("operator '{}' failed{tip}", state.name)
            }
            (None, None) => "failed".to_owned(),
        },
    }
}

fn waiting(run: &Run, cluster: &Cluster, now: Timestamp) -> String {
    let what = match &cluster.phase {
        Phase::Terminated | Phase::Creating { .. } => "be created",
        Phase::Terminating { .. } => "be destroyed and created again",
        Phase::Updating { waiters, .. } if waiters.contains(&run.id) => "replace its nodes",
        Phase::Active { .. } | Phase::Updating { .. } => return format!("starting on cluster '{}'", cluster.name),
    };
    let mut text = format!("waiting for cluster '{}' to {what}, {}", cluster.name, estimate(cluster, now));
    if let (Some(retry), Some(failure)) = (cluster.view(now).retry, cluster.present_error()) {
        let next = retry.next_try_at.strftime("%H:%M UTC");
        text.push_str(&format!(
            "; try {} begins at {next}, since the last one failed: {}",
            retry.attempt, failure.message
        ));
    }
    text
}

fn working(run: &Run) -> String {
    let done = run.operators.values().filter(|state| state.status.is_final()).count();
    let mut text = format!("{done} of {} operators done", run.operators.len());
    for (word, status) in [("running", OperatorStatus::Running), ("starting", OperatorStatus::Scheduled)] {
        let named = |state: &OperatorState| match state.attempt {
            0 | 1 => state.name.clone(),
            attempt => format!("{} (attempt {attempt})", state.name),
        };
        let names: Vec<_> = run.operators.values().filter(|s| s.status == status).map(named).collect();
        if !names.is_empty() {
            text.push_str(&format!("; {word}: {}", names.join(", ")));
        }
    }
    if let Some(LockedOut { since, failure }) = &run.locked_out {
        let since = since.strftime("%F %H:%M UTC");
        text.push_str(&format!("; its pods cannot be looked at since {since}: {}", failure.text()));
    }
    text
}
