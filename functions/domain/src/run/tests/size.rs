//! The largest run fits into one item of the store.

use super::*;

/// DynamoDB's limit, with room for the names of attributes and a task token.
const LARGEST_ITEM: usize = 400 * 1024 - 4 * 1024;

#[test]
fn the_largest_run_fits_into_one_item_however_it_fails() {
    fits(0);
}

#[test]
fn the_largest_run_fits_into_one_item_with_all_that_was_repeated() {
    fits(2);
}

/// The largest run whose operators have each lost so many attempts before the last one.
fn fits(lost: u32) {
    let names = |index: usize| format!("an_operator_with_a_name_of_49_characters_number_{index:03}");
    let graph = (0..480).map(names).collect::<Vec<_>>().join("; ");
    let long = "y".repeat(200_000);
    let mut story = Story::granted(dag(&graph));
    story.now += SignedDuration::from_nanos(123_456_789);
    let ids: Vec<OperatorId> = story.dag.operators.keys().copied().collect();
    for (index, operator) in ids.into_iter().enumerate() {
        let mut decide = |command: Command| story.run = decide(&story.run, &story.dag, &command, story.now).run;
        let output = OutputType {
            artifact_id: ArtifactId(Uuid::nil()),
            artifact_type: "dictionary".to_owned(),
            serialization_type: "bson_table".to_owned(),
            size_bytes: 123_456_789,
        };
        // 600 in all, as many as a flow may have.
        let outputs = || vec![output.clone(); if index < 120 { 2 } else { 1 }];
        let outcome = |cause: Cause| {
            let error = OperatorError { tip: long.clone(), context: long.clone() };
            Outcome::Failed { failure_type: cause.failure_type(), cause, error, outputs: outputs() }
        };
        for attempt in 1..=lost {
            decide(Command::Finished { operator, attempt, outcome: outcome(Cause::Transport) });
        }
        let attempt = lost + 1;
        let beginning =
            Beginning { pod: Some(Uuid::nil().to_string()), node: Some("ip-10-0-1-23".into()), container_at: None };
        decide(Command::Started { operator, attempt, beginning });
        let measured = Some("1234.567890123".to_owned());
        let system_metadata = SystemMetadata { runtime: measured.clone(), max_memory: measured };
        let outcome = match index % 2 {
            0 => outcome(Cause::Function),
            _ => Outcome::Succeeded { outputs: outputs(), system_metadata },
        };
        decide(Command::Finished { operator, attempt, outcome });
    }
    assert!(story.run.status.is_final());
    let size = serde_json::to_string(&story.run).expect("serialises").len();
    assert!(size < LARGEST_ITEM, "{size} bytes, {lost} lost attempts each");
}

#[test]
fn a_run_that_is_lost_in_the_middle_of_everything_fits_too() {
    let graph = (0..480).map(|index| format!("operator_{index:03}")).collect::<Vec<_>>().join("; ");
    let mut story = Story::granted(dag(&graph));
    assert!(story.run.operators.values().all(|state| state.status.is_active()));
    let failure = Failure::new(FailureClass::Unknown, "the state machine failed: ".to_owned() + &"é".repeat(100_000));
    story.does(&Command::ClusterLost { failure });
    assert_eq!(story.run.status, RunStatus::Failed);
    let size = serde_json::to_string(&story.run).expect("serialises").len();
    assert!(size < LARGEST_ITEM, "{size} bytes");
    let told = story.run.error.expect("a reason").message;
    assert!(told.starts_with("the state machine failed: é") && told.ends_with("…"), "{told}");
}
