//! The life of one pod on its node, from being bound to being deleted.

use super::kubelet::Site;
use super::process::Process;
use super::status::{self, End, State};
use super::workspace::Workspace;
use super::{environment, image, memory, node_group, resources::Resources};
use jiff::Timestamp;
use k8s_openapi::api::core::v1::{Container, Pod};
use kube::api::{Api, DeleteParams, Patch, PatchParams};
use kube::{Error, ResourceExt};
use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::path::PathBuf;
use std::process::ExitStatus;
use std::sync::Arc;
use std::time::Duration;
use tokio::process::Command;
use tokio::sync::watch;
use tokio::time::sleep;

const RETRY: Duration = Duration::from_secs(2);
const STATUS_ATTEMPTS: u32 = 5;

/// What the world tells a pod, and what it tells the world.
pub(crate) struct Lines {
    /// Holds the grace period as soon as the pod is to end.
    pub stop: watch::Receiver<Option<Duration>>,
    /// The id of its process while it runs; `None` before.
    pub process: watch::Sender<Option<i32>>,
    /// Becomes true when nothing more will be written to the log.
    pub ended: watch::Sender<bool>,
}

/// A pod and its first container, the only one that local nodes run.
pub(crate) struct Life {
    site: Arc<Site>,
    pod: Pod,
    container: Container,
    log: PathBuf,
    lines: Lines,
}

impl Life {
    /// Prepares the life of `pod`; `None` if it has no container.
    pub(crate) fn new(site: Arc<Site>, pod: Pod, log: PathBuf, lines: Lines) -> Option<Self> {
        let container = pod.spec.as_ref()?.containers.first()?.clone();
        Some(Self { site, pod, container, log, lines })
    }

    /// Runs the container to its end, waits until the pod is to be deleted, and confirms that it is gone.
    pub(crate) async fn live(mut self) {
        if self.lines.stop.borrow().is_none() {
            self.run().await;
        }
        self.lines.process.send_replace(None);
        self.lines.ended.send_replace(true);
        stopped(&mut self.lines.stop).await;
        let gone = DeleteParams::default().grace_period(0);
        if let Err(error) = self.api().delete(&self.pod.name_any(), &gone).await {
            self.site.journal.note(format_args!("pod {}: delete: {error}", self.pod.name_any()));
        }
    }

    async fn run(&mut self) {
        let image = self.container.image.clone().unwrap_or_default();
        let Some(version) = image::python_version(&image) else {
            let name = self.pod.name_any();
            if node_group::is_job(&self.pod) {
                let message = format!("image \"{image}\" cannot run here: local nodes only run python:<X.Y> images");
                self.report(State::Waiting("ImagePullBackOff", message)).await;
            } else {
                self.site.journal.note(format_args!("pod {name}: image {image} is not run locally"));
                self.report(State::Running(Timestamp::now())).await;
            }
            return;
        };
        let interpreter = match self.site.interpreters.find(version).await {
            Ok(interpreter) => interpreter,
            Err(missing) => {
                let message = format!("Back-off pulling image \"{image}\": {missing}");
                return self.report(State::Waiting("ImagePullBackOff", message)).await;
            }
        };
        let Some(variables) = self.variables().await else { return };

        let home = self.site.pod_folder(&self.pod);
        let started = Timestamp::now();
        let end = match Workspace::create(home.clone(), &interpreter, version).and_then(|w| self.command(&w, variables))
        {
            Ok(command) => match Process::spawn(&self.site.watchdog, command) {
                Ok(process) => self.attend(process, started).await,
                Err(error) => End::not_started(format!("cannot start the container's command: {error}")),
            },
            Err(error) => End::not_started(format!("cannot prepare the pod's folder: {error}")),
        };
        self.lines.ended.send_replace(true);
        self.report(State::Ended(started, Timestamp::now(), end)).await;
        let _ = tokio::fs::remove_dir_all(home).await;
    }

    /// Waits for the end of the process, and brings it about where it must be.
    async fn attend(&mut self, mut process: Process, started: Timestamp) -> End {
        self.lines.process.send_replace(Some(process.id()));
        let limits = self.container.resources.as_ref().and_then(|resources| resources.limits.as_ref());
        let limit = limits.map(|limits| Resources::of_list(limits).memory).filter(|bytes| *bytes > 0);
        let mut stop = self.lines.stop.clone();
        self.report(State::Running(started)).await;
        let id = process.id();
        let end = |status: io::Result<ExitStatus>| status.map_or_else(|e| End::not_started(e.to_string()), End::of);
        let end = tokio::select! {
            status = process.wait() => end(status),
            () = memory::exceeded(id, limit) => {
                let _ = process.stop(Duration::ZERO).await;
                End::out_of_memory()
            }
            grace = stopped(&mut stop) => end(process.stop(grace).await),
        };
        // Before anybody hears of its end: its id may soon be another's.
        self.lines.process.send_replace(None);
        end
    }

    /// The variables of the manifest. A Secret may arrive after its pod, so this is tried until it works.
    async fn variables(&mut self) -> Option<BTreeMap<String, String>> {
        loop {
            match environment::of_manifest(&self.site.client, &self.pod, &self.container).await {
                Ok(variables) => return Some(variables),
                Err(error) => {
                    self.report(State::Waiting("CreateContainerConfigError", error.to_string())).await;
                    tokio::select! {
                        () = sleep(RETRY) => {}
                        _ = stopped(&mut self.lines.stop) => return None,
                    }
                }
            }
        }
    }

    fn command(&self, workspace: &Workspace, manifest: BTreeMap<String, String>) -> io::Result<Command> {
        let spec = self.pod.spec.clone().unwrap_or_default();
        let mounts = workspace.mounts(&spec, &self.site.host_folder())?;
        let default = vec!["python3".to_owned()];
        let entry = self.container.command.as_ref().filter(|command| !command.is_empty()).unwrap_or(&default);
        let mut words = entry.iter().chain(self.container.args.iter().flatten());
        let log = File::create(&self.log)?;
        let mut command = Command::new(words.next().unwrap_or(&default[0]));
        command
            .args(words)
            .env_clear()
            .envs(environment::base(&self.pod, &workspace.home, &workspace.bin))
            .envs(manifest.into_iter().map(|(name, value)| (name, translated(value, &mounts))))
            .current_dir(&workspace.home)
            .stdout(log.try_clone()?)
            .stderr(log);
        Ok(command)
    }

    async fn report(&self, state: State) {
        let name = self.pod.name_any();
        let image = self.container.image.clone().unwrap_or_default();
        let id = format!("process://{}", self.pod.uid().unwrap_or_default());
        let patch = Patch::Strategic(status::patch(&self.container.name, &image, &id, &state, Timestamp::now()));
        for attempt in 1..=STATUS_ATTEMPTS {
            match self.api().patch_status(&name, &PatchParams::default(), &patch).await {
                Ok(_) => return,
                Err(Error::Api(status)) if status.is_not_found() => return,
                Err(error) => self.site.journal.note(format_args!("pod {name}: report status: {error}")),
            }
            sleep(Duration::from_millis(100) * attempt).await;
        }
    }

    fn api(&self) -> Api<Pod> {
        Api::namespaced(self.site.client.clone(), &self.pod.namespace().unwrap_or_default())
    }
}

/// Returns the grace period once there is one. A pod that nobody can stop any more has none.
async fn stopped(stop: &mut watch::Receiver<Option<Duration>>) -> Duration {
    stop.wait_for(Option::is_some).await.ok().and_then(|grace| *grace).unwrap_or_default()
}

/// `value` with the paths of mounts replaced by the local folders that stand in for them.
fn translated(value: String, mounts: &[(String, String)]) -> String {
    mounts.iter().fold(value, |value, (mount, folder)| value.replace(mount, folder))
}
