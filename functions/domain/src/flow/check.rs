//! Whether a DAG holds together.

use super::{Code, Dag, OperatorKind, order};
use std::collections::{BTreeMap, BTreeSet};

const MOST_OPERATORS: usize = 500;
/// The most artifacts that the operators of a flow may write together: a run is one item of the store, of 400 kB at most,
/// with the names of its operators and what it has written.
pub const MOST_ARTIFACTS: usize = 600;
const LONGEST_NAME: usize = 256;
const LONGEST_NAMES: usize = 24 * 1024;

/// Why a DAG is refused. Operators and artifacts are named by their names, as users know them.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DagError {
    /// Nothing to run.
    #[error("a flow needs at least one operator")]
    Empty,
    /// Too much to run.
    #[error("a flow may have at most {MOST_OPERATORS} operators, but this one has {0}")]
    TooManyOperators(usize),
    /// More values than a run can keep a record of.
    #[error(
        "the operators of a flow may have at most {MOST_ARTIFACTS} outputs together, but these have {0}: return several values as one list or dictionary"
    )]
    TooManyArtifacts(usize),
    /// A name that the store would not take.
    #[error("the {what} '{beginning}…' has a name of {bytes} bytes, and {LONGEST_NAME} are allowed: shorten it")]
    LongName {
        /// `flow` or `operator`.
        what: &'static str,
        /// How it begins.
        beginning: String,
        /// How long it is.
        bytes: usize,
    },
    /// A name with line breaks or the like.
    #[error("the {what} {name:?} has control characters in its name: leave them out")]
    ControlCharacters {
        /// `flow` or `operator`.
        what: &'static str,
        /// The name.
        name: String,
    },
    /// Names that are too long together.
    #[error(
        "the names of a flow's functions may have {LONGEST_NAMES} bytes together, but these have {0}: shorten them"
    )]
    LongNames(usize),
    /// An operator without a name.
    #[error("every operator needs a name")]
    UnnamedOperator,
    /// Two parameters of the same name, or two operators where they are referred to by their names.
    #[error("operator '{0}' occurs more than once: names must be unique within a flow")]
    DuplicateName(String),
    /// An input or output that is no artifact of the DAG.
    #[error("operator '{operator}': its {role} '{artifact}' is not part of the flow")]
    UnknownArtifact {
        /// The operator.
        operator: String,
        /// `input` or `output`.
        role: &'static str,
        /// The id or name that is not known.
        artifact: String,
    },
    /// An artifact that nobody writes.
    #[error("artifact '{0}' is not the output of any operator")]
    NoProducer(String),
    /// An artifact that two operators write.
    #[error("artifact '{0}' is the output of more than one operator")]
    SeveralProducers(String),
    /// Operators that wait for each other.
    #[error("operators {} wait for each other in a circle", .0.join(", "))]
    Cycle(Vec<String>),
    /// A wrong number of inputs or outputs for the kind.
    #[error("operator '{operator}': a {kind} has {expected}")]
    Arity {
        /// The operator.
        operator: String,
        /// What it is.
        kind: &'static str,
        /// What it should have.
        expected: &'static str,
    },
    /// A source operator whose entry point cannot be in its text.
    #[error(
        "operator '{operator}': its source does not define '{entry_point}'; write 'def {entry_point}(...)' or change entry_point"
    )]
    NoEntryPoint {
        /// The operator.
        operator: String,
        /// The function that should be there.
        entry_point: String,
    },
    /// A parameter that is not base64.
    #[error("parameter '{0}': its value is not valid base64")]
    ParameterEncoding(String),
    /// Functions, but no cluster for them.
    #[error(
        "no operator names a cluster as its engine, and {choices} are registered: set engine to '<integration>:aqueduct_ondemand_k8s'"
    )]
    NoCluster {
        /// How many clusters there are.
        choices: usize,
    },
    /// Functions on several clusters.
    #[error("the operators of one flow must run on one cluster, but name {count}")]
    SeveralClusters {
        /// How many.
        count: usize,
    },
}

/// Checks a DAG: names, references, producers, cycles, arities, entry points.
///
/// # Errors
/// The first [`DagError`] found.
pub fn check(dag: &Dag) -> Result<(), DagError> {
    match dag.operators.len() {
        0 => return Err(DagError::Empty),
        n if n > MOST_OPERATORS => return Err(DagError::TooManyOperators(n)),
        _ => {}
    }
    if dag.artifacts.len() > MOST_ARTIFACTS {
        return Err(DagError::TooManyArtifacts(dag.artifacts.len()));
    }
    check_names(dag)?;
    let mut names = BTreeSet::new();
    let mut producers: BTreeMap<_, usize> = dag.artifacts.keys().map(|id| (*id, 0)).collect();
    for operator in dag.operators.values() {
        if operator.name.trim().is_empty() {
            return Err(DagError::UnnamedOperator);
        }
        // Runs replace parameters by their names; all else is referred to by its id.
        if matches!(operator.kind, OperatorKind::Parameter { .. }) && !names.insert(&operator.name) {
            return Err(DagError::DuplicateName(operator.name.clone()));
        }
        let unknown = |role, artifact: &crate::ArtifactId| DagError::UnknownArtifact {
            operator: operator.name.clone(),
            role,
            artifact: artifact.to_string(),
        };
        if let Some(input) = operator.inputs.iter().find(|id| !dag.artifacts.contains_key(id)) {
            return Err(unknown("input", input));
        }
        for output in &operator.outputs {
            *producers.get_mut(output).ok_or_else(|| unknown("output", output))? += 1;
        }
        check_kind(operator)?;
    }
    for (id, count) in producers {
        let name = || dag.artifacts.get(&id).map_or_else(|| id.to_string(), |artifact| artifact.name.clone());
        match count {
            0 => return Err(DagError::NoProducer(name())),
            1 => {}
            _ => return Err(DagError::SeveralProducers(name())),
        }
    }
    order::topological(dag).map(|_| ()).map_err(|circle| {
        DagError::Cycle(circle.iter().filter_map(|id| dag.operators.get(id)).map(|o| format!("'{}'", o.name)).collect())
    })
}

fn check_names(dag: &Dag) -> Result<(), DagError> {
    let operators = dag.operators.values().map(|operator| ("operator", &operator.name));
    for (what, name) in operators.chain([("flow", &dag.name)]) {
        if name.len() > LONGEST_NAME {
            return Err(DagError::LongName { what, beginning: name.chars().take(40).collect(), bytes: name.len() });
        }
        if name.contains(|c: char| c.is_control()) {
            return Err(DagError::ControlCharacters { what, name: name.clone() });
        }
    }
    let functions = dag.operators.values().filter(|operator| operator.code().is_some());
    match functions.map(|function| function.name.len()).sum() {
        bytes if bytes > LONGEST_NAMES => Err(DagError::LongNames(bytes)),
        _ => Ok(()),
    }
}

fn check_kind(operator: &super::Operator) -> Result<(), DagError> {
    let arity = |kind, expected| DagError::Arity { operator: operator.name.clone(), kind, expected };
    match &operator.kind {
        OperatorKind::Metric { .. } if operator.outputs.len() != 1 => {
            return Err(arity("metric", "exactly one output"));
        }
        OperatorKind::Check { .. } if operator.outputs.len() != 1 => return Err(arity("check", "exactly one output")),
        OperatorKind::Function { .. } if operator.outputs.is_empty() => {
            return Err(arity("function", "at least one output"));
        }
        OperatorKind::Parameter { .. } if !operator.inputs.is_empty() || operator.outputs.len() != 1 => {
            return Err(arity("parameter", "no input and exactly one output"));
        }
        OperatorKind::SystemMetric { .. } if operator.inputs.len() != 1 || operator.outputs.len() != 1 => {
            return Err(arity("system metric", "exactly one input and one output"));
        }
        OperatorKind::Parameter { value } if value.bytes().is_err() => {
            return Err(DagError::ParameterEncoding(operator.name.clone()));
        }
        _ => {}
    }
    if let Some(Code::Source { source, entry_point, .. }) = operator.code()
        && (entry_point.is_empty() || !source.contains(entry_point.as_str()))
    {
        return Err(DagError::NoEntryPoint { operator: operator.name.clone(), entry_point: entry_point.clone() });
    }
    Ok(())
}
