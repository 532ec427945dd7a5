//! What can go wrong outside the domain.

use wire::sdk::Problem;
use wire::v1::integration::RegisterError;

/// A call to an outside system that failed.
#[derive(Debug, thiserror::Error)]
#[error("{attempted}: {detail}")]
pub struct PortError {
    /// What was attempted, with the names of the things concerned, such as `put object runs/1/log in bucket b`.
    pub attempted: String,
    /// The other side's words, or those of the network; never a secret.
    pub detail: String,
    /// What kind of failure it is.
    pub kind: PortErrorKind,
}

/// Kinds of failure that callers treat differently.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PortErrorKind {
    /// Trying again may help: throttling, a timeout, a lost connection, a fault on the other side.
    Transient,
    /// What was asked for does not exist.
    NotFound,
    /// The other side does not allow it.
    Denied,
    /// A conditional write found another state than expected.
    Conflict,
    /// Anything else.
    Other,
}

impl PortError {
    /// A failed attempt.
    pub fn new(kind: PortErrorKind, attempted: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { attempted: attempted.into(), detail: detail.into(), kind }
    }

    /// Whether a conditional write lost a race.
    #[must_use]
    pub fn is_conflict(&self) -> bool {
        self.kind == PortErrorKind::Conflict
    }
}

/// What a command can end with instead of a reply.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// An outside system failed.
    #[error(transparent)]
    Port(#[from] PortError),
    /// A user's account, or the cluster in it, refuses us. Its owner can change that; nothing else can.
    #[error("{0}")]
    LockedOut(PortError),
    /// Somebody else kept changing the same thing.
    #[error("{what} kept changing while it was to be changed; try again")]
    Contended {
        /// The thing.
        what: String,
    },
    /// The thing does not exist.
    #[error("there is no {what} '{id}'")]
    NotFound {
        /// The kind of thing.
        what: &'static str,
        /// The id or name that was asked for.
        id: String,
    },
    /// The request itself cannot be accepted.
    #[error("{0}")]
    Invalid(String),
    /// The request is fine, but not in the present state.
    #[error("{0}")]
    Refused(String),
    /// The request makes no sense in the present state.
    #[error("{0}")]
    Unprocessable(String),
    /// The caller did not prove who it is.
    #[error("{0}")]
    Forbidden(String),
    /// The request is larger than can be taken.
    #[error("{0}")]
    TooLarge(String),
    /// A build may not begin: another one, or a person, has the Terraform state.
    #[error("{0}")]
    StateHeld(String),
    /// Something stored cannot be read any more.
    #[error("stored {what} cannot be read: {detail}")]
    Corrupt {
        /// The kind of thing.
        what: String,
        /// Why.
        detail: String,
    },
}

impl From<domain::cluster::Refusal> for Error {
    fn from(refusal: domain::cluster::Refusal) -> Self {
        use domain::cluster::Refusal;
        match refusal {
            Refusal::Busy { .. } | Refusal::InUse { .. } | Refusal::NodesInUse { .. } => {
                Self::Refused(refusal.to_string())
            }
            Refusal::NotActive { .. } | Refusal::NatOfLiving { .. } | Refusal::Settings(_) => {
                Self::Unprocessable(refusal.to_string())
            }
        }
    }
}

impl From<domain::settings::SettingsError> for Error {
    /// What cannot be read is invalid; what can be read but not be carried out is unprocessable.
    fn from(error: domain::settings::SettingsError) -> Self {
        use domain::settings::SettingsError;
        match error {
            SettingsError::UnknownName { .. }
            | SettingsError::UnknownOption { .. }
            | SettingsError::WrongValue { .. }
            | SettingsError::OutOfRange { .. } => Self::Invalid(error.to_string()),
            SettingsError::ListDiffers { .. }
            | SettingsError::MinAboveMax { .. }
            | SettingsError::RetiredType { .. }
            | SettingsError::NoGpu { .. }
            | SettingsError::TooSmall { .. } => Self::Unprocessable(error.to_string()),
        }
    }
}

impl From<RegisterError> for Error {
    fn from(error: RegisterError) -> Self {
        match error {
            RegisterError::Settings(error) => error.into(),
            RegisterError::Service(_) => Self::Unprocessable(error.to_string()),
            RegisterError::Type { .. } | RegisterError::Credentials(_) => Self::Invalid(error.to_string()),
        }
    }
}

impl From<Problem> for Error {
    fn from(problem: Problem) -> Self {
        match problem {
            Problem::Register(error) => error.into(),
            Problem::Settings(error) => error.into(),
            Problem::Unsupported(_) | Problem::UnsupportedOperator { .. } => Self::Unprocessable(problem.to_string()),
            Problem::Missing(_) | Problem::Unreadable { .. } | Problem::NoName | Problem::Operator { .. } => {
                Self::Invalid(problem.to_string())
            }
        }
    }
}

impl Error {
    /// Whether the same call may succeed a little later.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Port(error) => matches!(error.kind, PortErrorKind::Transient | PortErrorKind::Conflict),
            Self::Contended { .. } => true,
            _ => false,
        }
    }

    /// The name under which a state machine knows this error: it retries what is `Transient`, and more patiently what
    /// is `StateHeld`; what is `LockedOut` has a remedy of its own.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::StateHeld(_) => "StateHeld",
            Self::LockedOut(_) => "LockedOut",
            error if error.is_transient() => "Transient",
            _ => "Fault",
        }
    }
}
