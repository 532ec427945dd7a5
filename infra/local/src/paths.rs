//! Where local mode finds and keeps its files.

use crate::Error;
use std::path::{Path, PathBuf};

/// What every checkout has, and nothing else.
const LANDMARK: &str = "infra/template.yaml";

/// The checkout to work in: that of the cargo that runs us, else the one around the working folder, else the one that
/// this program was built from. The last is no good first: checkouts may share a target folder.
#[must_use]
pub fn checkout() -> PathBuf {
    let built_from = Path::new(env!("CARGO_MANIFEST_DIR"));
    let by_cargo = std::env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from);
    let starts = [by_cargo, std::env::current_dir().ok(), Some(built_from.to_path_buf())];
    let mut folders = starts.iter().flatten().flat_map(|start| start.ancestors());
    folders.find(|folder| folder.join(LANDMARK).is_file()).unwrap_or(built_from).to_path_buf()
}

/// What is installed once and used by every checkout: `ondemand-eks` in the user's cache folder.
#[must_use]
pub fn cache() -> PathBuf {
    let named = std::env::var_os("XDG_CACHE_HOME").filter(|folder| !folder.is_empty()).map(PathBuf::from);
    let home = || std::env::home_dir().map(|home| home.join(".cache"));
    named.or_else(home).unwrap_or_else(std::env::temp_dir).join("ondemand-eks")
}

/// The folder of one running stack: `.local/` in the checkout, unless a test takes its own.
#[derive(Debug, Clone)]
pub struct Directory(PathBuf);

impl Directory {
    /// Makes the folder, readable by nobody else and ignored by git.
    ///
    /// # Errors
    /// If it cannot be made.
    pub fn create(path: &Path) -> Result<Self, Error> {
        use std::os::unix::fs::PermissionsExt;
        let failed = |source| Error::Files { attempt: format!("make the folder {}", path.display()), source };
        std::fs::create_dir_all(path).map_err(failed)?;
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o700)).map_err(failed)?;
        let path = path.canonicalize().map_err(failed)?;
        std::fs::write(path.join(".gitignore"), "*\n").map_err(failed)?;
        let directory = Self(path);
        directory.folder("logs")?;
        Ok(directory)
    }

    /// A file or folder of this name in it.
    #[must_use]
    pub fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// The log of this name.
    #[must_use]
    pub fn log(&self, name: &str) -> PathBuf {
        self.0.join("logs").join(format!("{name}.log"))
    }

    /// Removes a file of this name, if there is one.
    ///
    /// # Errors
    /// If it cannot be removed.
    pub fn remove(&self, name: &str) -> Result<(), Error> {
        match std::fs::remove_file(self.0.join(name)) {
            Err(source) if source.kind() != std::io::ErrorKind::NotFound => {
                Err(Error::Files { attempt: format!("remove {}", self.0.join(name).display()), source })
            }
            _ => Ok(()),
        }
    }

    /// A folder of this name, made if it is not there.
    ///
    /// # Errors
    /// If it cannot be made.
    pub fn folder(&self, name: &str) -> Result<PathBuf, Error> {
        let path = self.0.join(name);
        let failed = |source| Error::Files { attempt: format!("make the folder {}", path.display()), source };
        std::fs::create_dir_all(&path).map_err(failed)?;
        Ok(path)
    }

    /// An empty folder of this name; what an earlier stack left in it is removed.
    ///
    /// # Errors
    /// If it cannot be emptied.
    pub fn fresh_folder(&self, name: &str) -> Result<PathBuf, Error> {
        let path = self.0.join(name);
        match std::fs::remove_dir_all(&path) {
            Err(source) if source.kind() != std::io::ErrorKind::NotFound => {
                Err(Error::Files { attempt: format!("empty the folder {}", path.display()), source })
            }
            _ => self.folder(name),
        }
    }
}

impl AsRef<Path> for Directory {
    fn as_ref(&self) -> &Path {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_checkout_is_the_one_that_is_tested() {
        assert!(super::checkout().join("infra/local/src/paths.rs").is_file());
    }
}
