//! Why a request of the SDK is refused, in words that its users can act on.

use crate::v1::integration::RegisterError;
use crate::v1::package::PackageError;
use domain::flow::ResourcesError;
use domain::settings::SettingsError;

/// Why a request is refused.
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    /// A header or a field that is missing.
    #[error("{0} is missing")]
    Missing(String),
    /// Something that is not JSON, or JSON of another shape. The value may hold secrets and is not repeated.
    #[error("{place} cannot be read: {why}")]
    Unreadable {
        /// Where it is.
        place: String,
        /// What was expected, or what the parser says.
        why: String,
    },
    /// A flow that is to be published under no name.
    #[error("the flow has no name: give one to publish_flow(name=...)")]
    NoName,
    /// Something about one operator that is wrong.
    #[error("operator '{operator}': {why}")]
    Operator {
        /// Its name.
        operator: String,
        /// What is wrong, and what to do.
        why: String,
    },
    /// Something about one operator that this server cannot do.
    #[error("operator '{operator}': {why}")]
    UnsupportedOperator {
        /// Its name.
        operator: String,
        /// What cannot be done, and what can.
        why: String,
    },
    /// Something that this server cannot do.
    #[error("{0}")]
    Unsupported(String),
    /// A registration that is refused.
    #[error(transparent)]
    Register(#[from] RegisterError),
    /// Settings that are refused.
    #[error(transparent)]
    Settings(#[from] SettingsError),
}

impl Problem {
    /// A place and why it cannot be read.
    pub(crate) fn unreadable(place: &str, why: impl ToString) -> Self {
        Self::Unreadable { place: place.to_owned(), why: why.to_string() }
    }
}

/// Names the operator in errors that do not know it.
pub(super) fn of_operator<E: Into<OperatorProblem>>(operator: &str) -> impl Fn(E) -> Problem + '_ {
    move |error| {
        let operator = operator.to_owned();
        match error.into() {
            OperatorProblem::Wrong(why) => Problem::Operator { operator, why },
            OperatorProblem::Unsupported(why) => Problem::UnsupportedOperator { operator, why },
        }
    }
}

/// What is the matter with an operator, whichever it is.
#[derive(Debug)]
pub(super) enum OperatorProblem {
    Wrong(String),
    Unsupported(String),
}

impl OperatorProblem {
    /// The same as a problem of the whole flow.
    pub(super) fn of_flow(self) -> Problem {
        let (Self::Wrong(why) | Self::Unsupported(why)) = self;
        Problem::Unsupported(why)
    }
}

impl From<PackageError> for OperatorProblem {
    fn from(error: PackageError) -> Self {
        Self::Wrong(error.to_string())
    }
}

impl From<ResourcesError> for OperatorProblem {
    fn from(error: ResourcesError) -> Self {
        Self::Wrong(error.to_string())
    }
}
