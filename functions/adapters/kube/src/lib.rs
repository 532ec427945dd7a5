//! Operators as Kubernetes Jobs, and what a cluster needs before it can take them.
//!
//! The manifests are pure functions that read like the YAML they stand for; so are the readings of what Kubernetes
//! shows. Only stable APIs are used, so that every version from 1.20 on is served alike.

mod addons;
mod client;
mod manifest;
mod observe;
mod ready;
mod token;

use async_trait::async_trait;
use client::{absence_is_fine, conflict_is_fine, connect, failed, parsed};
use domain::run::Observation;
use domain::{OperatorId, RunId, Timestamp};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{Node, Pod, Secret};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::Resource;
use kube::api::{Api, DeleteParams, DynamicObject, ListParams, Patch, PatchParams, PostParams};
use manifest::NAMESPACE;
use runtime::PortError;
use runtime::error::PortErrorKind;
use runtime::ports::{JobSpec, Jobs, KubeAccess, Result};
use std::collections::BTreeSet;

/// Who we are in `managedFields`.
const FIELD_MANAGER: &str = "ondemand-eks";

/// The Jobs of users' clusters.
#[derive(Debug, Clone, Copy, Default)]
pub struct KubernetesJobs;

impl KubernetesJobs {
    /// Makes ring the provider of cryptography of every connection to come.
    #[must_use]
    pub fn new() -> Self {
        // An error says that there is a provider already, which does as well.
        let _ = rustls::crypto::ring::default_provider().install_default();
        Self
    }
}

#[async_trait]
impl Jobs for KubernetesJobs {
    /// The Secret goes first, so that no pod ever waits for it, and is handed over to the Job afterwards, so that it
    /// goes when the Job goes. A repetition gives the Secret its newest token: a pod that has not started yet reads it.
    async fn start(&self, access: &KubeAccess, job: &JobSpec) -> Result<()> {
        let name = manifest::name(job);
        let attempted = || format!("start Job {name} in cluster {}", access.cluster.name);
        let client = connect(access)?;
        let secrets: Api<Secret> = Api::namespaced(client.clone(), NAMESPACE);
        let jobs: Api<Job> = Api::namespaced(client, NAMESPACE);
        let secret = manifest::secret(job, None);
        secrets.patch(&name, &apply(), &Patch::Apply(&secret)).await.map_err(failed(attempted()))?;
        let created = jobs.create(&PostParams::default(), &parsed(manifest::job(job), &attempted())?).await;
        let job_there = match conflict_is_fine(created).map_err(failed(attempted()))? {
            Some(created) => created,
            None => jobs.get(&name).await.map_err(failed(attempted()))?,
        };
        let secret = manifest::secret(job, job_there.owner_ref(&()).as_ref());
        secrets.patch(&name, &apply(), &Patch::Apply(&secret)).await.map(drop).map_err(failed(attempted()))
    }

    /// The three lists are made at the same time: there are few nodes, and only they tell a lost node from a deleted
    /// pod.
    async fn observe(&self, access: &KubeAccess, run: RunId, at: Timestamp) -> Result<Observation> {
        let client = connect(access)?;
        let of_run = ListParams::default().labels(&manifest::selector(run));
        let jobs: Api<Job> = Api::namespaced(client.clone(), NAMESPACE);
        let pods: Api<Pod> = Api::namespaced(client.clone(), NAMESPACE);
        let nodes: Api<Node> = Api::all(client);
        let every = ListParams::default();
        let (jobs, pods, nodes) = tokio::try_join!(jobs.list(&of_run), pods.list(&of_run), nodes.list(&every))
            .map_err(failed(format!("observe run {run} in cluster {}", access.cluster.name)))?;
        let jobs = observe::observations(&jobs.items, &pods.items);
        Ok(Observation { at, jobs, nodes: Some(observe::nodes(&nodes.items)) })
    }

    async fn delete_attempt(&self, access: &KubeAccess, run: RunId, operator: OperatorId, attempt: u32) -> Result<()> {
        let name = manifest::name_of(run, operator, attempt);
        let attempted = || format!("delete Job {name} in cluster {}", access.cluster.name);
        let client = connect(access)?;
        let jobs: Api<Job> = Api::namespaced(client.clone(), NAMESPACE);
        let secrets: Api<Secret> = Api::namespaced(client, NAMESPACE);
        let deleted = jobs.delete(&name, &DeleteParams::background()).await;
        absence_is_fine(deleted).map_err(failed(attempted()))?;
        // The Secret goes with its Job, unless somebody else has deleted that.
        let deleted = secrets.delete(&name, &DeleteParams::default()).await;
        absence_is_fine(deleted).map_err(failed(attempted()))
    }

    async fn delete(&self, access: &KubeAccess, run: RunId) -> Result<()> {
        let client = connect(access)?;
        let of_run = ListParams::default().labels(&manifest::selector(run));
        let jobs: Api<Job> = Api::namespaced(client.clone(), NAMESPACE);
        let secrets: Api<Secret> = Api::namespaced(client, NAMESPACE);
        let with_pods = DeleteParams::background();
        let attempted = || format!("delete Jobs of run {run} in cluster {}", access.cluster.name);
        jobs.delete_collection(&with_pods, &of_run).await.map_err(failed(attempted()))?;
        secrets.delete_collection(&DeleteParams::default(), &of_run).await.map(drop).map_err(failed(attempted()))
    }

    async fn live_pods(&self, access: &KubeAccess) -> Result<u32> {
        Ok(live(access).await?.len().try_into().unwrap_or(u32::MAX))
    }

    async fn live_runs(&self, access: &KubeAccess) -> Result<BTreeSet<RunId>> {
        Ok(live(access).await?.iter().filter_map(observe::run_of).collect())
    }

    async fn apply_addons(&self, access: &KubeAccess) -> Result<()> {
        let client = connect(access)?;
        for manifest in addons::manifests(&access.cluster) {
            let about = addons::describe(&manifest);
            tracing::info!(addon = about, cluster = access.cluster.name, "applying an add-on");
            let attempted = format!("apply {about} to cluster {}", access.cluster.name);
            let resource = addons::resource(&manifest);
            let object: DynamicObject = parsed(manifest, &attempted)?;
            let api: Api<DynamicObject> = match &object.metadata.namespace {
                Some(namespace) => Api::namespaced_with(client.clone(), namespace, &resource),
                None => Api::all_with(client.clone(), &resource),
            };
            let name = object.metadata.name.as_deref().unwrap_or_default();
            api.patch(name, &apply(), &Patch::Apply(&object)).await.map_err(failed(attempted))?;
        }
        ready(client, &access.cluster.name).await
    }
}

/// Whether the cluster can take Jobs. If not yet, the error is transient: the state machine asks again, each time
/// applying everything once more, until its own patience is over.
async fn ready(client: kube::Client, cluster: &str) -> Result<()> {
    let attempted = format!("wait until cluster {cluster} can take Jobs");
    let nodes: Api<Node> = Api::all(client.clone());
    let deployments: Api<Deployment> = Api::namespaced(client, addons::SYSTEM);
    let every = ListParams::default();
    let found = tokio::try_join!(nodes.list(&every), deployments.get_opt(addons::AUTOSCALER));
    let (nodes, autoscaler) = found.map_err(failed(attempted.clone()))?;
    match ready::lacking(&nodes.items, autoscaler.as_ref()) {
        None => Ok(()),
        Some(lacking) => Err(PortError::new(PortErrorKind::Transient, attempted, lacking)),
    }
}

/// The pods of operators that have neither succeeded nor failed.
async fn live(access: &KubeAccess) -> Result<Vec<ObjectMeta>> {
    let pods: Api<Pod> = Api::namespaced(connect(access)?, NAMESPACE);
    let live = ListParams::default().labels(manifest::RUN).fields("status.phase!=Succeeded,status.phase!=Failed");
    let live = pods.list_metadata(&live).await;
    let live = live.map_err(failed(format!("list live pods in cluster {}", access.cluster.name)))?;
    Ok(live.items.into_iter().map(|pod| pod.metadata).collect())
}

/// Server-side apply: creates or changes, and takes over what somebody else set.
fn apply() -> PatchParams {
    PatchParams::apply(FIELD_MANAGER).force()
}
