//! What a plan would change, counted per type of resource, from Terraform's event stream.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// How many resources of one type a plan would touch.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Changes {
    /// To be created.
    pub create: u32,
    /// To be changed in place.
    pub update: u32,
    /// To be created anew in place of what is there.
    pub replace: u32,
    /// To be deleted.
    pub delete: u32,
}

/// Reads a stream, or as much of it as there is: the changes by type, such as `aws_subnet`.
#[must_use]
pub fn counts(stream: &str) -> BTreeMap<String, Changes> {
    let mut counts: BTreeMap<String, Changes> = BTreeMap::new();
    let events = stream.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    for event in events.filter(|event| event["type"] == "planned_change") {
        let change = &event["change"];
        let Some(of) = change["resource"]["resource_type"].as_str() else { continue };
        let counted = |changes: &mut Changes| match change["action"].as_str().unwrap_or_default() {
            "create" => changes.create += 1,
            "update" => changes.update += 1,
            "replace" => changes.replace += 1,
            "delete" => changes.delete += 1,
            // Moved, or only read: nothing is touched.
            _ => {}
        };
        counted(counts.entry(of.to_owned()).or_default());
    }
    counts.retain(|_, changes| *changes != Changes::default());
    counts
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn line(kind: &str, action: &str, of: &str) -> String {
        json!({"type": kind, "change": {"action": action, "resource": {"addr": "x", "resource_type": of}}}).to_string()
    }

    #[test]
    fn changes_are_counted_by_type_and_action() {
        let stream = [
            line("planned_change", "create", "aws_subnet"),
            line("planned_change", "create", "aws_subnet"),
            "no JSON".to_owned(),
            line("resource_drift", "update", "aws_vpc"),
            line("planned_change", "replace", "aws_eks_node_group"),
            line("planned_change", "update", "aws_eks_cluster"),
            line("planned_change", "read", "aws_partition"),
            line("planned_change", "delete", "aws_eip"),
            r#"{"type":"planned_change"}"#.to_owned(),
        ];
        let found = json!(counts(&stream.join("\n")));
        let changes = |create, update, replace, delete| json!({"create": create, "update": update, "replace": replace, "delete": delete});
        let expected = json!({
            "aws_subnet": changes(2, 0, 0, 0), "aws_eks_node_group": changes(0, 0, 1, 0),
            "aws_eks_cluster": changes(0, 1, 0, 0), "aws_eip": changes(0, 0, 0, 1),
        });
        assert_eq!(found, expected);
        assert!(counts("").is_empty());
    }
}
