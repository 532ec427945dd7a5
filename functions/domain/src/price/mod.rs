//! What a cluster costs per hour, from a [price table](table) that is data with a date and a source.
//!
//! An estimate adds up what the table knows and names what it does not; it never guesses. Traffic is not in it: how
//! much a flow will download is not known before it runs.

mod table;

use crate::instance_type::InstanceType;
use crate::options::{CapacityType, Nat};
use crate::settings::Settings;
use std::collections::BTreeMap;
use std::fmt;

pub use table::{AS_OF, REGION, SOURCE};

/// What is priced by use and therefore in no estimate.
pub const NOT_COUNTED: &str = "traffic: what passes the NAT gateway or leaves the region is priced by the gigabyte";

/// The size of a CPU node's disk in GiB, as in `terraform/groups.tf`.
const CPU_DISK_GIB: u64 = 50;
/// The size of a GPU node's disk in GiB, as in `terraform/groups.tf`.
const GPU_DISK_GIB: u64 = 100;

/// An amount of US dollars, in millionths: prices add up exactly.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Usd(u64);

impl Usd {
    /// Millionths of a dollar.
    #[must_use]
    pub const fn from_micro(micro: u64) -> Self {
        Self(micro)
    }

    /// Reads an amount such as `0.1664000000`; digits beyond a millionth are dropped.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
        let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        if whole.is_empty() || !digits(whole) || !digits(fraction) {
            return None;
        }
        let six: String = fraction.chars().chain(std::iter::repeat('0')).take(6).collect();
        whole.parse::<u64>().ok()?.checked_mul(1_000_000)?.checked_add(six.parse().ok()?).map(Self)
    }

    /// In dollars, for JSON numbers.
    #[must_use]
    pub fn dollars(self) -> f64 {
        // Prices per hour stay far below 2^53 micro-dollars, so nothing is rounded here.
        #[expect(clippy::cast_precision_loss, reason = "exact below nine billion dollars")]
        let micro = self.0 as f64;
        micro / 1e6
    }

    fn times(self, count: u64) -> Self {
        Self(self.0.saturating_mul(count))
    }
}

impl std::iter::Sum for Usd {
    fn sum<I: Iterator<Item = Self>>(amounts: I) -> Self {
        Self(amounts.fold(0, |sum, amount| sum.saturating_add(amount.0)))
    }
}

impl fmt::Display for Usd {
    /// Cents, or more digits where cents would hide the amount: `$0.32`, `$0.005`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (digits, unit) = if self.0 >= 10_000 { (2, 10_000) } else { (4, 100) };
        let rounded = self.0.saturating_add(unit / 2) / unit;
        let per_dollar = 1_000_000 / unit;
        write!(f, "${}.{:0digits$}", rounded / per_dollar, rounded % per_dollar)
    }
}

/// How many nodes run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Nodes {
    /// In the CPU group.
    pub cpu: u32,
    /// In the GPU group.
    pub gpu: u32,
}

impl Nodes {
    /// What remains when nothing runs. One CPU node always does: CoreDNS and the autoscaler itself are on it.
    #[must_use]
    pub fn idle(settings: &Settings) -> Self {
        Self { cpu: settings.min_cpu_node.max(1), gpu: settings.min_gpu_node }
    }

    /// The most that the settings allow.
    #[must_use]
    pub fn most(settings: &Settings) -> Self {
        Self { cpu: settings.max_cpu_node, gpu: settings.max_gpu_node }
    }
}

/// One line of an estimate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// What it is, such as `t3.xlarge node`.
    pub what: String,
    /// How many.
    pub count: u32,
    /// What all of them cost per hour.
    pub per_hour: Usd,
}

/// What something costs per hour.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Cost {
    /// What is known.
    pub items: Vec<Item>,
    /// What is not known: each would come on top.
    pub unknown: Vec<String>,
}

impl Cost {
    /// The sum of what is known, per hour. The whole cost if nothing is unknown, else less than it.
    #[must_use]
    pub fn per_hour(&self) -> Usd {
        self.items.iter().map(|item| item.per_hour).sum()
    }

    fn add(&mut self, what: impl Into<String>, count: u32, each: Usd) {
        if count > 0 {
            self.items.push(Item { what: what.into(), count, per_hour: each.times(count.into()) });
        }
    }

    fn add_nodes(&mut self, chosen: &InstanceType, count: u32, disk_gib: u64, spot: bool, live: &Live) {
        if count == 0 {
            return;
        }
        let started = chosen.carried_out();
        let price = live.get(&started).copied().or_else(|| table::node(started.as_str()));
        match price {
            Some(price) if spot => self.unknown.push(format!(
                "{count} × {started} node: spot prices change by the hour; on demand it is {price} each"
            )),
            Some(price) => self.add(format!("{started} node"), count, price),
            None => self.unknown.push(format!("{count} × {started} node: this type is not in the price table")),
        }
        let disk = table::GP3_GIB_MONTH.times(disk_gib * u64::from(count));
        let per_hour = Usd(disk.0 / table::HOURS_PER_MONTH);
        self.items.push(Item { what: format!("disk of {disk_gib} GiB (gp3)"), count, per_hour });
    }
}

impl fmt::Display for Cost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} per hour", self.per_hour())?;
        if self.unknown.is_empty() { Ok(()) } else { write!(f, " and in addition {}", self.unknown.join("; ")) }
    }
}

/// Prices of nodes that AWS was asked for just now, in the cluster's own region; they go before the table's.
pub type Live = BTreeMap<InstanceType, Usd>;

/// What a cluster of these settings costs per hour while this many nodes run, by the table.
#[must_use]
pub fn hourly(settings: &Settings, nodes: Nodes) -> Cost {
    hourly_with(settings, nodes, &Live::new())
}

/// The same with prices that AWS was asked for. Of a group with several types, the first is counted.
#[must_use]
pub fn hourly_with(settings: &Settings, nodes: Nodes, live: &Live) -> Cost {
    let mut cost = Cost::default();
    cost.add("EKS control plane", 1, table::CONTROL_PLANE);
    let addresses = match settings.options.nat {
        Nat::Single => {
            cost.add("NAT gateway", 1, table::NAT_GATEWAY);
            1
        }
        Nat::None => nodes.cpu.saturating_add(nodes.gpu),
    };
    cost.add("public IPv4 address", addresses, table::PUBLIC_IPV4);
    let spot = settings.options.capacity_type == CapacityType::Spot;
    cost.add_nodes(&settings.cpu_node_type, nodes.cpu, CPU_DISK_GIB, spot, live);
    cost.add_nodes(&settings.gpu_node_type, nodes.gpu, GPU_DISK_GIB, spot, live);
    cost
}

/// What a resource costs per hour by its existence alone, by service and type as in its ARN (`ec2:natgateway`); none if
/// that is nothing, or a matter of its size.
#[must_use]
pub fn of_resource(kind: &str) -> Option<Usd> {
    match kind {
        "eks:cluster" => Some(table::CONTROL_PLANE),
        "ec2:natgateway" => Some(table::NAT_GATEWAY),
        "ec2:elastic-ip" => Some(table::PUBLIC_IPV4),
        _ => None,
    }
}

/// What to say beside prices of a region that the table does not have; none where it has it.
#[must_use]
pub fn region_note(region: &str) -> Option<String> {
    let same = table::SAME_PRICES.contains(&region);
    (!same).then(|| format!("these are the prices of {REGION}; those of {region} may differ"))
}

#[cfg(test)]
mod tests;
