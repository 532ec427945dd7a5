//! The part of the kubelet that the API server asks for logs.

use super::kubelet::{Kubelet, Log};
use axum::Router;
use axum::body::Body;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use futures::stream;
use serde::Deserialize;
use std::io::{self, SeekFrom};
use std::sync::Arc;
use std::time::Duration;
use tokio::fs::File;
use tokio::io::{AsyncReadExt, AsyncSeekExt};
use tokio::time::sleep;

/// How often a log that someone follows is looked at.
const FOLLOW: Duration = Duration::from_millis(200);
const CHUNK: usize = 64 * 1024;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Options {
    #[serde(default)]
    follow: bool,
    tail_lines: Option<usize>,
    limit_bytes: Option<u64>,
}

/// Serves the logs of all pods of a cluster; which node a pod is on does not matter here.
pub(crate) fn router(kubelet: Arc<Kubelet>) -> Router {
    Router::new().route("/containerLogs/{namespace}/{pod}/{container}", get(read)).with_state(kubelet)
}

async fn read(
    State(kubelet): State<Arc<Kubelet>>,
    Path((namespace, pod, container)): Path<(String, String, String)>,
    Query(options): Query<Options>,
) -> Response {
    let Some(log) = kubelet.log(&namespace, &pod) else {
        return (StatusCode::NOT_FOUND, format!("pod {namespace}/{pod} has no log on this node")).into_response();
    };
    match open(log, &options).await {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let message = format!("container {container:?} in pod {pod:?} is waiting to start: ContainerCreating");
            (StatusCode::BAD_REQUEST, message).into_response()
        }
        Ok(reading) => Body::from_stream(stream::try_unfold(reading, next)).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, format!("read the log: {error}")).into_response(),
    }
}

struct Reading {
    file: File,
    left: u64,
    follow: bool,
    log: Log,
}

async fn open(log: Log, options: &Options) -> io::Result<Reading> {
    let mut file = File::open(&log.path).await?;
    if let Some(lines) = options.tail_lines {
        let mut content = Vec::new();
        file.read_to_end(&mut content).await?;
        file.seek(SeekFrom::Start(tail(&content, lines) as u64)).await?;
    }
    Ok(Reading { file, left: options.limit_bytes.unwrap_or(u64::MAX), follow: options.follow, log })
}

/// Where the last `lines` lines of `content` begin.
fn tail(content: &[u8], lines: usize) -> usize {
    let body = content.strip_suffix(b"\n").unwrap_or(content);
    if lines == 0 {
        return content.len();
    }
    let mut ends = body.iter().enumerate().rev().filter(|(_, byte)| **byte == b'\n');
    ends.nth(lines - 1).map_or(0, |(end, _)| end + 1)
}

async fn next(mut reading: Reading) -> io::Result<Option<(Vec<u8>, Reading)>> {
    loop {
        // What is read after the end was seen is complete; asked the other way round, the last lines could be missed.
        let ended = *reading.log.ended.borrow();
        let mut chunk = Vec::with_capacity(CHUNK);
        let most = reading.left.min(CHUNK as u64);
        (&mut reading.file).take(most).read_to_end(&mut chunk).await?;
        reading.left -= chunk.len() as u64;
        if !chunk.is_empty() {
            return Ok(Some((chunk, reading)));
        }
        if ended || !reading.follow || reading.left == 0 {
            return Ok(None);
        }
        tokio::select! {
            () = sleep(FOLLOW) => {}
            _ = reading.log.ended.wait_for(|ended| *ended) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::tail;

    #[test]
    fn the_last_lines_are_found() {
        for (content, lines, rest) in
            [("a\nb\nc\n", 1, "c\n"), ("a\nb\nc", 2, "b\nc"), ("a\nb\n", 5, "a\nb\n"), ("a\n", 0, ""), ("", 3, "")]
        {
            assert_eq!(&content[tail(content.as_bytes(), lines)..], rest, "{content:?} {lines}");
        }
    }
}
