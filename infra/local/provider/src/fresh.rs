//! Values for what only AWS knows. They look real, and the same resource always gets the same ones.

use std::{collections::BTreeMap, fmt::Write};

use serde_json::{Map, Value as Json};
use sha2::{Digest, Sha256};

use crate::{
    catalogue::ACCOUNT,
    schema::{Attribute, Block, conform_type},
    value::Value,
};

/// Fills in one resource or data source.
pub struct Fresh<'a> {
    /// Templates by attribute; those within blocks by path (`vpc_config.vpc_id`).
    pub templates: &'a Map<String, Json>,
    /// The provider's region.
    pub region: &'a str,
    /// What makes this resource's ids its own.
    pub seed: &'a str,
    /// The resource as it is planned; templates refer to its attributes.
    pub object: &'a Value,
}

impl Fresh<'_> {
    /// The object with a value in the place of each unknown one.
    pub fn complete(&self, block: &Block) -> Value {
        self.block(block, self.object, "")
    }

    /// A template with words in the place of `{words}`.
    pub fn text(&self, template: &str) -> String {
        self.expand(template, "")
    }

    fn block(&self, block: &Block, value: &Value, path: &str) -> Value {
        let Value::Map(entries) = value else { return value.clone() };
        let filled = entries.iter().map(|(name, value)| {
            let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
            let value = match (block.attributes.get(name), block.blocks.get(name), value) {
                (Some(attribute), _, value) if value.has_unknown() => self.attribute(&path, attribute),
                (_, Some(nested), Value::List(items)) => {
                    items.iter().map(|item| self.block(&nested.block, item, &path)).collect::<Vec<_>>().into()
                }
                (_, Some(nested), value) => self.block(&nested.block, value, &path),
                _ => value.clone(),
            };
            (name.clone(), value)
        });
        Value::Map(filled.collect())
    }

    fn attribute(&self, path: &str, attribute: &Attribute) -> Value {
        match self.templates.get(path) {
            Some(template) => conform_type(&attribute.ty, self.expand_json(template, path)),
            None => self.plain(path, &attribute.ty),
        }
    }

    /// An attribute that the catalogue does not know. Empty is what AWS's provider stores where AWS says nothing.
    fn plain(&self, path: &str, ty: &Json) -> Value {
        match ty.as_str() {
            Some("string") if ["id", "arn", "region", "owner_id"].contains(&path) => self.lookup(path).into(),
            Some("string") => "".into(),
            Some("number") => Value::from(Json::from(0)),
            Some("bool") => Value::Bool(false),
            _ if ty[0] == "map" => Value::Map(BTreeMap::new()),
            _ => Value::List(vec![]),
        }
    }

    fn expand_json(&self, template: &Json, path: &str) -> Value {
        match template {
            Json::String(text) => self.expand(text, path).into(),
            Json::Array(items) => items.iter().map(|item| self.expand_json(item, path)).collect::<Vec<_>>().into(),
            Json::Object(fields) => {
                Value::Map(fields.iter().map(|(name, field)| (name.clone(), self.expand_json(field, path))).collect())
            }
            other => other.clone().into(),
        }
    }

    /// Replaces `{words}`. A digest belongs to the attribute it is in; `{hex:id}` repeats the digest of `id`.
    fn expand(&self, template: &str, path: &str) -> String {
        let mut result = String::new();
        let mut rest = template;
        while let Some((before, (word, after))) =
            rest.split_once('{').and_then(|(before, tail)| Some((before, tail.split_once('}')?)))
        {
            let (word, of) = word.split_once(':').unwrap_or((word, path));
            result += before;
            result += &self.digest(word, of).unwrap_or_else(|| self.lookup(word));
            rest = after;
        }
        result + rest
    }

    fn digest(&self, form: &str, path: &str) -> Option<String> {
        let bytes = Sha256::digest(format!("{}\n{path}", self.seed));
        let hex = bytes.iter().fold(String::new(), |mut hex, byte| {
            let _ = write!(hex, "{byte:02x}");
            hex
        });
        match form {
            "hex" => Some(format!("0{}", &hex[..16])),
            "HEX32" => Some(hex[..32].to_uppercase()),
            "octet" => Some(bytes[0].to_string()),
            "uuid" => Some([&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..32]].join("-")),
            _ => None,
        }
    }

    /// The text of an attribute, found out in the same way if it is itself unknown.
    fn lookup(&self, name: &str) -> String {
        let known = name.split('.').fold(self.object, |value, key| match value {
            Value::List(items) => items.first().map_or(&Value::Null, |item| item.get(key)),
            value => value.get(key),
        });
        match (known, name) {
            (Value::String(text), _) => text.clone(),
            (Value::Number(number), _) => number.to_string(),
            (_, "account" | "owner_id") => ACCOUNT.into(),
            (_, "region") => self.region.into(),
            (_, "zone") => zone_prefix(&self.lookup("region")),
            (Value::Unknown, _) => match self.templates.get(name) {
                Some(Json::String(template)) => self.expand(template, name),
                Some(other) => other.to_string(),
                None if name == "id" => self.expand("{hex}", "id"),
                None if name == "arn" => self.expand("arn:aws:stand-in:{region}:{account}:{id}", "arn"),
                None => String::new(),
            },
            _ => String::new(),
        }
    }
}

/// `us-east-1` → `use1`, the beginning of the region's zone ids.
pub fn zone_prefix(region: &str) -> String {
    let mut words = region.split('-');
    let continent = words.next().unwrap_or_default().to_string();
    words.fold(continent, |prefix, word| prefix + word.get(..1).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn complete(templates: Json, object: Value) -> Value {
        let block = serde_json::from_value(json!({
            "attributes": {
                "id": {"type": "string", "computed": true},
                "arn": {"type": "string", "computed": true},
                "name": {"type": "string", "required": true},
                "notes": {"type": "string", "computed": true},
                "list": {"type": ["list", ["object", {"data": "string", "more": "string"}]], "computed": true},
            },
            "block_types": {"net": {"nesting_mode": "list", "block": {
                "attributes": {"vpc_id": {"type": "string", "computed": true}},
            }}},
        }))
        .unwrap();
        let templates = templates.as_object().unwrap();
        Fresh { templates, region: "eu-west-1", seed: "seed", object: &object }.complete(&block)
    }

    fn planned() -> Value {
        let mut value = Value::from(json!({"name": "n", "net": [{"vpc_id": null}]}));
        if let Value::Map(entries) = &mut value {
            for name in ["id", "arn", "notes", "list"] {
                entries.insert(name.into(), Value::Unknown);
            }
            let net = Value::Map([("vpc_id".to_string(), Value::Unknown)].into());
            entries.insert("net".into(), Value::List(vec![net]));
        }
        value
    }

    #[test]
    fn templates_refer_to_attributes_known_or_not() {
        let templates = json!({
            "id": "vpc-{hex}", "arn": "arn:aws:ec2:{region}:{account}:vpc/{id}",
            "list": [{"data": "{name}-{zone}"}], "net.vpc_id": "vpc-{hex:id}",
        });
        let value = complete(templates, planned());
        let id = value.get("id").as_str().unwrap();
        assert!(id.starts_with("vpc-0") && id.len() == 21, "{id}");
        assert_eq!(value.get("arn"), &format!("arn:aws:ec2:eu-west-1:000000000000:vpc/{id}").into());
        assert_eq!(value.get("list"), &Value::from(json!([{"data": "n-euw1", "more": null}])));
        assert_eq!(value.get("net").items()[0].get("vpc_id").as_str(), Some(id));
    }

    #[test]
    fn nothing_stays_unknown_without_a_catalogue() {
        let value = complete(json!({}), planned());
        assert!(!value.has_unknown());
        assert_eq!(value.get("notes"), &"".into());
        assert_eq!(value, complete(json!({}), planned()), "the same resource gets the same values");
    }
}
