//! Operators that need no Python: parameters and system metrics.

use domain::OperatorId;
use domain::flow::{Dag, Operator, OperatorKind, ParameterValue, SystemMetric};
use domain::run::{Cause, FailureType, OperatorError, Outcome, OutputType, Run, SystemMetadata};
use runtime::{Error, World, keys};
use serde_json::json;

/// Computes an operator and stores its output as a runner would.
///
/// # Errors
/// Those of the ports.
pub async fn compute(world: &World, run: &Run, id: OperatorId) -> Result<Outcome, Error> {
    let dag = world.dag(run.flow, run.dag).await?;
    let operator = dag.operators.get(&id).ok_or_else(|| Error::NotFound { what: "operator", id: id.to_string() })?;
    let value = match &operator.kind {
        OperatorKind::Parameter { value } => {
            world.own_parameter(run, &operator.name).await?.unwrap_or_else(|| value.clone())
        }
        OperatorKind::SystemMetric { metric } => match measured(run, &dag, operator, *metric) {
            Some(number) => ParameterValue::of_json(&number),
            None => {
                return Ok(failed(
                    "There is no measurement of the input's operator: it was not a function.".to_owned(),
                ));
            }
        },
        OperatorKind::Function { .. } | OperatorKind::Metric { .. } | OperatorKind::Check { .. } => {
            return Ok(failed(format!("Operator '{}' cannot be computed without a cluster.", operator.name)));
        }
    };
    store(world, run, &dag, operator, &value).await
}

fn measured(run: &Run, dag: &Dag, operator: &Operator, metric: SystemMetric) -> Option<serde_json::Value> {
    let producer = dag.producer(*operator.inputs.first()?)?;
    let metadata = &run.operators.get(&producer)?.system_metadata;
    let text = match metric {
        SystemMetric::Runtime => metadata.runtime.as_ref(),
        SystemMetric::MaxMemory => metadata.max_memory.as_ref(),
    };
    text?.parse::<f64>().ok().map(|number| json!(number))
}

async fn store(
    world: &World,
    run: &Run,
    dag: &Dag,
    operator: &Operator,
    value: &ParameterValue,
) -> Result<Outcome, Error> {
    let (Some(output), Ok(bytes)) = (operator.outputs.first(), value.bytes()) else {
        return Ok(failed(format!("The value of parameter '{}' is not valid base64.", operator.name)));
    };
    let expected = dag.artifacts.get(output).map_or("untyped", |artifact| artifact.expected_type.as_str());
    let artifact_type = value.infer_type(expected);
    let size_bytes = bytes.len() as u64;
    let metadata = json!({
        "schema": [], "system_metadata": {}, "artifact_type": artifact_type,
        "serialization_type": value.serialization, "python_type": "",
    });
    let stored_as = run.stored_as(*output, dag);
    let (content, about) = (keys::content(run.id, *output, stored_as), keys::metadata(run.id, *output, stored_as));
    tokio::try_join!(
        world.objects.put(&content, bytes, "application/octet-stream"),
        world.objects.put(&about, metadata.to_string().into_bytes(), "application/json"),
    )?;
    if expected != "untyped" && expected != artifact_type {
        let name = &operator.name;
        return Ok(failed(format!(
            "Parameter '{name}' must have type {expected}, but its value has type {artifact_type}."
        )));
    }
    let serialization_type = value.serialization.clone();
    let output = OutputType { artifact_id: *output, artifact_type, serialization_type, size_bytes };
    Ok(Outcome::Succeeded { outputs: vec![output], system_metadata: SystemMetadata::default() })
}

fn failed(tip: String) -> Outcome {
    let error = OperatorError { tip, context: String::new() };
    Outcome::Failed { failure_type: FailureType::UserFatal, cause: Cause::Function, error, outputs: vec![] }
}
