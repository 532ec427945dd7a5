//! What an operator needs, and whether a node of the cluster can ever give it.

use crate::instance_type::{Capacity, InstanceType};
use crate::settings::Settings;
use serde::{Deserialize, Serialize};

/// CPUs of an operator that asks for none, on a node that has room for two of them. They are a reservation and no limit:
/// what is idle can be used by anybody.
const DEFAULT_CPUS: u32 = 2;
/// Memory, in MiB, of an operator that asks for none.
const DEFAULT_MEMORY_MIB: u32 = 4096;
/// The resource name that NVIDIA's device plugin gives to a GPU.
const GPU_RESOURCE: &str = "nvidia.com/gpu";

/// What an operator asks for; what it leaves open gets a default that fits.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resources {
    /// Virtual CPUs.
    pub cpus: Option<u32>,
    /// Memory in MiB.
    pub memory_mib: Option<u32>,
    /// Whether it needs a GPU.
    pub gpu: bool,
    /// The CUDA version it is written for; informative.
    pub cuda_version: Option<String>,
}

/// Why resources are refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ResourcesError {
    /// A GPU resource that the cluster does not offer.
    #[error("gpu_resource_name '{0}' is not offered: use {GPU_RESOURCE}")]
    UnknownGpu(String),
    /// Nothing at all.
    #[error("'{0}' must be at least 1")]
    Zero(&'static str),
    /// More than one node has.
    #[error(
        "operator '{operator}' asks for {asked} {what}, but a {instance_type} node offers at most {offered}: ask for less, or update {setting}"
    )]
    NeverFits {
        /// The operator.
        operator: String,
        /// How much it asks for.
        asked: u32,
        /// Of what, with the unit.
        what: &'static str,
        /// The node type.
        instance_type: InstanceType,
        /// How much a node leaves for operators.
        offered: u32,
        /// The setting to change.
        setting: &'static str,
    },
}

impl Resources {
    /// Checks and gathers what a user asks for.
    ///
    /// # Errors
    /// [`ResourcesError`] for a zero or a GPU resource name other than NVIDIA's.
    pub fn parse(
        cpus: Option<u32>,
        memory_mib: Option<u32>,
        gpu_resource_name: Option<&str>,
        cuda_version: Option<String>,
    ) -> Result<Self, ResourcesError> {
        if cpus == Some(0) {
            return Err(ResourcesError::Zero("num_cpus"));
        }
        if memory_mib == Some(0) {
            return Err(ResourcesError::Zero("memory"));
        }
        match gpu_resource_name {
            Some(name) if name != GPU_RESOURCE => Err(ResourcesError::UnknownGpu(name.to_owned())),
            gpu => Ok(Self { cpus, memory_mib, gpu: gpu.is_some(), cuda_version }),
        }
    }

    /// What its pod requests: what was asked for, else a default lowered to what fits on the node, twice if it is CPUs.
    /// If only one pod fitted, each would wait for the end of the last one's, and then for the scheduler, which looks
    /// again only after a second or more at what it could not place at once.
    #[must_use]
    pub fn requests(&self, settings: &Settings) -> Capacity {
        let room = self.node_type(settings).1.carried_out().capacity().map(Capacity::allocatable);
        let fitting = |default: u32, room: Option<u32>| room.map_or(default, |room| default.min(room));
        Capacity {
            cpus: self.cpus.unwrap_or_else(|| fitting(DEFAULT_CPUS, room.map(|r| r.cpus / 2)).max(1)),
            memory_mib: self.memory_mib.unwrap_or_else(|| fitting(DEFAULT_MEMORY_MIB, room.map(|r| r.memory_mib))),
            gpus: u32::from(self.gpu),
        }
    }

    fn node_type<'a>(&self, settings: &'a Settings) -> (&'static str, &'a InstanceType) {
        if self.gpu { ("gpu_node_type", &settings.gpu_node_type) } else { ("cpu_node_type", &settings.cpu_node_type) }
    }
}

/// Refuses what no node of the cluster could ever run.
///
/// # Errors
/// [`ResourcesError::NeverFits`] with the numbers. Types whose capacity is not known are left to the scheduler.
pub fn check_fit(operator: &str, resources: &Resources, settings: &Settings) -> Result<(), ResourcesError> {
    let (setting, chosen) = resources.node_type(settings);
    let instance_type = chosen.carried_out();
    let Some(room) = instance_type.capacity().map(Capacity::allocatable) else { return Ok(()) };
    let asked = resources.requests(settings);
    for (what, asked, offered) in
        [("CPUs", asked.cpus, room.cpus), ("MiB of memory", asked.memory_mib, room.memory_mib)]
    {
        if asked > offered {
            let operator = operator.to_owned();
            return Err(ResourcesError::NeverFits { operator, asked, what, instance_type, offered, setting });
        }
    }
    Ok(())
}
