//! An operator's code as the SDK packs it: a zip with one folder at the top, and `model.py` in it.

use domain::flow::{PythonVersion, UnsupportedPython};
use std::io::{Cursor, Read};

const MODEL: &str = "model.py";
const PYTHON_VERSION: &str = "python_version.txt";

/// What a package says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Package {
    /// The Python it was made with, where it names one.
    pub python: Option<PythonVersion>,
}

/// Why a package is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PackageError {
    /// Not a zip at all, or a damaged one.
    #[error("the package is not a zip that can be read: {0}")]
    NotAZip(String),
    /// An entry that would be unpacked somewhere else.
    #[error("the package has an entry '{0}', which is not below its folder")]
    Unsafe(String),
    /// Not exactly one folder at the top.
    #[error("the package must have one folder at the top, with everything in it, but has '{0}' and '{1}'")]
    SeveralFolders(String, String),
    /// No folder at the top, or nothing at all.
    #[error("the package must have one folder at the top, with everything in it")]
    NoFolder,
    /// No place to begin.
    #[error("the package has no {folder}/{MODEL}")]
    NoModel {
        /// The folder at the top.
        folder: String,
    },
    /// A Python that cannot be had.
    #[error("the package's {PYTHON_VERSION}: {0}")]
    Python(#[from] UnsupportedPython),
}

impl Package {
    /// Looks into a package without unpacking it.
    ///
    /// # Errors
    /// [`PackageError`] for what the runner could not run.
    pub fn inspect(bytes: &[u8]) -> Result<Self, PackageError> {
        let not_a_zip = |error: &dyn std::fmt::Display| PackageError::NotAZip(error.to_string());
        let mut zip = zip::ZipArchive::new(Cursor::new(bytes)).map_err(|error| not_a_zip(&error))?;
        let names: Result<Vec<_>, _> = zip.file_names().map(|name| name.map(|name| name.into_owned())).collect();
        let folder = top_folder(&names.map_err(|error| not_a_zip(&error))?)?;
        if zip.index_for_name(&format!("{folder}/{MODEL}")).is_none() {
            return Err(PackageError::NoModel { folder });
        }
        let Some(at) = zip.index_for_name(&format!("{folder}/{PYTHON_VERSION}")) else {
            return Ok(Self { python: None });
        };
        let mut text = String::new();
        let entry = zip.by_index(at).map_err(|error| not_a_zip(&error))?;
        // A version has four characters: what is longer is cut, and then refused as a version.
        entry.take(32).read_to_string(&mut text).map_err(|error| not_a_zip(&error))?;
        Ok(Self { python: Some(PythonVersion::try_from(text.trim().to_owned())?) })
    }
}

fn top_folder(names: &[String]) -> Result<String, PackageError> {
    let mut top: Option<&str> = None;
    for name in names {
        if name.starts_with('/') || name.contains('\\') || name.split('/').any(|part| part == "..") {
            return Err(PackageError::Unsafe(name.clone()));
        }
        let (folder, _) = name.split_once('/').ok_or(PackageError::NoFolder)?;
        match top {
            Some(other) if other != folder => {
                return Err(PackageError::SeveralFolders(other.to_owned(), folder.to_owned()));
            }
            _ => top = Some(folder),
        }
    }
    top.map(str::to_owned).ok_or(PackageError::NoFolder)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn zipped(files: &[(&str, &str)]) -> Vec<u8> {
        let mut zip = zip::ZipWriter::new(Cursor::new(vec![]));
        for (name, text) in files {
            zip.start_file(*name, zip::write::SimpleFileOptions::default()).expect("starts");
            zip.write_all(text.as_bytes()).expect("writes");
        }
        zip.finish().expect("finishes").into_inner()
    }

    #[test]
    fn a_package_tells_its_python() {
        let package = Package::inspect(&zipped(&[("top/model.py", ""), ("top/python_version.txt", "3.10")]));
        let version = package.expect("a package").python.expect("a version");
        assert_eq!(version.to_string(), "3.10");
        assert_eq!(Package::inspect(&zipped(&[("top/model.py", "")])), Ok(Package { python: None }));
    }

    #[test]
    fn what_the_runner_could_not_run_is_refused() {
        let refused = |files: &[(&str, &str)]| Package::inspect(&zipped(files)).expect_err("refused").to_string();
        assert!(refused(&[("model.py", "")]).contains("one folder at the top"));
        assert!(refused(&[]).contains("one folder at the top"));
        assert!(refused(&[("a/model.py", ""), ("b/x", "")]).contains("'a' and 'b'"));
        assert!(refused(&[("a/other.py", "")]).contains("has no a/model.py"));
        assert!(refused(&[("a/../../etc/x", "")]).contains("not below its folder"));
        assert!(refused(&[("a/model.py", ""), ("a/python_version.txt", "2.7")]).contains("Python '2.7'"));
        assert!(matches!(Package::inspect(b"PK not a zip"), Err(PackageError::NotAZip(_))));
    }
}
