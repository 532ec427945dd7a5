//! The steps of the flow-run machine, and the loop that carries a run forward.

use crate::cluster_access::{EKS_CLUSTER, Known};
use crate::{compute, jobs};
use domain::cluster::{self, Hardware, Reply};
use domain::failure::{Failure, FailureClass};
use domain::run::{Command, Effect, Observation, Run, RunStatus};
use domain::{ClusterId, OperatorId, RunId};
use runtime::ports::{Eks, Jobs};
use runtime::{Error, PortError, World, access::Access, concurrent};
use serde_json::{Value, json};
use std::collections::VecDeque;
use std::sync::Arc;
use wire::step::RunStep;

/// The function with all it needs.
pub struct RunFunction {
    /// What commands need.
    pub world: World,
    /// The way into users' accounts.
    pub access: Access,
    /// EKS.
    pub eks: Arc<dyn Eks>,
    /// Kubernetes.
    pub jobs: Arc<dyn Jobs>,
    /// The address under which pods reach the control plane.
    pub api_url: String,
    /// Ways to clusters found earlier.
    pub known: Known,
}

impl RunFunction {
    /// Carries out one step.
    ///
    /// # Errors
    /// Those of the ports; the state machine retries what is transient.
    pub async fn step(&self, step: RunStep) -> Result<Value, Error> {
        match step {
            RunStep::Acquire { run_id, task_token } => self.acquire(run_id, &task_token).await?,
            RunStep::Advance { run_id, task_token } => {
                let run = self.world.remember_task(run_id, &task_token).await?;
                self.reconcile(run).await?;
            }
            RunStep::Finish { run_id, error, cause } => self.finish(run_id, error, cause).await?,
        }
        Ok(json!({}))
    }

    /// Gets the run its cluster, now or later.
    async fn acquire(&self, id: RunId, task_token: &str) -> Result<(), Error> {
        let run = self.world.remember_task(id, task_token).await?;
        let (false, Some(cluster)) = (run.status.is_final(), run.cluster) else {
            return self.go_on(task_token).await;
        };
        match self.world.cluster_command(cluster, &cluster::Command::Acquire { run: id }).await {
            Ok(Reply::Granted { .. }) => self.go_on(task_token).await,
            Ok(_) => Ok(()),
            Err(Error::NotFound { .. }) => {
                let failure =
                    Failure::new(FailureClass::Requested, "the run's cluster was deleted with its integration");
                self.world.run_command(id, &Command::ClusterLost { failure }).await?;
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    async fn go_on(&self, task_token: &str) -> Result<(), Error> {
        Ok(self.world.machines.succeed(task_token, json!({"status": "granted"})).await?)
    }

    /// Looks at the run, and does what is to be done. If the user's account does not let us, that is noted, and the next
    /// look tries again: the run's pods work on meanwhile.
    async fn reconcile(&self, run: Run) -> Result<(), Error> {
        match self.look(&run).await {
            Err(Error::LockedOut(refusal)) => self.note_refusal(run.id, &refusal).await,
            Err(Error::NotFound { what: EKS_CLUSTER, id }) => self.lose_cluster(&run, &id).await,
            Ok(()) if run.locked_out.is_some() => self.world.run_command(run.id, &Command::LetIn).await.map(|_| ()),
            looked => looked,
        }
    }

    /// Ends a run whose cluster is gone from the account, though nobody has told the run so.
    async fn lose_cluster(&self, run: &Run, name: &str) -> Result<(), Error> {
        let Some(id) = run.cluster else { return Ok(()) };
        let is_ours = !self.world.cluster(id).await?.value.may_have_pods_of(run.generation);
        let (class, why, remedy) = if is_ours {
            (FailureClass::Requested, "it was deleted while the run needed it", String::new())
        } else {
            let remedy = format!(
                "Delete the cluster by force (DELETE /v1/clusters/{id}?force=true), by which what is left of it is destroyed. \
                 Then start the run again: it will create the cluster anew."
            );
            (FailureClass::Unknown, "somebody has deleted it by other ways than this service", remedy)
        };
        let message = format!("EKS has no cluster '{name}' any more: {why}");
        let failure = Failure::new(class, message).remedied_by(remedy);
        self.world.run_command(run.id, &Command::ClusterLost { failure }).await.map(|_| ())
    }

    /// Notes in a run that the user's account does not let us do what is to be done.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn note_refusal(&self, run: RunId, refusal: &PortError) -> Result<(), Error> {
        tracing::warn!(run.id = %run, "the user's account refuses us: {refusal}");
        let failure = domain::run::refusal(&refusal.to_string());
        self.world.run_command(run, &Command::LockedOut { failure }).await.map(|_| ())
    }

    /// Compares the run with the world and does what is to be done.
    async fn look(&self, run: &Run) -> Result<(), Error> {
        let command = match (run.status, run.cluster) {
            (RunStatus::Pending, None) => Command::Granted { generation: None, hardware: None },
            (RunStatus::Pending, Some(cluster)) => match self.lease(run.id, cluster).await? {
                Some(generation) => {
                    let hardware = self.hardware(cluster, generation).await?.map(Box::new);
                    Command::Granted { generation: Some(generation), hardware }
                }
                None => return Ok(()),
            },
            (_, Some(_)) if !run.status.is_final() => {
                let cluster = self.cluster_of(run).await?;
                let observe = async |way: &_| self.jobs.observe(way, run.id, self.world.now()).await;
                Command::Observed(self.in_cluster(&cluster, observe).await?)
            }
            // Nothing to see; a run that is over only wakes its machine.
            _ => Command::Observed(Observation::nothing(self.world.now())),
        };
        self.carry_out(run, command).await
    }

    /// The generation of the cluster that a run holds a lease on; asks for one if it neither holds it nor waits.
    async fn lease(&self, run: RunId, id: ClusterId) -> Result<Option<u32>, Error> {
        match self.world.cluster_command(id, &cluster::Command::Acquire { run }).await? {
            Reply::Granted { generation } => Ok(Some(generation)),
            _ => Ok(None),
        }
    }

    /// What a generation of a cluster has to run operators on; none if somebody has ended it just now.
    async fn hardware(&self, id: ClusterId, generation: u32) -> Result<Option<Hardware>, Error> {
        let cluster = self.world.cluster(id).await?.value;
        Ok((cluster.generation == generation).then(|| cluster.hardware()))
    }

    /// Carries out a command and all that follows from it: computed operators finish here and now, and may let others
    /// start.
    ///
    /// # Errors
    /// Those of the ports. What was committed stays; what was not done is done by the next call.
    pub async fn carry_out(&self, run: &Run, command: Command) -> Result<(), Error> {
        let mut commands = VecDeque::from([command]);
        let mut has_started = false;
        while let Some(command) = commands.pop_front() {
            let decision = self.world.run_command(run.id, &command).await?;
            let mut ready = vec![];
            for effect in &decision.effects {
                match effect {
                    Effect::Compute { operator, attempt } => {
                        let outcome = compute::compute(&self.world, &decision.run, *operator).await?;
                        commands.push_back(Command::Finished { operator: *operator, attempt: *attempt, outcome });
                    }
                    Effect::StartJob { operator, attempt } => ready.push((*operator, *attempt)),
                    Effect::DeleteJob { operator, attempt } => {
                        // What is left of it is deleted at the end of the run; its successor need not wait for that.
                        if let Err(error) = self.give_up(&decision.run, *operator, *attempt).await {
                            tracing::warn!(run.id = %run.id, "a lost attempt's Job was not deleted yet: {error}");
                        }
                    }
                    // The machine's last step deletes the Jobs of a run that was ended early.
                    Effect::DeleteJobs | Effect::Wake => {}
                }
            }
            has_started |= !ready.is_empty();
            let start = |(operator, attempt)| jobs::start(self, &decision.run, operator, attempt);
            concurrent::all(ready.into_iter().map(start)).await?;
        }
        if has_started { self.not_too_late(run.id).await } else { Ok(()) }
    }

    /// Deletes the Jobs of a run that has ended while some of them were created: its last step may have come before.
    async fn not_too_late(&self, id: RunId) -> Result<(), Error> {
        let run = self.world.run(id).await?.value;
        match run.cluster {
            Some(cluster) if run.status.is_final() => self.delete_jobs(&run, cluster).await,
            _ => Ok(()),
        }
    }

    /// Deletes the Job of an attempt.
    async fn give_up(&self, run: &Run, operator: OperatorId, attempt: u32) -> Result<(), Error> {
        let cluster = self.cluster_of(run).await?;
        self.in_cluster(&cluster, async |way| self.jobs.delete_attempt(way, run.id, operator, attempt).await).await
    }

    /// Clears up after a run: its Jobs if it ended early, its lease always. As long as the account does not let us delete
    /// its Jobs, the run stays on the sweeper's list.
    async fn finish(&self, id: RunId, error: Option<String>, cause: Option<String>) -> Result<(), Error> {
        let mut run = self.world.run(id).await?.value;
        if !run.status.is_final() {
            let (error, cause) = (error.unwrap_or_else(|| "no error".to_owned()), cause.unwrap_or_default());
            let failure =
                Failure::new(FailureClass::Unknown, format!("the run's state machine failed ({error}): {cause}"))
                    .remedied_by("Start the run again.");
            run = self.world.run_command(id, &Command::ClusterLost { failure }).await?.run;
        }
        let mut left = false;
        if let Some(cluster) = run.cluster {
            if run.may_leave_pods() {
                match self.delete_jobs(&run, cluster).await {
                    Err(Error::LockedOut(refusal)) => {
                        tracing::warn!(run.id = %id, "its Jobs are left to the sweeper: {refusal}");
                        left = true;
                    }
                    deleted => deleted?,
                }
            }
            match self.world.cluster_command(cluster, &cluster::Command::Release { run: id }).await {
                Ok(_) | Err(Error::NotFound { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        self.world.follow_up(&run).await?;
        if left { Ok(()) } else { self.world.close_run(id).await }
    }

    /// Deletes a run's Jobs unless its cluster is going away or gone, and they with it.
    async fn delete_jobs(&self, run: &Run, cluster: ClusterId) -> Result<(), Error> {
        match self.world.cluster(cluster).await {
            Ok(stored) if stored.value.may_have_pods_of(run.generation) => {
                match self.in_cluster(&stored.value, async |way| self.jobs.delete(way, run.id).await).await {
                    Err(Error::NotFound { what: EKS_CLUSTER, .. }) => Ok(()),
                    deleted => deleted,
                }
            }
            Ok(_) | Err(Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }
}
