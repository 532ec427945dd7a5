//! Terraform's values: JSON's, and "not known yet".

use std::collections::BTreeMap;

use serde_json::{Number, Value as Json};

/// One value of a configuration, plan or state.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Value {
    /// Absent.
    #[default]
    Null,
    /// Known after apply.
    Unknown,
    /// A truth value.
    Bool(bool),
    /// A number.
    Number(Number),
    /// A string.
    String(String),
    /// A list or a set.
    List(Vec<Value>),
    /// A map, an object or a block.
    Map(BTreeMap<String, Value>),
}

/// Bytes that are not a value Terraform could have sent.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("read a value from MessagePack")]
    Read(#[from] rmpv::decode::Error),
    #[error("write a value as MessagePack")]
    Write(#[from] rmpv::encode::Error),
    #[error("the value holds {0}, which no AWS type has")]
    Unexpected(String),
}

impl Value {
    /// Reads Terraform's MessagePack form. No bytes at all stand for null.
    pub fn from_msgpack(mut bytes: &[u8]) -> Result<Self, Error> {
        if bytes.is_empty() {
            return Ok(Self::Null);
        }
        from_rmpv(rmpv::decode::read_value(&mut bytes)?)
    }

    /// Writes Terraform's MessagePack form.
    pub fn to_msgpack(&self) -> Result<Vec<u8>, Error> {
        let mut bytes = Vec::new();
        rmpv::encode::write_value(&mut bytes, &to_rmpv(self))?;
        Ok(bytes)
    }

    /// The value of a key, null when there is none.
    pub fn get(&self, key: &str) -> &Value {
        match self {
            Self::Map(entries) => entries.get(key).unwrap_or(&Self::Null),
            _ => &Self::Null,
        }
    }

    /// The text of a string.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(text) => Some(text),
            _ => None,
        }
    }

    /// The items of a list, none for anything else.
    pub fn items(&self) -> &[Value] {
        match self {
            Self::List(items) => items,
            _ => &[],
        }
    }

    /// The texts of a list of strings.
    pub fn strings(&self) -> impl Iterator<Item = &str> {
        self.items().iter().filter_map(Self::as_str)
    }

    /// The value with null in the place of all that is known only after apply.
    pub fn known(&self) -> Self {
        match self {
            Self::Unknown => Self::Null,
            Self::List(items) => Self::List(items.iter().map(Self::known).collect()),
            Self::Map(entries) => Self::Map(entries.iter().map(|(key, value)| (key.clone(), value.known())).collect()),
            other => other.clone(),
        }
    }

    /// Whether nothing is there.
    pub fn is_null(&self) -> bool {
        *self == Self::Null
    }

    /// Whether the value, or anything within it, is known only after apply.
    pub fn has_unknown(&self) -> bool {
        match self {
            Self::Unknown => true,
            Self::List(items) => items.iter().any(Self::has_unknown),
            Self::Map(entries) => entries.values().any(Self::has_unknown),
            _ => false,
        }
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::String(text.into())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::String(text)
    }
}

impl From<Vec<Value>> for Value {
    fn from(items: Vec<Value>) -> Self {
        Self::List(items)
    }
}

impl From<Json> for Value {
    fn from(json: Json) -> Self {
        match json {
            Json::Null => Self::Null,
            Json::Bool(truth) => Self::Bool(truth),
            Json::Number(number) => Self::Number(number),
            Json::String(text) => Self::String(text),
            Json::Array(items) => Self::List(items.into_iter().map(Self::from).collect()),
            Json::Object(entries) => Self::Map(entries.into_iter().map(|(key, value)| (key, value.into())).collect()),
        }
    }
}

/// For the journal and for requests: what is absent or empty is left out.
impl From<&Value> for Json {
    fn from(value: &Value) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Unknown => "(known after apply)".into(),
            Value::Bool(truth) => (*truth).into(),
            Value::Number(number) => number.clone().into(),
            Value::String(text) => text.as_str().into(),
            Value::List(items) => items.iter().map(Self::from).collect(),
            Value::Map(entries) => {
                let entries = entries.iter().map(|(key, value)| (key.clone(), Self::from(value)));
                Self::Object(entries.filter(|(_, json)| !json.is_null() && *json != Self::Array(vec![])).collect())
            }
        }
    }
}

fn from_rmpv(value: rmpv::Value) -> Result<Value, Error> {
    Ok(match value {
        rmpv::Value::Nil => Value::Null,
        // An extension is an unknown value, with or without hints on what it may become.
        rmpv::Value::Ext(..) => Value::Unknown,
        rmpv::Value::Boolean(truth) => Value::Bool(truth),
        rmpv::Value::Integer(number) => match (number.as_i64(), number.as_u64()) {
            (Some(signed), _) => Value::Number(signed.into()),
            (None, unsigned) => Value::Number(unsigned.unwrap_or_default().into()),
        },
        rmpv::Value::F32(number) => float(number.into())?,
        rmpv::Value::F64(number) => float(number)?,
        rmpv::Value::String(text) => Value::String(text.as_str().unwrap_or_default().into()),
        rmpv::Value::Array(items) => Value::List(items.into_iter().map(from_rmpv).collect::<Result<_, _>>()?),
        rmpv::Value::Map(entries) => Value::Map(
            entries
                .into_iter()
                .map(|(key, value)| Ok((key.as_str().unwrap_or_default().to_string(), from_rmpv(value)?)))
                .collect::<Result<_, Error>>()?,
        ),
        rmpv::Value::Binary(_) => return Err(Error::Unexpected("a value of dynamic type".into())),
    })
}

fn float(number: f64) -> Result<Value, Error> {
    Number::from_f64(number).map(Value::Number).ok_or_else(|| Error::Unexpected(number.to_string()))
}

fn to_rmpv(value: &Value) -> rmpv::Value {
    match value {
        Value::Null => rmpv::Value::Nil,
        Value::Unknown => rmpv::Value::Ext(0, vec![0]),
        Value::Bool(truth) => (*truth).into(),
        Value::Number(number) => match (number.as_i64(), number.as_u64()) {
            (Some(signed), _) => signed.into(),
            (None, Some(unsigned)) => unsigned.into(),
            (None, None) => number.as_f64().unwrap_or_default().into(),
        },
        Value::String(text) => text.as_str().into(),
        Value::List(items) => rmpv::Value::Array(items.iter().map(to_rmpv).collect()),
        Value::Map(entries) => {
            rmpv::Value::Map(entries.iter().map(|(key, value)| (key.as_str().into(), to_rmpv(value))).collect())
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_survive_the_wire() {
        let mut value = Value::from(json!({"a": [1, -2, 2.5, u64::MAX], "b": {"c": null, "d": true}, "e": "text"}));
        if let Value::Map(entries) = &mut value {
            entries.insert("f".into(), Value::Unknown);
        }
        let bytes = value.to_msgpack().unwrap();
        assert_eq!(Value::from_msgpack(&bytes).unwrap(), value);
    }

    #[test]
    fn an_unknown_value_with_hints_is_unknown() {
        let mut bytes = Vec::new();
        rmpv::encode::write_value(&mut bytes, &rmpv::Value::Ext(12, vec![0x81, 1, 0xc2])).unwrap();
        assert_eq!(Value::from_msgpack(&bytes).unwrap(), Value::Unknown);
    }

    #[test]
    fn unknown_is_found_at_any_depth() {
        let inner = Value::Map([("b".to_string(), Value::Unknown)].into());
        assert!(Value::List(vec!["a".into(), inner]).has_unknown());
        assert!(!Value::from(json!({"a": ["b"]})).has_unknown());
    }

    #[test]
    fn json_leaves_out_what_is_absent() {
        let value = Value::from(json!({"a": null, "b": [], "c": "d"}));
        assert_eq!(Json::from(&value), json!({"c": "d"}));
    }
}
