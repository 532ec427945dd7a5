//! The functions, built for this machine by the cargo that runs us.

use super::Installer;
use crate::paths::Directory;
use crate::process::{Stream, run};
use crate::{Error, paths};
use serde_json::Value;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use tokio::process::Command;

/// The functions' names in the template and in the bucket.
pub(crate) const FUNCTIONS: [&str; 4] = ["api", "run", "cluster", "keepalive"];
const PROVIDER: &str = "terraform-provider-aws";

/// Where the programs are.
pub(crate) struct Binaries {
    /// Each function's program, without symbols.
    pub(crate) functions: BTreeMap<&'static str, PathBuf>,
    /// The stand-in Terraform provider.
    pub(crate) provider: PathBuf,
}

impl Binaries {
    /// Builds what has changed, unless the programs are given.
    pub(crate) async fn build(installer: &Installer) -> Result<Self, Error> {
        let step = installer.progress.step("functions");
        if let Some(folder) = std::env::var_os(Self::VARIABLE).map(PathBuf::from) {
            let given = Self::given(&folder)?;
            step.done(format!("those in {}", folder.display()));
            return Ok(given);
        }
        step.update("cargo build");
        let mut command = cargo();
        command.args(["build", "--message-format=json-render-diagnostics", "-p", "ondemand-eks-terraform-provider"]);
        // Ourselves too: with the same packages as `cargo local` has just built, there is nothing to do.
        command.args(["-p", "ondemand-eks-local"]);
        for function in FUNCTIONS {
            command.args(["-p", &format!("ondemand-eks-{function}")]);
        }
        let mut executables = BTreeMap::new();
        let mut compiled = 0;
        let log = installer.directory.log("build-functions");
        run(&installer.watchdog, "building the functions", command, &log, |stream, line| match stream {
            Stream::Out => {
                executables.extend(executable(line));
                false
            }
            Stream::Err => {
                if let Some(package) = line.trim_start().strip_prefix("Compiling ") {
                    compiled += 1;
                    step.update(format!(
                        "compiling {} ({compiled} so far)",
                        package.split(" (").next().unwrap_or(package)
                    ));
                } else if line.trim_start().starts_with("Blocking") {
                    step.update("another cargo is building");
                }
                true
            }
        })
        .await?;

        let find = |name: &str| {
            let missing = || Error::Missing {
                what: format!("cargo built no program '{name}'"),
                remedy: format!("see {}", log.display()),
            };
            executables.get(name).cloned().ok_or_else(missing)
        };
        let provider = find(PROVIDER)?;
        let folder = beside(&provider)?;
        let mut functions = BTreeMap::new();
        for function in FUNCTIONS {
            step.update(format!("stripping {function}"));
            let built = find(function)?;
            let stripped = folder.join(function);
            if is_newer(&built, &stripped) {
                strip(&built, &stripped).await?;
            }
            functions.insert(function, stripped);
        }
        let binaries = Self { functions, provider };
        match compiled {
            0 => drop(step),
            _ => step.done("built"),
        }
        Ok(binaries)
    }
}

impl Binaries {
    /// Names a folder with all programs, built before, to be used as they are.
    pub(crate) const VARIABLE: &str = "ONDEMAND_EKS_BINARIES";

    /// A folder with all programs as they are now, for others to be given.
    pub(crate) fn together(&self, directory: &Directory) -> Result<PathBuf, Error> {
        let folder = directory.fresh_folder("programs")?;
        let functions = self.functions.iter().map(|(name, path)| (*name, path));
        for (name, path) in functions.chain([(PROVIDER, &self.provider)]) {
            keep(path, &folder.join(name))?;
        }
        Ok(folder)
    }

    fn given(folder: &Path) -> Result<Self, Error> {
        let find = |name: &str| {
            let path = folder.join(name);
            let missing = || Error::Missing {
                what: format!("no program '{name}' in {}", folder.display()),
                remedy: format!("build it, or unset {}", Self::VARIABLE),
            };
            path.is_file().then_some(path).ok_or_else(missing)
        };
        let functions = FUNCTIONS.into_iter().map(|name| Ok((name, find(name)?))).collect::<Result<_, Error>>()?;
        Ok(Self { functions, provider: find(PROVIDER)? })
    }
}

/// A cargo command in the checkout, for the same target folder as the cargo that runs us.
///
/// That cargo has told us in our environment which package we are of. It is not handed on: `ring` watches it, so that
/// with every other way to start a cargo all that uses TLS, ourselves included, would be built anew.
pub(crate) fn cargo() -> Command {
    let program = std::env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"));
    let mut command = Command::new(program);
    command.current_dir(paths::checkout());
    for (name, _) in std::env::vars_os().filter(|(name, _)| tells_the_package(&name.to_string_lossy())) {
        command.env_remove(name);
    }
    command
}

/// Whether cargo tells in this variable whose program it runs; the same rule is in `start/src/main.rs`.
fn tells_the_package(variable: &str) -> bool {
    variable.starts_with("CARGO_PKG_") || variable.starts_with("CARGO_MANIFEST_")
}

/// The program that a message of cargo's tells of.
fn executable(line: &str) -> Option<(String, PathBuf)> {
    let message: Value = serde_json::from_str(line).ok()?;
    let path = message["executable"].as_str()?;
    let is_program = message["target"]["kind"].as_array()?.iter().any(|kind| kind == "bin");
    is_program.then_some((message["target"]["name"].as_str()?.to_owned(), PathBuf::from(path)))
}

/// A folder of ours in cargo's target folder, where it is removed with everything else that was built.
pub(crate) fn beside(built: &Path) -> Result<PathBuf, Error> {
    let folder = built.with_file_name("local-mode");
    let failed = |source| Error::Files { attempt: format!("make the folder {}", folder.display()), source };
    std::fs::create_dir_all(&folder).map_err(failed)?;
    Ok(folder)
}

/// Keeps a program that was built as it is, whatever is built after it: checkouts may share a target folder. A link will
/// do, since whoever builds it anew makes a new file; on another file system it takes a copy.
pub(crate) fn keep(built: &Path, kept: &Path) -> Result<(), Error> {
    let failed = |source| Error::Files { attempt: format!("copy {}", built.display()), source };
    std::fs::hard_link(built, kept).or_else(|_| std::fs::copy(built, kept).map(drop)).map_err(failed)
}

pub(crate) fn is_newer(source: &Path, copy: &Path) -> bool {
    let modified = |path: &Path| path.metadata().and_then(|data| data.modified()).ok();
    modified(copy).is_none_or(|copied| modified(source).is_none_or(|built| built >= copied))
}

/// Symbols make a program many times larger, which an upload and a start would feel.
async fn strip(from: &Path, to: &Path) -> Result<(), Error> {
    // Under another name until it is whole: another process may be doing the same, or reading.
    let unfinished = to.with_extension(std::process::id().to_string());
    let failed = |source| Error::Files { attempt: format!("copy {}", from.display()), source };
    let status = Command::new("strip").arg("-o").arg(&unfinished).arg(from).status().await;
    if !status.is_ok_and(|status| status.success()) {
        std::fs::copy(from, &unfinished).map_err(failed)?;
    }
    std::fs::rename(unfinished, to).map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_of_cargo_are_handed_on_and_whose_program_runs_is_not() {
        for name in ["CARGO_PKG_VERSION_MAJOR", "CARGO_PKG_NAME", "CARGO_MANIFEST_DIR", "CARGO_MANIFEST_LINKS"] {
            assert!(tells_the_package(name), "{name}");
        }
        for name in ["CARGO_TARGET_DIR", "CARGO_HOME", "CARGO_TERM_COLOR", "CARGO_NET_OFFLINE", "PATH"] {
            assert!(!tells_the_package(name), "{name}");
        }
    }

    #[test]
    fn what_is_kept_stays_when_it_is_built_anew() {
        let folder = std::env::temp_dir().join(format!("kept-{}", uuid::Uuid::new_v4()));
        std::fs::create_dir_all(&folder).unwrap();
        let (built, unfinished, kept) = (folder.join("api"), folder.join("api.1"), folder.join("kept"));
        std::fs::write(&built, "one").unwrap();
        keep(&built, &kept).unwrap();
        std::fs::write(&unfinished, "two").unwrap();
        std::fs::rename(unfinished, built).unwrap();
        assert_eq!(std::fs::read_to_string(kept).unwrap(), "one");
        std::fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn programs_are_told_from_libraries_and_tests() {
        let message = |kind: &str, executable: &str| {
            format!(
                r#"{{"reason":"compiler-artifact","target":{{"name":"x","kind":["{kind}"]}},"executable":{executable}}}"#
            )
        };
        assert_eq!(executable(&message("bin", r#""/t/x""#)), Some(("x".to_owned(), PathBuf::from("/t/x"))));
        assert_eq!(executable(&message("lib", "null")), None);
        assert_eq!(executable(&message("test", r#""/t/x""#)), None);
        assert_eq!(executable(r#"{"reason":"build-finished","success":true}"#), None);
    }
}
