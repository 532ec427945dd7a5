//! What is left of generations that should be gone.
//!
//! A build that escaped its fence may have made it. It is destroyed in whatever phase the cluster is: a team that never
//! lets its cluster go would pay for it for ever. State, names and tags are a generation's own, so this is no change of
//! the cluster, and shares only the counter of epochs with the builds that are.

use super::{BuildReport, Draft, Reply};
use crate::Failure;
use crate::cluster::{Collection, Effect, Purpose, Status};

impl Draft {
    /// Destroys what should be gone already, one generation after the other: others are looked for again later. So is
    /// what is found during a teardown, whose receipt is of all builds from its first epoch to its last.
    pub(super) fn collect_leftover(&mut self, generation: u32) -> Reply {
        let free = self.cluster.collection.is_none() && self.cluster.status() != Status::Terminating;
        if free && self.cluster.is_over(generation) {
            self.note("leftover_found", format!("resources of generation {generation} still exist: destroying them"));
            self.cluster.epoch += 1;
            let (epoch, purpose) = (self.cluster.epoch, Purpose::Destroy);
            self.effect(Effect::EnableKeepalive);
            self.effect(Effect::StartMachine { epoch, generation, purpose, delay_seconds: 0 });
            self.cluster.collection = Some(Collection { generation, epoch, begun_at: None });
        }
        Reply::Accepted
    }

    /// Fences it: it may start only while it is what the cluster waits for.
    pub(super) fn begins_collection(&mut self, epoch: u64) -> bool {
        let now = self.now;
        let collects = self.cluster.collection.as_mut().filter(|collects| collects.epoch == epoch);
        collects.map(|collects| collects.begun_at.get_or_insert(now)).is_some()
    }

    /// What it could not destroy is found again within the hour, and that is its retry: nobody waits for it.
    pub(super) fn ends_collection(&mut self, epoch: u64, how: Result<&BuildReport, &Failure>) -> bool {
        let Some(Collection { generation, .. }) = self.cluster.collection.take_if(|collects| collects.epoch == epoch)
        else {
            return false;
        };
        match how {
            Ok(BuildReport { destroyed, .. }) => {
                let what = format!("{destroyed} resources of generation {generation} destroyed, none left");
                self.note("leftover_destroyed", what);
                self.effect(Effect::Receipt { generation, first_epoch: epoch, last_epoch: epoch });
            }
            Err(failure) => {
                let and_now = format!("what is left of generation {generation} is tried again within the hour");
                self.note_failure(failure, "leftover_stays", &and_now);
            }
        }
        true
    }
}
