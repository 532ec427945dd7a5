//! One tick of the keepalive rule.

use domain::cluster::{Cluster, Command, Purpose, Status};
use domain::failure::{Failure, FailureClass};
use domain::{ClusterId, RunId, run};
use runtime::clusters::execution_name;
use runtime::error::PortErrorKind;
use runtime::ports::{Eks, Execution, Jobs, KubeAccess, Machine};
use runtime::{Error, World, access::Access};
use serde_json::{Value, json};
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

impl KeepaliveFunction {
    /// Runs the flows whose time has come, and looks after every cluster and every open run. One that fails does not keep the others waiting.
    ///
    /// # Errors
    /// Those of listing; and the last of the failures once all were looked after.
    pub async fn tick(&self) -> Result<Value, Error> {
        let mut failed = None;
        let periodic = self.world.run_due_flows().await?;
        let runs = self.world.open_runs().await?;
        for run in &runs {
            if let Err(error) = self.look_after_run(*run).await {
                tracing::warn!(run.id = %run, "sweep failed: {error}");
                failed = Some(error);
            }
        }
        let clusters = self.world.clusters().await?;
        for cluster in &clusters {
            if let Err(error) = self.look_after_cluster(cluster).await {
                tracing::warn!(cluster.id = %cluster.id, "sweep failed: {error}");
                failed = Some(error);
            }
        }
        if let Err(error) = self.world.sweep_loose_secrets(&self.access).await {
            tracing::warn!("sweep of secrets failed: {error}");
            failed = Some(error);
        }
        if let Some(error) = failed {
            return Err(error);
        }
        self.rest().await?;
        Ok(json!({"clusters": clusters.len(), "open_runs": runs.len(), "periodic_flows": periodic}))
    }

    async fn look_after_cluster(&self, cluster: &Cluster) -> Result<(), Error> {
        self.world.perform_outbox(cluster).await;
        for run in cluster.phase.runs() {
            if self.world.find_run(run).await?.is_none_or(|run| run.value.status.is_final()) {
                self.world.cluster_command(cluster.id, &Command::Release { run }).await?;
            }
        }
        if let Some(build) = cluster.phase.build() {
            let name = execution_name(cluster.id, build.epoch);
            // The machine reports the build's end before its own: when it has ended and the cluster still waits, it
            // never will.
            let execution = self.world.machines.execution(Machine::Cluster, &name).await?;
            // The first order to stop may have come before CodeBuild had the build; and a machine that was ended by hand
            // leaves its build, which must not begin to work when another one is done.
            if (execution == Execution::Ended || execution == Execution::Running && is_stopping(cluster))
                && let Some(builds) = &self.world.builds
            {
                builds.stop(cluster.id, build.epoch).await?;
            }
            if execution == Execution::Ended {
                let failure = Failure::new(FailureClass::BuildLost, "the build ended without a report");
                self.world.cluster_command(cluster.id, &Command::BuildFailed { epoch: build.epoch, failure }).await?;
            }
        }
        if cluster.ends_at().is_some_and(|end| self.world.now() >= end) {
            let live_pods = self.live_pods(cluster).await?;
            self.world.cluster_command(cluster.id, &Command::KeepaliveTick { live_pods }).await?;
        }
        self.world.audit(cluster.id).await
    }

    /// Pods of operators that are alive in an idle cluster. With credentials that are not valid any more nobody can
    /// look; the teardown, which looks once more before it begins, then fails and tells why.
    async fn live_pods(&self, cluster: &Cluster) -> Result<u32, Error> {
        match self.access.kube(self.eks.as_ref(), cluster).await {
            Ok(Some(access)) => {
                let live = self.jobs.live_pods(&access).await?;
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

    async fn look_after_run(&self, id: RunId) -> Result<(), Error> {
        match self.world.machines.execution(Machine::FlowRun, &id.to_string()).await? {
            Execution::Running => return Ok(()),
            Execution::Unknown => return self.world.start_run(id).await,
            Execution::Ended => {}
        }
        let Some(run) = self.world.find_run(id).await? else { return self.world.close_run(id).await };
        if !run.value.status.is_final() {
            let failure = Failure::new(FailureClass::BuildLost, "the run's state machine ended before the run did")
                .remedied_by("Start the run again.");
            self.world.run_command(id, &run::Command::ClusterLost { failure }).await?;
        }
        if let Some(id) = run.value.cluster
            && let Some(cluster) = self.clusters_lease(id, run.value.id).await?
        {
            if let Some(access) = self.access.kube(self.eks.as_ref(), &cluster).await? {
                self.jobs.delete(&access, run.value.id).await?;
            }
            self.world.cluster_command(id, &Command::Release { run: run.value.id }).await?;
        }
        self.world.close_run(id).await
    }

    /// The cluster, if the run uses it or waits for it.
    async fn clusters_lease(&self, id: ClusterId, run: RunId) -> Result<Option<Cluster>, Error> {
        match self.world.cluster(id).await {
            Ok(stored) if stored.value.phase.runs().any(|lease| lease == run) => Ok(Some(stored.value)),
            Ok(_) | Err(Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Stops the rule when there is nothing left to look after. What began between the look and the stop has asked
    /// for ticks in vain, so a second look gives them back.
    async fn rest(&self) -> Result<(), Error> {
        let Some(rule) = &self.world.keepalive_rule else { return Ok(()) };
        if self.nothing_left().await? {
            rule.disable().await?;
            if !self.nothing_left().await? {
                rule.enable().await?;
            }
        }
        Ok(())
    }

    async fn nothing_left(&self) -> Result<bool, Error> {
        let idle = |cluster: &Cluster| cluster.status() == Status::Terminated && cluster.outbox.is_empty();
        let asleep = self.world.clusters().await?.iter().all(idle) && self.world.open_runs().await?.is_empty();
        Ok(asleep && !self.world.has_periodic_flows().await? && !self.world.has_loose_secrets().await?)
    }
}

/// Whether the cluster waits for a build to stop before its teardown.
fn is_stopping(cluster: &Cluster) -> bool {
    cluster.status() == Status::Terminating && cluster.phase.build().is_some_and(|b| b.purpose != Purpose::Destroy)
}

#[cfg(test)]
#[path = "sweep_tests.rs"]
mod tests;
