//! From what the user wants to what will be: unknown values, inherited tags, replacement.

use std::collections::BTreeMap;

use crate::{
    catalogue::Rules,
    schema::{Attribute, Block, NestedBlock},
    value::Value,
};

/// A planned change.
#[derive(Debug, PartialEq)]
pub struct Plan {
    /// The state to come, null for a deletion.
    pub planned: Value,
    /// Attributes whose change replaces the resource.
    pub replace: Vec<String>,
}

/// Plans a creation (`prior` is null), an update, or a deletion (`proposed` is null).
pub fn plan(block: &Block, rules: &Rules, default_tags: &Value, prior: &Value, mut proposed: Value) -> Plan {
    if let Value::Map(entries) = &mut proposed
        && block.attributes.contains_key("tags_all")
    {
        let tags = merge_tags(default_tags, entries.get("tags").unwrap_or(&Value::Null));
        entries.insert("tags_all".into(), tags);
    }
    // Whoever changes nothing must see the very same values again, or every plan would show a difference.
    if proposed.is_null() || proposed == *prior {
        return Plan { planned: proposed, replace: vec![] };
    }
    mark_unknown(block, &mut proposed);
    let mut replace = vec![];
    if let (Value::Map(before), Value::Map(after)) = (prior, &mut proposed) {
        for name in &rules.recomputed {
            after.insert(name.clone(), Value::Unknown);
        }
        let changes = |name: &&String| before.get(*name) != after.get(*name);
        replace = rules.replaced_by.iter().filter(changes).cloned().collect();
    }
    Plan { planned: proposed, replace }
}

/// The provider's tags and, over them, the resource's own. Unknown as a whole if one of them is unknown.
pub fn merge_tags(default_tags: &Value, tags: &Value) -> Value {
    if default_tags.has_unknown() || tags.has_unknown() {
        return Value::Unknown;
    }
    let mut all = BTreeMap::new();
    for source in [default_tags, tags] {
        if let Value::Map(entries) = source {
            all.extend(entries.clone());
        }
    }
    Value::Map(all)
}

/// What the user leaves to the provider becomes known after apply.
pub fn mark_unknown(block: &Block, value: &mut Value) {
    let Value::Map(entries) = value else { return };
    for (name, value) in entries {
        match (block.attributes.get(name), block.blocks.get(name)) {
            (Some(Attribute { computed: true, .. }), _) if value.is_null() => *value = Value::Unknown,
            (_, Some(NestedBlock { block, .. })) => match value {
                Value::List(items) => items.iter_mut().for_each(|item| mark_unknown(block, item)),
                value => mark_unknown(block, value),
            },
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn block() -> Block {
        serde_json::from_value(json!({
            "attributes": {
                "name": {"type": "string", "required": true},
                "id": {"type": "string", "computed": true},
                "size": {"type": "number", "optional": true},
                "revision": {"type": "number", "computed": true},
                "tags": {"type": ["map", "string"], "optional": true},
                "tags_all": {"type": ["map", "string"], "optional": true, "computed": true},
            },
            "block_types": {"net": {"nesting_mode": "list", "block": {
                "attributes": {
                    "vpc_id": {"type": "string", "computed": true},
                    "cidr": {"type": "string", "optional": true},
                },
            }}},
        }))
        .unwrap()
    }

    fn rules() -> Rules {
        Rules { replaced_by: vec!["name".into()], recomputed: vec!["revision".into()], ..Rules::default() }
    }

    fn existing() -> Value {
        Value::from(json!({
            "name": "n", "id": "i-1", "size": 1, "revision": 1, "tags": {"b": "own"},
            "tags_all": {"a": "default", "b": "own"}, "net": [{"vpc_id": "vpc-1", "cidr": null}],
        }))
    }

    fn with(mut value: Value, name: &str, new: Value) -> Value {
        if let Value::Map(entries) = &mut value {
            entries.insert(name.into(), new);
        }
        value
    }

    fn defaults() -> Value {
        Value::from(json!({"a": "default", "b": "default"}))
    }

    #[test]
    fn a_creation_leaves_computed_attributes_unknown() {
        let wanted = Value::from(json!({
            "name": "n", "id": null, "size": null, "revision": null, "tags": {"b": "own"}, "tags_all": null,
            "net": [{"vpc_id": null, "cidr": null}],
        }));
        let planned = plan(&block(), &rules(), &defaults(), &Value::Null, wanted).planned;
        assert_eq!(planned.get("id"), &Value::Unknown);
        assert_eq!(planned.get("size"), &Value::Null, "an optional attribute is the user's alone");
        assert_eq!(planned.get("tags_all"), &Value::from(json!({"a": "default", "b": "own"})));
        assert_eq!(planned.get("net").items()[0].get("vpc_id"), &Value::Unknown);
        assert_eq!(planned.get("net").items()[0].get("cidr"), &Value::Null);
    }

    #[test]
    fn no_change_plans_the_same_state() {
        let same = Plan { planned: existing(), replace: vec![] };
        assert_eq!(plan(&block(), &rules(), &defaults(), &existing(), existing()), same);
    }

    #[test]
    fn an_update_keeps_what_is_known() {
        let wanted = with(existing(), "size", Value::from(json!(2)));
        let plan = plan(&block(), &rules(), &defaults(), &existing(), wanted);
        assert_eq!(plan.planned.get("id"), &"i-1".into());
        assert_eq!(plan.planned.get("revision"), &Value::Unknown);
        assert!(plan.replace.is_empty());
    }

    #[test]
    fn another_name_replaces() {
        let wanted = with(existing(), "name", "m".into());
        assert_eq!(plan(&block(), &rules(), &defaults(), &existing(), wanted).replace, ["name"]);
    }

    #[test]
    fn an_unknown_tag_makes_all_tags_unknown() {
        let tags = Value::Map([("c".to_string(), Value::Unknown)].into());
        assert_eq!(merge_tags(&defaults(), &tags), Value::Unknown);
        assert_eq!(merge_tags(&Value::Null, &Value::Null), Value::Map(BTreeMap::new()));
    }

    #[test]
    fn a_deletion_plans_nothing() {
        assert_eq!(plan(&block(), &rules(), &defaults(), &existing(), Value::Null).planned, Value::Null);
    }
}
