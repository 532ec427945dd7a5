//! EC2 instance types: how their names look, what they hold, and which of them current EKS images no longer support.
//!
//! The capacities are data: AWS's instance type pages, read 2026-11. A type that is not listed is accepted on its
//! looks; only what needs its capacity (does an operator fit?) is then left to the scheduler.

use serde::{Deserialize, Serialize};
use std::fmt;

/// The name of an EC2 instance type, such as `t3.xlarge`. Only its form is checked here.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct InstanceType(String);

/// A text that is no instance type's name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' does not look like an EC2 instance type: expected a family, a dot and a size, such as t3.xlarge")]
pub struct InvalidInstanceType(String);

/// What one node of a type offers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Capacity {
    /// Virtual CPUs.
    pub cpus: u32,
    /// Memory in MiB.
    pub memory_mib: u32,
    /// NVIDIA GPUs.
    pub gpus: u32,
}

/// `(type, vCPU, memory in GiB, NVIDIA GPUs)`
const CAPACITIES: &[(&str, u32, u32, u32)] = &[
    ("t3.medium", 2, 4, 0),
    ("t3.large", 2, 8, 0),
    ("t3.xlarge", 4, 16, 0),
    ("t3.2xlarge", 8, 32, 0),
    ("m5.large", 2, 8, 0),
    ("m5.xlarge", 4, 16, 0),
    ("m5.2xlarge", 8, 32, 0),
    ("m6i.large", 2, 8, 0),
    ("m6i.xlarge", 4, 16, 0),
    ("m6i.2xlarge", 8, 32, 0),
    ("m7i.large", 2, 8, 0),
    ("m7i.xlarge", 4, 16, 0),
    ("m7i.2xlarge", 8, 32, 0),
    ("c5.large", 2, 4, 0),
    ("c5.xlarge", 4, 8, 0),
    ("c5.2xlarge", 8, 16, 0),
    ("r5.large", 2, 16, 0),
    ("r5.xlarge", 4, 32, 0),
    ("r5.2xlarge", 8, 64, 0),
    ("p2.xlarge", 4, 61, 1),
    ("p3.2xlarge", 8, 61, 1),
    ("g4dn.xlarge", 4, 16, 1),
    ("g4dn.2xlarge", 8, 32, 1),
    ("g4dn.12xlarge", 48, 192, 4),
    ("g5.xlarge", 4, 16, 1),
    ("g5.2xlarge", 8, 32, 1),
    ("g5.12xlarge", 48, 192, 4),
    ("g6.xlarge", 4, 16, 1),
    ("g6.2xlarge", 8, 32, 1),
];

/// Families whose GPUs the current EKS images' driver does not support, with the nearest supported family.
/// Source: the Amazon EKS guide on accelerated AMIs; P2 (Kepler) and G3 (Maxwell) went with the AL2 images, 2025-11.
const RETIRED_FAMILIES: &[(&str, &str)] = &[("p2", "g4dn.xlarge"), ("g3", "g4dn.xlarge"), ("g3s", "g4dn.xlarge")];

impl InstanceType {
    /// Reads a type's name, such as `g4dn.xlarge`.
    ///
    /// # Errors
    /// [`InvalidInstanceType`] when it has not the form `<family>.<size>`.
    pub fn parse(text: &str) -> Result<Self, InvalidInstanceType> {
        let name = text.trim();
        let plausible = name.split_once('.').is_some_and(|(family, size)| {
            let word = |w: &str| w.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
            family.starts_with(|c: char| c.is_ascii_lowercase())
                && family.contains(|c: char| c.is_ascii_digit())
                && word(family)
                && !size.is_empty()
                && word(size)
                && ["nano", "micro", "small", "medium", "large", "metal"].iter().any(|end| size.contains(end))
        });
        if plausible { Ok(Self(name.to_owned())) } else { Err(InvalidInstanceType(text.to_owned())) }
    }

    /// The name as AWS spells it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What a node of this type holds, where the type is in our data.
    #[must_use]
    pub fn capacity(&self) -> Option<Capacity> {
        let (_, cpus, gib, gpus) = CAPACITIES.iter().find(|(name, ..)| *name == self.0)?;
        Some(Capacity { cpus: *cpus, memory_mib: gib * 1024, gpus: *gpus })
    }

    /// The supported type to use instead, if current EKS images no longer support this one.
    #[must_use]
    pub fn successor(&self) -> Option<InstanceType> {
        let (family, _) = self.0.split_once('.')?;
        RETIRED_FAMILIES.iter().find(|(retired, _)| *retired == family).map(|(_, next)| Self((*next).to_owned()))
    }

    /// This type, or its successor where it is retired: what is really started.
    #[must_use]
    pub fn carried_out(&self) -> InstanceType {
        self.successor().unwrap_or_else(|| self.clone())
    }

    /// Whether a node of this type cannot take the pods that every cluster has, which are six. Networking gives the two
    /// smallest sizes addresses for four; the next one has room for eleven.
    ///
    /// Source: Amazon EC2 user guide, "Maximum IP addresses per network interface". `terraform/offers.tf` asks AWS.
    #[must_use]
    pub fn is_full_from_the_start(&self) -> bool {
        self.0.split_once('.').is_some_and(|(_, size)| ["nano", "micro"].contains(&size))
    }

    /// For constants of this crate that are known to be well formed.
    pub(crate) fn known(name: &'static str) -> Self {
        Self(name.to_owned())
    }
}

impl Capacity {
    /// What is left for operators after the operating system, the kubelet and the node's daemons have their share.
    #[must_use]
    pub fn allocatable(self) -> Capacity {
        Capacity { cpus: self.cpus.saturating_sub(1).max(1), memory_mib: self.memory_mib * 85 / 100, gpus: self.gpus }
    }
}

impl TryFrom<String> for InstanceType {
    type Error = InvalidInstanceType;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text)
    }
}

impl From<InstanceType> for String {
    fn from(instance_type: InstanceType) -> String {
        instance_type.0
    }
}

impl fmt::Display for InstanceType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plausible_names_are_told_from_others() {
        for good in ["t3.xlarge", "g4dn.12xlarge", "u-6tb1.metal", "m7i-flex.large", "t2.nano", "c7gn.metal-24xl"] {
            assert!(InstanceType::parse(good).is_ok(), "{good}");
        }
        for bad in ["", "t3", "xlarge", "t3.", ".large", "t3 .large", "T3.large", "t3.huge", "big.large", "t3.large;x"]
        {
            assert!(InstanceType::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn only_the_smallest_sizes_are_full_from_the_start() {
        let full = |name| InstanceType::known(name).is_full_from_the_start();
        assert!(full("t2.nano") && full("t3.micro"));
        assert!(!full("t3.small") && !full("m7i-flex.large") && !full("c7gn.metal-24xl"));
    }

    #[test]
    fn a_retired_family_has_a_supported_successor_with_a_gpu() -> Result<(), InvalidInstanceType> {
        let next = InstanceType::parse("p2.xlarge")?.carried_out();
        assert_eq!(next.as_str(), "g4dn.xlarge");
        assert_eq!(next.successor(), None);
        assert_eq!(next.capacity().map(|c| c.gpus), Some(1));
        Ok(())
    }
}
