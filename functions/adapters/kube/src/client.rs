//! The way to a cluster's API server, and what its errors mean.

use crate::token;
use adapter_sdk::chain;
use base64::prelude::{BASE64_STANDARD, Engine};
use kube::{Client, Config};
use runtime::PortError;
use runtime::error::PortErrorKind;
use runtime::ports::{KubeAccess, Result};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use serde::de::DeserializeOwned;
use std::time::{Duration, SystemTime};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);

/// A client with a fresh token. Nothing is sent yet.
pub(crate) fn connect(access: &KubeAccess) -> Result<Client> {
    let cluster = &access.cluster;
    let wrong = |what: &str, why: String| {
        let attempted = format!("connect to cluster {}", cluster.name);
        PortError::new(PortErrorKind::Other, attempted, format!("{what}: {why}"))
    };
    let endpoint = cluster.endpoint.parse().map_err(|e| wrong("endpoint", format!("'{}': {e}", cluster.endpoint)))?;
    let pem = BASE64_STANDARD.decode(&cluster.certificate_authority);
    let pem = pem.map_err(|error| wrong("certificate authority", error.to_string()))?;
    let roots = CertificateDer::pem_slice_iter(&pem).map(|der| der.map(|der| der.to_vec()));
    let roots: Vec<_> = roots
        .collect::<std::result::Result<_, _>>()
        .map_err(|error| wrong("certificate authority", error.to_string()))?;
    if roots.is_empty() {
        return Err(wrong("certificate authority", "it holds no certificate".to_owned()));
    }
    let token = token::sign(&cluster.name, &cluster.region, &access.key, SystemTime::now())
        .map_err(|error| wrong("token", chain(&*error)))?;

    let mut config = Config::new(endpoint);
    config.root_cert = Some(roots);
    config.auth_info.token = Some(token.into());
    config.connect_timeout = Some(CONNECT_TIMEOUT);
    config.read_timeout = Some(ANSWER_TIMEOUT);
    config.write_timeout = Some(ANSWER_TIMEOUT);
    Client::try_from(config).map_err(failed(format!("connect to cluster {}", cluster.name)))
}

/// For `map_err`: says what was attempted, and what kind of failure it is.
pub(crate) fn failed(attempted: impl Into<String>) -> impl FnOnce(kube::Error) -> PortError {
    move |error| match error {
        kube::Error::Api(status) => {
            let kind = match status.code {
                401 | 403 => PortErrorKind::Denied,
                404 => PortErrorKind::NotFound,
                409 => PortErrorKind::Conflict,
                429 | 500.. => PortErrorKind::Transient,
                _ => PortErrorKind::Other,
            };
            PortError::new(kind, attempted, format!("{}: {}", status.reason, status.message))
        }
        kube::Error::HyperError(_) | kube::Error::Service(_) => {
            PortError::new(PortErrorKind::Transient, attempted, chain(&error))
        }
        _ => PortError::new(PortErrorKind::Other, attempted, chain(&error)),
    }
}

/// None instead of an error if what was to be created is there already.
pub(crate) fn conflict_is_fine<T>(
    created: std::result::Result<T, kube::Error>,
) -> std::result::Result<Option<T>, kube::Error> {
    match created {
        Err(kube::Error::Api(status)) if status.code == 409 => Ok(None),
        other => other.map(Some),
    }
}

/// No error if what was to be deleted is not there.
pub(crate) fn absence_is_fine<T>(deleted: std::result::Result<T, kube::Error>) -> std::result::Result<(), kube::Error> {
    match deleted {
        Err(kube::Error::Api(status)) if status.code == 404 => Ok(()),
        other => other.map(drop),
    }
}

/// A manifest as the type it is of.
pub(crate) fn parsed<T: DeserializeOwned>(manifest: serde_json::Value, attempted: &str) -> Result<T> {
    serde_json::from_value(manifest)
        .map_err(|error| PortError::new(PortErrorKind::Other, attempted, format!("our manifest is wrong: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::Secret;
    use domain::integration::AccessKey;
    use kube::core::Status;
    use runtime::ports::EksCluster;

    #[test]
    fn answers_are_told_apart_by_their_status() {
        let kind = |code| {
            let status = Status { code, ..Status::failure("words", "Reason") };
            failed("create Job")(kube::Error::Api(Box::new(status))).kind
        };
        assert_eq!(kind(401), PortErrorKind::Denied);
        assert_eq!(kind(404), PortErrorKind::NotFound);
        assert_eq!(kind(409), PortErrorKind::Conflict);
        assert_eq!(kind(422), PortErrorKind::Other);
        assert_eq!(kind(503), PortErrorKind::Transient);
    }

    #[test]
    fn a_cluster_without_certificate_is_named() {
        let access = KubeAccess {
            cluster: EksCluster {
                name: "ondemand-1f1e0abd-g1".to_owned(),
                region: "us-east-2".to_owned(),
                endpoint: "https://127.0.0.1:6443".to_owned(),
                certificate_authority: String::new(),
                version: "1.34".to_owned(),
                status: "CREATING".to_owned(),
            },
            key: AccessKey {
                access_key_id: "AKIA1".to_owned(),
                secret_access_key: Secret::new("hush"),
                session_token: None,
            },
        };
        let error = connect(&access).err().map(|error| error.to_string()).unwrap_or_default();
        assert!(error.contains("ondemand-1f1e0abd-g1") && error.contains("no certificate"), "{error}");
    }
}
