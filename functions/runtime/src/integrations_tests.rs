use super::*;
use crate::PortError;
use crate::memory::{Memory, MemoryStore, MemoryVault};
use crate::ports::{Identity, Item, Key, Result, Store, Vault};
use async_trait::async_trait;
use domain::integration::AccessKey;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use uuid::Uuid;

/// A store whose answers to the writes of a whole registration are lost, after these were carried out or instead.
struct Silent {
    inner: Arc<MemoryStore>,
    carries_out: bool,
}

#[async_trait]
impl Store for Silent {
    async fn get(&self, key: &Key) -> Result<Option<Item>> {
        self.inner.get(key).await
    }

    async fn list(&self, partition: &str, prefix: &str) -> Result<Vec<Item>> {
        self.inner.list(partition, prefix).await
    }

    async fn commit(&self, writes: Vec<Write>) -> Result<()> {
        if writes.len() == 1 {
            return self.inner.commit(writes).await;
        }
        if self.carries_out {
            self.inner.commit(writes).await?;
        }
        Err(PortError::new(PortErrorKind::Transient, "write 3 items", "the connection was closed"))
    }
}

/// A store in which somebody else is quicker so many times, whenever something is deleted.
struct Busy {
    inner: Arc<MemoryStore>,
    rivals: AtomicUsize,
}

#[async_trait]
impl Store for Busy {
    async fn get(&self, key: &Key) -> Result<Option<Item>> {
        self.inner.get(key).await
    }

    async fn list(&self, partition: &str, prefix: &str) -> Result<Vec<Item>> {
        self.inner.list(partition, prefix).await
    }

    async fn commit(&self, writes: Vec<Write>) -> Result<()> {
        let deletes = writes.len() > 1 && writes.iter().all(|write| matches!(write, Write::Delete { .. }));
        let quicker = |left: usize| left.checked_sub(1);
        if deletes && self.rivals.fetch_update(Ordering::Relaxed, Ordering::Relaxed, quicker).is_ok() {
            return Err(PortError::new(PortErrorKind::Conflict, "delete 3 items", "one has changed"));
        }
        self.inner.commit(writes).await
    }
}

#[tokio::test]
async fn an_integration_can_be_deleted_while_its_cluster_is_written_to() {
    for (rivals, gone) in [(1, true), (MOST_TRIES, false)] {
        let memory = Memory::new("2026-11-22T12:00:30Z".parse().expect("a moment"));
        let registration = registration();
        let id = registration.id;
        memory.world().register(&memory.access(), registration).await.expect("registered");
        let store = Arc::new(Busy { inner: memory.store.clone(), rivals: AtomicUsize::new(rivals) });
        let world = World { store, ..memory.world() };
        let deleted = world.delete_integration(&memory.access(), id).await;
        assert_eq!(deleted.is_ok(), gone, "{deleted:?}");
        assert_eq!(world.integration(id).await.is_err(), gone);
    }
}

fn registration() -> Registration {
    let key =
        AccessKey { access_key_id: "AKIA1".to_owned(), secret_access_key: Secret::new("hush"), session_token: None };
    Registration {
        id: IntegrationId(Uuid::new_v4()),
        cluster: ClusterId(Uuid::new_v4()),
        name: "aws".to_owned(),
        credentials: CredentialsInput::AccessKey { key, region: "us-east-1".to_owned() },
        file: None,
        settings: SettingsDelta::default(),
    }
}

/// Registers in a store that is silent, and tells whether that was accepted, and whether the credentials are kept.
async fn register(carries_out: bool) -> (bool, bool) {
    let memory = Memory::new("2026-11-22T12:00:30Z".parse().expect("a moment"));
    let store = Arc::new(Silent { inner: memory.store.clone(), carries_out });
    let world = World { store, ..memory.world() };
    let registration = registration();
    let name = keys::credentials(registration.id);
    let accepted = world.register(&memory.access(), registration).await.is_ok();
    (accepted, memory.vault.get(&name).await.expect("reads").is_some())
}

#[tokio::test]
async fn an_account_whose_registration_was_stored_keeps_its_credentials_though_the_answer_was_lost() {
    assert_eq!(register(true).await, (true, true));
}

#[tokio::test]
async fn no_credentials_are_left_of_a_registration_that_was_not_stored() {
    assert_eq!(register(false).await, (false, false));
}

/// Dies while the vault works, before or after what was asked of it is done.
struct Dies {
    inner: Arc<MemoryVault>,
    after: bool,
}

#[async_trait]
impl Vault for Dies {
    async fn put(&self, name: &str, secret: &Secret) -> Result<()> {
        if self.after {
            self.inner.put(name, secret).await?;
        }
        std::future::pending().await
    }

    async fn get(&self, name: &str) -> Result<Option<Secret>> {
        self.inner.get(name).await
    }

    async fn delete(&self, name: &str) -> Result<()> {
        if self.after {
            self.inner.delete(name).await?;
        }
        std::future::pending().await
    }

    fn reference(&self, name: &str, json_key: &str) -> String {
        self.inner.reference(name, json_key)
    }
}

/// Does as much of something as is done without waiting for anything.
async fn begin(work: impl Future<Output = ()>) {
    tokio::select! {
        biased;
        () = work => panic!("the process was to die"),
        () = tokio::task::yield_now() => {}
    }
}

#[tokio::test]
async fn who_dies_while_registering_or_deleting_leaves_no_secret_for_ever() {
    for (deleting, after) in [(false, false), (false, true), (true, false), (true, true)] {
        let memory = Memory::new("2026-11-22T12:00:30Z".parse().expect("a moment"));
        let (world, access) = (memory.world(), memory.access());
        let dying = Access { vault: Arc::new(Dies { inner: memory.vault.clone(), after }), ..access.clone() };
        let registration = registration();
        let id = registration.id;
        if deleting {
            world.register(&access, registration).await.expect("registered");
            assert!(!world.has_loose_secrets().await.expect("reads"), "a registered account's secret is not loose");
            begin(async { drop(world.delete_integration(&dying, id).await) }).await;
        } else {
            begin(async { drop(world.register(&dying, registration).await) }).await;
        }
        assert_eq!(memory.vault.all().len(), usize::from(deleting != after), "deleting: {deleting}, after: {after}");
        assert!(memory.rule.is_enabled(), "somebody will look");

        world.sweep_loose_secrets(&access).await.expect("swept");
        assert!(world.has_loose_secrets().await.expect("reads"), "it may still be at work");
        memory.clock.advance(std::time::Duration::from_mins(1));
        world.sweep_loose_secrets(&access).await.expect("swept");
        assert_eq!((memory.vault.all().len(), world.has_loose_secrets().await.expect("reads")), (0, false));
    }
}

#[tokio::test]
async fn a_deletion_that_was_refused_in_the_end_takes_no_secret() {
    let memory = Memory::new("2026-11-22T12:00:30Z".parse().expect("a moment"));
    let (world, access) = (memory.world(), memory.access());
    let registration = registration();
    let id = registration.id;
    world.register(&access, registration).await.expect("registered");
    world.expect_loose_secret(id).await.expect("written down, and no further");
    memory.clock.advance(std::time::Duration::from_hours(1));
    world.sweep_loose_secrets(&access).await.expect("swept");
    assert_eq!((memory.vault.all().len(), world.has_loose_secrets().await.expect("reads")), (1, false));
}

fn key(secret: &str) -> CredentialsInput {
    let (access_key_id, secret_access_key) = ("AKIA2".to_owned(), Secret::new(secret));
    let key = AccessKey { access_key_id, secret_access_key, session_token: None };
    CredentialsInput::AccessKey { key, region: "us-east-1".to_owned() }
}

#[tokio::test]
async fn who_dies_while_replacing_credentials_leaves_the_account_with_some() {
    for after in [false, true] {
        let memory = Memory::new("2026-11-22T12:00:30Z".parse().expect("a moment"));
        let (world, access) = (memory.world(), memory.access());
        let dying = Access { vault: Arc::new(Dies { inner: memory.vault.clone(), after }), ..access.clone() };
        let registration = registration();
        let id = registration.id;
        world.register(&access, registration).await.expect("registered");
        begin(async { drop(world.replace_credentials(&dying, id, key("other"), None).await) }).await;
        memory.clock.advance(std::time::Duration::from_mins(1));
        world.sweep_loose_secrets(&access).await.expect("swept");
        assert_eq!((memory.vault.all().len(), world.has_loose_secrets().await.expect("reads")), (1, false));
        assert_eq!(access.key(id, "us-east-1").await.expect("a key").secret_access_key.expose() == "other", after);
    }
}

/// A vault during whose work the integration is deleted.
struct Overtaken {
    inner: Arc<MemoryVault>,
    memory: Memory,
    id: IntegrationId,
}

#[async_trait]
impl Vault for Overtaken {
    async fn put(&self, name: &str, secret: &Secret) -> Result<()> {
        self.memory.world().delete_integration(&self.memory.access(), self.id).await.expect("deleted");
        self.inner.put(name, secret).await
    }

    async fn get(&self, name: &str) -> Result<Option<Secret>> {
        self.inner.get(name).await
    }

    async fn delete(&self, name: &str) -> Result<()> {
        self.inner.delete(name).await
    }

    fn reference(&self, name: &str, json_key: &str) -> String {
        self.inner.reference(name, json_key)
    }
}

#[tokio::test]
async fn credentials_of_an_account_that_is_deleted_meanwhile_are_not_kept() {
    let memory = Memory::new("2026-11-22T12:00:30Z".parse().expect("a moment"));
    let (world, access) = (memory.world(), memory.access());
    let registration = registration();
    let id = registration.id;
    world.register(&access, registration).await.expect("registered");
    let overtaken = Overtaken { inner: memory.vault.clone(), memory: memory.clone(), id };
    let access = Access { vault: Arc::new(overtaken), ..access };
    let refused = world.replace_credentials(&access, id, key("other"), None).await.expect_err("it is gone");
    assert!(matches!(refused, Error::NotFound { .. }), "{refused}");
    assert_eq!((memory.vault.all().len(), world.has_loose_secrets().await.expect("reads")), (0, false));
}

/// An STS that cannot be reached, or that accepts nobody.
struct Unwilling(PortErrorKind, &'static str);

#[async_trait]
impl Identity for Unwilling {
    async fn caller(&self, _key: &AccessKey, _region: &str) -> Result<Caller> {
        Err(PortError::new(self.0, "ask STS whose credentials these are", self.1))
    }

    async fn assume(&self, _role_arn: &str, _external_id: Option<&Secret>, _region: &str) -> Result<AccessKey> {
        unreachable!("the credentials are keys")
    }

    async fn decode(&self, _key: &AccessKey, _region: &str, _encoded: &str) -> Result<String> {
        unreachable!("nothing is encoded")
    }
}

/// What a registration in a region is answered by such an STS, with its status.
async fn answered(region: &str, kind: PortErrorKind, detail: &'static str) -> (u16, String) {
    let memory = Memory::new("2026-11-22T12:00:30Z".parse().expect("a moment"));
    let access = Access { identity: Arc::new(Unwilling(kind, detail)), ..memory.access() };
    let mut registration = registration();
    if let CredentialsInput::AccessKey { region: given, .. } = &mut registration.credentials {
        region.clone_into(given);
    }
    let refused = memory.world().register(&access, registration).await.expect_err("refused");
    assert!(memory.vault.all().is_empty(), "nothing is stored");
    (crate::http::status(&refused), refused.to_string())
}

#[tokio::test]
async fn a_mistyped_region_is_the_users_to_mend_and_a_silent_one_is_not() {
    let lost = "dispatch failure: io error: failed to lookup address information";
    let (status, told) = answered("eu-cental-1", PortErrorKind::Transient, lost).await;
    assert_eq!(status, 400, "{told}");
    for words in ["field 'region'", "'eu-cental-1'", "Did you mean eu-central-1?", lost] {
        assert!(told.contains(words), "no '{words}' in {told}");
    }
    assert_eq!(answered("eu-central-1", PortErrorKind::Transient, lost).await.0, 503);
}

#[tokio::test]
async fn a_region_that_is_not_enabled_is_named_where_credentials_are_not_accepted() {
    let invalid = "InvalidClientTokenId: The security token included in the request is invalid.";
    let (status, told) = answered("il-central-1", PortErrorKind::Denied, invalid).await;
    assert!(status == 400 && told.contains("field 'config'") && told.contains("il-central-1 is not enabled"), "{told}");
    let (status, told) = answered("us-east-1", PortErrorKind::Denied, invalid).await;
    assert!(status == 400 && !told.contains("enabled"), "{told}");
}
