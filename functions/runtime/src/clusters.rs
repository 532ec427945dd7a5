//! Commands on clusters: load, decide, commit with the effects in the outbox, perform, clear the outbox.

use crate::ports::{Expect, Machine};
use crate::records::{self, Stored};
use crate::world::MOST_TRIES;
use crate::{Error, World, concurrent, keys};
use domain::cluster::{self, Cluster, Effect, Purpose, Reply};
use domain::event::Event;
use domain::run;
use domain::{ClusterId, Failure, RunId, Timestamp};
use serde_json::json;
use std::collections::BTreeSet;

impl World {
    /// Reads a cluster.
    ///
    /// # Errors
    /// [`Error::NotFound`] if there is none of that id.
    pub async fn cluster(&self, id: ClusterId) -> Result<Stored<Cluster>, Error> {
        records::load(self.store.as_ref(), &keys::cluster(id), "cluster").await
    }

    /// Reads all clusters.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn clusters(&self) -> Result<Vec<Cluster>, Error> {
        let all = records::list(self.store.as_ref(), keys::CLUSTERS).await?;
        Ok(all.into_iter().map(|stored| stored.value).collect())
    }

    /// Reads all clusters that can be read, and why the last of the others cannot.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn readable_clusters(&self) -> Result<(Vec<Cluster>, Option<Error>), Error> {
        let (clusters, unreadable) = records::readable(self.store.as_ref(), keys::CLUSTERS).await?;
        Ok((clusters.into_iter().map(|stored: Stored<Cluster>| stored.value).collect(), unreadable))
    }

    /// The history of a cluster or a run, oldest first.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn events(&self, of: &str) -> Result<Vec<Event>, Error> {
        let all = records::list(self.store.as_ref(), &keys::events(of)).await?;
        Ok(all.into_iter().map(|stored| stored.value).collect())
    }

    /// Carries out a command on a cluster, and performs what it and earlier commands left to do.
    ///
    /// # Errors
    /// The domain's refusal, or a failure to load or commit. Effects that fail are not errors: they stay in the
    /// outbox and are performed again. Only who wants something begun is told if the rule that sees to that cannot be
    /// enabled: told otherwise, it would not come again, and nobody else would come within the hour.
    pub async fn cluster_command(&self, id: ClusterId, command: &cluster::Command) -> Result<Reply, Error> {
        if let cluster::Command::BuildFailed { epoch, .. } = command {
            self.give_up_build(id, *epoch).await?;
        }
        for _ in 0..MOST_TRIES {
            let stored = self.cluster(id).await?;
            let decision = cluster::decide(&stored.value, command, self.clock.now())?;
            let changed = decision.cluster != stored.value;
            if changed {
                let version = stored.version + 1;
                let mut writes =
                    vec![records::put(keys::cluster(id), &decision.cluster, Expect::Version(stored.version))?];
                writes.extend(records::events(&id.to_string(), version, &decision.events)?);
                if records::lost_race(self.store.commit(writes).await)? {
                    continue;
                }
                for event in &decision.events {
                    tracing::info!(cluster.id = %id, cluster.epoch = decision.cluster.epoch, event = event.kind, "{}", event.message);
                }
            }
            let unattended = self.perform_outbox(&decision.cluster).await;
            let begins = matches!(command, cluster::Command::Acquire { .. } | cluster::Command::Create { .. });
            return match unattended {
                Some(error) if begins && matches!(decision.reply, Reply::Accepted | Reply::Waiting) => Err(error),
                _ => Ok(decision.reply),
            };
        }
        Err(Error::Contended { what: format!("cluster {id}") })
    }

    /// Tells a build that whatever it has not begun to change is not its business any more: it may begin late, when its
    /// machine is gone and others rely on the cluster as it is. To be told before anybody does.
    async fn give_up_build(&self, id: ClusterId, epoch: u64) -> Result<(), Error> {
        Ok(self.objects.put(&keys::given_up(id, epoch), vec![], "text/plain").await?)
    }

    /// Performs what is in a cluster's outbox and takes out what succeeded. A failure leaves it there. Why the rule could
    /// not be enabled, if that was to be done.
    pub async fn perform_outbox(&self, cluster: &Cluster) -> Option<Error> {
        let mut done = BTreeSet::new();
        let mut unattended = None;
        for (key, effect) in &cluster.outbox {
            match Box::pin(self.perform(cluster, effect)).await {
                Ok(true) => {
                    done.insert(*key);
                }
                Ok(false) => {}
                Err(error) => {
                    tracing::warn!(cluster.id = %cluster.id, ?effect, "effect failed and will be tried again: {error}");
                    if *effect == Effect::EnableKeepalive {
                        unattended = Some(error);
                    }
                }
            }
        }
        if !done.is_empty()
            && let Err(error) = self.clear_outbox(cluster.id, &done).await
        {
            tracing::warn!(cluster.id = %cluster.id, "performed effects stay in the outbox: {error}");
        }
        unattended
    }

    /// Starts the machine of a cluster's build anew; nothing happens if it runs.
    ///
    /// # Errors
    /// Those of Step Functions.
    pub async fn start_build(&self, cluster: &Cluster, epoch: u64) -> Result<(), Error> {
        let (purpose, not_before) = match cluster.phase.build().filter(|build| build.epoch == epoch) {
            Some(build) => (build.purpose, build.not_before),
            None => (Purpose::Destroy, self.now()),
        };
        let delay_seconds = u64::try_from(not_before.duration_since(self.now()).as_secs()).unwrap_or(0);
        let generation = cluster.generation_of(epoch);
        let effect = Effect::StartMachine { epoch, generation, purpose, delay_seconds };
        self.perform(cluster, &effect).await.map(drop)
    }

    async fn clear_outbox(&self, id: ClusterId, done: &BTreeSet<u64>) -> Result<(), Error> {
        for _ in 0..MOST_TRIES {
            let mut stored = self.cluster(id).await?;
            let before = stored.value.outbox.len();
            stored.value.outbox.retain(|key, _| !done.contains(key));
            if stored.value.outbox.len() == before {
                return Ok(());
            }
            let write = records::put(keys::cluster(id), &stored.value, Expect::Version(stored.version))?;
            if !records::lost_race(self.store.commit(vec![write]).await)? {
                return Ok(());
            }
        }
        Err(Error::Contended { what: format!("cluster {id}") })
    }

    /// Performs one effect; false if this function cannot.
    async fn perform(&self, cluster: &Cluster, effect: &Effect) -> Result<bool, Error> {
        match effect {
            Effect::StartMachine { epoch, generation, purpose, delay_seconds } => {
                let input = json!({
                    "cluster_id": cluster.id, "generation": generation, "epoch": epoch,
                    "purpose": purpose, "delay_seconds": delay_seconds,
                });
                self.machines.start(Machine::Cluster, &execution_name(cluster.id, *epoch), input).await?;
            }
            Effect::StopBuild { epoch } => match &self.builds {
                Some(builds) => {
                    self.give_up_build(cluster.id, *epoch).await?;
                    builds.stop(cluster.id, *epoch).await?;
                }
                None => return Ok(false),
            },
            Effect::Receipt { generation, first_epoch, last_epoch } => match &self.auditor {
                Some(auditor) => self.write_receipt(auditor, cluster, *generation, *first_epoch..=*last_epoch).await?,
                None => return Ok(false),
            },
            Effect::EnableKeepalive => self.keepalive_rule.enable().await?,
            Effect::Grant { run, generation } => {
                if let Some(run) = self.find_run(*run).await?
                    && let Some(token) = run.value.task_token
                {
                    self.machines.succeed(&token, json!({"status": "granted", "generation": generation})).await?;
                }
            }
            Effect::FailRuns { runs, failure } => {
                let told = concurrent::each(runs.iter().map(|run| self.fail_run(*run, failure))).await;
                told.into_iter().collect::<Result<(), Error>>()?;
            }
        }
        Ok(true)
    }

    async fn fail_run(&self, id: RunId, failure: &Failure) -> Result<(), Error> {
        if self.find_run(id).await?.is_some() {
            self.run_command(id, &run::Command::ClusterLost { failure: failure.clone() }).await?;
        }
        Ok(())
    }

    /// How far the present build of a cluster is; none without a build.
    ///
    /// # Errors
    /// Those of the object store.
    pub async fn progress(&self, cluster: &Cluster) -> Result<Option<domain::progress::Progress>, Error> {
        let Some(build) = cluster.phase.build() else { return Ok(None) };
        Ok(Some(domain::progress::Progress::read(&self.build_stream(cluster.id, build.epoch).await?)))
    }

    /// The event stream of a build as far as it was uploaded.
    ///
    /// # Errors
    /// Those of the object store.
    pub async fn build_stream(&self, id: ClusterId, epoch: u64) -> Result<String, Error> {
        let bytes = self.objects.get(&keys::build_events(id, epoch)).await?.unwrap_or_default();
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// The present moment.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }
}

/// The name of the execution that runs the build of an epoch: starting it twice is starting it once.
#[must_use]
pub fn execution_name(cluster: ClusterId, epoch: u64) -> String {
    format!("{cluster}-e{epoch}")
}

#[cfg(test)]
#[path = "clusters_tests.rs"]
mod tests;
