//! The steps of the cluster machine.

use crate::build;
use domain::cluster::{BuildReport, Cluster, Command, Purpose, Reply};
use domain::progress::Progress;
use runtime::error::PortErrorKind;
use runtime::ports::{Eks, Jobs};
use runtime::{Error, PortError, World, access::Access, keys};
use serde_json::{Value, json};
use std::sync::Arc;
use wire::step::{BeginAnswer, ClusterStep, ClusterStepName};

/// The function with all it needs.
pub struct ClusterFunction {
    /// What commands need.
    pub world: World,
    /// The way into users' accounts.
    pub access: Access,
    /// EKS.
    pub eks: Arc<dyn Eks>,
    /// Kubernetes.
    pub jobs: Arc<dyn Jobs>,
}

impl ClusterFunction {
    /// Carries out one step.
    ///
    /// # Errors
    /// Those of the ports; the state machine retries what is transient.
    pub async fn step(&self, step: &ClusterStep) -> Result<Value, Error> {
        let epoch = step.epoch;
        match step.step {
            ClusterStepName::Begin => {
                let answer = self.begin(step).await?;
                return serde_json::to_value(answer)
                    .map_err(|e| Error::Corrupt { what: "answer".to_owned(), detail: e.to_string() });
            }
            ClusterStepName::Addons => self.addons(step).await?,
            ClusterStepName::BuildSucceeded => {
                let progress = Progress::read(&self.world.build_stream(step.cluster_id, epoch).await?);
                let Progress { added, changed, destroyed, .. } = progress;
                let report = BuildReport { added, changed, destroyed };
                self.world.cluster_command(step.cluster_id, &Command::BuildSucceeded { epoch, report }).await?;
            }
            ClusterStepName::BuildFailed => {
                let stream = self.world.build_stream(step.cluster_id, epoch).await?;
                let (error, cause) = (step.error.as_deref().unwrap_or("?"), step.cause.as_deref().unwrap_or_default());
                let failure = build::failure(&stream, error, cause);
                self.world.cluster_command(step.cluster_id, &Command::BuildFailed { epoch, failure }).await?;
            }
        }
        Ok(json!({}))
    }

    /// Lets the build start if it is still wanted, after writing down what it is to make.
    async fn begin(&self, step: &ClusterStep) -> Result<BeginAnswer, Error> {
        let cluster = self.world.cluster(step.cluster_id).await?.value;
        let live_pods = self.live_pods(&cluster, step).await?;
        let command = Command::BeginBuild { epoch: step.epoch, live_pods };
        if self.world.cluster_command(cluster.id, &command).await? != Reply::Proceed {
            return Ok(BeginAnswer { proceed: false, environment: vec![] });
        }
        let key = format!("{}/variables.tfvars.json", keys::build(cluster.id, step.epoch));
        let objects = self.world.objects.as_ref();
        objects.put(&key, build::variables(&cluster).to_string().into_bytes(), "application/json").await?;
        let environment = build::environment(&cluster, step.epoch, step.purpose, objects, self.access.vault.as_ref());
        Ok(BeginAnswer { proceed: true, environment })
    }

    /// Pods that a teardown would kill; not looked for where that was asked for.
    async fn live_pods(&self, cluster: &Cluster, step: &ClusterStep) -> Result<u32, Error> {
        let forced = cluster.phase.build().is_none_or(|build| build.forced);
        if step.purpose != Purpose::Destroy || forced || !cluster.expects_build(step.epoch) {
            return Ok(0);
        }
        match self.access.kube(self.eks.as_ref(), cluster).await? {
            Some(access) => Ok(self.jobs.live_pods(&access).await?),
            None => Ok(0),
        }
    }

    async fn addons(&self, step: &ClusterStep) -> Result<(), Error> {
        let cluster = self.world.cluster(step.cluster_id).await?.value;
        if !cluster.expects_build(step.epoch) {
            return Ok(());
        }
        let access = self.access.kube(self.eks.as_ref(), &cluster).await?;
        let access = access.ok_or_else(|| Error::NotFound { what: "EKS cluster", id: cluster.eks_name() })?;
        self.jobs.apply_addons(&access).await.map_err(|error| match error.kind {
            // A new cluster knows its creator only after a while.
            PortErrorKind::Denied => PortError { kind: PortErrorKind::Transient, ..error }.into(),
            _ => error.into(),
        })
    }
}
