//! The steps of the cluster machine.

use crate::{build, hold};
use domain::cluster::{BuildReport, Cluster, Command, NodeGroups, Purpose, Reply};
use domain::diagnosis::{Decoded, Diagnosis, encoded_messages};
use domain::progress::Progress;
use runtime::builds::Order;
use runtime::error::PortErrorKind;
use runtime::ports::{Eks, Jobs, Survey};
use runtime::preflight::{self, Subject};
use runtime::{Error, PortError, World, access::Access, keys};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use wire::outputs::node_groups;
use wire::step::{BeginAnswer, ClusterStep, ClusterStepName, EnvironmentVariable};

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
    /// Who looks users' accounts over.
    pub survey: Arc<dyn Survey>,
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
                let node_groups = self.node_groups(step).await?;
                let report = BuildReport { added, changed, destroyed, node_groups };
                self.world.cluster_command(step.cluster_id, &Command::BuildSucceeded { epoch, report }).await?;
            }
            ClusterStepName::BuildFailed => {
                let stream = self.world.build_stream(step.cluster_id, epoch).await?;
                let (error, cause) = (step.error.as_deref().unwrap_or("?"), step.cause.as_deref().unwrap_or_default());
                let failure = build::failure(self.diagnose(step, &stream).await, error, cause);
                self.world.cluster_command(step.cluster_id, &Command::BuildFailed { epoch, failure }).await?;
            }
        }
        Ok(json!({}))
    }

    /// The node groups that a build has made, from Terraform's outputs. To know them is good, but no condition: where they
    /// are not told, whoever needs a node that cannot be had waits for it in vain.
    async fn node_groups(&self, step: &ClusterStep) -> Result<Option<NodeGroups>, Error> {
        if step.purpose == Purpose::Destroy {
            return Ok(None);
        }
        let key = keys::build_outputs(step.cluster_id, step.epoch);
        let read = match self.world.objects.get(&key).await {
            Ok(Some(outputs)) => node_groups(&outputs).map_err(|error| error.to_string()),
            Ok(None) => Err("there is no such object".to_owned()),
            Err(error) if error.kind == PortErrorKind::Transient => return Err(error.into()),
            Err(error) => Err(error.to_string()),
        };
        Ok(read
            .inspect_err(
                |why| tracing::warn!(cluster.id = %step.cluster_id, "its node groups are not known: {key}: {why}"),
            )
            .ok())
    }

    /// Lets the build start if it is still wanted, after writing down what it is to make.
    async fn begin(&self, step: &ClusterStep) -> Result<BeginAnswer, Error> {
        let cluster = self.world.cluster(step.cluster_id).await?.value;
        let live_pods = self.live_pods(&cluster, step).await?;
        let command = Command::BeginBuild { epoch: step.epoch, live_pods };
        if self.world.cluster_command(cluster.id, &command).await? != Reply::Proceed {
            return Ok(BeginAnswer { proceed: false, environment: vec![] });
        }
        // A step that is repeated, perhaps while it waits for somebody else's hold of the state, has told already.
        if !cluster.has_begun(step.epoch) {
            self.look_ahead(step, &cluster).await;
        }
        let generation = cluster.generation_of(step.epoch);
        let place = hold::take_over(&self.world, &keys::terraform_state(cluster.id, generation)).await?;
        let action = if step.purpose == Purpose::Destroy { "destroy" } else { "apply" };
        let prefix = keys::build(cluster.id, step.epoch);
        let order = Order { action, cluster: &cluster, generation, settings: &cluster.settings, prefix: &prefix };
        let mut environment = self.world.prepare_build(&self.access, order).await?;
        // By these the build is found when it is to be stopped.
        environment.extend([
            EnvironmentVariable::plain("CLUSTER_ID", cluster.id),
            EnvironmentVariable::plain("GENERATION", generation),
            EnvironmentVariable::plain("EPOCH", step.epoch),
        ]);
        environment.extend(place);
        Ok(BeginAnswer { proceed: true, environment })
    }

    /// Pods that a teardown would kill; not looked for where that was asked for.
    async fn live_pods(&self, cluster: &Cluster, step: &ClusterStep) -> Result<u32, Error> {
        let forced = cluster.phase.build().is_none_or(|build| build.forced);
        if step.purpose != Purpose::Destroy || forced || !cluster.expects_build(step.epoch) {
            return Ok(0);
        }
        match self.access.kube(self.eks.as_ref(), cluster).await? {
            Some(access) => self.jobs.live_pods(&access).await.map_err(|error| match error.kind {
                PortErrorKind::Denied => Error::LockedOut(error),
                _ => error.into(),
            }),
            None => Ok(0),
        }
    }

    /// Reads why a build failed, and has STS decode what AWS encoded; where that is not allowed, the remedy has the
    /// command for whoever may.
    async fn diagnose(&self, step: &ClusterStep, stream: &str) -> Diagnosis {
        let encoded = encoded_messages(stream);
        if encoded.is_empty() {
            return Diagnosis::read(stream);
        }
        let decoded = self.decode(step, &encoded).await.unwrap_or_else(|error| {
            tracing::info!(cluster.id = %step.cluster_id, "a denial stays encoded: {error}");
            BTreeMap::new()
        });
        Diagnosis::read_with(stream, &decoded)
    }

    async fn decode(&self, step: &ClusterStep, encoded: &[String]) -> Result<BTreeMap<String, Decoded>, Error> {
        let cluster = self.world.cluster(step.cluster_id).await?.value;
        let key = self.access.key(cluster.integration, &cluster.region).await?;
        let mut decoded = BTreeMap::new();
        for message in encoded {
            let told = self.access.identity.decode(&key, &cluster.region, message).await?;
            decoded.extend(Decoded::parse(&told).map(|told| (message.clone(), told)));
        }
        Ok(decoded)
    }

    /// Tells in the cluster's history what is certain to go wrong with a creation, before it does. Whatever fails here
    /// is no reason not to create.
    async fn look_ahead(&self, step: &ClusterStep, cluster: &Cluster) {
        if step.purpose != Purpose::Create {
            return;
        }
        let told = async {
            let key = self.access.key(cluster.integration, &cluster.region).await?;
            let integration = self.world.integration(cluster.integration).await?;
            let subject = Subject::of(&integration, cluster, &key, &cluster.settings);
            let findings = preflight::preflight(self.survey.as_ref(), subject).await;
            self.world.tell_certain(cluster.id, &findings).await
        };
        if let Err(error) = told.await {
            tracing::warn!(cluster.id = %cluster.id, "preflight was not possible: {error}");
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

#[cfg(test)]
#[path = "steps_tests.rs"]
mod tests;
