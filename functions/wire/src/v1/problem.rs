//! Why a flow as people write it is not understood: each error names the operator, the field and the remedy.

use super::package::PackageError;
use domain::flow::{DagError, LimitsError, ResourcesError, UnsupportedPython};
use serde_json::Value;

/// The longest name, in bytes, of a flow, operator or parameter.
pub(super) const LONGEST_NAME: usize = 256;
/// The longest description of a flow and the longest cron expression, in bytes: both are part of the flow's document,
/// of which there is 400 kB at most.
pub(crate) const LONGEST_DESCRIPTION: usize = 16 * 1024;
pub(crate) const LONGEST_CRON: usize = 256;

/// Why a flow is not understood.
#[derive(Debug, thiserror::Error)]
pub enum FlowError {
    /// A name that cannot be used.
    #[error(
        "field '{field}': '{name}' cannot be used as a name: it must have 1 to {LONGEST_NAME} bytes, not all blank"
    )]
    Name {
        /// Where it is.
        field: &'static str,
        /// The name.
        name: String,
    },
    /// A text that is longer than is kept.
    #[error("field '{field}' has {bytes} bytes, and {most} are allowed: shorten it")]
    TooLong {
        /// Where it is.
        field: &'static str,
        /// How long it is.
        bytes: usize,
        /// How long it may be.
        most: usize,
    },
    /// A Python that cannot be had.
    #[error("field 'python_version': {0}")]
    Python(#[from] UnsupportedPython),
    /// An engine that is not registered.
    #[error("{place}engine '{engine}' is not known; there are: {known}")]
    UnknownEngine {
        /// The operator, or nothing for the flow itself.
        place: String,
        /// The engine.
        engine: String,
        /// What there is.
        known: String,
    },
    /// A rule of the domain.
    #[error(transparent)]
    Dag(#[from] DagError),
    /// A part of the request that nobody uses.
    #[error("part '{0}' of the request is no operator's package: name it in an operator's field 'package'")]
    UnusedPart(String),
    /// Something about one operator.
    #[error("operator '{operator}': {problem}")]
    Operator {
        /// Its name.
        operator: String,
        /// What is wrong.
        problem: OperatorProblem,
    },
}

/// What is wrong with an operator.
#[derive(Debug, thiserror::Error)]
pub enum OperatorProblem {
    /// No code, or too much.
    #[error("give exactly one of the fields 'source', 'package' and 'package_base64' (found {0})")]
    Code(usize),
    /// A field that does not go with another.
    #[error("field '{field}' {rule}")]
    Field {
        /// The field.
        field: &'static str,
        /// What it breaks.
        rule: &'static str,
    },
    /// The name is no Python name, so it is not the function's.
    #[error("its name is no Python name: say in field 'entry_point' which function of the source to call")]
    NoEntryPoint,
    /// A part that was not sent.
    #[error("field 'package': the request has no part '{part}'; it has: {known}")]
    UnknownPart {
        /// The part.
        part: String,
        /// What was sent.
        known: String,
    },
    /// A package that cannot be run.
    #[error("{0}")]
    Package(#[from] PackageError),
    /// An input that does not exist.
    #[error("field 'inputs': there is no operator, output or parameter '{input}'; there are: {known}")]
    UnknownInput {
        /// The input.
        input: String,
        /// What there is.
        known: String,
    },
    /// An input of which there are several.
    #[error("field 'inputs': '{input}' has several outputs: choose one of {choices}")]
    AmbiguousInput {
        /// The input.
        input: String,
        /// What could be meant.
        choices: String,
    },
    /// An output that cannot be told from another.
    #[error("field 'outputs': '{0}' occurs more than once or is empty")]
    Output(String),
    /// Resources that cannot be had.
    #[error("field 'resources': {0}")]
    Resources(#[from] ResourcesError),
    /// A time-out or a number of retries out of bounds.
    #[error("{0}")]
    Limits(#[from] LimitsError),
    /// Memory that cannot be read.
    #[error(
        "field 'resources.memory': {0} is neither a whole number of megabytes nor text such as \"512MB\" or \"1GB\""
    )]
    Memory(Value),
}
