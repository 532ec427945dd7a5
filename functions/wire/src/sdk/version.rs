//! Which SDK we take ourselves for. The SDK compares the server's version with its own and refuses any other, but never
//! sends its own: an address that ends in `/sdk/<version>` says it instead.

use serde_json::{Value, json};

/// The versions whose interface is served, oldest first.
const KNOWN: [&str; 11] =
    ["0.2.8", "0.2.9", "0.2.10", "0.2.11", "0.2.12", "0.3.1", "0.3.2", "0.3.3", "0.3.4", "0.3.5", "0.3.6"];
/// The one that is installed if nobody asks for another.
const NEWEST: &str = "0.3.6";

/// A version of the SDK.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Version(&'static str);

/// A version that is not served.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("version '{version}' of the SDK is not served; there are: {}", KNOWN.join(", "))]
pub struct UnknownVersion {
    version: String,
}

impl Default for Version {
    fn default() -> Self {
        Self(NEWEST)
    }
}

impl std::str::FromStr for Version {
    type Err = UnknownVersion;
    fn from_str(text: &str) -> Result<Self, UnknownVersion> {
        let known = KNOWN.into_iter().find(|known| *known == text);
        known.map(Self).ok_or_else(|| UnknownVersion { version: text.to_owned() })
    }
}

impl Version {
    /// The answer to the SDK's first request.
    #[must_use]
    pub fn handshake(self) -> Value {
        json!({ "version": self.0 })
    }

    /// The service word of the built-in engine: it was renamed with 0.3.1, and a list with a word that the SDK does not
    /// know makes all of it unusable.
    #[must_use]
    pub(super) fn built_in_service(self) -> &'static str {
        if self.0.starts_with("0.2.") { "Aqueduct Engine" } else { "Aqueduct" }
    }

    /// The word for an artifact that was not to be kept: only the newest version knows one of its own.
    #[must_use]
    pub(super) fn deleted(self) -> &'static str {
        if self.0 == NEWEST { "deleted" } else { "canceled" }
    }
}
