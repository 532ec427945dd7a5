//! Operators that are lost without a word: each ends with the true reason and a remedy.

use super::*;

fn waiting(reason: &str, message: &str, since: Timestamp) -> JobState {
    JobState::Waiting { reason: reason.to_owned(), message: message.to_owned(), since }
}

fn ended(exit_code: Option<i32>, reason: &str) -> JobState {
    JobState::Failed { exit_code, reason: reason.to_owned(), message: "so says Kubernetes".to_owned() }
}

/// A run whose one function began five minutes ago.
fn begun() -> Story {
    let mut story = Story::granted(dag("a; b: a"));
    story.observed(&[("a", JobState::Running)]).started("a").later(300);
    story
}

/// What became of the operator: its cause and tip.
fn fate(story: &Story) -> (Cause, FailureType, String) {
    let state = story.state("a");
    let tip = state.error.as_ref().expect("an error").tip.clone();
    assert_eq!((story.statuses().as_str(), story.run.status), ("a failed, b canceled", RunStatus::Failed), "{tip}");
    assert_eq!(story.effects(), format!("delete a {}, wake", state.attempt), "{tip}");
    (state.cause.expect("a cause"), state.failure_type.expect("a type"), tip)
}

#[test]
fn an_end_without_a_report_is_told_with_its_true_reason_and_a_remedy() {
    use Cause::*;
    let cases = [
        (JobState::Succeeded, Silent, "The operator's pod ended without reporting an outcome. Run the flow again"),
        (
            ended(Some(1), "Error"),
            Silent,
            "The operator's pod failed without reporting an outcome (Error, exit code 1: so says Kubernetes). Run",
        ),
        (
            ended(Some(137), "OOMKilled"),
            OutOfMemory,
            "The operator ran out of memory (OOMKilled, exit code 137: so says Kubernetes). Ask for more with",
        ),
        (ended(None, "OOMKilled"), OutOfMemory, "The operator ran out of memory (OOMKilled: so says Kubernetes)."),
        (
            ended(Some(137), "Error"),
            Killed,
            "The operator's container was killed (Error, exit code 137: so says Kubernetes). Kubernetes does not say",
        ),
        (ended(Some(137), "ContainerStatusUnknown"), Killed, "The operator's container was killed"),
        (ended(Some(143), "Error"), Killed, "The operator's container was told to stop"),
        (ended(Some(137), "Evicted"), Evicted, "The operator's pod was evicted from its node (Evicted, exit code 137"),
        (ended(None, "EvictionByEvictionAPI"), Evicted, "The operator's pod was evicted"),
        (ended(None, "PreemptionByScheduler"), Evicted, "The operator's pod was evicted"),
        (ended(Some(137), "DeletionByTaintManager"), NodeLost, "The node 'node-1' was lost with the operator's pod ("),
        (ended(None, "DeletionByPodGC"), NodeLost, "The node 'node-1' was lost with the operator's pod ("),
        (ended(Some(143), "Terminated"), NodeLost, "The node 'node-1' was lost with the operator's pod ("),
        (ended(None, "PodGone"), PodDeleted, "The operator's pod was deleted (so says Kubernetes). Somebody"),
        (ended(Some(143), "PodDeleted"), PodDeleted, "The operator's pod was deleted (so says Kubernetes). Somebody"),
        (ended(None, "DeadlineExceeded"), TimedOut, "The operator's pod was ended since its timeout is long over"),
        (ended(Some(128), "StartError"), NotStarted, "The operator's container could not be started (StartError"),
        (ended(None, "OutOfcpu"), NotAdmitted, "The node did not admit the operator's pod (OutOfcpu"),
        (ended(None, "OutOfmemory"), NotAdmitted, "The node did not admit the operator's pod (OutOfmemory"),
        (ended(None, "UnexpectedAdmissionError"), NotAdmitted, "The node did not admit the operator's pod"),
    ];
    for (job, cause, begins) in cases {
        let mut story = begun();
        story.observed(&[("a", job.clone())]);
        let (found, failure_type, tip) = fate(&story);
        assert_eq!((found, failure_type), (cause, cause.failure_type()), "{job:?}: {tip}");
        assert!(tip.starts_with(begins), "{tip}");
        assert!(tip.contains(". ") && tip.ends_with('.'), "no remedy: {tip}");
    }
}

#[test]
fn whoever_waits_for_too_long_is_given_up_for_what_it_waits_for() {
    use Cause::*;
    let minute = 60;
    // Kubernetes' word and sentence, whether the pod has a node, how long it may wait, the cause and the tip.
    let cases = [
        (
            "Unschedulable",
            "0/1 nodes",
            false,
            30,
            Unschedulable,
            "No node could take the operator's pod for 30 minutes (Unschedulable: 0/1 nodes). The node group",
        ),
        ("Pending", "", false, 30, Unschedulable, "No node could take the operator's pod for 30 minutes (Pending)"),
        (
            "ImagePullBackOff",
            "Back-off",
            true,
            10,
            ImageUnavailable,
            "The operator's image could not be pulled for 10 minutes (ImagePullBackOff: Back-off)",
        ),
        (
            "ErrImagePull",
            "toomanyrequests",
            true,
            10,
            ImageUnavailable,
            "The operator's image could not be pulled for 10 minutes",
        ),
        (
            "CreateContainerConfigError",
            "no secret",
            true,
            10,
            NotStarted,
            "The operator's container could not be started for 10 minutes (CreateContainerConfigError: no secret)",
        ),
        ("ContainerCreating", "", true, 10, NotStarted, "The operator's container could not be started for 10 minutes"),
        (
            NO_POD,
            "quota",
            false,
            10,
            NotStarted,
            "Kubernetes did not create the operator's pod for 10 minutes (NoPod: quota)",
        ),
    ];
    for (reason, message, has_node, minutes, cause, begins) in cases {
        let queued = Story::granted(dag("a; b: a"));
        let since = queued.now;
        let after = |seconds: i64| {
            let mut story = queued.clone();
            let scheduled_at = has_node.then_some(since);
            let job = JobObservation { scheduled_at, ..seen(1, waiting(reason, message, since)) };
            let a = story.dag.id_of("a");
            story.later(seconds).sees(BTreeMap::from([(a, job)]), &["node-1"]);
            story
        };
        assert_eq!(after(minutes * minute).statuses(), "a scheduled, b pending", "{reason}");
        let (found, failure_type, tip) = fate(&after(minutes * minute + 1));
        assert_eq!((found, failure_type), (cause, FailureType::System));
        assert!(tip.starts_with(begins), "{tip}");
    }
}

#[test]
fn an_image_that_does_not_exist_is_not_waited_for() {
    for (reason, message) in [
        ("ErrImagePull", "rpc error: code = NotFound desc = failed to resolve: docker.io/library/python:9: not found"),
        ("ImagePullBackOff", "Back-off pulling image: ErrImagePull: manifest unknown"),
        ("ErrImagePull", "no match for platform in manifest"),
        ("InvalidImageName", ""),
    ] {
        let mut story = Story::granted(dag("a; b: a"));
        let since = story.now;
        story.observed(&[("a", waiting(reason, message, since))]);
        let (cause, failure_type, tip) = fate(&story);
        assert_eq!((cause, failure_type), (Cause::ImageInvalid, FailureType::System));
        assert!(tip.starts_with("The operator's image cannot be pulled") && tip.contains(message), "{tip}");
    }
}

#[test]
fn a_node_that_is_gone_has_taken_its_pod_along_whatever_is_still_shown_of_it() {
    let a = begun().dag.id_of("a");
    let on_node = |state| {
        let (pod, node) = (Some("a-1".to_owned()), Some("node-1".to_owned()));
        JobObservation { pod, node, ..seen(1, state) }
    };
    let no_pod = JobObservation { node: None, pod: None, ..on_node(ended(None, POD_GONE)) };
    let replaced = JobObservation { node: None, pod: None, ..on_node(waiting(NO_POD, "", begun().now)) };
    for job in [on_node(JobState::Running), no_pod, replaced] {
        let mut story = begun();
        story.sees(BTreeMap::from([(a, job)]), &["node-2"]);
        let (cause, failure_type, tip) = fate(&story);
        assert_eq!((cause, failure_type), (Cause::NodeLost, FailureType::System), "{tip}");
        assert!(
            tip.starts_with("The node 'node-1' was lost with the operator's pod") && tip.contains(". AWS"),
            "{tip}"
        );
    }
    // A node may have joined between the two lists that an observation is made of.
    let mut fresh = Story::granted(dag("a; b: a"));
    let scheduled_at = Some(fresh.now);
    fresh.later(3).sees(BTreeMap::from([(a, JobObservation { scheduled_at, ..on_node(JobState::Running) })]), &[]);
    assert_eq!(fresh.statuses(), "a scheduled, b pending");
    fresh.started("a").later(3);
    fresh.sees(BTreeMap::from([(a, on_node(JobState::Running))]), &[]);
    assert_eq!(fresh.statuses(), "a running, b pending");
    // Nobody looked at the nodes.
    let mut story = begun();
    let jobs = BTreeMap::from([(a, on_node(JobState::Running))]);
    story.does(&Command::Observed(Observation { at: story.now, jobs, nodes: None }));
    assert_eq!(story.statuses(), "a running, b pending");
}

#[test]
fn a_node_that_does_not_answer_is_waited_for_as_long_as_kubernetes_waits() {
    let a = begun().dag.id_of("a");
    let sees = |story: &mut Story, state: JobState| {
        let (pod, node) = (Some("a-1".to_owned()), Some("node-1".to_owned()));
        let jobs = BTreeMap::from([(a, JobObservation { pod, node, ..seen(1, state) })]);
        let nodes = Some(BTreeMap::from([("node-1".to_owned(), NodeState::NotReady)]));
        story.does(&Command::Observed(Observation { at: story.now, jobs, nodes }));
    };
    let mut story = begun();
    sees(&mut story, JobState::Running);
    assert_eq!(story.statuses(), "a running, b pending");
    assert!(story.state("a").waiting_for.as_ref().is_some_and(|text| text.contains("node-1 has not answered")));
    let until = story.now;
    let reason = "DeletionByTaintManager".to_owned();
    sees(
        &mut story,
        JobState::Ending { until, reason, message: "Taint manager: deleting due to NoExecute taint".into() },
    );
    let (cause, _, tip) = fate(&story);
    assert_eq!(cause, Cause::NodeLost);
    assert!(tip.contains("'node-1'") && tip.contains("DeletionByTaintManager: Taint manager"), "{tip}");
}

#[test]
fn a_pod_that_is_being_deleted_may_still_report_until_its_grace_is_over() {
    for (reason, cause) in [("", Cause::PodDeleted), ("EvictionByEvictionAPI", Cause::Evicted)] {
        let mut story = begun();
        let until = story.now + SignedDuration::from_secs(30);
        let ending = JobState::Ending { until, reason: reason.to_owned(), message: String::new() };
        story.observed(&[("a", ending.clone())]).later(90).observed(&[("a", ending.clone())]);
        assert_eq!(story.statuses(), "a running, b pending");
        story.later(1).observed(&[("a", ending)]);
        assert_eq!(fate(&story).0, cause);
    }
}

#[test]
fn another_pod_than_the_one_that_began_cannot_replace_it() {
    let a = begun().dag.id_of("a");
    let (pod, node) = (Some("other".to_owned()), Some("node-2".to_owned()));
    let other = JobObservation { pod, node, ..seen(1, JobState::Running) };
    // It was refused, and has failed.
    let refused = JobObservation { state: ended(Some(1), "Error"), ..other.clone() };
    for (job, nodes, cause) in [
        (&other, ["node-1", "node-2"], Cause::PodDeleted),
        (&refused, ["node-1", "node-2"], Cause::PodDeleted),
        (&other, ["node-2", "node-3"], Cause::NodeLost),
        (&refused, ["node-2", "node-3"], Cause::NodeLost),
    ] {
        let mut story = begun();
        story.sees(BTreeMap::from([(a, job.clone())]), &nodes);
        let (found, _, tip) = fate(&story);
        assert_eq!((found, tip.contains("'node-1'")), (cause, cause == Cause::NodeLost), "{tip}");
    }
    // It was seen before the function began, and is told of only now.
    let mut early = Story::granted(dag("a; b: a"));
    early.started("a").later(5).sees(BTreeMap::from([(a, other)]), &["node-1"]);
    assert_eq!(early.statuses(), "a running, b pending");
    // And may not call the function.
    let state = begun().state("a").clone();
    assert!(state.is_begun_by(1, Some("a-1")) && !state.is_begun_by(1, Some("other")) && !state.is_begun_by(2, None));
}

#[test]
fn a_job_that_was_there_and_is_gone_is_never_created_anew_under_a_running_function() {
    let mut story = begun();
    story.observed(&[]);
    let (cause, failure_type, tip) = fate(&story);
    assert_eq!((cause, failure_type), (Cause::JobDeleted, FailureType::System));
    assert!(tip.starts_with("The operator's Kubernetes Job is gone. Somebody deleted it"), "{tip}");

    let mut late = Story::granted(dag("a; b: a"));
    let before = late.now;
    late.later(60).observed(&[("a", JobState::Running)]).started("a");
    late.does(&Command::Observed(Observation { at: before, ..Observation::nothing(before) }));
    assert_eq!(late.statuses(), "a running, b pending", "that look was older than the Job");
}

#[test]
fn what_lost_operators_leave_is_cleared_up() {
    let mut story = begun();
    assert!(!story.run.may_leave_pods());
    story.observed(&[("a", ended(None, "Evicted"))]);
    assert!(story.run.may_leave_pods());
    let mut well = begun();
    well.succeeded("a").succeeded("b");
    assert!(!well.run.may_leave_pods());
    let mut reported = begun();
    reported.failed("a", FailureType::UserFatal);
    assert!(!reported.run.may_leave_pods());
}
