//! What the SDK says of a flow besides its graph.

use super::problem::Problem;
use crate::v1::problem::{LONGEST_CRON, LONGEST_DESCRIPTION};
use domain::FlowId;
use domain::flow::{Flow, Retention, Schedule};
use serde::Deserialize;
use serde_json::{Value, json};
use std::num::NonZeroU32;

/// What is said of a flow.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Metadata {
    /// Its name; empty in a preview.
    pub name: String,
    /// What it is about.
    pub description: String,
    /// When it runs by itself.
    pub schedule: Schedule,
    /// How many of its runs are kept.
    pub keep_runs: Retention,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct RawMetadata {
    name: Option<String>,
    description: Option<String>,
    schedule: Option<RawSchedule>,
    retention_policy: Option<RawRetention>,
}

#[derive(Deserialize)]
struct RawSchedule {
    trigger: Option<String>,
    cron_schedule: Option<String>,
    source_id: Option<FlowId>,
    disable_manual_trigger: Option<bool>,
}

#[derive(Deserialize)]
struct RawRetention {
    k_latest_runs: Option<i64>,
}

impl Metadata {
    pub(super) fn read(raw: RawMetadata) -> Result<Self, Problem> {
        Ok(Self {
            name: raw.name.unwrap_or_default(),
            description: short("description", raw.description.unwrap_or_default(), LONGEST_DESCRIPTION)?,
            schedule: raw.schedule.map(RawSchedule::read).transpose()?.unwrap_or_default(),
            keep_runs: raw.retention_policy.map(RawRetention::read).transpose()?.unwrap_or_default(),
        })
    }

    /// Refuses to publish without a name.
    ///
    /// # Errors
    /// [`Problem::NoName`].
    pub fn check_name(&self) -> Result<(), Problem> {
        if self.name.trim().is_empty() { Err(Problem::NoName) } else { Ok(()) }
    }
}

fn short(field: &str, text: String, most: usize) -> Result<String, Problem> {
    if text.len() <= most {
        return Ok(text);
    }
    let why = format!("it has {} bytes, and {most} are allowed: shorten it", text.len());
    Err(Problem::unreadable(&format!("field 'metadata.{field}'"), why))
}

impl RawSchedule {
    fn read(self) -> Result<Schedule, Problem> {
        if self.disable_manual_trigger == Some(true) {
            let text = "schedule.disable_manual_trigger is not supported: a flow can always be run by hand";
            return Err(Problem::Unsupported(text.to_owned()));
        }
        let missing = |field: &str| Problem::Missing(format!("field 'schedule.{field}'"));
        match self.trigger.as_deref() {
            None | Some("" | "manual") => Ok(Schedule::Manual),
            Some("periodic") => {
                let cron = self.cron_schedule.filter(|cron| !cron.trim().is_empty());
                let cron = cron.ok_or_else(|| missing("cron_schedule"))?;
                Ok(Schedule::Periodic { cron: short("schedule.cron_schedule", cron, LONGEST_CRON)? })
            }
            Some("cascade") => Ok(Schedule::Cascade { source: self.source_id.ok_or_else(|| missing("source_id"))? }),
            Some(other) => Err(Problem::Unsupported(format!(
                "schedule.trigger '{other}' is not supported: use manual, periodic or cascade"
            ))),
        }
    }
}

impl RawRetention {
    fn read(self) -> Result<Retention, Problem> {
        match self.k_latest_runs {
            None | Some(-1) => Ok(Retention::All),
            Some(runs) => match u32::try_from(runs).ok().and_then(NonZeroU32::new) {
                Some(runs) => Ok(Retention::Latest(runs)),
                None => Err(Problem::unreadable(
                    "field 'retention_policy.k_latest_runs'",
                    format!("it must be at least 1, or -1 to keep all runs, but is {runs}"),
                )),
            },
        }
    }
}

/// A schedule as the SDK reads it. It takes no empty text for a source, and no null for a cron expression.
#[must_use]
pub(super) fn schedule(schedule: &Schedule) -> Value {
    let (trigger, cron, source) = match schedule {
        Schedule::Manual => ("manual", "", None),
        Schedule::Periodic { cron } => ("periodic", cron.as_str(), None),
        Schedule::Cascade { source } => ("cascade", "", Some(source)),
    };
    json!({"trigger": trigger, "cron_schedule": cron, "disable_manual_trigger": false, "source_id": source})
}

/// How many runs are kept, as the SDK reads it.
#[must_use]
pub(super) fn retention(flow: &Flow) -> Value {
    let most = match flow.keep_runs {
        Retention::All => -1,
        Retention::Latest(most) => i64::from(most.get()),
    };
    json!({ "k_latest_runs": most })
}
