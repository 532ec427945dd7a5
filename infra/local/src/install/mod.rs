//! Everything that must be on the machine before a stack can start. Each part is pinned, is kept in the user's cache
//! folder, and is there in an instant the second time.

pub(crate) mod binaries;
pub(crate) mod kubernetes;
pub(crate) mod provider;
pub(crate) mod python;
pub(crate) mod terraform;

use crate::account::process::Watchdog;
use crate::paths::Directory;
use crate::{Error, Progress};
use binaries::Binaries;
use provider::Provider;
use std::path::PathBuf;
use std::sync::Arc;

/// What all installers need.
#[derive(Clone)]
pub(crate) struct Installer {
    pub(crate) progress: Progress,
    pub(crate) watchdog: Arc<Watchdog>,
    pub(crate) directory: Directory,
}

/// What a stack is started from.
pub(crate) struct Installed {
    /// The Python that has the emulator's packages.
    pub(crate) python: PathBuf,
    /// The folder of Kubernetes' programs.
    pub(crate) kubernetes: PathBuf,
    /// The stand-in Terraform provider.
    pub(crate) provider: Provider,
    /// The functions.
    pub(crate) binaries: Binaries,
}

impl Installer {
    /// Says how long the first start takes, and why, if this is one.
    pub(crate) fn announce(&self) {
        let mut reasons = vec![];
        if !kubernetes::is_installed() {
            reasons.push("Kubernetes 1.20.2 is built from Debian's sources (6 to 8 minutes on 2 cores)");
        }
        if !python::is_installed() {
            reasons.push("the AWS emulator is installed from PyPI (half a minute)");
        }
        if !provider::is_installed() {
            reasons.push("the AWS provider's schema is derived from a package on PyPI (half a minute)");
        }
        if reasons.is_empty() {
            return;
        }
        self.progress.say(format!(
            "This is the first start on this machine. It takes 10 to 15 minutes on 2 idle cores, later ones seconds:\n  \
             - {}\n  - the functions are built for this machine (2 to 4 minutes)\n\
             All of it is kept in {}.",
            reasons.join("\n  - "),
            crate::paths::cache().display()
        ));
    }

    /// Installs what is missing, as much as possible side by side: compilers use all cores, downloads none.
    pub(crate) async fn install(&self) -> Result<Installed, Error> {
        self.announce();
        terraform::check().await?;
        let functions_and_provider = async {
            let binaries = Binaries::build(self).await?;
            let python = python::install(self).await?;
            let provider = Provider::install(self, &python, &binaries.provider).await?;
            Ok::<_, Error>((binaries, python, provider))
        };
        let (kubernetes, (binaries, python, provider)) =
            tokio::try_join!(kubernetes::install(self), functions_and_provider)?;
        Ok(Installed { python, kubernetes, provider, binaries })
    }
}
