//! The demo's flows: from the files in `infra/local/demo` to the request that publishes one.

use super::api::Body;
use crate::paths::{self, Directory};
use crate::{Error, Stack};
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::Path;

/// Reads the flow of a folder: `flow.json` without code, whose operators are functions of `operators.py`, and whose
/// parameters may be `@file`.
pub(crate) fn read(name: &str, engine: &str, python: &str, requirements: &[&str]) -> Result<Value, Error> {
    let folder = paths::checkout().join("infra/local/demo").join(name);
    let mut flow: Value = serde_json::from_str(&text(&folder.join("flow.json"))?)
        .map_err(|error| Error::Files { attempt: format!("read the demo flow {name}"), source: error.into() })?;
    let source = text(&folder.join("operators.py"))?;
    flow["engine"] = engine.into();
    flow["python_version"] = python.into();
    for operator in flow["operators"].as_array_mut().into_iter().flatten() {
        operator["entry_point"] = operator["name"].clone();
        operator["source"] = source.as_str().into();
        operator["requirements"] = json!(requirements);
    }
    if let Some(Value::Object(parameters)) = flow.get_mut("parameters") {
        fill_in(parameters, &folder)?;
    }
    Ok(flow)
}

/// Puts a request into a file, so that a person can send it again.
pub(crate) fn body(stack: &Stack, name: &str, value: Value) -> Result<Body, Error> {
    let path = stack.directory.folder("demo")?.join(format!("{name}.json"));
    let pretty = serde_json::to_string_pretty(&value).unwrap_or_default();
    fs::write(&path, pretty).map_err(|source| Error::Files { attempt: format!("write {}", path.display()), source })?;
    Ok(Body { value, typed: format!("@{}", shown(&path, &stack.directory)) })
}

/// The names of a request's operators: a run also has one for each parameter.
pub(crate) fn operators(request: &Value) -> BTreeSet<String> {
    let operators = request["operators"].as_array().into_iter().flatten();
    operators.filter_map(|operator| Some(operator["name"].as_str()?.to_owned())).collect()
}

fn fill_in(parameters: &mut Map<String, Value>, folder: &Path) -> Result<(), Error> {
    for value in parameters.values_mut() {
        if let Some(file) = value.as_str().and_then(|value| value.strip_prefix('@')) {
            *value = text(&folder.join(file))?.into();
        }
    }
    Ok(())
}

fn shown(path: &Path, directory: &Directory) -> String {
    let checkout = directory.as_ref().parent().unwrap_or(Path::new("/"));
    path.strip_prefix(checkout).unwrap_or(path).display().to_string()
}

fn text(path: &Path) -> Result<String, Error> {
    let failed = |source: io::Error| Error::Files { attempt: format!("read {}", path.display()), source };
    fs::read_to_string(path).map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_operator_of_the_demo_flows_has_its_function_and_its_data() {
        for name in ["documented", "planets"] {
            let flow = read(name, "aws:aqueduct_ondemand_k8s", "3.11", &["pandas==1.5.3"]).unwrap();
            for operator in flow["operators"].as_array().unwrap() {
                let function = format!("def {}(", operator["entry_point"].as_str().unwrap());
                assert!(operator["source"].as_str().unwrap().contains(&function), "{function}");
            }
        }
        let flow = read("planets", "e", "3.11", &[]).unwrap();
        assert!(flow["parameters"]["moons_csv"].as_str().unwrap().starts_with("planet,moon,"));
    }
}
