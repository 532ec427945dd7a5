//! The answer to a preview: what every operator came to, and the values at the ends of the graph.

use super::exec_state;
use super::fingerprint::Order;
use super::multipart::Multipart;
use crate::v1::run::Logs;
use domain::flow::Dag;
use domain::run::{OutputType, Run};
use domain::{ArtifactId, OperatorId};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// What an execution calls its nodes, and what the client that asks calls them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Renaming {
    operators: BTreeMap<OperatorId, OperatorId>,
    artifacts: BTreeMap<ArtifactId, ArtifactId>,
}

/// An answer, but for its values.
#[derive(Debug)]
pub struct PreviewAnswer<'a> {
    /// The execution, which is over.
    pub run: &'a Run,
    /// Its graph.
    pub dag: &'a Dag,
    /// What the client calls its nodes.
    pub names: &'a Renaming,
    /// What its operators printed.
    pub logs: &'a BTreeMap<OperatorId, Logs>,
}

impl Renaming {
    /// From the nodes of one graph to those of another of the same fingerprint.
    #[must_use]
    pub fn between(from: &Order, to: &Order) -> Self {
        Self { operators: pairs(&from.operators, &to.operators), artifacts: pairs(&from.artifacts, &to.artifacts) }
    }

    /// What the client calls an operator.
    #[must_use]
    pub fn operator(&self, id: OperatorId) -> OperatorId {
        self.operators.get(&id).copied().unwrap_or(id)
    }

    /// What the client calls an artifact.
    #[must_use]
    pub fn artifact(&self, id: ArtifactId) -> ArtifactId {
        self.artifacts.get(&id).copied().unwrap_or(id)
    }
}

fn pairs<T: Copy + Ord>(from: &[T], to: &[T]) -> BTreeMap<T, T> {
    from.iter().copied().zip(to.iter().copied()).collect()
}

/// The values that the client wants: those that were written and that no operator reads. The types of the others are all
/// it needs.
pub fn wanted<'a>(run: &'a Run, dag: &'a Dag) -> impl Iterator<Item = (OperatorId, &'a OutputType)> {
    let is_read = move |id: &ArtifactId| dag.operators.values().any(|operator| operator.inputs.contains(id));
    let written = run.operators.iter().flat_map(|(id, state)| state.outputs.iter().map(|o| (*id, o)));
    written.filter(move |(_, output)| !is_read(&output.artifact_id))
}

impl PreviewAnswer<'_> {
    /// The part that is read first.
    #[must_use]
    pub fn metadata(&self) -> Value {
        let (mut operators, mut types) = (Map::new(), Map::new());
        for (id, state) in &self.run.operators {
            operators.insert(self.names.operator(*id).to_string(), exec_state::of_operator(state, self.logs.get(id)));
            for output in &state.outputs {
                let of_artifact = json!({
                    "serialization_type": output.serialization_type, "artifact_type": output.artifact_type,
                });
                types.insert(self.names.artifact(output.artifact_id).to_string(), of_artifact);
            }
        }
        let status = exec_state::run_status(self.run);
        json!({"status": status, "operator_results": operators, "artifact_types_metadata": types})
    }

    /// The whole answer with the values that are [wanted].
    #[must_use]
    pub fn render(&self, contents: &BTreeMap<ArtifactId, Vec<u8>>, boundary: String) -> (String, Vec<u8>) {
        let first = Multipart::new(boundary).part("metadata", self.metadata().to_string().as_bytes());
        let parts = contents.iter();
        parts.fold(first, |m, (id, bytes)| m.part(&self.names.artifact(*id).to_string(), bytes)).finish()
    }
}

#[cfg(test)]
#[path = "preview_tests.rs"]
mod tests;
