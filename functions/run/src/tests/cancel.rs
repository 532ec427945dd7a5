//! Canceling: the Jobs go, the lease or the place in the queue too, whenever it happens and however often.

use super::*;
use domain::run::RunStatus;

#[tokio::test]
async fn a_canceled_run_loses_its_jobs_and_gives_back_its_lease() {
    let fixture = Fixture::granted(Limits::default()).await;
    assert_eq!(fixture.kubernetes.inner.log().started, [(RUN, FIRST, 1)]);
    assert!(fixture.cluster().await.phase.runs().any(|run| run == RUN));

    assert!(fixture.cancels().await);
    let last = fixture.memory.machines.log().succeeded.last().cloned();
    assert_eq!(last, Some(("advance".to_owned(), json!({"status": "finished"}))), "the machine goes on at once");
    fixture.finishes().await;
    assert_eq!(fixture.kubernetes.inner.log().deleted, [RUN]);
    assert_eq!(fixture.cluster().await.phase.runs().count(), 0);
    assert_eq!(fixture.function.world.open_runs().await.expect("a list"), []);

    // The machine may be asked twice, and so may we.
    fixture.finishes().await;
    fixture.advances().await;
    assert!(!fixture.cancels().await, "it is canceled already");
    assert_eq!(fixture.run().await.status, RunStatus::Canceled);
    assert_eq!(fixture.kubernetes.inner.log().started.len(), 1);
}

#[tokio::test]
async fn of_several_cancellations_at_once_one_is_the_one() {
    let fixture = Fixture::granted(Limits::default()).await;
    let all = tokio::join!(fixture.cancels(), fixture.cancels(), fixture.cancels());
    assert_eq!([all.0, all.1, all.2].into_iter().filter(|made_a_difference| *made_a_difference).count(), 1);
    let events = fixture.function.world.events(&RUN.to_string()).await.expect("events");
    assert_eq!(events.iter().filter(|event| event.kind == "canceled").count(), 1);
}

#[tokio::test]
async fn a_run_that_waits_for_its_cluster_leaves_the_queue() {
    let fixture = Fixture::submitted(Limits::default()).await;
    fixture.acquires().await;
    assert!(fixture.cluster().await.phase.waiters().is_some_and(|waiters| waiters.contains(&RUN)));
    assert!(fixture.cancels().await);
    let last = fixture.memory.machines.log().succeeded.last().cloned();
    assert_eq!(last.map(|(token, _)| token).as_deref(), Some("acquire"));
    // The machine goes from Acquire to Advance, sees that it is over, and ends.
    fixture.advances().await;
    fixture.finishes().await;
    assert_eq!(fixture.cluster().await.phase.runs().count(), 0);
    assert!(fixture.kubernetes.inner.log().started.is_empty() && fixture.kubernetes.inner.log().deleted.is_empty());
}

#[tokio::test]
async fn a_run_that_is_canceled_before_its_machine_begins_takes_no_lease() {
    let fixture = Fixture::submitted(Limits::default()).await;
    assert!(fixture.cancels().await);
    fixture.acquires().await;
    assert_eq!(fixture.cluster().await.phase.runs().count(), 0);
    assert_eq!(fixture.memory.machines.log().started.keys().filter(|(machine, _)| *machine == "cluster").count(), 0);
}

#[tokio::test]
async fn a_run_that_is_over_cannot_be_canceled() {
    let fixture = Fixture::granted(Limits::default()).await;
    fixture.reports(1, json!({"status": "failed", "failure_type": 2, "error": {"tip": "t", "context": ""}})).await;
    let before = fixture.run().await;
    assert_eq!(before.status, RunStatus::Failed);
    assert!(!fixture.cancels().await);
    assert_eq!(fixture.run().await, before);
    fixture.finishes().await;
    assert!(fixture.kubernetes.inner.log().deleted.is_empty(), "its Jobs have ended and can still be looked at");
}

#[tokio::test]
async fn jobs_go_even_if_the_sweeper_has_released_the_lease_before() {
    let fixture = Fixture::granted(Limits::default()).await;
    assert!(fixture.cancels().await);
    let release = domain::cluster::Command::Release { run: RUN };
    fixture.function.world.cluster_command(CLUSTER, &release).await.expect("accepted");
    fixture.finishes().await;
    assert_eq!(fixture.kubernetes.inner.log().deleted, [RUN]);
}

#[tokio::test]
async fn a_job_that_is_created_while_its_run_is_canceled_does_not_stay() {
    let fixture = Fixture::submitted(Limits::default()).await;
    fixture.acquires().await;
    fixture.cluster_comes().await;
    *fixture.kubernetes.meanwhile.lock().expect("not poisoned") = Some(Command::Cancel);
    fixture.advances().await;
    let log = fixture.kubernetes.inner.log();
    assert_eq!((log.started.len(), log.deleted.as_slice()), (1, &[RUN][..]));
}
