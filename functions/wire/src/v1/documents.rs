//! Shapes of the domain's own types for the OpenAPI document. The domain writes its JSON itself and knows nothing of
//! OpenAPI, so these types are never built; a test compares their names with what is written.

use super::flow::PublishRequest;
use jiff::Timestamp;
use utoipa::ToSchema;
use uuid::Uuid;

/// Why a request was not carried out.
#[derive(ToSchema)]
pub struct Error {
    /// What is wrong, and what to do about it.
    pub error: String,
}

/// A flow with its packages: every further part of the form is a package, under the name that an operator gives in its
/// field `package`.
#[derive(ToSchema)]
pub struct PublishForm {
    /// The flow.
    pub flow: PublishRequest,
}

/// The seven settings of a cluster. Numbers may also be sent as text.
#[derive(ToSchema)]
pub struct Settings {
    /// How long, in seconds, the cluster may remain idle before it is deleted.
    #[schema(required = false, default = 1200)]
    pub keepalive: u64,
    /// The EC2 instance type of the CPU node group.
    #[schema(required = false, default = "t3.xlarge")]
    pub cpu_node_type: String,
    /// The EC2 instance type of the GPU node group.
    #[schema(required = false, default = "p2.xlarge")]
    pub gpu_node_type: String,
    /// The fewest nodes of the CPU node group.
    #[schema(required = false, default = 1)]
    pub min_cpu_node: u32,
    /// The most nodes of the CPU node group.
    #[schema(required = false, default = 1, minimum = 1)]
    pub max_cpu_node: u32,
    /// The fewest nodes of the GPU node group.
    #[schema(required = false, default = 0)]
    pub min_gpu_node: u32,
    /// The most nodes of the GPU node group.
    #[schema(required = false, default = 1, minimum = 1)]
    pub max_gpu_node: u32,
    /// What goes beyond the seven; shown where it is not the default. What is not sent stays.
    pub options: Option<Options>,
}

/// What a cluster can be given beyond the seven settings.
#[derive(ToSchema)]
pub struct Options {
    /// EC2 instance types of the CPU node group, all of one size: AWS starts whichever it has.
    pub cpu_node_types: Option<Vec<String>>,
    /// EC2 instance types of the GPU node group, all of one size and with as many GPUs.
    pub gpu_node_types: Option<Vec<String>>,
    /// `ON_DEMAND`, or `SPOT`: cheaper, and AWS may take nodes back, with the jobs on them.
    #[schema(required = false, default = "ON_DEMAND")]
    pub capacity_type: String,
    /// `single`: one NAT gateway. `none`: each node has a public address, which nothing outside can connect to. Only
    /// while the cluster is Terminated can it be changed.
    #[schema(required = false, default = "single")]
    pub nat: String,
}

/// The node groups that a cluster has.
#[derive(ToSchema)]
pub struct NodeGroups {
    /// For what needs no GPU.
    pub cpu: NodeGroup,
    /// For what needs one; none where no type that was asked for is offered in the region.
    pub gpu: Option<NodeGroup>,
}

/// A node group as it was made.
#[derive(ToSchema)]
pub struct NodeGroup {
    /// Its EC2 instance types.
    pub instance_types: Vec<String>,
    /// The fewest nodes.
    pub min: u32,
    /// The most nodes.
    pub max: u32,
}

/// The account to register: credentials in exactly one of three forms, and the settings of its cluster.
#[derive(ToSchema)]
pub struct Config {
    /// First form: the public half of an access key pair.
    pub access_key_id: Option<String>,
    /// First form: the secret half.
    #[schema(write_only)]
    pub secret_access_key: Option<String>,
    /// First form: the token of temporary credentials.
    #[schema(write_only)]
    pub session_token: Option<String>,
    /// The region to work in; may be left out in the second form.
    pub region: Option<String>,
    /// Second form: the path of a shared credentials file.
    pub config_file_path: Option<String>,
    /// Second form: the profile in it.
    pub config_file_profile: Option<String>,
    /// Third form: the ARN of a role to assume.
    pub role_arn: Option<String>,
    /// Third form: the external id that the role asks for.
    #[schema(write_only)]
    pub external_id: Option<String>,
    /// Settings that differ from the defaults.
    pub k8s: Option<Settings>,
    /// What goes beyond the settings.
    pub options: Option<Options>,
}

/// Credentials in exactly one of three forms.
#[derive(ToSchema)]
pub struct Credentials {
    /// First form: the public half of an access key pair.
    pub access_key_id: Option<String>,
    /// First form: the secret half.
    #[schema(write_only)]
    pub secret_access_key: Option<String>,
    /// First form: the token of temporary credentials.
    #[schema(write_only)]
    pub session_token: Option<String>,
    /// The account's region; may be left out in the second form.
    pub region: Option<String>,
    /// Second form: the path of a shared credentials file.
    pub config_file_path: Option<String>,
    /// Second form: the profile in it.
    pub config_file_profile: Option<String>,
    /// Third form: the ARN of a role to assume.
    pub role_arn: Option<String>,
    /// Third form: the external id that the role asks for.
    #[schema(write_only)]
    pub external_id: Option<String>,
}

/// Why a cluster is alive, or what it is waiting for.
#[derive(ToSchema)]
pub struct Alive {
    /// `not_alive`, `creating`, `in_use`, `kept_alive` or `ending`.
    pub because: String,
    /// Runs that wait for it, when `creating` or `ending`.
    pub waiting_runs: Option<Vec<Uuid>>,
    /// Runs that use it, when `in_use`.
    pub runs: Option<Vec<Uuid>>,
    /// Since when nothing uses it, when `kept_alive`.
    pub idle_since: Option<Timestamp>,
    /// When its teardown starts if nothing comes, when `kept_alive`.
    pub ends_at: Option<Timestamp>,
}

/// A failure with its cause and its remedy.
#[derive(ToSchema)]
pub struct Failure {
    /// The kind, such as `missing_permission`, `quota` or `capacity`.
    pub class: String,
    /// What happened, in AWS's or Terraform's own words where there are any.
    pub message: String,
    /// What to do about it.
    pub remedy: Option<String>,
    /// IAM actions to allow.
    pub missing_actions: Option<Vec<String>>,
    /// The IAM policy that allows them, ready to paste.
    #[schema(value_type = Option<Object>)]
    pub policy: Option<serde_json::Value>,
    /// The CodeBuild build in which it happened.
    pub build_id: Option<String>,
}

/// One thing to know before a creation.
#[derive(ToSchema)]
pub struct PreflightFinding {
    /// `certain`: it will go wrong unless something is changed. `likely`, or `info`.
    pub severity: String,
    /// What was looked at: `permissions`, `quota`, `name`, `offer`, `image`, `credentials` or `region`.
    pub about: String,
    /// What was found.
    pub what: String,
    /// What to do about it; empty if there is nothing to do.
    pub remedy: String,
    /// An IAM policy that allows what is missing, ready to paste.
    #[schema(value_type = Option<Object>)]
    pub policy: Option<serde_json::Value>,
}

/// One line of the history of a cluster or a run.
#[derive(ToSchema)]
pub struct Event {
    /// When it was decided.
    pub at: Timestamp,
    /// A word that programs can rely on, such as `creation_started`.
    pub kind: String,
    /// A sentence for people.
    pub message: String,
}

/// What a person should know of a failed operator.
#[derive(ToSchema)]
pub struct OperatorError {
    /// One or two sentences on what to do.
    pub tip: String,
    /// The traceback, or empty.
    pub context: String,
}

/// An attempt of an operator that was lost, and followed by another one.
#[derive(ToSchema)]
pub struct LostAttempt {
    /// Counts from 1.
    pub attempt: u32,
    /// Why it was lost, in the words that an operator's `cause` has.
    pub cause: String,
    /// What happened, in a sentence or two.
    pub message: String,
    /// The node of its pod, as far as known.
    pub node: Option<String>,
    /// When what happened in it.
    pub timeline: Timeline,
}

/// When an operator got where.
#[derive(ToSchema)]
pub struct Timeline {
    /// Its inputs were there.
    pub queued_at: Option<Timestamp>,
    /// Its pod had a node; if nobody looked at the pod before it was over, when its container began.
    pub scheduled_at: Option<Timestamp>,
    /// Its function began.
    pub started_at: Option<Timestamp>,
    /// It was over.
    pub ended_at: Option<Timestamp>,
}

/// What became of one generation of a cluster.
#[derive(ToSchema)]
pub struct Receipt {
    /// The cluster.
    pub cluster: Uuid,
    /// The generation that was destroyed.
    pub generation: u32,
    /// The name EKS knew it by.
    pub eks_name: String,
    /// When the receipt was first written.
    pub written_at: Timestamp,
    /// How many builds it took; those that failed count.
    pub builds: u32,
    /// How many resources were deleted.
    pub resources: u32,
    /// How many of each type, such as `aws_subnet`.
    #[schema(value_type = Object)]
    pub types: serde_json::Value,
    /// Seconds from Terraform's first word to its last.
    pub seconds: u64,
    /// The deletions that took longest.
    pub slowest: Vec<Deletion>,
    /// What was found of it afterwards; looked up again until nothing is left.
    pub inventory: Inventory,
}

/// One deletion.
#[derive(ToSchema)]
pub struct Deletion {
    /// The resource's address in the Terraform module.
    pub address: String,
    /// How long it took.
    pub seconds: u64,
}

/// What an account was seen to have with a cluster's tags.
#[derive(ToSchema)]
pub struct Inventory {
    /// When.
    pub checked_at: Timestamp,
    /// `clean`, `left` or `unknown`.
    pub result: String,
    /// When `clean`: how many resources are there rightly.
    pub expected: Option<usize>,
    /// When `left`: what should not be there.
    pub resources: Option<Vec<Leftover>>,
    /// When `unknown`: why it could not be looked up.
    pub why: Option<String>,
    /// When `unknown`: what to do about it.
    pub remedy: Option<String>,
}

/// A resource that should not exist.
#[derive(ToSchema)]
pub struct Leftover {
    /// Its ARN.
    pub arn: String,
    /// Its service and type, such as `ec2:natgateway`.
    pub kind: String,
    /// The generation it was made for; none if its tags do not say, or name a cluster that nobody knows.
    pub generation: Option<u32>,
    /// Whether a Terraform state knows it: then it is destroyed without anybody doing anything.
    pub has_state: bool,
    /// What it costs an hour in US dollars, where that is a matter of its existence alone.
    pub usd_per_hour: Option<f64>,
    /// What happens to it, or is to be done with it.
    pub remedy: String,
}
