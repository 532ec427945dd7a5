//! What builds ask and report.

use super::{BuildReport, Draft, Plan, Reply};
use crate::RunId;
use crate::cluster::{Build, Effect, Phase, Purpose, Stuck};
use crate::failure::{Failure, Reaction};
use crate::price::{self, Nodes};
use std::collections::BTreeSet;

/// How often a creation is tried before what it made is destroyed.
const MOST_CREATE_ATTEMPTS: u32 = 3;
/// How long the first retry of a build waits; it doubles with every further one.
const FIRST_RETRY_SECONDS: u64 = 30;
/// A destroy that keeps failing is tried again this often.
const LONGEST_RETRY_SECONDS: u64 = 3600;

impl Draft {
    /// Fences a build: it may start only while it is the one that the cluster waits for. A teardown that finds life
    /// after all is called off.
    pub(super) fn begin_build(&mut self, epoch: u64, live_pods: u32) -> Reply {
        if self.begins_collection(epoch) {
            return Reply::Proceed;
        }
        if !self.cluster.expects_build(epoch) {
            return Reply::Superseded;
        }
        let now = self.now;
        match &mut self.cluster.phase {
            // This build was called off while it waited; its end starts the teardown.
            Phase::Terminating { build, .. } if build.purpose != Purpose::Destroy => Reply::Superseded,
            Phase::Terminating { build, waiters, .. } if live_pods > 0 && !build.forced && build.begun_at.is_none() => {
                let waiters = waiters.clone();
                self.note("teardown_called_off", format!("{live_pods} pod(s) are still alive in the cluster"));
                self.activate(BTreeSet::new(), waiters);
                Reply::Superseded
            }
            Phase::Creating { build, .. } | Phase::Updating { build, .. } => {
                build.begun_at.get_or_insert(now);
                Reply::Proceed
            }
            Phase::Terminating { build, stuck, .. } => {
                build.begun_at.get_or_insert(now);
                if let Some(stuck) = stuck {
                    stuck.parked = false;
                }
                Reply::Proceed
            }
            Phase::Terminated | Phase::Active { .. } => Reply::Superseded,
        }
    }

    pub(super) fn build_succeeded(&mut self, epoch: u64, report: &BuildReport) -> Reply {
        if self.ends_collection(epoch, Ok(report)) {
            return Reply::Accepted;
        }
        if !self.cluster.expects_build(epoch) {
            return Reply::Superseded;
        }
        match self.cluster.phase.clone() {
            Phase::Creating { build, waiters, .. } => {
                self.record_duration(&build);
                self.cluster.last_error = None;
                self.note("created", format!("Active: {} resources created", report.added));
                self.has_made(report);
                self.activate(BTreeSet::new(), waiters);
            }
            Phase::Updating { build, leases, waiters, .. } => {
                self.record_duration(&build);
                self.cluster.last_error = None;
                self.activate(leases, waiters);
                self.note("updated", "the new settings are in force");
                self.has_made(report);
            }
            Phase::Terminating { build, waiters, stuck } if build.purpose == Purpose::Destroy => {
                self.record_duration(&build);
                let tries = if build.attempt > 1 { format!(" after {} tries", build.attempt) } else { String::new() };
                let destroyed = report.destroyed;
                self.note("destroyed", format!("Terminated{tries}: {destroyed} resources destroyed, none left"));
                let first_epoch = stuck.map_or(build.epoch, |stuck| stuck.first_epoch);
                let generation = self.cluster.generation;
                if waiters.is_empty() {
                    self.terminated();
                } else {
                    self.start_creation(waiters, false, "runs came while it was ending".to_owned());
                }
                // Last: a look into the account takes longer than to start what runs wait for.
                self.effect(Effect::Receipt { generation, first_epoch, last_epoch: build.epoch });
            }
            // The build that was to be stopped was quicker.
            Phase::Terminating { waiters, build, .. } => self.destroy(waiters, build.forced),
            Phase::Terminated | Phase::Active { .. } => return Reply::Superseded,
        }
        Reply::Accepted
    }

    pub(super) fn build_failed(&mut self, epoch: u64, failure: &Failure) -> Reply {
        if self.ends_collection(epoch, Err(failure)) {
            return Reply::Accepted;
        }
        if !self.cluster.expects_build(epoch) {
            return Reply::Superseded;
        }
        match self.cluster.phase.clone() {
            Phase::Creating { build, waiters, requested }
                if failure.class.reaction() == Reaction::TryAgain && build.attempt < MOST_CREATE_ATTEMPTS =>
            {
                let delay = retry_delay(build.attempt);
                self.fail_with(failure, "creation_failed", &format!("trying again in {delay} s"));
                let build = self.new_build(&Plan::again(&build, build.attempt + 1, delay));
                self.enter(Phase::Creating { build, waiters, requested });
            }
            Phase::Creating { waiters, .. } => {
                self.fail_with(failure, "creation_failed", "destroying what was made");
                self.fail_runs(&waiters, failure);
                self.destroy(BTreeSet::new(), true);
            }
            Phase::Updating { leases, waiters, previous, .. } => {
                let failed = std::mem::replace(&mut self.cluster.settings, *previous);
                if !self.cluster.failed_settings.contains(&failed) {
                    self.cluster.failed_settings.push(failed);
                }
                // It may have made some of what it was to make.
                self.cluster.node_groups = None;
                self.activate(leases, waiters);
                self.fail_with(failure, "update_failed", "the old settings stay in force");
            }
            Phase::Terminating { build, waiters, stuck } if build.purpose == Purpose::Destroy => {
                let first_epoch = stuck.map_or(build.epoch, |stuck| stuck.first_epoch);
                self.teardown_failed(&build, waiters, failure, first_epoch);
            }
            Phase::Terminating { waiters, build, .. } => self.destroy(waiters, build.forced),
            Phase::Terminated | Phase::Active { .. } => return Reply::Superseded,
        }
        Reply::Accepted
    }

    /// Keeps what a build has made, and tells what it could not.
    fn has_made(&mut self, report: &BuildReport) {
        self.cluster.failed_settings.clear();
        self.cluster.node_groups.clone_from(&report.node_groups);
        if let Some(why) = self.cluster.hardware().no_gpu_nodes() {
            self.note("no_gpu_nodes", why.to_string());
        }
    }

    /// A teardown is never given up. But where retries are of no use it is parked: tried hourly, and whenever somebody
    /// asks for it; nobody is left waiting for that.
    fn teardown_failed(&mut self, build: &Build, mut waiters: BTreeSet<RunId>, failure: &Failure, first_epoch: u64) {
        let backed_off = retry_delay(build.attempt);
        let parked = failure.class.reaction() == Reaction::AwaitPerson || backed_off == LONGEST_RETRY_SECONDS;
        let delay = if parked { LONGEST_RETRY_SECONDS } else { backed_off };
        if parked {
            let settings = &self.cluster.settings;
            let cost = price::hourly(settings, Nodes::idle(settings)).per_hour();
            let until = format!(
                "trying again hourly, or when the cluster is deleted; until then it costs up to {cost} an hour"
            );
            self.note_failure(failure, "teardown_parked", &until);
            self.fail_runs(&std::mem::take(&mut waiters), &no_next_generation(failure));
        } else {
            self.note_failure(failure, "teardown_failed", &format!("trying again in {delay} s"));
        }
        // From half a cluster there is no way back.
        let forced = build.forced || build.begun_at.is_some();
        let build = self.new_build(&Plan { forced, ..Plan::again(build, build.attempt + 1, delay) });
        let stuck = Stuck { failure: failure.clone(), parked, first_epoch };
        self.enter(Phase::Terminating { build, waiters, stuck: Some(Box::new(stuck)) });
    }
}

/// Why the runs that wait for the next generation do not get it.
fn no_next_generation(failure: &Failure) -> Failure {
    let message = format!(
        "the cluster cannot be created anew before the last one is destroyed, and that fails: {}",
        failure.message
    );
    Failure { message, ..failure.clone() }
}

fn retry_delay(attempt: u32) -> u64 {
    FIRST_RETRY_SECONDS.saturating_mul(1 << attempt.saturating_sub(1).min(12)).min(LONGEST_RETRY_SECONDS)
}
