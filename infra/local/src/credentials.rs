//! The API key and the AWS credentials of a local stack.

use crate::Error;
use crate::aws::REGION;
use crate::paths::Directory;
use domain::integration::Profile;
use std::collections::HashMap;
use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// What tells the SDK's file of ours from the file of a server that somebody runs.
const MARK: &str = "# written by `cargo local` of ondemand-eks";

/// A credentials file for registering an integration, and the keys in it.
pub(crate) struct Credentials {
    pub(crate) path: PathBuf,
    /// The secret of each access key id, for whoever checks signatures.
    pub(crate) secrets: HashMap<String, String>,
}

impl Credentials {
    /// The profile of a user's file, or a file of made-up keys. None of them ever leaves this machine.
    pub(crate) fn prepare(directory: &Directory, given: Option<&Path>, profile: &str) -> Result<Self, Error> {
        let path = match given {
            Some(path) => path.to_path_buf(),
            None => made_up(directory)?,
        };
        let unreadable = |source: io::Error| Error::Credentials { path: path.clone(), why: source.to_string() };
        let path = path.canonicalize().map_err(unreadable)?;
        let text = fs::read_to_string(&path).map_err(unreadable)?;
        let found = Profile::find(&text, &path.display().to_string(), profile);
        let found = found.map_err(|error| Error::Credentials { path: path.clone(), why: error.to_string() })?;
        let secret = found.key.secret_access_key.expose().to_owned();
        Ok(Self { path, secrets: HashMap::from([(found.key.access_key_id, secret)]) })
    }
}

fn made_up(directory: &Directory) -> Result<PathBuf, Error> {
    let path = directory.path("credentials");
    if !path.is_file() {
        let id = &random_hex().to_uppercase()[..16];
        let text = format!(
            "# Made up for local mode; no AWS account knows these.\n[default]\naws_access_key_id = AKIA{id}\n\
             aws_secret_access_key = {}\nregion = {REGION}\n",
            &random_hex()[..40]
        );
        write_private(&path, &text)?;
    }
    Ok(path)
}

/// The stack's API key: that of the last time, or a new one.
pub(crate) fn api_key(directory: &Directory) -> Result<String, Error> {
    let path = directory.path("api-key");
    if let Ok(text) = fs::read_to_string(&path)
        && text.trim().len() == 64
    {
        return Ok(text.trim().to_owned());
    }
    let key = random_hex();
    write_private(&path, &format!("{key}\n"))?;
    Ok(key)
}

/// What became of the attempt to give the SDK the key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SdkKey {
    /// The SDK finds the key in this file.
    Written(PathBuf),
    /// The file is somebody else's and was left alone.
    Foreign(PathBuf),
}

/// Puts the key where the Aqueduct SDK looks for it, unless there is a file that is not ours.
pub(crate) fn give_to_sdk(home: &Path, api_key: &str) -> Result<SdkKey, Error> {
    let folder = home.join(".aqueduct/server/config");
    let path = folder.join("config.yml");
    match fs::read_to_string(&path) {
        Ok(text) if !text.starts_with(MARK) => return Ok(SdkKey::Foreign(path)),
        _ => {}
    }
    let failed = |source| Error::Files { attempt: format!("make the folder {}", folder.display()), source };
    fs::create_dir_all(&folder).map_err(failed)?;
    write_private(&path, &format!("{MARK}\napiKey: {api_key}\n"))?;
    Ok(SdkKey::Written(path))
}

fn write_private(path: &Path, text: &str) -> Result<(), Error> {
    let write = || {
        let mut file = fs::OpenOptions::new().create(true).write(true).truncate(true).mode(0o600).open(path)?;
        file.write_all(text.as_bytes())
    };
    write().map_err(|source| Error::Files { attempt: format!("write {}", path.display()), source })
}

/// 32 random bytes: two random UUIDs are 244 random bits in 64 digits.
fn random_hex() -> String {
    format!("{}{}", uuid::Uuid::new_v4().simple(), uuid::Uuid::new_v4().simple())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn folder() -> PathBuf {
        std::env::temp_dir().join(format!("credentials-{}", uuid::Uuid::new_v4()))
    }

    #[test]
    fn a_foreign_configuration_of_the_sdk_is_left_alone() {
        let home = folder();
        let path = home.join(".aqueduct/server/config/config.yml");
        assert_eq!(give_to_sdk(&home, "one").unwrap(), SdkKey::Written(path.clone()));
        assert_eq!(give_to_sdk(&home, "two").unwrap(), SdkKey::Written(path.clone()));
        assert!(fs::read_to_string(&path).unwrap().ends_with("\napiKey: two\n"));
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);

        fs::write(&path, "apiKey: theirs\n").unwrap();
        assert_eq!(give_to_sdk(&home, "three").unwrap(), SdkKey::Foreign(path.clone()));
        assert_eq!(fs::read_to_string(&path).unwrap(), "apiKey: theirs\n");
        fs::remove_dir_all(home).unwrap();
    }

    #[test]
    fn the_key_and_the_credentials_stay_the_same() {
        let directory = Directory::create(&folder()).unwrap();
        assert_eq!(api_key(&directory).unwrap(), api_key(&directory).unwrap());
        let first = Credentials::prepare(&directory, None, "default").unwrap();
        assert_eq!(first.secrets, Credentials::prepare(&directory, None, "default").unwrap().secrets);
        let missing = Credentials::prepare(&directory, Some(&first.path), "other").err().unwrap();
        assert!(missing.to_string().contains("no profile 'other'"), "{missing}");
        fs::remove_dir_all(directory).unwrap();
    }
}
