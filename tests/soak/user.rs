//! A user with patience: what the control plane could not do now is asked for again.

use reqwest::Method;
use serde_json::{Value, json};
use std::time::Duration;

const TRIES: u32 = 12;
const PAUSE: Duration = Duration::from_millis(400);

/// An HTTP client with an API key.
pub struct User {
    http: reqwest::Client,
    api: String,
    key: String,
}

impl User {
    pub fn new(api: &str, key: &str) -> Self {
        Self { http: reqwest::Client::new(), api: api.to_owned(), key: key.to_owned() }
    }

    /// The status and JSON of a request, made again while the answer is that the server failed.
    pub async fn send(&self, method: Method, path: &str, body: Option<&Value>) -> (u16, Value) {
        let mut last = (0, json!(null));
        for _ in 0..TRIES {
            let mut request =
                self.http.request(method.clone(), format!("{}{path}", self.api)).header("api-key", &self.key);
            if let Some(body) = body {
                request = request.json(body);
            }
            last = match request.send().await {
                Ok(answer) => {
                    let status = answer.status().as_u16();
                    (status, answer.json().await.unwrap_or_default())
                }
                Err(error) => (0, error.to_string().into()),
            };
            // Credentials that have expired for a while make a registration unacceptable for a while.
            let expired = last.0 == 422 && last.1.to_string().contains("xpired");
            if (200..500).contains(&last.0) && last.0 != 429 && !expired {
                break;
            }
            tokio::time::sleep(PAUSE).await;
        }
        last
    }

    pub async fn get(&self, path: &str) -> Value {
        self.send(Method::GET, path, None).await.1
    }

    pub async fn post(&self, path: &str, body: Value) -> (u16, Value) {
        self.send(Method::POST, path, Some(&body)).await
    }
}

/// A JSON string's text; empty for anything else.
pub fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// The elements of a JSON array; none for anything else.
pub fn items(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}
