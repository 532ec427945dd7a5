//! The life cycle, told as stories: a cluster is sent one command after the other, and after each of them what must
//! hold of every decision is checked.

mod builds;
mod cancel;
mod collection;
mod hardware;
mod options;
mod properties;
mod stuck;
mod table;
mod teardown;
mod told;
mod world;

use super::*;
use crate::event::Event;
use crate::failure::FailureClass;
use crate::settings::{Limits, SettingsDelta};
use jiff::SignedDuration;
use serde_json::{Value, json};
use uuid::Uuid;

fn run(number: u128) -> RunId {
    RunId(Uuid::from_u128(number))
}

fn runs<const N: usize>(numbers: [u128; N]) -> BTreeSet<RunId> {
    numbers.into_iter().map(run).collect()
}

fn delta(raw: Value) -> SettingsDelta {
    SettingsDelta::parse(raw.as_object().expect("an object"), Limits::default()).expect("acceptable settings")
}

fn failure(class: FailureClass) -> Failure {
    Failure::new(class, format!("a build failed: {class:?}"))
}

/// A cluster, the time, and what the last command brought about.
#[derive(Clone)]
struct Story {
    cluster: Cluster,
    now: Timestamp,
    effects: Vec<Effect>,
    events: Vec<Event>,
}

impl Story {
    fn terminated() -> Self {
        let now = Timestamp::from_second(1_700_000_000).expect("a time");
        let (id, integration) = (ClusterId(Uuid::from_u128(0xc)), IntegrationId(Uuid::from_u128(0xa)));
        let cluster = Cluster::registered(id, integration, "aws", "us-east-1".to_owned(), Settings::default(), now);
        Self { cluster, now, effects: vec![], events: vec![] }
    }

    /// Being created because a person asked for it; its build has begun.
    fn creating() -> Self {
        let mut story = Self::terminated();
        story.accepts(Command::Create { delta: delta(json!({})) });
        story.begins();
        story
    }

    fn active() -> Self {
        let mut story = Self::creating();
        story.later(960).build_succeeds();
        story
    }

    /// Being changed to two CPU nodes; its build has begun.
    fn updating() -> Self {
        let mut story = Self::active();
        story.accepts(Command::Update { delta: delta(json!({"max_cpu_node": 2})) });
        story.begins();
        story
    }

    /// Being destroyed because a person asked for it; its build has begun.
    fn terminating() -> Self {
        let mut story = Self::active();
        story.accepts(Command::Delete);
        story.begins();
        story
    }

    fn does(&mut self, command: &Command) -> Result<Reply, Refusal> {
        let decision = decide(&self.cluster, command, self.now)?;
        check_step(&self.cluster, &decision.cluster);
        let first_new = self.cluster.next_effect;
        self.effects = decision.cluster.outbox.range(first_new..).map(|(_, effect)| effect.clone()).collect();
        self.cluster = decision.cluster;
        self.events = decision.events;
        Ok(decision.reply)
    }

    fn accepts(&mut self, command: Command) {
        assert_eq!(self.does(&command), Ok(Reply::Accepted), "{command:?}");
    }

    /// The text of the refusal of a command, which must not change anything.
    fn refuses(&mut self, command: Command) -> String {
        let refusal = self.does(&command).expect_err("refused");
        refusal.to_string()
    }

    /// Sends a command that must not change anything.
    fn ignores(&mut self, command: Command) -> Reply {
        let before = self.cluster.clone();
        let reply = self.does(&command).expect("no refusal");
        assert_eq!(self.cluster, before, "{command:?}");
        assert_eq!(self.events, [], "{command:?}");
        reply
    }

    fn later(&mut self, seconds: i64) -> &mut Self {
        self.now += SignedDuration::from_secs(seconds);
        self
    }

    fn acquires(&mut self, number: u128) -> Reply {
        self.does(&Command::Acquire { run: run(number) }).expect("no refusal")
    }

    fn releases(&mut self, number: u128) {
        self.accepts(Command::Release { run: run(number) });
    }

    fn build(&self) -> &Build {
        self.cluster.phase.build().expect("a build")
    }

    fn begins(&mut self) {
        let command = Command::BeginBuild { epoch: self.build().epoch, live_pods: 0 };
        assert_eq!(self.does(&command), Ok(Reply::Proceed));
    }

    fn build_succeeds(&mut self) {
        self.accepts(Command::BuildSucceeded { epoch: self.build().epoch, report: BuildReport::default() });
    }

    fn build_fails(&mut self, class: FailureClass) {
        self.accepts(Command::BuildFailed { epoch: self.build().epoch, failure: failure(class) });
    }

    fn status(&self) -> Status {
        self.cluster.status()
    }

    fn event_kinds(&self) -> Vec<&str> {
        self.events.iter().map(|event| event.kind.as_str()).collect()
    }

    /// The build that the last command asked the cluster machine for.
    fn started(&self) -> Option<(Purpose, u64)> {
        self.effects.iter().find_map(|effect| match effect {
            Effect::StartMachine { purpose, delay_seconds, .. } => Some((*purpose, *delay_seconds)),
            _ => None,
        })
    }
}

/// What holds of every decision, whatever was decided.
fn check_step(before: &Cluster, after: &Cluster) {
    let build = |cluster: &Cluster| cluster.phase.build().map(|build| build.epoch);
    let collects = |cluster: &Cluster| cluster.collection.as_ref().map(|collects| collects.epoch);
    let collecting = collects(after).filter(|epoch| collects(before) != Some(*epoch));
    let moved = before.status() != after.status() || build(before) != build(after) || collecting.is_some();
    assert!(if moved { after.epoch > before.epoch } else { after.epoch == before.epoch }, "the epoch of {after:?}");
    assert!(build(after).is_none_or(|epoch| epoch <= after.epoch));

    let created = after.status() == Status::Creating && before.status() != Status::Creating;
    assert_eq!(after.generation, before.generation + u32::from(created), "one generation per creation");

    assert!(before.outbox.iter().all(|(key, effect)| after.outbox.get(key) == Some(effect)), "no effect is lost");
    let starts: Vec<u64> = after
        .outbox
        .range(before.next_effect..)
        .filter_map(|(_, effect)| match effect {
            Effect::StartMachine { epoch, generation, .. } => {
                assert_eq!(*generation, after.generation_of(*epoch));
                Some(*epoch)
            }
            _ => None,
        })
        .collect();
    let new_build = build(after).filter(|epoch| build(before) != Some(*epoch));
    let new_builds: Vec<u64> = new_build.into_iter().chain(collecting).collect();
    assert_eq!(starts, new_builds, "a new build, and only that, has its machine started");

    assert!(after.collection.as_ref().is_none_or(|collects| after.is_over(collects.generation)), "{after:?}");
    match &after.phase {
        Phase::Active { leases, idle_since } => assert_eq!(leases.is_empty(), idle_since.is_some(), "the idle clock"),
        Phase::Terminating { build, .. } if build.purpose != Purpose::Destroy => {
            assert!(build.begun_at.is_some() && build.forced, "only a build that runs is waited for");
        }
        _ => {}
    }
}
