//! One run with its operators, and the artifacts they wrote.

use super::exec_state;
use super::flow::precise;
use super::metadata::{retention, schedule};
use super::multipart::Multipart;
use super::nodes::{self, Types, with};
use super::version::Version;
use crate::v1::run::Logs;
use domain::flow::{Dag, Flow};
use domain::run::{OutputType, Run};
use domain::{ArtifactId, OperatorId};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// A run with the version of the graph it ran, and what its operators printed.
#[must_use]
pub fn whole(flow: &Flow, dag: &Dag, run: &Run, logs: &BTreeMap<OperatorId, Logs>) -> Value {
    let operator = |(id, operator)| {
        let result = run
            .operators
            .get(id)
            .map(|state| json!({"id": id, "exec_state": exec_state::of_operator(state, logs.get(id))}));
        (OperatorId::to_string(id), with(nodes::operator(*id, operator), "result", json!(result)))
    };
    json!({
        "name": run.flow_name,
        "description": flow.description,
        "schedule": schedule(&flow.schedule),
        "retention_policy": retention(flow),
        "dag_created_at": precise(dag.created_at),
        "result": {"id": run.id, "exec_state": exec_state::of_run(run)},
        "operators": dag.operators.iter().map(operator).collect::<Map<_, _>>(),
        "artifacts": nodes::artifacts(dag, &Types::seen(dag, [run])),
    })
}

/// An artifact of a run.
#[derive(Debug)]
pub struct Result<'a> {
    metadata: Value,
    written: Option<&'a OutputType>,
}

impl<'a> Result<'a> {
    /// What is known of an artifact without its content; none if the graph has no such artifact.
    #[must_use]
    pub fn of(id: ArtifactId, dag: &Dag, run: &'a Run, version: Version) -> Option<Self> {
        let artifact = dag.artifacts.get(&id)?;
        let writer = run.operators.get(&dag.producer(id)?)?;
        let written = writer.outputs.iter().find(|output| output.artifact_id == id);
        let metadata = json!({
            "name": artifact.name,
            "exec_state": exec_state::of_artifact(artifact, writer, written, run, version),
            "serialization_type": written.map(|output| &output.serialization_type),
            "artifact_type": written.map(|output| &output.artifact_type),
        });
        let kept = artifact.should_persist || !run.status.is_final();
        Some(Self { metadata, written: written.filter(|_| kept) })
    }

    /// How large its content is, if it has any.
    #[must_use]
    pub fn size(&self) -> Option<u64> {
        self.written.map(|output| output.size_bytes)
    }

    /// The answer's content type and body. An empty part of content is not the same as none: it would be decoded.
    #[must_use]
    pub fn render(&self, content: Option<&[u8]>, boundary: String) -> (String, Vec<u8>) {
        let answer = Multipart::new(boundary).part("metadata", self.metadata.to_string().as_bytes());
        content.into_iter().fold(answer, |answer, content| answer.part("data", content)).finish()
    }
}
