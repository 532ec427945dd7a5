//! Typed ids: a run's id cannot be handed in where a flow's is asked for.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;
use uuid::{Builder, Uuid, Version};

/// An id that is not a UUID.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{value}' is not the id of {kind}: an id looks like 1f1e0abd-8606-44de-a946-363d97fa8b84")]
pub struct InvalidId {
    kind: &'static str,
    value: String,
}

macro_rules! typed_id {
    ($(#[$doc:meta])* $name:ident, $kind:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;
            fn from_str(value: &str) -> Result<Self, InvalidId> {
                Uuid::parse_str(value).map(Self).map_err(|_| InvalidId { kind: $kind, value: value.to_owned() })
            }
        }
    };
}

typed_id!(
    /// A registered AWS account.
    IntegrationId, "an integration"
);
typed_id!(
    /// The one cluster of an integration; also the id of its `<name>:aqueduct_ondemand_k8s` entry.
    ClusterId, "a cluster"
);
typed_id!(
    /// A published flow; it keeps its id over all its versions.
    FlowId, "a flow"
);
typed_id!(
    /// One version of a flow's graph.
    DagId, "a DAG"
);
typed_id!(
    /// One execution of a DAG.
    RunId, "a run"
);
typed_id!(
    /// A node that computes. Clients choose these ids and repeat them, so they are unique within one DAG only.
    OperatorId, "an operator"
);
typed_id!(
    /// A value that an operator writes and others read; unique within one DAG only.
    ArtifactId, "an artifact"
);

/// Marks what belongs to a preview, which is kept apart and not for long.
fn marked(random: Uuid) -> Uuid {
    Builder::from_bytes(random.into_bytes()).with_version(Version::Custom).into_uuid()
}

fn is_marked(id: Uuid) -> bool {
    id.get_version() == Some(Version::Custom)
}

impl RunId {
    /// The id of a preview's run, from a random one.
    #[must_use]
    pub fn of_preview(random: Uuid) -> Self {
        Self(marked(random))
    }

    /// Whether this is a preview's run: it is in no list, and forgotten after a day.
    #[must_use]
    pub fn is_preview(self) -> bool {
        is_marked(self.0)
    }
}

impl FlowId {
    /// The id under which a preview's graph is stored, from a random one.
    #[must_use]
    pub fn of_preview(random: Uuid) -> Self {
        Self(marked(random))
    }

    /// Whether a preview's graph is stored under this id: there is no flow then.
    #[must_use]
    pub fn is_preview(self) -> bool {
        is_marked(self.0)
    }
}

impl ClusterId {
    /// The name EKS sees: short enough for every AWS name limit, and another one for every generation, so that
    /// nothing of a former cluster clashes with a new one.
    #[must_use]
    pub fn eks_name(&self, generation: u32) -> String {
        let short = &self.0.simple().to_string()[..8];
        format!("ondemand-{short}-g{generation}")
    }
}
