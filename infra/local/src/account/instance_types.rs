//! What a local node claims to offer: the capacity of its instance type, less what EKS reserves on a node.
//!
//! The machine may well be smaller. The point is that the scheduler decides as it would in AWS.

use super::resources::{MIB, Resources};
use domain::instance_type::InstanceType;

/// An instance type that no local node can be made from.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidNodeType {
    /// The name has not the form of one.
    #[error(transparent)]
    Name(#[from] domain::instance_type::InvalidInstanceType),
    /// The name may be right, but its capacity is not in our data.
    #[error(
        "instance type '{0}' is not in the table of capacities that local nodes are made from \
         (functions/domain/src/instance_type.rs): use a listed one, such as t3.xlarge or g4dn.xlarge, or add it there"
    )]
    UnknownCapacity(String),
}

/// The size of a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NodeType {
    /// As AWS spells it.
    pub name: String,
    /// As Kubernetes spells it: `amd64` or `arm64`.
    pub architecture: &'static str,
    /// All that the machine has.
    pub capacity: Resources,
    /// What is left for pods.
    pub allocatable: Resources,
}

impl NodeType {
    /// Looks up the type called `name`.
    pub(crate) fn of(name: &str) -> Result<Self, InvalidNodeType> {
        let instance_type = InstanceType::parse(name)?;
        let size = instance_type.capacity().ok_or_else(|| InvalidNodeType::UnknownCapacity(name.to_owned()))?;
        let capacity = Resources {
            cpu_millis: u64::from(size.cpus) * 1000,
            memory: u64::from(size.memory_mib) * MIB,
            gpus: u64::from(size.gpus),
            pods: max_pods(size.cpus),
        };
        Ok(Self {
            name: instance_type.as_str().to_owned(),
            architecture: architecture(name),
            allocatable: Resources {
                cpu_millis: capacity.cpu_millis - reserved_cpu_millis(size.cpus),
                memory: capacity.memory.saturating_sub(reserved_memory(capacity.pods)),
                ..capacity
            },
            capacity,
        })
    }
}

/// Graviton families end in `g` (and what follows it) after their number: `t4g`, `m7gd`, `g5g`.
fn architecture(name: &str) -> &'static str {
    let family = name.split('.').next().unwrap_or_default();
    let after_number = family.trim_start_matches(|c: char| c.is_ascii_lowercase()).trim_start_matches(char::is_numeric);
    if after_number.starts_with('g') { "arm64" } else { "amd64" }
}

/// Network interfaces times addresses, roughly, and rather too few than too many.
fn max_pods(cpus: u32) -> u64 {
    match cpus {
        0..=2 => 17,
        3..=8 => 58,
        _ => 234,
    }
}

/// The EKS images reserve 6 % of the first core, 1 % of the second, 0.5 % of the next two, 0.25 % of the others.
fn reserved_cpu_millis(cpus: u32) -> u64 {
    (0..u64::from(cpus)).map(|core| [240, 40, 20, 20].get(core as usize).copied().unwrap_or(10)).sum::<u64>() / 4
}

/// The EKS images reserve 255 MiB and 11 MiB for each pod, and evict when 100 MiB are left.
fn reserved_memory(pods: u64) -> u64 {
    (255 + 11 * pods + 100) * MIB
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_offers_what_its_type_holds_less_what_eks_reserves() {
        let node = NodeType::of("t3.xlarge").unwrap();
        assert_eq!(node.capacity, Resources { cpu_millis: 4000, memory: 16 * 1024 * MIB, gpus: 0, pods: 58 });
        assert_eq!(node.allocatable.cpu_millis, 3920);
        assert_eq!(node.allocatable.memory, (16 * 1024 - 993) * MIB);
        assert_eq!(NodeType::of("g4dn.xlarge").unwrap().allocatable.gpus, 1);
    }

    #[test]
    fn what_the_control_plane_deems_to_fit_does_fit_a_local_node() {
        for name in ["t3.medium", "t3.xlarge", "m5.large", "c5.2xlarge", "g4dn.xlarge", "g5.12xlarge"] {
            let promised = InstanceType::parse(name).unwrap().capacity().unwrap().allocatable();
            let node = NodeType::of(name).unwrap().allocatable;
            assert!(node.cpu_millis >= u64::from(promised.cpus) * 1000, "{name}: {node:?}");
            assert!(node.memory >= u64::from(promised.memory_mib) * MIB, "{name}: {node:?}");
        }
    }

    #[test]
    fn graviton_is_told_from_gpu_families() {
        for (name, architecture) in
            [("t4g.large", "arm64"), ("m7gd.xlarge", "arm64"), ("g4dn.xlarge", "amd64"), ("t3.large", "amd64")]
        {
            assert_eq!(super::architecture(name), architecture, "{name}");
        }
    }

    #[test]
    fn an_unknown_type_is_refused_by_name() {
        let error = NodeType::of("z9.xlarge").unwrap_err();
        assert!(error.to_string().contains("'z9.xlarge'") && error.to_string().contains("t3.xlarge"), "{error}");
        assert!(matches!(NodeType::of("huge"), Err(InvalidNodeType::Name(_))));
    }
}
