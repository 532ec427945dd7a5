//! Publishing, reading and deleting flows.

use crate::idempotency::{Earlier, Repeatable};
use crate::ports::{Expect, MOST_WRITES, Write};
use crate::records::{self, Stored};
use crate::world::MOST_TRIES;
use crate::{Error, World, concurrent, keys};
use domain::flow::{Dag, Flow, Retention, Schedule, check, check_fit};
use domain::run::Run;
use domain::{ClusterId, FlowId, OperatorId, RunId};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::collections::BTreeMap;

/// A flow to publish: its graph, its packages, and the run to start at once, if any.
#[derive(Debug, Clone)]
pub struct Publication {
    /// What it is about.
    pub description: String,
    /// The graph; its `flow` is replaced by the id of the flow of that name if there is one.
    pub dag: Dag,
    /// The packages of the operators that come as packages.
    pub packages: BTreeMap<OperatorId, Vec<u8>>,
    /// When it runs by itself; if none, as before.
    pub schedule: Option<Schedule>,
    /// How many of its runs are kept; if none, as before.
    pub keep_runs: Option<Retention>,
    /// The id of the run to start.
    pub run: Option<RunId>,
}

impl World {
    /// Reads a flow.
    ///
    /// # Errors
    /// [`Error::NotFound`] if there is none of that id.
    pub async fn flow(&self, id: FlowId) -> Result<Flow, Error> {
        let stored: Stored<Flow> = records::load(self.store.as_ref(), &keys::flow(id), "flow").await?;
        Ok(stored.value)
    }

    /// Reads all flows.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn flows(&self) -> Result<Vec<Flow>, Error> {
        let all = records::list(self.store.as_ref(), keys::FLOWS).await?;
        Ok(all.into_iter().map(|stored| stored.value).collect())
    }

    /// Checks a graph against its own rules and those of the cluster it will run on, which is returned.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a graph that does not hold together, [`Error::Unprocessable`] for one that could never
    /// run.
    pub async fn check_dag(&self, dag: &Dag) -> Result<Option<ClusterId>, Error> {
        check(dag).map_err(|error| Error::Invalid(error.to_string()))?;
        let clusters = self.clusters().await?;
        let ids: Vec<ClusterId> = clusters.iter().map(|cluster| cluster.id).collect();
        let chosen = dag.cluster(&ids).map_err(|error| Error::Unprocessable(error.to_string()))?;
        let Some(id) = chosen else { return Ok(None) };
        let cluster = clusters.iter().find(|cluster| cluster.id == id);
        let cluster = cluster.ok_or_else(|| Error::NotFound { what: "cluster", id: id.to_string() })?;
        for operator in dag.operators.values().filter(|operator| operator.code().is_some()) {
            check_fit(&operator.name, &operator.resources, &cluster.settings)
                .map_err(|error| Error::Unprocessable(error.to_string()))?;
        }
        Ok(chosen)
    }

    /// Publishes a flow: contents first, then everything else in one transaction, then the run's state machine.
    ///
    /// # Errors
    /// Those of [`World::check_dag`], of a schedule that cannot be kept, and of the stores.
    pub async fn publish(&self, publication: Publication) -> Result<(Flow, Option<Run>), Error> {
        self.publish_once(publication, None, |flow, run| (flow.clone(), run.cloned())).await
    }

    /// Publishes a flow, as [`World::publish`] does; a request that came before gets the answer that it got then.
    ///
    /// # Errors
    /// Those of [`World::publish`], and [`Error::Unprocessable`] if another request came under this key.
    pub async fn publish_once<A: Serialize + DeserializeOwned>(
        &self,
        mut publication: Publication,
        request: Option<&Repeatable>,
        answer: impl Fn(&Flow, Option<&Run>) -> A,
    ) -> Result<A, Error> {
        for _ in 0..MOST_TRIES {
            let expect = match request {
                Some(request) => match self.earlier(request).await? {
                    Earlier::Answered(answer) => return Ok(answer),
                    Earlier::New(expect) => expect,
                },
                None => Expect::Absent,
            };
            let remember = |flow: &Flow, run: Option<&Run>| {
                let remember = |request| self.answered(request, expect, run.map(|run| run.id), &answer(flow, run));
                request.map(remember).transpose()
            };
            if let Some((flow, run)) = self.try_to_publish(&mut publication, remember).await? {
                if matches!(flow.schedule, Schedule::Periodic { .. }) {
                    self.keepalive_rule.enable().await?;
                }
                if let Some(run) = &run {
                    self.start_submitted(run.id).await?;
                }
                return Ok(answer(&flow, run.as_ref()));
            }
        }
        Err(Error::Contended { what: format!("flow '{}'", publication.dag.name) })
    }

    /// Publishes a flow, unless somebody else has just published one of that name: then nothing is left of the attempt.
    /// What is to be remembered of it is stored with it.
    async fn try_to_publish(
        &self,
        publication: &mut Publication,
        remember: impl FnOnce(&Flow, Option<&Run>) -> Result<Option<Write>, Error>,
    ) -> Result<Option<(Flow, Option<Run>)>, Error> {
        let Publication { description, dag, packages, schedule, keep_runs, run } = publication;
        let existing = self.find_flow(&dag.name).await?;
        let (mut flow, expect) = match existing {
            Some(Stored { value, version }) => (value, Expect::Version(version)),
            None => (Flow::before(dag), Expect::Absent),
        };
        dag.flow = flow.id;
        flow.description.clone_from(description);
        flow.schedule = schedule.clone().unwrap_or(flow.schedule);
        flow.keep_runs = keep_runs.unwrap_or(flow.keep_runs);
        flow.scheduled_at = Some(self.now());
        flow.add_version(dag.id);
        self.check_schedule(flow.id, &flow.schedule).await?;
        let cluster = self.check_dag(dag).await?;
        self.store_dag(dag, packages).await?;

        let mut writes = vec![records::put(keys::flow(flow.id), &flow, expect)?];
        if expect == Expect::Absent {
            writes.push(records::put(keys::flow_name(&flow.name), &flow.id, Expect::Absent)?);
        }
        let run = run.map(|id| Run::submitted(id, dag, cluster, BTreeMap::new(), self.now()));
        if let Some(run) = &run {
            writes.extend(self.submission(flow.id, run)?);
        }
        writes.extend(remember(&flow, run.as_ref())?);
        let committed = self.store.commit(writes).await;
        let is_published = match &run {
            Some(run) => self.is_submitted(run.id, committed).await?,
            None => !records::lost_race(committed)?,
        };
        if !is_published {
            self.objects.delete_all(&keys::dag_objects(flow.id, dag.id)).await?;
            return Ok(None);
        }
        Ok(Some((flow, run)))
    }

    /// Reads the flow of a name, if there is one.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn find_flow(&self, name: &str) -> Result<Option<Stored<Flow>>, Error> {
        match records::find::<FlowId>(self.store.as_ref(), &keys::flow_name(name)).await? {
            Some(id) => records::find(self.store.as_ref(), &keys::flow(id.value)).await,
            None => Ok(None),
        }
    }

    /// Stores a graph, and packages of its operators.
    pub(crate) async fn store_dag(&self, dag: &Dag, packages: &BTreeMap<OperatorId, Vec<u8>>) -> Result<(), Error> {
        let text = serde_json::to_vec(dag)
            .map_err(|error| Error::Corrupt { what: format!("DAG {}", dag.id), detail: error.to_string() })?;
        let package = |operator| keys::package(dag.flow, dag.id, operator);
        let packages = packages.iter().map(|(id, zip)| (package(*id), zip.clone(), "application/zip"));
        let contents = packages.chain([(keys::dag(dag.flow, dag.id), text, "application/json")]);
        let store = async |(key, bytes, kind): (String, _, _)| self.objects.put(&key, bytes, kind).await;
        concurrent::all(contents.map(store)).await?;
        Ok(())
    }

    /// Deletes a flow with its runs and contents.
    ///
    /// # Errors
    /// [`Error::Refused`] while one of its runs is not over.
    pub async fn delete_flow(&self, id: FlowId) -> Result<(), Error> {
        let flow = self.flow(id).await?;
        let runs = self.runs_of(id).await?;
        if let Some(open) = runs.iter().find(|run| !run.status.is_final()) {
            return Err(Error::Refused(format!(
                "flow '{}' has a run that is not over ({}): wait for it or cancel it first",
                flow.name, open.id
            )));
        }
        for run in &runs {
            self.delete_run(run).await?;
        }
        self.objects.delete_all(&keys::flow_objects(id)).await?;
        let delete = |key| Write::Delete { key, expect: Expect::Anything };
        Ok(self.store.commit(vec![delete(keys::flow(id)), delete(keys::flow_name(&flow.name))]).await?)
    }

    /// Deletes a run with its contents and its history. The run itself goes last: until then it can be deleted again.
    pub(crate) async fn delete_run(&self, run: &Run) -> Result<(), Error> {
        self.objects.delete_all(&keys::run_objects(run.id)).await?;
        let delete = |key| Write::Delete { key, expect: Expect::Anything };
        let mut history = self.store.list(&keys::events(&run.id.to_string()), "").await?.into_iter().peekable();
        while history.peek().is_some() {
            let some = history.by_ref().take(MOST_WRITES);
            self.store.commit(some.map(|event| delete(event.key)).collect()).await?;
        }
        let listed = keys::flow_run(run.flow, run.created_at, run.id);
        Ok(self.store.commit([keys::run(run.id), listed, keys::open_run(run.id)].map(delete).into()).await?)
    }
}

#[cfg(test)]
#[path = "flows_tests.rs"]
mod tests;
