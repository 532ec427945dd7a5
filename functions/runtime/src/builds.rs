//! What every build is told, whether it changes a cluster or only plans: Terraform's variables, and where everything is.

use crate::access::{self, Access};
use crate::{Error, World, keys};
use domain::cluster::Cluster;
use domain::settings::Settings;
use serde_json::{Value, json};
use wire::step::EnvironmentVariable;

/// What a build is to do.
#[derive(Debug, Clone, Copy)]
pub struct Order<'a> {
    /// `plan`, `apply` or `destroy`.
    pub action: &'static str,
    /// The cluster.
    pub cluster: &'a Cluster,
    /// The generation it works on.
    pub generation: u32,
    /// The settings to make.
    pub settings: &'a Settings,
    /// Below which key it reads its variables and writes its report.
    pub prefix: &'a str,
}

impl World {
    /// Stores a build's variables; its environment.
    ///
    /// # Errors
    /// Those of the object store.
    pub async fn prepare_build(&self, access: &Access, order: Order<'_>) -> Result<Vec<EnvironmentVariable>, Error> {
        let Order { action, cluster, generation, settings, prefix } = order;
        let text = variables(cluster, generation, settings).to_string();
        self.objects.put(&format!("{prefix}/variables.tfvars.json"), text.into_bytes(), "application/json").await?;
        let credentials = access.vault.reference(&keys::credentials(cluster.integration), access::INI);
        Ok(vec![
            EnvironmentVariable::plain("ACTION", action),
            EnvironmentVariable::plain("REGION", &cluster.region),
            EnvironmentVariable::plain("STATE_BUCKET", self.objects.bucket()),
            EnvironmentVariable::plain("STATE_KEY", keys::terraform_state(cluster.id, generation)),
            EnvironmentVariable::plain("OUTPUT_PREFIX", self.objects.address(prefix)),
            EnvironmentVariable::secret("TARGET_CREDENTIALS", credentials),
        ])
    }
}

/// The Terraform variables of a generation of a cluster with these settings: a retired type's successor goes in its
/// place.
fn variables(cluster: &Cluster, generation: u32, settings: &Settings) -> Value {
    let options = &settings.options;
    let mut variables = json!({
        "region": cluster.region,
        "cluster_name": cluster.id.eks_name(generation),
        "integration_id": cluster.integration,
        "cluster_id": cluster.id,
        "generation": generation,
        "keepalive": settings.keepalive,
        "cpu_node_type": settings.cpu_node_type.carried_out(),
        "gpu_node_type": settings.gpu_node_type.carried_out(),
        "min_cpu_node": settings.min_cpu_node,
        "max_cpu_node": settings.max_cpu_node,
        "min_gpu_node": settings.min_gpu_node,
        "max_gpu_node": settings.max_gpu_node,
        "capacity_type": options.capacity_type,
        "nat": options.nat,
    });
    let lists = [("cpu_node_types", &options.cpu_node_types), ("gpu_node_types", &options.gpu_node_types)];
    for (name, list) in lists.into_iter().filter(|(_, list)| !list.is_empty()) {
        variables[name] = json!(list);
    }
    variables
}
