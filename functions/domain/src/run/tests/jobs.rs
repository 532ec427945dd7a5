//! What Kubernetes shows of Jobs, and what is made of it.

use super::*;

fn waiting(reason: &str, since: Timestamp) -> JobState {
    JobState::Waiting { reason: reason.to_owned(), message: "so says Kubernetes".to_owned(), since }
}

fn ended(exit_code: Option<i32>, reason: &str) -> JobState {
    JobState::Failed { exit_code, reason: reason.to_owned(), message: "so says Kubernetes".to_owned() }
}

#[test]
fn a_lost_job_is_asked_for_again_and_a_running_one_is_not() {
    let mut story = Story::granted(dag("a; b; c: a"));
    assert_eq!(story.observed(&[]).effects(), "start a, start b", "the effects of the grant were lost");
    assert_eq!(story.observed(&[("a", JobState::Running)]).effects(), "start b");
    assert_eq!(story.started("b").observed(&[("a", JobState::Running)]).effects(), "start b", "it was deleted");
    assert_eq!(story.observed(&[("a", JobState::Running), ("b", JobState::Running)]).effects(), "");
    assert_eq!(story.statuses(), "a scheduled, b running, c pending");
}

#[test]
fn a_job_of_another_attempt_is_not_the_operators() {
    let mut story = Story::granted(dag("a"));
    let other = JobObservation { attempt: 2, scheduled_at: None, state: ended(Some(1), "Error") };
    story.does(&Command::Observed { jobs: BTreeMap::from([(story.dag.id_of("a"), other)]) });
    assert_eq!((story.statuses().as_str(), story.effects().as_str()), ("a scheduled", "start a"));
}

#[test]
fn what_a_pod_waits_for_is_told_until_it_runs() {
    let mut story = Story::granted(dag("a"));
    let since = story.now;
    story.later(60).observed(&[("a", waiting("Unschedulable", since))]);
    assert_eq!(story.state("a").waiting_for.as_deref(), Some("Unschedulable: so says Kubernetes"));
    let job = JobObservation { attempt: 1, scheduled_at: Some(story.now), state: JobState::Running };
    story.does(&Command::Observed { jobs: BTreeMap::from([(story.dag.id_of("a"), job)]) });
    assert_eq!(story.state("a").waiting_for, None);
    assert_eq!(story.state("a").timeline.scheduled_at, Some(story.now));

    let mut told_by_the_runner = Story::granted(dag("a"));
    told_by_the_runner.observed(&[("a", waiting("ContainerCreating", since))]).started("a");
    assert_eq!(told_by_the_runner.state("a").waiting_for, None);
}

#[test]
fn an_operator_is_lost_when_its_pod_has_ended_or_waits_for_too_long() {
    use FailureType::{System, UserFatal};
    let begun = Story::granted(dag("a; b: a"));
    let (since, minute) = (begun.now, 60);
    let cases = [
        (0, JobState::Running, None),
        (30 * minute, waiting("Unschedulable", since), None),
        (
            30 * minute + 1,
            waiting("Unschedulable", since),
            Some((System, "No node could take the operator's pod for 30 minutes (Unschedulable): so")),
        ),
        (10 * minute, waiting("ImagePullBackOff", since), None),
        (
            10 * minute + 1,
            waiting("ImagePullBackOff", since),
            Some((System, "The image could not be pulled for 10 minutes (ImagePullBackOff): so")),
        ),
        (
            10 * minute + 1,
            waiting("ErrImagePull", since),
            Some((System, "The image could not be pulled for 10 minutes")),
        ),
        (0, JobState::Succeeded, Some((System, "The operator's pod ended without reporting an outcome."))),
        (
            0,
            ended(Some(1), "Error"),
            Some((System, "The operator's pod failed without reporting an outcome (Error, exit code 1). so")),
        ),
        (
            0,
            ended(None, "Evicted"),
            Some((System, "The operator's pod failed without reporting an outcome (Evicted). so")),
        ),
        (
            0,
            ended(Some(137), "Evicted"),
            Some((System, "The operator's pod failed without reporting an outcome (Evicted")),
        ),
        (
            0,
            ended(Some(137), "OOMKilled"),
            Some((UserFatal, "The operator ran out of memory (OOMKilled, exit code 137). Ask for more")),
        ),
        (0, ended(None, "OOMKilled"), Some((UserFatal, "The operator ran out of memory (OOMKilled). Ask for more"))),
        (
            0,
            ended(Some(137), "Error"),
            Some((UserFatal, "The operator ran out of memory (Error, exit code 137). Ask for more")),
        ),
    ];
    for (seconds, job, verdict) in cases {
        let mut story = begun.clone();
        story.later(seconds).observed(&[("a", job.clone())]);
        let Some((failure_type, tip)) = verdict else {
            assert_eq!(story.statuses(), "a scheduled, b pending", "{job:?} after {seconds} s");
            continue;
        };
        assert_eq!(story.state("a").failure_type, Some(failure_type), "{job:?} after {seconds} s");
        let told = &story.state("a").error.as_ref().expect("an error").tip;
        assert!(told.starts_with(tip), "{told}");
        assert_eq!((story.statuses().as_str(), story.run.status), ("a failed, b canceled", RunStatus::Failed));
        assert_eq!(story.effects(), "wake");
    }
}

#[test]
fn a_jobs_end_says_nothing_against_a_reported_outcome() {
    let mut story = Story::granted(dag("a; b"));
    story.succeeded("a");
    story.observed(&[("a", ended(Some(1), "Error")), ("b", JobState::Running)]);
    assert_eq!(story.statuses(), "a succeeded, b scheduled");
}

#[test]
fn stale_and_unknown_news_is_ignored() {
    let mut story = Story::granted(dag("a; b: a"));
    let (a, b, stranger) = (story.dag.id_of("a"), story.dag.id_of("b"), OperatorId(Uuid::from_u128(99)));
    for (operator, attempt) in [(a, 0), (a, 2), (b, 0), (b, 1), (stranger, 1)] {
        story.ignores(&Command::Started { operator, attempt });
        story.ignores(&Command::Finished { operator, attempt, outcome: success() });
        story.ignores(&Command::Finished { operator, attempt, outcome: failed(FailureType::System) });
    }
    story.succeeded("a");
    let (operator, attempt) = (a, 1);
    story.later(1).ignores(&Command::Finished { operator, attempt, outcome: failed(FailureType::UserFatal) });
    story.ignores(&Command::Started { operator, attempt });
}
