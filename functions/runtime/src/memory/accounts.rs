//! What users' accounts have: EKS clusters with their pods, and tagged resources.

use super::locked;
use crate::error::{PortError, PortErrorKind};
use crate::integrations::Registration;
use crate::ports::{Eks, EksCluster, JobSpec, Jobs, KubeAccess, Result, TaggedResources};
use async_trait::async_trait;
use domain::integration::{AccessKey, CredentialsInput};
use domain::inventory::TaggedResource;
use domain::run::{JobObservation, Observation};
use domain::settings::SettingsDelta;
use domain::{ClusterId, IntegrationId, OperatorId, RunId, Secret, Timestamp};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;

/// What registers an account with a pair of keys that [`super::MemoryIdentity`] accepts.
#[must_use]
pub fn registration(id: IntegrationId, cluster: ClusterId, name: &str) -> Registration {
    let (access_key_id, secret_access_key) = ("AKIA1".to_owned(), Secret::new("hush"));
    let key = AccessKey { access_key_id, secret_access_key, session_token: None };
    Registration {
        id,
        cluster,
        name: name.to_owned(),
        credentials: CredentialsInput::AccessKey { key, region: "us-east-1".to_owned() },
        file: None,
        settings: SettingsDelta::default(),
    }
}

/// EKS, with the clusters it was told of.
#[derive(Debug, Default)]
pub struct MemoryEks(Mutex<Clusters>);

#[derive(Debug, Default)]
struct Clusters {
    names: BTreeSet<String>,
    fails: Option<PortErrorKind>,
}

impl MemoryEks {
    /// Lets a cluster exist.
    pub fn create(&self, name: &str) {
        locked(&self.0).names.insert(name.to_owned());
    }

    /// Lets a cluster be deleted by somebody else.
    pub fn remove(&self, name: &str) {
        locked(&self.0).names.remove(name);
    }

    /// Lets every call fail from now on; none to let them work again.
    pub fn fail(&self, kind: Option<PortErrorKind>) {
        locked(&self.0).fails = kind;
    }
}

#[async_trait]
impl Eks for MemoryEks {
    async fn describe(&self, _key: &AccessKey, region: &str, name: &str) -> Result<Option<EksCluster>> {
        let clusters = locked(&self.0);
        if let Some(kind) = clusters.fails {
            return Err(PortError::new(kind, format!("describe EKS cluster {name}"), "as ordered"));
        }
        let cluster = || EksCluster {
            name: name.to_owned(),
            region: region.to_owned(),
            endpoint: "https://memory".to_owned(),
            certificate_authority: String::new(),
            version: "1.34".to_owned(),
            status: "ACTIVE".to_owned(),
        };
        Ok(clusters.names.contains(name).then(cluster))
    }
}

/// What happened to Jobs.
#[derive(Debug, Clone, Default)]
pub struct JobLog {
    /// Those that were started, in order.
    pub started: Vec<(RunId, OperatorId, u32)>,
    /// Attempts whose Jobs were deleted, in order.
    pub given_up: Vec<(RunId, OperatorId, u32)>,
    /// Runs whose Jobs were deleted, in order.
    pub deleted: Vec<RunId>,
    /// How many pods of nobody in particular are said to be alive.
    pub live_pods: u32,
    /// Runs that a pod each is alive of.
    pub left: BTreeSet<RunId>,
    shown: BTreeMap<RunId, BTreeMap<OperatorId, JobObservation>>,
    fails: Option<PortErrorKind>,
}

/// Kubernetes, without pods of its own.
#[derive(Debug, Default)]
pub struct MemoryJobs(Mutex<JobLog>);

impl MemoryJobs {
    /// What was asked so far.
    #[must_use]
    pub fn log(&self) -> JobLog {
        locked(&self.0).clone()
    }

    /// Lets the Job of an operator be seen in this way.
    pub fn show(&self, run: RunId, operator: OperatorId, job: JobObservation) {
        locked(&self.0).shown.entry(run).or_default().insert(operator, job);
    }

    /// Lets a pod of a run be alive until the run's Jobs are deleted.
    pub fn leave(&self, run: RunId) {
        locked(&self.0).left.insert(run);
    }

    /// Lets every look for pods fail from now on; none to let them work again.
    pub fn fail(&self, kind: Option<PortErrorKind>) {
        locked(&self.0).fails = kind;
    }

    /// Lets so many pods be alive.
    pub fn live(&self, pods: u32) {
        locked(&self.0).live_pods = pods;
    }
}

#[async_trait]
impl Jobs for MemoryJobs {
    async fn start(&self, _access: &KubeAccess, job: &JobSpec) -> Result<()> {
        locked(&self.0).started.push((job.run, job.operator, job.attempt));
        Ok(())
    }

    async fn observe(&self, _access: &KubeAccess, run: RunId, at: Timestamp) -> Result<Observation> {
        let shown = locked(&self.0).shown.get(&run).cloned().unwrap_or_default();
        Ok(Observation { at, jobs: shown, nodes: None })
    }

    async fn delete_attempt(&self, _access: &KubeAccess, run: RunId, operator: OperatorId, attempt: u32) -> Result<()> {
        locked(&self.0).given_up.push((run, operator, attempt));
        Ok(())
    }

    async fn delete(&self, _access: &KubeAccess, run: RunId) -> Result<()> {
        let mut log = locked(&self.0);
        log.left.remove(&run);
        log.deleted.push(run);
        Ok(())
    }

    async fn live_pods(&self, _access: &KubeAccess) -> Result<u32> {
        let log = locked(&self.0);
        if let Some(kind) = log.fails {
            return Err(PortError::new(kind, "list live pods", "Unauthorized: Unauthorized"));
        }
        Ok(log.live_pods + u32::try_from(log.left.len()).unwrap_or(u32::MAX))
    }

    async fn live_runs(&self, _access: &KubeAccess) -> Result<BTreeSet<RunId>> {
        Ok(locked(&self.0).left.clone())
    }

    async fn apply_addons(&self, _access: &KubeAccess) -> Result<()> {
        Ok(())
    }
}

/// The tagging API, with the resources it was told of.
#[derive(Debug, Default)]
pub struct MemoryTags(Mutex<Tags>);

#[derive(Debug, Default)]
struct Tags {
    resources: Vec<TaggedResource>,
    fails: Option<PortErrorKind>,
}

impl MemoryTags {
    /// Lets these exist, and no others.
    pub fn set(&self, resources: Vec<TaggedResource>) {
        locked(&self.0).resources = resources;
    }

    /// Lets every call fail from now on; none to let them work again.
    pub fn fail(&self, kind: Option<PortErrorKind>) {
        locked(&self.0).fails = kind;
    }
}

#[async_trait]
impl TaggedResources for MemoryTags {
    async fn find(&self, _key: &AccessKey, _region: &str, tag: &str, value: &str) -> Result<Vec<TaggedResource>> {
        let tags = locked(&self.0);
        if let Some(kind) = tags.fails {
            return Err(PortError::new(kind, "list tagged resources", "not authorized to perform: tag:GetResources"));
        }
        let has_tag = |resource: &&TaggedResource| resource.tags.get(tag).is_some_and(|found| found == value);
        Ok(tags.resources.iter().filter(has_tag).cloned().collect())
    }
}
