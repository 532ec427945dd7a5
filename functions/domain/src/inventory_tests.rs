use super::*;
use crate::cluster::{BuildReport, Command, decide};
use crate::settings::{Settings, SettingsDelta};
use crate::{ClusterId, IntegrationId};
use uuid::Uuid;

fn after(commands: &[Command]) -> Cluster {
    let (id, integration) = (ClusterId(Uuid::from_u128(0xc)), IntegrationId(Uuid::from_u128(0xa)));
    let now = Timestamp::UNIX_EPOCH;
    let mut cluster = Cluster::registered(id, integration, "aws", "us-east-1".to_owned(), Settings::default(), now);
    for command in commands {
        cluster = decide(&cluster, command, now).expect("accepted").cluster;
    }
    cluster
}

fn active() -> Vec<Command> {
    let report = BuildReport::default();
    vec![
        Command::Create { delta: SettingsDelta::default() },
        Command::BeginBuild { epoch: 1, live_pods: 0 },
        Command::BuildSucceeded { epoch: 1, report },
    ]
}

fn terminated() -> Cluster {
    let mut commands = active();
    commands.extend([
        Command::Delete,
        Command::BeginBuild { epoch: 3, live_pods: 0 },
        Command::BuildSucceeded { epoch: 3, report: BuildReport::default() },
    ]);
    after(&commands)
}

fn resource(name: &str, cluster: u128, generation: &str) -> TaggedResource {
    let tags = [(CLUSTER_TAG, Uuid::from_u128(cluster).to_string()), (GENERATION_TAG, generation.to_owned())];
    let tags = tags.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
    TaggedResource { arn: format!("arn:aws:ec2:us-east-1:123456789012:{name}"), tags }
}

#[test]
fn a_living_generation_is_expected_and_nothing_else_is() {
    let cluster = after(&active());
    let present = resource("vpc/vpc-2", 0xc, "1");
    assert_eq!(compare(&cluster, std::slice::from_ref(&present), &BTreeSet::new()), Found::Clean { expected: 1 });

    let stray = [resource("vpc/vpc-1", 0xc, "7"), resource("vpc/vpc-3", 0xd, "1"), resource("vpc/vpc-4", 0xc, "?")];
    let found = compare(&cluster, &[&stray[..], &[present]].concat(), &BTreeSet::new());
    let generations: Vec<_> = found.leftovers().iter().map(|leftover| leftover.generation).collect();
    assert_eq!(generations, [Some(7), None, None]);
    assert_eq!(found.collectable(), None);
}

#[test]
fn nothing_of_a_terminated_cluster_may_be_there() {
    let (cluster, tagged) = (terminated(), [resource("natgateway/nat-1", 0xc, "1"), resource("vpc/vpc-1", 0xc, "1")]);
    assert_eq!(compare(&cluster, &[], &BTreeSet::new()), Found::Clean { expected: 0 });
    assert_eq!(suspects(&cluster, &tagged), BTreeSet::from([1]));

    let unknown = compare(&cluster, &tagged, &BTreeSet::new());
    assert_eq!(unknown.collectable(), None, "nobody knows whose it is: never deleted blindly");
    let nat = &unknown.leftovers()[0];
    assert_eq!((nat.kind.as_str(), nat.usd_per_hour), ("ec2:natgateway", Some(0.045)));
    assert!(nat.remedy.contains("not deleted for you"), "{}", nat.remedy);

    let known = compare(&cluster, &tagged, &BTreeSet::from([1]));
    assert_eq!(known.collectable(), Some(1));
    assert!(known.leftovers().iter().all(|leftover| leftover.remedy.contains("is destroyed within the hour")));
}

#[test]
fn what_is_left_of_an_older_generation_is_collectable_beside_the_living_one() {
    let mut commands = active();
    commands.extend([
        Command::Delete,
        Command::BeginBuild { epoch: 3, live_pods: 0 },
        Command::BuildSucceeded { epoch: 3, report: BuildReport::default() },
        Command::Create { delta: SettingsDelta::default() },
    ]);
    let cluster = after(&commands);
    let tagged = [resource("natgateway/nat-1", 0xc, "1"), resource("vpc/vpc-1", 0xc, "2")];
    assert_eq!(suspects(&cluster, &tagged), BTreeSet::from([1]));
    assert_eq!(compare(&cluster, &tagged, &BTreeSet::from([1, 2])).collectable(), Some(1));
}

#[test]
fn kinds_are_read_from_all_forms_of_arns() {
    for (arn, expected) in [
        ("arn:aws:eks:us-east-1:1:cluster/ondemand-1-g1", "eks:cluster"),
        ("arn:aws:iam::1:role/x", "iam:role"),
        ("arn:aws:autoscaling:us-east-1:1:autoScalingGroup:u:autoScalingGroupName/x", "autoscaling:autoScalingGroup"),
        ("arn:aws:s3:::bucket", "s3:bucket"),
        ("no arn", ":"),
    ] {
        assert_eq!(kind(arn), expected);
    }
}

#[test]
fn an_inventory_is_stored_and_read_back() {
    let found = compare(&terminated(), &[resource("elastic-ip/eipalloc-1", 0xc, "1")], &BTreeSet::new());
    let inventory = Inventory { checked_at: Timestamp::UNIX_EPOCH, found };
    let stored = serde_json::to_value(&inventory).expect("serialises");
    assert_eq!(stored["result"], "left");
    assert_eq!(serde_json::from_value::<Inventory>(stored).expect("deserialises"), inventory);
}
