//! Artifacts: how what operators wrote is shown.

use domain::ArtifactId;
use domain::flow::Dag;
use domain::run::{OperatorStatus, OutputType, Run};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

/// Something that was written.
#[derive(Debug, Serialize, ToSchema)]
pub struct OutputView {
    /// Its id.
    pub artifact_id: Uuid,
    /// Its name.
    pub name: String,
    /// Its type, such as `table`.
    #[serde(rename = "type")]
    pub artifact_type: String,
    /// How it is serialised, such as `json`.
    pub serialization: String,
    /// Its size in bytes.
    pub size_bytes: u64,
}

/// An artifact of a run: what is known of it, and where to get it once it is written.
#[derive(Debug, Serialize, ToSchema)]
pub struct ArtifactDetail {
    /// Its id.
    pub artifact_id: Uuid,
    /// Its name.
    pub name: String,
    /// The operator that writes it.
    pub operator: String,
    /// The status of that operator.
    #[schema(value_type = String)]
    pub status: OperatorStatus,
    /// Its type once it is written; the expected one before.
    #[serde(rename = "type")]
    pub artifact_type: String,
    /// How it is serialised; none before it is written.
    pub serialization: Option<String>,
    /// Its size in bytes; none before it is written.
    pub size_bytes: Option<u64>,
    /// Its value, if it is small and JSON or text.
    #[schema(value_type = Option<Object>)]
    pub value: Option<Value>,
    /// Where to get its content, for fifteen minutes.
    pub download_url: Option<String>,
}

/// The artifacts of a run.
#[derive(Debug, Serialize, ToSchema)]
pub struct ArtifactList {
    /// What has been written so far, in the order of the operators.
    pub artifacts: Vec<OutputView>,
}

/// Why an artifact or operator is not found by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Missing {
    /// There is none of that name or id.
    Unknown,
    /// There are several of that name: their operator must be named as well.
    Ambiguous,
}

impl OutputView {
    /// What an operator reported of an output.
    #[must_use]
    pub fn of(output: &OutputType, dag: &Dag) -> Self {
        let artifact = dag.artifacts.get(&output.artifact_id);
        Self {
            artifact_id: output.artifact_id.0,
            name: artifact.map_or_else(|| output.artifact_id.to_string(), |artifact| artifact.name.clone()),
            artifact_type: output.artifact_type.clone(),
            serialization: output.serialization_type.clone(),
            size_bytes: output.size_bytes,
        }
    }
}

impl ArtifactDetail {
    /// An artifact as it is known without its content.
    #[must_use]
    pub fn of(id: ArtifactId, run: &Run, dag: &Dag) -> Option<Self> {
        let artifact = dag.artifacts.get(&id)?;
        let state = run.operators.get(&dag.producer(id)?)?;
        let written = state.outputs.iter().find(|output| output.artifact_id == id);
        Some(Self {
            artifact_id: id.0,
            name: artifact.name.clone(),
            operator: state.name.clone(),
            status: state.status,
            artifact_type: written.map_or_else(|| artifact.expected_type.clone(), |o| o.artifact_type.clone()),
            serialization: written.map(|output| output.serialization_type.clone()),
            size_bytes: written.map(|output| output.size_bytes),
            value: None,
            download_url: None,
        })
    }

    /// Whether the value can be shown as JSON, if it is small enough.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        matches!(self.serialization.as_deref(), Some("json" | "string" | "table"))
    }

    /// The same with its value, as far as its content is what its serialisation says.
    #[must_use]
    pub fn with_content(mut self, content: &[u8]) -> Self {
        let json = || serde_json::from_slice(content).ok();
        self.value = match (self.serialization.as_deref(), self.artifact_type.as_str()) {
            (Some("json" | "table"), _) | (Some("string"), "json") => json(),
            (Some("string"), _) => std::str::from_utf8(content).ok().map(|text| Value::String(text.to_owned())),
            _ => None,
        };
        self
    }
}

/// Finds an artifact by its id, its name, or `<operator>.<name>`.
///
/// # Errors
/// [`Missing`].
pub fn find(dag: &Dag, wanted: &str) -> Result<ArtifactId, Missing> {
    if let Some(id) = wanted.parse().ok().filter(|id| dag.artifacts.contains_key(id)) {
        return Ok(id);
    }
    let full_name = |id: &ArtifactId, name: &str| {
        let producer = dag.producer(*id).and_then(|producer| dag.operators.get(&producer));
        producer.is_some_and(|producer| wanted == format!("{}.{name}", producer.name))
    };
    let by = |test: &dyn Fn(&ArtifactId, &str) -> bool| -> Vec<ArtifactId> {
        dag.artifacts.iter().filter(|(id, artifact)| test(id, &artifact.name)).map(|(id, _)| *id).collect()
    };
    match (by(&|_, name| name == wanted).as_slice(), by(&full_name).as_slice()) {
        ([id], _) | ([], [id]) => Ok(*id),
        ([], []) => Err(Missing::Unknown),
        _ => Err(Missing::Ambiguous),
    }
}
