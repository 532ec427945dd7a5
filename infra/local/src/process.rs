//! Running programs to their end, with a log and with their lines told as they come.

use crate::Error;
use crate::account::process::{Process, Watchdog};
use std::fs::File;
use std::io::{BufRead, BufReader, PipeReader, Write};
use std::path::Path;
use std::process::ExitStatus;
use std::sync::Arc;
use tokio::process::Command;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

const TAIL_LINES: usize = 15;

/// Where a program wrote a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stream {
    Out,
    Err,
}

/// Starts the shell that ends what we started, should we be killed without a word.
pub(crate) fn watchdog() -> Result<Arc<Watchdog>, Error> {
    Watchdog::start().map_err(|source| Error::Spawn { program: "sh".to_owned(), source })
}

/// Runs `command`, which is to do `what`, and fails unless it succeeds. Standard error goes to the log, as does
/// standard output, unless `on_line` says `false`: that line is data.
pub(crate) async fn run(
    watchdog: &Arc<Watchdog>,
    what: &str,
    mut command: Command,
    log: &Path,
    mut on_line: impl FnMut(Stream, &str) -> bool + Send,
) -> Result<(), Error> {
    let program = command.as_std().get_program().to_string_lossy().into_owned();
    let spawn = |source| Error::Spawn { program: program.clone(), source };
    let logging = |source| Error::Files { attempt: format!("write the log {}", log.display()), source };
    let mut file = File::create(log).map_err(logging)?;
    let (out, out_end) = std::io::pipe().map_err(spawn)?;
    let (err, err_end) = std::io::pipe().map_err(spawn)?;
    command.stdout(out_end).stderr(err_end);
    // The command, and with it our ends of the pipes, is dropped once the process has its own.
    let mut process = Process::spawn(watchdog, command).map_err(spawn)?;

    let (lines, mut received) = unbounded_channel();
    read_lines(out, Stream::Out, lines.clone());
    read_lines(err, Stream::Err, lines);
    while let Some((stream, line)) = received.recv().await {
        if on_line(stream, &line) {
            writeln!(file, "{line}").map_err(logging)?;
        }
    }
    let status = process.wait().await.map_err(spawn)?;
    if status.success() { Ok(()) } else { Err(failed(what, status, log)) }
}

/// The error of a program that failed, with the end of its log.
pub(crate) fn failed(what: &str, status: ExitStatus, log: &Path) -> Error {
    Error::Failed { what: what.to_owned(), status: status.to_string(), log: log.to_path_buf(), tail: tail(log) }
}

/// The last lines of a log.
pub(crate) fn tail(log: &Path) -> String {
    let text = std::fs::read(log).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(TAIL_LINES)..].join("\n")
}

/// Reads on a thread of its own, since a pipe can only be waited for.
fn read_lines(pipe: PipeReader, stream: Stream, to: UnboundedSender<(Stream, String)>) {
    std::thread::spawn(move || {
        for line in BufReader::new(pipe).split(b'\n').map_while(Result::ok) {
            let line = String::from_utf8_lossy(&line).trim_end().to_owned();
            if to.send((stream, line)).is_err() {
                return;
            }
        }
    });
}
