//! The names that a creation takes, and whether somebody else has them.
//!
//! They hold a part of the cluster's id and the generation, so that hardly anybody else thinks of them; but IAM does not
//! list roles by tag, and one that an earlier cluster left would only show when the next one cannot be made.

use super::{Fact, Finding, Severity, finding, unchecked};
use crate::cluster::{Cluster, Phase};

/// What has a name that is unique in its account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// An EKS cluster.
    Cluster,
    /// An IAM role.
    Role,
}

/// A name that a creation takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Name {
    /// What will have it.
    pub kind: Kind,
    /// The name.
    pub name: String,
}

/// Who has a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Holder {
    /// Nobody.
    Nobody,
    /// This cluster, by its tags: a creation goes on with it.
    Us,
    /// Anything else.
    Other,
}

/// The names of the generation that is there or being made, else of the next one. As `terraform/` has them.
#[must_use]
pub fn names(cluster: &Cluster) -> Vec<Name> {
    let coming = matches!(cluster.phase, Phase::Terminated | Phase::Terminating { .. });
    let of_cluster = cluster.id.eks_name(cluster.generation + u32::from(coming));
    let role = |part: &str| Name { kind: Kind::Role, name: format!("{of_cluster}-{part}") };
    let roles = ["cluster", "node", "autoscaler"].map(role);
    [Name { kind: Kind::Cluster, name: of_cluster.clone() }].into_iter().chain(roles).collect()
}

pub(super) fn findings(names: &[(Name, Fact<Holder>)]) -> Vec<Finding> {
    const ABOUT: &str = "name";
    let clash = |name: &Name| {
        let kind = match name.kind {
            Kind::Cluster => "an EKS cluster",
            Kind::Role => "an IAM role",
        };
        let what = format!(
            "there is {kind} '{}' that does not have this cluster's tags: the creation needs the name",
            name.name
        );
        finding(
            Severity::Certain,
            ABOUT,
            what,
            "Delete it if an earlier cluster has left it, or rename what it belongs to.",
        )
    };
    let taken = names.iter().filter(|(_, holder)| *holder == Ok(Holder::Other));
    let mut found: Vec<Finding> = taken.map(|(name, _)| clash(name)).collect();
    let unknown = names.iter().find_map(|(_, holder)| holder.as_ref().err());
    found.extend(unknown.map(|why| {
        unchecked(
            ABOUT,
            "whether all names of the next cluster are free",
            why,
            "cloudformation:GetResource or iam:GetRole",
        )
    }));
    found
}
