//! Pods that are lost: given up, replaced, cleared up after.

use super::*;
use domain::run::{Cause, JobState, RunStatus};

fn evicted(attempt: u32) -> JobObservation {
    let state = JobState::Failed { exit_code: None, reason: "Evicted".to_owned(), message: String::new() };
    JobObservation { attempt, scheduled_at: None, pod: Some("pod-1".to_owned()), node: None, state }
}

#[tokio::test]
async fn a_pod_that_was_lost_before_its_function_began_is_replaced() {
    let fixture = Fixture::granted(Limits::default()).await;
    fixture.shows(FIRST, evicted(1));
    fixture.advances().await;
    let log = fixture.kubernetes.inner.log();
    assert_eq!(log.given_up, [(RUN, FIRST, 1)]);
    assert_eq!(log.started, [(RUN, FIRST, 1), (RUN, FIRST, 2)]);
    let state = fixture.state(FIRST).await;
    assert_eq!((state.attempt, state.lost[0].cause), (2, Cause::Evicted));
}

#[tokio::test]
async fn a_function_that_had_begun_fails_with_the_reason_and_what_is_left_of_it_goes() {
    let fixture = Fixture::granted(Limits::default()).await;
    assert_eq!(fixture.begins(1, "pod-1").await.0, 200);
    fixture.later(60);
    fixture.shows(FIRST, evicted(1));
    fixture.advances().await;
    let run = fixture.run().await;
    assert_eq!((run.status, run.operators[&FIRST].cause), (RunStatus::Failed, Some(Cause::Evicted)));
    fixture.finishes().await;
    let log = fixture.kubernetes.inner.log();
    assert_eq!((log.started.len(), log.given_up.len(), log.deleted.as_slice()), (1, 1, &[RUN][..]));
    assert_eq!(fixture.cluster().await.phase.runs().count(), 0);
}

#[tokio::test]
async fn a_lost_round_is_made_up_for_by_the_next() {
    let fixture = Fixture::granted(Limits::default()).await;
    // The second attempt was decided on, and nobody lived to create its Job.
    let observation =
        Observation { at: fixture.function.world.now(), jobs: BTreeMap::from([(FIRST, evicted(1))]), nodes: None };
    fixture.function.world.run_command(RUN, &Command::Observed(observation)).await.expect("accepted");
    assert_eq!(fixture.kubernetes.inner.log().started, [(RUN, FIRST, 1)]);
    fixture.advances().await;
    assert_eq!(fixture.kubernetes.inner.log().started, [(RUN, FIRST, 1), (RUN, FIRST, 2)]);
}

#[tokio::test]
async fn a_run_of_an_earlier_generation_leaves_the_present_one_alone() {
    let fixture = Fixture::submitted(Limits::default()).await;
    fixture.acquires().await;
    fixture.cluster_comes().await;
    // Its own was destroyed by force, and nobody has told it yet.
    let granted = Command::Granted { generation: Some(0), hardware: None };
    fixture.function.world.run_command(RUN, &granted).await.expect("accepted");
    fixture.advances().await;
    let run = fixture.run().await;
    let told = run.error.as_ref().expect("a reason").text();
    assert_eq!((run.status, fixture.kubernetes.inner.log().started.len()), (RunStatus::Failed, 0));
    assert!(told.contains("-g0' any more: it was deleted while the run needed it"), "{told}");
}

#[tokio::test]
async fn a_run_whose_cluster_was_deleted_in_the_account_ends_and_says_so() {
    let mut fixture = Fixture::granted(Limits::default()).await;
    fixture.eks.remove(&fixture.cluster().await.eks_name());
    fixture.function.known = cluster_access::Known::default();
    fixture.advances().await;
    let run = fixture.run().await;
    let told = run.error.expect("a reason").text();
    assert_eq!(run.status, RunStatus::Failed);
    assert!(told.contains("somebody has deleted it") && told.contains("force=true"), "{told}");
    fixture.finishes().await;
    assert_eq!(fixture.cluster().await.phase.runs().count(), 0);
}
