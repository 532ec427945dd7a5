//! From a container image to an interpreter of this machine.
//!
//! Locally a pod is a process, so `python:3.10-slim` means "a Python 3.10 that is installed here".

use super::locked;
use std::collections::HashMap;
use std::env;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use tokio::process::Command;

/// Prints the interpreter itself, not a shim, and fails where pip is missing: every function needs it.
const PROBE: &str = "import os, sys, pip; print(os.path.realpath(sys.executable))";

/// The `X.Y` of an official Python image such as `…/python:3.10-slim`.
pub(crate) fn python_version(image: &str) -> Option<&str> {
    let name = image.split('@').next()?.rsplit('/').next()?;
    let (name, tag) = name.split_once(':')?;
    let version = tag.split('-').next()?;
    let (major, rest) = version.split_once('.')?;
    let minor = rest.split('.').next()?;
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    (name == "python" && digits(major) && digits(minor)).then(|| &version[..=major.len() + minor.len()])
}

/// The Python interpreters that pods may use.
pub struct Interpreters {
    path: Vec<PathBuf>,
    pyenv: Option<PathBuf>,
    found: Mutex<HashMap<String, PathBuf>>,
}

impl Interpreters {
    /// Looks in pyenv's versions first (each brings its own pip), then on the `PATH`.
    #[must_use]
    pub fn of_this_machine() -> Self {
        let pyenv = env::var_os("PYENV_ROOT").map(PathBuf::from).or_else(|| Some(env::home_dir()?.join(".pyenv")));
        let path = env::split_paths(&env::var_os("PATH").unwrap_or_default()).collect();
        Self::new(path, pyenv.map(|root| root.join("versions")))
    }

    /// Looks in the folder `pyenv` of versions, then in the folders of `path`.
    #[must_use]
    pub fn new(path: Vec<PathBuf>, pyenv: Option<PathBuf>) -> Self {
        Self { path, pyenv, found: Mutex::default() }
    }

    /// The interpreter for Python `version` (`X.Y`).
    ///
    /// # Errors
    /// What is missing and how to install it. Only finds are remembered: what is installed later is noticed.
    pub(crate) async fn find(&self, version: &str) -> Result<PathBuf, String> {
        if let Some(interpreter) = locked(&self.found).get(version) {
            return Ok(interpreter.clone());
        }
        for candidate in self.candidates(version) {
            let probe = Command::new(&candidate).args(["-c", PROBE]).kill_on_drop(true).output().await;
            if let Some(output) = probe.ok().filter(|output| output.status.success()) {
                let interpreter = PathBuf::from(String::from_utf8_lossy(&output.stdout).trim());
                locked(&self.found).insert(version.to_owned(), interpreter.clone());
                return Ok(interpreter);
            }
        }
        Err(format!(
            "Python {version} with pip is not installed on this machine, where pods run as processes: install it \
             with `pyenv install {version}`, or put a python{version} that has pip on the PATH"
        ))
    }

    fn candidates(&self, version: &str) -> Vec<PathBuf> {
        let on_path = self.path.iter().map(|folder| folder.join(format!("python{version}")));
        let all = self.pyenv.iter().flat_map(|versions| newest_first(versions, version)).chain(on_path);
        all.filter(|candidate| candidate.is_file()).collect()
    }
}

/// The interpreters below a folder named after versions, such as `3.10.13`, that are a patch release of `version`.
fn newest_first(versions: &Path, version: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(versions).into_iter().flatten().flatten();
    let mut patches: Vec<(u32, PathBuf)> = entries
        .filter_map(|entry| {
            let name = entry.file_name().into_string().ok()?;
            let patch = name.strip_prefix(version)?.strip_prefix('.')?.parse().ok()?;
            Some((patch, entry.path().join("bin/python")))
        })
        .collect();
    patches.sort_by(|a, b| b.cmp(a));
    patches.into_iter().map(|(_, path)| path).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn the_version_is_read_from_python_images_only() {
        for (image, version) in [
            ("public.ecr.aws/docker/library/python:3.10-slim", Some("3.10")),
            ("python:3.8", Some("3.8")),
            ("localhost:5000/python:3.11.7-slim-bookworm@sha256:00", Some("3.11")),
            ("python:slim", None),
            ("python:3-slim", None),
            ("python", None),
            ("pytorch/python3:3.10", None),
            ("busybox:1.36", None),
        ] {
            assert_eq!(python_version(image), version, "{image}");
        }
    }

    /// Written by a process of its own: what this one writes, a child that another test has just forked may still have
    /// open, and then it cannot be run.
    fn fake_interpreter(path: &Path, script: &str) {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let write = r##"printf '#!/bin/sh\n%s\n' "$2" >"$1" && chmod 755 "$1""##;
        let written = std::process::Command::new("sh").args(["-c", write, "sh"]).arg(path).arg(script).status();
        assert!(written.unwrap().success());
    }

    #[tokio::test]
    async fn the_newest_patch_release_that_works_is_taken() {
        let folder = env::temp_dir().join(format!("interpreters-{}", uuid::Uuid::new_v4()));
        fake_interpreter(&folder.join("versions/3.10.2/bin/python"), "echo older");
        fake_interpreter(&folder.join("versions/3.10.13/bin/python"), "echo newest");
        fake_interpreter(&folder.join("versions/3.11.1/bin/python"), "exit 1");
        fake_interpreter(&folder.join("path/python3.11"), "echo fallback");
        let interpreters = Interpreters::new(vec![folder.join("path")], Some(folder.join("versions")));

        assert_eq!(interpreters.find("3.10").await, Ok(PathBuf::from("newest")));
        assert_eq!(interpreters.find("3.11").await, Ok(PathBuf::from("fallback")));
        let missing = interpreters.find("3.7").await.unwrap_err();
        assert!(missing.contains("Python 3.7") && missing.contains("pyenv install 3.7"), "{missing}");
        fs::remove_dir_all(folder).unwrap();
    }
}
