//! What Terraform tells of what it has made: `outputs.json`, which the build writes with `terraform output -json`.

use domain::cluster::{NodeGroup, NodeGroups};
use domain::instance_type::{InstanceType, InvalidInstanceType};
use serde::Deserialize;

/// The module's outputs, as far as anybody needs them here.
#[derive(Deserialize)]
struct Outputs {
    node_groups: Output<Groups>,
}

#[derive(Deserialize)]
struct Output<T> {
    value: T,
}

/// The groups by their purpose. One that was left out is not there.
#[derive(Deserialize)]
struct Groups {
    cpu: Group,
    gpu: Option<Group>,
}

#[derive(Deserialize)]
struct Group {
    instance_types: Vec<String>,
    min: u32,
    max: u32,
}

/// Why outputs cannot be understood.
#[derive(Debug, thiserror::Error)]
pub enum OutputsError {
    /// They have not the form that the module gives them.
    #[error("these are no outputs of the module: {0}")]
    Form(#[from] serde_json::Error),
    /// A group has a type that is none.
    #[error("output 'node_groups': {0}")]
    Type(#[from] InvalidInstanceType),
}

/// The node groups that were made.
///
/// # Errors
/// [`OutputsError`] for anything else than the module's outputs.
pub fn node_groups(outputs: &[u8]) -> Result<NodeGroups, OutputsError> {
    let Groups { cpu, gpu } = serde_json::from_slice::<Outputs>(outputs)?.node_groups.value;
    Ok(NodeGroups { cpu: group(cpu)?, gpu: gpu.map(group).transpose()? })
}

fn group(Group { instance_types, min, max }: Group) -> Result<NodeGroup, InvalidInstanceType> {
    let types = instance_types.iter().map(|name| InstanceType::parse(name));
    Ok(NodeGroup { instance_types: types.collect::<Result<_, _>>()?, min, max })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As the build wrote them, with the stand-in provider, of a region that has the type and of one that has not.
    const WITH_GPUS: &str = include_str!("../fixtures/outputs_with_gpus.json");
    const WITHOUT_GPUS: &str = include_str!("../fixtures/outputs_without_gpus.json");

    #[test]
    fn groups_that_were_made_are_told_from_one_that_was_left_out() {
        let group = |types: &[&str], min, max| {
            let instance_types = types.iter().map(|name| InstanceType::parse(name).expect("a type")).collect();
            NodeGroup { instance_types, min, max }
        };
        let cpu = || group(&["t3.xlarge"], 1, 2);
        let gpu = Some(group(&["g4dn.xlarge"], 0, 1));
        assert_eq!(node_groups(WITH_GPUS.as_bytes()).expect("understood"), NodeGroups { cpu: cpu(), gpu });
        assert_eq!(node_groups(WITHOUT_GPUS.as_bytes()).expect("understood"), NodeGroups { cpu: cpu(), gpu: None });
    }

    #[test]
    fn what_is_not_understood_is_no_cluster_without_gpus() {
        let changed = |from: &str, to: &str| {
            assert!(WITHOUT_GPUS.contains(from), "{from}");
            WITHOUT_GPUS.replace(from, to)
        };
        for (outputs, words) in [
            (String::new(), "EOF"),
            (WITHOUT_GPUS[..WITHOUT_GPUS.len() / 2].to_owned(), "EOF"),
            ("{}".to_owned(), "node_groups"),
            (changed("\"value\": {\"cpu\"", "\"value\": {\"nodes\""), "cpu"),
            (changed("\"max\": 2", "\"max\": \"many\""), "many"),
            (changed("[\"t3.xlarge\"]", "[\"a large one\"]"), "'a large one' does not look like an EC2 instance type"),
        ] {
            let error = node_groups(outputs.as_bytes()).expect_err("not understood").to_string();
            assert!(error.contains(words), "{words}: {error}");
        }
    }
}
