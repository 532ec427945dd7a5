//! The demo's calls of the API, each with the curl command that does the same.

use crate::command::up::localhost;
use crate::{Error, Progress, Stack};
use reqwest::Method;
use serde_json::Value;

/// The API, as a user has it.
pub(crate) struct Api {
    url: String,
    key: String,
    client: reqwest::Client,
    progress: Progress,
}

/// What a request carries, and how a person would type it.
pub(crate) struct Body {
    pub(crate) value: Value,
    /// The argument of curl's `-d`.
    pub(crate) typed: String,
}

impl Api {
    pub(crate) fn of(stack: &Stack, progress: &Progress) -> Self {
        Self {
            url: stack.api_url.clone(),
            key: stack.api_key.clone(),
            client: crate::http::client(),
            progress: progress.clone(),
        }
    }

    /// Posts, showing the command first.
    pub(crate) async fn post(&self, path: &str, body: &Body) -> Result<Value, Error> {
        self.show(path, &format!(" \\\n    -H 'content-type: application/json' -d {}", body.typed));
        self.call(Method::POST, path, Some(&body.value)).await
    }

    /// Gets, showing the command first.
    pub(crate) async fn get(&self, path: &str) -> Result<Value, Error> {
        self.show(path, "");
        self.ask(path).await
    }

    /// Gets without a word: for what is asked again and again.
    pub(crate) async fn ask(&self, path: &str) -> Result<Value, Error> {
        self.call(Method::GET, path, None).await
    }

    /// Shows the command that asks for `path`.
    pub(crate) fn show(&self, path: &str, more: &str) {
        let url = localhost(&self.url);
        self.progress.say(format!("  $ curl -s -H \"api-key: $(cat .local/api-key)\" {url}{path}{more}"));
    }

    async fn call(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Value, Error> {
        let attempt = format!("{method} {path}");
        let mut request = self.client.request(method, format!("{}{path}", self.url)).header("api-key", &self.key);
        if let Some(body) = body {
            request = request.json(body);
        }
        let failed = |source| Error::Http { attempt: attempt.clone(), source };
        let answer = request.send().await.map_err(failed)?;
        let status = answer.status();
        let text = answer.text().await.map_err(failed)?;
        match serde_json::from_str(&text) {
            Ok(value) if status.is_success() => Ok(value),
            _ => Err(Error::Refused { attempt, status: status.as_u16(), body: text }),
        }
    }
}

/// A part of an answer as text; empty if it is not there.
pub(crate) fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}
