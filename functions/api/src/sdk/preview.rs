//! Previews: the SDK posts a graph and waits for its values, be it a quarter of an hour until the cluster is there.
//!
//! No request may take longer than half a minute. So the post is answered with a redirect to the result, and the result,
//! while there is none, with a redirect to itself. The SDK follows up to 30 of them.

use super::form::GraphForm;
use super::multipart;
use crate::error::{Error, Result};
use crate::extract::{Named, Params};
use crate::state::Api;
use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use domain::flow::Dag;
use domain::run::{Run, RunStatus};
use domain::{DagId, FlowId, OperatorId, RunId};
use runtime::previews::Preview;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};
use uuid::Uuid;
use wire::sdk::dag::{Context, parse};
use wire::sdk::preview::PreviewAnswer;
use wire::v1::run::{Logs, RunSummary};

/// How many redirects the SDK follows.
const MOST_REDIRECTS: u32 = 30;
/// How long to wait before looking again, at first and at last.
const PAUSES: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(1));
/// What fits into an answer of Lambda, which carries 6 MB of base64.
const LARGEST_ANSWER: u64 = 4_400_000;
/// So much of each text of a log is shown.
const LONGEST_LOG: usize = 64 * 1024;

pub(super) fn router() -> Router<Api> {
    Router::new().route("/api/preview", post(begin)).route("/api/preview/{id}", get(result))
}

#[derive(Deserialize)]
struct PreviewPath {
    id: String,
}

/// The redirect that led here, from 1.
#[derive(Deserialize)]
struct Redirects {
    #[serde(default)]
    redirect: u32,
}

async fn begin(State(api): State<Api>, form: GraphForm) -> Result<Response> {
    let clusters = api.world.clusters().await?.iter().map(|cluster| cluster.id).collect();
    let id = Uuid::new_v4();
    let context = Context { clusters, dag: DagId(id), flow: FlowId::of_preview(id), now: api.world.now() };
    let graph = parse(&form.dag, &form.packages, &context)?;
    let preview = api.world.preview(id, graph.dag, &form.packages).await?;
    Ok(redirect(StatusCode::SEE_OTHER, &format!("preview/{}?redirect=1", preview.id)))
}

async fn result(
    State(api): State<Api>,
    Named(PreviewPath { id }): Named<PreviewPath>,
    Params(Redirects { redirect: followed }): Params<Redirects>,
) -> Result<Response> {
    let id: Uuid = id.parse().map_err(|_| Error::not_found("preview", &id))?;
    let preview = api.world.find_preview(id).await?;
    let run = wait(&api, preview.run).await?;
    if run.status.is_final() {
        return answer(&api, &preview, &run).await;
    }
    if followed < MOST_REDIRECTS {
        return Ok(redirect(StatusCode::FOUND, &format!("{id}?redirect={}", followed + 1)));
    }
    Err(runtime::Error::Unprocessable(unfinished(&api, &run).await?).into())
}

/// A redirect relative to the request: its host, and what its path begins with, stay the same.
fn redirect(status: StatusCode, to: &str) -> Response {
    (status, [(header::LOCATION, to.to_owned())]).into_response()
}

/// The run once it is over, or as it is when the request has waited long enough.
async fn wait(api: &Api, id: RunId) -> Result<Run> {
    let start = Instant::now();
    let (mut pause, longest) = PAUSES;
    loop {
        let run = api.world.run(id).await?.value;
        if run.status.is_final() || start.elapsed() + pause > api.patience {
            return Ok(run);
        }
        sleep(pause).await;
        pause = longest.min(pause * 3 / 2);
    }
}

/// What the user of a run that takes too long should know.
async fn unfinished(api: &Api, run: &Run) -> Result<String> {
    let cluster = api.cluster_of(run).await?;
    let state = RunSummary::of(run, cluster.as_slice(), api.world.now()).message;
    let progress = match &cluster {
        Some(cluster) if run.status == RunStatus::Pending => api.world.progress(cluster).await?,
        _ => None,
    };
    let progress = progress.filter(|progress| progress.planned > 0);
    let progress = progress.map(|p| format!(" ({} of {} resources are done)", p.done, p.planned)).unwrap_or_default();
    Ok(format!(
        "this takes longer than a preview can wait: {state}{progress}. It goes on without you: call the same again in a while, and you get its result instead of beginning anew. Or do not wait at all: build the artifact with .lazy() and publish it with client.publish_flow()"
    ))
}

/// The answer to a preview whose run is over.
async fn answer(api: &Api, preview: &Preview, run: &Run) -> Result<Response> {
    let dag = api.world.dag(run.flow, run.dag).await?;
    api.world.preview_answered(preview, run, &dag).await;
    if run.status == RunStatus::Canceled {
        return Err(runtime::Error::Unprocessable("a user canceled this preview".to_owned()).into());
    }
    // A failure that is no operator's own: the SDK shows the text of an error, but not that of a failed preview.
    if let Some(failure) = &run.error {
        let mut text = failure.text();
        if failure.missing_actions.iter().any(|action| !text.contains(action.as_str())) {
            text.push_str(&format!("\n\nMissing permissions: {}", failure.missing_actions.join(", ")));
        }
        return Err(runtime::Error::Unprocessable(text).into());
    }
    let (names, logs) = (preview.names(), logs(api, preview, &dag).await?);
    let answer = PreviewAnswer { run, dag: &dag, names: &names, logs: &logs };
    let values: u64 = answer.wanted().map(|(_, output)| output.size_bytes).sum();
    let size = values + answer.metadata().to_string().len() as u64;
    if size > LARGEST_ANSWER {
        return Err(too_large(size));
    }
    let keys: BTreeMap<_, _> = answer
        .wanted()
        .map(|(operator, output)| (output.artifact_id, preview.content(operator, output.artifact_id, &dag)))
        .collect();
    let contents = fetch(api, &keys).await?;
    if let Some(lost) = keys.iter().find(|(id, _)| !contents.contains_key(id)) {
        return Err(runtime::Error::NotFound { what: "object", id: lost.1.clone() }.into());
    }
    Ok(multipart(|boundary| answer.render(&contents, boundary)))
}

fn too_large(bytes: u64) -> Error {
    runtime::Error::TooLarge(format!(
        "this preview has {:.1} MB of values and logs, and an answer can have {:.1} MB: return less, for example a part or a summary, or write the data to a store of your own and return its address. A published flow has no such limit on what one operator hands to the next: build the artifact with .lazy() and publish it with client.publish_flow()",
        bytes as f64 / 1e6,
        LARGEST_ANSWER as f64 / 1e6,
    ))
    .into()
}

/// What the operators printed, as far as they ran.
async fn logs(api: &Api, preview: &Preview, dag: &Dag) -> Result<BTreeMap<OperatorId, Logs>> {
    let functions = dag.operators.iter().filter(|(_, operator)| operator.code().is_some());
    let keys = functions.map(|(id, _)| (*id, preview.logs(*id))).collect();
    let texts = fetch(api, &keys).await?;
    let read = |(id, text): (OperatorId, Vec<u8>)| Some((id, serde_json::from_slice::<Logs>(&text).ok()?));
    Ok(texts.into_iter().filter_map(read).map(|(id, logs)| (id, logs.tail(LONGEST_LOG))).collect())
}

/// The objects of these keys, as far as they are there, all at the same time.
async fn fetch<K: Copy + Ord + Send + 'static>(api: &Api, keys: &BTreeMap<K, String>) -> Result<BTreeMap<K, Vec<u8>>> {
    let mut fetching = JoinSet::new();
    for (id, key) in keys {
        let (id, key, objects) = (*id, key.clone(), api.world.objects.clone());
        fetching.spawn(async move { objects.get(&key).await.map(|bytes| (id, bytes)) });
    }
    let mut found = BTreeMap::new();
    for fetched in fetching.join_all().await {
        let (id, bytes) = fetched?;
        found.extend(bytes.map(|bytes| (id, bytes)));
    }
    Ok(found)
}
