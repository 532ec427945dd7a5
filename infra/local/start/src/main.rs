//! What `cargo local` runs first: says how long the first start takes, begins its longest part, builds everything
//! else with one cargo, and becomes the program proper.
//!
//! One cargo for all, because cargo compiles a library again for each set of features that its users ask for, and
//! building the local mode and the functions one after the other would compile the large ones twice.

use std::env;
use std::ffi::OsString;
use std::fs::{File, create_dir_all};
use std::io;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

/// The packages that local mode is made of. The installer asks for the same ones, to find them built.
const PACKAGES: [&str; 6] = [
    "ondemand-eks-local",
    "ondemand-eks-terraform-provider",
    "ondemand-eks-api",
    "ondemand-eks-run",
    "ondemand-eks-cluster",
    "ondemand-eks-keepalive",
];
const PROGRAM: &str = "ondemand-eks-local";
/// Commands that need everything; the others must not make anybody wait.
const NEED_ALL: [&str; 3] = ["up", "demo", "test"];

fn main() -> ExitCode {
    let arguments: Vec<OsString> = env::args_os().skip(1).collect();
    match start(&arguments) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Returns only if the program proper could not be started.
fn start(arguments: &[OsString]) -> io::Result<ExitCode> {
    // Asked for now, not when this was compiled: checkouts may share a target folder.
    let manifest =
        env::var_os("CARGO_MANIFEST_DIR").map_or_else(env::current_dir, |folder| Ok(PathBuf::from(folder)))?;
    let checkout = manifest.ancestors().find(|folder| folder.join("infra/template.yaml").is_file());
    let checkout = checkout.ok_or_else(|| io::Error::other("run this in a checkout of ondemand-eks"))?;
    let program = env::current_exe()?.with_file_name(PROGRAM);
    let needs_all = arguments.first().is_some_and(|command| NEED_ALL.iter().any(|name| command == name));
    let wants_help = arguments.iter().any(|argument| argument == "--help" || argument == "-h");
    if !program.is_file() || (needs_all && !wants_help) {
        if !program.is_file() {
            announce();
        }
        begin_kubernetes(checkout)?;
        let mut build = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        build.current_dir(checkout).arg("build").stdin(Stdio::null());
        // Not whose program this is: `ring` watches that, and would be built anew each time with all that uses TLS.
        for (name, _) in env::vars_os() {
            let text = name.to_string_lossy();
            if text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_") {
                build.env_remove(&name);
            }
        }
        for package in PACKAGES {
            build.args(["--package", package]);
        }
        if !build.status()?.success() {
            return Ok(ExitCode::FAILURE);
        }
    }
    Err(Command::new(program).args(arguments).exec())
}

fn announce() {
    eprintln!(
        "The first start takes 10 to 15 minutes on 2 idle cores, later ones take seconds: {}local mode and the\n\
         functions are compiled with one cargo (first output below), and the AWS emulator is installed.",
        if kubernetes().is_some() { "Kubernetes is built from\nDebian's sources on the side, " } else { "" }
    );
}

/// Where Kubernetes' programs are to be; none if they are there already, or come from elsewhere.
fn kubernetes() -> Option<PathBuf> {
    if env::var_os("KUBEBUILDER_ASSETS").is_some_and(|folder| !folder.is_empty()) {
        return None;
    }
    let named = env::var_os("XDG_CACHE_HOME").filter(|folder| !folder.is_empty()).map(PathBuf::from);
    let folder = named.or_else(|| Some(env::home_dir()?.join(".cache")))?.join("ondemand-eks/kubernetes/1.20.2");
    (!folder.join("kube-scheduler").is_file()).then_some(folder)
}

/// Begins to build Kubernetes. Nobody waits for it here: the installer looks for the result, waits for whoever holds
/// the lock on it, and tells how far it is.
fn begin_kubernetes(checkout: &Path) -> io::Result<()> {
    let Some(folder) = kubernetes() else { return Ok(()) };
    let logs = checkout.join(".local/logs");
    create_dir_all(&logs)?;
    let log = File::create(logs.join("build-kubernetes.log"))?;
    let mut build = Command::new("bash");
    build.arg(checkout.join("infra/local/kubernetes/build.sh")).arg(folder).stdin(Stdio::null());
    // In a group of its own, which it ends itself when we are gone.
    build.stdout(log.try_clone()?).stderr(log).process_group(0);
    build.spawn().map(drop)
}
