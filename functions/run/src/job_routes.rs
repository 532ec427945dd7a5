//! `/v1/jobs`: what a pod's runner asks for and reports, each call bearing its token.

use crate::advance::RunFunction;
use base64::Engine as _;
use domain::flow::{OperatorKind, Severity};
use domain::run::{Command, OperatorStatus, Outcome, Run};
use domain::{ArtifactId, RunId};
use runtime::job_token::JobClaim;
use runtime::{Error, http, keys};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::time::Duration;
use wire::job::{Manifest, ManifestCode, ManifestInput, ManifestOutput, OutcomeReport, StartedReport};

/// How long a manifest's addresses are valid: the longest that Lambda's own credentials are.
const VALID_FOR: Duration = Duration::from_secs(12 * 3600);

macro_rules! runner_files {
    ($($name:literal),* $(,)?) => {
        &[$(($name, include_str!(concat!("../../runner/", $name)))),*]
    };
}

/// The runner, as pods fetch it.
const RUNNER: &[(&str, &str)] = runner_files![
    "__main__.py",
    "ondemand_runner/__init__.py",
    "ondemand_runner/client.py",
    "ondemand_runner/execute.py",
    "ondemand_runner/job.py",
    "ondemand_runner/operators.py",
    "ondemand_runner/outcome.py",
    "ondemand_runner/pickles.py",
    "ondemand_runner/process.py",
    "ondemand_runner/requirements.py",
    "ondemand_runner/values.py",
    "ondemand_runner/verdict.py",
    "ondemand_runner/workspace.py",
];

/// Answers an event of API Gateway (HTTP API, payload 2.0) in its own form.
pub async fn answer(function: &RunFunction, event: &Value) -> Value {
    let (status, body) = match route(function, event).await {
        Ok(body) => (200, body.to_string()),
        Err(error) => (http::status(&error), http::body(&error)),
    };
    json!({"statusCode": status, "headers": {"content-type": "application/json"}, "body": body, "isBase64Encoded": false})
}

async fn route(function: &RunFunction, event: &Value) -> Result<Value, Error> {
    let method = event["requestContext"]["http"]["method"].as_str().unwrap_or_default();
    let path = event["rawPath"].as_str().unwrap_or_default();
    let token = event["headers"]["authorization"].as_str().and_then(|header| header.strip_prefix("Bearer "));
    let token =
        token.ok_or_else(|| Error::Forbidden("send the header 'authorization: Bearer <job token>'".to_owned()))?;
    let claim = JobClaim::verify(token, function.token_key().await?)?;
    match (method, path.rsplit('/').next().unwrap_or_default()) {
        ("GET", "runner") => Ok(json!({"files": RUNNER.iter().copied().collect::<std::collections::BTreeMap<_, _>>()})),
        ("GET", "manifest") => {
            let manifest = manifest(function, &claim).await?;
            serde_json::to_value(manifest)
                .map_err(|e| Error::Corrupt { what: "manifest".to_owned(), detail: e.to_string() })
        }
        ("POST", "started") => {
            let report: StartedReport = body(event)?;
            started(function, &claim, &report).await
        }
        ("POST", "outcome") => {
            let report: OutcomeReport = body(event)?;
            let pod = report.pod.clone();
            finished(function, &claim, pod, report.into()).await
        }
        _ => Err(Error::NotFound { what: "route", id: format!("{method} {path}") }),
    }
}

/// Lets a pod call its function, if it is the one pod that may: a function is called once per attempt, whatever becomes
/// of messages and pods.
async fn started(function: &RunFunction, claim: &JobClaim, report: &StartedReport) -> Result<Value, Error> {
    let (operator, attempt) = (claim.operator, claim.attempt);
    let command = Command::Started { operator, attempt, beginning: report.beginning(function.world.now()) };
    let run = function.world.run_command(claim.run, &command).await?.run;
    let state = run.operators.get(&operator);
    if state.is_some_and(|state| state.is_begun_by(attempt, report.pod.as_deref())) {
        return Ok(json!({}));
    }
    Err(Error::Refused(match state {
        Some(state) if state.attempt == attempt && state.status.is_active() => elsewhere(attempt),
        _ => over(&run, claim),
    }))
}

/// Takes in how an attempt ended. Its repetition is accepted, since its answer may have been lost; what comes from
/// an attempt that was given up is refused, so that the pod's log tells.
async fn finished(
    function: &RunFunction,
    claim: &JobClaim,
    pod: Option<String>,
    outcome: Outcome,
) -> Result<Value, Error> {
    let (operator, attempt) = (claim.operator, claim.attempt);
    let run = function.world.run(claim.run).await?.value;
    let state = run.operators.get(&operator).filter(|state| state.attempt == attempt);
    let state = state.filter(|state| state.status != OperatorStatus::Canceled);
    let state = state.ok_or_else(|| Error::Refused(over(&run, claim)))?;
    if state.is_begun_elsewhere(pod.as_deref()) {
        return Err(Error::Refused(elsewhere(attempt)));
    }
    // What the report leads to may fail without the report being lost: the next round does it again.
    if let Err(error) = function.carry_out(&run, Command::Reported { operator, attempt, pod, outcome }).await {
        let state = function.world.run(claim.run).await?.value.operators.remove(&operator);
        if state.is_some_and(|state| state.attempt == attempt && !state.status.is_final()) {
            return Err(error);
        }
        match &error {
            Error::LockedOut(refusal) => function.note_refusal(claim.run, refusal).await?,
            error => tracing::warn!(run.id = %claim.run, "successors were not started yet: {error}"),
        }
    }
    Ok(json!({}))
}

fn elsewhere(attempt: u32) -> String {
    format!("attempt {attempt} has begun in another pod, and must not begin twice")
}

/// Why an attempt is not wanted any more.
fn over(run: &Run, claim: &JobClaim) -> String {
    let attempt = claim.attempt;
    match run.operators.get(&claim.operator) {
        Some(state) if state.attempt != attempt => {
            format!("attempt {attempt} was given up, and attempt {} has taken its place", state.attempt)
        }
        Some(state) if state.status == OperatorStatus::Canceled => "the operator was canceled".to_owned(),
        _ => format!("attempt {attempt} of the operator is over"),
    }
}

fn body<T: DeserializeOwned>(event: &Value) -> Result<T, Error> {
    let text = event["body"].as_str().unwrap_or_default();
    let bytes = if event["isBase64Encoded"].as_bool().unwrap_or(false) {
        base64::engine::general_purpose::STANDARD
            .decode(text)
            .map_err(|error| Error::Invalid(format!("body: {error}")))?
    } else {
        text.as_bytes().to_vec()
    };
    serde_json::from_slice(&bytes).map_err(|error| Error::Invalid(format!("body: {error}")))
}

/// All that the claim's operator needs, with addresses made at this moment.
async fn manifest(function: &RunFunction, claim: &JobClaim) -> Result<Manifest, Error> {
    let world = &function.world;
    let run = world.run(claim.run).await?.value;
    let dag = world.dag(run.flow, run.dag).await?;
    let unknown = || Error::NotFound { what: "operator", id: claim.operator.to_string() };
    let operator = dag.operators.get(&claim.operator).ok_or_else(unknown)?;
    let code = operator.code().ok_or_else(unknown)?;
    let state = run.operators.get(&claim.operator).filter(|state| state.attempt == claim.attempt);
    let state = state.filter(|state| state.status.is_active());
    let state = state.ok_or_else(|| Error::Forbidden(over(&run, claim)))?;
    let (kind, severity) = match &operator.kind {
        OperatorKind::Metric { .. } => ("metric", None),
        OperatorKind::Check { severity: Severity::Warning, .. } => ("check", Some("warning")),
        OperatorKind::Check { severity: Severity::Error, .. } => ("check", Some("error")),
        _ => ("function", None),
    };
    let name = |artifact| dag.artifacts.get(artifact).map(|a| a.name.clone()).unwrap_or_default();
    let objects = &world.objects;
    // What is read lies where the attempt that succeeded wrote it, what is written where only this one writes.
    let at = |key: fn(RunId, ArtifactId, u32) -> String, artifact: &ArtifactId| {
        key(run.id, *artifact, run.stored_as(*artifact, &dag))
    };
    let mut inputs = vec![];
    for artifact in &operator.inputs {
        inputs.push(ManifestInput {
            name: name(artifact),
            content_url: objects.presign_get(&at(keys::content, artifact), VALID_FOR).await?,
            metadata_url: objects.presign_get(&at(keys::metadata, artifact), VALID_FOR).await?,
        });
    }
    let mut outputs = vec![];
    for artifact in &operator.outputs {
        let expected = dag.artifacts.get(artifact).map(|a| a.expected_type.clone());
        outputs.push(ManifestOutput {
            artifact_id: *artifact,
            name: name(artifact),
            expected_type: expected.unwrap_or_else(|| "untyped".to_owned()),
            content_url: objects.presign_put(&at(keys::content, artifact), VALID_FOR).await?,
            metadata_url: objects.presign_put(&at(keys::metadata, artifact), VALID_FOR).await?,
        });
    }
    let package_url = objects.presign_get(&keys::package(run.flow, run.dag, claim.operator), VALID_FOR).await?;
    Ok(Manifest {
        run_id: run.id,
        operator_id: claim.operator,
        operator_name: operator.name.clone(),
        attempt: claim.attempt,
        kind,
        severity,
        code: ManifestCode::of(code, package_url),
        inputs,
        outputs,
        logs_url: Some(objects.presign_put(&keys::logs(run.id, claim.operator, state.stored_as), VALID_FOR).await?),
        timeout_seconds: operator.limits.timeout_seconds,
    })
}
