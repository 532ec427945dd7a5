//! The test suites: what runs, where, with what in its environment.

use super::Part;
use super::programs::Program;
use crate::Error;
use crate::account::Interpreters;
use crate::emulator::forget_own_aws;
use crate::install::binaries::Binaries;
use crate::install::{Installed, Installer, kubernetes, python};
use crate::paths::{self, Directory};
use std::path::{Path, PathBuf};
use tokio::process::Command;

/// Commands that are run one after the other; what failed does not keep the next from being run.
pub(crate) struct Suite {
    pub(crate) name: &'static str,
    pub(crate) part: Part,
    pub(crate) lane: Lane,
    pub(crate) commands: Vec<Command>,
}

/// Two lanes go on side by side: whole stacks wait for half of their time, and take as long as all the rest together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lane {
    Stacks,
    Rest,
}

/// The package of the tests that start stacks, and the longest of them.
const SYSTEM: &str = "tests/";
const LONGEST: &str = "tests/e2e";

/// All suites that are asked for, in the order in which they are worth running.
pub(crate) async fn all(
    installer: &Installer,
    installed: &Installed,
    wanted: impl Fn(Part) -> bool,
) -> Result<Vec<Suite>, Error> {
    let checkout = paths::checkout();
    let suite = |name, part, lane, commands| Suite { name, part, lane, commands };
    let mut suites = vec![];
    if wanted(Part::Rust) || wanted(Part::EndToEnd) {
        let folder = installed.binaries.together(&installer.directory)?;
        let command = |program: &Program| {
            let mut command = program.command();
            command.env(kubernetes::VARIABLE, &installed.kubernetes).env(Binaries::VARIABLE, &folder);
            command
        };
        // In hundreds of lines Rust's own harness would say that all is well; the system's tests have few and long ones.
        let quietly = |program: &Program| {
            let mut command = command(program);
            // Properties are tried with the same cases each time, so that nothing but a change makes a test fail; without
            // this, `cargo test` tries others.
            command.arg("--quiet").env("PROPTEST_RNG_SEED", "1");
            command
        };
        let (system, crates): (Vec<_>, Vec<_>) =
            Program::all(installer).await?.into_iter().partition(|program| program.name.starts_with(SYSTEM));
        let (longest, system): (Vec<_>, Vec<_>) = system.into_iter().partition(|program| program.name == LONGEST);
        suites.push(suite("crates", Part::Rust, Lane::Rest, crates.iter().map(quietly).collect()));
        suites.push(suite("system", Part::EndToEnd, Lane::Rest, system.iter().map(command).collect()));
        suites.push(suite("end to end", Part::EndToEnd, Lane::Stacks, longest.iter().map(command).collect()));
    }
    if wanted(Part::Python) {
        let mut runner = Command::new(python_for_runner().await?);
        runner.args(["-m", "unittest"]).current_dir(checkout.join("functions/runner"));
        let mut emulator = Command::new(&installed.python);
        forget_own_aws(&mut emulator);
        emulator.args(["-m", "unittest", "discover", "infra/local/emulator/tests"]).current_dir(&checkout);
        let mut build = Command::new(&installed.python);
        build.args(["-m", "unittest", "discover", "infra/build/tests"]).current_dir(&checkout);
        suites.push(suite("runner", Part::Python, Lane::Rest, vec![runner]));
        suites.push(suite("emulator", Part::Python, Lane::Rest, vec![emulator]));
        suites.push(suite("build", Part::Python, Lane::Rest, vec![build]));
    }
    if wanted(Part::Terraform) {
        let commands = terraform(installed, &installer.directory)?;
        suites.push(suite("module", Part::Terraform, Lane::Rest, commands));
    }
    suites.retain(|suite| wanted(suite.part));
    Ok(suites)
}
/// The runner's tests use nothing but the standard library, on a Python that pods may have too.
async fn python_for_runner() -> Result<PathBuf, Error> {
    let interpreters = Interpreters::of_this_machine();
    for version in ["3.11", "3.10", "3.12", "3.9", "3.8"] {
        if let Ok(path) = interpreters.find(version).await {
            return Ok(path);
        }
    }
    Err(Error::Missing { what: "no Python from 3.8 to 3.12 with pip".to_owned(), remedy: python::REMEDY.to_owned() })
}

/// Works on a copy: Terraform leaves files beside the module, and none of them is for this checkout.
fn terraform(installed: &Installed, directory: &Directory) -> Result<Vec<Command>, Error> {
    let copy = directory.fresh_folder("test-terraform")?;
    copy_folder(&paths::checkout().join("terraform"), &copy)?;
    let command = |arguments: &[&str]| {
        let mut command = Command::new("terraform");
        forget_own_aws(&mut command);
        command.args(arguments).current_dir(&copy).envs(installed.provider.environment());
        command.env("CHECKPOINT_DISABLE", "1").env("TF_IN_AUTOMATION", "1").env("NO_COLOR", "1");
        command
    };
    Ok(vec![
        command(&["fmt", "-check", "-recursive", "-diff"]),
        command(&["init", "-backend=false", "-input=false", "-no-color"]),
        command(&["validate", "-no-color"]),
        command(&["test", "-no-color"]),
    ])
}

fn copy_folder(from: &Path, to: &Path) -> Result<(), Error> {
    let failed = |source| Error::Files { attempt: format!("copy {}", from.display()), source };
    std::fs::create_dir_all(to).map_err(failed)?;
    for entry in std::fs::read_dir(from).map_err(failed)? {
        let (path, name) = entry.map(|entry| (entry.path(), entry.file_name())).map_err(failed)?;
        if path.is_dir() && !name.to_string_lossy().starts_with('.') {
            copy_folder(&path, &to.join(name))?;
        } else if path.is_file() {
            std::fs::copy(&path, to.join(name)).map_err(failed)?;
        }
    }
    Ok(())
}
