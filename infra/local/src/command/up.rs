//! `up` and `down`: a stack to work with.

use super::interrupt::interrupted;
use super::session::{Held, Session};
use super::{Options, directory};
use crate::credentials::{SdkKey, give_to_sdk};
use crate::paths::Directory;
use crate::{Error, Progress, Stack};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::time::{Duration, Instant};

/// How long a stack may take to end in order: a build gets time to let go of its state.
const PATIENCE: Duration = Duration::from_secs(90);

/// Starts a stack and keeps it until it is interrupted.
///
/// # Errors
/// If it cannot be started, or a part of it ends by itself.
pub async fn up(options: Options) -> Result<(), Error> {
    let progress = Progress::terminal();
    with_stack(options, &progress, async |stack| {
        greet(&progress, stack)?;
        std::future::pending().await
    })
    .await
    .map(drop)
}

/// How a stack came to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ended {
    /// What was to be done with it was done.
    Done,
    /// Somebody asked us to end.
    Interrupted,
}

/// Starts a stack, does something with it, and ends it: when that is done, when a part of the stack dies, or when
/// we are interrupted, whichever comes first.
pub(crate) async fn with_stack(
    options: Options,
    progress: &Progress,
    act: impl AsyncFnOnce(&Stack) -> Result<(), Error>,
) -> Result<Ended, Error> {
    let held = Held::take(&Directory::create(&directory())?)?;
    let stack = tokio::select! {
        stack = Stack::start(options.config(progress.clone())) => stack?,
        () = interrupted() => return Err(Error::State("interrupted; what was installed so far is kept".to_owned())),
    };
    held.announce(&stack)?;
    let result = tokio::select! {
        result = act(&stack) => result.map(|()| Ended::Done),
        text = stack.died() => Err(Error::Died(text)),
        () = interrupted() => Ok(Ended::Interrupted),
    };
    let step = progress.step("stopping");
    tokio::select! {
        () = stack.shutdown() => step.done("nothing is left running"),
        // Once more: then without order. The watchdog ends what is left.
        () = interrupted() => {}
    }
    result
}

fn greet(progress: &Progress, stack: &Stack) -> Result<(), Error> {
    let url = localhost(&stack.api_url);
    progress.say(sdk_key(stack)?);
    progress.say(format!(
        "\nTry:\n  curl -H \"api-key: $(cat .local/api-key)\" {url}/v1/integrations\n  \
         curl -H \"api-key: $(cat .local/api-key)\" -H 'content-type: application/json' {url}/v1/integrations -d '{}'\n\
         Logs are in .local/logs. Stop with Ctrl-C or `cargo local down`.",
        serde_json::json!({"name": "aws", "config": {
            "config_file_path": stack.credentials_file, "config_file_profile": stack.credentials_profile}})
    ));
    Ok(())
}

/// Gives the SDK the key, and says what came of it.
pub(crate) fn sdk_key(stack: &Stack) -> Result<String, Error> {
    let home = std::env::home_dir().unwrap_or_default();
    let address = localhost(&stack.api_url);
    Ok(match give_to_sdk(&home, &stack.api_key)? {
        SdkKey::Written(path) if address.ends_with(":8080") => {
            format!("The API key is in .local/api-key, and in {} for the SDK's Client()", path.display())
        }
        SdkKey::Written(path) => format!(
            "The API key is in .local/api-key, and in {} for the SDK's Client(aqueduct_address=\"{address}\")",
            path.display()
        ),
        SdkKey::Foreign(path) => format!(
            "The API key is in .local/api-key. {} belongs to something else and was left alone, so use the SDK as\n  \
             Client(open(\".local/api-key\").read().strip(), \"{address}\")",
            path.display()
        ),
    })
}

/// The address as people and the SDK write it.
pub(crate) fn localhost(url: &str) -> String {
    url.replace("127.0.0.1", "localhost")
}

/// Ends the stack that another process runs.
///
/// # Errors
/// If there is none, or it does not end.
pub async fn down() -> Result<(), Error> {
    let directory = Directory::create(&directory())?;
    let Some(session) = Session::running(&directory)? else {
        println!("local mode is not up");
        return Ok(());
    };
    let progress = Progress::terminal();
    let step = progress.step("stopping");
    let failed = |error: nix::errno::Errno| Error::Files {
        attempt: format!("stop process {}", session.pid),
        source: error.into(),
    };
    kill(Pid::from_raw(session.pid), Signal::SIGTERM).map_err(failed)?;
    let started = Instant::now();
    while Session::running(&directory)?.is_some() {
        if started.elapsed() > PATIENCE {
            let hint = format!("; kill process {} and what it started ends with it", session.pid);
            return Err(Error::TooLong { what: "the end of local mode".to_owned(), seconds: PATIENCE.as_secs(), hint });
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    step.done("nothing is left running");
    Ok(())
}
