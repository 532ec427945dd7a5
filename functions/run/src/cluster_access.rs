//! The way to a cluster's API server, remembered for a while: an address and a CA do not change within a generation.

use runtime::ports::{Eks, KubeAccess};
use runtime::{Error, access::Access};
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How long a way is trusted: well below the hour that temporary credentials of a role live.
const VALID_FOR: Duration = Duration::from_secs(300);

/// The ways found so far, by the cluster's name in EKS, which holds the generation.
#[derive(Default)]
pub struct Known(Mutex<HashMap<String, (Instant, KubeAccess)>>);

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
        if let Some((found_at, known)) = self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&name)
            && found_at.elapsed() < VALID_FOR
        {
            return Ok(known.clone());
        }
        let found = access.kube(eks, cluster).await?;
        let found = found.ok_or_else(|| Error::NotFound { what: "EKS cluster", id: name.clone() })?;
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(name, (Instant::now(), found.clone()));
        Ok(found)
    }
}
