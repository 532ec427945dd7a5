//! What Kubernetes shows of Jobs that are well.

use super::*;

#[test]
fn a_job_that_was_never_seen_is_asked_for_again_and_one_that_is_there_is_not() {
    let mut story = Story::granted(dag("a; b; c: a"));
    assert_eq!(story.observed(&[]).effects(), "start a, start b", "the effects of the grant were lost");
    assert_eq!(story.observed(&[("a", JobState::Running)]).effects(), "start b");
    assert_eq!(story.observed(&[("a", JobState::Running), ("b", JobState::Running)]).effects(), "");
    assert_eq!(story.statuses(), "a scheduled, b scheduled, c pending");
}

#[test]
fn a_job_of_another_attempt_is_not_the_operators() {
    let mut story = Story::granted(dag("a"));
    let ended = JobState::Failed { exit_code: Some(1), reason: "Error".to_owned(), message: String::new() };
    story.sees(BTreeMap::from([(story.dag.id_of("a"), seen(2, ended))]), &[]);
    assert_eq!((story.statuses().as_str(), story.effects().as_str()), ("a scheduled", "start a"));
}

#[test]
fn what_a_pod_waits_for_is_told_until_it_runs() {
    let waiting = |reason: &str, since| {
        let (reason, message) = (reason.to_owned(), "so says Kubernetes".to_owned());
        JobState::Waiting { reason, message, since }
    };
    let mut story = Story::granted(dag("a"));
    let since = story.now;
    story.later(60).observed(&[("a", waiting("Unschedulable", since))]);
    assert_eq!(story.state("a").waiting_for.as_deref(), Some("Unschedulable: so says Kubernetes"));
    story.observed(&[("a", JobState::Running)]);
    assert_eq!(story.state("a").waiting_for, None);

    let mut told_by_the_runner = Story::granted(dag("a"));
    told_by_the_runner.observed(&[("a", waiting("ContainerCreating", since))]).started("a");
    assert_eq!(told_by_the_runner.state("a").waiting_for, None);
    told_by_the_runner.observed(&[("a", waiting("ContainerCreating", since))]);
    assert_eq!(told_by_the_runner.state("a").waiting_for, None, "an old observation comes late");
}

#[test]
fn the_moment_of_scheduling_is_kubernetes_if_seen_and_else_the_containers() {
    let begins = |container_at: i64| {
        let mut story = Story::granted(dag("a"));
        let container_at = Some(story.now + SignedDuration::from_secs(container_at));
        story.later(30);
        let operator = story.dag.id_of("a");
        let beginning = Beginning { container_at, ..Beginning::default() };
        story.does(&Command::Started { operator, attempt: 1, beginning });
        story
    };
    let scheduled = |story: &Story| {
        let timeline = &story.state("a").timeline;
        let since = timeline.queued_at.expect("queued");
        timeline.scheduled_at.expect("scheduled").duration_since(since).as_secs()
    };
    assert_eq!(scheduled(&begins(12)), 12, "so long after the Job was decided on, its container began");
    assert_eq!((scheduled(&begins(-3)), scheduled(&begins(90))), (0, 30), "clocks differ");

    let mut story = begins(12);
    let scheduled_at = story.state("a").timeline.queued_at.map(|queued| queued + SignedDuration::from_secs(4));
    let (a, job) = (story.dag.id_of("a"), JobObservation { scheduled_at, ..seen(1, JobState::Running) });
    story.sees(BTreeMap::from([(a, job)]), &["node-1"]);
    assert_eq!(scheduled(&story), 4, "seen is better than told");
}

#[test]
fn a_jobs_end_says_nothing_against_a_reported_outcome() {
    let mut story = Story::granted(dag("a; b"));
    story.succeeded("a");
    let ended = JobState::Failed { exit_code: Some(1), reason: "Error".to_owned(), message: String::new() };
    story.observed(&[("a", ended), ("b", JobState::Running)]);
    assert_eq!(story.statuses(), "a succeeded, b scheduled");
}

#[test]
fn stale_and_unknown_news_is_ignored() {
    let mut story = Story::granted(dag("a; b: a"));
    let (a, b, stranger) = (story.dag.id_of("a"), story.dag.id_of("b"), OperatorId(Uuid::from_u128(99)));
    for (operator, attempt) in [(a, 0), (a, 2), (b, 0), (b, 1), (stranger, 1)] {
        story.ignores(&Command::Started { operator, attempt, beginning: Beginning::default() });
        story.ignores(&Command::Finished { operator, attempt, outcome: success() });
        story.ignores(&Command::Finished { operator, attempt, outcome: failed(FailureType::System) });
    }
    story.succeeded("a");
    let (operator, attempt) = (a, 1);
    story.later(1).ignores(&Command::Finished { operator, attempt, outcome: failed(FailureType::UserFatal) });
    story.ignores(&Command::Started { operator, attempt, beginning: Beginning::default() });
}
