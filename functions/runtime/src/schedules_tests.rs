use super::*;
use crate::flows::Publication;
use crate::memory::Memory;
use crate::test_flows::one_parameter;
use domain::run::Command;
use std::num::NonZeroU32;
use std::time::Duration;

const START: &str = "2026-11-22T12:00:30Z";
const EVERY_HOUR: &str = "0 * * * *";

fn at(text: &str) -> Timestamp {
    text.parse().expect("a moment")
}

fn publication(name: &str, schedule: Schedule) -> Publication {
    Publication { schedule: Some(schedule), ..one_parameter(name) }
}

struct Fixture {
    memory: Memory,
    world: World,
}

impl Fixture {
    fn new() -> Self {
        let memory = Memory::new(at(START));
        Self { world: memory.world(), memory }
    }

    async fn publish(&self, name: &str, schedule: Schedule) -> Flow {
        self.world.publish(publication(name, schedule)).await.expect("published").0
    }

    /// Lets time pass, and the rule tick.
    async fn tick_after(&self, minutes: u64) {
        self.memory.clock.advance(Duration::from_secs(minutes * 60));
        self.world.run_due_flows().await.expect("ticks");
    }

    async fn runs(&self, flow: &Flow) -> usize {
        self.world.runs_of(flow.id).await.expect("lists").len()
    }

    /// Lets a run succeed, as far as it can without a cluster.
    async fn finish(&self, id: RunId) -> Run {
        let command = Command::Granted { generation: None, hardware: None };
        let run = self.world.run_command(id, &command).await.expect("granted").run;
        for (operator, state) in run.operators {
            let outcome = domain::run::Outcome::Succeeded { outputs: vec![], system_metadata: Default::default() };
            let command = Command::Finished { operator, attempt: state.attempt, outcome };
            self.world.run_command(id, &command).await.expect("finished");
        }
        let run = self.world.run(id).await.expect("there").value;
        assert_eq!(run.status, RunStatus::Succeeded);
        self.world.follow_up(&run).await.expect("follows");
        self.world.close_run(id).await.expect("closes");
        run
    }

    async fn run_now(&self, flow: &Flow) -> Run {
        self.memory.clock.advance(Duration::from_secs(1));
        let id = RunId(Uuid::new_v4());
        self.world.run_flow(id, flow, BTreeMap::new()).await.expect("submitted");
        self.finish(id).await
    }
}

#[test]
fn expressions_mean_what_croniter_says() {
    let sunday = "2026-11-22T12:00:30Z";
    for (cron, expected) in [
        ("* * * * *", "2026-11-22T12:01:00Z"),
        ("*/7 * * * *", "2026-11-22T12:07:00Z"),
        ("0 0 * * 7", "2026-11-29T00:00:00Z"),
        ("30 4 * * 1", "2026-11-23T04:30:00Z"),
        ("0 9 * * MON-fri", "2026-11-23T09:00:00Z"),
        ("15 6 1 * *", "2026-12-01T06:15:00Z"),
        ("0 0 13 * 5", "2026-11-27T00:00:00Z"),
        ("* * * * * 45", "2026-11-22T12:00:45Z"),
        ("@hourly", "2026-11-22T13:00:00Z"),
        ("@midnight", "2026-11-23T00:00:00Z"),
    ] {
        assert_eq!(next(cron, at(sunday)).expect(cron), at(expected), "{cron}");
    }
}

#[tokio::test]
async fn what_is_no_schedule_is_refused_and_nothing_is_published() {
    let fixture = Fixture::new();
    for cron in ["", "hourly", "61 * * * *", "* * * *", "0 0 30 2 *", "1 2 3 4 5 6 7"] {
        let schedule = Schedule::Periodic { cron: cron.to_owned() };
        let error = fixture.world.publish(publication("f", schedule)).await.expect_err(cron);
        assert!(matches!(&error, Error::Invalid(text) if text.contains("cron expression")), "{cron}: {error}");
    }
    let nowhere = Schedule::Cascade { source: FlowId(Uuid::nil()) };
    let error = fixture.world.publish(publication("f", nowhere)).await.expect_err("refused");
    assert!(matches!(error, Error::Unprocessable(_)), "{error}");
    assert!(fixture.memory.store.all().is_empty() && fixture.memory.objects.all().is_empty());
}

#[tokio::test]
async fn a_periodic_flow_runs_once_when_its_time_has_come() {
    let fixture = Fixture::new();
    let flow = fixture.publish("f", Schedule::Periodic { cron: EVERY_HOUR.to_owned() }).await;
    assert!(fixture.memory.rule.is_enabled());
    fixture.tick_after(59).await;
    assert_eq!(fixture.runs(&flow).await, 0);
    fixture.tick_after(1).await;
    fixture.tick_after(1).await;
    assert_eq!(fixture.runs(&flow).await, 1);
    assert_eq!(fixture.memory.machines.log().started.len(), 1);
}

#[tokio::test]
async fn moments_that_pass_while_a_run_waits_for_its_cluster_are_one_run() {
    let fixture = Fixture::new();
    let flow = fixture.publish("f", Schedule::Periodic { cron: EVERY_HOUR.to_owned() }).await;
    fixture.tick_after(60).await;
    fixture.tick_after(150).await;
    assert_eq!(fixture.runs(&flow).await, 1);
    let first = fixture.world.runs_of(flow.id).await.expect("lists")[0].id;
    fixture.finish(first).await;
    fixture.tick_after(1).await;
    fixture.tick_after(1).await;
    assert_eq!(fixture.runs(&flow).await, 2);
}

#[tokio::test]
async fn publishing_again_without_a_schedule_ends_it() {
    let fixture = Fixture::new();
    let flow = fixture.publish("f", Schedule::Periodic { cron: EVERY_HOUR.to_owned() }).await;
    assert_eq!(fixture.world.run_due_flows().await.expect("ticks"), 1);
    fixture.publish("f", Schedule::Manual).await;
    assert_eq!(fixture.world.run_due_flows().await.expect("ticks"), 0);
    fixture.tick_after(120).await;
    assert_eq!(fixture.runs(&flow).await, 0);
}

#[tokio::test]
async fn publishing_again_leaves_what_is_not_said_as_it_was() {
    let fixture = Fixture::new();
    let schedule = Schedule::Periodic { cron: EVERY_HOUR.to_owned() };
    let keep_runs = Some(NonZeroU32::new(2).into());
    let first = Publication { keep_runs, ..publication("f", schedule.clone()) };
    fixture.world.publish(first).await.expect("published");
    let again = Publication { schedule: None, keep_runs: None, ..publication("f", Schedule::Manual) };
    let flow = fixture.world.publish(again).await.expect("published").0;
    assert_eq!((flow.schedule, Some(flow.keep_runs), flow.versions.len()), (schedule, keep_runs, 2));
}

#[tokio::test]
async fn a_periodic_flow_runs_though_another_one_cannot_be_read() {
    let fixture = Fixture::new();
    let flow = fixture.publish("f", Schedule::Periodic { cron: EVERY_HOUR.to_owned() }).await;
    let key = crate::ports::Key::new(keys::FLOWS, "0");
    let broken = crate::ports::Write::Put { key, body: "{".to_owned(), expect: Expect::Anything, expires_at: None };
    fixture.world.store.commit(vec![broken]).await.expect("stored");
    fixture.memory.clock.advance(Duration::from_mins(60));
    fixture.world.run_due_flows().await.expect_err("somebody has to look");
    assert_eq!(fixture.runs(&flow).await, 1);
}

#[tokio::test]
async fn a_flow_that_cannot_follow_does_not_keep_another_from_it() {
    let mut fixture = Fixture::new();
    let source = fixture.publish("source", Schedule::Manual).await;
    let cascade = || Schedule::Cascade { source: source.id };
    let mut followers = [fixture.publish("a", cascade()).await, fixture.publish("b", cascade()).await];
    followers.sort_by_key(|flow| flow.id.to_string());
    let [first, second] = &followers;
    fixture.world.objects.delete_all(&keys::flow_objects(first.id)).await.expect("its graph is lost");
    // What was read before is remembered.
    fixture.world = fixture.memory.world();
    fixture.run_now(&source).await;
    assert_eq!((fixture.runs(first).await, fixture.runs(second).await), (0, 1));
}

#[tokio::test]
async fn a_flow_follows_another_ones_success_once() {
    let fixture = Fixture::new();
    let first = fixture.publish("first", Schedule::Manual).await;
    let second = fixture.publish("second", Schedule::Cascade { source: first.id }).await;
    let run = fixture.run_now(&first).await;
    fixture.world.follow_up(&run).await.expect("again");
    assert_eq!(fixture.runs(&second).await, 1);
    let failed = Run { status: RunStatus::Failed, id: RunId(Uuid::new_v4()), ..run };
    fixture.world.follow_up(&failed).await.expect("nothing follows");
    assert_eq!(fixture.runs(&second).await, 1);
    let circle = Schedule::Cascade { source: second.id };
    let error = fixture.world.publish(publication("first", circle)).await.expect_err("refused").to_string();
    assert!(error.contains("runs after this flow"), "{error}");
}

#[tokio::test]
async fn only_the_latest_runs_are_kept() {
    let fixture = Fixture::new();
    let keep_runs = Some(NonZeroU32::new(2).into());
    let request = Publication { keep_runs, ..publication("f", Schedule::Manual) };
    let flow = fixture.world.publish(request).await.expect("published").0;
    let mut runs = vec![];
    for _ in 0..4 {
        runs.push(fixture.run_now(&flow).await.id);
    }
    let kept: Vec<_> = fixture.world.runs_of(flow.id).await.expect("lists").iter().map(|run| run.id).collect();
    assert_eq!(kept, runs[2..]);
    assert!(fixture.world.find_run(runs[0]).await.expect("reads").is_none());
    let told = async |run: RunId| fixture.world.events(&run.to_string()).await.expect("reads").len();
    assert_eq!(told(runs[0]).await, 0, "a history that nobody can ask for any more");
    assert!(told(runs[2]).await > 0);
}

#[tokio::test]
async fn nothing_is_left_of_a_deleted_flow() {
    let fixture = Fixture::new();
    let flow = fixture.publish("f", Schedule::Manual).await;
    let run = fixture.run_now(&flow).await;
    for number in 0..2 * crate::ports::MOST_WRITES {
        let event = domain::event::Event::new(fixture.world.now(), "operator_repeated", "");
        let key = keys::event(&run.id.to_string(), event.at, 99, number);
        let write = records::put(key, &event, Expect::Anything).expect("serialises");
        fixture.world.store.commit(vec![write]).await.expect("stores");
    }
    fixture.world.delete_flow(flow.id).await.expect("deleted");
    let left: Vec<_> = fixture.memory.store.all().into_iter().map(|item| item.key).collect();
    assert!(left.is_empty() && fixture.memory.objects.all().is_empty(), "{left:?}");
}

#[tokio::test]
async fn contents_that_are_not_to_be_kept_are_gone_after_the_run() {
    let fixture = Fixture::new();
    let mut request = publication("f", Schedule::Manual);
    let artifact = *request.dag.artifacts.keys().next().expect("one");
    request.dag.artifacts.values_mut().for_each(|artifact| artifact.should_persist = false);
    let flow = fixture.world.publish(request).await.expect("published").0;
    let id = RunId(Uuid::new_v4());
    fixture.world.run_flow(id, &flow, BTreeMap::new()).await.expect("submitted");
    for attempt in [1, 2] {
        fixture.world.objects.put(&keys::content(id, artifact, attempt), vec![1], "").await.expect("stores");
    }
    fixture.finish(id).await;
    let left = fixture.memory.objects.all();
    assert!(![1, 2].into_iter().any(|attempt| left.contains(&keys::content(id, artifact, attempt))), "{left:?}");
}
