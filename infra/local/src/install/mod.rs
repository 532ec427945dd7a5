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
    fn announce(&self) {
        let mut reasons = vec![];
        if !kubernetes::is_installed() {
            reasons.push("Kubernetes 1.20.2 is built from Debian's sources: 6 to 8 minutes");
        }
        if !python::is_installed() {
            reasons.push("the AWS emulator is installed from PyPI: half a minute");
        }
        if !provider::is_installed() {
            reasons.push("the AWS provider's schema is derived from a package on PyPI: half a minute");
        }
        if !reasons.is_empty() {
            self.progress.say(format!(
                "The first start on a machine takes a while, later ones take seconds. On 2 idle cores, side by side:\n  \
                 - {}\n  - the functions are built for this machine: 2 to 4 minutes\n\
                 All of it is kept in {} and in cargo's target folder.",
                reasons.join("\n  - "),
                crate::paths::cache().display()
            ));
        }
    }

    /// Installs what builds alone need: no Kubernetes.
    pub(crate) async fn install_for_builds(&self) -> Result<Installed, Error> {
        terraform::check().await?;
        let (binaries, python) = tokio::try_join!(Binaries::build(self), python::install(self))?;
        let provider = Provider::install(self, &python, &binaries.provider).await?;
        Ok(Installed { python, kubernetes: PathBuf::new(), provider, binaries })
    }

    /// Installs what is missing, as much as possible side by side: compilers use all cores, downloads none.
    pub(crate) async fn install(&self) -> Result<Installed, Error> {
        self.announce();
        terraform::check().await?;
        let with_provider = async {
            let (binaries, python) = tokio::try_join!(Binaries::build(self), python::install(self))?;
            let provider = Provider::install(self, &python, &binaries.provider).await?;
            Ok::<_, Error>((binaries, python, provider))
        };
        let (kubernetes, (binaries, python, provider)) = tokio::try_join!(kubernetes::install(self), with_provider)?;
        Ok(Installed { python, kubernetes, provider, binaries })
    }
}
