//! What a cluster needs before it can take Jobs: our namespace and its limits, the cluster autoscaler, NVIDIA's device
//! plugin.
//!
//! They are applied from here and not by Terraform, whose state would then hold objects that only a living cluster can
//! delete: a frequent reason for a destroy that fails.

use crate::manifest::{GPU, NAMESPACE, NODE_GROUP, SAFE_TO_EVICT};
use domain::kubernetes;
use kube::core::{ApiResource, GroupVersionKind};
use runtime::ports::EksCluster;
use serde_json::{Value, json};

pub(crate) const AUTOSCALER: &str = "cluster-autoscaler";
const DEVICE_PLUGIN: &str = "nvidia-device-plugin";
const DEVICE_PLUGIN_IMAGE: &str = "nvcr.io/nvidia/k8s-device-plugin:v0.17.4";
pub(crate) const SYSTEM: &str = "kube-system";

/// All add-ons, in the order in which they are to be applied.
pub(crate) fn manifests(cluster: &EksCluster) -> Vec<Value> {
    vec![
        json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": NAMESPACE } }),
        // Kubernetes makes it too, but a moment later, and until then refuses every pod. Operators get no token.
        json!({
            "apiVersion": "v1",
            "kind": "ServiceAccount",
            "metadata": { "name": "default", "namespace": NAMESPACE },
            "automountServiceAccountToken": false,
        }),
        limits(),
        // Terraform associates this account with the role that may scale the node groups.
        json!({
            "apiVersion": "v1",
            "kind": "ServiceAccount",
            "metadata": { "name": AUTOSCALER, "namespace": SYSTEM },
        }),
        autoscaler_cluster_role(),
        autoscaler_role(),
        binding("ClusterRole", None),
        binding("Role", Some(SYSTEM)),
        autoscaler(cluster),
        device_plugin(),
    ]
}

/// What a pod in our namespace gets that asks for nothing. Operators' pods say all of it themselves; whatever else
/// somebody starts beside them is to leave them their node's memory.
fn limits() -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "LimitRange",
        "metadata": { "name": "unless-said", "namespace": NAMESPACE },
        "spec": {
            "limits": [{
                "type": "Container",
                "defaultRequest": { "cpu": "100m", "memory": "256Mi" },
                "default": { "memory": "512Mi" },
            }],
        },
    })
}

/// A manifest in two words, such as `Deployment cluster-autoscaler`.
pub(crate) fn describe(manifest: &Value) -> String {
    format!("{} {}", word(&manifest["kind"]), word(&manifest["metadata"]["name"]))
}

/// What a manifest is one of, such as `apps/v1 deployments`.
pub(crate) fn resource(manifest: &Value) -> ApiResource {
    let api_version = word(&manifest["apiVersion"]);
    let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
    ApiResource::from_gvk(&GroupVersionKind::gvk(group, version, word(&manifest["kind"])))
}

fn word(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn autoscaler(cluster: &EksCluster) -> Value {
    let name = &cluster.name;
    let labels = json!({ "app": AUTOSCALER });
    json!({
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": { "name": AUTOSCALER, "namespace": SYSTEM, "labels": labels },
        "spec": {
            "replicas": 1,
            "selector": { "matchLabels": labels },
            "template": {
                // It must not remove its own node: nobody would be left to bring one back.
                "metadata": { "labels": labels, "annotations": { SAFE_TO_EVICT: "false" } },
                "spec": {
                    "serviceAccountName": AUTOSCALER,
                    "priorityClassName": "system-cluster-critical",
                    "nodeSelector": { NODE_GROUP: "cpu" },
                    "securityContext": {
                        "runAsNonRoot": true,
                        "runAsUser": 65534,
                        "fsGroup": 65534,
                        "seccompProfile": { "type": "RuntimeDefault" },
                    },
                    "containers": [{
                        "name": AUTOSCALER,
                        "image": autoscaler_image(&cluster.version),
                        "command": [
                            "./cluster-autoscaler",
                            "--cloud-provider=aws",
                            format!(
                                "--node-group-auto-discovery=asg:tag=k8s.io/cluster-autoscaler/enabled,\
                                 k8s.io/cluster-autoscaler/{name}"
                            ),
                            // Nodes are paid for by the second, and a Job's pod is never moved: give back early.
                            "--scale-down-unneeded-time=2m",
                            "--scale-down-delay-after-add=2m",
                            "--skip-nodes-with-system-pods=false",
                            "--skip-nodes-with-local-storage=false",
                            "--stderrthreshold=info",
                            "--v=2",
                        ],
                        "env": [{ "name": "AWS_REGION", "value": cluster.region }],
                        "resources": {
                            "requests": { "cpu": "100m", "memory": "300Mi" },
                            "limits": { "memory": "600Mi" },
                        },
                        "securityContext": {
                            "allowPrivilegeEscalation": false,
                            "readOnlyRootFilesystem": true,
                            "capabilities": { "drop": ["ALL"] },
                        },
                    }],
                },
            },
        },
    })
}

/// The autoscaler serves the minor version with which it is released. A cluster newer than our newest gets our newest:
/// neighbors get on with each other.
fn autoscaler_image(version: &str) -> String {
    let (oldest, newest) = kubernetes::MINORS.into_inner();
    let minor = kubernetes::minor(version).unwrap_or(newest).clamp(oldest, newest);
    format!("registry.k8s.io/autoscaling/cluster-autoscaler:v1.{minor}.0")
}

/// It looks at everything that a pod's place depends on, and moves pods off the nodes that it gives back.
fn autoscaler_cluster_role() -> Value {
    let look = ["get", "list", "watch"];
    json!({
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRole",
        "metadata": { "name": AUTOSCALER },
        "rules": [
            { "apiGroups": [""], "resources": ["events"], "verbs": ["create", "patch"] },
            { "apiGroups": [""], "resources": ["pods/eviction"], "verbs": ["create"] },
            { "apiGroups": [""], "resources": ["pods/status"], "verbs": ["update"] },
            { "apiGroups": [""], "resources": ["nodes"], "verbs": ["get", "list", "watch", "update", "patch", "delete"] },
            {
                "apiGroups": [""],
                "resources": [
                    "namespaces",
                    "persistentvolumeclaims",
                    "persistentvolumes",
                    "pods",
                    "replicationcontrollers",
                    "services",
                ],
                "verbs": look,
            },
            { "apiGroups": ["apps"], "resources": ["daemonsets", "replicasets", "statefulsets"], "verbs": look },
            { "apiGroups": ["batch"], "resources": ["cronjobs", "jobs"], "verbs": look },
            { "apiGroups": ["policy"], "resources": ["poddisruptionbudgets"], "verbs": look },
            {
                "apiGroups": ["storage.k8s.io"],
                "resources": ["csidrivers", "csinodes", "csistoragecapacities", "storageclasses", "volumeattachments"],
                "verbs": look,
            },
            {
                "apiGroups": ["resource.k8s.io"],
                "resources": ["deviceclasses", "resourceclaims", "resourceslices"],
                "verbs": look,
            },
        ],
    })
}

/// In its own namespace it elects a leader and publishes its status.
fn autoscaler_role() -> Value {
    json!({
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "Role",
        "metadata": { "name": AUTOSCALER, "namespace": SYSTEM },
        "rules": [
            { "apiGroups": [""], "resources": ["configmaps"], "verbs": ["create", "list", "watch"] },
            {
                "apiGroups": [""],
                "resources": ["configmaps"],
                "resourceNames": ["cluster-autoscaler-status", "cluster-autoscaler-priority-expander"],
                "verbs": ["get", "update", "delete"],
            },
            { "apiGroups": ["coordination.k8s.io"], "resources": ["leases"], "verbs": ["create"] },
            {
                "apiGroups": ["coordination.k8s.io"],
                "resources": ["leases"],
                "resourceNames": [AUTOSCALER],
                "verbs": ["get", "update"],
            },
        ],
    })
}

fn binding(role: &str, namespace: Option<&str>) -> Value {
    let mut binding = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": format!("{role}Binding"),
        "metadata": { "name": AUTOSCALER },
        "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": role, "name": AUTOSCALER },
        "subjects": [{ "kind": "ServiceAccount", "name": AUTOSCALER, "namespace": SYSTEM }],
    });
    if let Some(namespace) = namespace {
        binding["metadata"]["namespace"] = json!(namespace);
    }
    binding
}

/// Tells Kubernetes how many GPUs a node has. The driver and the container toolkit are in the node's image.
fn device_plugin() -> Value {
    let labels = json!({ "app": DEVICE_PLUGIN });
    let socket = "/var/lib/kubelet/device-plugins";
    json!({
        "apiVersion": "apps/v1",
        "kind": "DaemonSet",
        "metadata": { "name": DEVICE_PLUGIN, "namespace": SYSTEM, "labels": labels },
        "spec": {
            "selector": { "matchLabels": labels },
            "updateStrategy": { "type": "RollingUpdate" },
            "template": {
                "metadata": { "labels": labels },
                "spec": {
                    "priorityClassName": "system-node-critical",
                    "nodeSelector": { NODE_GROUP: "gpu" },
                    "tolerations": [{ "key": GPU, "operator": "Exists", "effect": "NoSchedule" }],
                    "automountServiceAccountToken": false,
                    "containers": [{
                        "name": DEVICE_PLUGIN,
                        "image": DEVICE_PLUGIN_IMAGE,
                        "env": [{ "name": "FAIL_ON_INIT_ERROR", "value": "false" }],
                        "securityContext": { "allowPrivilegeEscalation": false, "capabilities": { "drop": ["ALL"] } },
                        "volumeMounts": [{ "name": "device-plugins", "mountPath": socket }],
                    }],
                    "volumes": [{ "name": "device-plugins", "hostPath": { "path": socket } }],
                },
            },
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use k8s_openapi::api::apps::v1::{DaemonSet, Deployment};
    use k8s_openapi::api::core::v1::LimitRange;
    use k8s_openapi::api::rbac::v1::{ClusterRole, ClusterRoleBinding, Role, RoleBinding};
    use serde::{Serialize, de::DeserializeOwned};

    fn cluster(version: &str) -> EksCluster {
        EksCluster {
            name: "ondemand-1f1e0abd-g2".to_owned(),
            region: "eu-west-1".to_owned(),
            endpoint: String::new(),
            certificate_authority: String::new(),
            version: version.to_owned(),
            status: "ACTIVE".to_owned(),
        }
    }

    fn unchanged_by<T: Serialize + DeserializeOwned>(manifest: &Value) -> bool {
        let typed: T = serde_json::from_value(manifest.clone()).expect("typed");
        serde_json::to_value(typed).expect("JSON") == *manifest
    }

    #[test]
    fn the_autoscaler_is_that_of_the_clusters_version() {
        assert!(autoscaler_image("1.34").ends_with(":v1.34.0"));
        assert!(autoscaler_image("1.99").ends_with(":v1.36.0"));
        assert!(autoscaler_image("1.20").ends_with(":v1.20.0"));
    }

    #[test]
    fn the_autoscaler_finds_the_groups_of_this_cluster_only() {
        let found = autoscaler(&cluster("1.34"));
        let command = found["spec"]["template"]["spec"]["containers"][0]["command"].to_string();
        let discovery = "asg:tag=k8s.io/cluster-autoscaler/enabled,k8s.io/cluster-autoscaler/ondemand-1f1e0abd-g2\"";
        assert!(command.contains(discovery), "{command}");
    }

    #[test]
    fn the_namespace_comes_first_and_roles_before_their_bindings() {
        let order: Vec<_> = manifests(&cluster("1.34")).iter().map(describe).collect();
        assert_eq!(order[0], "Namespace ondemand-eks");
        assert!(order.contains(&"LimitRange unless-said".to_owned()), "{order:?}");
        let at = |what: &str| order.iter().position(|found| found == what);
        assert!(at("ClusterRole cluster-autoscaler") < at("ClusterRoleBinding cluster-autoscaler"));
        assert!(at("Role cluster-autoscaler") < at("RoleBinding cluster-autoscaler"));
        assert!(at("ServiceAccount cluster-autoscaler") < at("Deployment cluster-autoscaler"));
    }

    #[test]
    fn a_manifest_tells_where_it_goes() {
        let resource = resource(&autoscaler_cluster_role());
        assert_eq!((resource.group.as_str(), resource.plural.as_str()), ("rbac.authorization.k8s.io", "clusterroles"));
        let namespace = super::resource(&manifests(&cluster("1.34"))[0]);
        assert_eq!((namespace.api_version.as_str(), namespace.plural.as_str()), ("v1", "namespaces"));
    }

    #[test]
    fn every_field_of_every_manifest_is_known_to_kubernetes() {
        assert!(unchanged_by::<LimitRange>(&limits()));
        assert!(unchanged_by::<Deployment>(&autoscaler(&cluster("1.34"))));
        assert!(unchanged_by::<DaemonSet>(&device_plugin()));
        assert!(unchanged_by::<ClusterRole>(&autoscaler_cluster_role()));
        assert!(unchanged_by::<Role>(&autoscaler_role()));
        assert!(unchanged_by::<ClusterRoleBinding>(&binding("ClusterRole", None)));
        assert!(unchanged_by::<RoleBinding>(&binding("Role", Some(SYSTEM))));
    }
}
