//! A user's story for each way in which AWS refuses a cluster: they register, run a flow, and see the cause; they
//! remove it, run the flow again, and it succeeds. The stories go on at the same time, each with an integration of
//! its own.

use crate::World;
use crate::client::{python, text};
use crate::life::{existing, nothing_left, state_resources};
use futures::future::{BoxFuture, FutureExt};
use futures::stream::{self, StreamExt};
use reqwest::Method;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::Arc;

/// What is told, and what the user finds.
struct Story {
    /// The integration's name.
    name: &'static str,
    /// Which creations fail, and what AWS says.
    errors: &'static [(&'static str, &'static str)],
    /// The class of the failure.
    class: &'static str,
    /// The actions to allow.
    missing: &'static [&'static str],
    /// Words of the message and the remedy.
    told: &'static [&'static str],
    /// Whether the cause is removed and the flow run again, and the SDK's user asked too, where only the usual stories
    /// are told. Where all of them are, it is done for each.
    whole: bool,
}

const STORY: Story = Story { name: "", errors: &[], class: "", missing: &[], told: &[], whole: false };

const STORIES: &[Story] = &[
    Story {
        name: "several",
        errors: &[
            (
                "aws_vpc",
                "creating EC2 VPC: operation error EC2: CreateVpc, https response error StatusCode: 403, RequestID: 0f31cf5c-1c26-4b39-8ff4-6e4e6f6d3a10, api error UnauthorizedOperation: You are not authorized to perform this operation. User: arn:aws:iam::000000000000:user/data-team is not authorized to perform: ec2:CreateVpc on resource: arn:aws:ec2:us-east-1:000000000000:vpc/* because no identity-based policy allows the ec2:CreateVpc action",
            ),
            (
                "aws_eip",
                "creating EC2 EIP: operation error EC2: AllocateAddress, https response error StatusCode: 403, RequestID: 9a146f8d-ec08-4a82-8e1a-08442295320e, api error UnauthorizedOperation: You are not authorized to perform this operation. User: arn:aws:iam::000000000000:user/data-team is not authorized to perform: ec2:AllocateAddress on resource: arn:aws:ec2:us-east-1:000000000000:elastic-ip/* because no identity-based policy allows the ec2:AllocateAddress action",
            ),
            (
                "aws_iam_role",
                "creating IAM Role (ondemand-1f1e0abd-g1-node): operation error IAM: CreateRole, https response error StatusCode: 403, RequestID: f1b4616a-5afc-4c8d-83c1-3d13da785695, api error AccessDenied: User: arn:aws:iam::000000000000:user/data-team is not authorized to perform: iam:CreateRole on resource: arn:aws:iam::000000000000:role/ondemand-1f1e0abd-g1-node because no identity-based policy allows the iam:CreateRole action",
            ),
        ],
        class: "missing_permission",
        missing: &["ec2:AllocateAddress", "ec2:CreateVpc", "iam:CreateRole"],
        told: &["ec2:CreateVpc", "Add these actions"],
        whole: true,
    },
    Story {
        name: "denied-explicitly",
        errors: &[(
            "aws_eip",
            "creating EC2 EIP: operation error EC2: AllocateAddress, https response error StatusCode: 403, RequestID: 9a146f8d-ec08-4a82-8e1a-08442295320f, api error UnauthorizedOperation: You are not authorized to perform this operation. User: arn:aws:iam::000000000000:user/data-team is not authorized to perform: ec2:AllocateAddress on resource: arn:aws:ec2:us-east-1:000000000000:elastic-ip/* with an explicit deny in an identity-based policy: arn:aws:iam::000000000000:policy/no-addresses",
        )],
        class: "explicit_deny",
        told: &["arn:aws:iam::000000000000:policy/no-addresses", "adding an allow does not help"],
        ..STORY
    },
    Story {
        name: "organization",
        errors: &[(
            "aws_vpc",
            "creating EC2 VPC: operation error EC2: CreateVpc, https response error StatusCode: 403, RequestID: 0f31cf5c-1c26-4b39-8ff4-6e4e6f6d3a11, api error UnauthorizedOperation: You are not authorized to perform this operation. User: arn:aws:sts::000000000000:assumed-role/Data/s is not authorized to perform: ec2:CreateVpc on resource: arn:aws:ec2:us-east-1:000000000000:vpc/* with an explicit deny in a service control policy: arn:aws:organizations::111111111111:policy/o-a1b2c3d4e5/service_control_policy/p-0a1b2c3d",
        )],
        class: "explicit_deny",
        told: &["service control policy of the organization", "does not help"],
        ..STORY
    },
    Story {
        name: "boundary",
        errors: &[(
            "aws_iam_role",
            "creating IAM Role (ondemand-1f1e0abd-g1-node): operation error IAM: CreateRole, https response error StatusCode: 403, RequestID: f1b4616a-5afc-4c8d-83c1-3d13da785696, api error AccessDenied: User: arn:aws:iam::000000000000:user/data-team is not authorized to perform: iam:CreateRole on resource: arn:aws:iam::000000000000:role/ondemand-1f1e0abd-g1-node because no permissions boundary allows the iam:CreateRole action",
        )],
        class: "missing_permission",
        told: &["permissions boundary", "does not help"],
        ..STORY
    },
    Story {
        name: "networks",
        errors: &[(
            "aws_vpc",
            "creating EC2 VPC: operation error EC2: CreateVpc, https response error StatusCode: 400, RequestID: 5f0a3a33-93d5-4b14-b9f4-2f0f0c5f2b11, api error VpcLimitExceeded: The maximum number of VPCs has been reached.",
        )],
        class: "quota",
        told: &["VPCs per Region", "L-F678F1CE"],
        whole: true,
        ..STORY
    },
    Story {
        name: "machines",
        errors: &[(
            "aws_eks_node_group",
            "waiting for EKS Node Group (ondemand-1f1e0abd-g1:cpu-t3-xlarge-20261122180000) create: unexpected state 'CREATE_FAILED', wanted target 'ACTIVE'. last error: eks-cpu-t3-xlarge-20261122180000-0ac9: AsgInstanceLaunchFailures: Could not launch On-Demand Instances. VcpuLimitExceeded - You have requested more vCPU capacity than your current vCPU limit of 0 allows for the instance bucket that the specified instance type belongs to. Please visit http://aws.amazon.com/contact-us/ec2-request to request an adjustment to this limit. Launching EC2 instance failed.",
        )],
        class: "quota",
        told: &["L-1216C47A", "G and VT L-DB2E81BA"],
        ..STORY
    },
    Story {
        name: "zone",
        errors: &[(
            "aws_eks_cluster",
            "creating EKS Cluster (ondemand-1f1e0abd-g1): operation error EKS: CreateCluster, https response error StatusCode: 400, RequestID: 04b29cbe-5e5f-4d35-a4ef-98a0bd5b4b83, UnsupportedAvailabilityZoneException: Cannot create cluster 'ondemand-1f1e0abd-g1' because us-east-1e, the targeted availability zone, does not currently have sufficient capacity to support the cluster. Retry and choose from these availability zones: us-east-1a, us-east-1b",
        )],
        class: "capacity",
        told: &["us-east-1e", "other availability zones"],
        ..STORY
    },
    Story {
        name: "version",
        errors: &[(
            "aws_eks_cluster",
            "creating EKS Cluster (ondemand-1f1e0abd-g1): operation error EKS: CreateCluster, https response error StatusCode: 400, RequestID: 04b29cbe-5e5f-4d35-a4ef-98a0bd5b4b84, InvalidParameterException: unsupported Kubernetes version",
        )],
        class: "version",
        told: &["unsupported Kubernetes version", "that EKS supports"],
        ..STORY
    },
    Story {
        name: "name",
        errors: &[(
            "aws_iam_role",
            "creating IAM Role (ondemand-1f1e0abd-g1-node): operation error IAM: CreateRole, https response error StatusCode: 409, RequestID: f1b4616a-5afc-4c8d-83c1-3d13da785697, EntityAlreadyExists: Role with name ondemand-1f1e0abd-g1-node already exists.",
        )],
        class: "name_clash",
        told: &["already exists", "an earlier cluster may have left"],
        ..STORY
    },
    Story {
        name: "expired",
        errors: &[(
            "aws_vpc",
            "creating EC2 VPC: operation error EC2: CreateVpc, https response error StatusCode: 403, RequestID: 0f31cf5c-1c26-4b39-8ff4-6e4e6f6d3a12, api error ExpiredToken: The security token included in the request is expired",
        )],
        class: "credentials",
        told: &["expired", "credentials that are valid"],
        ..STORY
    },
    Story {
        name: "unverified",
        errors: &[(
            "aws_eip",
            "creating EC2 EIP: operation error EC2: AllocateAddress, https response error StatusCode: 400, RequestID: 9a146f8d-ec08-4a82-8e1a-084422953210, api error PendingVerification: Your request for accessing resources in this region is being validated, and you will not be able to launch additional resources in this region until the validation is complete.",
        )],
        class: "rejected",
        told: &["PendingVerification", "still verifying the account"],
        ..STORY
    },
    Story {
        name: "never-joined",
        errors: &[(
            "aws_eks_node_group",
            "waiting for EKS Node Group (ondemand-1f1e0abd-g1:cpu-t3-xlarge-20261122180000) create: unexpected state 'CREATE_FAILED', wanted target 'ACTIVE'. last error: i-0ac9d1e7b3f5a2c48: NodeCreationFailure: Instances failed to join the kubernetes cluster",
        )],
        class: "not_stabilized",
        told: &["failed to join the kubernetes cluster", "look whether their subnets reach the internet"],
        ..STORY
    },
    Story {
        name: "never-heard-of",
        errors: &[(
            "aws_vpc",
            "creating EC2 VPC: operation error EC2: CreateVpc, https response error StatusCode: 400, RequestID: 0f31cf5c-1c26-4b39-8ff4-6e4e6f6d3a13, api error VpcMoonPhase: The moon is not in the right phase.",
        )],
        class: "unknown",
        told: &["api error VpcMoonPhase: The moon is not in the right phase."],
        ..STORY
    },
];

/// The class that is retried by itself: nobody has to do anything.
const THROTTLED: &str = "creating EC2 VPC: operation error EC2: CreateVpc, exceeded maximum number of attempts, 25, https response error StatusCode: 503, RequestID: 72ba8984-f11a-4d20-87ba-84b217c4067f, api error RequestLimitExceeded: Request limit exceeded.";
const DEPENDENT: &str = "deleting EC2 Subnet (subnet-032ab9f0d9e811ae2): operation error EC2: DeleteSubnet, https response error StatusCode: 400, RequestID: 2f6c1d0b-64d6-4b5f-a9a1-6b1f7f0b1a12, api error DependencyViolation: The subnet 'subnet-032ab9f0d9e811ae2' has dependencies and cannot be deleted.";
const UNDELETABLE: &str = "deleting EC2 Subnet (subnet-032ab9f0d9e811ae2): operation error EC2: DeleteSubnet, https response error StatusCode: 403, RequestID: 2f6c1d0b-64d6-4b5f-a9a1-6b1f7f0b1a13, api error UnauthorizedOperation: You are not authorized to perform this operation. User: arn:aws:iam::000000000000:user/data-team is not authorized to perform: ec2:DeleteSubnet on resource: arn:aws:ec2:us-east-1:000000000000:subnet/subnet-032ab9f0d9e811ae2 because no identity-based policy allows the ec2:DeleteSubnet action";

/// So many stories go on at the same time, beside other cases: each has Terraform work, and the machine is small.
const AT_ONCE: usize = 2;

/// The stories that nearly every user may meet.
pub async fn usual(world: Arc<World>) {
    tell(&world, false, |name| ["several", "networks", "expired", "throttled", "stuck"].contains(&name)).await;
}

/// All of them.
pub async fn every(world: Arc<World>) {
    tell(&world, true, |_| true).await;
}

async fn tell(world: &World, every: bool, chosen: impl Fn(&str) -> bool) {
    let mut all: Vec<BoxFuture<'_, ()>> = vec![];
    // The longest first.
    if chosen("stuck") {
        all.push(alone(world, "stuck", deleted_in_the_end).boxed());
    }
    all.extend(
        STORIES
            .iter()
            .filter(|story| chosen(story.name))
            .map(|story| told_and_removed(world, story, every || story.whole).boxed()),
    );
    if chosen("locked") {
        all.push(alone(world, "locked", held_by_a_person).boxed());
    }
    if chosen("throttled") {
        all.push(alone(world, "throttled", retried).boxed());
    }
    stream::iter(all).buffer_unordered(AT_ONCE).collect::<()>().await;
}

/// A story from the registration to its end: the cause is told; and, where the whole of it is asked for, the SDK's user
/// sees it, somebody removes it, and the flow is run again.
async fn told_and_removed(world: &World, story: &'static Story, whole: bool) {
    let cluster = world.client.register(world, story.name, 3600).await;
    let fault =
        |(kind, error): &(&str, &str)| json!({"type": kind, "operation": "create", "error": error, "times": 1000});
    world.order(&cluster, &story.errors.iter().map(fault).collect::<Vec<_>>());
    told(world, story, &cluster, whole).await;
    world.order(&cluster, &[]);
    if whole {
        removed(world, story.name, &cluster).await;
    }
    nothing_left(world, &cluster).await;
    forget(world, story.name).await;
}

/// A story that is like no other.
async fn alone(world: &World, name: &'static str, story: impl AsyncFnOnce(&World, &str)) {
    let cluster = world.client.register(world, name, 3600).await;
    story(world, &cluster).await;
    nothing_left(world, &cluster).await;
    forget(world, name).await;
}

fn flow(name: &str) -> Value {
    json!({
        "name": format!("flow-{name}"), "engine": format!("{name}:aqueduct_ondemand_k8s"), "python_version": python(),
        "operators": [{"name": "answer", "source": "def answer():\n    return 42\n", "requirements": []}],
    })
}

/// The cause is in the run, in the cluster and in the SDK's exception, and nothing is left of the attempt.
async fn told(world: &World, story: &Story, cluster: &str, to_sdk: bool) {
    let client = &world.client;
    let run = client.finished(&client.publish(flow(story.name)).await).await;
    assert_eq!(run["status"], "failed", "{run:#}");
    let path = format!("/v1/clusters/{cluster}");
    let view = client.wait(&path, "Terminated", |view| view["status"] == "Terminated").await;
    let error = &view["last_error"];
    assert_eq!((story.name, &error["class"]), (story.name, &json!(story.class)), "{view:#}");
    assert_eq!(error["missing_actions"].as_array().cloned().unwrap_or_default(), story.missing, "{view:#}");
    if !story.missing.is_empty() {
        let statements = error["policy"]["Statement"].as_array().expect("statements").iter();
        let actions = statements.flat_map(|statement| statement["Action"].as_array().cloned().unwrap_or_default());
        let allowed: BTreeSet<String> = actions.map(|action| text(&action)).collect();
        assert!(allowed.iter().eq(story.missing), "one policy for all: {view:#}");
    }
    let cause = run["error"].to_string();
    for words in story.told {
        let shown = format!("{}{}", error["message"], error["remedy"]);
        assert!(shown.contains(words), "{}: no '{words}' in {view:#}", story.name);
        assert!(cause.contains(words), "{}: no '{words}' in {run:#}", story.name);
    }
    assert_eq!(state_resources(world, cluster, 1).await, 0, "something is left in Terraform's state");
    if to_sdk {
        let told = crate::sdk::refused(world, &format!("{}:aqueduct_ondemand_k8s", story.name)).await;
        for words in story.told {
            assert!(told.contains(words), "{}: the SDK's user does not see '{words}': {told}", story.name);
        }
        client.wait(&path, "Terminated", |view| view["status"] == "Terminated").await;
    }
}

/// With the cause out of the way the same flow succeeds, and the cluster forgets its error.
async fn removed(world: &World, name: &str, cluster: &str) {
    succeeds(world, name).await;
    let view = world.client.get(&format!("/v1/clusters/{cluster}")).await;
    assert_eq!(view["last_error"], json!(null), "{view:#}");
    end(world, cluster).await;
}

async fn forget(world: &World, name: &str) {
    let view = world.client.get(&format!("/v1/clusters/{name}:aqueduct_ondemand_k8s")).await;
    let path = format!("/v1/integrations/{}", text(&view["integration_id"]));
    world.client.ok(Method::DELETE, &path, None).await;
}

async fn succeeds(world: &World, name: &str) {
    let run = world.client.finished(&world.client.publish(flow(name)).await).await;
    assert_eq!(run["status"], "succeeded", "{run:#}");
}

async fn end(world: &World, cluster: &str) {
    let path = format!("/v1/clusters/{cluster}");
    // The run's lease is given back a moment after its end.
    let free = |view: &Value| view["runs"].as_array().is_none_or(Vec::is_empty);
    world.client.wait(&path, "without leases", free).await;
    world.client.ok(Method::DELETE, &path, None).await;
    world.client.wait(&path, "Terminated", |view| view["status"] == "Terminated").await;
}

/// A throttled creation is tried again without anybody doing anything.
async fn retried(world: &World, cluster: &str) {
    world.order(cluster, &[json!({"type": "aws_vpc", "operation": "create", "error": THROTTLED})]);
    succeeds(world, "throttled").await;
    let events = world.client.get(&format!("/v1/clusters/{cluster}/events")).await;
    assert!(events.to_string().contains("RequestLimitExceeded"), "{events:#}");
    end(world, cluster).await;
}

/// A person has locked the state: the creation waits for them, says who it is, and goes on when they are done.
async fn held_by_a_person(world: &World, cluster: &str) {
    let key = format!("clusters/{cluster}/g1/terraform.tfstate.tflock");
    let lock = json!({
        "ID": "784e482d-a494-3b39-061c-752e59872bd8", "Operation": "OperationTypePlan", "Info": "", "Who": "ann@laptop",
        "Version": "1.11.4", "Created": "2026-11-22T17:49:41.199641798Z", "Path": "data/terraform.tfstate",
    });
    world.stack.put_object(&key, lock.to_string().into_bytes()).await.expect("stored");
    let run = world.client.publish(flow("locked")).await;
    let path = format!("/v1/clusters/{cluster}");
    let held = |view: &Value| view["last_error"]["class"] == "state_locked";
    let view = world.client.wait(&path, "held by a person", held).await;
    assert!(view["last_error"].to_string().contains("ann@laptop"), "{view:#}");
    assert!(world.stack.object(&key).await.expect("an answer").is_some(), "nobody takes a person's lock away");
    world.stack.delete_object(&key).await.expect("removed");
    let run = world.client.finished(&run).await;
    assert_eq!(run["status"], "succeeded", "{run:#}");
    end(world, cluster).await;
}

/// A teardown that fails for a while is tried again; one that only a person can help is parked in plain sight, and
/// tried again when they ask.
async fn deleted_in_the_end(world: &World, cluster: &str) {
    let refused =
        |error: &str, after: u32| json!({"type": "aws_subnet", "operation": "delete", "error": error, "after": after});
    world.order(cluster, &[refused(DEPENDENT, 0), refused(UNDELETABLE, 1)]);
    succeeds(world, "stuck").await;
    let path = format!("/v1/clusters/{cluster}");
    let free = |view: &Value| view["runs"].as_array().is_none_or(Vec::is_empty);
    world.client.wait(&path, "without leases", free).await;
    world.client.ok(Method::DELETE, &path, None).await;
    let parked = |view: &Value| view["retry"]["parked"] == true;
    let view = world.client.wait(&path, "parked", parked).await;
    assert_eq!(view["last_error"]["missing_actions"], json!(["ec2:DeleteSubnet"]), "{view:#}");
    let events = world.client.get(&format!("{path}/events")).await.to_string();
    assert!(events.contains("DependencyViolation"), "what was retried before is told: {events}");
    world.client.ok(Method::DELETE, &path, None).await;
    world.client.wait(&path, "Terminated", |view| view["status"] == "Terminated").await;
    assert_eq!(state_resources(world, cluster, 1).await, 0);
}

/// A build's machine dies in the middle of its work: the lock that it leaves is removed because CodeBuild knows it to
/// be over, what it had made is found again, and the run that waits succeeds.
pub async fn vanished(world: Arc<World>) {
    let client = &world.client;
    let cluster = client.register(&world, "vanished", 3600).await;
    let rule = json!({"kind": "build", "on": "apply", "action": "vanish", "operations": 20, "nth": [1]});
    world.stack.order(&json!({"seed": 1, "rules": [rule]}).to_string()).expect("ordered");
    succeeds(&world, "vanished").await;
    world.stack.order(&json!({"seed": 1, "rules": []}).to_string()).expect("ordered");

    let events = client.get(&format!("/v1/clusters/{cluster}/events")).await;
    let kinds: Vec<String> =
        events["events"].as_array().expect("events").iter().map(|event| text(&event["kind"])).collect();
    assert!(kinds.contains(&"creation_failed".to_owned()) && kinds.contains(&"created".to_owned()), "{kinds:?}");
    let view = client.get(&format!("/v1/clusters/{cluster}")).await;
    assert_eq!(view["generation"], 1, "it was gone on with, not begun anew: {view:#}");
    let state = state_resources(&world, &cluster, 1).await;
    end(&world, &cluster).await;
    let left = existing(&world, &cluster);
    assert!(state > 0 && left.is_empty(), "{left:?}");
    forget(&world, "vanished").await;
}
