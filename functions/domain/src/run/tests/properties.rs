//! What holds of all runs, whatever happens to them and in whatever order. What holds of every decision, and that a
//! repeated command changes nothing, is checked by the story after every command.

use super::*;
use crate::flow::tests::sample::acyclic;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;

/// A piece of news about the operator that the index chooses.
type News = (Index, u8, u32);

fn happens(story: &mut Story, (choice, what, attempt): &News) {
    let ids: Vec<OperatorId> = story.dag.operators.keys().copied().collect();
    let (operator, attempt) = (ids[choice.index(ids.len())], *attempt);
    let outcome = |outcome| Command::Finished { operator, attempt, outcome };
    let at = story.now;
    let observed = |state: Option<JobState>| {
        let jobs = state.map(|state| (operator, seen(attempt, state))).into_iter().collect();
        Command::Observed(Observation { at, jobs, nodes: None })
    };
    let since = story.now - SignedDuration::from_mins(60);
    let (reason, message) = ("Unschedulable".to_owned(), String::new());
    let command = match what {
        0..=3 => Command::Started { operator, attempt, beginning: Beginning::default() },
        4..=10 => outcome(success()),
        11 => outcome(failed(FailureType::System)),
        12 => outcome(failed(FailureType::UserFatal)),
        13 => outcome(failed(FailureType::UserNonFatal)),
        14 => observed(None),
        15 => observed(Some(JobState::Running)),
        16 => observed(Some(JobState::Succeeded)),
        17 => observed(Some(JobState::Waiting { reason, message, since })),
        18 => Command::Granted { generation: Some(2), hardware: None },
        19 => Command::Cancel,
        _ => lost(),
    };
    story.later(1).does(&command);
}

/// Mostly the first attempt, and seldom an end to everything.
fn news() -> impl Strategy<Value = News> {
    let what = prop_oneof![30 => 0..=17_u8, 1 => 18..=20_u8];
    (any::<Index>(), what, prop_oneof![9 => Just(1_u32), 1 => Just(2)])
}

proptest! {
    #[test]
    fn every_run_ends_with_all_its_operators(dag in acyclic(), news in vec(news(), 0..30)) {
        let mut story = Story::submitted(dag);
        let half = news.len() / 4;
        news[..half].iter().for_each(|news| happens(&mut story, news));
        story.does(&Command::Granted { generation: Some(1), hardware: None });
        news[half..].iter().for_each(|news| happens(&mut story, news));
        // Every operator that still has something to do does it well: each round finishes one at least.
        for _ in 0..story.dag.operators.len() {
            let active = story.run.operators.iter().filter(|(_, state)| state.status.is_active());
            let active: Vec<OperatorId> = active.map(|(id, _)| *id).collect();
            for operator in active {
                let attempt = story.run.operators[&operator].attempt;
                story.does(&Command::Finished { operator, attempt, outcome: success() });
            }
        }
        prop_assert!(story.run.status.is_final(), "{}", story.statuses());

        let harm = story.run.operators.values().any(|state| {
            matches!(state.failure_type, Some(FailureType::System | FailureType::UserFatal))
        });
        match story.run.status {
            RunStatus::Succeeded => prop_assert!(!harm),
            RunStatus::Failed => prop_assert!(harm || story.run.error.is_some()),
            _ => {}
        }
    }

    /// A run that only meets failures of its own operators: an operator is canceled exactly if something that it waits
    /// for did not come.
    #[test]
    fn an_operator_runs_exactly_if_its_inputs_came(dag in acyclic(), outcomes in vec(0..4_u8, 8)) {
        let mut story = Story::granted(dag);
        let ids: Vec<OperatorId> = story.dag.in_order();
        for (operator, outcome) in ids.iter().zip(outcomes) {
            let outcome = match outcome {
                0 => failed(FailureType::UserFatal),
                1 => failed(FailureType::UserNonFatal),
                _ => success(),
            };
            story.does(&Command::Finished { operator: *operator, attempt: 1, outcome });
        }
        for (id, state) in &story.run.operators {
            let came = story.dag.upstream(*id).all(|id| story.run.operators[&id].is_satisfied());
            prop_assert_eq!(state.status == OperatorStatus::Canceled, !came, "{}", story.statuses());
        }
        prop_assert!(story.run.status.is_final());
    }
}
