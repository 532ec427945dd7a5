//! The pods that run on this machine: started when they are bound to one of its nodes, stopped when they are deleted.

use super::image::Interpreters;
use super::journal::Journal;
use super::locked;
use super::pod::{Life, Lines};
use super::process::{Task, Watchdog};
use k8s_openapi::api::core::v1::Pod;
use kube::{Client, ResourceExt};
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use std::collections::{BTreeSet, HashMap};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::watch;

/// What the pods of a cluster have in common.
pub(crate) struct Site {
    /// The cluster's API server.
    pub client: Client,
    /// The Pythons that pods may use.
    pub interpreters: Arc<Interpreters>,
    /// Who kills their processes if nobody else does.
    pub watchdog: Arc<Watchdog>,
    /// Where events are noted.
    pub journal: Arc<Journal>,
    /// The cluster's folder.
    pub directory: PathBuf,
}

impl Site {
    /// The folder that stands in for the file system of `pod`.
    pub(crate) fn pod_folder(&self, pod: &Pod) -> PathBuf {
        self.directory.join("pods").join(pod.uid().unwrap_or_default())
    }

    /// The folder that stands in for the file systems of the nodes, which are all this machine.
    pub(crate) fn host_folder(&self) -> PathBuf {
        self.directory.join("host")
    }
}

/// The log of a pod.
#[derive(Clone)]
pub(crate) struct Log {
    /// Its file, which exists once the pod has started.
    pub path: PathBuf,
    /// Whether nothing more will be written.
    pub ended: watch::Receiver<bool>,
}

/// All pods that are bound to local nodes of one cluster, by their unique id.
pub(crate) struct Kubelet {
    site: Arc<Site>,
    pods: Mutex<HashMap<String, Entry>>,
}

struct Entry {
    namespace: String,
    name: String,
    log: Log,
    stop: watch::Sender<Option<Duration>>,
    process: watch::Receiver<Option<i32>>,
    life: Task,
}

impl Kubelet {
    /// A kubelet without pods.
    pub(crate) fn new(site: Arc<Site>) -> Self {
        Self { site, pods: Mutex::default() }
    }

    /// Brings the pod to what `pod` now says: started if it is new here, stopped if it is to be deleted.
    pub(crate) fn sync(&self, pod: &Pod) {
        let mut pods = locked(&self.pods);
        let uid = pod.uid().unwrap_or_default();
        if !pods.contains_key(&uid) {
            let Some(entry) = self.start(pod) else { return };
            pods.insert(uid.clone(), entry);
        }
        if let (Some(entry), true) = (pods.get(&uid), pod.metadata.deletion_timestamp.is_some()) {
            let seconds = pod.metadata.deletion_grace_period_seconds.unwrap_or_default();
            entry.stop.send_replace(Some(Duration::from_secs(seconds.try_into().unwrap_or_default())));
        }
    }

    /// Kills what is left of a pod that is gone.
    pub(crate) fn forget(&self, uid: &str) {
        locked(&self.pods).remove(uid);
    }

    /// Kills the process of a pod, which is then reported to have ended so.
    pub(crate) fn kill(&self, uid: &str) {
        let process = locked(&self.pods).get(uid).and_then(|entry| *entry.process.borrow());
        if let Some(group) = process {
            let _ = killpg(Pid::from_raw(group), Signal::SIGKILL);
        }
    }

    /// Kills what is left of all pods but those with an id in `uids`.
    pub(crate) fn keep_only(&self, uids: &BTreeSet<String>) {
        locked(&self.pods).retain(|uid, _| uids.contains(uid));
    }

    /// Kills all pods, and returns when their processes are gone.
    pub(crate) async fn clear(&self) {
        let entries: Vec<Entry> = locked(&self.pods).drain().map(|(_, entry)| entry).collect();
        for entry in entries {
            entry.life.abort().await;
        }
    }

    /// The log of a pod that is or was running here.
    pub(crate) fn log(&self, namespace: &str, pod: &str) -> Option<Log> {
        let pods = locked(&self.pods);
        pods.values().find(|entry| entry.namespace == namespace && entry.name == pod).map(|entry| entry.log.clone())
    }

    /// The ids of the processes of all pods.
    pub(crate) fn processes(&self) -> Vec<i32> {
        locked(&self.pods).values().filter_map(|entry| *entry.process.borrow()).collect()
    }

    fn start(&self, pod: &Pod) -> Option<Entry> {
        let (namespace, name) = (pod.namespace().unwrap_or_default(), pod.name_any());
        let (stop, stop_seen) = watch::channel(None);
        let (process_told, process) = watch::channel(None);
        let (ended_told, ended) = watch::channel(false);
        // A pod that was deleted before it was seen here is only confirmed to be gone.
        if pod.metadata.deletion_timestamp.is_some() {
            stop.send_replace(Some(Duration::ZERO));
        }
        let path = self.site.directory.join("logs").join(format!("{namespace}_{name}.log"));
        let lines = Lines { stop: stop_seen, process: process_told, ended: ended_told };
        let life = Life::new(Arc::clone(&self.site), pod.clone(), path.clone(), lines)?;
        let log = Log { path, ended };
        Some(Entry { namespace, name, log, stop, process, life: Task::spawn(life.live()) })
    }
}
