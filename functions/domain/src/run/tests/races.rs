//! Attempts, pods, people and a closed door, in every order: what must hold of all of them.

use super::*;
use crate::flow::Limits;
use crate::flow::tests::sample::acyclic;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;
use std::collections::BTreeSet;

/// A piece of news about the operator that the index chooses, from one of two pods of an attempt.
#[derive(Debug, Clone)]
struct News {
    choice: Index,
    what: u8,
    attempt: u32,
    pod: u8,
    after: i64,
}

/// What pods did that were let.
#[derive(Default)]
struct Calls {
    /// Who called the function of which attempt.
    allowed: BTreeSet<(OperatorId, u32, String)>,
}

fn news() -> impl Strategy<Value = News> {
    let what = prop_oneof![40 => 0..=13_u8, 1 => 14..=15_u8];
    (any::<Index>(), what, 1..=4_u32, 0..2_u8, prop_oneof![Just(0_i64), Just(1), Just(20), Just(7200)])
        .prop_map(|(choice, what, attempt, pod, after)| News { choice, what, attempt, pod, after })
}

fn happens(story: &mut Story, calls: &mut Calls, news: &News) {
    let ids: Vec<OperatorId> = story.dag.operators.keys().copied().collect();
    let operator = ids[news.choice.index(ids.len())];
    // Half of the news are of the present attempt, whichever that is.
    let attempt = if news.attempt > 2 { story.run.operators[&operator].attempt.max(1) } else { news.attempt };
    let name = format!("pod-{attempt}-{}", news.pod);
    let pod = Some(name.clone());
    let outputs = |attempt: u32| {
        let (artifact_type, serialization_type) = ("json".to_owned(), "json".to_owned());
        let artifact_id = ArtifactId(Uuid::from_u128(1));
        vec![OutputType { artifact_id, artifact_type, serialization_type, size_bytes: u64::from(attempt) }]
    };
    let reported = |outcome| Command::Reported { operator, attempt, pod: pod.clone(), outcome };
    let failed = |cause: Cause| Outcome::Failed {
        failure_type: cause.failure_type(),
        cause,
        error: OperatorError::default(),
        outputs: vec![],
    };
    let seen = |state: JobState| {
        let job = JobObservation { attempt, scheduled_at: None, pod: pod.clone(), node: None, state };
        Command::Observed(Observation { at: story.now, jobs: BTreeMap::from([(operator, job)]), nodes: None })
    };
    let died =
        |reason: &str| seen(JobState::Failed { exit_code: None, reason: reason.to_owned(), message: String::new() });
    let command = match news.what {
        0..=2 => {
            Command::Started { operator, attempt, beginning: Beginning { pod: pod.clone(), ..Beginning::default() } }
        }
        3..=4 => reported(Outcome::Succeeded { outputs: outputs(attempt), system_metadata: SystemMetadata::default() }),
        5 => reported(failed(Cause::Transport)),
        6 => reported(failed(Cause::TimedOut)),
        7 => died("Evicted"),
        8 => died("OOMKilled"),
        9 => died("DeadlineExceeded"),
        10 => seen(JobState::Running),
        11 => Command::Observed(Observation::nothing(story.now)),
        12 => refused(),
        13 => Command::LetIn,
        14 => Command::Cancel,
        _ => lost(),
    };
    let before = story.run.clone();
    story.later(news.after).does(&command);
    check_attempts(&before, story);
    let state = &story.run.operators[&operator];
    if matches!(command, Command::Started { .. }) && state.is_begun_by(attempt, pod.as_deref()) {
        calls.allowed.insert((operator, attempt, name));
    }
}

/// What holds of every step: attempts follow each other one by one, each in place of one that was lost and is given up,
/// and never once the run is over.
fn check_attempts(before: &Run, story: &Story) {
    for (id, state) in &story.run.operators {
        let earlier = &before.operators[id];
        assert!(state.attempt == earlier.attempt || state.attempt == earlier.attempt + 1, "{}", state.name);
        assert_eq!(state.stored_as, state.attempt, "{} writes where its attempt does", state.name);
        if state.attempt > 1 && state.attempt > earlier.attempt {
            assert!(earlier.status.is_active(), "{} was {:?}", state.name, earlier.status);
            assert_eq!(state.lost.last().map(|lost| lost.attempt), Some(earlier.attempt));
        }
        assert!(state.lost.iter().map(|lost| lost.attempt).eq(1..state.attempt.max(1)), "{:?}", state.lost);
        assert!(state.lost.iter().all(|lost| is_tried_again(lost.cause, false, 0, Some(1))), "{:?}", state.lost);
        for output in &state.outputs {
            assert_eq!(output.size_bytes, u64::from(state.attempt), "an output of another attempt");
        }
    }
    let starts =
        story.effects.iter().filter(|effect| matches!(effect, Effect::StartJob { .. } | Effect::Compute { .. }));
    assert!(!story.run.status.is_final() || starts.count() == 0, "something starts after the end");
}

fn with_retries(mut dag: Dag, retries: &[Option<i64>]) -> Dag {
    for (operator, retries) in dag.operators.values_mut().zip(retries) {
        operator.limits = Limits::parse(None, *retries).expect("limits");
    }
    dag
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn a_function_is_called_once_per_attempt_and_no_more_often_than_its_author_lets_it(
        dag in acyclic(),
        retries in vec(prop_oneof![Just(None), (0..=2_i64).prop_map(Some)], 8),
        news in vec(news(), 0..60),
    ) {
        let mut story = Story::granted(with_retries(dag, &retries));
        let mut calls = Calls::default();
        news.iter().for_each(|news| happens(&mut story, &mut calls, news));
        for (id, operator) in &story.dag.operators {
            let attempts: Vec<u32> = calls.allowed.iter().filter(|(of, ..)| of == id).map(|(_, n, _)| *n).collect();
            let different: BTreeSet<_> = attempts.iter().collect();
            prop_assert_eq!(attempts.len(), different.len(), "two pods of one attempt: {:?}", calls.allowed);
            let most = 1 + usize::from(operator.limits.retries.unwrap_or(0));
            prop_assert!(attempts.len() <= most, "{} calls, {} allowed", attempts.len(), most);
            let asked = operator.limits.retries.unwrap_or(UNASKED_RETRIES);
            prop_assert!(story.run.operators[id].attempt <= 1 + u32::from(asked));
        }
    }

    /// A cancellation and all that runs: whatever comes first is true, and whatever comes later is not heard.
    #[test]
    fn what_comes_after_a_cancellation_changes_nothing(
        dag in acyclic(),
        before in vec(news(), 0..20),
        after in vec(news(), 1..20),
    ) {
        let mut story = Story::granted(dag);
        let mut calls = Calls::default();
        before.iter().for_each(|news| happens(&mut story, &mut calls, news));
        let over = story.run.status.is_final();
        story.does(&Command::Cancel);
        prop_assert!(over || story.effects.contains(&Effect::DeleteJobs), "its pods are deleted");
        prop_assert!(over || story.run.may_leave_pods());
        let end = story.run.clone();
        after.iter().for_each(|news| happens(&mut story, &mut calls, news));
        prop_assert_eq!(&story.run, &end);
    }
}

#[test]
fn a_second_pod_of_an_attempt_says_nothing_of_the_function_that_runs_in_the_first() {
    let mut story = Story::granted(dag("a"));
    story.started("a");
    let operator = story.dag.id_of("a");
    let report = |pod: &str, outcome| Command::Reported { operator, attempt: 1, pod: Some(pod.to_owned()), outcome };
    story.ignores(&report("another", failed(FailureType::UserFatal)));
    story.ignores(&report("another", success()));
    story.does(&report("a-1", success()));
    assert_eq!(story.run.status, RunStatus::Succeeded);

    // Before any has begun, each may say what kept it from that; and one that does not say who it is, is believed.
    for pod in [Some("a-1".to_owned()), None] {
        let mut story = Story::granted(dag("a"));
        story.does(&Command::Reported { operator, attempt: 1, pod, outcome: failed(FailureType::UserFatal) });
        assert_eq!(story.run.status, RunStatus::Failed);
    }
}

#[test]
fn a_pod_that_succeeds_as_its_run_is_canceled_has_succeeded_if_it_was_first() {
    let race = |commands: [fn(&mut Story); 2]| {
        let mut story = Story::granted(dag("a; b: a"));
        story.started("a");
        commands.iter().for_each(|command| command(&mut story));
        (story.statuses(), story.run.status)
    };
    let succeeds: fn(&mut Story) = |story| _ = story.succeeded("a");
    let cancels: fn(&mut Story) = |story| _ = story.does(&Command::Cancel);
    assert_eq!(race([succeeds, cancels]), ("a succeeded, b canceled".to_owned(), RunStatus::Canceled));
    assert_eq!(race([cancels, succeeds]), ("a canceled, b canceled".to_owned(), RunStatus::Canceled));
}

#[test]
fn an_attempt_that_is_replaced_as_its_run_is_canceled_is_not() {
    let mut graph = dag("a");
    graph.operator_mut("a").limits = Limits::parse(Some(5), Some(3)).expect("limits");
    let evicted = || JobState::Failed { exit_code: None, reason: "Evicted".to_owned(), message: String::new() };
    let mut story = Story::granted(graph);
    story.started("a").later(60).observed(&[("a", evicted())]);
    assert_eq!(story.effects(), "delete a 1, start a");
    story.does(&Command::Cancel);
    story.later(60).observed(&[("a", evicted())]);
    assert_eq!((story.statuses().as_str(), story.effects().as_str()), ("a canceled", "wake"));
    assert!(story.run.may_leave_pods(), "the second Job may have been created meanwhile");
}
