//! A document as DynamoDB stores it: `pk`, `sk`, its version `v`, its `body`, and `ttl` if it may be forgotten.

use aws_sdk_dynamodb::types::AttributeValue;
use runtime::PortError;
use runtime::error::PortErrorKind;
use runtime::ports::{Expect, Item, Key, Result};
use std::collections::HashMap;

type Attributes = HashMap<String, AttributeValue>;

/// The two attributes that name an item.
pub(crate) fn key_attributes(key: Key) -> Attributes {
    HashMap::from([("pk".to_owned(), AttributeValue::S(key.partition)), ("sk".to_owned(), AttributeValue::S(key.sort))])
}

/// All attributes of the item that a write leaves.
pub(crate) fn attributes(key: Key, body: String, expect: Expect, expires_at: Option<i64>) -> Attributes {
    let version = match expect {
        Expect::Version(version) => version + 1,
        Expect::Absent | Expect::Anything => 1,
    };
    let mut attributes = key_attributes(key);
    attributes.insert("v".to_owned(), number(version));
    attributes.insert("body".to_owned(), AttributeValue::S(body));
    attributes.extend(expires_at.map(|at| ("ttl".to_owned(), number(at))));
    attributes
}

/// Reads an item back.
pub(crate) fn read(mut attributes: Attributes) -> Result<Item> {
    let mut take = |name: &str| match attributes.remove(name) {
        Some(AttributeValue::S(text) | AttributeValue::N(text)) => Ok(text),
        _ => Err(corrupt(format!("attribute '{name}' is missing or of another type"))),
    };
    let key = Key { partition: take("pk")?, sort: take("sk")? };
    let version = take("v")?;
    let version = version.parse().map_err(|_| corrupt(format!("version '{version}' is no number")))?;
    Ok(Item { key, version, body: take("body")? })
}

/// An expectation in DynamoDB's words.
pub(crate) struct Condition {
    pub expression: Option<String>,
    pub values: Option<Attributes>,
}

impl Condition {
    pub(crate) fn of(expect: Expect) -> Self {
        match expect {
            Expect::Anything => Self { expression: None, values: None },
            Expect::Absent => Self { expression: Some("attribute_not_exists(pk)".to_owned()), values: None },
            Expect::Version(version) => Self {
                expression: Some("v = :version".to_owned()),
                values: Some(HashMap::from([(":version".to_owned(), number(version))])),
            },
        }
    }
}

fn number(value: impl ToString) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

fn corrupt(detail: String) -> PortError {
    PortError::new(PortErrorKind::Other, "read a stored item", detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back_with_the_next_version() {
        let key = Key::new("CLUSTER#1", "STATE");
        let read_back = |expect| read(attributes(key.clone(), "{}".to_owned(), expect, Some(60)));
        let item = read_back(Expect::Version(7)).expect("complete");
        assert_eq!(item, Item { key: key.clone(), version: 8, body: "{}".to_owned() });
        assert_eq!(read_back(Expect::Absent).expect("complete").version, 1);
    }

    #[test]
    fn an_item_without_a_body_is_an_error_that_names_it() {
        let mut stored = attributes(Key::new("p", "s"), "{}".to_owned(), Expect::Absent, None);
        stored.remove("body");
        let error = read(stored).expect_err("incomplete");
        assert!(error.detail.contains("'body'"), "{error}");
    }

    #[test]
    fn only_an_expected_version_needs_a_value() {
        assert!(Condition::of(Expect::Anything).expression.is_none());
        assert!(Condition::of(Expect::Absent).values.is_none());
        let version = Condition::of(Expect::Version(3));
        assert_eq!(version.values.and_then(|mut v| v.remove(":version")), Some(AttributeValue::N("3".to_owned())));
    }
}
