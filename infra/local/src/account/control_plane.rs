//! A real Kubernetes control plane as four child processes: etcd, API server, controller manager and scheduler.

use super::certificates::{Certificates, signing_keys};
use super::process::{Process, Watchdog};
use super::{Binaries, Error};
use kube::Client;
use std::fs;
use std::io;
use std::net::TcpListener;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::process::Command;
use tokio::time::{Instant, sleep};
use uuid::Uuid;

/// Far more than it takes, on a slow and busy machine too.
const READY_WITHIN: Duration = Duration::from_secs(300);
const READY_CHECK: Duration = Duration::from_millis(100);
/// How often a start is tried: a port that was free a moment ago may be somebody else's when it is listened on.
const TRIES: u32 = 3;
/// Lines of a component's log to show when it ends before its time.
const LAST_LINES: usize = 5;
/// What our jobs and add-ons need. Above all no node lifecycle: local nodes do not send heartbeats.
const CONTROLLERS: &str =
    "namespace,garbagecollector,job,podgc,ttl-after-finished,deployment,replicaset,daemonset,serviceaccount";
/// Lets finished jobs go after their time to live, which newer versions do without being asked.
const FEATURES: &str = "--feature-gates=TTLAfterFinished=true";

/// The control plane of one cluster.
pub(crate) struct ControlPlane {
    /// `https://127.0.0.1:PORT`.
    pub endpoint: String,
    /// The certificates that the API server and the log server use.
    pub certificates: Certificates,
    /// A client with all rights.
    pub client: Client,
    processes: Vec<(&'static str, Process)>,
}

impl ControlPlane {
    /// Starts a fresh control plane in `directory` and waits until its API server is ready. The API server asks
    /// `token_review` who the bearers of unknown tokens are.
    pub(crate) async fn start(
        cluster: &str,
        binaries: &Binaries,
        directory: &Path,
        token_review: &str,
        watchdog: &Arc<Watchdog>,
    ) -> Result<Self, Error> {
        let mut tries = TRIES;
        loop {
            tries -= 1;
            match Self::try_to_start(cluster, binaries, directory, token_review, watchdog).await {
                Err(Error::Exited { .. }) if tries > 0 => {}
                result => return result,
            }
        }
    }

    async fn try_to_start(
        cluster: &str,
        binaries: &Binaries,
        directory: &Path,
        token_review: &str,
        watchdog: &Arc<Watchdog>,
    ) -> Result<Self, Error> {
        let certificates = Certificates::generate(cluster)?;
        let [api, etcd, etcd_peer] =
            free_ports().map_err(|source| Error::Listen { address: "127.0.0.1:0".into(), source })?;
        let endpoint = format!("https://127.0.0.1:{api}");
        let admin_token = Uuid::new_v4().simple().to_string();
        let files = Files::write(directory, &certificates, &endpoint, &admin_token, token_review)?;
        let client = admin_client(&endpoint, &certificates, admin_token)?;
        let mut plane = Self { endpoint, certificates, client, processes: Vec::new() };

        let spawn = |name, arguments| files.spawn(binaries, name, arguments, watchdog);
        plane.processes.push(spawn("etcd", files.etcd(etcd, etcd_peer))?);
        plane.processes.push(spawn("kube-apiserver", files.api_server(api, etcd))?);
        plane.ready(&files).await?;
        plane.processes.push(spawn("kube-controller-manager", files.controller_manager())?);
        plane.processes.push(spawn("kube-scheduler", files.scheduler())?);
        Ok(plane)
    }

    /// The ids of the processes.
    pub(crate) fn processes(&self) -> Vec<i32> {
        self.processes.iter().map(|(_, process)| process.id()).collect()
    }

    /// Kills all processes and waits until they are gone: nothing of the cluster is to be kept.
    pub(crate) async fn stop(&mut self) {
        for (_, mut process) in self.processes.drain(..).rev() {
            let _ = process.stop(Duration::ZERO).await;
        }
    }

    async fn ready(&mut self, files: &Files) -> Result<(), Error> {
        let client = self.client.clone();
        let answers = async || {
            let request = http::Request::get("/readyz").body(Vec::new()).map_err(|_| ())?;
            client.request_text(request).await.map_err(drop)
        };
        let end = Instant::now() + READY_WITHIN;
        loop {
            let ready = answers().await.is_ok();
            // First of all: an API server may be ready with the etcd of somebody who was quicker to take its port.
            for (name, process) in &mut self.processes {
                if process.has_ended() {
                    return Err(Error::Exited { component: name, log: files.last_lines(name) });
                }
            }
            if ready {
                return Ok(());
            }
            if Instant::now() > end {
                let log = files.last_lines("kube-apiserver");
                return Err(Error::NotReady { seconds: READY_WITHIN.as_secs(), log });
            }
            sleep(READY_CHECK).await;
        }
    }
}

fn admin_client(endpoint: &str, certificates: &Certificates, token: String) -> Result<Client, Error> {
    let url = endpoint.parse().map_err(|_| Error::Url(endpoint.to_owned()))?;
    let mut config = kube::Config::new(url);
    config.root_cert = Some(vec![certificates.authority_der()]);
    config.auth_info.token = Some(token.into());
    Client::try_from(config).map_err(|source| Error::Kubernetes { attempt: "make a client", source })
}

/// Ports that were free a moment ago. All are held until all are known, so that they differ.
fn free_ports() -> io::Result<[u16; 3]> {
    let bind = || TcpListener::bind(("127.0.0.1", 0));
    let listeners = [bind()?, bind()?, bind()?];
    let port = |listener: &TcpListener| listener.local_addr().map(|address| address.port());
    Ok([port(&listeners[0])?, port(&listeners[1])?, port(&listeners[2])?])
}

/// The configuration files of a control plane. They hold secrets, which must not appear in an argument list.
struct Files {
    directory: PathBuf,
}

impl Files {
    fn write(
        directory: &Path,
        certificates: &Certificates,
        endpoint: &str,
        admin_token: &str,
        token_review: &str,
    ) -> Result<Self, Error> {
        let files = Self { directory: directory.to_owned() };
        let failed = |source| Error::Files { path: directory.to_owned(), source };
        if directory.exists() {
            fs::remove_dir_all(directory).map_err(failed)?;
        }
        fs::DirBuilder::new().recursive(true).mode(0o700).create(directory.join("logs")).map_err(failed)?;
        let (signing, verifying) = signing_keys()?;
        for (name, content) in [
            ("authority.pem", certificates.authority_pem.as_str()),
            ("certificate.pem", &certificates.certificate_pem),
            ("key.pem", &certificates.key_pem),
            ("service-accounts.key.pem", &signing),
            ("service-accounts.pub.pem", &verifying),
            ("tokens.csv", &format!("{admin_token},admin,admin,system:masters\n")),
            ("kubeconfig", &kubeconfig(endpoint, Some(&files.path("authority.pem")), Some(admin_token))),
            ("token-review", &kubeconfig(token_review, None, None)),
        ] {
            let mut options = fs::OpenOptions::new();
            let file = options.write(true).create(true).truncate(true).mode(0o600).open(directory.join(name));
            file.and_then(|mut file| io::Write::write_all(&mut file, content.as_bytes())).map_err(failed)?;
        }
        Ok(files)
    }

    fn path(&self, name: &str) -> String {
        self.directory.join(name).display().to_string()
    }

    fn etcd(&self, port: u16, peer_port: u16) -> Vec<String> {
        let peer = format!("http://127.0.0.1:{peer_port}");
        vec![
            format!("--data-dir={}", self.path("etcd")),
            format!("--listen-client-urls=https://127.0.0.1:{port}"),
            format!("--advertise-client-urls=https://127.0.0.1:{port}"),
            format!("--listen-peer-urls={peer}"),
            format!("--initial-advertise-peer-urls={peer}"),
            format!("--initial-cluster=default={peer}"),
            format!("--cert-file={}", self.path("certificate.pem")),
            format!("--key-file={}", self.path("key.pem")),
            format!("--trusted-ca-file={}", self.path("authority.pem")),
            "--client-cert-auth=true".to_owned(),
        ]
    }

    fn api_server(&self, port: u16, etcd_port: u16) -> Vec<String> {
        let (authority, certificate, key) =
            (self.path("authority.pem"), self.path("certificate.pem"), self.path("key.pem"));
        vec![
            format!("--etcd-servers=https://127.0.0.1:{etcd_port}"),
            format!("--etcd-cafile={authority}"),
            format!("--etcd-certfile={certificate}"),
            format!("--etcd-keyfile={key}"),
            "--bind-address=127.0.0.1".to_owned(),
            "--advertise-address=127.0.0.1".to_owned(),
            format!("--secure-port={port}"),
            format!("--tls-cert-file={certificate}"),
            format!("--tls-private-key-file={key}"),
            format!("--kubelet-certificate-authority={authority}"),
            format!("--kubelet-client-certificate={certificate}"),
            format!("--kubelet-client-key={key}"),
            "--service-account-issuer=https://kubernetes.default.svc".to_owned(),
            format!("--service-account-key-file={}", self.path("service-accounts.pub.pem")),
            format!("--service-account-signing-key-file={}", self.path("service-accounts.key.pem")),
            "--api-audiences=api".to_owned(),
            "--service-cluster-ip-range=10.96.0.0/16".to_owned(),
            "--anonymous-auth=false".to_owned(),
            format!("--token-auth-file={}", self.path("tokens.csv")),
            format!("--authentication-token-webhook-config-file={}", self.path("token-review")),
            "--authentication-token-webhook-version=v1".to_owned(),
            "--authorization-mode=RBAC".to_owned(),
            // Pods here are processes: they get no service account's token, and may ask for privileges in vain.
            "--disable-admission-plugins=ServiceAccount".to_owned(),
            "--allow-privileged=true".to_owned(),
            "--endpoint-reconciler-type=none".to_owned(),
            FEATURES.to_owned(),
        ]
    }

    fn controller_manager(&self) -> Vec<String> {
        let mut arguments = self.client_arguments();
        arguments.extend([
            format!("--controllers={CONTROLLERS}"),
            format!("--service-account-private-key-file={}", self.path("service-accounts.key.pem")),
            FEATURES.to_owned(),
        ]);
        arguments
    }

    fn scheduler(&self) -> Vec<String> {
        self.client_arguments()
    }

    /// What the two components that only talk to the API server share; they open no port.
    fn client_arguments(&self) -> Vec<String> {
        vec![
            format!("--kubeconfig={}", self.path("kubeconfig")),
            "--leader-elect=false".to_owned(),
            "--port=0".to_owned(),
            "--secure-port=0".to_owned(),
        ]
    }

    fn spawn(
        &self,
        binaries: &Binaries,
        name: &'static str,
        arguments: Vec<String>,
        watchdog: &Arc<Watchdog>,
    ) -> Result<(&'static str, Process), Error> {
        let failed = |source| Error::Spawn { program: name, source };
        let log = fs::File::create(self.log(name)).map_err(failed)?;
        let mut command = Command::new(binaries.path(name));
        // The credentials in our own environment are none of their business.
        command.args(arguments).env_clear().env("HOME", &self.directory).current_dir(&self.directory);
        command.stdout(log.try_clone().map_err(failed)?).stderr(log);
        Ok((name, Process::spawn(watchdog, command).map_err(failed)?))
    }

    fn log(&self, component: &str) -> PathBuf {
        self.directory.join("logs").join(format!("{component}.log"))
    }

    fn last_lines(&self, component: &str) -> String {
        let log = fs::read_to_string(self.log(component)).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(LAST_LINES)..].join("\n")
    }
}

fn kubeconfig(server: &str, authority: Option<&str>, token: Option<&str>) -> String {
    let mut cluster = serde_json::json!({"server": server});
    if let Some(authority) = authority {
        cluster["certificate-authority"] = authority.into();
    }
    let user = token.map_or_else(|| serde_json::json!({}), |token| serde_json::json!({"token": token}));
    // JSON is YAML.
    serde_json::json!({
        "apiVersion": "v1", "kind": "Config", "current-context": "local",
        "clusters": [{"name": "local", "cluster": cluster}],
        "users": [{"name": "local", "user": user}],
        "contexts": [{"name": "local", "context": {"cluster": "local", "user": "local"}}],
    })
    .to_string()
}
