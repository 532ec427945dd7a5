//! The published Python SDK drives the stack: the suite in `tests/sdk`, in a virtual environment for each version.

use crate::World;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::process::Command;

/// Versions of Python that the SDK can be installed on and its pins are for, the preferred first.
const PYTHONS: [&str; 2] = ["3.11", "3.10"];

/// The version that an unpinned installation gives.
pub async fn newest(world: Arc<World>) {
    suite(&world, "0.3.6").await;
}

/// The version whose own names the documents use.
pub async fn documented(world: Arc<World>) {
    suite(&world, "0.2.12").await;
}

/// Not a case but a measurement: how long flows take, seen through the SDK.
pub async fn figures(world: Arc<World>) {
    let status = python(&world, "0.3.6", &["figures.py"]).await.status().await.expect("the environment's Python runs");
    assert!(status.success(), "{status}");
}

async fn suite(world: &World, version: &str) {
    let log = world.stack.directory.log(&format!("sdk-{version}"));
    // What comes after a failure would wait in vain for what it has not brought about.
    let arguments = ["-m", "unittest", "discover", "--buffer", "--failfast", "-s", "suite", "-t", "."];
    let mut command = python(world, version, &arguments).await;
    let file = std::fs::File::create(&log).expect("a log");
    command.stdout(file.try_clone().expect("a log")).stderr(file);
    let status = command.status().await.expect("the environment's Python runs");
    let told = std::fs::read_to_string(&log).expect("a log");
    assert!(status.success(), "with the SDK {version}: {}", crate::report::tail(&log, 40, 1400));
    let ran = told.lines().rev().find(|line| line.starts_with("Ran ")).unwrap_or("Ran nothing");
    println!("{ran} (the SDK {version})");
}

/// The Python of an environment with the SDK, told where the server is.
async fn python(world: &World, version: &str, arguments: &[&str]) -> Command {
    let python = environment(version).await;
    let home = prepare_home(world);
    let mut command = Command::new(python);
    command
        .args(arguments)
        .current_dir(folder())
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("ONDEMAND_API", world.stack.api_url.replace("127.0.0.1", "localhost"))
        .env("ONDEMAND_KEY", &world.stack.api_key)
        .env("ONDEMAND_CREDENTIALS", &world.stack.credentials_file)
        .env("ONDEMAND_HOME", home)
        .env("SDK_VERSION", version)
        .env("NO_PROXY", "127.0.0.1,localhost")
        .kill_on_drop(true);
    command
}

/// What a user of the newest SDK is told whose flow needs a cluster that cannot be created.
pub async fn refused(world: &World, engine: &str) -> String {
    let output = Command::new(environment("0.3.6").await)
        .arg("refused.py")
        .current_dir(folder())
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("ONDEMAND_API", world.stack.api_url.replace("127.0.0.1", "localhost"))
        .env("ONDEMAND_KEY", &world.stack.api_key)
        .env("ONDEMAND_ENGINE", engine)
        .env("SDK_VERSION", "0.3.6")
        .env("NO_PROXY", "127.0.0.1,localhost")
        .kill_on_drop(true)
        .output()
        .await
        .expect("the environment's Python runs");
    let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{text}");
    text
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("sdk")
}

/// A home folder as the documents take it for granted: with AWS credentials, and with the server's key.
fn prepare_home(world: &World) -> PathBuf {
    let home = home(world.stack.directory.as_ref());
    let key = home.join(".aqueduct/server/config");
    for folder in [&home.join(".aws"), &key] {
        std::fs::create_dir_all(folder).expect("a folder");
    }
    std::fs::copy(&world.stack.credentials_file, home.join(".aws/credentials")).expect("a copy of the credentials");
    std::fs::write(key.join("config.yml"), format!("apiKey: {}\n", world.stack.api_key)).expect("the key");
    home
}

/// The home folder of the server, where it looks for `~`.
pub fn home(stack: &Path) -> PathBuf {
    stack.join("home")
}

/// The interpreter of an environment that has the SDK and all it needs as pinned: made once, and named after the pins.
async fn environment(version: &str) -> PathBuf {
    let requirements = folder().join(format!("requirements-{version}.txt"));
    let pins = std::fs::read(&requirements).expect("the pinned requirements");
    let base = base().await;
    let name = uuid::Uuid::new_v5(&uuid::Uuid::NAMESPACE_OID, &[base.as_os_str().as_encoded_bytes(), &pins].concat());
    let made = local::paths::cache().join("sdk").join(name.simple().to_string());
    let python = made.join("bin/python");
    if python.exists() {
        return python;
    }
    // Cases go on side by side, and several want the same.
    static ONE_AT_A_TIME: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());
    let _turn = ONE_AT_A_TIME.lock().await;
    if python.exists() {
        return python;
    }
    println!("installing the SDK {version}: a minute");
    // Under another name until it is whole: what is interrupted is not taken for an environment.
    let unfinished = made.with_extension(std::process::id().to_string());
    run(Command::new(base).args(["-m", "venv", "--clear"]).arg(&unfinished)).await;
    let mut install = Command::new(unfinished.join("bin/python"));
    install.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input", "-r"]);
    run(install.arg(requirements)).await;
    if std::fs::rename(&unfinished, &made).is_err() {
        // Another process was faster.
        std::fs::remove_dir_all(&unfinished).ok();
    }
    python
}

async fn run(command: &mut Command) {
    let status = command.kill_on_drop(true).status().await.expect("Python runs");
    assert!(status.success(), "{command:?}: {status}");
}

/// A Python of this machine that the SDK can be installed on: one on the `PATH`, or one of pyenv's.
async fn base() -> PathBuf {
    for version in PYTHONS {
        let pyenv = std::env::home_dir().unwrap_or_default().join(".pyenv/versions");
        let of_pyenv = std::fs::read_dir(pyenv).into_iter().flatten().flatten().map(|entry| entry.path());
        let of_pyenv = of_pyenv.filter(|path| {
            path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(&format!("{version}.")))
        });
        let candidates =
            of_pyenv.map(|path| path.join("bin/python")).chain([PathBuf::from(format!("python{version}"))]);
        for candidate in candidates {
            let probe = Command::new(&candidate).args(["-c", "import ensurepip, venv"]).output().await;
            if probe.is_ok_and(|output| output.status.success()) {
                return candidate;
            }
        }
    }
    panic!("the SDK needs Python 3.11 or 3.10 with venv: install one, for example with `pyenv install 3.11`");
}
