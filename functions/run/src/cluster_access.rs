//! What one process need not look up over and over: the way to a cluster's API server, whose address and CA do not
//! change within a generation, and the key of job tokens, which does not change at all.

use crate::advance::RunFunction;
use domain::Secret;
use domain::cluster::Cluster;
use domain::run::Run;
use runtime::error::PortErrorKind;
use runtime::ports::{KubeAccess, Vault};
use runtime::{Error, PortError};
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::OnceCell;

/// How long a way is trusted: well below the hour that temporary credentials of a role live.
const VALID_FOR: Duration = Duration::from_secs(300);

/// What is not found where somebody has deleted the cluster by other ways.
pub const EKS_CLUSTER: &str = "EKS cluster";

/// What was found so far.
#[derive(Default)]
pub struct Known {
    /// By the cluster's name in EKS, which holds the generation.
    ways: Mutex<HashMap<String, (Instant, KubeAccess)>>,
    token_key: OnceCell<Secret>,
}

impl Known {
    /// The way to a cluster, if it was found a short while ago.
    fn way(&self, name: &str) -> Option<KubeAccess> {
        let ways = self.ways.lock().unwrap_or_else(PoisonError::into_inner);
        ways.get(name).filter(|(found_at, _)| found_at.elapsed() < VALID_FOR).map(|(_, way)| way.clone())
    }

    fn remember(&self, name: String, way: KubeAccess) {
        self.ways.lock().unwrap_or_else(PoisonError::into_inner).insert(name, (Instant::now(), way));
    }

    fn forget(&self, name: &str) {
        self.ways.lock().unwrap_or_else(PoisonError::into_inner).remove(name);
    }

    /// A secret of this deployment that never changes, which is read once.
    ///
    /// # Errors
    /// [`Error::NotFound`] when the deployment lacks it.
    pub async fn token_key(&self, vault: &dyn Vault, name: &str) -> Result<&Secret, Error> {
        let read = async || {
            let key = vault.get(name).await?;
            key.ok_or_else(|| Error::NotFound { what: "secret", id: name.to_owned() })
        };
        self.token_key.get_or_try_init(read).await
    }
}

impl RunFunction {
    /// The cluster of a run, as long as it is of the generation that the run was granted. The next one has the same
    /// document, and must not get Jobs of a run that has lost its own and was not told yet.
    ///
    /// # Errors
    /// [`Error::NotFound`] with [`EKS_CLUSTER`] if there is another generation now, and those of the store.
    pub async fn cluster_of(&self, run: &Run) -> Result<Cluster, Error> {
        let id = run.cluster.ok_or_else(|| Error::NotFound { what: "cluster of run", id: run.id.to_string() })?;
        let cluster = self.world.cluster(id).await?.value;
        match run.generation {
            Some(granted) if granted != cluster.generation => {
                Err(Error::NotFound { what: EKS_CLUSTER, id: id.eks_name(granted) })
            }
            _ => Ok(cluster),
        }
    }

    /// Does something in a cluster. The credentials may have been renewed since the way there was found, so whoever is
    /// refused with those of then tries again with those of now.
    ///
    /// # Errors
    /// [`Error::LockedOut`] if the account or the cluster refuses that as well, [`Error::NotFound`] when EKS knows no
    /// such cluster, and those of the ports.
    pub async fn in_cluster<T>(
        &self,
        cluster: &Cluster,
        act: impl AsyncFn(&KubeAccess) -> Result<T, PortError>,
    ) -> Result<T, Error> {
        let name = cluster.eks_name();
        if let Some(way) = self.known.way(&name) {
            match act(&way).await {
                Err(error) if error.kind == PortErrorKind::Denied => self.known.forget(&name),
                done => return Ok(done?),
            }
        }
        let found = self.access.kube(self.eks.as_ref(), cluster).await.map_err(theirs)?;
        let way = found.ok_or_else(|| Error::NotFound { what: EKS_CLUSTER, id: name.clone() })?;
        let done = act(&way).await.map_err(|error| theirs(error.into()))?;
        self.known.remember(name, way);
        Ok(done)
    }
}

/// A refusal by the user's account is no fault of ours.
fn theirs(error: Error) -> Error {
    match error {
        Error::Port(error) if error.kind == PortErrorKind::Denied => Error::LockedOut(error),
        other => other,
    }
}
