//! What builds ask and report.

use super::{BuildReport, Draft, Reply};
use crate::Failure;
use crate::cluster::{Phase, Purpose};
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
        if !self.cluster.expects_build(epoch) {
            return Reply::Superseded;
        }
        let now = self.now;
        match &mut self.cluster.phase {
            // This build was called off while it waited; its end starts the teardown.
            Phase::Terminating { build, .. } if build.purpose != Purpose::Destroy => Reply::Superseded,
            Phase::Terminating { build, waiters } if live_pods > 0 && !build.forced && build.begun_at.is_none() => {
                let waiters = waiters.clone();
                self.note("teardown_called_off", format!("{live_pods} pod(s) are still alive in the cluster"));
                self.activate(BTreeSet::new(), waiters);
                Reply::Superseded
            }
            Phase::Creating { build, .. } | Phase::Updating { build, .. } | Phase::Terminating { build, .. } => {
                build.begun_at.get_or_insert(now);
                Reply::Proceed
            }
            Phase::Terminated | Phase::Active { .. } => Reply::Superseded,
        }
    }

    pub(super) fn build_succeeded(&mut self, epoch: u64, report: &BuildReport) -> Reply {
        if !self.cluster.expects_build(epoch) {
            return Reply::Superseded;
        }
        match self.cluster.phase.clone() {
            Phase::Creating { build, waiters } => {
                self.record_duration(&build);
                self.note("created", format!("Active: {} resources created", report.added));
                self.activate(BTreeSet::new(), waiters);
            }
            Phase::Updating { build, leases, waiters, .. } => {
                self.record_duration(&build);
                self.activate(leases, waiters);
                self.note("updated", "the new settings are in force");
            }
            Phase::Terminating { build, waiters } if build.purpose == Purpose::Destroy => {
                self.record_duration(&build);
                self.note("destroyed", format!("Terminated: {} resources destroyed, none left", report.destroyed));
                if waiters.is_empty() {
                    self.cluster.epoch += 1;
                    self.enter(Phase::Terminated);
                } else {
                    self.start_creation(waiters, "runs came while it was ending".to_owned());
                }
            }
            // The build that was to be stopped was quicker.
            Phase::Terminating { waiters, build } => self.destroy(waiters, build.forced),
            Phase::Terminated | Phase::Active { .. } => return Reply::Superseded,
        }
        Reply::Accepted
    }

    pub(super) fn build_failed(&mut self, epoch: u64, failure: &Failure) -> Reply {
        if !self.cluster.expects_build(epoch) {
            return Reply::Superseded;
        }
        match self.cluster.phase.clone() {
            Phase::Creating { build, waiters }
                if failure.class.is_retryable() && build.attempt < MOST_CREATE_ATTEMPTS =>
            {
                let delay = retry_delay(build.attempt);
                self.fail_with(failure, "creation_failed", &format!("trying again in {delay} s"));
                let build = self.new_build(Purpose::Create, build.attempt + 1, delay, false);
                self.enter(Phase::Creating { build, waiters });
            }
            Phase::Creating { waiters, .. } => {
                self.fail_with(failure, "creation_failed", "destroying what was made");
                self.fail_runs(&waiters, failure);
                self.destroy(BTreeSet::new(), true);
            }
            Phase::Updating { leases, waiters, previous, .. } => {
                self.cluster.settings = *previous;
                self.activate(leases, waiters);
                self.fail_with(failure, "update_failed", "the old settings stay in force");
            }
            Phase::Terminating { build, waiters } if build.purpose == Purpose::Destroy => {
                let delay = retry_delay(build.attempt);
                self.fail_with(failure, "teardown_failed", &format!("trying again in {delay} s"));
                // From half a cluster there is no way back.
                let forced = build.forced || build.begun_at.is_some();
                let build = self.new_build(Purpose::Destroy, build.attempt + 1, delay, forced);
                self.enter(Phase::Terminating { build, waiters });
            }
            Phase::Terminating { waiters, build } => self.destroy(waiters, build.forced),
            Phase::Terminated | Phase::Active { .. } => return Reply::Superseded,
        }
        Reply::Accepted
    }
}

fn retry_delay(attempt: u32) -> u64 {
    FIRST_RETRY_SECONDS.saturating_mul(1 << attempt.saturating_sub(1).min(12)).min(LONGEST_RETRY_SECONDS)
}
