//! Prices as data: what AWS asks per hour, on demand, for Linux, in its price list's cheapest region.
//!
//! Sources, all for `us-east-1`:
//! - instance types: AWS's price list as the Karpenter project generates it into its repository
//!   (`pkg/providers/pricing/zz_generated.pricing_aws.go`, generated 2026-01-19 from the AWS Price List API);
//! - EKS cluster in standard support: <https://aws.amazon.com/eks/pricing/>;
//! - NAT gateway and public IPv4 address: <https://aws.amazon.com/vpc/pricing/>;
//! - gp3 storage: <https://aws.amazon.com/ebs/pricing/>.

use super::Usd;

/// When the table was last compared with its sources.
pub const AS_OF: &str = "2026-01-19";
/// Where the numbers come from.
pub const SOURCE: &str = "AWS price list, us-east-1, on demand, Linux";
/// The region whose prices these are.
pub const REGION: &str = "us-east-1";
/// Regions whose list prices are the same for everything in this table.
pub(super) const SAME_PRICES: [&str; 3] = [REGION, "us-east-2", "us-west-2"];

/// An EKS control plane in standard support, per hour.
pub(super) const CONTROL_PLANE: Usd = Usd::from_micro(100_000);
/// A NAT gateway, per hour; what it carries is priced by the gigabyte.
pub(super) const NAT_GATEWAY: Usd = Usd::from_micro(45_000);
/// A public IPv4 address, per hour.
pub(super) const PUBLIC_IPV4: Usd = Usd::from_micro(5_000);
/// A GiB of gp3 storage, per month.
pub(super) const GP3_GIB_MONTH: Usd = Usd::from_micro(80_000);
/// What AWS takes for a month where it prices by the month.
pub(super) const HOURS_PER_MONTH: u64 = 730;

/// The families in the table: the price per hour of one `xlarge`-sized share in micro-dollars, for those whose sizes
/// cost in proportion, which is all of the general-purpose ones.
const PROPORTIONAL: &[(&str, u64)] = &[
    ("c5", 170_000),
    ("c5a", 154_000),
    ("c6a", 153_000),
    ("c6g", 136_000),
    ("c6i", 170_000),
    ("c7g", 145_000),
    ("c7i", 178_500),
    ("m5", 192_000),
    ("m5a", 172_000),
    ("m6a", 172_800),
    ("m6g", 154_000),
    ("m6i", 192_000),
    ("m7a", 231_840),
    ("m7g", 163_200),
    ("m7i", 201_600),
    ("m8g", 179_520),
    ("r5", 252_000),
    ("r5a", 226_000),
    ("r6a", 226_800),
    ("r6g", 201_600),
    ("r6i", 252_000),
    ("r7g", 214_200),
    ("r7i", 264_600),
    ("t3", 166_400),
    ("t3a", 150_400),
    ("t4g", 134_400),
];

/// Quarters of an `xlarge` in each size.
const SIZES: &[(&str, u64)] = &[
    ("medium", 1),
    ("large", 2),
    ("xlarge", 4),
    ("2xlarge", 8),
    ("4xlarge", 16),
    ("8xlarge", 32),
    ("9xlarge", 36),
    ("12xlarge", 48),
    ("16xlarge", 64),
    ("18xlarge", 72),
    ("24xlarge", 96),
    ("32xlarge", 128),
    ("48xlarge", 192),
];

/// Types whose sizes are not in proportion, in micro-dollars per hour: those with GPUs.
const SINGLE: &[(&str, u64)] = &[
    ("g4dn.xlarge", 526_000),
    ("g4dn.2xlarge", 752_000),
    ("g4dn.4xlarge", 1_204_000),
    ("g4dn.8xlarge", 2_176_000),
    ("g4dn.12xlarge", 3_912_000),
    ("g4dn.16xlarge", 4_352_000),
    ("g4dn.metal", 7_824_000),
    ("g5.xlarge", 1_006_000),
    ("g5.2xlarge", 1_212_000),
    ("g5.4xlarge", 1_624_000),
    ("g5.8xlarge", 2_448_000),
    ("g5.12xlarge", 5_672_000),
    ("g5.16xlarge", 4_096_000),
    ("g5.24xlarge", 8_144_000),
    ("g5.48xlarge", 16_288_000),
    ("g5g.xlarge", 420_000),
    ("g5g.2xlarge", 556_000),
    ("g5g.4xlarge", 828_000),
    ("g5g.8xlarge", 1_372_000),
    ("g5g.16xlarge", 2_744_000),
    ("g6.xlarge", 804_800),
    ("g6.2xlarge", 977_600),
    ("g6.4xlarge", 1_323_200),
    ("g6.8xlarge", 2_014_400),
    ("g6.12xlarge", 4_601_600),
    ("g6.16xlarge", 3_396_800),
    ("g6.24xlarge", 6_675_200),
    ("g6.48xlarge", 13_350_400),
    ("g6e.xlarge", 1_861_000),
    ("g6e.2xlarge", 2_242_080),
    ("g6e.4xlarge", 3_004_240),
    ("g6e.8xlarge", 4_528_560),
    ("g6e.12xlarge", 10_492_640),
    ("g6e.16xlarge", 7_577_190),
    ("g6e.24xlarge", 15_065_590),
    ("g6e.48xlarge", 30_131_180),
    ("p3.2xlarge", 3_060_000),
    ("p3.8xlarge", 12_240_000),
    ("p3.16xlarge", 24_480_000),
    ("p3dn.24xlarge", 31_212_000),
    ("p4d.24xlarge", 21_957_642),
    ("p4de.24xlarge", 27_447_050),
    ("p5.4xlarge", 6_880_000),
    ("p5.48xlarge", 55_040_000),
    ("p5en.48xlarge", 63_296_000),
];

/// The price per hour of a node of this type, where the table has it.
pub(super) fn node(name: &str) -> Option<Usd> {
    if let Some((_, micro)) = SINGLE.iter().find(|(single, _)| *single == name) {
        return Some(Usd::from_micro(*micro));
    }
    let (family, size) = name.split_once('.')?;
    let (_, xlarge) = PROPORTIONAL.iter().find(|(known, _)| *known == family)?;
    let (_, quarters) = SIZES.iter().find(|(known, _)| *known == size)?;
    Some(Usd::from_micro(xlarge * quarters / 4))
}
