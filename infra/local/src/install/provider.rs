//! The stand-in Terraform provider: its schema, and the mirror from which Terraform takes it for the real one.

use super::Installer;
use super::binaries::{beside, is_newer};
use crate::process::run;
use crate::{Error, lock, paths};
use std::path::{Path, PathBuf};
use tokio::process::Command;

/// The release of the provider whose schema is derived; the provider's own `install` names the same.
const VERSION: &str = "6.25.0";

/// The provider, ready for Terraform.
pub(crate) struct Provider {
    /// Its schema.
    pub(crate) schema: PathBuf,
    /// The Terraform configuration that leads to it.
    pub(crate) configuration: PathBuf,
}

/// Whether the slow part is done.
pub(crate) fn is_installed() -> bool {
    schema().is_file()
}

impl Provider {
    /// Derives the schema of all types that the module uses, and lays out the mirror.
    pub(crate) async fn install(installer: &Installer, python: &Path, binary: &Path) -> Result<Self, Error> {
        let schema = schema();
        let step = installer.progress.step("Terraform provider");
        let waiting = || step.update("another process is installing it");
        let _lock = lock::lock(&schema.with_extension("lock"), waiting).await?;
        if !is_installed() {
            step.update("downloading the package that has its schema, 45 MB");
        }
        let checkout = paths::checkout();
        // Also when there is a schema: it returns at once if all types are in it.
        let mut command = Command::new(python);
        command.arg(checkout.join("infra/local/provider/schema/derive_schema.py"));
        command.arg("--out").arg(&schema).arg("--terraform").arg(checkout.join("terraform"));
        command.arg("--wheels").arg(paths::cache().join("provider-schema/wheel"));
        let log = installer.directory.log("install-provider");
        run(&installer.watchdog, "deriving the provider's schema", command, &log, |_, _| true).await?;

        let folder = beside(binary)?.join("terraform");
        let configuration = folder.join("terraform.rc");
        // Not again and again: another stack's Terraform may be reading it.
        if is_newer(binary, &configuration) {
            let mut command = Command::new(binary);
            command.arg("install").arg(&folder);
            run(&installer.watchdog, "installing the provider", command, &log, |_, _| true).await?;
        }
        Ok(Self { schema, configuration })
    }

    /// What Terraform needs in its environment to use this provider.
    pub(crate) fn environment(&self) -> [(&'static str, PathBuf); 3] {
        [
            ("TF_CLI_CONFIG_FILE", self.configuration.clone()),
            ("AWS_PROVIDER_SCHEMA", self.schema.clone()),
            // Both ends are ours, on the loopback interface; the provider's handshake says why.
            ("TF_DISABLE_PLUGIN_TLS", PathBuf::from("1")),
        ]
    }
}

fn schema() -> PathBuf {
    paths::cache().join("provider-schema").join(VERSION).join("schema.json")
}
