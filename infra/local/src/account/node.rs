//! The Kubernetes object of a local node.
//!
//! Nobody watches for heartbeats: the node lifecycle controller does not run, because a local node cannot fail apart
//! from the cluster. It is Ready from its registration to its removal.

use super::instance_types::NodeType;
use k8s_openapi::api::core::v1::{Node, Pod, Taint};
use kube::api::{Api, DeleteParams, ListParams, Patch, PatchParams, PostParams};
use kube::{Client, Error, ResourceExt};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// What a node is registered with.
pub(crate) struct Registration<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its size.
    pub node_type: &'a NodeType,
    /// Its labels.
    pub labels: &'a BTreeMap<String, String>,
    /// Its taints.
    pub taints: &'a [Taint],
    /// Where the API server asks for logs.
    pub kubelet_port: u16,
}

impl Registration<'_> {
    /// Makes the node known to the cluster, ready for pods.
    pub(crate) async fn register(&self, client: &Client) -> Result<(), Error> {
        let nodes: Api<Node> = Api::all(client.clone());
        let node = serde_json::from_value(self.manifest()).map_err(Error::SerdeError)?;
        match nodes.create(&PostParams::default(), &node).await {
            Err(Error::Api(status)) if status.is_already_exists() => {}
            result => drop(result?),
        }
        // Admission marks each new node as not ready; that taint gives way to the group's own.
        let taints = json!({"spec": {"taints": self.taints}});
        nodes.patch(self.name, &PatchParams::default(), &Patch::Merge(taints)).await.map(drop)
    }

    fn manifest(&self) -> Value {
        let now = jiff::Timestamp::now();
        let mut labels = self.labels.clone();
        for (key, value) in [
            ("kubernetes.io/hostname", self.name),
            ("kubernetes.io/os", "linux"),
            ("kubernetes.io/arch", self.node_type.architecture),
            ("node.kubernetes.io/instance-type", &self.node_type.name),
        ] {
            labels.insert(key.to_owned(), value.to_owned());
        }
        json!({
            "apiVersion": "v1", "kind": "Node",
            "metadata": {"name": self.name, "labels": labels},
            "status": {
                "capacity": self.node_type.capacity.to_json(),
                "allocatable": self.node_type.allocatable.to_json(),
                "conditions": [{"type": "Ready", "status": "True", "reason": "KubeletReady",
                    "message": "local processes take pods", "lastHeartbeatTime": now, "lastTransitionTime": now}],
                "addresses": [{"type": "InternalIP", "address": "127.0.0.1"}],
                "daemonEndpoints": {"kubeletEndpoint": {"Port": self.kubelet_port}},
                "nodeInfo": {"architecture": self.node_type.architecture, "operatingSystem": "linux",
                    "containerRuntimeVersion": "process://1", "kubeletVersion": "v1.20.2", "osImage": "this machine",
                    "kubeProxyVersion": "", "kernelVersion": "", "bootID": "", "machineID": "", "systemUUID": ""},
            },
        })
    }
}

/// The pods bound to the node called `name`.
pub(crate) async fn pods(client: &Client, name: &str) -> Result<Vec<Pod>, Error> {
    let bound = ListParams::default().fields(&format!("spec.nodeName={name}"));
    Ok(Api::<Pod>::all(client.clone()).list(&bound).await?.items)
}

/// Opens or closes the node to the scheduler. One that is gone already needs no closing: whoever removed it may have been
/// killed before they could say so.
pub(crate) async fn cordon(client: &Client, name: &str, closed: bool) -> Result<(), Error> {
    let patch = Patch::Merge(json!({"spec": {"unschedulable": closed}}));
    found(Api::<Node>::all(client.clone()).patch(name, &PatchParams::default(), &patch).await)
}

/// Takes the node out of the cluster, with the given `pods` of it.
pub(crate) async fn remove(client: &Client, name: &str, pods: &[Pod]) -> Result<(), Error> {
    found(Api::<Node>::all(client.clone()).delete(name, &DeleteParams::default()).await)?;
    for pod in pods {
        let api: Api<Pod> = Api::namespaced(client.clone(), &pod.namespace().unwrap_or_default());
        found(api.delete(&pod.name_any(), &DeleteParams::default().grace_period(0)).await)?;
    }
    Ok(())
}

/// What is gone already needs no change.
fn found<T>(result: Result<T, Error>) -> Result<(), Error> {
    match result {
        Err(Error::Api(status)) if status.is_not_found() => Ok(()),
        result => result.map(drop),
    }
}
