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
