//! The environment of a pod's process: what its manifest says, and otherwise as little as possible.

use k8s_openapi::api::core::v1::{ConfigMap, Container, EnvVar, EnvVarSource, Pod, Secret};
use kube::{Api, Client, ResourceExt};
use std::collections::BTreeMap;
use std::path::Path;

/// How pip and Python reach the network from this machine. A container would find this out from its own network;
/// a process behind a proxy or a package mirror needs to be told.
const NETWORK: [&str; 16] = [
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
    "http_proxy",
    "https_proxy",
    "no_proxy",
    "PIP_INDEX_URL",
    "PIP_EXTRA_INDEX_URL",
    "PIP_FIND_LINKS",
    "PIP_TRUSTED_HOST",
    "PIP_CERT",
    "PIP_DEFAULT_TIMEOUT",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "REQUESTS_CA_BUNDLE",
    "CURL_CA_BUNDLE",
];

/// Why an environment cannot be made; becomes the message of `CreateContainerConfigError`.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("read {kind} \"{name}\": {source}")]
    Read { kind: &'static str, name: String, source: kube::Error },
    #[error("couldn't find key {key} in {kind} {name}")]
    NoKey { kind: &'static str, name: String, key: String },
    #[error("the environment variable {0} has a source that local nodes do not support")]
    Unsupported(String),
}

/// What every pod has: the basics of a container and this machine's way to the network.
pub(crate) fn base(pod: &Pod, home: &Path, bin: &Path) -> BTreeMap<String, String> {
    let folder = |path: &Path| path.display().to_string();
    let mut variables: BTreeMap<String, String> =
        NETWORK.iter().filter_map(|name| Some(((*name).to_owned(), std::env::var(name).ok()?))).collect();
    if let Some(configuration) = pip_configuration() {
        variables.insert("PIP_CONFIG_FILE".to_owned(), configuration);
    }
    for (name, value) in [
        ("PATH", format!("{}:/usr/local/bin:/usr/bin:/bin", folder(bin))),
        ("HOME", folder(home)),
        ("TMPDIR", folder(&home.join("tmp"))),
        ("HOSTNAME", pod.name_any()),
        ("LANG", "C.UTF-8".to_owned()),
    ] {
        variables.insert(name.to_owned(), value);
    }
    variables
}

/// The user's own pip configuration, which the pod's home hides.
fn pip_configuration() -> Option<String> {
    let home = std::env::home_dir()?;
    let candidates = [".config/pip/pip.conf", ".pip/pip.conf"].map(|file| home.join(file));
    let named = std::env::var("PIP_CONFIG_FILE").ok();
    named.or_else(|| Some(candidates.into_iter().find(|file| file.is_file())?.display().to_string()))
}

/// The variables that the container's manifest sets, in its order: later ones win.
pub(crate) async fn of_manifest(
    client: &Client,
    pod: &Pod,
    container: &Container,
) -> Result<BTreeMap<String, String>, Error> {
    let sources = Sources { client, pod, namespace: pod.namespace().unwrap_or_default() };
    let mut variables = BTreeMap::new();
    for source in container.env_from.iter().flatten() {
        let prefix = source.prefix.as_deref().unwrap_or_default();
        let mut found = BTreeMap::new();
        if let Some(secret) = &source.secret_ref {
            found.extend(sources.secret(&secret.name, secret.optional).await?);
        }
        if let Some(map) = &source.config_map_ref {
            found.extend(sources.config_map(&map.name, map.optional).await?);
        }
        variables.extend(found.into_iter().map(|(key, value)| (format!("{prefix}{key}"), value)));
    }
    for variable in container.env.iter().flatten() {
        if let Some(value) = sources.value(variable).await? {
            variables.insert(variable.name.clone(), value);
        }
    }
    Ok(variables)
}

struct Sources<'a> {
    client: &'a Client,
    pod: &'a Pod,
    namespace: String,
}

impl Sources<'_> {
    async fn value(&self, variable: &EnvVar) -> Result<Option<String>, Error> {
        let Some(source) = &variable.value_from else { return Ok(Some(variable.value.clone().unwrap_or_default())) };
        match source {
            EnvVarSource { secret_key_ref: Some(from), .. } => {
                let found = self.secret(&from.name, from.optional).await?;
                key("Secret", &from.name, &from.key, found, from.optional)
            }
            EnvVarSource { config_map_key_ref: Some(from), .. } => {
                let found = self.config_map(&from.name, from.optional).await?;
                key("ConfigMap", &from.name, &from.key, found, from.optional)
            }
            EnvVarSource { field_ref: Some(from), .. } => {
                field(self.pod, &from.field_path).map(Some).ok_or_else(|| Error::Unsupported(variable.name.clone()))
            }
            _ => Err(Error::Unsupported(variable.name.clone())),
        }
    }

    async fn secret(&self, name: &str, optional: Option<bool>) -> Result<BTreeMap<String, String>, Error> {
        let found = Api::<Secret>::namespaced(self.client.clone(), &self.namespace).get(name).await;
        let secret = allow_missing("secret", name, found, optional)?;
        let data = secret.data.unwrap_or_default().into_iter();
        Ok(data.map(|(key, value)| (key, String::from_utf8_lossy(&value.0).into_owned())).collect())
    }

    async fn config_map(&self, name: &str, optional: Option<bool>) -> Result<BTreeMap<String, String>, Error> {
        let found = Api::<ConfigMap>::namespaced(self.client.clone(), &self.namespace).get(name).await;
        Ok(allow_missing("configmap", name, found, optional)?.data.unwrap_or_default())
    }
}

fn allow_missing<T: Default>(
    kind: &'static str,
    name: &str,
    found: Result<T, kube::Error>,
    optional: Option<bool>,
) -> Result<T, Error> {
    match found {
        Err(kube::Error::Api(status)) if status.is_not_found() && optional == Some(true) => Ok(T::default()),
        found => found.map_err(|source| Error::Read { kind, name: name.to_owned(), source }),
    }
}

fn key(
    kind: &'static str,
    name: &str,
    key: &str,
    mut found: BTreeMap<String, String>,
    optional: Option<bool>,
) -> Result<Option<String>, Error> {
    match found.remove(key) {
        None if optional != Some(true) => Err(Error::NoKey { kind, name: name.to_owned(), key: key.to_owned() }),
        value => Ok(value),
    }
}

/// The value of a field of the pod that the downward API offers.
fn field(pod: &Pod, path: &str) -> Option<String> {
    let entry = |prefix: &str, map: &Option<BTreeMap<String, String>>| {
        let key = path.strip_prefix(prefix)?.strip_prefix("['")?.strip_suffix("']")?;
        Some(map.as_ref()?.get(key).cloned().unwrap_or_default())
    };
    let spec = pod.spec.as_ref()?;
    match path {
        "metadata.name" => Some(pod.name_any()),
        "metadata.namespace" => pod.namespace(),
        "metadata.uid" => pod.uid(),
        "spec.nodeName" => spec.node_name.clone(),
        "spec.serviceAccountName" => Some(spec.service_account_name.clone().unwrap_or_default()),
        "status.podIP" | "status.hostIP" => Some("127.0.0.1".to_owned()),
        _ => entry("metadata.labels", &pod.metadata.labels)
            .or_else(|| entry("metadata.annotations", &pod.metadata.annotations)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_downward_api_reads_names_and_labels() {
        let pod: Pod = serde_json::from_value(json!({
            "metadata": {"name": "p", "namespace": "n", "labels": {"a/b": "c"}},
            "spec": {"nodeName": "cpu-1", "containers": []}}))
        .unwrap();
        assert_eq!(field(&pod, "metadata.name").as_deref(), Some("p"));
        assert_eq!(field(&pod, "metadata.labels['a/b']").as_deref(), Some("c"));
        assert_eq!(field(&pod, "spec.nodeName").as_deref(), Some("cpu-1"));
        assert_eq!(field(&pod, "spec.containers"), None);
    }
}
