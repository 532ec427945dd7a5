//! The IAM policy that allows what a build found missing.

use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// An IAM policy, ready to paste.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Policy {
    /// The version of the policy language.
    pub version: String,
    /// What is allowed.
    pub statement: Vec<Statement>,
}

/// Actions that are allowed on resources.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Statement {
    /// Its name.
    pub sid: String,
    /// `Allow`.
    pub effect: String,
    /// Actions, sorted.
    pub action: Vec<String>,
    /// ARNs, sorted.
    pub resource: Vec<String>,
}

impl Policy {
    /// The policy for denied actions, each with the resource that was named if one was; none if there are none.
    ///
    /// EC2 and most others check several resources for one call and name only the first that fails, and ids are new
    /// with every cluster: their actions are allowed on everything. IAM and STS check the one they name, and an action
    /// such as `iam:PassRole` or `sts:AssumeRole` on everything would let its holder become administrator; keys,
    /// buckets, tables and secrets have names that stay and hold what is others': these stay on what was named.
    #[must_use]
    pub fn allowing<'a>(denied: impl IntoIterator<Item = (&'a str, Option<&'a str>)>) -> Option<Self> {
        let mut resources: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
        for (action, resource) in denied {
            let narrow = NARROW.iter().any(|service| action.starts_with(service));
            let named = resource.filter(|_| narrow).map(without_generation);
            let linked = (action == "iam:CreateServiceLinkedRole").then(|| LINKED_ROLES.to_owned());
            let resource = named.or(linked).unwrap_or_else(|| "*".to_owned());
            resources.entry(action).or_default().insert(resource);
        }
        let mut groups: BTreeMap<BTreeSet<String>, Vec<String>> = BTreeMap::new();
        for (action, mut resources) in resources {
            if resources.contains("*") {
                resources.retain(|resource| resource == "*");
            }
            groups.entry(resources).or_default().push(action.to_owned());
        }
        let statement: Vec<Statement> = groups
            .into_iter()
            .enumerate()
            .map(|(index, (resources, action))| Statement {
                sid: format!("OndemandEksMissing{}", index + 1),
                effect: "Allow".to_owned(),
                action,
                resource: resources.into_iter().collect(),
            })
            .collect();
        (!statement.is_empty()).then(|| Self { version: "2012-10-17".to_owned(), statement })
    }
}

/// The services whose actions stay on what was named.
const NARROW: [&str; 6] = ["dynamodb:", "iam:", "kms:", "s3:", "secretsmanager:", "sts:"];

/// Where every service-linked role is.
const LINKED_ROLES: &str = "arn:aws:iam::*:role/aws-service-role/*";

/// The ARN for clusters of all generations: what is named after one, `ondemand-1f1e0abd-g1-nodes`, will have another
/// name the next time.
fn without_generation(arn: &str) -> String {
    const MARK: &str = "ondemand-";
    let generation = |at: usize| {
        let (id, rest) = arn[at + MARK.len()..].split_once("-g")?;
        let sound = id.len() == 8 && id.bytes().all(|byte| byte.is_ascii_hexdigit());
        (sound && rest.starts_with(|c: char| c.is_ascii_digit())).then(|| format!("{}{MARK}*", &arn[..at]))
    };
    arn.find(MARK).and_then(generation).unwrap_or_else(|| arn.to_owned())
}

#[cfg(test)]
mod tests {
    use super::Policy;
    use serde_json::json;

    #[test]
    fn actions_that_could_reach_others_stay_on_what_was_named() {
        let role = "arn:aws:iam::123456789012:role/ondemand-1f1e0abd-g3-nodes";
        let policy = Policy::allowing([
            ("iam:PassRole", Some(role)),
            ("ec2:CreateVpc", Some("arn:aws:ec2:eu-west-1:123456789012:vpc/*")),
            ("iam:PassRole", Some("arn:aws:iam::123456789012:role/other")),
            ("eks:CreateCluster", None),
            ("iam:CreateServiceLinkedRole", None),
            ("sts:AssumeRole", Some("arn:aws:iam::210987654321:role/deploy")),
        ]);
        let statement = |number: u8, action: &[&str], resource: &[&str]| json!({"Sid": format!("OndemandEksMissing{number}"), "Effect": "Allow", "Action": action, "Resource": resource});
        let expected = json!({"Version": "2012-10-17", "Statement": [
            statement(1, &["ec2:CreateVpc", "eks:CreateCluster"], &["*"]),
            statement(2, &["iam:CreateServiceLinkedRole"], &["arn:aws:iam::*:role/aws-service-role/*"]),
            statement(3, &["iam:PassRole"], &["arn:aws:iam::123456789012:role/ondemand-*", "arn:aws:iam::123456789012:role/other"]),
            statement(4, &["sts:AssumeRole"], &["arn:aws:iam::210987654321:role/deploy"]),
        ]});
        assert_eq!(json!(policy), expected);
        assert_eq!(Policy::allowing([]), None);
    }
}
