//! Whether a cluster can take Jobs, once its add-ons are applied.
//!
//! A Job's pod needs a node: one that is Ready now, or an autoscaler that can bring one. Nothing else is waited for.
//! The device plugin starts with the first GPU node and says itself when that node has GPUs; the autoscaler matters at
//! once only where there is no node, and elsewhere has the time that a Job gives it; CoreDNS was waited for by
//! Terraform.

use crate::manifest::NODE_GROUP;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::Node;

/// What the cluster still lacks, in words; none if it can take Jobs.
pub(crate) fn lacking(nodes: &[Node], autoscaler: Option<&Deployment>) -> Option<String> {
    let of_group = nodes.iter().filter(|node| group(node) == Some("cpu"));
    let ready = of_group.clone().filter(|node| is_ready(node)).count();
    if ready > 0 {
        return None;
    }
    let available = autoscaler.and_then(|deployment| deployment.status.as_ref()?.available_replicas).unwrap_or(0);
    if available > 0 {
        return None;
    }
    let there = of_group.count();
    Some(format!(
        "no node of the CPU group is ready ({there} there), and the cluster autoscaler, which would bring one, does not run yet"
    ))
}

fn group(node: &Node) -> Option<&str> {
    node.metadata.labels.as_ref()?.get(NODE_GROUP).map(String::as_str)
}

/// Ready, and open to new pods.
fn is_ready(node: &Node) -> bool {
    let closed = node.spec.as_ref().and_then(|spec| spec.unschedulable).unwrap_or(false);
    let conditions = node.status.as_ref().and_then(|status| status.conditions.as_ref());
    let ready = conditions.into_iter().flatten().any(|c| c.type_ == "Ready" && c.status == "True");
    ready && !closed
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn node(group: &str, ready: &str, unschedulable: bool) -> Node {
        serde_json::from_value(json!({
            "metadata": {"name": "n", "labels": {NODE_GROUP: group}},
            "spec": {"unschedulable": unschedulable},
            "status": {"conditions": [
                {"type": "MemoryPressure", "status": "False"},
                {"type": "Ready", "status": ready},
            ]},
        }))
        .expect("a node")
    }

    fn autoscaler(available: i32) -> Deployment {
        serde_json::from_value(json!({
            "metadata": {"name": "cluster-autoscaler"},
            "spec": {"selector": {}, "template": {}},
            "status": {"availableReplicas": available},
        }))
        .expect("a deployment")
    }

    #[test]
    fn a_ready_cpu_node_is_enough() {
        assert_eq!(lacking(&[node("cpu", "False", false), node("cpu", "True", false)], None), None);
    }

    #[test]
    fn without_a_node_a_running_autoscaler_is_enough() {
        assert_eq!(lacking(&[], Some(&autoscaler(1))), None);
    }

    #[test]
    fn what_cannot_take_a_job_is_told_in_words() {
        let useless = [node("cpu", "Unknown", false), node("cpu", "True", true), node("gpu", "True", false)];
        for autoscaler in [None, Some(autoscaler(0))] {
            let told = lacking(&useless, autoscaler.as_ref()).expect("not ready");
            assert!(told.contains("no node of the CPU group is ready (2 there)"), "{told}");
        }
    }
}
