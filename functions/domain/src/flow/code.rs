//! The code of an operator, and the Python it is for.

use serde::{Deserialize, Serialize};

/// The code of a function.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Code {
    /// A zip as the SDK makes it, stored beside the DAG.
    Package {
        /// Where in the package to begin.
        entry_point: PackageEntryPoint,
        /// The Python it was made with, such as `3.11`.
        python: PythonVersion,
    },
    /// Plain Python text.
    Source {
        /// The text.
        source: String,
        /// The function to call.
        entry_point: String,
        /// Lines for pip.
        requirements: Vec<String>,
        /// The Python to run it with.
        python: PythonVersion,
    },
}

/// Where in a package to begin.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PackageEntryPoint {
    /// The file, such as `model.py`.
    pub file: String,
    /// The class in it.
    pub class_name: String,
    /// The method of the class.
    pub method: String,
}

impl Default for PackageEntryPoint {
    /// What the SDK's packages mean when they name none.
    fn default() -> Self {
        Self { file: "model.py".to_owned(), class_name: "Function".to_owned(), method: "predict".to_owned() }
    }
}

/// A Python major and minor version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PythonVersion {
    minor: u8,
}

/// A Python that the runner does not support.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("Python '{0}' is not supported: use 3.8, 3.9, 3.10, 3.11 or 3.12")]
pub struct UnsupportedPython(String);

impl Default for PythonVersion {
    fn default() -> Self {
        Self { minor: 11 }
    }
}

impl TryFrom<String> for PythonVersion {
    type Error = UnsupportedPython;
    fn try_from(text: String) -> Result<Self, UnsupportedPython> {
        let supported = (8..=12).map(|minor| Self { minor }).find(|version| version.to_string() == text.trim());
        supported.ok_or(UnsupportedPython(text))
    }
}

impl From<PythonVersion> for String {
    fn from(version: PythonVersion) -> String {
        version.to_string()
    }
}

impl std::fmt::Display for PythonVersion {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "3.{}", self.minor)
    }
}

impl Code {
    /// The Python to run it with.
    #[must_use]
    pub fn python(&self) -> PythonVersion {
        match self {
            Self::Package { python, .. } | Self::Source { python, .. } => *python,
        }
    }
}
