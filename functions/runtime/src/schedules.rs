//! Runs that nobody asks for at the moment: those of periodic flows, and those that follow another flow's; and what
//! else follows from a run's end.

use crate::idempotency::Repeatable;
use crate::ports::Expect;
use crate::records::{self, Stored};
use crate::runs::check_parameters;
use crate::{Error, World, keys};
use croner::Cron;
use croner::parser::{CronParser, Seconds, Year};
use domain::flow::{Flow, ParameterValue, Retention, Schedule};
use domain::run::{Run, RunStatus};
use domain::{FlowId, RunId, Timestamp};
use jiff::tz::TimeZone;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::collections::BTreeMap;
use uuid::Uuid;

impl World {
    /// Runs the newest version of a flow.
    ///
    /// # Errors
    /// Those of [`World::check_dag`] and [`World::submit_run`].
    pub async fn run_flow(
        &self,
        id: RunId,
        flow: &Flow,
        parameters: BTreeMap<String, ParameterValue>,
    ) -> Result<Run, Error> {
        self.run_flow_once(id, flow, parameters, None, Run::clone).await
    }

    /// Runs the newest version of a flow, as [`World::run_flow`] does; a request that came before gets the answer that it
    /// got then.
    ///
    /// # Errors
    /// Those of [`World::run_flow`], and [`Error::Unprocessable`] if another request came under this key.
    pub async fn run_flow_once<A: Serialize + DeserializeOwned>(
        &self,
        id: RunId,
        flow: &Flow,
        parameters: BTreeMap<String, ParameterValue>,
        request: Option<&Repeatable>,
        answer: impl Fn(&Run) -> A,
    ) -> Result<A, Error> {
        let dag = self.dag(flow.id, flow.dag).await?;
        let cluster = self.check_dag(&dag).await?;
        check_parameters(&dag, &parameters)?;
        self.submit_once(Run::submitted(id, &dag, cluster, parameters, self.now()), request, answer).await
    }

    /// Checks a flow's schedule.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a cron expression that is none or never comes true, [`Error::Unprocessable`] for a source
    /// that does not exist or that the flow itself starts.
    pub(crate) async fn check_schedule(&self, flow: FlowId, schedule: &Schedule) -> Result<(), Error> {
        match schedule {
            Schedule::Manual => Ok(()),
            Schedule::Periodic { cron } => next(cron, self.now()).map(|_| ()),
            Schedule::Cascade { .. } => {
                let checked = schedule.check(flow, &self.flows().await?);
                checked.map_err(|error| Error::Unprocessable(error.to_string()))
            }
        }
    }

    /// Submits a run of every periodic flow whose time has come, and tells how many periodic flows there are. A flow
    /// that cannot be read or run does not keep the others waiting.
    ///
    /// # Errors
    /// Those of listing, and [`Error::Corrupt`] once all that can be read were run.
    pub async fn run_due_flows(&self) -> Result<usize, Error> {
        let (flows, unreadable) = records::readable::<Flow>(self.store.as_ref(), keys::FLOWS).await?;
        let mut periodic = 0;
        for flow in flows {
            let id = flow.value.id;
            if let Schedule::Periodic { cron } = flow.value.schedule.clone() {
                periodic += 1;
                if let Err(error) = self.run_if_due(flow, &cron).await {
                    tracing::warn!(flow.id = %id, "a periodic flow could not be run: {error}");
                }
            }
        }
        unreadable.map_or(Ok(periodic), Err)
    }

    /// Whether a flow waits for its time to come.
    ///
    /// # Errors
    /// Those of listing.
    pub async fn has_periodic_flows(&self) -> Result<bool, Error> {
        Ok(self.flows().await?.iter().any(|flow| matches!(flow.schedule, Schedule::Periodic { .. })))
    }

    /// Submits a run if a moment of the schedule has passed since the last time. However many have passed, it is one
    /// run; and none while an earlier one still waits for its cluster, so that runs do not pile up before it.
    async fn run_if_due(&self, stored: Stored<Flow>, cron: &str) -> Result<(), Error> {
        let Stored { value: mut flow, version } = stored;
        let now = self.now();
        if next(cron, flow.scheduled_at.unwrap_or(flow.created_at))? > now || self.has_waiting_run(flow.id).await? {
            return Ok(());
        }
        let dag = self.dag(flow.id, flow.dag).await?;
        let cluster = self.check_dag(&dag).await?;
        let run = Run::submitted(RunId(Uuid::new_v4()), &dag, cluster, BTreeMap::new(), now);
        flow.scheduled_at = Some(now);
        let mut writes = vec![records::put(keys::flow(flow.id), &flow, Expect::Version(version))?];
        writes.extend(self.submission(flow.id, &run)?);
        // Who was quicker has submitted it, or published the flow anew.
        if records::lost_race(self.store.commit(writes).await)? { Ok(()) } else { self.start_run(run.id).await }
    }

    async fn has_waiting_run(&self, flow: FlowId) -> Result<bool, Error> {
        for id in self.open_runs().await? {
            let run = self.find_run(id).await?.map(|stored| stored.value);
            if run.is_some_and(|run| run.flow == flow && run.status == RunStatus::Pending) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Does what follows from a run's end: starts the flows that run after it, and removes what is not to be kept. It
    /// may be called again after a failure.
    ///
    /// # Errors
    /// Those that may pass; others are the flows' own and only logged.
    pub async fn follow_up(&self, run: &Run) -> Result<(), Error> {
        if run.id.is_preview() {
            return Ok(());
        }
        let followed = [self.start_followers(run).await, self.forget(run).await];
        for error in followed.into_iter().filter_map(Result::err) {
            if error.is_transient() {
                return Err(error);
            }
            tracing::warn!(run.id = %run.id, "not all that follows from the run could be done: {error}");
        }
        Ok(())
    }

    /// Starts the flows that run after this one, each of them whatever becomes of the others. The last of what failed;
    /// what may pass comes before what does not.
    async fn start_followers(&self, run: &Run) -> Result<(), Error> {
        if run.status != RunStatus::Succeeded {
            return Ok(());
        }
        let (flows, mut failed) = records::readable::<Flow>(self.store.as_ref(), keys::FLOWS).await?;
        for flow in flows.iter().map(|stored| &stored.value).filter(|flow| flow.schedule.source() == Some(run.flow)) {
            if let Err(error) = self.start_follower(run, flow).await {
                tracing::warn!(run.id = %run.id, flow.id = %flow.id, "a flow that follows could not be run: {error}");
                failed = failed.filter(Error::is_transient).or(Some(error));
            }
        }
        failed.map_or(Ok(()), Err)
    }

    async fn start_follower(&self, run: &Run, flow: &Flow) -> Result<(), Error> {
        // Derived from the run, so that a second attempt does not make a second run.
        let id = RunId(Uuid::new_v5(&run.id.0, flow.id.0.as_bytes()));
        match self.find_run(id).await? {
            Some(_) => self.start_run(id).await,
            None => self.run_flow(id, flow, BTreeMap::new()).await.map(drop),
        }
    }

    /// Removes the contents that were not to be kept, and the runs beyond those that the flow keeps.
    async fn forget(&self, run: &Run) -> Result<(), Error> {
        let dag = self.dag(run.flow, run.dag).await?;
        for (artifact, _) in dag.artifacts.iter().filter(|(_, artifact)| !artifact.should_persist) {
            self.objects.delete_all(&keys::artifact_objects(run.id, *artifact)).await?;
        }
        let keep = self.flow(run.flow).await?.keep_runs;
        if keep == Retention::All {
            return Ok(());
        }
        let runs = self.runs_of(run.flow).await?;
        for old in runs.iter().take(keep.surplus(runs.len())).filter(|old| old.status.is_final()) {
            self.delete_run(old).await?;
        }
        Ok(())
    }
}

/// The first moment after another at which a cron expression comes true, in UTC.
fn next(cron: &str, after: Timestamp) -> Result<Timestamp, Error> {
    let invalid = |error: croner::errors::CronError| Error::Invalid(format!("cron expression '{cron}': {error}"));
    let start = after.to_zoned(TimeZone::UTC);
    let found = parse(cron).and_then(|parsed| parsed.find_next_occurrence(&start, false)).map_err(invalid)?;
    Ok(found.timestamp())
}

/// Reads an expression as croniter does, which checks it in the SDK: a sixth field is the seconds'.
fn parse(cron: &str) -> Result<Cron, croner::errors::CronError> {
    let fields: Vec<&str> = cron.split_whitespace().collect();
    let text = match fields.as_slice() {
        [minutes @ .., seconds] if minutes.len() == 5 => format!("{seconds} {}", minutes.join(" ")),
        [word] if word.eq_ignore_ascii_case("@midnight") => "@daily".to_owned(),
        fields => fields.join(" "),
    };
    CronParser::builder().seconds(Seconds::Optional).year(Year::Disallowed).build().parse(&text)
}

#[cfg(test)]
#[path = "schedules_tests.rs"]
mod tests;
