//! What would go wrong with a cluster, told before it is created.
//!
//! Facts are gathered by asking AWS, each question on its own: what may not be asked, or takes too long, is a finding
//! that says so, never a failure. Findings refuse nothing. Even a certain one may concern only part of the work (GPU
//! nodes that cannot start do not stop CPU operators), and a quota may have been raised a minute later.

mod denial;
mod name;
mod principal;
pub mod quota;

use crate::diagnosis::Policy;
use crate::instance_type::InstanceType;
use crate::kubernetes;
use crate::options::{CapacityType, Nat};
use crate::region;
use crate::settings::Settings;
use quota::Quota;
use serde::{Deserialize, Serialize};

pub use denial::{Barrier, Denial};
pub use name::{Holder, Kind, Name, names};
pub use principal::{Principal, partition, principal, replaced};

/// How sure a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// It will go wrong unless something is changed.
    Certain,
    /// It will probably go wrong, or only later.
    Likely,
    /// Worth knowing.
    Info,
}

/// One thing to know before a creation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// How sure it is.
    pub severity: Severity,
    /// What was looked at: `permissions`, `quota`, `name`, `offer`, `image`, `version`, `credentials` or `region`.
    pub about: String,
    /// What was found.
    pub what: String,
    /// What to do about it; empty if there is nothing to do.
    pub remedy: String,
    /// A policy that allows what is missing, ready to paste.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<Policy>,
}

/// Why something is not known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotChecked {
    /// The credentials may not ask.
    Denied,
    /// AWS did not answer in time.
    TooSlow,
    /// The question makes no sense here, or AWS failed; in words.
    Because(String),
}

/// An answer, or why there is none.
pub type Fact<T> = Result<T, NotChecked>;

/// How much of a quota is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Usage {
    /// The quota.
    pub limit: u32,
    /// What counts against it now.
    pub used: u32,
}

/// What was asked about the nodes of a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeFacts {
    /// The type, or the first of several.
    pub instance_type: InstanceType,
    /// Those of the group's types that are not sold in the region.
    pub unsold: Fact<Vec<InstanceType>>,
    /// How many virtual CPUs may run at once in its family's quota.
    pub cpu_limit: Fact<u32>,
}

/// All that was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// Who the credentials belong to.
    pub principal: Principal,
    /// What they lack.
    pub denials: Fact<Vec<Denial>>,
    /// Who has the names that the creation would take.
    pub names: Vec<(Name, Fact<Holder>)>,
    /// Networks.
    pub vpcs: Fact<Usage>,
    /// Public addresses.
    pub addresses: Fact<Usage>,
    /// The CPU group.
    pub cpu: NodeFacts,
    /// The GPU group.
    pub gpu: NodeFacts,
    /// The newest version of Kubernetes in standard support, such as `1.34`, which the creation takes.
    pub version: Fact<Option<String>>,
}

/// What to tell about a cluster of these settings in this region, the surest first.
#[must_use]
pub fn findings(facts: &Facts, settings: &Settings, region: &str) -> Vec<Finding> {
    let mut found = vec![];
    found.extend(of_principal(&facts.principal));
    found.extend(of_region(region));
    found.extend(denial::findings(&facts.denials));
    found.extend(name::findings(&facts.names));
    found.extend(of_usage(&facts.vpcs, quota::VPCS, "cluster's network"));
    if settings.options.nat == Nat::Single {
        found.extend(of_usage(&facts.addresses, quota::ADDRESSES, "NAT gateway's address"));
    }
    let spot = settings.options.capacity_type == CapacityType::Spot;
    let cpu = Group {
        setting: "cpu_node_type",
        name: "CPU",
        first: settings.min_cpu_node.max(1),
        most: settings.max_cpu_node,
    };
    let gpu =
        Group { setting: "gpu_node_type", name: "GPU", first: settings.min_gpu_node, most: settings.max_gpu_node };
    for (group, nodes) in [(cpu, &facts.cpu), (gpu, &facts.gpu)] {
        found.extend(of_offer(&group, nodes, region));
        found.extend(of_cpus(&group, nodes, spot));
    }
    found.extend(of_version(&facts.version, region));
    let notes = settings.notes().into_iter();
    found.extend(notes.map(|note| finding(Severity::Info, "image", note, "")));
    found.sort_by_key(|finding| finding.severity);
    found
}

struct Group {
    setting: &'static str,
    name: &'static str,
    first: u32,
    most: u32,
}

impl Group {
    /// What a cluster is like without nodes of this group: `terraform/groups.tf` leaves out what need not be there at
    /// first. Without CPU nodes there is none.
    fn without(&self) -> &'static str {
        if self.first == 0 {
            ": the cluster has no GPU nodes then, and an operator that needs one would wait in vain"
        } else {
            ": the creation fails"
        }
    }
}

fn finding(severity: Severity, about: &str, what: impl Into<String>, remedy: impl Into<String>) -> Finding {
    Finding { severity, about: about.to_owned(), what: what.into(), remedy: remedy.into(), policy: None }
}

/// A question that was not answered, and what to allow so that it is.
fn unchecked(about: &str, question: &str, why: &NotChecked, permissions: &str) -> Finding {
    match why {
        NotChecked::Denied => finding(
            Severity::Info,
            about,
            format!("not checked: {question}, since permission {permissions} is missing"),
            format!("To have it checked, allow {permissions} (see infra/policies/run.json)."),
        ),
        NotChecked::TooSlow => finding(
            Severity::Info,
            about,
            format!("not checked: {question}, since AWS did not answer in time"),
            "Ask for the preflight again.",
        ),
        NotChecked::Because(why) => finding(Severity::Info, about, format!("not checked: {question}, since {why}"), ""),
    }
}

fn of_principal(principal: &Principal) -> Option<Finding> {
    (*principal == Principal::Root).then(|| {
        finding(
            Severity::Info,
            "credentials",
            "these are the root user's keys: they may do everything, and cannot be limited",
            "Register a user or a role with the policies of infra/policies instead.",
        )
    })
}

/// AWS has answered there, so it exists; but then nothing here is made for it.
fn of_region(region: &str) -> Option<Finding> {
    (!region::is_known(region)).then(|| {
        finding(
            Severity::Info,
            "region",
            format!("'{region}' is none of the regions known in {}", region::AS_OF),
            "If it is newer, all is well. If it is a slip, register the account for the right region.",
        )
    })
}

fn of_version(version: &Fact<Option<String>>, region: &str) -> Option<Finding> {
    let tried = kubernetes::MINORS.end();
    match version {
        Ok(Some(version)) if kubernetes::minor(version).is_none_or(|minor| minor > *tried) => Some(finding(
            Severity::Info,
            "version",
            format!(
                "the cluster is created with Kubernetes {version}; the newest cluster autoscaler of this release is of 1.{tried}"
            ),
            "Neighboring versions get on with each other. A newer release of ondemand-eks may have the autoscaler of this one.",
        )),
        Ok(Some(_)) => None,
        Ok(None) => Some(finding(
            Severity::Likely,
            "version",
            format!("EKS has no version of Kubernetes in standard support in {region}, so it chooses one itself"),
            "Extended support costs more per hour: compare the cluster's version with those that EKS lists.",
        )),
        Err(why) => {
            let question = format!("which version of Kubernetes is in standard support in {region}");
            Some(unchecked("version", &question, why, "eks:DescribeClusterVersions"))
        }
    }
}

fn of_usage(usage: &Fact<Usage>, quota: Quota, for_what: &str) -> Option<Finding> {
    const PERMISSIONS: &str = "servicequotas:GetServiceQuota or cloudformation:ListResources";
    match usage {
        Ok(Usage { limit, used }) if used >= limit => Some(finding(
            Severity::Certain,
            "quota",
            format!("all {limit} of the quota '{}' are used: there is no room for the {for_what}", quota.name),
            raise(quota),
        )),
        Ok(_) => None,
        Err(why) => Some(unchecked("quota", &format!("whether the quota '{}' has room", quota.name), why, PERMISSIONS)),
    }
}

fn raise(quota: Quota) -> String {
    format!("Ask AWS to raise the quota '{}' ({}, {}), or free what uses it up.", quota.name, quota.service, quota.code)
}

fn of_offer(group: &Group, nodes: &NodeFacts, region: &str) -> Vec<Finding> {
    let setting = group.setting;
    match &nodes.unsold {
        Ok(unsold) => {
            let told = |instance_type: &InstanceType| {
                finding(
                    Severity::Certain,
                    "offer",
                    format!("{setting} {instance_type} is not sold in {region}{}", group.without()),
                    format!("Choose another {setting} for {region}, or register the account for another region."),
                )
            };
            unsold.iter().map(told).collect()
        }
        Err(why) => {
            let question = format!("whether {} is sold in {region}", nodes.instance_type);
            vec![unchecked("offer", &question, why, "pricing:GetProducts")]
        }
    }
}

/// Whether a group's nodes fit the quota of their family, whatever else runs in the account.
fn of_cpus(group: &Group, nodes: &NodeFacts, spot: bool) -> Option<Finding> {
    let chosen = &nodes.instance_type;
    let limit = match &nodes.cpu_limit {
        Ok(limit) => *limit,
        Err(why) => {
            let question = format!("whether the quota of {chosen}'s family has room");
            return Some(unchecked("quota", &question, why, "servicequotas:GetServiceQuota"));
        }
    };
    let quota = quota::of_nodes(chosen, spot)?;
    let Some(capacity) = chosen.capacity() else {
        let why = NotChecked::Because(format!("the size of {chosen} is not known here"));
        return Some(unchecked("quota", &format!("whether the quota '{}' has room", quota.name), &why, ""));
    };
    let fit = limit / capacity.cpus.max(1);
    let (severity, what) = if fit == 0 {
        (Severity::Certain, format!("no {} node can start", group.name))
    } else if fit < group.first {
        (Severity::Certain, format!("at most {fit} of the {} nodes that are to start at first can", group.first))
    } else if fit < group.most {
        (Severity::Likely, format!("at most {fit} of up to {} {} nodes can start", group.most, group.name))
    } else {
        return None;
    };
    let numbers = format!(
        "the quota '{}' allows {limit} virtual CPUs at once, and one {chosen} has {}: {what}",
        quota.name, capacity.cpus
    );
    Some(finding(severity, "quota", numbers, raise(quota)))
}

#[cfg(test)]
mod tests;
