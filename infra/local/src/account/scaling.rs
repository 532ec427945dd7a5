//! The limits and the size of a node group, as EKS takes and refuses them.

use super::fleet::GroupSettings;
use serde::Deserialize;

/// What is to change; what is left out stays as it is.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Scaling {
    /// The fewest nodes.
    pub min: Option<usize>,
    /// The most nodes.
    pub max: Option<usize>,
    /// How many there are to be.
    pub desired: Option<usize>,
}

impl Scaling {
    /// Gives `group` other limits, or says in EKS's words why not. The size it is to have lies between them: EKS moves no
    /// size by itself.
    pub(crate) fn resize(&self, group: &mut GroupSettings, size: usize) -> Result<(), String> {
        let (min, max) = (self.min.unwrap_or(group.min), self.max.unwrap_or(group.max));
        let desired = self.desired.unwrap_or(size);
        if min > desired {
            return Err(format!("Minimum capacity {min} can't be greater than desired size {desired}"));
        }
        if desired > max {
            return Err(format!("desired capacity {desired} can't be greater than max size {max}"));
        }
        (group.min, group.max) = (min, max);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::instance_types::NodeType;
    use super::*;

    /// The limits that a group of 1 to 3 nodes gets, of which there are `size`.
    fn resized(size: usize, min: usize, max: usize, desired: Option<usize>) -> Result<(usize, usize), String> {
        let mut group = GroupSettings {
            name: "cpu".to_owned(),
            node_type: NodeType::of("t3.xlarge").unwrap(),
            min: 1,
            max: 3,
            desired: 1,
            labels: [].into(),
            taints: vec![],
            configuration: serde_json::Value::Null,
        };
        let scaling = Scaling { min: Some(min), max: Some(max), desired };
        scaling.resize(&mut group, size).map(|()| (group.min, group.max))
    }

    #[test]
    fn a_size_is_kept_or_named_and_never_moved() {
        assert_eq!(resized(2, 0, 5, None), Ok((0, 5)));
        assert_eq!(resized(2, 3, 5, None).unwrap_err(), "Minimum capacity 3 can't be greater than desired size 2");
        assert_eq!(resized(2, 3, 5, Some(3)), Ok((3, 5)));
        assert_eq!(resized(2, 0, 1, None).unwrap_err(), "desired capacity 2 can't be greater than max size 1");
        assert_eq!(resized(2, 0, 1, Some(1)), Ok((0, 1)));
    }
}
