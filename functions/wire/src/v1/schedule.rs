//! When a flow runs by itself, as people write and read it.

use domain::flow;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// When a flow runs by itself: `"manual"`, `{"cron": "0 4 * * *"}` or `{"after": "<another flow>"}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Schedule {
    /// Never: only when somebody asks.
    Manual,
    /// At the moments, in UTC, of a cron expression: five fields, a sixth for seconds, or a word such as `@hourly`.
    Cron(String),
    /// Whenever a run of another flow, which is given by its id or its name, has succeeded.
    After(String),
}

impl From<&flow::Schedule> for Schedule {
    fn from(schedule: &flow::Schedule) -> Self {
        match schedule {
            flow::Schedule::Manual => Self::Manual,
            flow::Schedule::Periodic { cron } => Self::Cron(cron.clone()),
            flow::Schedule::Cascade { source } => Self::After(source.to_string()),
        }
    }
}
