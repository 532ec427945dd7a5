//! Answers that depend on the question. Constant answers are templates in the catalogue.

use std::collections::BTreeMap;

use serde_json::{Value as Json, json};

use crate::{
    catalogue::{Catalogue, Family},
    fresh::zone_prefix,
    policy,
    value::Value,
};

/// Attributes of a data source that are worked out from its configuration.
pub fn answer(
    catalogue: &Catalogue,
    ty: &str,
    region: &str,
    config: &Value,
) -> Result<BTreeMap<String, Value>, String> {
    let answer = match ty {
        "aws_iam_policy_document" => policy_document(config).map_err(|error| format!("reading a policy: {error}"))?,
        "aws_availability_zones" => availability_zones(region, config),
        "aws_eks_cluster_versions" => cluster_versions(catalogue, config),
        "aws_ec2_instance_type" => instance_type(catalogue, config)?,
        "aws_ec2_instance_type_offerings" => offerings(catalogue, region, config),
        _ => Json::Null,
    };
    match Value::from(answer) {
        Value::Map(attributes) => Ok(attributes),
        _ => Ok(BTreeMap::new()),
    }
}

fn policy_document(config: &Value) -> Result<Json, serde_json::Error> {
    let document = policy::render(config)?;
    let json = serde_json::to_string_pretty(&document)?;
    Ok(json!({"json": json, "minified_json": document.to_string()}))
}

fn cluster_versions(catalogue: &Catalogue, config: &Value) -> Json {
    let only: Vec<_> = config.get("cluster_versions_only").strings().collect();
    let status = config.get("version_status").as_str();
    let default_only = *config.get("default_only") == Value::Bool(true);
    let asked_for = |version: &&serde_json::Map<String, Json>| {
        (only.is_empty() || version["cluster_version"].as_str().is_some_and(|name| only.contains(&name)))
            && status.is_none_or(|status| version["version_status"] == status)
            && (!default_only || version["default_version"] == true)
    };
    let versions = catalogue.cluster_versions.iter().filter(asked_for).map(|version| {
        let mut version = version.clone();
        version.insert("cluster_type".into(), "eks".into());
        version.insert("default_platform_version".into(), "eks.1".into());
        Json::Object(version)
    });
    json!({"cluster_versions": versions.collect::<Vec<_>>()})
}

/// Every region has three zones here, as names and ids.
fn zones(region: &str) -> impl Iterator<Item = (String, String)> {
    let prefix = zone_prefix(region);
    ["a", "b", "c"]
        .into_iter()
        .zip(1..)
        .map(move |(letter, number)| (format!("{region}{letter}"), format!("{prefix}-az{number}")))
}

fn availability_zones(region: &str, config: &Value) -> Json {
    let excluded = |attribute: &str, zone: &str| config.get(attribute).strings().any(|name| name == zone);
    let usable = |(name, id): &(String, String)| !excluded("exclude_names", name) && !excluded("exclude_zone_ids", id);
    let (names, ids): (Vec<_>, Vec<_>) = zones(region).filter(usable).unzip();
    json!({"names": names, "zone_ids": ids})
}

/// Every known type is offered everywhere.
fn offerings(catalogue: &Catalogue, region: &str, config: &Value) -> Json {
    let location_type = config.get("location_type").as_str().unwrap_or("region");
    let places: Vec<_> = match location_type {
        "availability-zone" => zones(region).map(|(name, _)| name).collect(),
        "availability-zone-id" => zones(region).map(|(_, id)| id).collect(),
        _ => vec![region.to_string()],
    };
    let wanted: Vec<_> = filter(config, "location").collect();
    let places = places.iter().filter(|place| wanted.is_empty() || wanted.contains(&place.as_str()));
    let types = filter(config, "instance-type").filter(|name| size_of(catalogue, name).is_some());
    let offers: Vec<_> = types.flat_map(|name| places.clone().map(move |place| (name, place))).collect();
    json!({
        "instance_types": offers.iter().map(|(name, _)| name).collect::<Vec<_>>(),
        "locations": offers.iter().map(|(_, place)| place).collect::<Vec<_>>(),
        "location_types": vec![location_type; offers.len()],
    })
}

fn filter<'a>(config: &'a Value, name: &'a str) -> impl Iterator<Item = &'a str> {
    let filters = config.get("filter").items().iter();
    filters
        .filter(move |filter| filter.get("name").as_str() == Some(name))
        .flat_map(|filter| filter.get("values").strings())
}

fn instance_type(catalogue: &Catalogue, config: &Value) -> Result<Json, String> {
    let name = config.get("instance_type").as_str().unwrap_or_default();
    let (family, size, vcpus) = size_of(catalogue, name).ok_or_else(|| {
        format!(
            "reading EC2 Instance Type ({name}): operation error EC2: DescribeInstanceTypes, https response error \
             StatusCode: 400, RequestID: 00000000-0000-0000-0000-000000000000, api error InvalidInstanceType: \
             The following supplied instance types do not exist: [{name}]"
        )
    })?;
    let count = family.gpus.get(size).copied().unwrap_or(0);
    let gpus = family
        .gpu
        .iter()
        .map(|gpu| json!({"count": count, "manufacturer": "NVIDIA", "name": gpu, "memory_size": family.gpu_mib}));
    let (interfaces, addresses) = match size {
        "micro" => (2, 2),
        "small" => (3, 4),
        "medium" => (3, 6),
        "large" => (3, 12),
        _ => (4, 15),
    };
    Ok(json!({
        "id": name,
        "maximum_network_interfaces": interfaces,
        "maximum_ipv4_addresses_per_interface": addresses,
        "default_vcpus": vcpus,
        "memory_size": vcpus * family.gib_per_vcpu * 1024,
        "supported_architectures": [if family.arm { "arm64" } else { "x86_64" }],
        "gpus": gpus.collect::<Vec<_>>(),
        "total_gpu_memory": count * family.gpu_mib,
        "current_generation": true,
    }))
}

/// The family, size and virtual CPUs of a type such as `g4dn.2xlarge`, if there is such a type.
fn size_of<'a>(catalogue: &'a Catalogue, name: &'a str) -> Option<(&'a Family, &'a str, u64)> {
    let (family, size) = name.split_once('.')?;
    let family = catalogue.instance_families.get(family)?;
    let vcpus = match size {
        "micro" | "small" | "medium" | "large" => 2,
        "xlarge" => 4,
        size => 4 * size.strip_suffix("xlarge")?.parse::<u64>().ok()?,
    };
    (family.gpus.is_empty() || family.gpus.contains_key(size)).then_some((family, size, vcpus))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(ty: &str, config: Json) -> Result<Json, String> {
        let catalogue = Catalogue::load().unwrap();
        answer(&catalogue, ty, "us-east-1", &Value::from(config)).map(|attributes| Json::from(&Value::Map(attributes)))
    }

    #[test]
    fn a_known_type_is_offered_in_every_zone() {
        let config = json!({
            "location_type": "availability-zone", "filter": [{"name": "instance-type", "values": ["g4dn.xlarge", "z9.huge"]}],
        });
        let answer = ask("aws_ec2_instance_type_offerings", config).unwrap();
        assert_eq!(answer["locations"], json!(["us-east-1a", "us-east-1b", "us-east-1c"]));
        assert_eq!(answer["instance_types"], json!(["g4dn.xlarge", "g4dn.xlarge", "g4dn.xlarge"]));
    }

    #[test]
    fn zones_can_be_excluded() {
        let answer = ask("aws_availability_zones", json!({"exclude_zone_ids": ["use1-az3"]})).unwrap();
        assert_eq!(answer, json!({"names": ["us-east-1a", "us-east-1b"], "zone_ids": ["use1-az1", "use1-az2"]}));
    }

    #[test]
    fn a_gpu_type_has_gpus() {
        let answer = ask("aws_ec2_instance_type", json!({"instance_type": "g5.12xlarge"})).unwrap();
        assert_eq!(answer["gpus"][0]["count"], 4);
        assert_eq!((&answer["default_vcpus"], &answer["memory_size"]), (&json!(48), &json!(196_608)));
    }

    #[test]
    fn an_unknown_type_is_refused_as_aws_does() {
        let refusal = ask("aws_ec2_instance_type", json!({"instance_type": "g5.tiny"})).unwrap_err();
        assert!(refusal.contains("api error InvalidInstanceType"), "{refusal}");
    }

    #[test]
    fn standard_support_is_a_filter() {
        let answer = ask("aws_eks_cluster_versions", json!({"version_status": "STANDARD_SUPPORT"})).unwrap();
        assert_eq!(answer["cluster_versions"].as_array().unwrap().len(), 1);
        assert_eq!(answer["cluster_versions"][0]["cluster_version"], "1.34");
    }
}
