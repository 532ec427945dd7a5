//! Kubernetes' own programs: given by the user, kept in the cache, or built from Debian's source package.

use super::Installer;
use crate::process::run;
use crate::{Error, paths};
use std::path::{Path, PathBuf};
use tokio::process::Command;

const VERSION: &str = "1.20.2";
const PROGRAMS: [&str; 4] = ["etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler"];
/// The variable by which test environments for Kubernetes commonly name a folder of its programs.
pub(crate) const VARIABLE: &str = "KUBEBUILDER_ASSETS";

/// Whether nothing is left to do.
pub(crate) fn is_installed() -> bool {
    named().is_some() || is_complete(&cached())
}

/// Returns the folder of the programs, building them first if need be.
pub(crate) async fn install(installer: &Installer) -> Result<PathBuf, Error> {
    if let Some(folder) = named() {
        return match missing(&folder) {
            None => Ok(folder),
            Some(program) => Err(Error::Missing {
                what: format!("{VARIABLE} names {}, which has no {program}", folder.display()),
                remedy: format!("put {} into it, or unset {VARIABLE} to have them built", PROGRAMS.join(", ")),
            }),
        };
    }
    let folder = cached();
    if is_complete(&folder) {
        return Ok(folder);
    }
    let step = installer.progress.step("Kubernetes");
    let script = paths::checkout().join("infra/local/kubernetes/build.sh");
    let mut command = Command::new("bash");
    command.arg(script).arg(&folder);
    // If `cargo local` has begun to build it already, the script waits for that, and says what it sees.
    let log = installer.directory.log("install-kubernetes");
    let what = "building Kubernetes";
    let built = run(&installer.watchdog, what, command, &log, |_, line| {
        if let Some(stage) = line.strip_prefix("stage: ") {
            step.update(stage);
        }
        true
    })
    .await;
    match built {
        Ok(()) => step.done(format!("built in {}", folder.display())),
        Err(error) => {
            return Err(Error::Missing {
                what: format!("Kubernetes cannot be built here: {error}"),
                remedy: format!(
                    "the build needs Debian's apt with its sources; where that cannot be had, put {} of Kubernetes \
                     1.20 or newer into a folder and name it in {VARIABLE}",
                    PROGRAMS.join(", ")
                ),
            });
        }
    }
    Ok(folder)
}

fn named() -> Option<PathBuf> {
    std::env::var_os(VARIABLE).filter(|folder| !folder.is_empty()).map(PathBuf::from)
}

fn cached() -> PathBuf {
    paths::cache().join("kubernetes").join(VERSION)
}

fn is_complete(folder: &Path) -> bool {
    missing(folder).is_none()
}

fn missing(folder: &Path) -> Option<&'static str> {
    PROGRAMS.into_iter().find(|program| !folder.join(program).is_file())
}
