//! One tick of the keepalive rule.
//!
//! What it costs, in calls. A table in DynamoDB is asked per list; what nothing is done about is only read.
//!
//! | for | DynamoDB | other |
//! |---|---|---|
//! | every tick | 4 queries: flows, open runs, clusters, loose secrets | – |
//! | each open run | – | 1 `DescribeExecution`, 16 of them at once |
//! | each cluster | 1 read: its inventory's age | – |
//! | each run that a cluster has or that waits for it, and each open one whose machine has ended | 1 read | – |
//! | each build | – | 1 `DescribeExecution` |
//! | each cluster whose keepalive is over | – | 1 secret, 1 `eks:DescribeCluster`, 1 list of pods |
//! | each cluster, once an hour and while it builds nothing | 3 reads, 1 write, 1 query | 1 secret, 1 page of `tag:GetResources` per 100 resources |
//! | a tick that finds nothing to do any more | the 4 queries again | `events:DisableRule` |
//! | the hourly tick, if it finds something to do | – | `events:EnableRule` |
//!
//! So a cluster that is Active and runs two flows costs 4 queries, 3 reads and 2 `DescribeExecution` a minute: in a month of
//! it, 0.3 million reads, some cents. Where nothing lives there is one tick an hour, by a rule of its own in
//! `infra/template.yaml`.

use domain::cluster::{Build, Cluster, Command, Purpose, Status};
use domain::failure::{Failure, FailureClass};
use domain::hold::BuildState;
use domain::run::{self, Run};
use domain::{ClusterId, RunId};
use runtime::clusters::execution_name;
use runtime::error::PortErrorKind;
use runtime::ports::{Eks, Execution, Jobs, KubeAccess, Machine};
use runtime::{Error, World, access::Access, concurrent};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The function with all it needs.
pub struct KeepaliveFunction {
    /// What commands need.
    pub world: World,
    /// The way into users' accounts.
    pub access: Access,
    /// EKS.
    pub eks: Arc<dyn Eks>,
    /// Kubernetes.
    pub jobs: Arc<dyn Jobs>,
}

/// What has sent a tick.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sender {
    /// The keepalive rule.
    Rule,
    /// The hourly sweep, or a person: they come while the rule is stopped as well.
    Other,
}

/// What concerns one cluster. It is looked after in turn, since all of it changes the same document; but no cluster waits
/// for another one's account.
struct Concern<'a> {
    /// The cluster; none for runs that have none, or whose is gone.
    cluster: Option<&'a Cluster>,
    /// Runs on it that are on the list of open ones though their machine has ended.
    runs: Vec<Run>,
}

impl KeepaliveFunction {
    /// Runs the flows whose time has come, and looks after every cluster and every open run. One that fails does not
    /// keep the others waiting.
    ///
    /// # Errors
    /// Those of listing the clusters; and the last of the failures once all were looked after.
    pub async fn tick(&self, sender: Sender) -> Result<Value, Error> {
        let mut failed = None;
        // A flow or a run that cannot be read must not keep idle clusters alive.
        let periodic = self.world.run_due_flows().await;
        let periodic = periodic.unwrap_or_else(|error| {
            tracing::warn!("periodic flows could not be read: {error}");
            failed = Some(error);
            0
        });
        let loose = self.world.sweep_loose_secrets(&self.access).await;
        let loose = loose.unwrap_or_else(|error| {
            tracing::warn!("sweep of secrets failed: {error}");
            failed = Some(error);
            true
        });
        let runs = self.world.open_runs().await;
        let runs = runs.unwrap_or_else(|error| {
            tracing::warn!("open runs could not be read: {error}");
            failed = Some(error);
            vec![]
        });
        let mut lost: BTreeMap<Option<ClusterId>, Vec<Run>> = BTreeMap::new();
        let looked = concurrent::each(runs.iter().map(|run| self.without_machine(*run))).await;
        for (run, looked) in runs.iter().zip(looked) {
            match looked {
                Ok(Some(run)) => lost.entry(run.cluster).or_default().push(run),
                Ok(None) => {}
                Err(error) => {
                    tracing::warn!(run.id = %run, "sweep failed: {error}");
                    failed = Some(error);
                }
            }
        }
        let (clusters, unreadable) = self.world.readable_clusters().await?;
        let of_clusters = clusters.iter().map(|cluster| Concern {
            cluster: Some(cluster),
            runs: lost.remove(&Some(cluster.id)).unwrap_or_default(),
        });
        let mut concerns: Vec<_> = of_clusters.collect();
        concerns.extend(lost.into_values().map(|runs| Concern { cluster: None, runs }));
        let looked_after = concurrent::each(concerns.into_iter().map(|concern| self.look_after(concern))).await;
        let failed = unreadable.or(looked_after.into_iter().flatten().last()).or(failed);

        let nothing_left = periodic == 0 && runs.is_empty() && clusters.iter().all(is_at_rest) && !loose;
        if failed.is_none() && nothing_left {
            self.rest().await?;
        } else if sender == Sender::Other {
            // Whoever stopped the rule may have died before the second look, or was a person.
            self.world.keepalive_rule.enable().await?;
        }
        let told = json!({"clusters": clusters.len(), "open_runs": runs.len(), "periodic_flows": periodic});
        failed.map_or(Ok(told), Err)
    }

    /// An open run whose machine has ended. One whose machine nobody knows gets it now.
    async fn without_machine(&self, id: RunId) -> Result<Option<Run>, Error> {
        match self.world.machines.execution(Machine::FlowRun, &id.to_string()).await? {
            Execution::Running => return Ok(None),
            Execution::Unknown => self.world.start_run(id).await?,
            Execution::Ended => match self.world.find_run(id).await? {
                Some(run) => return Ok(Some(run.value)),
                None => self.world.close_run(id).await?,
            },
        }
        Ok(None)
    }

    /// Looks after a cluster, and then after its runs: there may be many. The last of what failed.
    async fn look_after(&self, Concern { cluster, runs }: Concern<'_>) -> Option<Error> {
        let mut failed = None;
        if let Some(cluster) = cluster
            && let Err(error) = self.look_after_cluster(cluster).await
        {
            tracing::warn!(cluster.id = %cluster.id, "sweep failed: {error}");
            failed = Some(error);
        }
        for run in runs {
            let id = run.id;
            if let Err(error) = self.look_after_run(run).await {
                tracing::warn!(run.id = %id, "sweep failed: {error}");
                failed = Some(error);
            }
        }
        failed
    }

    /// Looks after all that a cluster has, whatever of it fails.
    async fn look_after_cluster(&self, cluster: &Cluster) -> Result<(), Error> {
        let mut failed = self.world.perform_outbox(cluster).await;
        for run in cluster.phase.runs() {
            failed = self.release_if_over(cluster.id, run).await.err().or(failed);
        }
        for epoch in cluster.builds() {
            failed = self.look_after_build(cluster, epoch).await.err().or(failed);
        }
        if cluster.keepalive_is_over(self.world.now()) {
            failed = self.look_after_idle(cluster).await.err().or(failed);
        }
        failed = self.world.audit(cluster.id).await.err().or(failed);
        failed.map_or(Ok(()), Err)
    }

    async fn release_if_over(&self, cluster: ClusterId, run: RunId) -> Result<(), Error> {
        if self.world.find_run(run).await?.is_none_or(|run| run.value.status.is_final()) {
            self.world.cluster_command(cluster, &Command::Release { run }).await?;
        }
        Ok(())
    }

    async fn look_after_idle(&self, cluster: &Cluster) -> Result<(), Error> {
        let live_pods = self.live_pods(cluster).await?;
        self.world.cluster_command(cluster.id, &Command::KeepaliveTick { live_pods }).await.map(drop)
    }

    async fn look_after_build(&self, cluster: &Cluster, epoch: u64) -> Result<(), Error> {
        // The machine reports the build's end before its own: when it has ended and the cluster still waits, it never
        // will.
        let name = execution_name(cluster.id, epoch);
        let execution = self.world.machines.execution(Machine::Cluster, &name).await?;
        // The first order to stop may have come before CodeBuild had the build; and a machine that was ended by hand
        // leaves its build, which must not begin to work when another one is done.
        let build = match &self.world.builds {
            Some(builds) if execution != Execution::Running || is_stopping(cluster, epoch) => {
                builds.stop(cluster.id, epoch).await?
            }
            _ => BuildState::Unknown,
        };
        match execution {
            Execution::Running => {}
            // An update that still replaces nodes, say: nobody must rely on the cluster before it has come to its end.
            _ if build == BuildState::Running => {
                tracing::info!(cluster.id = %cluster.id, epoch, "its build is being stopped")
            }
            // One that nobody knows is started, as for a run. But what has begun is not begun anew: its reports would
            // be written over, by which a killed build is gone on with.
            Execution::Unknown if !cluster.has_begun(epoch) => self.world.start_build(cluster, epoch).await?,
            Execution::Unknown | Execution::Ended => {
                let failure = Failure::new(FailureClass::BuildLost, "the build ended without a report");
                self.world.cluster_command(cluster.id, &Command::BuildFailed { epoch, failure }).await?;
            }
        }
        Ok(())
    }

    /// Pods of operators that are alive in an idle cluster. With credentials that the account or the cluster does not
    /// accept any more nobody can look; the teardown, which looks once more before it begins, then fails and tells why.
    async fn live_pods(&self, cluster: &Cluster) -> Result<u32, Error> {
        match self.look_for_pods(cluster).await {
            Ok(Some((access, live))) => {
                if live > 0 {
                    self.delete_strays(&access).await?;
                }
                Ok(live)
            }
            Ok(None) => Ok(0),
            Err(Error::Port(error)) if error.kind == PortErrorKind::Denied => {
                tracing::warn!(cluster.id = %cluster.id, "nobody can look for pods: {error}");
                Ok(0)
            }
            Err(error) => Err(error),
        }
    }

    /// The way to a cluster that exists, and how many pods are alive there.
    async fn look_for_pods(&self, cluster: &Cluster) -> Result<Option<(KubeAccess, u32)>, Error> {
        let Some(access) = self.access.kube(self.eks.as_ref(), cluster).await? else { return Ok(None) };
        let live = self.jobs.live_pods(&access).await?;
        Ok(Some((access, live)))
    }

    /// Deletes the Jobs of runs that are over: one that was created while its run was canceled, or whose pod does not
    /// come to an end, would keep the cluster alive for ever.
    async fn delete_strays(&self, access: &KubeAccess) -> Result<(), Error> {
        for run in self.jobs.live_runs(access).await? {
            if self.world.find_run(run).await?.is_none_or(|run| run.value.status.is_final()) {
                tracing::warn!(run.id = %run, cluster = access.cluster.name, "its pods outlived it and are deleted");
                self.jobs.delete(access, run).await?;
            }
        }
        Ok(())
    }

    /// Ends a run whose machine has ended before it, and does what that has not lived to do.
    async fn look_after_run(&self, mut run: Run) -> Result<(), Error> {
        if !run.status.is_final() {
            let failure = Failure::new(FailureClass::BuildLost, "the run's state machine ended before the run did")
                .remedied_by("Start the run again.");
            run = self.world.run_command(run.id, &run::Command::ClusterLost { failure }).await?.run;
        }
        if let Some(cluster) = run.cluster
            && !self.clear_up(&run, cluster).await?
        {
            return Ok(());
        }
        self.world.follow_up(&run).await?;
        self.world.close_run(run.id).await
    }

    /// Deletes what a run has left in its cluster, and gives back its lease or its place among those who wait. Whether
    /// nothing is left now; if the account does not let us in, the next tick asks again.
    async fn clear_up(&self, run: &Run, id: ClusterId) -> Result<bool, Error> {
        let cluster = match self.world.cluster(id).await {
            Ok(stored) => stored.value,
            Err(Error::NotFound { .. }) => return Ok(true),
            Err(error) => return Err(error),
        };
        let has_lease = cluster.phase.runs().any(|lease| lease == run.id);
        let may_have_pods = cluster.may_have_pods_of(run.generation);
        let deleted = if has_lease || may_have_pods { self.delete_jobs(&cluster, run.id).await } else { Ok(()) };
        let is_clear = match deleted {
            Err(Error::Port(error)) if error.kind == PortErrorKind::Denied => {
                tracing::warn!(run.id = %run.id, "its Jobs cannot be deleted yet: {error}");
                false
            }
            deleted => deleted.map(|()| true)?,
        };
        if has_lease {
            self.world.cluster_command(id, &Command::Release { run: run.id }).await?;
        }
        Ok(is_clear)
    }

    async fn delete_jobs(&self, cluster: &Cluster, run: RunId) -> Result<(), Error> {
        match self.access.kube(self.eks.as_ref(), cluster).await? {
            Some(access) => Ok(self.jobs.delete(&access, run).await?),
            None => Ok(()),
        }
    }

    /// Stops the rule: this tick has found nothing to look after. What began meanwhile has asked for ticks in vain, so a
    /// second look gives them back; and so does not being able to look.
    async fn rest(&self) -> Result<(), Error> {
        let rule = &self.world.keepalive_rule;
        rule.disable().await?;
        let seen = self.nothing_left().await;
        if !matches!(seen, Ok(true)) {
            rule.enable().await?;
        }
        seen.map(drop)
    }

    async fn nothing_left(&self) -> Result<bool, Error> {
        let asleep = self.world.clusters().await?.iter().all(is_at_rest) && self.world.open_runs().await?.is_empty();
        Ok(asleep && !self.world.has_periodic_flows().await? && !self.world.has_loose_secrets().await?)
    }
}

/// Whether there is nothing to look after.
fn is_at_rest(cluster: &Cluster) -> bool {
    cluster.status() == Status::Terminated && cluster.collection.is_none() && cluster.outbox.is_empty()
}

/// Whether the cluster waits for a build to stop before its teardown.
fn is_stopping(cluster: &Cluster, epoch: u64) -> bool {
    let stops = |build: &Build| build.epoch == epoch && build.purpose != Purpose::Destroy;
    cluster.status() == Status::Terminating && cluster.phase.build().is_some_and(stops)
}

#[cfg(test)]
#[path = "sweep_tests.rs"]
mod tests;
