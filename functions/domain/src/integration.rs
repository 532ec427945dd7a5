//! A registered AWS account: its name and how to sign calls in it.

mod profile;

pub use profile::Profile;

use crate::{ClusterId, IntegrationId, Secret};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The name of the built-in engine; no integration may take it.
pub const BUILT_IN: &str = "aqueduct";
/// In characters.
const LONGEST_NAME: usize = 64;
/// In bytes: what a credentials file may hold of each value, and what a secret's name has room for.
const LONGEST_KEY_ID: usize = 128;
const LONGEST_SECRET: usize = 256;
const LONGEST_TOKEN: usize = 8192;
const LONGEST_PATH: usize = 384;
const LONGEST_PROFILE: usize = 256;
const LONGEST_EXTERNAL_ID: usize = 1224;
const LONGEST_ROLE_ARN: usize = 2048;
const LONGEST_REGION: usize = 32;

/// A registered AWS account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Integration {
    /// Its id.
    pub id: IntegrationId,
    /// Its name, unique among integrations.
    pub name: String,
    /// The cluster that is managed in it.
    pub cluster: ClusterId,
    /// The account's number, as STS says.
    pub account: String,
    /// Who we are in it, as STS says.
    pub caller_arn: String,
    /// The region the cluster is created in.
    pub region: String,
    /// How the credentials were given, without them.
    pub credentials: CredentialsKind,
    /// When it was registered.
    pub created_at: Timestamp,
}

/// How credentials were given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CredentialsKind {
    /// An access key pair.
    AccessKey,
    /// A profile of a credentials file.
    CredentialsFile,
    /// A role to assume.
    Role,
}

/// Credentials as a user gives them: exactly one form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CredentialsInput {
    /// An access key pair.
    AccessKey {
        /// The pair.
        key: AccessKey,
        /// The region to work in.
        region: String,
    },
    /// A profile of a credentials file.
    File {
        /// The path, as typed.
        path: String,
        /// The profile's name.
        profile: String,
        /// The region to work in, where the file names none.
        region: Option<String>,
    },
    /// A role to assume.
    Role {
        /// The role's ARN.
        role_arn: String,
        /// The external id it asks for.
        external_id: Option<Secret>,
        /// The region to work in.
        region: String,
    },
}

/// An access key pair, possibly a temporary one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessKey {
    /// The public half.
    pub access_key_id: String,
    /// The secret half.
    pub secret_access_key: Secret,
    /// The token of temporary credentials.
    pub session_token: Option<Secret>,
}

/// Why an integration is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IntegrationError {
    /// The name cannot be used.
    #[error("field 'name': '{name}' cannot be used: {why}")]
    Name {
        /// The name.
        name: String,
        /// The rule it breaks.
        why: &'static str,
    },
    /// None or several forms of credentials.
    #[error(
        "field 'config': give exactly one of: access_key_id, secret_access_key and region; config_file_path and config_file_profile; role_arn and region ({found})"
    )]
    Form {
        /// What was found instead.
        found: String,
    },
    /// A field that no form has.
    #[error("field 'config': unknown key '{0}'")]
    UnknownField(String),
    /// A value of another form than AWS gives it. It may be a secret, put into the wrong field, and is not repeated.
    #[error("field '{field}' must be {expected}")]
    Value {
        /// The field.
        field: &'static str,
        /// What it must be.
        expected: &'static str,
    },
    /// A region that does not look like one.
    #[error("field 'region': '{0}' does not look like an AWS region, such as us-east-1")]
    Region(String),
    /// A file that is not a credentials file, or lacks something.
    #[error("credentials file '{path}': {why}")]
    File {
        /// The path, as typed.
        path: String,
        /// What is wrong.
        why: String,
    },
}

/// Checks an integration's name.
///
/// # Errors
/// [`IntegrationError::Name`].
pub fn check_name(name: &str) -> Result<(), IntegrationError> {
    let why = if name.trim().is_empty() {
        "it is empty"
    } else if name.chars().count() > LONGEST_NAME {
        "it is longer than 64 characters"
    } else if name.eq_ignore_ascii_case(BUILT_IN) {
        "it is the built-in engine's"
    } else if name.contains(':') || name.contains(|c: char| c.is_control()) || name.trim() != name {
        "it must not contain colons or control characters, nor begin or end with a blank"
    } else {
        return Ok(());
    };
    Err(IntegrationError::Name { name: name.chars().take(LONGEST_NAME).collect(), why })
}

impl CredentialsInput {
    /// Tells which form the fields of a `config` object make up. Empty fields count as absent, and blanks around a value
    /// as none of it.
    ///
    /// # Errors
    /// [`IntegrationError`] unless exactly one form is complete, the others are untouched, and every value looks as AWS
    /// makes it.
    pub fn parse(fields: BTreeMap<String, String>) -> Result<Self, IntegrationError> {
        let trimmed = fields.into_iter().map(|(name, value)| (name, value.trim().to_owned()));
        let mut fields: BTreeMap<_, _> = trimmed.filter(|(_, value)| !value.is_empty()).collect();
        let found = match fields.len() {
            0 => "nothing was given".to_owned(),
            _ => format!("given: {}", fields.keys().cloned().collect::<Vec<_>>().join(", ")),
        };
        let mut take = |name: &str| fields.remove(name);
        let (id, secret, token) = (take("access_key_id"), take("secret_access_key"), take("session_token"));
        let (path, profile) = (take("config_file_path"), take("config_file_profile"));
        let (role, external_id, region) = (take("role_arn"), take("external_id"), take("region"));
        if let Some(unknown) = fields.into_keys().next() {
            return Err(IntegrationError::UnknownField(unknown));
        }
        if let Some(region) = &region {
            check_region(region)?;
        }
        match (id, secret, token, path, profile, role, external_id, region) {
            (Some(id), Some(secret), token, None, None, None, None, Some(region)) => {
                Ok(Self::AccessKey { key: AccessKey::checked(id, secret, token)?, region })
            }
            (None, None, None, Some(path), Some(profile), None, None, region) => {
                let plain = |text: &str, most| text.len() <= most && !text.contains(|c: char| c.is_control());
                check("config_file_path", plain(&path, LONGEST_PATH), "a path of at most 384 bytes, in one line")?;
                check("config_file_profile", plain(&profile, LONGEST_PROFILE), "a profile's name, in one line")?;
                Ok(Self::File { path, profile, region })
            }
            (None, None, None, None, None, Some(role_arn), external_id, Some(region)) => {
                check("role_arn", is_role(&role_arn), "a role's ARN, such as arn:aws:iam::123456789012:role/name")?;
                let external = external_id.as_deref().unwrap_or("none");
                let fine = (2..=LONGEST_EXTERNAL_ID).contains(&external.len()) && external.chars().all(is_of_id);
                check("external_id", fine, "2 to 1224 letters, digits or characters of _+=,.@:/-")?;
                Ok(Self::Role { role_arn, external_id: external_id.map(Secret::new), region })
            }
            _ => Err(IntegrationError::Form { found }),
        }
    }

    /// Which form it is.
    #[must_use]
    pub fn kind(&self) -> CredentialsKind {
        match self {
            Self::AccessKey { .. } => CredentialsKind::AccessKey,
            Self::File { .. } => CredentialsKind::CredentialsFile,
            Self::Role { .. } => CredentialsKind::Role,
        }
    }
}

impl AccessKey {
    /// A key pair whose parts look as AWS makes them. They are written into a credentials file, one to a line: what could
    /// begin another line there could make whoever reads the file run a program.
    ///
    /// # Errors
    /// [`IntegrationError::Value`] naming the part.
    pub fn checked(id: String, secret: String, token: Option<String>) -> Result<Self, IntegrationError> {
        let is_id = id.len() <= LONGEST_KEY_ID && id.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        check("access_key_id", is_id, "letters and digits, such as AKIAIOSFODNN7EXAMPLE")?;
        let visible = |text: &str, most| text.len() <= most && text.chars().all(|c| c.is_ascii_graphic());
        check("secret_access_key", visible(&secret, LONGEST_SECRET), "one word, as AWS has shown it")?;
        check("session_token", token.as_deref().is_none_or(|token| visible(token, LONGEST_TOKEN)), "one word")?;
        Ok(Self { access_key_id: id, secret_access_key: Secret::new(secret), session_token: token.map(Secret::new) })
    }
}

fn check(field: &'static str, fine: bool, expected: &'static str) -> Result<(), IntegrationError> {
    if fine { Ok(()) } else { Err(IntegrationError::Value { field, expected }) }
}

/// What STS takes in an external id, and IAM in a role's path and name.
fn is_of_id(c: char) -> bool {
    c.is_ascii_alphanumeric() || "_+=,.@:/-".contains(c)
}

/// Whether a text looks like `arn:<partition>:iam::<account>:role/<path and name>`.
fn is_role(arn: &str) -> bool {
    let parts: Vec<&str> = arn.splitn(6, ':').collect();
    let ["arn", partition, "iam", "", account, resource] = parts.as_slice() else { return false };
    let role = resource.strip_prefix("role/").unwrap_or_default();
    arn.len() <= LONGEST_ROLE_ARN
        && partition.starts_with("aws")
        && partition.chars().all(|c| c.is_ascii_lowercase() || c == '-')
        && account.len() == 12
        && account.bytes().all(|b| b.is_ascii_digit())
        && !role.is_empty()
        && role.chars().all(|c| is_of_id(c) && c != ':')
}

/// Checks that a text looks like a region's name, such as `eu-central-1`.
///
/// # Errors
/// [`IntegrationError::Region`].
pub fn check_region(region: &str) -> Result<(), IntegrationError> {
    let mut parts = region.split('-').rev();
    let number = parts.next().is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()));
    let words: Vec<&str> = parts.collect();
    let lower = words.iter().all(|w| !w.is_empty() && w.bytes().all(|b| b.is_ascii_lowercase()));
    let fine = number && lower && words.len() >= 2 && region.len() <= LONGEST_REGION;
    if fine { Ok(()) } else { Err(IntegrationError::Region(region.chars().take(LONGEST_REGION).collect())) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(fields: &[(&str, &str)]) -> Result<CredentialsInput, IntegrationError> {
        CredentialsInput::parse(fields.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect())
    }

    const KEYS: [(&str, &str); 3] =
        [("access_key_id", "AKIAIOSFODNN7EXAMPLE"), ("secret_access_key", "hush"), ("region", "us-east-1")];

    #[test]
    fn each_complete_form_is_accepted_with_the_others_empty() {
        let keys = parse(&[&KEYS[..], &[("config_file_path", ""), ("config_file_profile", "")]].concat());
        assert_eq!(keys.expect("keys").kind(), CredentialsKind::AccessKey);
        let file =
            parse(&[("config_file_path", "~/.aws/credentials"), ("config_file_profile", "default"), ("region", "")]);
        assert_eq!(file.expect("file").kind(), CredentialsKind::CredentialsFile);
        let role = parse(&[("role_arn", "arn:aws:iam::123456789012:role/r"), ("region", "eu-west-1")]);
        assert_eq!(role.expect("role").kind(), CredentialsKind::Role);
    }

    #[test]
    fn mixed_partial_and_missing_forms_are_refused_without_showing_secrets() {
        let mixed = [&KEYS[..], &[("config_file_path", "x"), ("config_file_profile", "y")]].concat();
        for fields in [&mixed[..], &KEYS[..2], &[], &[("config_file_path", "x")]] {
            let error = parse(fields).expect_err("refused");
            assert!(matches!(error, IntegrationError::Form { .. }), "{error}");
            assert!(!error.to_string().contains("hush"));
        }
        assert_eq!(parse(&[("regoin", "x")]), Err(IntegrationError::UnknownField("regoin".to_owned())));
        assert!(matches!(parse(&[KEYS[0], KEYS[1], ("region", "Virginia")]), Err(IntegrationError::Region(_))));
    }

    #[test]
    fn nothing_gets_into_a_credentials_file_that_could_begin_another_line_there() {
        let role = ("role_arn", "arn:aws-cn:iam::123456789012:role/path/ml-team");
        let region = ("region", "eu-west-1");
        assert!(parse(&[role, region, ("external_id", "a:b/c=d@e")]).is_ok());
        let more = "x\ncredential_process = sh -c id";
        for (form, field) in [
            (vec![("access_key_id", more), KEYS[1], region], "access_key_id"),
            (vec![("access_key_id", "wJalrXUtnFEMI/K7MDENG"), KEYS[1], region], "access_key_id"),
            (vec![KEYS[0], ("secret_access_key", more), region], "secret_access_key"),
            (vec![KEYS[0], KEYS[1], ("session_token", "a\rb"), region], "session_token"),
            (vec![role, region, ("external_id", more)], "external_id"),
            (vec![role, region, ("external_id", "x")], "external_id"),
            (vec![("role_arn", "arn:aws:iam::123456789012:role/a\nb=c"), region], "role_arn"),
            (vec![("role_arn", "arn:aws:iam::1:role/a"), region], "role_arn"),
            (vec![("role_arn", "arn:aws:iam::123456789012:user/a"), region], "role_arn"),
            (vec![("config_file_path", &"p".repeat(385)), ("config_file_profile", "d")], "config_file_path"),
            (vec![("config_file_path", "p"), ("config_file_profile", "d\n[e]")], "config_file_profile"),
        ] {
            let error = parse(&form).expect_err("refused");
            assert!(matches!(error, IntegrationError::Value { field: named, .. } if named == field), "{error}");
            assert!(!error.to_string().contains("credential_process") && !error.to_string().contains("wJalr"));
        }
    }

    #[test]
    fn blanks_around_a_pasted_value_are_not_part_of_it() {
        let pasted =
            parse(&[(KEYS[0].0, " AKIAIOSFODNN7EXAMPLE\n"), (KEYS[1].0, "hush\n"), KEYS[2]]).expect("accepted");
        let CredentialsInput::AccessKey { key, .. } = pasted else { panic!("another form") };
        assert_eq!((key.access_key_id.as_str(), key.secret_access_key.expose()), (KEYS[0].1, KEYS[1].1));
    }

    #[test]
    fn names_that_would_confuse_are_refused() {
        for bad in ["", " ", "Aqueduct", "a:b", " aws", "a\nb", &"x".repeat(65)] {
            assert!(check_name(bad).is_err(), "{bad:?}");
        }
        assert!(check_name("aws").is_ok() && check_name("my account").is_ok());
    }
}
