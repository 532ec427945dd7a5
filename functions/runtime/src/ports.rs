//! What the world can do for us, each capability a trait that one adapter crate implements with one SDK.

use crate::PortError;
use async_trait::async_trait;
use domain::hold::BuildState;
use domain::instance_type::InstanceType;
use domain::integration::AccessKey;
use domain::inventory::TaggedResource;
use domain::run::Observation;
use domain::{ClusterId, OperatorId, RunId, Secret};
use serde_json::Value;
use std::collections::BTreeMap;
use std::time::Duration;
pub use wire::step::EnvironmentVariable;

/// The result of a call to an outside system.
pub type Result<T> = std::result::Result<T, PortError>;

/// Where an item lies in the store.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key {
    /// Groups the items that are listed together.
    pub partition: String,
    /// Orders them within the group.
    pub sort: String,
}

impl Key {
    /// A key of two parts.
    pub fn new(partition: impl Into<String>, sort: impl Into<String>) -> Self {
        Self { partition: partition.into(), sort: sort.into() }
    }
}

/// A stored JSON document with its version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// Where it lies.
    pub key: Key,
    /// Counts its writes, from 1.
    pub version: u64,
    /// The document, as JSON text.
    pub body: String,
}

/// What must hold for a write to happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expect {
    /// There is no such item yet.
    Absent,
    /// The item has this version.
    Version(u64),
    /// Nothing in particular.
    Anything,
}

/// One write of a transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Write {
    /// Store a document; its version becomes the expected one plus 1, or 1.
    Put {
        /// Where.
        key: Key,
        /// The document, as JSON text.
        body: String,
        /// The condition.
        expect: Expect,
        /// When the store may forget it, in seconds since 1970; none to keep it.
        expires_at: Option<i64>,
    },
    /// Remove a document; removing what is not there is no error.
    Delete {
        /// Where.
        key: Key,
        /// The condition.
        expect: Expect,
    },
}

/// So many writes a transaction of the store takes.
pub const MOST_WRITES: usize = 100;

/// The store of state: DynamoDB.
#[async_trait]
pub trait Store: Send + Sync {
    /// Reads one item, consistently.
    async fn get(&self, key: &Key) -> Result<Option<Item>>;
    /// Reads all items of a partition whose sort key begins with a prefix, ascending, consistently.
    async fn list(&self, partition: &str, prefix: &str) -> Result<Vec<Item>>;
    /// Performs all writes or none (at most [`MOST_WRITES`]). A condition that does not hold is [`PortError::is_conflict`].
    async fn commit(&self, writes: Vec<Write>) -> Result<()>;
}

/// The store of contents: S3. Keys are paths within the one data bucket.
#[async_trait]
pub trait Objects: Send + Sync {
    /// Stores an object.
    async fn put(&self, key: &str, bytes: Vec<u8>, content_type: &str) -> Result<()>;
    /// Reads an object; none if there is none.
    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>>;
    /// Copies an object that is there.
    async fn copy(&self, from: &str, to: &str) -> Result<()>;
    /// The size of an object in bytes; none if there is none.
    async fn size(&self, key: &str) -> Result<Option<u64>>;
    /// An address from which anybody can read the object for a while.
    async fn presign_get(&self, key: &str, valid_for: Duration) -> Result<String>;
    /// An address to which anybody can write the object for a while.
    async fn presign_put(&self, key: &str, valid_for: Duration) -> Result<String>;
    /// Reads an object with its version, for [`Objects::delete_version`]; none if there is none.
    async fn get_version(&self, key: &str) -> Result<Option<(Vec<u8>, String)>>;
    /// Removes an object if it still has this version; whether it had.
    async fn delete_version(&self, key: &str, version: &str) -> Result<bool>;
    /// Removes every object below a prefix.
    async fn delete_all(&self, prefix: &str) -> Result<()>;
    /// The `s3://` address of a key, for the build.
    fn address(&self, key: &str) -> String;
    /// The bucket's name.
    fn bucket(&self) -> &str;
}

/// The store of secrets: Secrets Manager. Names are relative to the deployment's prefix.
#[async_trait]
pub trait Vault: Send + Sync {
    /// Stores a secret, replacing an earlier one of that name.
    async fn put(&self, name: &str, secret: &Secret) -> Result<()>;
    /// Reads a secret; none if there is none.
    async fn get(&self, name: &str) -> Result<Option<Secret>>;
    /// Removes a secret at once; removing what is not there is no error.
    async fn delete(&self, name: &str) -> Result<()>;
    /// What CodeBuild is to be told in order to read a JSON key of the secret: `<secret id>:<json key>`.
    fn reference(&self, name: &str, json_key: &str) -> String;
}

/// The two state machines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Machine {
    /// `cluster.asl.json`.
    Cluster,
    /// `flow-run.asl.json`.
    FlowRun,
}

/// How far an execution is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Execution {
    /// It never started, or is forgotten.
    Unknown,
    /// It runs.
    Running,
    /// It has ended, in whatever way.
    Ended,
}

/// Step Functions.
#[async_trait]
pub trait Machines: Send + Sync {
    /// Starts an execution. One of the same name that runs or has run is fine: then this is a repetition.
    async fn start(&self, machine: Machine, name: &str, input: Value) -> Result<()>;
    /// Completes a waiting task. A task that no longer waits is fine.
    async fn succeed(&self, task_token: &str, output: Value) -> Result<()>;
    /// Fails a waiting task. A task that no longer waits is fine.
    async fn fail(&self, task_token: &str, error: &str, cause: &str) -> Result<()>;
    /// How far an execution is.
    async fn execution(&self, machine: Machine, name: &str) -> Result<Execution>;
}

/// CodeBuild.
#[async_trait]
pub trait Builds: Send + Sync {
    /// Stops the build of a cluster's epoch if it runs (found by its environment variables CLUSTER_ID and EPOCH).
    /// Whether it is over: one that was stopped has some time to put its state away, and works until then.
    async fn stop(&self, cluster: ClusterId, epoch: u64) -> Result<BuildState>;
    /// Whether a build is over.
    async fn state(&self, build_id: &str) -> Result<BuildState>;
    /// Starts a build that belongs to no cluster's life cycle; its id.
    async fn start(&self, environment: Vec<EnvironmentVariable>) -> Result<String>;
}

/// The EventBridge rule that lets `keepalive` tick.
#[async_trait]
pub trait KeepaliveRule: Send + Sync {
    /// Lets it tick.
    async fn enable(&self) -> Result<()>;
    /// Stops it.
    async fn disable(&self) -> Result<()>;
}

/// Who some credentials belong to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// The account's number.
    pub account: String,
    /// The caller's ARN.
    pub arn: String,
}

/// STS, on behalf of an integration.
#[async_trait]
pub trait Identity: Send + Sync {
    /// Tells whose credentials these are. [`crate::error::PortErrorKind::Denied`] if they are not valid.
    async fn caller(&self, key: &AccessKey, region: &str) -> Result<Caller>;
    /// Temporary credentials of a role.
    async fn assume(&self, role_arn: &str, external_id: Option<&Secret>, region: &str) -> Result<AccessKey>;
    /// What AWS encoded in a denial, as JSON text.
    async fn decode(&self, key: &AccessKey, region: &str, encoded: &str) -> Result<String>;
}

/// An EKS cluster as AWS describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EksCluster {
    /// Its name.
    pub name: String,
    /// Its region.
    pub region: String,
    /// The address of its API server.
    pub endpoint: String,
    /// Its certificate authority, PEM in base64.
    pub certificate_authority: String,
    /// Its Kubernetes version, such as `1.34`.
    pub version: String,
    /// EKS' word, such as `ACTIVE`.
    pub status: String,
}

/// EKS, on behalf of an integration.
#[async_trait]
pub trait Eks: Send + Sync {
    /// Describes a cluster; none if there is none.
    async fn describe(&self, key: &AccessKey, region: &str, name: &str) -> Result<Option<EksCluster>>;
}

/// The Resource Groups Tagging API, on behalf of an integration.
#[async_trait]
pub trait TaggedResources: Send + Sync {
    /// All resources of a region that have a tag of this value. [`crate::error::PortErrorKind::Denied`] if the
    /// credentials may not ask (`tag:GetResources`).
    async fn find(&self, key: &AccessKey, region: &str, tag: &str, value: &str) -> Result<Vec<TaggedResource>>;
}

/// An action that a principal's policies do not allow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeniedAction {
    /// The action, such as `ec2:CreateVpc`.
    pub action: String,
    /// What stands in the way.
    pub barrier: domain::preflight::Barrier,
    /// Whether the answer hangs on what only the call itself says, such as the tags that it gives.
    pub depends_on_call: bool,
}

/// What can be counted in an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counted {
    /// Networks.
    Vpcs,
    /// Fixed public addresses.
    Addresses,
}

/// What an integration's account allows, has and is offered, as far as its credentials may look.
#[async_trait]
pub trait Survey: Send + Sync {
    /// Which of these actions the policies of a user or role do not allow, on one resource or on any.
    async fn denied(
        &self,
        key: &AccessKey,
        region: &str,
        principal: &str,
        actions: &[String],
        resource: Option<&str>,
    ) -> Result<Vec<DeniedAction>>;
    /// The tags of what has a name; none if nothing has it.
    async fn tags_of(
        &self,
        key: &AccessKey,
        region: &str,
        name: &domain::preflight::Name,
    ) -> Result<Option<BTreeMap<String, String>>>;
    /// The value of a service quota.
    async fn quota(&self, key: &AccessKey, region: &str, quota: domain::preflight::quota::Quota) -> Result<u32>;
    /// How many there are in the region.
    async fn count(&self, key: &AccessKey, region: &str, what: Counted) -> Result<u32>;
    /// The newest version of Kubernetes in standard support, such as `1.34`; none if EKS lists none.
    async fn newest_version(&self, key: &AccessKey, region: &str) -> Result<Option<String>>;
    /// What an instance costs per hour in the region, on demand with Linux; none if it is not sold there.
    async fn price(
        &self,
        key: &AccessKey,
        region: &str,
        instance_type: &InstanceType,
    ) -> Result<Option<domain::price::Usd>>;
}

/// The way to a cluster's API server: where it is and whose credentials sign the token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KubeAccess {
    /// The cluster.
    pub cluster: EksCluster,
    /// The credentials.
    pub key: AccessKey,
}

/// The Job of one attempt of an operator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobSpec {
    /// The run.
    pub run: RunId,
    /// The operator.
    pub operator: OperatorId,
    /// The operator's name, for an annotation.
    pub operator_name: String,
    /// Counts from 1.
    pub attempt: u32,
    /// The container's image.
    pub image: String,
    /// The container's command.
    pub command: Vec<String>,
    /// The control plane's address, for ONDEMAND_API_URL.
    pub api_url: String,
    /// The token, for ONDEMAND_JOB_TOKEN through a Kubernetes Secret.
    pub token: Secret,
    /// Virtual CPUs to request.
    pub cpus: u32,
    /// Memory to request and to limit to, in MiB.
    pub memory_mib: u32,
    /// GPUs; with any, the pod goes to the GPU node group.
    pub gpus: u32,
    /// When Kubernetes is to end it, in seconds from its creation; never if none.
    pub deadline_seconds: Option<u64>,
}

/// Kubernetes.
#[async_trait]
pub trait Jobs: Send + Sync {
    /// Creates the Job and its Secret; a Job of that name that is there already is fine.
    async fn start(&self, access: &KubeAccess, job: &JobSpec) -> Result<()>;
    /// What is seen of a run's Jobs, the newest attempt of each operator, and of the cluster's nodes, from `at` on.
    async fn observe(&self, access: &KubeAccess, run: RunId, at: domain::Timestamp) -> Result<Observation>;
    /// Deletes the Job of one attempt with its pod and Secret; one that is not there is fine.
    async fn delete_attempt(&self, access: &KubeAccess, run: RunId, operator: OperatorId, attempt: u32) -> Result<()>;
    /// Deletes all Jobs of a run with their pods and Secrets.
    async fn delete(&self, access: &KubeAccess, run: RunId) -> Result<()>;
    /// How many pods of operators are alive (neither succeeded nor failed).
    async fn live_pods(&self, access: &KubeAccess) -> Result<u32>;
    /// The runs that these pods belong to.
    async fn live_runs(&self, access: &KubeAccess) -> Result<std::collections::BTreeSet<RunId>>;
    /// Applies what the cluster needs before Jobs: namespace, cluster autoscaler, NVIDIA device plugin.
    async fn apply_addons(&self, access: &KubeAccess) -> Result<()>;
}

/// What all functions need of the time.
pub trait Clock: Send + Sync {
    /// The present moment.
    fn now(&self) -> domain::Timestamp;
}

/// The system's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> domain::Timestamp {
        domain::Timestamp::now()
    }
}
