//! The AWS emulator: a process of ours with everything it needs in its environment, and nothing of the user's AWS.

use crate::account::process::{Process, Watchdog};
use crate::install::Installed;
use crate::paths::Directory;
use crate::process::{failed, tail};
use crate::{Error, paths};
use std::fs::File;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::process::Command;

/// Far more than it takes to start, on a slow and busy machine too.
const PATIENCE: Duration = Duration::from_secs(180);
/// How often a start on any free port is tried: what was free a moment ago may be somebody else's by then.
const TRIES: u32 = 3;
const NAME: &str = "the AWS emulator";

/// How long a build that was stopped may put its state away, before it is killed: in AWS the five minutes that
/// `infra/build/terraform.sh` gives to Terraform. The next build waits a little longer for it (`StateHeld` in
/// `statemachines/cluster.asl.json`), by a clock that is scaled; so this is, too. Half a minute is always enough here.
fn stop_grace(wait_scale: f64) -> Duration {
    Duration::from_secs_f64((250.0 * wait_scale).min(30.0))
}

/// What an emulator is started with.
pub(crate) struct Settings<'a> {
    pub(crate) port: u16,
    pub(crate) account_url: &'a str,
    /// How long the stand-in provider takes for each resource.
    pub(crate) resource_delay: Duration,
    /// The period of the keepalive rule, which locally need not be a minute.
    pub(crate) keepalive_period: Duration,
    /// What the waits and retries of state machines are multiplied with.
    pub(crate) wait_scale: f64,
    /// What the time-outs of their task tokens are multiplied with.
    pub(crate) timeout_scale: f64,
    /// The file whose presence says that users' credentials have expired.
    pub(crate) expired: &'a Path,
    /// The credentials of the local account: their file, and the profile in it.
    pub(crate) credentials: (&'a Path, &'a str),
    /// The home folder of the functions, if not this process's own.
    pub(crate) home: Option<&'a Path>,
}

/// The running emulator.
pub(crate) struct Emulator {
    pub(crate) url: String,
    process: Process,
    log: PathBuf,
}

impl Emulator {
    /// Starts the emulator and waits until it answers.
    pub(crate) async fn start(
        watchdog: &Arc<Watchdog>,
        installed: &Installed,
        directory: &Directory,
        settings: Settings<'_>,
    ) -> Result<Self, Error> {
        let mut tries = TRIES;
        loop {
            tries -= 1;
            match Self::try_to_start(watchdog, installed, directory, &settings).await {
                Err(Error::Failed { .. }) if settings.port == 0 && tries > 0 => {}
                result => return result,
            }
        }
    }

    async fn try_to_start(
        watchdog: &Arc<Watchdog>,
        installed: &Installed,
        directory: &Directory,
        settings: &Settings<'_>,
    ) -> Result<Self, Error> {
        let port = free_port(settings.port, "--emulator-port")?;
        let url = format!("http://127.0.0.1:{port}");
        let log = directory.log("emulator");
        let logging = |source| Error::Files { attempt: format!("write the log {}", log.display()), source };
        let file = File::create(&log).map_err(logging)?;

        let mut command = Command::new(&installed.python);
        command.arg(paths::checkout().join("infra/local/emulator/launch.py"));
        forget_own_aws(&mut command);
        for (folder, variable) in [("state", "STATE_DIR"), ("s3", "S3_DATA_DIR"), ("tmp", "TMPDIR")] {
            command.env(variable, directory.fresh_folder(&format!("emulator/{folder}"))?);
        }
        command
            .envs(installed.provider.environment())
            .env("GATEWAY_PORT", port.to_string())
            .env("BIND_HOST", "127.0.0.1")
            .env("AWS_ENDPOINT_URL", &url)
            .env("LOCAL_ACCOUNT_URL", settings.account_url)
            .env("BUILD_LOG_DIR", directory.folder("logs/builds")?)
            .env("AWS_PROVIDER_JOURNAL", directory.path(JOURNAL))
            .env("AWS_PROVIDER_FAULTS", directory.path(FAULTS))
            .env("AWS_PROVIDER_EXPIRED", settings.expired)
            .env("EMULATOR_FAULTS", directory.path(ORDERED))
            .env("EMULATOR_FAULTS_JOURNAL", directory.path(STRUCK))
            .env("FUNCTION_LOG_DIR", directory.folder("logs")?)
            .env("SFN_WAIT_SCALE", settings.wait_scale.to_string())
            .env("EMULATOR_TIMEOUT_SCALE", settings.timeout_scale.to_string())
            .env("EMULATOR_STOP_GRACE_SECONDS", stop_grace(settings.wait_scale).as_secs_f64().to_string())
            .env("AWS_PROVIDER_DELAY_MS", settings.resource_delay.as_millis().to_string())
            .env("EMULATOR_RATE_SECONDS", settings.keepalive_period.as_secs_f64().to_string())
            .env("EMULATOR_TICK_SECONDS", "1")
            // A slow and busy machine is no reason to end a function.
            .env("EMULATOR_FUNCTION_TIMEOUT_SCALE", "4")
            .env("LOCAL_CREDENTIALS_FILE", settings.credentials.0)
            .env("LOCAL_CREDENTIALS_PROFILE", settings.credentials.1)
            .stdout(file.try_clone().map_err(logging)?)
            .stderr(file);
        if let Some(home) = settings.home {
            command.env("HOME", home);
        }
        let spawn = |source| Error::Spawn { program: NAME.to_owned(), source };
        let process = Process::spawn(watchdog, command).map_err(spawn)?;
        let mut emulator = Self { url, process, log };
        emulator.until_healthy().await?;
        Ok(emulator)
    }

    async fn until_healthy(&mut self) -> Result<(), Error> {
        let client = crate::http::client();
        let started = Instant::now();
        let mut pause = Duration::from_millis(50);
        loop {
            let answer = client.get(format!("{}/_ministack/health", self.url)).send().await;
            if answer.is_ok_and(|answer| answer.status().is_success()) {
                return Ok(());
            }
            if self.process.has_ended() {
                let spawn = |source| Error::Spawn { program: NAME.to_owned(), source };
                let status = self.process.wait().await.map_err(spawn)?;
                return Err(failed("starting the AWS emulator", status, &self.log));
            }
            if started.elapsed() > PATIENCE {
                let hint = format!("; {} ends with:\n{}", self.log.display(), tail(&self.log));
                let what = "an answer of the AWS emulator".to_owned();
                return Err(Error::TooLong { what, seconds: PATIENCE.as_secs(), hint });
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(Duration::from_millis(500));
        }
    }

    /// Waits until the emulator ends by itself, which it should not, and tells how.
    pub(crate) async fn died(&mut self) -> String {
        let status = self.process.wait().await.map_or_else(|error| error.to_string(), |status| status.to_string());
        format!(
            "{} ends with:\n{}\n{NAME} ended by itself ({status}), and with it the functions, the tables and the \
             builds; the rest was stopped. Start again with: cargo local up",
            self.log.display(),
            tail(&self.log)
        )
    }

    /// Ends it; it ends its functions and builds first.
    pub(crate) async fn stop(&mut self) {
        drop(self.process.stop(Duration::from_secs(60)).await);
    }
}

/// What the stand-in provider did, one JSON object a line.
pub(crate) const JOURNAL: &str = "provider-journal.jsonl";
/// What the stand-in provider shall fail at.
pub(crate) const FAULTS: &str = "provider-faults.json";
/// The file in which to order failures of everything else: functions, AWS calls, pods, builds.
pub(crate) const ORDERED: &str = "faults.json";
/// The file in which the emulator says which of them it carried out.
pub(crate) const STRUCK: &str = "faults-journal.jsonl";

/// A port that is free now: the one asked for, or any.
pub(crate) fn free_port(port: u16, option: &'static str) -> Result<u16, Error> {
    let address = TcpListener::bind(("127.0.0.1", port)).and_then(|listener| listener.local_addr());
    address.map(|address| address.port()).map_err(|source| port_error(port, option, source))
}

/// The error of a port that cannot be listened on.
pub(crate) fn port_error(port: u16, option: &'static str, source: std::io::Error) -> Error {
    match source.kind() {
        std::io::ErrorKind::AddrInUse => Error::PortTaken { port, option },
        _ => Error::Listen { port, source },
    }
}

/// Takes the user's AWS settings, and proxies for our own addresses, out of a command's environment: whatever the
/// profile of this shell is, nothing started here may reach it.
pub(crate) fn forget_own_aws(command: &mut Command) {
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("AWS_") {
            command.env_remove(name);
        }
    }
    for name in ["NO_PROXY", "no_proxy"] {
        command.env(name, "127.0.0.1,localhost");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_build_that_was_stopped_is_over_before_the_next_one_has_lost_its_patience() {
        let machine = std::fs::read_to_string(paths::checkout().join("statemachines/cluster.asl.json")).expect("there");
        let machine: serde_json::Value = serde_json::from_str(&machine).expect("JSON");
        let retries = machine["States"]["Begin"]["Retry"].as_array().expect("retries");
        let held = retries.iter().find(|retry| retry["ErrorEquals"] == serde_json::json!(["StateHeld"])).expect("one");
        let number = |name: &str| held[name].as_f64().expect("a number");
        let pauses = (0..held["MaxAttempts"].as_i64().expect("a number") as i32).map(|try_number| {
            (number("IntervalSeconds") * number("BackoffRate").powi(try_number)).min(number("MaxDelaySeconds"))
        });
        let patience: f64 = pauses.sum();
        for scale in [1.0, 0.1, 0.02] {
            assert!(stop_grace(scale).as_secs_f64() * 1.1 < patience * scale, "{scale}");
        }
    }
}
