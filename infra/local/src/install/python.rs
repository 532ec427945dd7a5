//! The emulator's Python: a virtual environment in the cache, named after the hash of its pinned requirements.

use super::Installer;
use crate::process::run;
use crate::{Error, Step, lock, paths};
use sha2::{Digest, Sha256};
use std::path::{Path, PathBuf};
use tokio::process::Command;

/// Versions that the emulator's pinned packages have wheels for, the most usual first.
const VERSIONS: [&str; 3] = ["3.11", "3.12", "3.13"];

/// What to do where there is none.
pub(crate) const REMEDY: &str = "install one, on Debian with `apt-get install python3 python3-venv python3-pip`";

/// Prints its path, fails where the emulator cannot run, and says `bare` where pip cannot be put into a new
/// environment: Debian has that in a package of its own.
const PROBE: &str = "import sys; assert sys.version_info >= (3, 11)\n\
    try:\n import ensurepip, venv; print(sys.executable)\n\
    except ImportError: print('bare')";

/// Whether nothing is left to do.
pub(crate) fn is_installed() -> bool {
    folder().is_ok_and(|folder| folder.join("complete").is_file())
}

/// Installs the environment and returns its interpreter.
pub(crate) async fn install(installer: &Installer) -> Result<PathBuf, Error> {
    let folder = folder()?;
    let interpreter = folder.join("bin/python");
    let complete = folder.join("complete");
    if complete.is_file() {
        return Ok(interpreter);
    }
    let step = installer.progress.step("AWS emulator");
    let _lock = lock::lock(&folder.with_extension("lock"), || step.update("another process is installing it")).await?;
    if complete.is_file() {
        return Ok(interpreter);
    }
    let found = find(installer, &step).await?;
    step.update("making a Python environment");
    let log = installer.directory.log("install-emulator");
    let mut command = Command::new(found);
    command.args(["-m", "venv", "--clear"]).arg(&folder);
    run(&installer.watchdog, "making the emulator's Python environment", command, &log, |_, _| true).await?;

    let mut command = Command::new(&interpreter);
    command.args(["-m", "pip", "install", "--disable-pip-version-check", "--no-input", "--progress-bar=off", "-r"]);
    command.arg(requirements());
    let what = "installing the emulator's packages";
    run(&installer.watchdog, what, command, &log, |_, line| {
        if let Some(package) = line.trim_start().strip_prefix("Collecting ") {
            step.update(format!("pip: {}", package.split(' ').next().unwrap_or(package)));
        } else if line.starts_with("Installing") {
            step.update("pip: installing");
        }
        true
    })
    .await?;
    let failed = |source| Error::Files { attempt: format!("write {}", complete.display()), source };
    std::fs::write(&complete, "").map_err(failed)?;
    step.done("installed");
    Ok(interpreter)
}

fn requirements() -> PathBuf {
    paths::checkout().join("infra/local/emulator/requirements.txt")
}

fn folder() -> Result<PathBuf, Error> {
    let path = requirements();
    let failed = |source| Error::Files { attempt: format!("read {}", path.display()), source };
    let hash = Sha256::digest(std::fs::read(&path).map_err(failed)?);
    let name: String = hash.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    Ok(paths::cache().join("emulator").join(name))
}

/// An interpreter that can make the environment: `python3`, or one with its version in its name, or one of pyenv's.
/// Debian splits Python into packages; as root we install those that are missing.
async fn find(installer: &Installer, step: &Step) -> Result<PathBuf, Error> {
    match search().await {
        Ok(interpreter) => Ok(interpreter),
        Err(missing) if !nix::unistd::geteuid().is_root() => Err(missing),
        Err(missing) => {
            step.update("apt-get install python3-venv python3-pip");
            let mut command = Command::new("sh");
            command
                .args(["-c", "apt-get update && apt-get install -y --no-install-recommends python3-venv python3-pip"]);
            command.env("DEBIAN_FRONTEND", "noninteractive");
            let log = installer.directory.log("install-python");
            let installed = run(&installer.watchdog, "installing Python", command, &log, |_, _| true).await;
            if installed.is_err() { Err(missing) } else { search().await }
        }
    }
}

async fn search() -> Result<PathBuf, Error> {
    let mut bare = false;
    for candidate in candidates() {
        let output = Command::new(&candidate).args(["-c", PROBE]).output().await;
        let Some(output) = output.ok().filter(|output| output.status.success()) else { continue };
        match String::from_utf8_lossy(&output.stdout).trim() {
            "bare" => bare = true,
            _ => return Ok(candidate),
        }
    }
    let what = if bare { "the Python of this machine lacks venv and pip" } else { "there is no Python 3.11 or newer" };
    Err(Error::Missing { what: what.to_owned(), remedy: REMEDY.to_owned() })
}

fn candidates() -> Vec<PathBuf> {
    let named = VERSIONS.iter().map(|version| PathBuf::from(format!("python{version}")));
    let mut all: Vec<PathBuf> = std::iter::once(PathBuf::from("python3")).chain(named).collect();
    let pyenv = std::env::var_os("PYENV_ROOT").map(PathBuf::from);
    let pyenv = pyenv.or_else(|| Some(std::env::home_dir()?.join(".pyenv"))).unwrap_or_default();
    let mut installed: Vec<PathBuf> =
        std::fs::read_dir(pyenv.join("versions")).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    installed.sort();
    let fits = |path: &Path| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        VERSIONS.iter().any(|version| name.strip_prefix(version).is_some_and(|rest| rest.starts_with('.')))
    };
    all.extend(installed.into_iter().rev().filter(|path| fits(path)).map(|path| path.join("bin/python")));
    all
}
