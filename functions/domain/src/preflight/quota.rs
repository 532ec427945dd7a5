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
pub const ADDRESSES: Quota = ec2("L-0263D0A3", "EC2-VPC Elastic IPs");

/// The virtual CPUs that may run at once, by the first letters of the families that share a quota: those on demand, and
/// those of spot instances. Source: Amazon EC2 user guide, "On-Demand Instance quotas" and "Spot Instance quotas".
const CPUS: &[(&[&str], Quota, Quota)] = &[
    (
        &["a", "c", "d", "h", "i", "m", "r", "t", "z"],
        ec2("L-1216C47A", "Running On-Demand Standard (A, C, D, H, I, M, R, T, Z) instances"),
        ec2("L-34B43A08", "All Standard (A, C, D, H, I, M, R, T, Z) Spot Instance Requests"),
    ),
    (
        &["g", "gr", "vt"],
        ec2("L-DB2E81BA", "Running On-Demand G and VT instances"),
        ec2("L-3819A6DF", "All G and VT Spot Instance Requests"),
    ),
    (
        &["p"],
        ec2("L-417A185B", "Running On-Demand P instances"),
        ec2("L-7212CCBC", "All P4, P3 and P2 Spot Instance Requests"),
    ),
];

const fn ec2(code: &'static str, name: &'static str) -> Quota {
    Quota { service: "ec2", code, name }
}

/// The quota that nodes of this type count against; none for families that are not listed here.
#[must_use]
pub fn of_nodes(instance_type: &InstanceType, spot: bool) -> Option<Quota> {
    let name = instance_type.as_str();
    let family = &name[..name.find(|c: char| c.is_ascii_digit())?];
    // Spot instances of P5 have a quota of their own, which is left out.
    if spot && name.starts_with("p5") {
        return None;
    }
    let (_, on_demand, of_spot) = CPUS.iter().find(|(families, ..)| families.contains(&family))?;
    Some(if spot { *of_spot } else { *on_demand })
}
