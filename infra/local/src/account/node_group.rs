//! How many nodes each group should have: the cluster autoscaler's rules, as one pure function.

use super::resources::Resources;
use k8s_openapi::api::core::v1::{Pod, Taint, Toleration};
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::time::Instant;

/// A node that ran no job for this long is given back. AWS's autoscaler waits minutes; a developer should see it.
pub(crate) const IDLE: Duration = Duration::from_secs(10);

/// A node group as the planner sees it.
#[derive(Debug, Clone)]
pub(crate) struct Group {
    /// Its name.
    pub name: String,
    /// The fewest nodes it keeps.
    pub min: usize,
    /// The most nodes it may have.
    pub max: usize,
    /// The labels of its nodes.
    pub labels: BTreeMap<String, String>,
    /// The taints of its nodes.
    pub taints: Vec<Taint>,
    /// What one of its nodes offers.
    pub room: Resources,
}

/// A node as the planner sees it.
#[derive(Debug, Clone)]
pub(crate) struct NodeUse {
    /// Its name.
    pub name: String,
    /// The group it belongs to.
    pub group: String,
    /// What the pods bound to it have requested.
    pub used: Resources,
    /// Since when it runs no job; `None` while it runs one.
    pub idle_since: Option<Instant>,
}

/// What a waiting pod asks of a node.
#[derive(Debug, Clone, Default)]
pub(crate) struct Demand {
    /// The sum of its containers' requests.
    pub requests: Resources,
    /// Labels that the node must have.
    pub selector: BTreeMap<String, String>,
    /// Taints that the pod stands.
    pub tolerations: Vec<Toleration>,
}

/// What to change now, and when time alone will make another change due.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Plan {
    /// The group of each node to add.
    pub add: Vec<String>,
    /// The nodes to remove. None of them runs a job.
    pub remove: Vec<String>,
    /// When the next idle node falls due.
    pub look_again: Option<Instant>,
}

/// A node that exists or is about to, with what is left on it.
struct Place<'a> {
    group: &'a Group,
    node: Option<&'a NodeUse>,
    free: Resources,
    reserved: bool,
}

/// Adds a node where a waiting pod fits no free room but would fit an empty node of a group below its maximum; keeps
/// every group at its minimum at least; removes nodes above it that have been idle for [`IDLE`].
pub(crate) fn plan_nodes(groups: &[Group], nodes: &[NodeUse], waiting: &[Demand], now: Instant) -> Plan {
    let mut places: Vec<Place<'_>> = nodes
        .iter()
        .filter_map(|node| {
            let group = groups.iter().find(|group| group.name == node.group)?;
            Some(Place { group, node: Some(node), free: group.room - node.used, reserved: false })
        })
        .collect();
    for group in groups {
        for _ in count(&places, group)..group.min {
            places.push(Place { group, node: None, free: group.room, reserved: false });
        }
    }
    for pod in waiting {
        // The scheduler takes a moment to see a new node. Until then its pods must not ask for yet another one.
        let found = places.iter().position(|place| place.group.accepts(pod) && pod.requests.fits(&place.free));
        let index = found.or_else(|| {
            let opens = |group: &&Group| {
                group.accepts(pod) && pod.requests.fits(&group.room) && count(&places, group) < group.max
            };
            let group = groups.iter().find(opens)?;
            places.push(Place { group, node: None, free: group.room, reserved: true });
            Some(places.len() - 1)
        });
        if let Some(place) = index.and_then(|index| places.get_mut(index)) {
            place.free = place.free - pod.requests;
            place.reserved = true;
        }
    }

    let mut plan = Plan::default();
    for group in groups {
        let mut left = count(&places, group);
        for place in places.iter().filter(|place| place.group.name == group.name).rev() {
            let Some(node) = place.node else {
                plan.add.push(group.name.clone());
                continue;
            };
            let Some(since) = node.idle_since.filter(|_| !place.reserved && left > group.min) else { continue };
            let due = if left > group.max { now } else { since + IDLE };
            if due <= now {
                plan.remove.push(node.name.clone());
                left -= 1;
            } else {
                plan.look_again = Some(plan.look_again.map_or(due, |earliest| earliest.min(due)));
            }
        }
    }
    plan
}

fn count(places: &[Place<'_>], group: &Group) -> usize {
    places.iter().filter(|place| place.group.name == group.name).count()
}

impl Group {
    fn accepts(&self, pod: &Demand) -> bool {
        let labelled = pod.selector.iter().all(|(key, value)| self.labels.get(key) == Some(value));
        let hard = self.taints.iter().filter(|taint| taint.effect != "PreferNoSchedule");
        labelled && hard.into_iter().all(|taint| pod.tolerations.iter().any(|toleration| tolerates(toleration, taint)))
    }
}

fn tolerates(toleration: &Toleration, taint: &Taint) -> bool {
    let key = toleration.key.as_deref().unwrap_or_default();
    let effect = toleration.effect.as_deref().unwrap_or_default();
    let any_value = toleration.operator.as_deref() == Some("Exists");
    let same_value = toleration.value.as_deref().unwrap_or_default() == taint.value.as_deref().unwrap_or_default();
    (effect.is_empty() || effect == taint.effect)
        && if key.is_empty() { any_value } else { key == taint.key && (any_value || same_value) }
}

impl Demand {
    /// What `pod` asks for. Required node affinity is not read: our own jobs select nodes by their labels.
    pub(crate) fn of(pod: &Pod) -> Self {
        let Some(spec) = &pod.spec else { return Self::default() };
        let mut requests = Resources { pods: 1, ..Resources::default() };
        for resources in spec.containers.iter().filter_map(|container| container.resources.as_ref()) {
            requests += resources.requests.as_ref().map(Resources::of_list).unwrap_or_default();
        }
        Self {
            requests,
            selector: spec.node_selector.clone().unwrap_or_default(),
            tolerations: spec.tolerations.clone().unwrap_or_default(),
        }
    }
}

/// Whether `pod` keeps its node: the cluster's own services and daemons do not.
pub(crate) fn is_job(pod: &Pod) -> bool {
    let daemon = pod.metadata.owner_references.iter().flatten().any(|owner| owner.kind == "DaemonSet");
    !daemon && pod.metadata.namespace.as_deref() != Some("kube-system")
}

/// Whether `pod` has come to its end.
pub(crate) fn is_finished(pod: &Pod) -> bool {
    let phase = pod.status.as_ref().and_then(|status| status.phase.as_deref());
    matches!(phase, Some("Succeeded" | "Failed"))
}

/// Whether the scheduler has tried `pod` and found no node for it.
pub(crate) fn is_unschedulable(pod: &Pod) -> bool {
    let conditions = pod.status.iter().flat_map(|status| status.conditions.iter().flatten());
    pod.metadata.deletion_timestamp.is_none()
        && conditions
            .into_iter()
            .any(|condition| condition.type_ == "PodScheduled" && condition.reason.as_deref() == Some("Unschedulable"))
}

#[cfg(test)]
#[path = "node_group_tests.rs"]
mod tests;
