//! What a cluster has to run operators on: the node groups that were really made.
//!
//! Where no GPU type that was asked for is offered, the module leaves the GPU group out: all that needs no GPU can be done
//! there. So settings alone do not tell whether there are GPUs; the outputs of the build that succeeded last do.

use super::{Cluster, Phase};
use crate::flow::{Resources, ResourcesError, check_fit};
use crate::instance_type::InstanceType;
use crate::settings::Settings;
use serde::{Deserialize, Serialize};

/// Types to try where those asked for are not offered.
const OTHER_GPU_TYPES: [&str; 3] = ["g4dn.xlarge", "g5.xlarge", "g6.xlarge"];

/// A node group as it was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeGroup {
    /// Its EC2 instance types.
    pub instance_types: Vec<InstanceType>,
    /// The fewest nodes.
    pub min: u32,
    /// The most nodes.
    pub max: u32,
}

/// The node groups of a cluster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeGroups {
    /// For what needs no GPU.
    pub cpu: NodeGroup,
    /// For what needs one; none where no type that was asked for is offered.
    pub gpu: Option<NodeGroup>,
}

/// What a cluster has to run operators on, as far as it is known. It is the same for as long as a run has its lease: what
/// would change the types of nodes is refused while there is one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hardware {
    region: String,
    settings: Settings,
    groups: Option<NodeGroups>,
}

/// Why no node of a cluster can ever run an operator.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// The nodes are too small.
    #[error(transparent)]
    TooSmall(#[from] ResourcesError),
    /// It needs a GPU.
    #[error("operator '{operator}' asks for a GPU, but {why}")]
    NoGpu {
        /// The operator.
        operator: String,
        /// Why there is none.
        why: NoGpuNodes,
    },
}

/// Why a cluster has no GPU nodes, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "this cluster has no GPU nodes: {} not offered in {region}; set gpu_node_type to one that is, such as {}",
    are(types),
    others(types)
)]
pub struct NoGpuNodes {
    types: Vec<InstanceType>,
    region: String,
}

fn are(types: &[InstanceType]) -> String {
    let names = types.iter().map(InstanceType::as_str).collect::<Vec<_>>().join(", ");
    format!("{names} {}", if types.len() == 1 { "is" } else { "are" })
}

fn others(types: &[InstanceType]) -> String {
    let others = OTHER_GPU_TYPES.into_iter().filter(|name| types.iter().all(|chosen| chosen.as_str() != *name));
    let others: Vec<&str> = others.collect();
    if others.is_empty() { "one of another family".to_owned() } else { others.join(" or ") }
}

impl Hardware {
    /// Refuses an operator that no node of the cluster could ever run; what is not known is left to the scheduler.
    ///
    /// # Errors
    /// [`Unfit`] with the reason and the remedy.
    pub fn check(&self, operator: &str, resources: &Resources) -> Result<(), Unfit> {
        if let (true, Some(why)) = (resources.gpu, self.no_gpu_nodes()) {
            return Err(Unfit::NoGpu { operator: operator.to_owned(), why });
        }
        Ok(check_fit(operator, resources, &self.settings)?)
    }

    /// Why there are no GPU nodes, where it is known that there are none.
    #[must_use]
    pub fn no_gpu_nodes(&self) -> Option<NoGpuNodes> {
        self.groups.as_ref().filter(|groups| groups.gpu.is_none())?;
        let listed = &self.settings.options.gpu_node_types;
        let single = || vec![self.settings.gpu_node_type.carried_out()];
        let types = if listed.is_empty() { single() } else { listed.clone() };
        Some(NoGpuNodes { types, region: self.region.clone() })
    }
}

impl Cluster {
    /// What it has to run operators on. The settings of an update are not in force before it has succeeded.
    #[must_use]
    pub fn hardware(&self) -> Hardware {
        let settings = match &self.phase {
            Phase::Updating { previous, .. } => previous.as_ref(),
            _ => &self.settings,
        };
        Hardware { region: self.region.clone(), settings: settings.clone(), groups: self.node_groups.clone() }
    }

    /// Notes on settings that are carried out otherwise than written.
    #[must_use]
    pub fn notes(&self) -> Vec<String> {
        let missing = self.hardware().no_gpu_nodes().map(|why| why.to_string());
        self.settings.notes().into_iter().chain(missing).collect()
    }
}
