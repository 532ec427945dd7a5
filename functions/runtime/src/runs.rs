//! Commands on runs, and what is read of them.

use crate::idempotency::{Earlier, Repeatable};
use crate::ports::{Expect, MOST_WRITES, Machine, Write};
use crate::records::{self, Stored};
use crate::world::MOST_TRIES;
use crate::{Error, PortError, World, concurrent, keys, previews};
use domain::cluster;
use domain::flow::{Dag, Engine, Flow, ParameterValue};
use domain::run::{self, Effect, Run};
use domain::{ClusterId, DagId, FlowId, RunId};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::Arc;

/// So many bytes of parameter values are part of a run's document.
const LARGEST_PARAMETERS: usize = 64 * 1024;

impl World {
    /// Reads a run.
    ///
    /// # Errors
    /// [`Error::NotFound`] if there is none of that id.
    pub async fn run(&self, id: RunId) -> Result<Stored<Run>, Error> {
        records::load(self.store.as_ref(), &keys::run(id), "run").await
    }

    /// Reads a run that may be gone.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn find_run(&self, id: RunId) -> Result<Option<Stored<Run>>, Error> {
        records::find(self.store.as_ref(), &keys::run(id)).await
    }

    /// The runs of a flow, oldest first.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn runs_of(&self, flow: FlowId) -> Result<Vec<Run>, Error> {
        let ids: Vec<Stored<RunId>> = records::list(self.store.as_ref(), &keys::flow_runs(flow)).await?;
        let runs = concurrent::all(ids.iter().map(|id| self.find_run(id.value))).await?;
        Ok(runs.into_iter().flatten().map(|stored| stored.value).collect())
    }

    /// The run of a flow that was submitted last.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn latest_run_of(&self, flow: FlowId) -> Result<Option<Run>, Error> {
        let ids: Vec<Stored<RunId>> = records::list(self.store.as_ref(), &keys::flow_runs(flow)).await?;
        let Some(last) = ids.last() else { return Ok(None) };
        Ok(self.find_run(last.value).await?.map(|stored| stored.value))
    }

    /// The runs that are not over.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn open_runs(&self) -> Result<Vec<RunId>, Error> {
        let ids: Vec<Stored<RunId>> = records::list(self.store.as_ref(), keys::OPEN_RUNS).await?;
        Ok(ids.into_iter().map(|stored| stored.value).collect())
    }

    /// Reads a version of a flow's graph.
    ///
    /// # Errors
    /// [`Error::NotFound`] if there is none of that id.
    pub async fn dag(&self, flow: FlowId, dag: DagId) -> Result<Arc<Dag>, Error> {
        if let Some(known) = self.dags.get(dag) {
            return Ok(known);
        }
        let bytes = self.objects.get(&keys::dag(flow, dag)).await?;
        let bytes = bytes.ok_or_else(|| Error::NotFound { what: "DAG", id: dag.to_string() })?;
        let read = serde_json::from_slice(&bytes);
        let read = read.map_err(|e| Error::Corrupt { what: format!("DAG {dag}"), detail: e.to_string() })?;
        let read = Arc::new(read);
        self.dags.remember(&read, bytes.len());
        Ok(read)
    }

    /// Reads a run and the version of the graph that it runs.
    ///
    /// # Errors
    /// Those of [`World::run`] and [`World::dag`].
    pub async fn run_with_dag(&self, id: RunId) -> Result<(Run, Arc<Dag>), Error> {
        let run = self.run(id).await?.value;
        let dag = self.dag(run.flow, run.dag).await?;
        Ok((run, dag))
    }

    /// Submits a run of the newest version of a flow: stores it, then starts its state machine.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a parameter that the flow does not have.
    pub async fn submit_run(
        &self,
        id: RunId,
        flow: &Flow,
        dag: &Dag,
        cluster: Option<ClusterId>,
        parameters: BTreeMap<String, ParameterValue>,
    ) -> Result<Run, Error> {
        check_parameters(dag, &parameters)?;
        let run = Run { flow: flow.id, ..Run::submitted(id, dag, cluster, parameters, self.now()) };
        self.submit_once(run, None, Run::clone).await
    }

    /// Submits a run whose parameters were checked. A request that came before gets the answer that it got then.
    ///
    /// # Errors
    /// Those of the stores, and [`Error::Unprocessable`] if another request came under this key.
    pub(crate) async fn submit_once<A: Serialize + DeserializeOwned>(
        &self,
        mut run: Run,
        request: Option<&Repeatable>,
        answer: impl Fn(&Run) -> A,
    ) -> Result<A, Error> {
        let id = run.id;
        self.set_large_parameters_apart(&mut run).await?;
        for _ in 0..MOST_TRIES {
            let mut writes = self.submission(run.flow, &run)?;
            if let Some(request) = request {
                match self.earlier(request).await? {
                    Earlier::Answered(answer) => {
                        self.objects.delete_all(&keys::run_objects(id)).await?;
                        return Ok(answer);
                    }
                    Earlier::New(expect) => writes.push(self.answered(request, expect, Some(id), &answer(&run))?),
                }
            }
            if self.is_submitted(id, self.store.commit(writes).await).await? {
                self.start_submitted(id).await?;
                return Ok(answer(&run));
            }
        }
        Err(Error::Contended { what: format!("run {id}") })
    }

    /// Whether a run was submitted. An error may hide that it was; told otherwise, its user would submit it again.
    pub(crate) async fn is_submitted(&self, id: RunId, committed: Result<(), PortError>) -> Result<bool, Error> {
        match records::lost_race(committed) {
            Ok(false) => Ok(true),
            _ if self.store.get(&keys::run(id)).await?.is_some() => Ok(true),
            failed => failed.map(|_| false),
        }
    }

    /// A document of the store has at most 400 KB; values may have megabytes.
    async fn set_large_parameters_apart(&self, run: &mut Run) -> Result<(), Error> {
        let size: usize = run.parameters.values().map(|value| value.base64.len()).sum();
        if size <= LARGEST_PARAMETERS {
            return Ok(());
        }
        let key = keys::parameters(run.id);
        let text = serde_json::to_vec(&std::mem::take(&mut run.parameters));
        let text = text.map_err(|e| Error::Corrupt { what: format!("object {key}"), detail: e.to_string() })?;
        run.parameters_apart = true;
        Ok(self.objects.put(&key, text, "application/json").await?)
    }

    /// The value of a parameter that is meant for one run only, if there is one.
    ///
    /// # Errors
    /// Those of the object store.
    pub async fn own_parameter(&self, run: &Run, name: &str) -> Result<Option<ParameterValue>, Error> {
        if !run.parameters_apart {
            return Ok(run.parameters.get(name).cloned());
        }
        let key = keys::parameters(run.id);
        let text = self.objects.get(&key).await?;
        let text = text.ok_or_else(|| Error::NotFound { what: "object", id: key.clone() })?;
        let all = serde_json::from_slice::<BTreeMap<String, ParameterValue>>(&text);
        let mut all = all.map_err(|e| Error::Corrupt { what: format!("object {key}"), detail: e.to_string() })?;
        Ok(all.remove(name))
    }

    /// The writes that submit a run.
    pub(crate) fn submission(&self, flow: FlowId, run: &Run) -> Result<Vec<Write>, Error> {
        Ok(vec![
            records::put(keys::run(run.id), run, Expect::Absent)?,
            records::put(keys::flow_run(flow, run.created_at, run.id), &run.id, Expect::Anything)?,
            records::put(keys::open_run(run.id), &run.id, Expect::Anything)?,
        ])
    }

    /// The write of a run.
    pub(crate) fn document(&self, run: &Run, expect: Expect) -> Result<Write, Error> {
        Ok(self.remember(run.id, records::put(keys::run(run.id), run, expect)?))
    }

    /// A write that concerns a run: what concerns a preview is forgotten some time after its last change.
    fn remember(&self, run: RunId, write: Write) -> Write {
        if run.is_preview() { records::until(write, self.now() + previews::REMEMBERED) } else { write }
    }

    /// Starts a run's state machine; once, however often it is called.
    ///
    /// # Errors
    /// Those of Step Functions.
    pub async fn start_run(&self, id: RunId) -> Result<(), Error> {
        Ok(self.machines.start(Machine::FlowRun, &id.to_string(), json!({"run_id": id})).await?)
    }

    /// Starts the machine of a run that was stored just now. From then on the run is accepted: told otherwise, its
    /// user would submit it again, and both would run. So what cannot be started now is left to the sweeper.
    ///
    /// # Errors
    /// Those of the rule, where the machine could not be started either.
    pub(crate) async fn start_submitted(&self, id: RunId) -> Result<(), Error> {
        let Err(error) = self.start_run(id).await else { return Ok(()) };
        tracing::warn!(run.id = %id, "the run is left to the sweeper: {error}");
        Ok(self.keepalive_rule.enable().await?)
    }

    /// Remembers which task waits for the run's next change.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn remember_task(&self, id: RunId, task_token: &str) -> Result<Run, Error> {
        for _ in 0..MOST_TRIES {
            let mut stored = self.run(id).await?;
            stored.value.task_token = Some(task_token.to_owned());
            let write = self.document(&stored.value, Expect::Version(stored.version))?;
            if !records::lost_race(self.store.commit(vec![write]).await)? {
                return Ok(stored.value);
            }
        }
        Err(Error::Contended { what: format!("run {id}") })
    }

    /// Carries out a command on a run and wakes its state machine if it is over. Effects on Kubernetes are returned:
    /// only the run function can perform them, and it asks again on every round.
    ///
    /// # Errors
    /// Failures to load or commit.
    pub async fn run_command(&self, id: RunId, command: &run::Command) -> Result<run::Decision, Error> {
        for _ in 0..MOST_TRIES {
            let stored = self.run(id).await?;
            let dag = self.dag_for(&stored.value, command).await?;
            let decision = run::decide(&stored.value, &dag, command, self.clock.now());
            if decision.run != stored.value {
                let mut writes = vec![self.document(&decision.run, Expect::Version(stored.version))?];
                let mut events = records::events(&id.to_string(), stored.version + 1, &decision.events)?;
                // A node that is lost may take hundreds of operators with it.
                let rest = events.split_off(events.len().min(MOST_WRITES - writes.len()));
                writes.extend(events.into_iter().map(|event| self.remember(id, event)));
                if records::lost_race(self.store.commit(writes).await)? {
                    continue;
                }
                self.tell_rest(id, rest).await;
                for event in &decision.events {
                    tracing::info!(run.id = %id, event = event.kind, "{}", event.message);
                }
            }
            if decision.effects.contains(&Effect::Wake)
                && let Some(token) = &decision.run.task_token
            {
                self.machines.succeed(token, json!({"status": "finished"})).await?;
            }
            return Ok(decision);
        }
        Err(Error::Contended { what: format!("run {id}") })
    }

    /// The graph by which a command on a run is decided. A run can be ended without: its graph may have gone with its flow,
    /// or with its time if it is a preview, and a run without an end would keep its lease, and so the cluster, for ever.
    async fn dag_for(&self, run: &Run, command: &run::Command) -> Result<Arc<Dag>, Error> {
        let ends = matches!(command, run::Command::ClusterLost { .. } | run::Command::Cancel);
        match self.dag(run.flow, run.dag).await {
            Err(error @ (Error::NotFound { .. } | Error::Corrupt { .. })) if ends => {
                tracing::warn!(run.id = %run.id, "the run ends without its graph: {error}");
                Ok(Arc::new(Dag {
                    id: run.dag,
                    flow: run.flow,
                    name: run.flow_name.clone(),
                    created_at: run.created_at,
                    engine: Engine::BuiltIn,
                    operators: BTreeMap::new(),
                    artifacts: BTreeMap::new(),
                }))
            }
            read => read,
        }
    }

    /// Cancels a run. One that has not been granted its cluster gives back its place in line at once, by which a creation
    /// that nobody else waits for ends: its machine gives it back too, but later, and has no way to stop a build.
    ///
    /// # Errors
    /// Those of [`Self::run_command`].
    pub async fn cancel_run(&self, id: RunId) -> Result<run::Decision, Error> {
        let decision = self.run_command(id, &run::Command::Cancel).await?;
        if let (Some(cluster), None) = (decision.run.cluster, decision.run.generation) {
            let released = self.cluster_command(cluster, &cluster::Command::Release { run: id }).await;
            if let Err(error) = released {
                tracing::warn!(run.id = %id, "its place in line is left to its machine: {error}");
            }
        }
        Ok(decision)
    }

    /// Stores what a run's history has beyond one transaction. The run has changed already: what cannot be told is lost.
    async fn tell_rest(&self, id: RunId, events: Vec<Write>) {
        let mut events = events.into_iter().map(|event| self.remember(id, event)).peekable();
        while events.peek().is_some() {
            if let Err(error) = self.store.commit(events.by_ref().take(MOST_WRITES).collect()).await {
                tracing::warn!(run.id = %id, "events are lost: {error}");
            }
        }
    }

    /// Takes a finished run off the list of open ones.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn close_run(&self, id: RunId) -> Result<(), Error> {
        Ok(self.store.commit(vec![Write::Delete { key: keys::open_run(id), expect: Expect::Anything }]).await?)
    }
}

/// Refuses parameter values that the flow has no parameter for.
pub(crate) fn check_parameters(dag: &Dag, parameters: &BTreeMap<String, ParameterValue>) -> Result<(), Error> {
    let known: Vec<&str> = dag
        .operators
        .values()
        .filter(|operator| matches!(operator.kind, domain::flow::OperatorKind::Parameter { .. }))
        .map(|operator| operator.name.as_str())
        .collect();
    for (name, value) in parameters {
        if !known.contains(&name.as_str()) {
            let list =
                if known.is_empty() { "it has none".to_owned() } else { format!("it has: {}", known.join(", ")) };
            return Err(Error::Invalid(format!(
                "field 'parameters': flow '{}' has no parameter '{name}'; {list}",
                dag.name
            )));
        }
        if value.bytes().is_err() {
            return Err(Error::Invalid(format!("field 'parameters': the value of '{name}' is not valid base64")));
        }
    }
    Ok(())
}

#[cfg(test)]
#[path = "runs_tests.rs"]
mod tests;
