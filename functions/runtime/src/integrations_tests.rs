use super::*;
use crate::PortError;
use crate::memory::{Memory, MemoryStore};
use crate::ports::{Item, Key, Result, Store, Vault};
use async_trait::async_trait;
use domain::integration::AccessKey;
use std::sync::Arc;
use uuid::Uuid;

/// A store whose answers to writes are lost, after the writes were carried out or instead.
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
        if self.carries_out {
            self.inner.commit(writes).await?;
        }
        Err(PortError::new(PortErrorKind::Transient, "write 3 items", "the connection was closed"))
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
