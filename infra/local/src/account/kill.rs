//! Sudden ends: of a pod's process, of a node with all that it carries, of the account's credentials.
//!
//! ```text
//! POST /kill {"what": "pod" | "node" | "pod_object" | "job", "labels": {"ondemand-eks/run": "…"}}
//! ```
//!
//! answers with the name of what was killed, 404 if no running pod has these labels. While there is a file
//! `credentials-expired` in the account's folder, no token is accepted.

use super::fleet::Fleet;
use super::node;
use jiff::Timestamp;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;
use kube::api::{Api, DeleteParams, Patch, PatchParams};
use serde::Deserialize;
use serde_json::json;
use std::collections::BTreeMap;

/// The file whose presence says that the credentials of all users have expired.
pub(crate) const EXPIRED: &str = "credentials-expired";

/// Whom to kill.
#[derive(Debug, Deserialize)]
pub(crate) struct Order {
    /// The pod's process, or its node.
    pub what: Victim,
    /// The labels that the pod has, and maybe others.
    pub labels: BTreeMap<String, String>,
}

/// What of a pod is killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Victim {
    /// Its process.
    Pod,
    /// Its node.
    Node,
    /// Its object, as by `kubectl delete pod`.
    PodObject,
    /// The Job it belongs to, as by `kubectl delete job`.
    Job,
}

impl Fleet {
    /// Kills as ordered; the name of what was killed, or none if no pod with these labels runs here.
    pub(crate) async fn kill(&self, order: &Order) -> Result<Option<String>, kube::Error> {
        let Some((pod, node)) = self.running(&order.labels).await else { return Ok(None) };
        let name = match order.what {
            Victim::Pod => {
                self.kubelet().kill(&pod.uid().unwrap_or_default());
                pod.name_any()
            }
            Victim::Node => {
                self.lose(&node).await?;
                node
            }
            Victim::PodObject => {
                let api: Api<Pod> = Api::namespaced(self.client().clone(), &pod.namespace().unwrap_or_default());
                api.delete(&pod.name_any(), &DeleteParams::default()).await?;
                pod.name_any()
            }
            Victim::Job => {
                let job = pod.labels().get("job-name").cloned().unwrap_or_default();
                let api: Api<Job> = Api::namespaced(self.client().clone(), &pod.namespace().unwrap_or_default());
                api.delete(&job, &DeleteParams::background()).await?;
                job
            }
        };
        self.note(format_args!("{name} was killed, as ordered"));
        Ok(Some(name))
    }

    /// The node is gone: nothing on it says another word. What Kubernetes' own collector would do of it a while later
    /// is done at once: the node is forgotten, its pods have failed.
    async fn lose(&self, name: &str) -> Result<(), kube::Error> {
        let client = self.client();
        let pods = node::pods(client, name).await?;
        for pod in &pods {
            self.kubelet().forget(&pod.uid().unwrap_or_default());
        }
        self.forget_node(name).await;
        node::remove(client, name, &[]).await?;
        for pod in pods.iter().filter(|pod| !super::node_group::is_finished(pod)) {
            fail(client, pod).await?;
        }
        self.look_again();
        Ok(())
    }
}

/// Marks a pod of a lost node as Kubernetes 1.26 and newer do, so that its Job knows. It is not deleted: the Job
/// controller of 1.20 would then have forgotten the failure.
async fn fail(client: &kube::Client, pod: &Pod) -> Result<(), kube::Error> {
    let status = json!({"status": {
        "phase": "Failed",
        "reason": "NodeLost",
        "message": "the node of the pod no longer exists",
        "conditions": [{"type": "DisruptionTarget", "status": "True", "reason": "DeletionByPodGC",
            "message": "PodGC: node no longer exists", "lastTransitionTime": Timestamp::now()}],
    }});
    let api: Api<Pod> = Api::namespaced(client.clone(), &pod.namespace().unwrap_or_default());
    match api.patch_status(&pod.name_any(), &PatchParams::default(), &Patch::Strategic(status)).await {
        Err(kube::Error::Api(status)) if status.is_not_found() => Ok(()),
        result => result.map(drop),
    }
}
