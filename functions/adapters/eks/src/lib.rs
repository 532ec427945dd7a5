//! Where a user's cluster is: EKS, with the user's credentials.

use adapter_sdk::{Sdk, failed};
use async_trait::async_trait;
use aws_sdk_eks::Client;
use aws_sdk_eks::types::Cluster;
use domain::integration::AccessKey;
use runtime::ports::{Eks, EksCluster, Result};

/// EKS.
pub struct EksClusters {
    sdk: Sdk,
}

impl EksClusters {
    /// EKS in users' accounts.
    #[must_use]
    pub fn new(sdk: &Sdk) -> Self {
        Self { sdk: sdk.clone() }
    }
}

#[async_trait]
impl Eks for EksClusters {
    async fn describe(&self, key: &AccessKey, region: &str, name: &str) -> Result<Option<EksCluster>> {
        let client = Client::new(&self.sdk.for_account(key, region));
        match client.describe_cluster().name(name).send().await {
            Ok(found) => Ok(found.cluster.map(|cluster| described(cluster, name, region))),
            Err(error) if error.as_service_error().is_some_and(|e| e.is_resource_not_found_exception()) => Ok(None),
            Err(error) => Err(failed(format!("describe EKS cluster {name} in {region}"))(error)),
        }
    }
}

/// While a cluster is being created, it has neither an address nor a certificate: these are then empty.
fn described(cluster: Cluster, name: &str, region: &str) -> EksCluster {
    EksCluster {
        name: name.to_owned(),
        region: region.to_owned(),
        endpoint: cluster.endpoint.unwrap_or_default(),
        certificate_authority: cluster.certificate_authority.and_then(|ca| ca.data).unwrap_or_default(),
        version: cluster.version.unwrap_or_default(),
        status: cluster.status.map(|status| status.as_str().to_owned()).unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_sdk_eks::types::{Certificate, ClusterStatus};

    #[test]
    fn a_cluster_in_creation_has_no_address_yet() {
        let creating = Cluster::builder().status(ClusterStatus::Creating).version("1.34").build();
        let seen = described(creating, "ondemand-1f1e0abd-g1", "us-east-2");
        assert_eq!((seen.status.as_str(), seen.endpoint.as_str()), ("CREATING", ""));
        let active = Cluster::builder()
            .status(ClusterStatus::Active)
            .endpoint("https://1.eks")
            .certificate_authority(Certificate::builder().data("LS0t").build())
            .build();
        let seen = described(active, "ondemand-1f1e0abd-g1", "us-east-2");
        assert_eq!((seen.status.as_str(), seen.certificate_authority.as_str()), ("ACTIVE", "LS0t"));
    }
}
