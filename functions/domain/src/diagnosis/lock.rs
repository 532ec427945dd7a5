//! Who holds the lock of the state.

use super::flat::Flat;
use serde::Serialize;

/// What the holder of a lock wrote down.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Lock {
    /// What `terraform force-unlock` wants to know.
    pub id: Option<String>,
    /// User and host.
    pub who: Option<String>,
    /// Since when.
    pub created: Option<String>,
    /// What the holder does, such as `OperationTypeApply`.
    pub operation: Option<String>,
}

/// The lines of Terraform's "Lock Info", in their order.
const LABELS: [&str; 7] = ["ID:", "Path:", "Operation:", "Who:", "Version:", "Created:", "Info:"];

/// The holder of the lock that an error is about.
pub(super) fn lock(error: &Flat) -> Option<Lock> {
    let mut rest = error.after("lock info:").next()?;
    let mut lock = Lock::default();
    for (index, label) in LABELS.iter().enumerate() {
        let Some(value) = rest.trim_start().strip_prefix(label) else { continue };
        // A value goes on to the next label that is there.
        let ends = LABELS[index + 1..].iter().filter_map(|next| value.find(&format!(" {next}")));
        let end = ends.min().unwrap_or(value.len());
        let found = value[..end].trim();
        rest = &value[end..];
        let found = (!found.is_empty()).then(|| found.to_owned());
        match *label {
            "ID:" => lock.id = found,
            "Operation:" => lock.operation = found,
            "Who:" => lock.who = found,
            "Created:" => lock.created = found,
            _ => {}
        }
    }
    Some(lock)
}
