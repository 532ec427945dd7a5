//! The shared credentials file of AWS's tools.

use super::{AccessKey, IntegrationError, check_region};
use std::collections::BTreeMap;

/// One profile of a shared credentials file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profile {
    /// Its key pair.
    pub key: AccessKey,
    /// Its region, where it names one.
    pub region: Option<String>,
}

impl Profile {
    /// Finds a profile in the text of a shared credentials file (INI: `[name]`, `key = value`, `#` comments).
    ///
    /// # Errors
    /// [`IntegrationError::File`] naming the path and what is missing.
    pub fn find(text: &str, path: &str, profile: &str) -> Result<Self, IntegrationError> {
        let wrong = |why: String| IntegrationError::File { path: path.to_owned(), why };
        let mut sections: BTreeMap<String, BTreeMap<String, String>> = BTreeMap::new();
        let mut current: Option<String> = None;
        for (number, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') || line.starts_with(';') {
                continue;
            }
            if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
                let name = name.trim().trim_start_matches("profile ").trim().to_owned();
                sections.entry(name.clone()).or_default();
                current = Some(name);
            } else if let (Some((key, value)), Some(section)) = (line.split_once('='), &current) {
                let section = sections.entry(section.clone()).or_default();
                section.insert(key.trim().to_ascii_lowercase(), value.trim().to_owned());
            } else {
                return Err(wrong(format!("line {} is neither [profile] nor key = value", number + 1)));
            }
        }
        let names = sections.keys().cloned().collect::<Vec<_>>().join(", ");
        let mut section = sections
            .remove(profile)
            .ok_or_else(|| wrong(format!("there is no profile '{profile}'; there are: {names}")))?;
        let mut required = |key: &str| {
            let value = section.remove(key).filter(|value| !value.is_empty());
            value.ok_or_else(|| wrong(format!("profile '{profile}' has no {key}")))
        };
        let (id, secret) = (required("aws_access_key_id")?, required("aws_secret_access_key")?);
        let token = section.remove("aws_session_token").filter(|token| !token.is_empty());
        let key = AccessKey::checked(id, secret, token);
        let key = key.map_err(|error| wrong(format!("profile '{profile}', {error}")))?;
        let region = section.remove("region");
        if let Some(region) = &region {
            check_region(region)?;
        }
        Ok(Self { key, region })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_profile_is_found_or_the_error_says_what_is_missing() {
        let text = "# mine\n[default]\naws_access_key_id = AKIA1\naws_secret_access_key=abc/=\n\n[profile other]\nregion = eu-west-1\n";
        let found = Profile::find(text, "~/.aws/credentials", "default").expect("found");
        assert_eq!((found.key.access_key_id.as_str(), found.key.secret_access_key.expose()), ("AKIA1", "abc/="));
        let why = |text, profile| Profile::find(text, "f", profile).expect_err("refused").to_string();
        assert!(why(text, "third").contains("no profile 'third'; there are: default, other"));
        assert!(why(text, "other").contains("profile 'other' has no aws_access_key_id"));
        assert!(why("{\"json\": 1}", "default").contains("line 1 is neither"));
    }

    #[test]
    fn a_value_that_could_begin_another_line_is_refused() {
        let file = "[default]\naws_access_key_id = AKIA1\naws_secret_access_key = a\rcredential_process = id\n";
        let error = Profile::find(file, "f", "default").expect_err("refused").to_string();
        assert!(error.contains("'secret_access_key' must be one word"), "{error}");
    }
}
