//! An operator's Job and the Secret with its token.

use base64::prelude::{BASE64_STANDARD, Engine};
use domain::{OperatorId, RunId};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use runtime::ports::JobSpec;
use serde_json::{Value, json};

/// Where all our Jobs are.
pub(crate) const NAMESPACE: &str = "ondemand-eks";
/// The label that tells CPU from GPU nodes.
pub(crate) const NODE_GROUP: &str = "ondemand-eks/node-group";
/// The resource that NVIDIA's device plugin offers, and the taint that keeps others off GPU nodes.
pub(crate) const GPU: &str = "nvidia.com/gpu";
/// The autoscaler neither moves nor ends a pod with this annotation set to "false".
pub(crate) const SAFE_TO_EVICT: &str = "cluster-autoscaler.kubernetes.io/safe-to-evict";

/// The labels of a Job, its pod and its Secret.
pub(crate) const RUN: &str = "ondemand-eks/run";
pub(crate) const OPERATOR: &str = "ondemand-eks/operator";
pub(crate) const ATTEMPT: &str = "ondemand-eks/attempt";

/// Packages that were installed stay on the node, where the next operator finds them.
const CACHE: &str = "/var/cache/ondemand-eks";
/// A Job that has ended can be looked at for so long; then it goes, with its pod and its Secret.
const KEPT_SECONDS: u32 = 3600;

/// The name of the Job and of its Secret.
pub(crate) fn name(spec: &JobSpec) -> String {
    name_of(spec.run, spec.operator, spec.attempt)
}

/// The name of an attempt's Job. It tells run, operator and attempt, so that the same Job cannot be created twice; with
/// the longest attempt it has the 63 characters that Kubernetes allows.
pub(crate) fn name_of(run: RunId, operator: OperatorId, attempt: u32) -> String {
    let run = run.0.simple().to_string();
    format!("op-{}-{}-{attempt}", &run[..16], operator.0.simple())
}

/// Selects everything of a run.
pub(crate) fn selector(run: RunId) -> String {
    format!("{RUN}={run}")
}

/// The Secret with the Job's token, owned by the Job as soon as there is one.
pub(crate) fn secret(spec: &JobSpec, owner: Option<&OwnerReference>) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {
            "name": name(spec),
            "namespace": NAMESPACE,
            "labels": labels(spec),
            "ownerReferences": Vec::from_iter(owner),
        },
        "data": { "token": BASE64_STANDARD.encode(spec.token.expose()) },
    })
}

/// The Job. It runs its pod once: what is tried again, and when, is decided by the run.
pub(crate) fn job(spec: &JobSpec) -> Value {
    let mut job = json!({
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            "name": name(spec),
            "namespace": NAMESPACE,
            "labels": labels(spec),
            "annotations": { "ondemand-eks/operator-name": spec.operator_name },
        },
        "spec": {
            "backoffLimit": 0,
            "ttlSecondsAfterFinished": KEPT_SECONDS,
            "template": {
                "metadata": {
                    "labels": labels(spec),
                    "annotations": { "ondemand-eks/operator-name": spec.operator_name, SAFE_TO_EVICT: "false" },
                },
                "spec": pod(spec),
            },
        },
    });
    if let Some(seconds) = spec.deadline_seconds {
        job["spec"]["activeDeadlineSeconds"] = json!(seconds);
    }
    job
}

fn pod(spec: &JobSpec) -> Value {
    let (group, tolerations) = match spec.gpus {
        0 => ("cpu", json!([])),
        _ => ("gpu", json!([{ "key": GPU, "operator": "Exists", "effect": "NoSchedule" }])),
    };
    json!({
        "restartPolicy": "Never",
        "nodeSelector": { NODE_GROUP: group },
        "tolerations": tolerations,
        // A user's function is to have no rights in the cluster.
        "automountServiceAccountToken": false,
        "enableServiceLinks": false,
        "containers": [{
            "name": "operator",
            "image": spec.image,
            "command": spec.command,
            "env": environment(spec),
            "resources": resources(spec),
            // The image's user is root, which may install packages; it is to gain nothing beyond that.
            "securityContext": {
                "allowPrivilegeEscalation": false,
                "capabilities": { "drop": ["ALL"] },
                "seccompProfile": { "type": "RuntimeDefault" },
            },
            // If the runner dies without a report, its last words are in the pod's status.
            "terminationMessagePolicy": "FallbackToLogsOnError",
            "volumeMounts": [{ "name": "cache", "mountPath": CACHE }],
        }],
        "volumes": [{ "name": "cache", "hostPath": { "path": CACHE, "type": "DirectoryOrCreate" } }],
    })
}

fn environment(spec: &JobSpec) -> Vec<Value> {
    let mut environment = vec![
        json!({ "name": "ONDEMAND_API_URL", "value": spec.api_url }),
        json!({
            "name": "ONDEMAND_JOB_TOKEN",
            "valueFrom": { "secretKeyRef": { "name": name(spec), "key": "token", "optional": false } },
        }),
        json!({ "name": "ONDEMAND_CACHE_DIR", "value": CACHE }),
        // With these the runner says where it runs, so that a lost node or a second pod is known for what it is.
        json!({ "name": "ONDEMAND_POD", "valueFrom": { "fieldRef": { "fieldPath": "metadata.uid" } } }),
        json!({ "name": "ONDEMAND_NODE", "valueFrom": { "fieldRef": { "fieldPath": "spec.nodeName" } } }),
    ];
    if spec.gpus > 0 {
        // Which GPUs are visible is the device plugin's to say: "all" would show those of other pods too.
        environment.push(json!({ "name": "NVIDIA_DRIVER_CAPABILITIES", "value": "compute,utility" }));
    }
    environment
}

/// CPU may be borrowed while nobody else needs it. Memory cannot be given back, so its limit is what was requested.
fn resources(spec: &JobSpec) -> Value {
    let memory = format!("{}Mi", spec.memory_mib);
    let mut requests = json!({ "cpu": spec.cpus.to_string(), "memory": memory });
    let mut limits = json!({ "memory": memory });
    if spec.gpus > 0 {
        requests[GPU] = json!(spec.gpus.to_string());
        limits[GPU] = json!(spec.gpus.to_string());
    }
    json!({ "requests": requests, "limits": limits })
}

fn labels(spec: &JobSpec) -> Value {
    json!({
        RUN: spec.run.to_string(),
        OPERATOR: spec.operator.to_string(),
        ATTEMPT: spec.attempt.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::Secret;
    use k8s_openapi::api::batch::v1::Job;

    fn spec(gpus: u32) -> JobSpec {
        JobSpec {
            run: "1f1e0abd-8606-44de-a946-363d97fa8b84".parse().expect("an id"),
            operator: "0c9d7a52-51c7-4b3d-8c1e-6f0d4b9f7a11".parse().expect("an id"),
            operator_name: "predict".to_owned(),
            attempt: 2,
            image: "public.ecr.aws/docker/library/python:3.11-slim".to_owned(),
            command: vec!["python3".to_owned(), "-c".to_owned(), "pass".to_owned()],
            api_url: "https://api".to_owned(),
            token: Secret::new("hush"),
            cpus: 2,
            memory_mib: 4096,
            gpus,
            deadline_seconds: Some(7200),
        }
    }

    #[test]
    fn names_are_unique_for_run_operator_and_attempt_and_never_too_long() {
        let mut spec = spec(0);
        assert_eq!(name(&spec), "op-1f1e0abd860644de-0c9d7a5251c74b3d8c1e6f0d4b9f7a11-2");
        spec.attempt = u32::MAX;
        assert_eq!(name(&spec).len(), 63);
    }

    #[test]
    fn a_cpu_operator_is_kept_off_gpu_nodes() {
        let pod = pod(&spec(0));
        assert_eq!(pod["nodeSelector"], json!({ "ondemand-eks/node-group": "cpu" }));
        assert_eq!(pod["tolerations"], json!([]));
        let expected = json!({ "requests": { "cpu": "2", "memory": "4096Mi" }, "limits": { "memory": "4096Mi" } });
        assert_eq!(pod["containers"][0]["resources"], expected);
    }

    #[test]
    fn a_gpu_operator_goes_to_gpu_nodes_and_sees_only_its_own() {
        let pod = pod(&spec(1));
        assert_eq!(pod["nodeSelector"], json!({ "ondemand-eks/node-group": "gpu" }));
        assert_eq!(pod["tolerations"][0]["key"], "nvidia.com/gpu");
        assert_eq!(pod["containers"][0]["resources"]["limits"]["nvidia.com/gpu"], "1");
        assert!(!pod.to_string().contains("NVIDIA_VISIBLE_DEVICES"));
    }

    #[test]
    fn a_job_never_restarts_is_not_evicted_and_holds_no_secret() {
        let job = job(&spec(0));
        assert_eq!(job["spec"]["backoffLimit"], 0);
        assert_eq!(job["spec"]["activeDeadlineSeconds"], 7200);
        let no_deadline = JobSpec { deadline_seconds: None, ..spec(0) };
        assert!(super::job(&no_deadline)["spec"].get("activeDeadlineSeconds").is_none());
        assert_eq!(job["spec"]["template"]["spec"]["restartPolicy"], "Never");
        assert_eq!(job["spec"]["template"]["spec"]["automountServiceAccountToken"], false);
        let annotations = &job["spec"]["template"]["metadata"]["annotations"];
        assert_eq!(annotations["cluster-autoscaler.kubernetes.io/safe-to-evict"], "false");
        assert_eq!(job["metadata"]["labels"], job["spec"]["template"]["metadata"]["labels"]);
        assert!(!job.to_string().contains("hush"));
    }

    #[test]
    fn every_field_of_a_job_is_known_to_kubernetes() {
        let written = job(&spec(1));
        let typed: Job = serde_json::from_value(written.clone()).expect("a Job");
        let mut read = serde_json::to_value(typed).expect("JSON");
        // Empty lists are not written out again.
        read["spec"]["template"]["spec"]["tolerations"] = written["spec"]["template"]["spec"]["tolerations"].clone();
        assert_eq!(read, written);
    }

    #[test]
    fn a_secret_belongs_to_its_job_once_there_is_one() {
        let owner = OwnerReference { name: "op".to_owned(), uid: "u1".to_owned(), ..OwnerReference::default() };
        assert_eq!(secret(&spec(0), None)["metadata"]["ownerReferences"], json!([]));
        let secret = secret(&spec(0), Some(&owner));
        assert_eq!(secret["metadata"]["ownerReferences"][0]["uid"], "u1");
        assert_eq!(secret["data"]["token"], "aHVzaA==");
    }
}
