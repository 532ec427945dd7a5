//! What exists in the account, as far as the journal tells: so that a name is given once, that what is gone is gone,
//! and that what Terraform has lost can be found again.

use std::{
    collections::HashMap,
    fs, io,
    path::PathBuf,
    sync::{Mutex, MutexGuard, PoisonError},
};

use serde_json::Value as Json;

use crate::value::Value;

/// Type and id.
type Key = (String, String);

/// By type and id; nothing for what was deleted.
type Things = HashMap<Key, Option<Value>>;

/// The account's things; without a journal nothing is known, and anything may be.
#[derive(Debug)]
pub struct Inventory {
    journal: Option<PathBuf>,
    /// Read once: other builds have other resources.
    things: Mutex<Option<Things>>,
}

/// What is known of a thing.
#[derive(Debug, PartialEq)]
pub enum Known {
    /// It exists, with these values.
    Present(Value),
    /// It was deleted.
    Gone,
    /// The journal does not have it.
    Nothing,
}

impl Known {
    /// A thing as Terraform knows it, and if it is a node group, with the limits and the size that others have given it.
    pub fn resized(self, ty: &str, mut state: Value) -> Value {
        if let (Self::Present(found), Value::Map(entries), "aws_eks_node_group") = (self, &mut state, ty) {
            entries.insert("scaling_config".to_owned(), found.get("scaling_config").clone());
        }
        state
    }
}

impl Inventory {
    /// What a journal tells.
    pub fn new(journal: Option<PathBuf>) -> Self {
        Self { journal, things: Mutex::default() }
    }

    /// What is known of a thing.
    pub fn find(&self, ty: &str, id: &str) -> io::Result<Known> {
        Ok(match self.read()?.as_ref().and_then(|things| things.get(&(ty.to_owned(), id.to_owned()))) {
            None => Known::Nothing,
            Some(None) => Known::Gone,
            Some(Some(values)) => Known::Present(values.clone()),
        })
    }

    /// The id of a thing of a type that has the same texts in these attributes, if there is one.
    pub fn twin(&self, ty: &str, by: &[String], values: &Value) -> io::Result<Option<String>> {
        let things = self.read()?;
        // What is left to AWS clashes with nothing.
        let told = |value: &Value| value.as_str().is_some_and(|text| !text.is_empty());
        let same = |thing: &Value| by.iter().all(|name| told(values.get(name)) && thing.get(name) == values.get(name));
        let mut present = things.iter().flatten().filter(|((of, _), _)| of == ty);
        let found = present.find(|(_, thing)| thing.as_ref().is_some_and(same));
        Ok(found.map(|((_, id), _)| id.clone()))
    }

    /// Takes note of what was done.
    pub fn note(&self, operation: &str, ty: &str, values: &Value) -> io::Result<()> {
        if let (Some(things), Some(id)) = (self.read()?.as_mut(), values.get("id").as_str()) {
            let values = (operation != "delete").then(|| values.clone());
            things.insert((ty.to_owned(), id.to_owned()), values);
        }
        Ok(())
    }

    fn read(&self) -> io::Result<MutexGuard<'_, Option<Things>>> {
        let mut things = self.things.lock().unwrap_or_else(PoisonError::into_inner);
        if things.is_none()
            && let Some(journal) = &self.journal
        {
            let text = match fs::read_to_string(journal) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
                result => result?,
            };
            *things = Some(text.lines().filter_map(entry).collect());
        }
        Ok(things)
    }
}

/// What a line of the journal says of a thing; nothing where it is about something else, or was cut.
fn entry(line: &str) -> Option<(Key, Option<Value>)> {
    // Most lines are about reading, and are long.
    if !["create", "update", "delete"].iter().any(|word| line.contains(&format!("\"operation\":\"{word}\""))) {
        return None;
    }
    let entry: Json = serde_json::from_str(line).ok()?;
    let (operation, ty) = (entry["operation"].as_str()?, entry["type"].as_str()?);
    let values = &entry["values"];
    let id = values["id"].as_str()?;
    let values = (operation != "delete").then(|| Value::from(values.clone()));
    Some(((ty.to_owned(), id.to_owned()), values))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_last_word_of_the_journal_counts() {
        let folder = tempfile::tempdir().unwrap();
        let journal = folder.path().join("journal");
        let line = |operation: &str, values: Json| {
            json!({"operation": operation, "type": "aws_vpc", "name": "n", "values": values}).to_string()
        };
        let lines = [
            line("create", json!({"id": "vpc-1", "cidr": "a"})),
            line("update", json!({"id": "vpc-1", "cidr": "b"})),
            line("create", json!({"id": "vpc-2", "cidr": "c"})),
            line("delete", json!({"id": "vpc-2"})),
            line("read", json!({"id": "vpc-3"})),
            "{\"operation\":\"create\",\"ty".to_owned(),
        ];
        fs::write(&journal, lines.join("\n")).unwrap();
        let inventory = Inventory::new(Some(journal));
        let present = Value::from(json!({"id": "vpc-1", "cidr": "b"}));
        assert_eq!(inventory.find("aws_vpc", "vpc-1").unwrap(), Known::Present(present.clone()));
        assert_eq!(inventory.find("aws_vpc", "vpc-2").unwrap(), Known::Gone);
        assert_eq!(inventory.find("aws_vpc", "vpc-3").unwrap(), Known::Nothing);
        let by = ["cidr".to_owned()];
        assert_eq!(inventory.twin("aws_vpc", &by, &present).unwrap().as_deref(), Some("vpc-1"));
        assert_eq!(inventory.twin("aws_subnet", &by, &present).unwrap(), None, "another type");
        inventory.note("delete", "aws_vpc", &present).unwrap();
        assert_eq!(inventory.find("aws_vpc", "vpc-1").unwrap(), Known::Gone);
        assert_eq!(inventory.twin("aws_vpc", &by, &present).unwrap(), None, "a name that is free again");
    }

    #[test]
    fn the_size_of_a_node_group_is_what_others_have_made_of_it() {
        let group =
            |size: u32, label: &str| Value::from(json!({"scaling_config": [{"desired_size": size}], "label": label}));
        let present = || Known::Present(group(5, "old"));
        assert_eq!(present().resized("aws_eks_node_group", group(1, "new")), group(5, "new"));
        assert_eq!(present().resized("aws_vpc", group(1, "new")), group(1, "new"));
        assert_eq!(Known::Nothing.resized("aws_eks_node_group", group(1, "new")), group(1, "new"));
    }

    #[test]
    fn without_a_journal_anything_may_be() {
        let inventory = Inventory::new(None);
        inventory.note("create", "aws_vpc", &Value::from(json!({"id": "vpc-1"}))).unwrap();
        assert_eq!(inventory.find("aws_vpc", "vpc-1").unwrap(), Known::Nothing);
    }
}
