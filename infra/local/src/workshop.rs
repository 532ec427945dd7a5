//! The part of a stack that builds need: the emulator, with a bucket, and the stand-in provider. No functions, no
//! Kubernetes; a build is run by whoever has the workshop.

use crate::aws::Aws;
use crate::emulator::{self, Emulator};
use crate::install::Installer;
use crate::paths::Directory;
use crate::{Error, Progress, process};
use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

/// The bucket that state and reports go to.
pub const BUCKET: &str = "workshop";

/// The credentials of the account that is built in, as the control plane hands them to a build.
pub const CREDENTIALS: &str = "[target]\naws_access_key_id = AKIA0WORKSHOP00000000\naws_secret_access_key = made-up\n";

/// A place to run builds in. Dropping it ends the emulator.
pub struct Workshop {
    directory: Directory,
    environment: Vec<(String, OsString)>,
    aws: Aws,
    emulator: Emulator,
}

impl Workshop {
    /// Installs what is missing, and starts the emulator.
    ///
    /// # Errors
    /// What could not be installed or started, and what to do about it.
    pub async fn start(folder: &std::path::Path, progress: Progress) -> Result<Self, Error> {
        let directory = Directory::create(folder)?;
        let watchdog = process::watchdog()?;
        let installer = Installer { progress, watchdog: watchdog.clone(), directory: directory.clone() };
        let installed = installer.install_for_builds().await?;
        // A journal for each case: whoever asks the emulator what exists is told of all of them.
        directory.folder(emulator::JOURNAL)?;
        let credentials = directory.path("credentials");
        std::fs::write(&credentials, CREDENTIALS)
            .map_err(|source| Error::Files { attempt: format!("write {}", credentials.display()), source })?;
        let settings = emulator::Settings {
            port: 0,
            account_url: "",
            resource_delay: Duration::ZERO,
            keepalive_period: Duration::from_secs(1),
            wait_scale: 1.0,
            timeout_scale: 1.0,
            expired: &directory.path("expired"),
            credentials: (&credentials, "target"),
            home: None,
        };
        let emulator = Emulator::start(&watchdog, &installed, &directory, settings).await?;
        let aws = Aws::at(&emulator.url);
        aws.create_bucket(BUCKET).await?;

        let beside = installed.python.parent().map(PathBuf::from).unwrap_or_default();
        let path = std::env::var_os("PATH").unwrap_or_default();
        let paths = std::iter::once(beside).chain(std::env::split_paths(&path));
        let path = std::env::join_paths(paths).unwrap_or(path);
        let text = |name: &str, value: &str| (name.to_owned(), OsString::from(value));
        let mut environment = vec![
            ("PATH".to_owned(), path),
            text("AWS_ENDPOINT_URL", &emulator.url),
            text("AWS_ACCESS_KEY_ID", "000000000000"),
            text("AWS_SECRET_ACCESS_KEY", "local"),
            text("AWS_REGION", crate::aws::REGION),
            text("AWS_DEFAULT_REGION", crate::aws::REGION),
            text("REGION", crate::aws::REGION),
            text("STATE_BUCKET", BUCKET),
            text("BACKEND_FLAGS", "-backend-config=use_path_style=true"),
            text("NO_PROXY", "127.0.0.1,localhost"),
        ];
        let of_provider = installed.provider.environment();
        environment.extend(of_provider.into_iter().map(|(name, value)| (name.to_owned(), value.into_os_string())));
        Ok(Self { directory, environment, aws, emulator })
    }

    /// The whole environment of a build, but for what is its own.
    #[must_use]
    pub fn environment(&self) -> &[(String, OsString)] {
        &self.environment
    }

    /// The journal of a case.
    #[must_use]
    pub fn journal(&self, case: &str) -> PathBuf {
        self.directory.path(emulator::JOURNAL).join(case)
    }

    /// Stores an object.
    ///
    /// # Errors
    /// If the emulator does not answer.
    pub async fn put(&self, key: &str, bytes: Vec<u8>) -> Result<(), Error> {
        self.aws.put_object(BUCKET, key, bytes).await
    }

    /// Reads an object; none if there is none.
    ///
    /// # Errors
    /// If the emulator does not answer.
    pub async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, Error> {
        self.aws.get_object(BUCKET, key).await
    }

    /// Removes an object.
    ///
    /// # Errors
    /// If the emulator does not answer.
    pub async fn delete(&self, key: &str) -> Result<(), Error> {
        self.aws.delete_object(BUCKET, key).await
    }

    /// Ends the emulator.
    pub async fn shutdown(mut self) {
        self.emulator.stop().await;
    }
}
