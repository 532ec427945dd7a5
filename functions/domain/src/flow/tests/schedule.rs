//! Flows that start each other.

use crate::flow::{DagId, Flow, FlowId, Retention, Schedule, ScheduleError, Timestamp};
use uuid::Uuid;

fn id(number: u128) -> FlowId {
    FlowId(Uuid::from_u128(number))
}

fn flow(number: u128, schedule: Schedule) -> Flow {
    Flow {
        id: id(number),
        name: format!("flow {number}"),
        description: String::new(),
        dag: DagId(Uuid::nil()),
        versions: vec![],
        created_at: Timestamp::UNIX_EPOCH,
        schedule,
        keep_runs: Retention::All,
        scheduled_at: None,
    }
}

fn after(source: u128) -> Schedule {
    Schedule::Cascade { source: id(source) }
}

#[test]
fn a_flow_may_run_after_one_that_exists() {
    let flows = [flow(1, Schedule::Manual), flow(2, after(1))];
    assert_eq!(after(2).check(id(3), &flows), Ok(()));
    assert_eq!(after(4).check(id(3), &flows), Err(ScheduleError::UnknownSource(id(4))));
}

#[test]
fn flows_that_would_start_each_other_are_refused() {
    let flows = [flow(1, Schedule::Manual), flow(2, after(1)), flow(3, after(2))];
    let circle = |name: &str| Err(ScheduleError::Circle { source_name: name.to_owned() });
    assert_eq!(after(3).check(id(1), &flows), circle("flow 3"));
    assert_eq!(after(1).check(id(1), &flows), circle("flow 1"));
}

#[test]
fn a_circle_that_is_stored_already_does_not_hold_up_others() {
    let flows = [flow(1, after(2)), flow(2, after(1))];
    assert_eq!(after(1).check(id(3), &flows), Ok(()));
}
