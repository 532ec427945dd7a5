//! The test programs, built by one cargo: asked for package by package, it would build the libraries that they share
//! once for each set of features.

use crate::Error;
use crate::install::Installer;
use crate::install::binaries::cargo;
use crate::process::{Stream, run};
use serde_json::Value;
use std::path::{Path, PathBuf};
use tokio::process::Command;

/// The folder of a test run's programs.
pub(crate) const KEPT: &str = "test-programs";

/// One program of tests.
pub(crate) struct Program {
    /// What it tests, such as `domain` or `local/account`.
    pub(crate) name: String,
    /// The folder of its package.
    pub(crate) folder: PathBuf,
    program: PathBuf,
}

impl Program {
    /// Builds all of the workspace.
    pub(crate) async fn all(installer: &Installer) -> Result<Vec<Self>, Error> {
        let step = installer.progress.step("tests");
        step.update("cargo test --no-run");
        let mut command = cargo();
        command.args(["test", "--workspace", "--no-run", "--message-format=json-render-diagnostics"]);
        let mut programs = vec![];
        let log = installer.directory.log("build-tests");
        run(&installer.watchdog, "building the tests", command, &log, |stream, line| {
            if stream == Stream::Out {
                programs.extend(Self::built(line));
            } else if let Some(package) = line.trim_start().strip_prefix("Compiling ") {
                step.update(format!("compiling {}", package.split(" (").next().unwrap_or(package)));
            } else if line.starts_with("error") || line.starts_with("warning") {
                installer.progress.say(line);
            }
            stream == Stream::Err
        })
        .await?;
        programs.sort_by(|one, other| one.name.cmp(&other.name));
        let folder = installer.directory.fresh_folder(KEPT)?;
        programs.iter_mut().for_each(|program| program.keep(&folder));
        step.done("built");
        Ok(programs)
    }

    /// Links the program into a folder: checkouts may share a target folder, and what another one builds there must not
    /// be run here. On another file system it stays where it is, since a copy of all would be large.
    fn keep(&mut self, folder: &Path) {
        let kept = folder.join(self.program.file_name().unwrap_or_default());
        if std::fs::hard_link(&self.program, &kept).is_ok() {
            self.program = kept;
        }
    }

    /// The test program that a message of cargo's tells of.
    fn built(line: &str) -> Option<Self> {
        let message: Value = serde_json::from_str(line).ok()?;
        let program = PathBuf::from(message["executable"].as_str()?);
        let folder = Path::new(message["manifest_path"].as_str()?).parent()?.to_path_buf();
        let package = folder.file_name()?.to_string_lossy().into_owned();
        let kinds = message["target"]["kind"].as_array()?;
        let is_own = kinds.iter().any(|kind| kind == "test");
        let name = if is_own { format!("{package}/{}", message["target"]["name"].as_str()?) } else { package };
        (message["profile"]["test"] == true).then_some(Self { name, folder, program })
    }

    /// A command that runs it as cargo does.
    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.current_dir(&self.folder).env("CARGO_MANIFEST_DIR", &self.folder);
        command
    }
}

#[cfg(test)]
mod tests {
    use super::Program;
    use std::path::PathBuf;

    #[tokio::test]
    async fn a_program_that_is_kept_is_run_though_another_is_built() {
        let folder = std::env::temp_dir().join(format!("programs-{}", uuid::Uuid::new_v4()));
        std::fs::create_dir_all(folder.join("kept")).unwrap();
        let (built, other) = (folder.join("http-1"), folder.join("other"));
        // By a process of its own: what this one writes, a child that another test forks may still have open.
        for (from, to) in [("/bin/true", &built), ("/bin/false", &other)] {
            assert!(std::process::Command::new("cp").arg(from).arg(to).status().unwrap().success());
        }
        let mut program = Program { name: "api/http".to_owned(), folder: folder.clone(), program: built.clone() };
        program.keep(&folder.join("kept"));
        std::fs::rename(other, built).unwrap();
        assert!(program.command().status().await.unwrap().success());
        std::fs::remove_dir_all(folder).unwrap();
        let mut gone =
            Program { name: String::new(), folder: PathBuf::new(), program: PathBuf::from("/nowhere/http-1") };
        gone.keep(&PathBuf::from("/nowhere"));
        assert_eq!(gone.program, PathBuf::from("/nowhere/http-1"));
    }

    #[test]
    fn programs_of_tests_are_told_from_others() {
        let message = |test: bool, kind: &str| {
            format!(
                r#"{{"reason":"compiler-artifact","manifest_path":"/c/functions/api/Cargo.toml","executable":"/t/http-1",
                    "target":{{"name":"http","kind":["{kind}"]}},"profile":{{"test":{test}}}}}"#
            )
        };
        let name = |line: &str| Program::built(line).map(|program| program.name);
        assert_eq!(name(&message(true, "test")).as_deref(), Some("api/http"));
        assert_eq!(name(&message(true, "lib")).as_deref(), Some("api"));
        assert_eq!(name(&message(false, "bin")), None, "a program that was built for tests to use");
        assert_eq!(name(r#"{"reason":"build-finished","success":true}"#), None);
    }
}
