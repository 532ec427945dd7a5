//! The published schema: which attributes and blocks each AWS type has.

use std::{collections::BTreeMap, fs, io, path::Path};

use serde::Deserialize;
use serde_json::Value as Json;

use crate::value::Value;

const PROVIDER: &str = "registry.terraform.io/hashicorp/aws";

/// Why the schema cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("AWS_PROVIDER_SCHEMA is not set: it names the schema file that derive_schema.py writes")]
    NotNamed,
    #[error("read the schema file {0} named by AWS_PROVIDER_SCHEMA: {1}")]
    Read(String, #[source] io::Error),
    #[error("parse the schema file {0} named by AWS_PROVIDER_SCHEMA: {1}")]
    Parse(String, #[source] serde_json::Error),
    #[error("the schema file {0} named by AWS_PROVIDER_SCHEMA has no provider {PROVIDER}")]
    NotAws(String),
}

/// The schemas of the provider itself, its resources and its data sources.
#[derive(Clone, Debug, Deserialize)]
pub struct Schemas {
    /// The provider's configuration.
    pub provider: Schema,
    /// Resource types by name.
    #[serde(rename = "resource_schemas")]
    pub resources: BTreeMap<String, Schema>,
    /// Data source types by name.
    #[serde(rename = "data_source_schemas")]
    pub data_sources: BTreeMap<String, Schema>,
}

/// One type.
#[derive(Clone, Debug, Deserialize)]
pub struct Schema {
    /// Grows when the form of the stored state changes.
    #[serde(default)]
    pub version: i64,
    /// The type's attributes and blocks.
    pub block: Block,
}

/// A block's attributes and nested blocks.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Block {
    /// Attributes by name.
    pub attributes: BTreeMap<String, Attribute>,
    /// Nested blocks by name.
    #[serde(rename = "block_types")]
    pub blocks: BTreeMap<String, NestedBlock>,
}

/// One attribute.
#[derive(Clone, Debug, Deserialize)]
pub struct Attribute {
    /// The type in Terraform's notation: `"string"`, `["list", "string"]`, `["object", {…}]`.
    #[serde(rename = "type")]
    pub ty: Json,
    /// The user must set it.
    #[serde(default)]
    pub required: bool,
    /// The user may set it.
    #[serde(default)]
    pub optional: bool,
    /// The provider sets it when the user does not.
    #[serde(default)]
    pub computed: bool,
    /// Not to be shown.
    #[serde(default)]
    pub sensitive: bool,
}

/// A block within a block.
#[derive(Clone, Debug, Deserialize)]
pub struct NestedBlock {
    /// Its attributes and blocks.
    pub block: Block,
    /// How many there can be.
    #[serde(rename = "nesting_mode")]
    pub nesting: Nesting,
    /// At least so many.
    #[serde(default)]
    pub min_items: i64,
    /// At most so many; 0 for any number.
    #[serde(default)]
    pub max_items: i64,
}

/// How a nested block may be repeated.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq)]
#[serde(rename_all = "lowercase")]
pub enum Nesting {
    /// Once or not at all.
    Single,
    /// Always once.
    Group,
    /// In order.
    List,
    /// In no order.
    Set,
    /// By key.
    Map,
}

impl Schemas {
    /// Reads the file that `terraform providers schema -json` or `derive_schema.py` wrote.
    pub fn load(path: Option<&Path>) -> Result<Self, Error> {
        #[derive(Deserialize)]
        struct File {
            provider_schemas: BTreeMap<String, Schemas>,
        }
        let path = path.ok_or(Error::NotNamed)?;
        let name = path.display().to_string();
        let text = fs::read_to_string(path).map_err(|error| Error::Read(name.clone(), error))?;
        let mut file: File = serde_json::from_str(&text).map_err(|error| Error::Parse(name.clone(), error))?;
        file.provider_schemas.remove(PROVIDER).ok_or(Error::NotAws(name))
    }
}

impl Block {
    /// Gives a value the exact form of this block: what is missing becomes null or empty, what is foreign goes.
    pub fn conform(&self, value: Value) -> Value {
        let Value::Map(mut entries) = value else { return value };
        let attributes = self.attributes.iter().map(|(name, attribute)| {
            (name.clone(), conform_type(&attribute.ty, entries.remove(name).unwrap_or_default()))
        });
        let mut result: BTreeMap<_, _> = attributes.collect();
        for (name, nested) in &self.blocks {
            result.insert(name.clone(), nested.conform(entries.remove(name).unwrap_or_default()));
        }
        Value::Map(result)
    }
}

impl NestedBlock {
    fn conform(&self, value: Value) -> Value {
        match (self.nesting, value) {
            (Nesting::List | Nesting::Set, Value::List(items)) => {
                Value::List(items.into_iter().map(|item| self.block.conform(item)).collect())
            }
            (Nesting::List | Nesting::Set, Value::Null) => Value::List(vec![]),
            (Nesting::Map, Value::Map(entries)) => {
                Value::Map(entries.into_iter().map(|(key, item)| (key, self.block.conform(item))).collect())
            }
            (Nesting::Map, Value::Null) => Value::Map(BTreeMap::new()),
            (Nesting::Group, Value::Null) => self.block.conform(Value::Map(BTreeMap::new())),
            (_, value) => self.block.conform(value),
        }
    }
}

/// Gives a value the exact form of an attribute's type.
pub fn conform_type(ty: &Json, value: Value) -> Value {
    match (ty[0].as_str(), value) {
        (Some("list" | "set"), Value::List(items)) => {
            Value::List(items.into_iter().map(|item| conform_type(&ty[1], item)).collect())
        }
        (Some("map"), Value::Map(entries)) => {
            Value::Map(entries.into_iter().map(|(key, item)| (key, conform_type(&ty[1], item))).collect())
        }
        (Some("object"), Value::Map(mut entries)) => {
            let fields = ty[1].as_object().into_iter().flatten();
            Value::Map(
                fields
                    .map(|(name, ty)| (name.clone(), conform_type(ty, entries.remove(name).unwrap_or_default())))
                    .collect(),
            )
        }
        (_, value) => value,
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
                "info": {"type": ["list", ["object", {"a": "string", "b": "number"}]], "computed": true},
            },
            "block_types": {
                "rule": {"nesting_mode": "list", "block": {"attributes": {"port": {"type": "number", "optional": true}}}},
                "timeouts": {"nesting_mode": "single", "block": {}},
            },
        }))
        .unwrap()
    }

    #[test]
    fn what_is_missing_is_filled_in_and_what_is_foreign_goes() {
        let value = Value::from(json!({"name": "n", "old": 1, "info": [{"a": "x"}], "rule": [{}]}));
        let expected = json!({
            "name": "n", "info": [{"a": "x", "b": null}], "rule": [{"port": null}], "timeouts": null,
        });
        assert_eq!(block().conform(value), Value::from(expected));
    }

    #[test]
    fn null_and_unknown_stay_as_they_are() {
        assert_eq!(block().conform(Value::Null), Value::Null);
        assert_eq!(conform_type(&json!(["list", "string"]), Value::Unknown), Value::Unknown);
    }
}
