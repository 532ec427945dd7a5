//! Flows for the tests of this crate.

use crate::flows::Publication;
use domain::flow::{Artifact, Dag, Engine, Limits, Operator, OperatorKind, ParameterValue, Resources};
use domain::{ArtifactId, DagId, FlowId, OperatorId};
use std::collections::BTreeMap;
use uuid::Uuid;

/// A flow of one parameter, which needs no cluster.
pub(crate) fn one_parameter(name: &str) -> Publication {
    let (operator, artifact) = (OperatorId(Uuid::new_v4()), ArtifactId(Uuid::new_v4()));
    let parameter = Operator {
        name: "limit".to_owned(),
        description: String::new(),
        kind: OperatorKind::Parameter { value: ParameterValue::of_json(&serde_json::json!(1)) },
        inputs: vec![],
        outputs: vec![artifact],
        resources: Resources::default(),
        limits: Limits::default(),
        engine: None,
    };
    let dag = Dag {
        id: DagId(Uuid::new_v4()),
        flow: FlowId(Uuid::new_v4()),
        name: name.to_owned(),
        created_at: "2026-11-22T12:00:30Z".parse().expect("a moment"),
        engine: Engine::BuiltIn,
        operators: BTreeMap::from([(operator, parameter)]),
        artifacts: BTreeMap::from([(artifact, Artifact::untyped("limit".to_owned()))]),
    };
    let description = String::new();
    Publication { description, dag, packages: BTreeMap::new(), schedule: None, keep_runs: None, run: None }
}
