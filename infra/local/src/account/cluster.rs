//! One EKS cluster of the local account: a control plane and its fleet of nodes.

use super::control_plane::ControlPlane;
use super::fleet::Fleet;
use super::kubelet::{Kubelet, Site};
use super::process::Task;
use super::request::ClusterRequest;
use super::{Error, Shared, logs};
use axum_server::tls_rustls::RustlsConfig;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use std::net::TcpListener;
use std::sync::Arc;
use tokio::sync::Mutex;

/// A cluster that is up.
pub(crate) struct Cluster {
    /// Its name.
    pub name: String,
    /// Its nodes and pods.
    pub fleet: Arc<Fleet>,
    region: String,
    request: ClusterRequest,
    endpoint: String,
    certificate_authority: String,
    kubelet: Arc<Kubelet>,
    site: Arc<Site>,
    running: Mutex<Running>,
}

/// What must end with the cluster.
struct Running {
    plane: ControlPlane,
    tasks: Vec<Task>,
}

impl Cluster {
    /// Starts a cluster and returns when its API server is ready.
    pub(crate) async fn start(shared: &Shared, name: &str, request: ClusterRequest) -> Result<Self, Error> {
        let directory = shared.directory.join(name);
        let token_review = format!("{}/clusters/{name}/token-review", shared.url);
        let plane = ControlPlane::start(name, &shared.binaries, &directory, &token_review, &shared.watchdog).await?;
        let site = Arc::new(Site {
            client: plane.client.clone(),
            interpreters: Arc::clone(&shared.interpreters),
            watchdog: Arc::clone(&shared.watchdog),
            journal: Arc::clone(&shared.journal),
            directory,
        });
        let kubelet = Arc::new(Kubelet::new(Arc::clone(&site)));
        let (kubelet_port, log_server) = log_server(&plane, &kubelet)?;
        let fleet = Arc::new(Fleet::new(Arc::clone(&site), Arc::clone(&kubelet), kubelet_port));
        let tasks = vec![log_server, Task::spawn(Arc::clone(&fleet).run())];
        shared.journal.note(format_args!("cluster {name} is ready at {}", plane.endpoint));
        Ok(Self {
            name: name.to_owned(),
            fleet,
            region: shared.region.clone(),
            request,
            endpoint: plane.endpoint.clone(),
            certificate_authority: STANDARD.encode(&plane.certificates.authority_pem),
            kubelet,
            site,
            running: Mutex::new(Running { plane, tasks }),
        })
    }

    /// Stops everything of the cluster, and returns when no process of it is left.
    pub(crate) async fn stop(&self) {
        let mut running = self.running.lock().await;
        for task in running.tasks.drain(..) {
            task.abort().await;
        }
        self.kubelet.clear().await;
        running.plane.stop().await;
        // Logs stay to be read; the next cluster of this name starts from nothing anyway.
        for folder in ["etcd", "pods", "host"] {
            let _ = tokio::fs::remove_dir_all(self.site.directory.join(folder)).await;
        }
        self.site.journal.note(format_args!("cluster {} is gone", self.name));
    }

    /// The cluster as the account's API describes it.
    pub(crate) fn describe(&self) -> Value {
        let mut description = self.request.describe(&self.name, &self.region);
        description["status"] = "ACTIVE".into();
        description["endpoint"] = self.endpoint.as_str().into();
        description["certificate_authority"] = self.certificate_authority.as_str().into();
        description
    }

    /// The name of the Amazon resource of a node group.
    pub(crate) fn node_group_arn(&self, group: &str) -> String {
        format!("arn:aws:eks:{}:{}:nodegroup/{}/{group}", self.region, super::ACCOUNT_ID, self.name)
    }

    /// What there is of the cluster on this machine.
    pub(crate) async fn inventory(&self) -> Value {
        let mut processes = self.running.lock().await.plane.processes();
        processes.extend(self.kubelet.processes());
        let (node_groups, nodes) = self.fleet.names().await;
        json!({"name": self.name, "node_groups": node_groups, "nodes": nodes, "processes": processes})
    }
}

/// Serves the logs of the cluster's pods to its API server: `(port, task)`.
fn log_server(plane: &ControlPlane, kubelet: &Arc<Kubelet>) -> Result<(u16, Task), Error> {
    let failed = |source| Error::Listen { address: "127.0.0.1:0".into(), source };
    let tls = RustlsConfig::from_config(Arc::new(plane.certificates.mutual_tls()?));
    let listener = TcpListener::bind(("127.0.0.1", 0)).map_err(failed)?;
    listener.set_nonblocking(true).map_err(failed)?;
    let port = listener.local_addr().map_err(failed)?.port();
    let server = axum_server::from_tcp_rustls(listener, tls).map_err(failed)?;
    let service = logs::router(Arc::clone(kubelet)).into_make_service();
    // It ends with its task, or not at all.
    Ok((port, Task::spawn(async move { drop(server.serve(service).await) })))
}
