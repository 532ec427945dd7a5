use super::*;
use crate::PortError;
use crate::error::PortErrorKind;
use crate::memory::{Memory, MemoryStore};
use crate::ports::{Execution, Item, KeepaliveRule, Key, Machine, Machines, Result, Store};
use crate::test_flows::one_parameter;
use async_trait::async_trait;
use std::sync::{Arc, Mutex};
use uuid::Uuid;

/// A store in which somebody else publishes whenever we are about to commit.
struct Contended {
    inner: Arc<MemoryStore>,
    rivals: Mutex<Vec<(World, Publication)>>,
}

#[async_trait]
impl Store for Contended {
    async fn get(&self, key: &Key) -> Result<Option<Item>> {
        self.inner.get(key).await
    }

    async fn list(&self, partition: &str, prefix: &str) -> Result<Vec<Item>> {
        self.inner.list(partition, prefix).await
    }

    async fn commit(&self, writes: Vec<Write>) -> Result<()> {
        let rival = self.rivals.lock().expect("not poisoned").pop();
        if let Some((world, publication)) = rival {
            world.publish(publication).await.expect("published");
        }
        self.inner.commit(writes).await
    }
}

/// A flow with a package.
fn publication() -> Publication {
    let publication = one_parameter("shop");
    let packages = publication.dag.operators.keys().map(|operator| (*operator, vec![1, 2, 3])).collect();
    Publication { packages, ..publication }
}

fn deployment(rivals: usize) -> (Memory, World) {
    let memory = Memory::new("2026-11-22T12:00:30Z".parse().expect("a moment"));
    let rivals = (0..rivals).map(|_| (memory.world(), publication())).collect();
    let store = Arc::new(Contended { inner: memory.store.clone(), rivals: Mutex::new(rivals) });
    let world = World { store, ..memory.world() };
    (memory, world)
}

#[tokio::test]
async fn who_publishes_at_the_same_time_makes_versions_of_one_flow() {
    let (memory, world) = deployment(3);
    let (flow, _) = world.publish(publication()).await.expect("published");
    assert_eq!((flow.versions.len(), world.flows().await.expect("lists").len()), (4, 1));
    for version in &flow.versions {
        assert_eq!(world.dag(flow.id, *version).await.expect("is there").flow, flow.id);
    }
    let contents = memory.objects.all();
    assert_eq!(contents.len(), 8, "a graph and a package for each version: {contents:?}");
    assert!(contents.iter().all(|key| key.starts_with(&keys::flow_objects(flow.id))), "{contents:?}");
}

#[tokio::test]
async fn nothing_is_left_of_what_could_not_be_published() {
    let (memory, world) = deployment(MOST_TRIES);
    let lost = publication();
    let id = lost.dag.id;
    let error = world.publish(lost).await.expect_err("contended");
    assert!(matches!(error, Error::Contended { .. }), "{error}");
    assert!(memory.objects.all().iter().all(|key| !key.contains(&id.to_string())));
}

/// State machines that start nothing for the time being.
struct Throttled;

#[async_trait]
impl KeepaliveRule for Throttled {
    async fn enable(&self) -> Result<()> {
        Err(PortError::new(PortErrorKind::Transient, "enable rule", "ThrottlingException"))
    }

    async fn disable(&self) -> Result<()> {
        Ok(())
    }
}

#[async_trait]
impl Machines for Throttled {
    async fn start(&self, _: Machine, _: &str, _: serde_json::Value) -> Result<()> {
        Err(PortError::new(PortErrorKind::Transient, "start execution", "ThrottlingException"))
    }

    async fn succeed(&self, _: &str, _: serde_json::Value) -> Result<()> {
        Ok(())
    }

    async fn fail(&self, _: &str, _: &str, _: &str) -> Result<()> {
        Ok(())
    }

    async fn execution(&self, _: Machine, _: &str) -> Result<Execution> {
        Ok(Execution::Unknown)
    }
}

#[tokio::test]
async fn a_run_that_is_stored_is_accepted_even_if_its_machine_cannot_be_started_now() {
    let (memory, world) = deployment(0);
    let world = World { machines: Arc::new(Throttled), ..world };
    let run = Some(domain::RunId(Uuid::new_v4()));
    let (flow, published) = world.publish(Publication { run, ..publication() }).await.expect("accepted");
    assert_eq!(published.map(|run| run.id), run);
    assert!(memory.rule.is_enabled(), "the sweeper comes and starts it");

    let dag = world.dag(flow.id, flow.dag).await.expect("is there");
    let again = domain::RunId(Uuid::new_v4());
    world.submit_run(again, &flow, &dag, None, BTreeMap::new()).await.expect("accepted");
    assert_eq!(world.open_runs().await.expect("lists").len(), 2);

    let world = World { keepalive_rule: Arc::new(Throttled), ..world };
    let lost = world.publish(Publication { run, ..publication() }).await;
    assert!(lost.is_err(), "nobody would start it");
}
