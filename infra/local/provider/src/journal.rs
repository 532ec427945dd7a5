//! What was asked of "AWS", one JSON object per line: for tests, and for whoever wonders what Terraform did.

use std::{
    fs::OpenOptions,
    io::{self, Write},
    path::PathBuf,
    time::{SystemTime, UNIX_EPOCH},
};

use serde_json::{Value as Json, json};

use crate::value::Value;

/// Never written down, whatever the schema says of them.
const SECRET: [&str; 4] = ["access_key", "secret_key", "token", "password"];

/// The journal, or nothing if the environment names none.
#[derive(Debug)]
pub struct Journal {
    path: Option<PathBuf>,
}

impl Journal {
    /// A journal in a file, which several providers may share.
    pub fn new(path: Option<PathBuf>) -> Self {
        Self { path }
    }

    /// Writes down an operation that worked.
    pub fn done(&self, operation: &str, ty: &str, name: &str, values: &Value) -> io::Result<()> {
        self.line(json!({"operation": operation, "type": ty, "name": name, "values": without_secrets(values.into())}))
    }

    /// Writes down an operation that failed.
    pub fn failed(&self, operation: &str, ty: &str, name: &str, error: &str) -> io::Result<()> {
        self.line(json!({"operation": operation, "type": ty, "name": name, "error": error}))
    }

    fn line(&self, mut entry: Json) -> io::Result<()> {
        let Some(path) = &self.path else { return Ok(()) };
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        entry["at_ms"] = u64::try_from(since.as_millis()).unwrap_or_default().into();
        // One write per line, so that lines of parallel operations do not mix.
        OpenOptions::new().create(true).append(true).open(path)?.write_all(format!("{entry}\n").as_bytes())
    }
}

fn without_secrets(values: Json) -> Json {
    match values {
        Json::Object(entries) => {
            let shown = |(name, value)| match SECRET.contains(&String::as_str(&name)) {
                true => (name, "(hidden)".into()),
                false => (name, without_secrets(value)),
            };
            Json::Object(entries.into_iter().map(shown).collect())
        }
        Json::Array(items) => items.into_iter().map(without_secrets).collect(),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_hidden_at_any_depth() {
        let values = json!({"a": [{"secret_key": "s3cret"}], "token": "t0ken", "name": "n"});
        assert_eq!(
            without_secrets(values),
            json!({"a": [{"secret_key": "(hidden)"}], "token": "(hidden)", "name": "n"})
        );
    }
}
