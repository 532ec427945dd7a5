//! Ports that live in memory and remember what was asked of them: for tests, which need no double of their own then.

mod accounts;
mod clock;
mod machines;
mod survey;

pub use accounts::{JobLog, MemoryEks, MemoryJobs, MemoryTags, registration};
pub use clock::MemoryClock;
pub use machines::{MachineLog, MemoryMachines};
pub use survey::MemorySurvey;

use crate::access::Access;
use crate::error::{PortError, PortErrorKind};
use crate::ports::{
    Builds, Caller, EnvironmentVariable, Expect, Identity, Item, KeepaliveRule, Key, MOST_WRITES, Objects, Result,
    Store, Vault, Write,
};
use crate::receipts::Auditor;
use crate::{World, api_key, keys};
use async_trait::async_trait;
use domain::hold::BuildState;
use domain::integration::AccessKey;
use domain::{ClusterId, Secret, Timestamp};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// What begins like this is no key, and no role, that anybody accepts.
pub const INVALID: &str = "INVALID";
/// What begins like this is a key of another account than all other keys.
pub const OTHER: &str = "AKIAOTHER";
/// What DynamoDB takes of an item, and of the two parts of its key, in bytes.
const LARGEST_ITEM: usize = 400 * 1024;
const LARGEST_KEY: (usize, usize) = (2048, 1024);

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A whole deployment in memory. The fields are shared with the worlds made from it.
#[derive(Debug, Clone)]
pub struct Memory {
    /// State.
    pub store: Arc<MemoryStore>,
    /// Contents.
    pub objects: Arc<MemoryObjects>,
    /// Secrets.
    pub vault: Arc<MemoryVault>,
    /// State machines.
    pub machines: Arc<MemoryMachines>,
    /// Identities.
    pub identity: Arc<MemoryIdentity>,
    /// Builds.
    pub builds: Arc<MemoryBuilds>,
    /// The keepalive rule.
    pub rule: Arc<MemoryRule>,
    /// What users' accounts have with our tags.
    pub tags: Arc<MemoryTags>,
    /// Time.
    pub clock: Arc<MemoryClock>,
}

impl Memory {
    /// An empty deployment at a moment.
    #[must_use]
    pub fn new(now: Timestamp) -> Self {
        Self {
            store: Arc::default(),
            objects: Arc::default(),
            vault: Arc::default(),
            machines: Arc::default(),
            identity: Arc::default(),
            builds: Arc::default(),
            rule: Arc::default(),
            tags: Arc::default(),
            clock: Arc::new(MemoryClock::at(now)),
        }
    }

    /// The ports that commands need, all of them present.
    #[must_use]
    pub fn world(&self) -> World {
        World {
            store: self.store.clone(),
            objects: self.objects.clone(),
            machines: self.machines.clone(),
            clock: self.clock.clone(),
            builds: Some(self.builds.clone()),
            keepalive_rule: self.rule.clone(),
            dags: Arc::default(),
            auditor: Some(Auditor { access: self.access(), tagged: self.tags.clone() }),
        }
    }

    /// The way to the users' accounts.
    #[must_use]
    pub fn access(&self) -> Access {
        Access { vault: self.vault.clone(), identity: self.identity.clone() }
    }

    /// Makes an API key known.
    ///
    /// # Errors
    /// None; the signature is that of every write.
    pub async fn allow(&self, key: &str) -> Result<()> {
        let key = keys::api_key(&api_key::hash(key));
        let body = "{\"for\":\"test\"}".to_owned();
        self.store.commit(vec![Write::Put { key, body, expect: Expect::Anything, expires_at: None }]).await
    }
}

/// Items in a sorted map.
#[derive(Debug, Default)]
pub struct MemoryStore(Mutex<BTreeMap<Key, Item>>);

impl MemoryStore {
    /// Everything that is stored, in order.
    #[must_use]
    pub fn all(&self) -> Vec<Item> {
        locked(&self.0).values().cloned().collect()
    }
}

#[async_trait]
impl Store for MemoryStore {
    async fn get(&self, key: &Key) -> Result<Option<Item>> {
        Ok(locked(&self.0).get(key).cloned())
    }

    async fn list(&self, partition: &str, prefix: &str) -> Result<Vec<Item>> {
        let items = locked(&self.0);
        let wanted = |item: &&Item| item.key.partition == partition && item.key.sort.starts_with(prefix);
        Ok(items.values().filter(wanted).cloned().collect())
    }

    async fn commit(&self, writes: Vec<Write>) -> Result<()> {
        let failed = |kind, detail| Err(PortError::new(kind, "commit writes", detail));
        let mut items = locked(&self.0);
        let mut touched = BTreeSet::new();
        for write in &writes {
            let (Write::Put { key, expect, .. } | Write::Delete { key, expect }) = write;
            if !touched.insert(key) {
                return failed(PortErrorKind::Other, format!("two writes of one transaction concern {key:?}"));
            }
            let parts = [(&key.partition, LARGEST_KEY.0), (&key.sort, LARGEST_KEY.1)];
            if parts.iter().any(|(part, most)| part.is_empty() || part.len() > *most) {
                return failed(PortErrorKind::Other, format!("{key:?} is no key: a part is empty or too long"));
            }
            if let Write::Put { body, .. } = write
                && key.partition.len() + key.sort.len() + body.len() + 32 > LARGEST_ITEM
            {
                return failed(PortErrorKind::Other, format!("{key:?} is too large: {} bytes", body.len()));
            }
            let found = items.get(key).map(|item| item.version);
            let holds = match expect {
                Expect::Absent => found.is_none(),
                Expect::Version(version) => found == Some(*version),
                Expect::Anything => true,
            };
            if !holds {
                return failed(PortErrorKind::Conflict, format!("{key:?} was to be {expect:?}, but is {found:?}"));
            }
        }
        if touched.len() > MOST_WRITES {
            return failed(PortErrorKind::Other, format!("{} writes are more than {MOST_WRITES}", touched.len()));
        }
        for write in writes {
            match write {
                Write::Put { key, body, expect, .. } => {
                    let version = if let Expect::Version(version) = expect { version + 1 } else { 1 };
                    items.insert(key.clone(), Item { key, version, body });
                }
                Write::Delete { key, .. } => {
                    items.remove(&key);
                }
            }
        }
        Ok(())
    }
}

/// Objects in a sorted map.
#[derive(Debug, Default)]
pub struct MemoryObjects(Mutex<BTreeMap<String, Vec<u8>>>);

impl MemoryObjects {
    /// The keys of all objects, in order.
    #[must_use]
    pub fn all(&self) -> Vec<String> {
        locked(&self.0).keys().cloned().collect()
    }
}

#[async_trait]
impl Objects for MemoryObjects {
    async fn put(&self, key: &str, bytes: Vec<u8>, _content_type: &str) -> Result<()> {
        locked(&self.0).insert(key.to_owned(), bytes);
        Ok(())
    }

    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>> {
        Ok(locked(&self.0).get(key).cloned())
    }

    async fn copy(&self, from: &str, to: &str) -> Result<()> {
        let mut objects = locked(&self.0);
        let bytes = objects.get(from).cloned();
        let gone = || PortError::new(PortErrorKind::Other, format!("copy object {from}"), "NoSuchKey");
        objects.insert(to.to_owned(), bytes.ok_or_else(gone)?);
        Ok(())
    }

    async fn size(&self, key: &str) -> Result<Option<u64>> {
        Ok(locked(&self.0).get(key).map(|bytes| bytes.len() as u64))
    }

    async fn presign_get(&self, key: &str, valid_for: Duration) -> Result<String> {
        Ok(format!("memory://get/{key}?seconds={}", valid_for.as_secs()))
    }

    async fn presign_put(&self, key: &str, valid_for: Duration) -> Result<String> {
        Ok(format!("memory://put/{key}?seconds={}", valid_for.as_secs()))
    }

    async fn get_version(&self, key: &str) -> Result<Option<(Vec<u8>, String)>> {
        Ok(locked(&self.0).get(key).map(|bytes| (bytes.clone(), version(bytes))))
    }

    async fn delete_version(&self, key: &str, wanted: &str) -> Result<bool> {
        let mut objects = locked(&self.0);
        let same = objects.get(key).is_some_and(|bytes| version(bytes) == wanted);
        if same {
            objects.remove(key);
        }
        Ok(same)
    }

    async fn delete_all(&self, prefix: &str) -> Result<()> {
        locked(&self.0).retain(|key, _| !key.starts_with(prefix));
        Ok(())
    }

    fn address(&self, key: &str) -> String {
        format!("s3://memory/{key}")
    }

    fn bucket(&self) -> &str {
        "memory"
    }
}

/// The version of an object, which like S3's depends on nothing but its bytes.
fn version(bytes: &[u8]) -> String {
    format!("{:?}", String::from_utf8_lossy(bytes))
}

/// Secrets in a sorted map.
#[derive(Debug, Default)]
pub struct MemoryVault(Mutex<BTreeMap<String, Secret>>);

impl MemoryVault {
    /// The names of all secrets, in order.
    #[must_use]
    pub fn all(&self) -> Vec<String> {
        locked(&self.0).keys().cloned().collect()
    }
}

#[async_trait]
impl Vault for MemoryVault {
    async fn put(&self, name: &str, secret: &Secret) -> Result<()> {
        locked(&self.0).insert(name.to_owned(), secret.clone());
        Ok(())
    }

    async fn get(&self, name: &str) -> Result<Option<Secret>> {
        Ok(locked(&self.0).get(name).cloned())
    }

    async fn delete(&self, name: &str) -> Result<()> {
        locked(&self.0).remove(name);
        Ok(())
    }

    fn reference(&self, name: &str, json_key: &str) -> String {
        format!("memory/{name}:{json_key}")
    }
}

/// Everybody is somebody, except whose key begins with [`INVALID`] and who asks for a role that does.
#[derive(Debug, Default)]
pub struct MemoryIdentity;

#[async_trait]
impl Identity for MemoryIdentity {
    async fn caller(&self, key: &AccessKey, _region: &str) -> Result<Caller> {
        if key.access_key_id.starts_with(INVALID) {
            let detail = "InvalidClientTokenId: The security token included in the request is invalid.";
            return Err(PortError::new(PortErrorKind::Denied, "ask STS for the caller", detail));
        }
        let account = if key.access_key_id.starts_with(OTHER) { "210987654321" } else { "123456789012" }.to_owned();
        let arn = format!("arn:aws:iam::{account}:user/{}", key.access_key_id.to_ascii_lowercase());
        Ok(Caller { account, arn })
    }

    async fn assume(&self, role_arn: &str, _external_id: Option<&Secret>, _region: &str) -> Result<AccessKey> {
        if role_arn.contains(INVALID) {
            let detail = format!("AccessDenied: not authorized to perform: sts:AssumeRole on resource: {role_arn}");
            return Err(PortError::new(PortErrorKind::Denied, "assume a role", detail));
        }
        Ok(AccessKey {
            access_key_id: "ASIAASSUMED".to_owned(),
            secret_access_key: Secret::new("assumed"),
            session_token: Some(Secret::new("token")),
        })
    }

    async fn decode(&self, _key: &AccessKey, _region: &str, encoded: &str) -> Result<String> {
        let context = serde_json::json!({"action": encoded, "resource": "*"});
        Ok(serde_json::json!({"allowed": false, "explicitDeny": false, "context": context}).to_string())
    }
}

/// The id of the build of a cluster's epoch, for [`MemoryBuilds::set`].
#[must_use]
pub fn memory_build(cluster: ClusterId, epoch: u64) -> String {
    format!("{cluster}:{epoch}")
}

/// Builds that were to be stopped, and what is said of others.
#[derive(Debug, Default)]
pub struct MemoryBuilds {
    stopped: Mutex<Vec<(ClusterId, u64)>>,
    states: Mutex<BTreeMap<String, BuildState>>,
    started: Mutex<Vec<Vec<EnvironmentVariable>>>,
}

impl MemoryBuilds {
    /// Which were to be stopped, in order.
    #[must_use]
    pub fn stopped(&self) -> Vec<(ClusterId, u64)> {
        locked(&self.stopped).clone()
    }

    /// The environments of those that were started, in order.
    #[must_use]
    pub fn started(&self) -> Vec<Vec<EnvironmentVariable>> {
        locked(&self.started).clone()
    }

    /// Lets a build be known, and be running or over.
    pub fn set(&self, build_id: &str, state: BuildState) {
        locked(&self.states).insert(build_id.to_owned(), state);
    }
}

#[async_trait]
impl Builds for MemoryBuilds {
    async fn stop(&self, cluster: ClusterId, epoch: u64) -> Result<BuildState> {
        locked(&self.stopped).push((cluster, epoch));
        self.state(&memory_build(cluster, epoch)).await
    }

    async fn state(&self, build_id: &str) -> Result<BuildState> {
        Ok(locked(&self.states).get(build_id).copied().unwrap_or(BuildState::Unknown))
    }

    async fn start(&self, environment: Vec<EnvironmentVariable>) -> Result<String> {
        let mut started = locked(&self.started);
        started.push(environment);
        Ok(format!("memory:{}", started.len()))
    }
}

/// A rule that is on or off.
#[derive(Debug, Default)]
pub struct MemoryRule(Mutex<bool>);

impl MemoryRule {
    /// Whether it ticks.
    #[must_use]
    pub fn is_enabled(&self) -> bool {
        *locked(&self.0)
    }
}

#[async_trait]
impl KeepaliveRule for MemoryRule {
    async fn enable(&self) -> Result<()> {
        *locked(&self.0) = true;
        Ok(())
    }

    async fn disable(&self) -> Result<()> {
        *locked(&self.0) = false;
        Ok(())
    }
}
