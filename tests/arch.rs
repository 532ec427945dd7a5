//! Who may depend on whom: the third column of the table of rooms in ARCHITECTURE.md.

use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

const PREFIX: &str = "ondemand-eks-";

/// Our packages, each with the names of everything it depends on (not for tests).
fn dependencies() -> BTreeMap<String, BTreeSet<String>> {
    let cargo = std::env::var("CARGO").expect("cargo runs tests");
    let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/../Cargo.toml");
    let output = Command::new(cargo)
        .args(["metadata", "--format-version=1", "--no-deps", "--offline", "--manifest-path", manifest])
        .output()
        .expect("cargo metadata runs");
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("metadata is JSON");
    let text = |value: &Value| value.as_str().expect("a name").to_owned();
    let packages = metadata["packages"].as_array().expect("packages");
    let normal = |d: &&Value| d["kind"].is_null();
    packages
        .iter()
        .map(|package| {
            let dependencies = package["dependencies"].as_array().expect("dependencies");
            (text(&package["name"]), dependencies.iter().filter(normal).map(|d| text(&d["name"])).collect())
        })
        .collect()
}

fn of<'a>(all: &'a BTreeMap<String, BTreeSet<String>>, room: &str) -> &'a BTreeSet<String> {
    all.get(&format!("{PREFIX}{room}")).unwrap_or_else(|| panic!("there is no package {PREFIX}{room}"))
}

/// Of a room's dependencies those that are ours, without the prefix.
fn ours(dependencies: &BTreeSet<String>) -> BTreeSet<&str> {
    dependencies.iter().filter_map(|name| name.strip_prefix(PREFIX)).collect()
}

#[test]
fn the_domain_is_pure() {
    let all = dependencies();
    let allowed = BTreeSet::from(
        ["base64", "jiff", "serde", "serde_json", "strsim", "strum", "thiserror", "uuid"].map(str::to_owned),
    );
    let more: Vec<_> = of(&all, "domain").difference(&allowed).collect();
    assert!(more.is_empty(), "domain must not depend on {more:?}");
}

#[test]
fn inner_rooms_know_no_outer_ones() {
    let all = dependencies();
    assert_eq!(ours(of(&all, "wire")), BTreeSet::from(["domain"]));
    assert_eq!(ours(of(&all, "runtime")), BTreeSet::from(["domain", "wire"]));
    for outside in ["lambda_runtime", "lambda_http", "kube", "axum"] {
        assert!(!of(&all, "runtime").contains(outside), "runtime must not depend on {outside}");
    }
}

#[test]
fn adapters_know_the_ports_and_not_each_other() {
    for (package, dependencies) in dependencies() {
        if package.starts_with("ondemand-eks-adapter-") {
            let allowed = BTreeSet::from(["domain", "runtime", "adapter-sdk"]);
            let more: Vec<_> = ours(&dependencies).difference(&allowed).copied().collect();
            assert!(more.is_empty(), "{package} must not depend on {more:?}");
        }
    }
}

/// Preflight asks EKS which versions there are, also from functions that must not link what opens a cluster.
const LOOKS_ONLY: (&str, &str) = ("ondemand-eks-adapter-survey", "aws-sdk-eks");

#[test]
fn each_sdk_has_one_owner() {
    let all = dependencies();
    let mut owners: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (package, dependencies) in &all {
        let sdks = dependencies.iter().filter(|name| name.starts_with("aws-sdk-") || *name == "kube");
        for sdk in sdks.filter(|sdk| package != "ondemand-eks-local" && (package.as_str(), sdk.as_str()) != LOOKS_ONLY)
        {
            owners.entry(sdk).or_default().push(package);
        }
    }
    let shared: Vec<_> = owners.iter().filter(|(_, owners)| owners.len() > 1).collect();
    assert!(shared.is_empty(), "an SDK belongs to one adapter: {shared:?}");
    assert!(owners.contains_key("aws-sdk-dynamodb") && owners.contains_key("kube"));
}

#[test]
fn functions_link_only_what_their_role_allows() {
    let all = dependencies();
    let forbidden = [
        ("api", &["adapter-kube", "adapter-eks", "adapter-tagging"][..]),
        ("run", &["adapter-codebuild", "adapter-tagging"]),
        ("cluster", &[]),
        ("keepalive", &[]),
    ];
    for (function, forbidden) in forbidden {
        let linked = ours(of(&all, function));
        for adapter in forbidden {
            assert!(!linked.contains(adapter), "{function} must not link {adapter}");
        }
    }
}
