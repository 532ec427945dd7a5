//! What AWS would answer, as data: names, ids and ARNs as templates, and which changes replace a resource.
//!
//! Neither is part of the published schema. The catalogue covers the types that the module uses; a type without an
//! entry works too, with values that merely have the right type.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value as Json};

/// The account that everything belongs to.
pub const ACCOUNT: &str = "000000000000";

/// The whole of `catalogue.json`.
#[derive(Debug, Deserialize)]
pub struct Catalogue {
    /// Resource types by name.
    pub resources: BTreeMap<String, Rules>,
    /// Templates of the attributes of data sources.
    pub data_sources: BTreeMap<String, Map<String, Json>>,
    /// Kubernetes versions, newest first, as `aws_eks_cluster_versions` lists them.
    pub cluster_versions: Vec<Map<String, Json>>,
    /// EC2 instance families by name.
    pub instance_families: BTreeMap<String, Family>,
}

/// How one resource type behaves.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Rules {
    /// Attributes whose change makes AWS create the resource anew.
    pub replaced_by: Vec<String>,
    /// Attributes that change with every update.
    pub recomputed: Vec<String>,
    /// Most characters of an attribute.
    pub longest: BTreeMap<String, usize>,
    /// What no two of them may have in common.
    pub clash: Option<Clash>,
    /// By which words it is imported, where that is not its id.
    pub imported_by: ImportedBy,
    /// Templates of computed attributes.
    pub values: Map<String, Json>,
}

/// What AWS refuses because something is in its place already.
#[derive(Debug, Deserialize)]
pub struct Clash {
    /// The attributes that may not all be the same.
    pub by: Vec<String>,
    /// What AWS says, as a template.
    pub error: String,
}

/// The words of `terraform import`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct ImportedBy {
    /// Which attributes they are, in order.
    pub attributes: Vec<String>,
    /// What stands between them.
    pub separator: char,
}

/// A family of EC2 instance types.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Family {
    /// Memory for each virtual CPU.
    pub gib_per_vcpu: u64,
    /// Whether its processors are Arm.
    pub arm: bool,
    /// The GPU's name.
    pub gpu: Option<String>,
    /// Memory of one GPU.
    pub gpu_mib: u64,
    /// GPUs by size. A family with GPUs comes in these sizes only.
    pub gpus: BTreeMap<String, u64>,
}

impl Catalogue {
    /// Reads the catalogue that is compiled in.
    pub fn load() -> Result<Self, serde_json::Error> {
        serde_json::from_str(include_str!("catalogue.json"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_compiled_in_catalogue_is_readable() {
        let catalogue = Catalogue::load().unwrap();
        assert!(catalogue.resources["aws_eks_cluster"].replaced_by.contains(&"role_arn".to_string()));
    }
}
