//! The service quotas that a creation needs room in.

use crate::instance_type::InstanceType;
use serde::Serialize;

/// A quota by the names that Service Quotas gives it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Quota {
    /// The service, such as `vpc`.
    pub service: &'static str,
    /// The code, such as `L-F678F1CE`.
    pub code: &'static str,
    /// The name for people.
    pub name: &'static str,
}

/// Networks per region.
pub const VPCS: Quota = Quota { service: "vpc", code: "L-F678F1CE", name: "VPCs per Region" };
/// Fixed public addresses per region.
pub const ADDRESSES: Quota = Quota { service: "ec2", code: "L-0263D0A3", name: "EC2-VPC Elastic IPs" };

/// The virtual CPUs that may run on demand at once, by the first letters of the families that share a quota.
/// Source: Amazon EC2 user guide, "On-Demand Instance quotas".
const ON_DEMAND: &[(&[&str], Quota)] = &[
    (
        &["a", "c", "d", "h", "i", "m", "r", "t", "z"],
        Quota {
            service: "ec2",
            code: "L-1216C47A",
            name: "Running On-Demand Standard (A, C, D, H, I, M, R, T, Z) instances",
        },
    ),
    (&["g", "gr", "vt"], Quota { service: "ec2", code: "L-DB2E81BA", name: "Running On-Demand G and VT instances" }),
    (&["p"], Quota { service: "ec2", code: "L-417A185B", name: "Running On-Demand P instances" }),
];

/// The same for spot instances. P5 has a quota of its own and is left out.
/// Source: Amazon EC2 user guide, "Spot Instance quotas".
const SPOT: &[(&[&str], Quota)] = &[
    (
        &["a", "c", "d", "h", "i", "m", "r", "t", "z"],
        Quota {
            service: "ec2",
            code: "L-34B43A08",
            name: "All Standard (A, C, D, H, I, M, R, T, Z) Spot Instance Requests",
        },
    ),
    (&["g", "gr", "vt"], Quota { service: "ec2", code: "L-3819A6DF", name: "All G and VT Spot Instance Requests" }),
    (&["p"], Quota { service: "ec2", code: "L-7212CCBC", name: "All P4, P3 and P2 Spot Instance Requests" }),
];

/// The quota that nodes of this type count against; none for families that are not listed here.
#[must_use]
pub fn of_nodes(instance_type: &InstanceType, spot: bool) -> Option<Quota> {
    let name = instance_type.as_str();
    let family = &name[..name.find(|c: char| c.is_ascii_digit())?];
    if spot && name.starts_with("p5") {
        return None;
    }
    let listed = if spot { SPOT } else { ON_DEMAND };
    listed.iter().find(|(families, _)| families.contains(&family)).map(|(_, quota)| *quota)
}
