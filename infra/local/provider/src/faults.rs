//! Failures to order. The file is read anew at each operation, so that a running stack can be made to fail.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use serde::{Deserialize, Serialize};

/// One entry of the file.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// The resource or data source type.
    #[serde(rename = "type")]
    pub ty: String,
    /// `create`, `read`, `update`, `delete`, or `data` for a data source.
    pub operation: String,
    /// The name of one resource; any, if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The id of one cluster, as in the provider's default tags; any, if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster: Option<String>,
    /// What Terraform is told; nothing where it is killed.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub error: String,
    /// How often.
    #[serde(default = "once")]
    pub times: u32,
    /// How many such operations pass first.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub after: u32,
    /// The creation leaves something behind, as when AWS accepts a request and then fails: Terraform calls it tainted.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub tainted: bool,
    /// Terraform is killed, as when its machine dies.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kill: Option<Kill>,
}

/// When Terraform is killed.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kill {
    /// Before anything happens.
    Before,
    /// When the operation has been carried out, and Terraform does not know it yet.
    After,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_zero(number: &u32) -> bool {
    *number == 0
}

fn once() -> u32 {
    1
}

/// A file of faults that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("use the faults file {0} named by AWS_PROVIDER_FAULTS: {1}")]
    File(String, #[source] io::Error),
    #[error("parse the faults file {0} named by AWS_PROVIDER_FAULTS: {1}")]
    Parse(String, #[source] serde_json::Error),
}

/// The file, or nothing if the environment names none.
#[derive(Debug)]
pub struct Faults {
    path: Option<PathBuf>,
    one_at_a_time: Mutex<()>,
}

impl Faults {
    /// Faults kept in a file, which need not exist.
    pub fn new(path: Option<PathBuf>) -> Self {
        Self { path, one_at_a_time: Mutex::new(()) }
    }

    /// The fault due for an operation, which is thereby used up once.
    pub fn take(&self, operation: &str, ty: &str, name: &str, cluster: &str) -> Result<Option<Fault>, Error> {
        let Some(path) = &self.path else { return Ok(None) };
        let _guard = self.one_at_a_time.lock().unwrap_or_else(PoisonError::into_inner);
        let _among_processes = lock(path).map_err(|error| Error::File(path.display().to_string(), error))?;
        let text = match fs::read_to_string(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            result => result.map_err(|error| Error::File(path.display().to_string(), error))?,
        };
        if text.trim().is_empty() {
            return Ok(None);
        }
        let parse_error = |error| Error::Parse(path.display().to_string(), error);
        let mut faults: Vec<Fault> = serde_json::from_str(&text).map_err(parse_error)?;
        let due = faults.iter().position(|fault| {
            fault.ty == ty
                && fault.operation == operation
                && fault.name.as_deref().is_none_or(|asked| asked == name)
                && fault.cluster.as_deref().is_none_or(|asked| asked == cluster)
        });
        let Some(index) = due else { return Ok(None) };
        let fault = faults[index].clone();
        if fault.after > 0 {
            faults[index].after -= 1;
        } else {
            faults[index].times = fault.times.saturating_sub(1);
        }
        faults.retain(|fault| fault.times > 0);
        let text = serde_json::to_string_pretty(&faults).map_err(parse_error)?;
        replace(path, &text).map_err(|error| Error::File(path.display().to_string(), error))?;
        Ok((fault.after == 0).then_some(fault))
    }
}

/// Other providers use up other faults of the same file at the same time.
fn lock(path: &Path) -> io::Result<Option<fs::File>> {
    if !path.exists() {
        return Ok(None);
    }
    let file = fs::File::create(path.with_extension("lock"))?;
    file.lock()?;
    Ok(Some(file))
}

/// Writes beside the file and renames, so that nobody reads half of it.
fn replace(path: &Path, text: &str) -> io::Result<()> {
    let beside = path.with_extension("new");
    fs::write(&beside, text)?;
    fs::rename(beside, path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_is_used_up() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("faults.json");
        fs::write(&path, r#"[{"type": "aws_vpc", "operation": "create", "error": "no", "times": 2, "name": "a"}]"#)
            .unwrap();
        let faults = Faults::new(Some(path));
        assert_eq!(faults.take("create", "aws_vpc", "b", "c").unwrap(), None, "another name");
        assert_eq!(faults.take("delete", "aws_vpc", "a", "c").unwrap(), None, "another operation");
        assert_eq!(faults.take("create", "aws_vpc", "a", "c").unwrap().unwrap().error, "no");
        assert!(faults.take("create", "aws_vpc", "a", "c").unwrap().is_some());
        assert_eq!(faults.take("create", "aws_vpc", "a", "c").unwrap(), None, "used up");
    }

    #[test]
    fn a_fault_may_wait_for_its_turn() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("faults.json");
        fs::write(&path, r#"[{"type": "aws_vpc", "operation": "create", "kill": "after", "after": 1}]"#).unwrap();
        let faults = Faults::new(Some(path));
        assert_eq!(faults.take("create", "aws_vpc", "a", "c").unwrap(), None, "the first passes");
        assert_eq!(faults.take("create", "aws_vpc", "b", "c").unwrap().unwrap().kill, Some(Kill::After));
        assert_eq!(faults.take("create", "aws_vpc", "c", "c").unwrap(), None, "used up");
    }

    #[test]
    fn no_file_is_no_fault() {
        assert_eq!(
            Faults::new(Some("/nonexistent/faults.json".into())).take("create", "aws_vpc", "a", "c").unwrap(),
            None
        );
    }

    #[test]
    fn a_mistyped_file_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("faults.json");
        fs::write(&path, r#"[{"type": "aws_vpc", "op": "create", "error": "no"}]"#).unwrap();
        assert!(matches!(Faults::new(Some(path)).take("create", "aws_vpc", "a", "c"), Err(Error::Parse(..))));
    }
}
