//! Previews: the SDK posts a graph and waits for its values, be it a quarter of an hour until the cluster is there.
//!
//! No request may take longer than half a minute. So the post is answered with a redirect to the result, and the result,
//! while there is none, with a redirect to itself. The SDK follows up to 30 of them.

use super::form::GraphForm;
use super::multipart;
use super::objects::{self, LARGEST_ANSWER};
use crate::error::{Error, Result};
use crate::extract::{Named, Params};
use crate::state::Api;
use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use domain::flow::Dag;
use domain::run::{OutputType, Run, RunStatus};
use domain::{DagId, FlowId, RunId};
use runtime::previews::Preview;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::time::{Instant, sleep};
use tokio::{join, try_join};
use uuid::Uuid;
use wire::sdk::dag::{Context, parse};
use wire::sdk::preview::{PreviewAnswer, wanted};
use wire::v1::run::RunSummary;

/// How many redirects the SDK follows.
const MOST_REDIRECTS: u32 = 30;
/// How long to wait before looking again, at first and at last.
const PAUSES: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(1));

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
    let line = match &cluster {
        Some(cluster) => api.world.in_line(cluster).await?,
        None => vec![],
    };
    let place = line.iter().position(|other| *other == run.id).filter(|_| line.len() > 1);
    let place = place.map(|n| format!("; it is number {} of {} runs that wait", n + 1, line.len())).unwrap_or_default();
    Ok(format!(
        "this takes longer than a preview can wait: {state}{progress}{place}. It goes on without you: call the same again in a while, and you get its result instead of beginning anew. Or do not wait at all: build the artifact lazily (.lazy(), or lazy=True) and publish it with client.publish_flow()"
    ))
}

/// The answer to a preview whose run is over. That it is given is noted meanwhile.
async fn answer(api: &Api, preview: &Preview, run: &Run) -> Result<Response> {
    let dag = api.world.dag(run.flow, run.dag).await?;
    let noted = api.world.preview_answered(preview, run, &dag);
    join!(noted, outcome(api, preview, run, &dag)).1
}

async fn outcome(api: &Api, preview: &Preview, run: &Run, dag: &Dag) -> Result<Response> {
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
    let wanted: Vec<_> = wanted(run, dag).collect();
    let values: u64 = wanted.iter().map(|(_, output)| output.size_bytes).sum();
    if values > LARGEST_ANSWER {
        return Err(too_large(values));
    }
    let functions = dag.operators.iter().filter(|(_, operator)| operator.code().is_some());
    let printed = functions.map(|(id, _)| (*id, preview.logs(*id, run))).collect();
    let written = wanted
        .iter()
        .map(|(operator, OutputType { artifact_id: id, .. })| (*id, preview.content(*operator, *id, run, dag)));
    let written: BTreeMap<_, _> = written.collect();
    let (logs, contents) = try_join!(objects::logs(api, &printed), objects::fetch(api, &written))?;
    if let Some((_, lost)) = written.iter().find(|(id, _)| !contents.contains_key(id)) {
        return Err(Error::not_found("object", lost));
    }
    let answer = PreviewAnswer { run, dag, names: &preview.names(), logs: &logs };
    match values + answer.metadata().to_string().len() as u64 {
        size if size > LARGEST_ANSWER => Err(too_large(size)),
        _ => Ok(multipart(|boundary| answer.render(&contents, boundary))),
    }
}

fn too_large(bytes: u64) -> Error {
    runtime::Error::TooLarge(format!(
        "this preview has {:.1} MB of values and logs, and an answer can have {:.1} MB: return less, for example a part or a summary, or write the data to a store of your own and return its address. A published flow has no such limit on what one operator hands to the next: build the artifact with .lazy() and publish it with client.publish_flow()",
        bytes as f64 / 1e6,
        LARGEST_ANSWER as f64 / 1e6,
    ))
    .into()
}
