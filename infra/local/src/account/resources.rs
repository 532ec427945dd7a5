//! Amounts of what pods ask for and nodes offer.

use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::ops::{AddAssign, Sub};

/// Bytes in a MiB.
pub(crate) const MIB: u64 = 1024 * 1024;
/// How Kubernetes names NVIDIA's GPUs.
pub(crate) const GPU: &str = "nvidia.com/gpu";

/// An amount of each resource that the scheduler counts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Resources {
    /// Thousandths of a CPU.
    pub cpu_millis: u64,
    /// Bytes of memory.
    pub memory: u64,
    /// GPUs.
    pub gpus: u64,
    /// Pods.
    pub pods: u64,
}

impl Resources {
    /// Whether this amount can be taken from `room`.
    pub(crate) fn fits(&self, room: &Resources) -> bool {
        self.cpu_millis <= room.cpu_millis
            && self.memory <= room.memory
            && self.gpus <= room.gpus
            && self.pods <= room.pods
    }

    /// Reads a list of requests or limits of a container.
    pub(crate) fn of_list(list: &BTreeMap<String, Quantity>) -> Self {
        let millis = |name: &str| list.get(name).and_then(millis).unwrap_or_default();
        let whole = |name: &str| millis(name).div_ceil(1000);
        Self { cpu_millis: millis("cpu"), memory: whole("memory"), gpus: whole(GPU), pods: 0 }
    }

    /// The form that a node's status has.
    pub(crate) fn to_json(self) -> Value {
        let mut list = json!({
            "cpu": format!("{}m", self.cpu_millis),
            "memory": format!("{}Ki", self.memory / 1024),
            "pods": self.pods.to_string(),
        });
        if self.gpus > 0 {
            list[GPU] = self.gpus.to_string().into();
        }
        list
    }
}

impl AddAssign for Resources {
    fn add_assign(&mut self, other: Self) {
        self.cpu_millis += other.cpu_millis;
        self.memory += other.memory;
        self.gpus += other.gpus;
        self.pods += other.pods;
    }
}

impl Sub for Resources {
    type Output = Self;
    /// What is left; nothing where more is taken than there is.
    fn sub(self, taken: Self) -> Self {
        Self {
            cpu_millis: self.cpu_millis.saturating_sub(taken.cpu_millis),
            memory: self.memory.saturating_sub(taken.memory),
            gpus: self.gpus.saturating_sub(taken.gpus),
            pods: self.pods.saturating_sub(taken.pods),
        }
    }
}

/// Thousandths of a quantity such as `100m`, `2`, `1.5Gi` or `1e3`.
fn millis(quantity: &Quantity) -> Option<u64> {
    let text = quantity.0.as_str();
    let suffixes = [
        ("Ki", 1024f64),
        ("Mi", 1024f64.powi(2)),
        ("Gi", 1024f64.powi(3)),
        ("Ti", 1024f64.powi(4)),
        ("m", 1e-3),
        ("k", 1e3),
        ("M", 1e6),
        ("G", 1e9),
        ("T", 1e12),
    ];
    let (number, factor) =
        suffixes.iter().find_map(|(suffix, factor)| Some((text.strip_suffix(suffix)?, *factor))).unwrap_or((text, 1.0));
    let value = number.parse::<f64>().ok()? * factor * 1000.0;
    (value.is_finite() && value >= 0.0).then(|| value.ceil() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_are_read_with_their_suffixes() {
        for (text, expected) in [
            ("100m", Some(100)),
            ("2", Some(2000)),
            ("0.5", Some(500)),
            ("1e3", Some(1_000_000)),
            ("4Gi", Some(4 * 1024 * MIB * 1000)),
            ("1G", Some(1_000_000_000_000)),
            ("lots", None),
        ] {
            assert_eq!(millis(&Quantity(text.into())), expected, "{text}");
        }
    }
}
