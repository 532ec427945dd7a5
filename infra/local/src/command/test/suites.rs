//! The test suites: what runs, where, with what in its environment.

use super::Part;
use crate::Error;
use crate::account::Interpreters;
use crate::emulator::forget_own_aws;
use crate::install::binaries::cargo;
use crate::install::{Installed, kubernetes, python};
use crate::paths::{self, Directory};
use std::path::{Path, PathBuf};
use tokio::process::Command;

/// Commands that are run until one fails.
pub(crate) struct Suite {
    pub(crate) name: &'static str,
    pub(crate) part: Part,
    pub(crate) commands: Vec<Command>,
}

/// All suites, in the order in which they are worth running.
pub(crate) async fn all(installed: &Installed, directory: &Directory) -> Result<Vec<Suite>, Error> {
    let checkout = paths::checkout();
    let mut rust = cargo();
    rust.args(["test", "--workspace", "--exclude", "ondemand-eks-tests"]);
    rust.env(kubernetes::VARIABLE, &installed.kubernetes);

    let mut runner = Command::new(python_for_runner().await?);
    runner.args(["-m", "unittest"]).current_dir(checkout.join("functions/runner"));
    let mut emulator = Command::new(&installed.python);
    forget_own_aws(&mut emulator);
    emulator.args(["-m", "unittest", "discover", "infra/local/emulator/tests"]).current_dir(&checkout);

    let mut build = Command::new(&installed.python);
    build.args(["-m", "unittest", "discover", "infra/build/tests"]).current_dir(&checkout);

    let mut end_to_end = cargo();
    end_to_end.args(["test", "-p", "ondemand-eks-tests"]).env(kubernetes::VARIABLE, &installed.kubernetes);

    let suite = |name, part, commands| Suite { name, part, commands };
    Ok(vec![
        suite("crates", Part::Rust, vec![rust]),
        suite("runner", Part::Python, vec![runner]),
        suite("emulator", Part::Python, vec![emulator]),
        suite("build", Part::Python, vec![build]),
        suite("Terraform module", Part::Terraform, terraform(installed, directory)?),
        suite("end to end", Part::EndToEnd, vec![end_to_end]),
    ])
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
