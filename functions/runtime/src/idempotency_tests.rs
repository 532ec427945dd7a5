use super::*;
use crate::PortError;
use crate::error::PortErrorKind;
use crate::flows::Publication;
use crate::memory::{Memory, MemoryStore};
use crate::ports::{Item, Result, Store};
use crate::test_flows::one_parameter;
use async_trait::async_trait;
use domain::DagId;
use domain::flow::Flow;
use domain::run::Run;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use uuid::Uuid;

fn request(key: &str, body: &str) -> Repeatable {
    Repeatable::new("an API key", key, &[body.as_bytes()]).expect("a request")
}

/// A flow that is run at once.
fn publication() -> Publication {
    Publication { run: Some(RunId(Uuid::new_v4())), ..one_parameter("shop") }
}

fn ids(flow: &Flow, run: Option<&Run>) -> (DagId, Option<RunId>) {
    (flow.dag, run.map(|run| run.id))
}

async fn publish(world: &World, request: &Repeatable) -> std::result::Result<(DagId, Option<RunId>), Error> {
    world.publish_once(publication(), Some(request), ids).await
}

fn deployment() -> (Memory, World) {
    let memory = Memory::new("2026-11-22T12:00:30Z".parse().expect("a moment"));
    let world = memory.world();
    (memory, world)
}

#[tokio::test]
async fn a_request_that_comes_again_is_answered_as_before_and_not_carried_out() {
    let (memory, world) = deployment();
    let first = publish(&world, &request("k", "a")).await.expect("published");
    memory.clock.advance(Duration::from_secs(24 * 3600 - 1));
    assert_eq!(publish(&world, &request("k", "a")).await.expect("answered"), first);
    assert_eq!(publish(&world, &request("\"k\"", "a")).await.expect("answered"), first, "as the draft writes it");
    assert_eq!(world.open_runs().await.expect("lists").len(), 1);

    let flow = world.flows().await.expect("lists").remove(0);
    let run = async |key: &str, body: &str| {
        let run = RunId(Uuid::new_v4());
        world.run_flow_once(run, &flow, BTreeMap::new(), Some(&request(key, body)), |run| run.id).await
    };
    let triggered = run("l", "a").await.expect("runs");
    assert_eq!(run("l", "a").await.expect("answered"), triggered);
    assert_eq!(world.open_runs().await.expect("lists").len(), 2);

    for (key, body) in [("k", "b"), ("l", "b")] {
        let error = publish(&world, &request(key, body)).await.expect_err("refused");
        assert!(matches!(&error, Error::Unprocessable(text) if text.contains("another request")), "{error}");
    }
    let other_caller = Repeatable::new("another API key", "k", &[b"b"]).expect("a request");
    assert_ne!(publish(&world, &other_caller).await.expect("published"), first);
}

#[tokio::test]
async fn a_key_is_forgotten_after_a_day_whenever_the_store_removes_it() {
    let (memory, world) = deployment();
    let first = publish(&world, &request("k", "a")).await.expect("published");
    memory.clock.advance(Duration::from_secs(24 * 3600));
    let second = publish(&world, &request("k", "b")).await.expect("published");
    assert_ne!(first, second);
    assert_eq!(publish(&world, &request("k", "b")).await.expect("answered"), second);
}

#[tokio::test]
async fn of_equal_requests_at_the_same_time_one_is_carried_out() {
    let (_, world) = deployment();
    let request = request("k", "a");
    let all = tokio::join!(publish(&world, &request), publish(&world, &request), publish(&world, &request));
    let first = all.0.expect("answered");
    assert_eq!((all.1.expect("answered"), all.2.expect("answered")), (first, first));
    assert_eq!(world.open_runs().await.expect("lists").len(), 1);
}

#[tokio::test]
async fn what_a_crash_left_undone_is_done_when_the_request_comes_again() {
    let (memory, world) = deployment();
    let (_, run) = publish(&world, &request("k", "a")).await.expect("published");
    let run = run.expect("a run").to_string();
    memory.machines.forget(&run);
    publish(&world, &request("k", "a")).await.expect("answered");
    assert!(memory.machines.log().started.contains_key(&("flow-run", run)));
}

#[test]
fn a_key_is_printable_and_not_too_long() {
    for wrong in ["", "\"\"", &"k".repeat(256), "k\tk", "kö"] {
        let error = Repeatable::new("", wrong, &[]).expect_err("refused");
        assert!(matches!(&error, Error::Invalid(text) if text.contains("1 to 255 printable")), "{error}");
    }
    let parts: [&[&[u8]]; 2] = [&[b"ab", b"c"], &[b"a", b"bc"]];
    let [one, other] = parts.map(|parts| Repeatable::new("", "k", parts).expect("a request").fingerprint);
    assert_ne!(one, other);
}

/// A store whose answers are lost, though it carries everything out.
struct Mute(Arc<MemoryStore>);

#[async_trait]
impl Store for Mute {
    async fn get(&self, key: &Key) -> Result<Option<Item>> {
        self.0.get(key).await
    }

    async fn list(&self, partition: &str, prefix: &str) -> Result<Vec<Item>> {
        self.0.list(partition, prefix).await
    }

    async fn commit(&self, writes: Vec<Write>) -> Result<()> {
        self.0.commit(writes).await?;
        Err(PortError::new(PortErrorKind::Transient, "commit", "the connection was lost"))
    }
}

#[tokio::test]
async fn a_run_that_was_submitted_is_accepted_though_the_answer_was_lost() {
    let (memory, world) = deployment();
    let world = World { store: Arc::new(Mute(memory.store.clone())), ..world };
    let (flow, run) = world.publish(publication()).await.expect("published");
    assert!(memory.machines.log().started.contains_key(&("flow-run", run.expect("a run").id.to_string())));
    let again = RunId(Uuid::new_v4());
    world.run_flow(again, &flow, BTreeMap::new()).await.expect("submitted");
    assert_eq!(world.open_runs().await.expect("lists").len(), 2);
}
