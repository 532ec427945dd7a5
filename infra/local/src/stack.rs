//! A whole stack on this machine: the emulator with the real template in it, the local account, the API.

use crate::account::process::{Task, Watchdog};
use crate::account::{Account, AccountConfig, DELETIONS, Interpreters};
use crate::aws::{Aws, REGION};
use crate::credentials::{self, Credentials};
use crate::emulator::{self, Emulator};
use crate::install::Installer;
use crate::paths::{self, Directory};
use crate::proxy::{Obituary, Port};
use crate::{Error, Progress, deploy, process};
use serde_json::Value;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// The emulator's journal of builds.
const BUILDS: &str = "logs/builds/builds.jsonl";
/// While this file is there, the credentials of users have expired. It is in the account's folder.
const EXPIRED: &str = "account/credentials-expired";

/// What a stack is started with.
#[derive(Clone)]
pub struct StackConfig {
    /// The API's port; 0 for a free one.
    pub api_port: u16,
    /// The emulator's port; 0 for a free one.
    pub emulator_port: u16,
    /// The local account's port; 0 for a free one.
    pub account_port: u16,
    /// Where logs and state go.
    pub directory: PathBuf,
    /// The shortest keepalive that is accepted, in seconds; the product's own is 600.
    pub min_keepalive_seconds: u64,
    /// How often idle clusters are looked for.
    pub keepalive_period: Duration,
    /// How long the stand-in provider takes for each resource.
    pub resource_delay: Duration,
    /// What the waits and retries of state machines are multiplied with; 1 in AWS.
    pub wait_scale: f64,
    /// What the time-outs of their task tokens are multiplied with; 1 in AWS.
    pub timeout_scale: f64,
    /// Failures to order from the start, as [`Stack::order`] takes them.
    pub faults: Option<PathBuf>,
    /// A credentials file to use instead of made-up keys.
    pub credentials_file: Option<PathBuf>,
    /// The profile in it.
    pub credentials_profile: String,
    /// What `~` in a `config_file_path` stands for; the user's home folder if none is given.
    pub home: Option<PathBuf>,
    /// Where progress is told.
    pub progress: Progress,
}

impl Default for StackConfig {
    /// What tests want: free ports, no delays, no words, and a folder of its own.
    fn default() -> Self {
        Self {
            api_port: 0,
            emulator_port: 0,
            account_port: 0,
            directory: paths::checkout().join(".local").join(format!("test-{}", uuid::Uuid::new_v4().simple())),
            min_keepalive_seconds: 1,
            keepalive_period: Duration::from_secs(1),
            resource_delay: Duration::ZERO,
            wait_scale: 1.0,
            timeout_scale: 1.0,
            faults: None,
            credentials_file: None,
            credentials_profile: "default".to_owned(),
            home: None,
            progress: Progress::quiet(),
        }
    }
}

/// A running stack. Dropping it kills what it started; [`Stack::shutdown`] does so in order.
pub struct Stack {
    /// Where the API is.
    pub api_url: String,
    /// A key that the API accepts.
    pub api_key: String,
    /// Where the emulator is.
    pub emulator_url: String,
    /// Where the local account is.
    pub account_url: String,
    /// A credentials file for registering an integration.
    pub credentials_file: PathBuf,
    /// The profile in it.
    pub credentials_profile: String,
    /// The outputs of the template.
    pub outputs: BTreeMap<String, String>,
    /// Where logs and state are.
    pub directory: Directory,
    aws: Aws,
    // Dropped in this order: whoever asks comes before whoever answers.
    proxy: Task,
    account: Account,
    end_emulator: Option<tokio::sync::oneshot::Sender<()>>,
    supervisor: tokio::task::JoinHandle<()>,
    died: watch::Receiver<Option<String>>,
    _watchdog: Arc<Watchdog>,
}

impl Stack {
    /// Installs what is missing, and starts everything.
    ///
    /// # Errors
    /// What could not be installed or started, and what to do about it.
    pub async fn start(config: StackConfig) -> Result<Self, Error> {
        let directory = Directory::create(&config.directory)?;
        // First the ports: nobody likes to wait for minutes to be told that one is taken.
        let port = Port::take(config.api_port)?;
        emulator::free_port(config.emulator_port, "--emulator-port")?;
        emulator::free_port(config.account_port, "--account-port")?;
        let profile = config.credentials_profile;
        let credentials = Credentials::prepare(&directory, config.credentials_file.as_deref(), &profile)?;
        let api_key = credentials::api_key(&directory)?;

        let watchdog = process::watchdog()?;
        let progress = config.progress.clone();
        let installer = Installer { progress, watchdog: Arc::clone(&watchdog), directory: directory.clone() };
        let installed = installer.install().await?;

        let step = config.progress.step("stack");
        step.update("starting the local account");
        let account = Account::start(AccountConfig {
            listen: SocketAddr::from(([127, 0, 0, 1], config.account_port)),
            binaries: installed.kubernetes.clone(),
            directory: directory.fresh_folder("account")?,
            interpreters: Interpreters::of_this_machine(),
            credentials: credentials.secrets,
            region: REGION.to_owned(),
        })
        .await?;

        step.update("starting the AWS emulator");
        directory.remove(emulator::JOURNAL)?;
        directory.remove(emulator::FAULTS)?;
        directory.remove(emulator::ORDERED)?;
        directory.remove(emulator::STRUCK)?;
        directory.remove(BUILDS)?;
        if let Some(faults) = &config.faults {
            let copied = std::fs::copy(faults, directory.path(emulator::ORDERED));
            copied.map_err(|source| Error::Files { attempt: format!("read {}", faults.display()), source })?;
        }
        let expired = directory.path(EXPIRED);
        let settings = emulator::Settings {
            port: config.emulator_port,
            account_url: account.url(),
            resource_delay: config.resource_delay,
            keepalive_period: config.keepalive_period,
            wait_scale: config.wait_scale,
            timeout_scale: config.timeout_scale,
            expired: &expired,
            credentials: (&credentials.path, &profile),
            home: config.home.as_deref(),
        };
        let emulator = Emulator::start(&watchdog, &installed, &directory, settings).await?;
        let aws = Aws::at(&emulator.url);

        step.update("deploying infra/template.yaml");
        let settings =
            deploy::Settings { public_url: &port.url(), min_keepalive_seconds: config.min_keepalive_seconds };
        let outputs = deploy::deploy(&aws, &installed.binaries, settings).await?;
        let output = |name: &str| outputs.get(name).cloned().unwrap_or_default();
        deploy::allow_key(&aws, &output("TableName"), &api_key).await?;

        let api_url = port.url();
        let emulator_url = emulator.url.clone();
        let obituary = Obituary::default();
        let upstream = format!("{emulator_url}/_aws/execute-api/{}/$default", output("ApiId"));
        let proxy = port.serve(upstream, obituary.clone())?;
        let (end_emulator, end) = tokio::sync::oneshot::channel();
        let (tell, died) = watch::channel(None);
        let supervisor = tokio::spawn(supervise(emulator, end, obituary, tell));
        step.done(format!("the API is at {api_url}"));
        Ok(Self {
            api_url,
            api_key,
            emulator_url,
            account_url: account.url().to_owned(),
            credentials_file: credentials.path,
            credentials_profile: profile,
            outputs,
            directory,
            aws,
            proxy,
            account,
            end_emulator: Some(end_emulator),
            supervisor,
            died,
            _watchdog: watchdog,
        })
    }

    /// Waits until a part of the stack ends by itself, and tells which.
    pub async fn died(&self) -> String {
        let mut died = self.died.clone();
        let text = died.wait_for(Option::is_some).await.ok().and_then(|text| text.clone());
        text.unwrap_or_else(|| "the stack ended".to_owned())
    }

    /// What the local account has: clusters, their nodes and processes.
    ///
    /// # Errors
    /// If the account does not answer.
    pub async fn inventory(&self) -> Result<Value, Error> {
        let failed = |source| Error::Http { attempt: "ask the local account what it has".to_owned(), source };
        let answer = crate::http::client().get(format!("{}/inventory", self.account_url)).send().await;
        answer.map_err(failed)?.json().await.map_err(failed)
    }

    /// The state of the rule that looks for idle clusters: `ENABLED` or `DISABLED`.
    ///
    /// # Errors
    /// If the emulator does not answer.
    pub async fn rule_state(&self) -> Result<String, Error> {
        let name = self.outputs.get("KeepaliveRuleName").map_or("", String::as_str);
        let rule = self.aws.json("events", "AWSEvents.DescribeRule", &serde_json::json!({"Name": name})).await?;
        Ok(rule["State"].as_str().unwrap_or("unknown").to_owned())
    }

    /// The executions of both state machines that have not ended, by their names.
    ///
    /// # Errors
    /// If the emulator does not answer.
    pub async fn running_executions(&self) -> Result<Vec<String>, Error> {
        let mut names = vec![];
        for machine in ["ClusterMachineArn", "RunMachineArn"] {
            let request = serde_json::json!({"stateMachineArn": self.outputs.get(machine), "statusFilter": "RUNNING"});
            let listed = self.aws.json("states", "AWSStepFunctions.ListExecutions", &request).await?;
            let executions = listed["executions"].as_array().into_iter().flatten();
            names.extend(executions.filter_map(|execution| Some(execution["name"].as_str()?.to_owned())));
        }
        Ok(names)
    }

    /// The names of the secrets with credentials of integrations.
    ///
    /// # Errors
    /// If the emulator does not answer.
    pub async fn credentials(&self) -> Result<Vec<String>, Error> {
        let listed = self.aws.json("secretsmanager", "secretsmanager.ListSecrets", &serde_json::json!({})).await?;
        let names = listed["SecretList"].as_array().into_iter().flatten().filter_map(|secret| secret["Name"].as_str());
        Ok(names.filter(|name| name.contains("/integrations/")).map(str::to_owned).collect())
    }

    /// A Python of this machine that pods can use, such as `3.11`: the first that is found of those the SDK knows.
    ///
    /// # Errors
    /// If there is none.
    pub async fn python_version(&self) -> Result<String, Error> {
        let interpreters = Interpreters::of_this_machine();
        let mut reason = String::new();
        for version in ["3.11", "3.10", "3.9", "3.8", "3.12"] {
            match interpreters.find(version).await {
                Ok(_) => return Ok(version.to_owned()),
                Err(missing) if reason.is_empty() => reason = missing,
                Err(_) => {}
            }
        }
        Err(Error::Missing { what: "no Python from 3.8 to 3.12 that pods could use".to_owned(), remedy: reason })
    }

    /// Reads an object of the data bucket; none if there is none.
    ///
    /// # Errors
    /// If the emulator does not answer.
    pub async fn object(&self, key: &str) -> Result<Option<Vec<u8>>, Error> {
        let bucket = self.outputs.get("BucketName").map_or("", String::as_str);
        self.aws.get_object(bucket, key).await
    }

    /// Stores an object in the data bucket.
    ///
    /// # Errors
    /// If the emulator does not answer.
    pub async fn put_object(&self, key: &str, bytes: Vec<u8>) -> Result<(), Error> {
        let bucket = self.outputs.get("BucketName").map_or("", String::as_str);
        self.aws.put_object(bucket, key, bytes).await
    }

    /// Removes an object of the data bucket.
    ///
    /// # Errors
    /// If the emulator does not answer.
    pub async fn delete_object(&self, key: &str) -> Result<(), Error> {
        let bucket = self.outputs.get("BucketName").map_or("", String::as_str);
        self.aws.delete_object(bucket, key).await
    }

    /// The file in which to order failures of the stand-in provider.
    #[must_use]
    pub fn faults(&self) -> PathBuf {
        self.directory.path(emulator::FAULTS)
    }

    /// The file in which the stand-in provider says what it did.
    #[must_use]
    pub fn journal(&self) -> PathBuf {
        self.directory.path(emulator::JOURNAL)
    }

    /// Orders failures of functions, AWS calls, pods and builds: the text of a faults file as `emulator/faults.py`
    /// describes it. It replaces what was ordered before; an empty text orders none.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn order(&self, faults: &str) -> Result<(), Error> {
        let path = self.directory.path(emulator::ORDERED);
        let failed = |source| Error::Files { attempt: format!("write {}", path.display()), source };
        // Beside and renamed, so that nobody reads half of it.
        let beside = path.with_extension("new");
        std::fs::write(&beside, faults).and_then(|()| std::fs::rename(&beside, &path)).map_err(failed)
    }

    /// The file in which the emulator says which of the ordered failures it carried out, a line of JSON each.
    #[must_use]
    pub fn struck(&self) -> PathBuf {
        self.directory.path(emulator::STRUCK)
    }

    /// The file in which the emulator says when which build began and ended, a line of JSON each.
    #[must_use]
    pub fn builds(&self) -> PathBuf {
        self.directory.path(BUILDS)
    }

    /// The file in which the local account says what was at work when a cluster or a node group was deleted, a line of
    /// JSON each.
    #[must_use]
    pub fn deletions(&self) -> PathBuf {
        self.directory.path("account").join(DELETIONS)
    }

    /// Lets the credentials of the user's account expire, or renews them.
    ///
    /// # Errors
    /// If the file that says so cannot be written or removed.
    pub fn expire_credentials(&self, expired: bool) -> Result<(), Error> {
        let path = self.directory.path(EXPIRED);
        let failed = |source| Error::Files { attempt: format!("write {}", path.display()), source };
        if expired { std::fs::write(&path, "").map_err(failed) } else { self.directory.remove(EXPIRED) }
    }

    /// Ends everything; when it returns, no process of the stack is left.
    pub async fn shutdown(mut self) {
        self.proxy.abort().await;
        drop(self.end_emulator.take());
        drop(self.supervisor.await);
        self.account.shutdown().await;
        // A hundred megabytes of unpacked functions, of no use to anybody; logs stay.
        drop(std::fs::remove_dir_all(self.directory.path("emulator")));
    }
}

/// Owns the emulator: ends it when asked to, and tells when it ends by itself.
async fn supervise(
    mut emulator: Emulator,
    end: tokio::sync::oneshot::Receiver<()>,
    obituary: Obituary,
    tell: watch::Sender<Option<String>>,
) {
    tokio::select! {
        _ = end => emulator.stop().await,
        text = emulator.died() => {
            obituary.write(text.clone());
            tell.send_replace(Some(text));
        }
    }
}
