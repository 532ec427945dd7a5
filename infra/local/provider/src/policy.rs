//! `aws_iam_policy_document`: statements as blocks, rendered as the JSON that IAM reads.

use serde_json::{Map, Value as Json, json};

use crate::value::Value;

/// Renders the document. Statements of `source_policy_documents` come first; those of `override_policy_documents`
/// replace an earlier statement of the same `sid`.
pub fn render(config: &Value) -> Result<Json, serde_json::Error> {
    let mut statements = vec![];
    for source in config.get("source_policy_documents").strings() {
        statements.extend(statements_of(source)?);
    }
    statements.extend(config.get("statement").items().iter().map(statement));
    for source in config.get("override_policy_documents").strings() {
        for newer in statements_of(source)? {
            let sid = newer["Sid"].clone();
            statements.retain(|older: &Json| sid.is_null() || older["Sid"] != sid);
            statements.push(newer);
        }
    }
    let version = config.get("version").as_str().unwrap_or("2012-10-17");
    let mut document = json!({"Version": version, "Statement": statements});
    if let Some(id) = config.get("policy_id").as_str() {
        document["Id"] = id.into();
    }
    Ok(document)
}

fn statements_of(document: &str) -> Result<Vec<Json>, serde_json::Error> {
    let document: Json = serde_json::from_str(document)?;
    Ok(match &document["Statement"] {
        Json::Array(statements) => statements.clone(),
        Json::Null => vec![],
        single => vec![single.clone()],
    })
}

fn statement(block: &Value) -> Json {
    let mut result = Map::new();
    if let Some(sid) = block.get("sid").as_str().filter(|sid| !sid.is_empty()) {
        result.insert("Sid".into(), sid.into());
    }
    result.insert("Effect".into(), block.get("effect").as_str().unwrap_or("Allow").into());
    for (attribute, key) in [
        ("actions", "Action"),
        ("not_actions", "NotAction"),
        ("resources", "Resource"),
        ("not_resources", "NotResource"),
    ] {
        if !block.get(attribute).items().is_empty() {
            result.insert(key.into(), one_or_many(block.get(attribute)));
        }
    }
    for (blocks, key) in [("principals", "Principal"), ("not_principals", "NotPrincipal")] {
        if !block.get(blocks).items().is_empty() {
            result.insert(key.into(), principals(block.get(blocks).items()));
        }
    }
    let mut conditions = Map::new();
    for condition in block.get("condition").items() {
        let test = condition.get("test").as_str().unwrap_or_default();
        let variable = condition.get("variable").as_str().unwrap_or_default();
        let entry = conditions.entry(test).or_insert_with(|| json!({}));
        entry[variable] = one_or_many(condition.get("values"));
    }
    if !conditions.is_empty() {
        result.insert("Condition".into(), conditions.into());
    }
    Json::Object(result)
}

fn principals(blocks: &[Value]) -> Json {
    let mut result = Map::new();
    for block in blocks {
        let kind = block.get("type").as_str().unwrap_or_default();
        if kind == "*" {
            return "*".into();
        }
        result.insert(kind.into(), one_or_many(block.get("identifiers")));
    }
    result.into()
}

/// IAM's habit: one string, or a list of several. `&{…}` is how a policy variable is written in Terraform.
fn one_or_many(values: &Value) -> Json {
    let mut texts: Vec<Json> = values.strings().map(|text| text.replace("&{", "${").into()).collect();
    if texts.len() == 1 { texts.remove(0) } else { texts.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_become_statements() {
        let config = Value::from(json!({"statement": [{
            "sid": "Assume", "actions": ["sts:AssumeRole", "sts:TagSession"], "resources": [],
            "principals": [{"type": "Service", "identifiers": ["pods.eks.amazonaws.com"]}],
            "condition": [{"test": "StringEquals", "variable": "aws:user", "values": ["&{aws:username}"]}],
        }]}));
        let expected = json!({"Version": "2012-10-17", "Statement": [{
            "Sid": "Assume", "Effect": "Allow", "Action": ["sts:AssumeRole", "sts:TagSession"],
            "Principal": {"Service": "pods.eks.amazonaws.com"},
            "Condition": {"StringEquals": {"aws:user": "${aws:username}"}},
        }]});
        assert_eq!(render(&config).unwrap(), expected);
    }

    #[test]
    fn an_override_replaces_the_statement_of_its_sid() {
        let source =
            json!({"Statement": [{"Sid": "A", "Effect": "Allow"}, {"Sid": "B", "Effect": "Allow"}]}).to_string();
        let newer = json!({"Statement": {"Sid": "A", "Effect": "Deny"}}).to_string();
        let config = Value::from(json!({"source_policy_documents": [source], "override_policy_documents": [newer]}));
        let statements = render(&config).unwrap()["Statement"].clone();
        assert_eq!(statements, json!([{"Sid": "B", "Effect": "Allow"}, {"Sid": "A", "Effect": "Deny"}]));
    }
}
