//! What runs, people and the keepalive rule ask for.

use super::{Draft, Plan, Reply};
use crate::RunId;
use crate::cluster::{Phase, Purpose, Refusal, Status};
use crate::failure::{Failure, FailureClass};
use crate::settings::SettingsDelta;
use std::collections::BTreeSet;

impl Draft {
    pub(super) fn acquire(&mut self, run: RunId) -> Reply {
        let generation = self.cluster.generation;
        match &mut self.cluster.phase {
            Phase::Active { leases, idle_since } => {
                leases.insert(run);
                *idle_since = None;
                Reply::Granted { generation }
            }
            Phase::Updating { leases, waiters, previous, .. } => {
                let present = self.cluster.failed_settings.iter().chain([&**previous]);
                if leases.contains(&run) || !self.cluster.settings.take_nodes_from_any(present) {
                    leases.insert(run);
                    Reply::Granted { generation }
                } else {
                    waiters.insert(run);
                    Reply::Waiting
                }
            }
            Phase::Creating { waiters, .. } => {
                waiters.insert(run);
                Reply::Waiting
            }
            Phase::Terminating { waiters, stuck, .. } => {
                waiters.insert(run);
                if let Some(stuck) = stuck.as_mut().filter(|stuck| stuck.parked) {
                    stuck.parked = false;
                    self.hasten_teardown();
                }
                Reply::Waiting
            }
            Phase::Terminated => {
                self.start_creation(BTreeSet::from([run]), false, format!("run {run} needs the cluster"));
                Reply::Waiting
            }
        }
    }

    pub(super) fn release(&mut self, run: RunId) -> Reply {
        let now = self.now;
        match &mut self.cluster.phase {
            Phase::Active { leases, idle_since } => {
                if leases.remove(&run) && leases.is_empty() {
                    *idle_since = Some(now);
                    let keepalive = self.cluster.settings.keepalive;
                    self.note("idle", format!("the last run is over; the cluster ends in {keepalive} s if none comes"));
                }
            }
            Phase::Updating { leases, waiters, .. } => {
                leases.remove(&run);
                waiters.remove(&run);
            }
            Phase::Creating { waiters, requested, .. } => {
                if waiters.remove(&run) && waiters.is_empty() && !*requested {
                    self.tear_down("no run waits for it any more", false);
                }
            }
            Phase::Terminating { waiters, .. } => {
                waiters.remove(&run);
            }
            Phase::Terminated => {}
        }
        Reply::Accepted
    }

    pub(super) fn create(&mut self, delta: &SettingsDelta) -> Result<Reply, Refusal> {
        match &mut self.cluster.phase {
            Phase::Terminated => {
                self.cluster.settings = self.cluster.changed(delta)?;
                self.start_creation(BTreeSet::new(), true, "a user asked for the cluster".to_owned());
                Ok(Reply::Accepted)
            }
            Phase::Creating { requested, .. } if delta.is_empty() => {
                if !std::mem::replace(requested, true) {
                    self.note("requested", "a user asked for the cluster: it is made even if no run waits any more");
                }
                Ok(Reply::Accepted)
            }
            Phase::Updating { .. } if delta.is_empty() => Ok(Reply::Accepted),
            Phase::Creating { .. } | Phase::Updating { .. } => {
                Err(self.busy("creating it with other settings", Status::Active))
            }
            Phase::Active { .. } if delta.is_empty() => Ok(Reply::Accepted),
            Phase::Active { .. } => self.update(delta),
            Phase::Terminating { .. } => Err(self.busy("creating it again", Status::Terminated)),
        }
    }

    pub(super) fn update(&mut self, delta: &SettingsDelta) -> Result<Reply, Refusal> {
        if self.cluster.phase == Phase::Terminated && delta.is_of_options_only() {
            let settings = self.cluster.changed(delta)?;
            if settings != self.cluster.settings {
                self.cluster.settings = settings;
                self.note("updated", "a user changed the options of the next creation");
            }
            return Ok(Reply::Accepted);
        }
        let Phase::Active { leases, .. } = &self.cluster.phase else {
            return Err(Refusal::NotActive { name: self.cluster.name.clone(), status: self.cluster.status() });
        };
        let leases = leases.clone();
        let settings = self.cluster.changed(delta)?;
        let as_before = settings == self.cluster.settings;
        let builds = settings.need_build_from(&self.cluster.settings);
        if !as_before && !builds {
            self.note("updated", format!("the keepalive is now {} s", settings.keepalive));
            self.cluster.settings = settings;
            return Ok(Reply::Accepted);
        }
        // What AWS has after a failed update is not known: asking for the old settings builds them.
        if !builds && self.cluster.last_error.is_none() {
            return Ok(Reply::Accepted);
        }
        // A failed update may have let a group grow beyond the maximum that is in force again.
        let present = self.cluster.failed_settings.iter().chain([&self.cluster.settings]);
        if settings.take_nodes_from_any(present) && !leases.is_empty() {
            let runs = leases.into_iter().collect();
            return Err(Refusal::NodesInUse { name: self.cluster.name.clone(), runs });
        }
        let previous = std::mem::replace(&mut self.cluster.settings, settings);
        let build = self.new_build(&Plan::first(Purpose::Update));
        self.enter(Phase::Updating { build, leases, waiters: BTreeSet::new(), previous: Box::new(previous) });
        self.note("update_started", "a user changed the settings");
        Ok(Reply::Accepted)
    }

    pub(super) fn delete(&mut self) -> Result<Reply, Refusal> {
        let in_use = |runs: &BTreeSet<RunId>, name: &str| Refusal::InUse {
            name: name.to_owned(),
            runs: runs.iter().copied().collect(),
        };
        match &self.cluster.phase {
            Phase::Terminated => {}
            Phase::Creating { waiters, .. } if !waiters.is_empty() => return Err(in_use(waiters, &self.cluster.name)),
            Phase::Creating { .. } => self.tear_down("a user cancelled the creation", false),
            Phase::Active { leases, .. } if !leases.is_empty() => return Err(in_use(leases, &self.cluster.name)),
            Phase::Active { .. } => self.tear_down("a user deleted the cluster", false),
            Phase::Updating { .. } => return Err(self.busy("deleting it", Status::Active)),
            Phase::Terminating { .. } => self.hasten_teardown(),
        }
        Ok(Reply::Accepted)
    }

    pub(super) fn force_delete(&mut self) -> Reply {
        let lost: BTreeSet<RunId> = match &self.cluster.phase {
            Phase::Terminated => return Reply::Accepted,
            Phase::Terminating { .. } => {
                self.force_teardown();
                self.hasten_teardown();
                return Reply::Accepted;
            }
            Phase::Creating { waiters, .. } => waiters.clone(),
            Phase::Active { leases, .. } => leases.clone(),
            Phase::Updating { leases, waiters, .. } => leases | waiters,
        };
        let failure = Failure::new(
            FailureClass::Requested,
            format!("cluster '{}' was deleted by force while the run needed it", self.cluster.name),
        )
        .remedied_by("Start the run again: it will create the cluster anew.");
        self.fail_runs(&lost, &failure);
        self.tear_down("a user deleted the cluster by force", true);
        Reply::Accepted
    }

    /// A creation or an update that failed for want of credentials does not wait for a retry: it was undone, and the
    /// next one has the new ones. Only a teardown waits for them.
    pub(super) fn credentials_renewed(&mut self) -> Reply {
        if let Phase::Terminating { stuck: Some(stuck), .. } = &self.cluster.phase
            && stuck.parked
        {
            let before = self.cluster.epoch;
            self.hasten_teardown();
            if self.cluster.epoch != before {
                self.note("teardown_hurried", "the account has new credentials: the teardown is tried with them");
            }
        }
        Reply::Accepted
    }

    pub(super) fn keepalive_tick(&mut self, live_pods: u32) -> Reply {
        let over = self.cluster.keepalive_is_over(self.now);
        let keepalive = self.cluster.settings.keepalive;
        let now = self.now;
        if let Phase::Active { leases, idle_since } = &mut self.cluster.phase
            && leases.is_empty()
        {
            if live_pods > 0 || idle_since.is_some_and(|since| since > now) {
                *idle_since = Some(now);
            } else if over {
                self.tear_down(&format!("idle for longer than the keepalive of {keepalive} s"), false);
            }
        }
        Reply::Accepted
    }
}
