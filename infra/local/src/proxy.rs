//! The API on a port of its own: hands every request on to the emulator's API Gateway, and every answer back.

use crate::Error;
use crate::account::process::Task;
use crate::emulator::port_error;
use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use std::net::TcpListener;
use std::sync::{Arc, Mutex, PoisonError};

/// API Gateway's own limit.
const LARGEST_BODY: usize = 10 << 20;

/// What the API tells whoever asks, once a part of the stack has died.
#[derive(Clone, Default)]
pub(crate) struct Obituary(Arc<Mutex<Option<String>>>);

impl Obituary {
    pub(crate) fn write(&self, text: String) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(text);
    }

    pub(crate) fn read(&self) -> Option<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// The port of the API, taken before anything else is started.
pub(crate) struct Port {
    listener: TcpListener,
    number: u16,
}

impl Port {
    /// Takes the port; 0 takes a free one.
    pub(crate) fn take(port: u16) -> Result<Self, Error> {
        let taken = TcpListener::bind(("127.0.0.1", port)).and_then(|listener| {
            listener.set_nonblocking(true)?;
            let number = listener.local_addr()?.port();
            Ok(Self { listener, number })
        });
        taken.map_err(|source| port_error(port, "--port", source))
    }

    /// Where the API will be.
    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.number)
    }

    /// Hands requests on to `upstream` until the returned task is dropped.
    pub(crate) fn serve(self, upstream: String, obituary: Obituary) -> Result<Task, Error> {
        let state = Arc::new(Proxy { upstream, obituary, client: crate::http::client() });
        let service = Router::new().fallback(forward).with_state(state).into_make_service();
        let number = self.number;
        let server = axum_server::from_tcp(self.listener).map_err(|source| Error::Listen { port: number, source })?;
        Ok(Task::spawn(async move { drop(server.serve(service).await) }))
    }
}

struct Proxy {
    upstream: String,
    obituary: Obituary,
    client: reqwest::Client,
}

async fn forward(State(proxy): State<Arc<Proxy>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
    let mut headers = parts.headers;
    if let Some(host) = headers.remove(header::HOST) {
        headers.insert("x-forwarded-host", host);
    }
    remove_hop_by_hop(&mut headers);
    let outgoing = proxy.client.request(parts.method, format!("{}{path}", proxy.upstream)).headers(headers);
    let Ok(body) = axum::body::to_bytes(body, LARGEST_BODY).await else {
        return refuse(StatusCode::PAYLOAD_TOO_LARGE, "the request is larger than the 10 MB that API Gateway takes");
    };
    match outgoing.body(body).send().await {
        Ok(answer) => {
            let mut response = Response::new(Body::empty());
            *response.status_mut() = answer.status();
            *response.headers_mut() = answer.headers().clone();
            remove_hop_by_hop(response.headers_mut());
            *response.body_mut() = Body::from_stream(answer.bytes_stream());
            response
        }
        Err(error) => {
            let died = proxy.obituary.read();
            let text = died.unwrap_or_else(|| format!("the AWS emulator does not answer: {}", error.without_url()));
            refuse(StatusCode::BAD_GATEWAY, &text)
        }
    }
}

fn refuse(status: StatusCode, error: &str) -> Response {
    (status, axum::Json(serde_json::json!({"error": error}))).into_response()
}

/// Takes out what concerns one connection only; both sides frame their messages themselves.
fn remove_hop_by_hop(headers: &mut HeaderMap) {
    for name in [header::CONNECTION, header::TRANSFER_ENCODING, header::UPGRADE, header::TE, header::TRAILER] {
        headers.remove(name);
    }
    headers.remove("keep-alive");
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::Method;

    /// An upstream that tells what it was asked.
    fn echo() -> (String, Task) {
        async fn tell(method: Method, request: Request) -> Response {
            let host = request.headers().get("x-forwarded-host").cloned();
            let key = request.headers().get("api-key").cloned();
            let uri = request.uri().clone();
            let body = axum::body::to_bytes(request.into_body(), usize::MAX).await.unwrap_or_default();
            let text = format!("{method} {uri} {key:?} {host:?} {}", String::from_utf8_lossy(&body));
            (StatusCode::IM_A_TEAPOT, [("x-answer", "yes")], text).into_response()
        }
        let port = Port::take(0).unwrap();
        let url = port.url();
        let service = Router::new().fallback(tell).into_make_service();
        let server = axum_server::from_tcp(port.listener).unwrap();
        (url, Task::spawn(async move { drop(server.serve(service).await) }))
    }

    #[tokio::test]
    async fn requests_and_answers_are_handed_on_as_they_are() {
        let (upstream, _echo) = echo();
        let port = Port::take(0).unwrap();
        let url = port.url();
        let _proxy = port.serve(format!("{upstream}/stage"), Obituary::default()).unwrap();
        let request = crate::http::client().put(format!("{url}/v1/a%20b?c=d%2Fe")).header("api-key", "k").body("text");
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), 418);
        assert_eq!(answer.headers()["x-answer"], "yes");
        let host = url.trim_start_matches("http://");
        let told = format!("PUT /stage/v1/a%20b?c=d%2Fe Some(\"k\") Some(\"{host}\") text");
        assert_eq!(answer.text().await.unwrap(), told);
    }

    #[tokio::test]
    async fn a_dead_upstream_is_a_502_that_says_what_died() {
        let (upstream, echo) = echo();
        echo.abort().await;
        let port = Port::take(0).unwrap();
        let url = port.url();
        let obituary = Obituary::default();
        let _proxy = port.serve(upstream, obituary.clone()).unwrap();
        obituary.write("the AWS emulator ended by itself".to_owned());
        let answer = crate::http::client().get(format!("{url}/v1/flows")).send().await.unwrap();
        assert_eq!(answer.status(), 502);
        let body: serde_json::Value = answer.json().await.unwrap();
        assert_eq!(body["error"], "the AWS emulator ended by itself");
    }

    #[test]
    fn a_taken_port_is_told_with_the_option_that_names_another() {
        let taken = Port::take(0).unwrap();
        let error = Port::take(taken.number).err().unwrap().to_string();
        assert!(error.contains(&taken.number.to_string()) && error.contains("--port"), "{error}");
    }
}
