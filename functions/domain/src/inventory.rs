//! What an account still has with our tags, compared with what should be there: the last line of defence against a leak.
//!
//! A build can only be fenced before it acts; what one that escaped has made is found here. Everything that the module
//! makes is tagged with its integration, cluster and generation, and of a cluster exactly one generation may exist, or
//! none when it is Terminated.

use crate::cluster::Cluster;
use crate::price;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// The tag with the integration's id, as in `terraform/groups.tf`.
pub const INTEGRATION_TAG: &str = "ondemand-eks:integration";
/// The tag with the cluster's id.
pub const CLUSTER_TAG: &str = "ondemand-eks:cluster";
/// The tag with the generation.
pub const GENERATION_TAG: &str = "ondemand-eks:generation";

/// A resource of an account that has our tag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaggedResource {
    /// Its ARN.
    pub arn: String,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
}

/// What was found at a moment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Inventory {
    /// When.
    pub checked_at: Timestamp,
    /// What.
    #[serde(flatten)]
    pub found: Found,
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "result", rename_all = "snake_case")]
pub enum Found {
    /// Nothing that should not be there.
    Clean {
        /// How many tagged resources are there rightly: those of the living generation.
        expected: usize,
    },
    /// Something that should not be there.
    Left {
        /// Each of them.
        resources: Vec<Leftover>,
    },
    /// It could not be looked up.
    Unknown {
        /// Why.
        why: String,
        /// What to do about it.
        remedy: String,
    },
}

/// A resource that should not exist.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
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
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usd_per_hour: Option<f64>,
    /// What happens to it, or is to be done with it.
    pub remedy: String,
}

const DESTROYED_LATER: &str =
    "Its Terraform state is there: it is destroyed within the hour, whatever the cluster does meanwhile.";
const BY_HAND: &str = "No Terraform state knows it, so it is not deleted for you. AWS may list a resource for up to an hour after its end: if it is still here then, look at it, and delete it if nothing of yours uses it.";

/// The generations of a cluster that resources are tagged with although none of theirs should exist.
#[must_use]
pub fn suspects(cluster: &Cluster, tagged: &[TaggedResource]) -> BTreeSet<u32> {
    let stray = tagged.iter().filter(|resource| !is_expected(cluster, resource));
    stray.filter_map(|resource| generation(cluster, resource)).collect()
}

/// Compares what is tagged with what should be there. `with_state` are those of the [`suspects`] whose Terraform state
/// still has resources.
#[must_use]
pub fn compare(cluster: &Cluster, tagged: &[TaggedResource], with_state: &BTreeSet<u32>) -> Found {
    let (expected, stray): (Vec<_>, Vec<_>) = tagged.iter().partition(|resource| is_expected(cluster, resource));
    if stray.is_empty() {
        return Found::Clean { expected: expected.len() };
    }
    let leftover = |resource: &&TaggedResource| {
        let (kind, generation) = (kind(&resource.arn), generation(cluster, resource));
        let has_state = generation.is_some_and(|generation| with_state.contains(&generation));
        let remedy = if has_state { DESTROYED_LATER } else { BY_HAND }.to_owned();
        let usd_per_hour = price::of_resource(&kind).map(price::Usd::dollars);
        Leftover { arn: resource.arn.clone(), kind, generation, has_state, usd_per_hour, remedy }
    };
    let mut resources: Vec<Leftover> = stray.iter().map(leftover).collect();
    resources.sort_by(|a, b| a.arn.cmp(&b.arn));
    Found::Left { resources }
}

impl Found {
    /// The generation to destroy next; none if there is none that can be.
    #[must_use]
    pub fn collectable(&self) -> Option<u32> {
        self.leftovers().iter().filter(|leftover| leftover.has_state).filter_map(|leftover| leftover.generation).min()
    }

    /// What should not be there.
    #[must_use]
    pub fn leftovers(&self) -> &[Leftover] {
        match self {
            Self::Left { resources } => resources,
            Self::Clean { .. } | Self::Unknown { .. } => &[],
        }
    }
}

/// Whether a resource belongs to the one generation that may exist.
fn is_expected(cluster: &Cluster, resource: &TaggedResource) -> bool {
    generation(cluster, resource) == Some(cluster.generation) && !cluster.is_over(cluster.generation)
}

/// The generation of this cluster that a resource is tagged with.
fn generation(cluster: &Cluster, resource: &TaggedResource) -> Option<u32> {
    let ours = resource.tags.get(CLUSTER_TAG).is_some_and(|id| *id == cluster.id.to_string());
    resource.tags.get(GENERATION_TAG).filter(|_| ours)?.parse().ok()
}

/// Service and type of a resource: `arn:aws:ec2:us-east-1:1:natgateway/nat-1` is an `ec2:natgateway`.
fn kind(arn: &str) -> String {
    let mut parts = arn.splitn(6, ':').skip(2);
    let service = parts.next().unwrap_or_default();
    let resource = parts.nth(2).unwrap_or_default();
    let end = resource.find(['/', ':']).unwrap_or(resource.len());
    format!("{service}:{}", &resource[..end])
}

#[cfg(test)]
#[path = "inventory_tests.rs"]
mod tests;
