//! The local account: what stands in for EKS on one machine.
//!
//! A cluster here is a real Kubernetes control plane, a node is an entry in it, and a pod is a process of this machine:
//!
//! ```text
//! HTTP ─ server ─ cluster ┬ control_plane   etcd, API server, controller manager, scheduler
//!                         ├ fleet           node groups: adds and removes nodes as node_group plans
//!                         └ kubelet ─ pod   the processes, their folders, status and logs
//! ```
//!
//! All of it lives and dies with one [`Account`].

mod certificates;
mod cluster;
mod control_plane;
mod deletions;
mod environment;
mod fleet;
mod image;
mod instance_types;
mod journal;
mod kill;
mod kubelet;
mod logs;
mod memory;
mod node;
mod node_group;
mod pod;
pub(crate) mod process;
mod request;
mod resources;
mod scaling;
mod server;
mod status;
mod token;
mod workspace;

#[cfg(test)]
#[path = "../../tests/support/eks_token.rs"]
mod testing;

pub use image::Interpreters;
pub use instance_types::InvalidNodeType;

use cluster::Cluster;
pub(crate) use deletions::DELETIONS;
use deletions::Deletions;
use journal::Journal;
use process::{Task, Watchdog};
use request::ClusterRequest;
use std::collections::{BTreeMap, HashMap};
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The number of the emulator's account.
const ACCOUNT_ID: &str = "000000000000";

/// What an account is started with.
pub struct AccountConfig {
    /// Where its HTTP interface listens: a loopback address; port 0 takes a free one.
    pub listen: SocketAddr,
    /// The folder of `etcd`, `kube-apiserver`, `kube-controller-manager` and `kube-scheduler`.
    pub binaries: PathBuf,
    /// Its folder: one sub-folder for each cluster, `account.log`, and `deletions.jsonl`.
    pub directory: PathBuf,
    /// The Pythons that pods may use.
    pub interpreters: Interpreters,
    /// The secret access key of each access key id that may sign tokens.
    pub credentials: HashMap<String, String>,
    /// The region in the names of its resources.
    pub region: String,
}

/// Why something of the account could not be done.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The account must not be reachable from other machines.
    #[error("the local account must listen on a loopback address such as 127.0.0.1, not on {0}")]
    NotLoopback(SocketAddr),
    /// Opening a port.
    #[error("listen on {address}")]
    Listen {
        /// Where.
        address: String,
        /// Why not.
        source: io::Error,
    },
    /// Looking for the control plane's programs.
    #[error(
        "no program '{name}' in {}: build the control plane's programs into that folder with \
         infra/local/kubernetes/build.sh, or name a folder that has them in KUBEBUILDER_ASSETS",
        folder.display()
    )]
    MissingBinary {
        /// Which one.
        name: &'static str,
        /// Where it should be.
        folder: PathBuf,
    },
    /// Preparing files of the account or a cluster.
    #[error("prepare the folder {}", path.display())]
    Files {
        /// The folder.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// Making a cluster's certificates.
    #[error("make the cluster's certificates")]
    Certificates(#[from] rcgen::Error),
    /// Setting up TLS for the nodes' log server.
    #[error("set up TLS for pod logs")]
    Tls(#[from] rustls::Error),
    /// Reading an address of our own.
    #[error("'{0}' is no URL")]
    Url(String),
    /// Starting a process.
    #[error("start {program}")]
    Spawn {
        /// Which one.
        program: &'static str,
        /// Why not.
        source: io::Error,
    },
    /// A part of the control plane ended before the cluster was ready.
    #[error("{component} ended before the cluster was ready; its log ends with:\n{log}")]
    Exited {
        /// Which one.
        component: &'static str,
        /// The last lines of its log.
        log: String,
    },
    /// The API server did not become ready.
    #[error("the API server was not ready after {seconds} s; its log ends with:\n{log}")]
    NotReady {
        /// How long was waited.
        seconds: u64,
        /// The last lines of its log.
        log: String,
    },
    /// Talking to the cluster.
    #[error("{attempt}")]
    Kubernetes {
        /// What was attempted.
        attempt: &'static str,
        /// Why it failed.
        source: kube::Error,
    },
    /// A node group of an instance type that is not known.
    #[error(transparent)]
    NodeType(#[from] InvalidNodeType),
}

/// The running account. Dropping it kills everything that it started.
pub struct Account {
    shared: Arc<Shared>,
    server: Option<Task>,
}

impl Account {
    /// Starts the account, without clusters.
    ///
    /// # Errors
    /// If a program of the control plane is missing, or the address or the folder cannot be used.
    pub async fn start(config: AccountConfig) -> Result<Self, Error> {
        if !config.listen.ip().is_loopback() {
            return Err(Error::NotLoopback(config.listen));
        }
        let binaries = Binaries::find(config.binaries)?;
        let files = |source| Error::Files { path: config.directory.clone(), source };
        std::fs::create_dir_all(&config.directory).map_err(files)?;
        // The components run in folders of their own, where a relative path would mean something else.
        let directory = config.directory.canonicalize().map_err(files)?;
        let journal = Arc::new(Journal::create(&directory.join("account.log")).map_err(files)?);
        let deletions = Deletions::create(&directory).map_err(files)?;
        let watchdog = Watchdog::start().map_err(|source| Error::Spawn { program: "sh", source })?;

        let failed = |source| Error::Listen { address: config.listen.to_string(), source };
        let listener = TcpListener::bind(config.listen).map_err(failed)?;
        listener.set_nonblocking(true).map_err(failed)?;
        let url = format!("http://{}", listener.local_addr().map_err(failed)?);
        let shared = Arc::new(Shared {
            url,
            binaries,
            directory,
            region: config.region,
            credentials: config.credentials,
            interpreters: Arc::new(config.interpreters),
            journal,
            deletions,
            watchdog,
            clusters: Mutex::default(),
            creating: Mutex::default(),
            changes: tokio::sync::Mutex::default(),
        });
        let service = server::router(Arc::clone(&shared)).into_make_service();
        let server = axum_server::from_tcp(listener).map_err(failed)?;
        // It ends with its task, or not at all.
        let server = Task::spawn(async move { drop(server.serve(service).await) });
        Ok(Self { shared, server: Some(server) })
    }

    /// Where the account answers, for `LOCAL_ACCOUNT_URL`.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.shared.url
    }

    /// Deletes all clusters; when it returns, no process that the account started is left.
    pub async fn shutdown(mut self) {
        if let Some(server) = self.server.take() {
            server.abort().await;
        }
        for cluster in self.shared.clusters() {
            self.shared.delete(&cluster.name).await;
        }
    }
}

impl Drop for Account {
    fn drop(&mut self) {
        self.shared.watchdog.close();
    }
}

/// What all parts of an account use.
struct Shared {
    url: String,
    binaries: Binaries,
    directory: PathBuf,
    region: String,
    credentials: HashMap<String, String>,
    interpreters: Arc<Interpreters>,
    journal: Arc<Journal>,
    deletions: Deletions,
    watchdog: Arc<Watchdog>,
    clusters: Mutex<BTreeMap<String, Arc<Cluster>>>,
    /// What is not there yet, and is known to have been asked for.
    creating: Mutex<BTreeMap<String, ClusterRequest>>,
    /// Held while a cluster is made or deleted: one at a time is as fast as this machine goes.
    changes: tokio::sync::Mutex<()>,
}

impl Shared {
    fn cluster(&self, name: &str) -> Option<Arc<Cluster>> {
        locked(&self.clusters).get(name).cloned()
    }

    /// Whether somebody said that the credentials have expired.
    fn expired(&self) -> bool {
        self.directory.join(kill::EXPIRED).exists()
    }

    fn clusters(&self) -> Vec<Arc<Cluster>> {
        locked(&self.clusters).values().cloned().collect()
    }

    /// Those that are being created.
    fn creating(&self) -> BTreeMap<String, ClusterRequest> {
        locked(&self.creating).clone()
    }

    async fn create(&self, name: &str, request: ClusterRequest) -> Result<Arc<Cluster>, Error> {
        if let Some(cluster) = self.cluster(name) {
            return Ok(cluster);
        }
        locked(&self.creating).insert(name.to_owned(), request.clone());
        let _changing = self.changes.lock().await;
        let created = match self.cluster(name) {
            Some(cluster) => Ok(cluster),
            None => Cluster::start(self, name, request).await.map(Arc::new),
        };
        match &created {
            Ok(cluster) => drop(locked(&self.clusters).insert(name.to_owned(), Arc::clone(cluster))),
            Err(error) => self.journal.note(format_args!("cluster {name}: {}", with_causes(error))),
        }
        locked(&self.creating).remove(name);
        created
    }

    /// Deletes a cluster; `None` if there is none of that name.
    async fn delete(&self, name: &str) -> Option<()> {
        let _changing = self.changes.lock().await;
        let cluster = locked(&self.clusters).remove(name)?;
        self.deletions.note(name, None, &cluster.fleet.at_work(None).await);
        cluster.stop().await;
        Some(())
    }
}

/// The folder of the control plane's programs.
struct Binaries(PathBuf);

impl Binaries {
    fn find(folder: PathBuf) -> Result<Self, Error> {
        for name in ["etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler"] {
            if !folder.join(name).is_file() {
                return Err(Error::MissingBinary { name, folder });
            }
        }
        Ok(Self(folder.canonicalize().map_err(|source| Error::Files { path: folder, source })?))
    }

    fn path(&self, name: &str) -> PathBuf {
        Path::new(&self.0).join(name)
    }
}

/// `mutex` locked; what a panicking thread left in it is still the best that we know.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// `error` and all that caused it, on one line.
fn with_causes(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}
