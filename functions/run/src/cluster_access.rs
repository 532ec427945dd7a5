//! What one process need not look up over and over: the way to a cluster's API server, whose address and CA do not
//! change within a generation, and the key of job tokens, which does not change at all.

use domain::Secret;
use runtime::ports::{Eks, KubeAccess, Vault};
use runtime::{Error, access::Access};
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::OnceCell;

/// How long a way is trusted: well below the hour that temporary credentials of a role live.
const VALID_FOR: Duration = Duration::from_secs(300);

/// What was found so far.
#[derive(Default)]
pub struct Known {
    /// By the cluster's name in EKS, which holds the generation.
    ways: Mutex<HashMap<String, (Instant, KubeAccess)>>,
    token_key: OnceCell<Secret>,
}

impl Known {
    /// The way to a cluster.
    ///
    /// # Errors
    /// [`Error::NotFound`] when EKS knows no such cluster.
    pub async fn access(
        &self,
        access: &Access,
        eks: &dyn Eks,
        cluster: &domain::cluster::Cluster,
    ) -> Result<KubeAccess, Error> {
        let name = cluster.eks_name();
        if let Some((found_at, known)) = self.ways.lock().unwrap_or_else(PoisonError::into_inner).get(&name)
            && found_at.elapsed() < VALID_FOR
        {
            return Ok(known.clone());
        }
        let found = access.kube(eks, cluster).await?;
        let found = found.ok_or_else(|| Error::NotFound { what: "EKS cluster", id: name.clone() })?;
        self.ways.lock().unwrap_or_else(PoisonError::into_inner).insert(name, (Instant::now(), found.clone()));
        Ok(found)
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
