//! What a tick costs: the table at the top of `sweep.rs`.

use super::*;
use runtime::memory::MemoryStore;
use runtime::ports::{Item, Key, Store, Write};

/// A store that counts what it is asked.
struct Counting {
    inner: Arc<MemoryStore>,
    asked: std::sync::Mutex<BTreeMap<&'static str, usize>>,
}

impl Counting {
    fn count(&self, what: &'static str) {
        *self.asked.lock().expect("nobody panics").entry(what).or_default() += 1;
    }

    fn asked(&self) -> BTreeMap<&'static str, usize> {
        std::mem::take(&mut self.asked.lock().expect("nobody panics"))
    }
}

#[async_trait::async_trait]
impl Store for Counting {
    async fn get(&self, key: &Key) -> runtime::ports::Result<Option<Item>> {
        self.count("read");
        self.inner.get(key).await
    }

    async fn list(&self, partition: &str, prefix: &str) -> runtime::ports::Result<Vec<Item>> {
        self.count("query");
        self.inner.list(partition, prefix).await
    }

    async fn commit(&self, writes: Vec<Write>) -> runtime::ports::Result<()> {
        self.count("write");
        self.inner.commit(writes).await
    }
}

#[tokio::test]
async fn a_tick_costs_what_is_told() {
    let mut fixture = Fixture::idle().await;
    for number in [1, 2] {
        let run = fixture.submits(number).await;
        fixture.does(&Command::Acquire { run }).await;
    }
    let store = Arc::new(Counting { inner: fixture.memory.store.clone(), asked: Default::default() });
    fixture.function.world.store = store.clone();
    fixture.tick().await;
    let first = store.asked();
    assert_eq!(first["query"], 5, "the first looks into the account, and for the last receipt: {first:?}");
    fixture.tick_after(Duration::from_mins(1)).await;
    assert_eq!(store.asked(), [("query", 4), ("read", 3)].into());

    let mut asleep = Fixture::registered().await;
    asleep.tick_after(Duration::from_mins(1)).await;
    let store = Arc::new(Counting { inner: asleep.memory.store.clone(), asked: Default::default() });
    asleep.function.world.store = store.clone();
    asleep.tick().await;
    assert_eq!(store.asked(), [("query", 8), ("read", 2)].into(), "of a cluster that never was");
    assert!(!asleep.memory.rule.is_enabled());
}
