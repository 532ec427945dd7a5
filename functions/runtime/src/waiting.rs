//! Runs that wait for a cluster.

use crate::{Error, World, concurrent};
use domain::RunId;
use domain::cluster::Cluster;

impl World {
    /// The runs that wait for a cluster, in the order of their submission.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn in_line(&self, cluster: &Cluster) -> Result<Vec<RunId>, Error> {
        let waiting = cluster.phase.waiters().into_iter().flatten();
        let runs = concurrent::all(waiting.map(|run| self.find_run(*run))).await?;
        // One that is forgotten waits no more; the sweeper takes it off the list.
        let mut submitted: Vec<_> =
            runs.into_iter().flatten().map(|run| (run.value.created_at, run.value.id)).collect();
        submitted.sort_unstable();
        Ok(submitted.into_iter().map(|(_, run)| run).collect())
    }
}
