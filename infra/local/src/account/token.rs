//! The bearer tokens of EKS: a presigned `GetCallerIdentity` URL that also signs the name of the cluster.
//!
//! EKS sends the URL to STS and so learns who signed it. Here the account itself knows the secrets, so it computes the
//! signature again; whoever gets the method, the host, the cluster's name, the time or the secret wrong is refused.

use aws_sigv4::sign::v4::{calculate_signature, generate_signing_key};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::{SignedDuration, Timestamp, civil::DateTime, tz::TimeZone};
use reqwest::Url;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::collections::HashMap;

const PREFIX: &str = "k8s-aws-v1.";
const CLUSTER_HEADER: &str = "x-k8s-aws-id";
/// EKS accepts no token that claims to be valid for longer.
const LONGEST_EXPIRY: i64 = 900;
const CLOCK_SKEW: SignedDuration = SignedDuration::from_mins(5);

/// Why a token was refused. No variant holds the token or a part of its signature.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refused {
    #[error("the token does not start with {PREFIX}")]
    Prefix,
    #[error("the token is not the base64url form of a URL")]
    Encoding,
    #[error("the URL must be https on a host of STS, not {0}")]
    Host(String),
    #[error("the URL must ask for GetCallerIdentity")]
    Action,
    #[error("the URL has no parameter {0}")]
    Missing(&'static str),
    #[error("the parameter {0} cannot be read: {1}")]
    Unreadable(&'static str, String),
    #[error("{0} is not among the signed headers, or a header is signed that a token does not have: {1}")]
    SignedHeaders(&'static str, String),
    #[error("X-Amz-Expires is {0}: at most {LONGEST_EXPIRY} seconds are accepted")]
    Expiry(i64),
    #[error("the token expired at {0}")]
    Expired(Timestamp),
    #[error("the token is dated {0}, which is in the future")]
    Future(Timestamp),
    #[error("the access key {0} is not known to this account")]
    UnknownKey(String),
    #[error("the credentials that signed the token have expired")]
    Revoked,
    #[error("the signature does not match: another secret key, another cluster than {0}, or a changed token")]
    Signature(String),
}

/// Checks `token` for `cluster` and returns the access key id that signed it.
pub(crate) fn verify(
    token: &str,
    cluster: &str,
    credentials: &HashMap<String, String>,
    now: Timestamp,
) -> Result<String, Refused> {
    let encoded = token.strip_prefix(PREFIX).ok_or(Refused::Prefix)?.trim_end_matches('=');
    let text = URL_SAFE_NO_PAD.decode(encoded).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    let url = text.and_then(|text| Url::parse(&text).ok()).ok_or(Refused::Encoding)?;
    let host = url.host_str().unwrap_or_default();
    let is_sts = host.starts_with("sts.") && (host.ends_with(".amazonaws.com") || host.ends_with(".amazonaws.com.cn"));
    if url.scheme() != "https" || !is_sts || url.port().is_some() || url.path() != "/" {
        return Err(Refused::Host(host.to_owned()));
    }
    let query: Vec<(String, String)> = url.query_pairs().into_owned().collect();
    let parameter = |name: &'static str| {
        let mut values = query.iter().filter(|(key, _)| key == name).map(|(_, value)| value.as_str());
        values.next().filter(|_| values.next().is_none()).ok_or(Refused::Missing(name))
    };
    if parameter("Action")? != "GetCallerIdentity" || parameter("X-Amz-Algorithm")? != "AWS4-HMAC-SHA256" {
        return Err(Refused::Action);
    }

    let signed_headers = parameter("X-Amz-SignedHeaders")?;
    let headers = canonical_headers(signed_headers, host, cluster)?;
    let date = parameter("X-Amz-Date")?;
    check_time(date, parameter("X-Amz-Expires")?, now)?;

    let credential = parameter("X-Amz-Credential")?;
    let (key, scope) = credential.split_once('/').unwrap_or((credential, ""));
    let [day, region, "sts", "aws4_request"] = scope.split('/').collect::<Vec<_>>()[..] else {
        return Err(Refused::Unreadable("X-Amz-Credential", format!("its scope is '{scope}'")));
    };
    if !date.starts_with(day) {
        return Err(Refused::Unreadable("X-Amz-Credential", format!("its day is {day}, the date is {date}")));
    }
    let secret = credentials.get(key).ok_or_else(|| Refused::UnknownKey(key.to_owned()))?;

    let request =
        format!("GET\n/\n{}\n{headers}\n{signed_headers}\n{}", canonical_query(&query), hex(&Sha256::digest(b"")));
    let to_sign = format!("AWS4-HMAC-SHA256\n{date}\n{scope}\n{}", hex(&Sha256::digest(request)));
    let signing_key = generate_signing_key(secret, timestamp(date)?.into(), region, "sts");
    let expected = calculate_signature(signing_key, to_sign.as_bytes());
    if !equal(expected.as_bytes(), parameter("X-Amz-Signature")?.as_bytes()) {
        return Err(Refused::Signature(cluster.to_owned()));
    }
    Ok(key.to_owned())
}

/// The answer to a `TokenReview`: who signed the token, as a member of the cluster's administrators.
pub(crate) fn review(verdict: Result<String, Refused>) -> Value {
    let status = match verdict {
        Ok(key) => json!({"authenticated": true, "user": {
            "username": format!("arn:aws:iam::{}:user/{key}", super::ACCOUNT_ID), "uid": key,
            "groups": ["system:masters"]}}),
        Err(refused) => json!({"authenticated": false, "error": refused.to_string()}),
    };
    json!({"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "status": status})
}

fn canonical_headers(signed: &str, host: &str, cluster: &str) -> Result<String, Refused> {
    let names: Vec<&str> = signed.split(';').collect();
    for required in ["host", CLUSTER_HEADER] {
        if !names.contains(&required) {
            return Err(Refused::SignedHeaders(required, signed.to_owned()));
        }
    }
    let mut lines = String::new();
    for name in names {
        let value = match name {
            "host" => host,
            CLUSTER_HEADER => cluster,
            _ => return Err(Refused::SignedHeaders(CLUSTER_HEADER, signed.to_owned())),
        };
        lines.push_str(&format!("{name}:{value}\n"));
    }
    Ok(lines)
}

fn canonical_query(query: &[(String, String)]) -> String {
    let mut pairs: Vec<String> = query
        .iter()
        .filter(|(name, _)| name != "X-Amz-Signature")
        .map(|(name, value)| format!("{}={}", percent_encoded(name), percent_encoded(value)))
        .collect();
    pairs.sort();
    pairs.join("&")
}

fn percent_encoded(text: &str) -> String {
    text.bytes().fold(String::new(), |encoded, byte| match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
            encoded + char::from(byte).encode_utf8(&mut [0; 4])
        }
        _ => format!("{encoded}%{byte:02X}"),
    })
}

fn check_time(date: &str, expires: &str, now: Timestamp) -> Result<(), Refused> {
    let seconds: i64 =
        expires.parse().map_err(|_| Refused::Unreadable("X-Amz-Expires", format!("'{expires}' is no number")))?;
    if !(0..=LONGEST_EXPIRY).contains(&seconds) {
        return Err(Refused::Expiry(seconds));
    }
    let signed_at = timestamp(date)?;
    if signed_at > now + CLOCK_SKEW {
        return Err(Refused::Future(signed_at));
    }
    let end = signed_at + SignedDuration::from_secs(seconds);
    if end < now { Err(Refused::Expired(end)) } else { Ok(()) }
}

fn timestamp(date: &str) -> Result<Timestamp, Refused> {
    DateTime::strptime("%Y%m%dT%H%M%SZ", date)
        .and_then(|time| time.to_zoned(TimeZone::UTC))
        .map(|zoned| zoned.timestamp())
        .map_err(|error| Refused::Unreadable("X-Amz-Date", error.to_string()))
}

/// Compares in a time that does not tell how much of a guess was right.
fn equal(expected: &[u8], given: &[u8]) -> bool {
    expected.len() == given.len() && expected.iter().zip(given).fold(0, |difference, (a, b)| difference | (a ^ b)) == 0
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
#[path = "token_tests.rs"]
mod tests;
