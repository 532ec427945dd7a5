use super::*;
use proptest::prelude::*;
use serde_json::json;

fn settings(raw: serde_json::Value) -> Settings {
    let delta = crate::settings::SettingsDelta::parse(raw.as_object().expect("an object"), Default::default());
    Settings::default().merged(&delta.expect("valid")).expect("consistent")
}

fn micro(name: &str) -> Option<u64> {
    table::node(name).map(|price| price.0)
}

#[test]
fn nodes_cost_what_the_price_list_says() {
    // Spot checks against the source, over families, sizes and both forms of the table.
    for (name, price) in [
        ("t3.medium", 41_600),
        ("t3.xlarge", 166_400),
        ("m5.large", 96_000),
        ("m5.24xlarge", 4_608_000),
        ("m6i.32xlarge", 6_144_000),
        ("m7i.48xlarge", 9_676_800),
        ("c5.18xlarge", 3_060_000),
        ("c6i.2xlarge", 340_000),
        ("c7i.large", 89_250),
        ("r5.4xlarge", 1_008_000),
        ("r6i.metal", 0),
        ("g4dn.xlarge", 526_000),
        ("g6.12xlarge", 4_601_600),
        ("p4d.24xlarge", 21_957_642),
        ("x9.large", 0),
    ] {
        assert_eq!(micro(name), (price > 0).then_some(price), "{name}");
    }
}

#[test]
fn the_default_cluster_costs_what_its_parts_cost() {
    let settings = Settings::default();
    let idle = hourly(&settings, Nodes::idle(&settings));
    // 0.10 control plane + 0.045 NAT + 0.005 address + 0.1664 node + 50 GiB * 0.08 / 730
    assert_eq!(idle.per_hour(), Usd(100_000 + 45_000 + 5_000 + 166_400 + 5_479));
    assert_eq!(idle.to_string(), "$0.32 per hour");
    let most = hourly(&settings, Nodes::most(&settings));
    let gpu = most.items.iter().find(|item| item.what.contains("g4dn")).expect("the successor of p2 is priced");
    assert_eq!((gpu.what.as_str(), gpu.count, gpu.per_hour), ("g4dn.xlarge node", 1, Usd(526_000)));
    assert_eq!(most.per_hour(), Usd(idle.per_hour().0 + 526_000 + 10_958));
    assert!(idle.unknown.is_empty() && most.unknown.is_empty());
}

#[test]
fn an_idle_cluster_keeps_one_node_even_with_a_minimum_of_none() {
    let none = settings(json!({"min_cpu_node": 0}));
    assert_eq!(Nodes::idle(&none), Nodes { cpu: 1, gpu: 0 });
    assert_eq!(Nodes::idle(&settings(json!({"min_cpu_node": 3, "max_cpu_node": 5}))), Nodes { cpu: 3, gpu: 0 });
}

#[test]
fn what_the_table_lacks_is_named_and_not_counted() {
    let odd = settings(json!({"cpu_node_type": "x8g.large", "max_cpu_node": 3}));
    let cost = hourly(&odd, Nodes::most(&Settings { max_gpu_node: 0, ..odd.clone() }));
    assert_eq!(cost.unknown, ["3 × x8g.large node: this type is not in the price table"]);
    assert!(!cost.items.iter().any(|item| item.what.contains("x8g")));
    assert!(cost.to_string().contains("$0.17 per hour and in addition 3 × x8g.large node"), "{cost}");
}

#[test]
fn spot_is_named_and_not_guessed_and_no_nat_means_an_address_per_node() {
    let mut spot = settings(json!({"max_cpu_node": 3}));
    spot.options = crate::options::Options { capacity_type: CapacityType::Spot, nat: Nat::None, ..Default::default() };
    let cost = hourly(&spot, Nodes::most(&spot));
    assert_eq!(cost.unknown.len(), 2);
    assert!(cost.unknown[0].starts_with("3 × t3.xlarge node: spot prices change"), "{:?}", cost.unknown);
    assert!(!cost.items.iter().any(|item| item.what == "NAT gateway"));
    let addresses = cost.items.iter().find(|item| item.what == "public IPv4 address").expect("addresses");
    assert_eq!((addresses.count, addresses.per_hour), (4, Usd(20_000)));
}

#[test]
fn a_price_that_aws_was_asked_for_goes_before_the_tables() {
    let settings = Settings::default();
    let live = Live::from([(InstanceType::known("t3.xlarge"), Usd(192_000))]);
    let cost = hourly_with(&settings, Nodes::idle(&settings), &live);
    assert_eq!(
        cost.items.iter().find(|item| item.what == "t3.xlarge node").map(|item| item.per_hour),
        Some(Usd(192_000))
    );
}

#[test]
fn the_region_of_the_prices_is_told_where_it_is_another() {
    assert_eq!(region_note("us-east-1"), None);
    assert_eq!(region_note("us-west-2"), None);
    assert!(region_note("eu-central-1").expect("a note").contains("eu-central-1"));
}

#[test]
fn amounts_are_shown_with_as_many_digits_as_they_need() {
    let shown = |micro| Usd(micro).to_string();
    assert_eq!(
        (shown(321_879), shown(5_000), shown(12_345_678), shown(0)),
        ("$0.32".to_owned(), "$0.0050".to_owned(), "$12.35".to_owned(), "$0.0000".to_owned())
    );
    assert!((Usd(321_879).dollars() - 0.321_879).abs() < 1e-12);
}

#[test]
fn amounts_are_read_as_the_price_list_writes_them() {
    assert_eq!(Usd::parse("0.1664000000"), Some(Usd(166_400)));
    assert_eq!(Usd::parse("21.9576420000"), Some(Usd(21_957_642)));
    assert_eq!((Usd::parse("3"), Usd::parse("0")), (Some(Usd(3_000_000)), Some(Usd(0))));
    for bad in ["", ".5", "-1", "1e3", "0x1", "99999999999999999999"] {
        assert_eq!(Usd::parse(bad), None, "{bad}");
    }
}

#[test]
fn disks_are_as_large_as_the_module_makes_them() {
    let groups = include_str!("../../../../terraform/groups.tf");
    let sizes: Vec<u64> = groups
        .lines()
        .filter_map(|line| line.trim().strip_prefix("disk_gib")?.trim().strip_prefix('='))
        .map(|value| value.split('#').next().unwrap_or(value).trim().parse().expect("a number"))
        .collect();
    assert_eq!(sizes, [CPU_DISK_GIB, GPU_DISK_GIB]);
}

proptest! {
    #[test]
    fn more_nodes_never_cost_less(cpu in 0_u32..1000, gpu in 0_u32..1000, more in 1_u32..50) {
        let settings = Settings::default();
        let cost = |cpu, gpu| hourly(&settings, Nodes { cpu, gpu }).per_hour();
        prop_assert!(cost(cpu + more, gpu) > cost(cpu, gpu));
        prop_assert!(cost(cpu, gpu + more) > cost(cpu, gpu));
    }
}
