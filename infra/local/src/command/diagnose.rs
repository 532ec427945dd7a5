//! `diagnose`: what is wrong with a build, from its log.

use crate::Error;
use domain::diagnosis::Diagnosis;
use std::io::{self, ErrorKind, Read, Write, stdin, stdout};

/// Reads a log from standard input and prints what it shows as JSON, whether that is good or bad.
///
/// # Errors
/// If standard input cannot be read, or standard output cannot be written to.
pub fn diagnose() -> Result<(), Error> {
    let mut log = vec![];
    stdin().read_to_end(&mut log).map_err(failed("read standard input"))?;
    let diagnosis = Diagnosis::read(&String::from_utf8_lossy(&log));
    let text = serde_json::to_string_pretty(&diagnosis).map_err(io::Error::other);
    let written = text.and_then(|text| writeln!(stdout(), "{text}"));
    match written {
        // Whoever reads the answer has seen enough.
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        written => written.map_err(failed("write to standard output")),
    }
}

fn failed(attempt: &'static str) -> impl Fn(io::Error) -> Error {
    move |source| Error::Files { attempt: attempt.to_owned(), source }
}
