//! The soak's judgement: it must find what it looks for.

mod journal;

use journal::{builds, doubled, lines, wrong_teardowns};
use serde_json::{Value, json};

/// The journal's lines of one build.
fn build(id: &str, cluster: &str, action: &str, began: i64, ended: Option<i64>) -> Vec<Value> {
    let variables = json!({"CLUSTER_ID": cluster, "ACTION": action});
    let mut lines = vec![json!({"event": "begin", "id": id, "variables": variables, "at_ms": began})];
    if let Some(ended) = ended {
        lines.push(json!({"event": "end", "id": id, "variables": variables, "at_ms": ended, "status": "SUCCEEDED"}));
    }
    lines
}

fn run(cluster: &str, granted: Option<&str>, ended: Option<&str>) -> Value {
    json!({"id": "r", "cluster": {"id": cluster}, "granted_at": granted, "ended_at": ended})
}

#[test]
fn builds_of_one_cluster_at_a_time_are_told_from_two_at_once() {
    let one_after_the_other = [build("1", "c", "apply", 0, Some(5)), build("2", "c", "destroy", 5, Some(9))].concat();
    assert_eq!(doubled(&builds(&one_after_the_other)), Vec::<String>::new());
    let of_two_clusters = [build("1", "c", "apply", 0, Some(5)), build("2", "d", "apply", 1, Some(9))].concat();
    assert_eq!(doubled(&builds(&of_two_clusters)), Vec::<String>::new());
    let overlapping = [build("1", "c", "apply", 0, Some(6)), build("2", "c", "destroy", 5, Some(9))].concat();
    assert_eq!(doubled(&builds(&overlapping)).len(), 1);
    let never_ended = [build("1", "c", "apply", 0, None), build("2", "c", "destroy", 5, Some(9))].concat();
    assert_eq!(doubled(&builds(&never_ended)).len(), 1);
}

#[test]
fn a_teardown_is_wrong_while_a_run_has_the_cluster_and_at_no_other_time() {
    let teardown = builds(&build("1", "c", "destroy", 10_000, Some(20_000)));
    let at = |seconds: u32| format!("1970-01-01T00:00:{seconds:02}Z");
    let wrong = |granted: Option<u32>, ended: Option<u32>| {
        let run = run("c", granted.map(at).as_deref(), ended.map(at).as_deref());
        wrong_teardowns(&teardown, &[run]).len()
    };
    assert_eq!(wrong(Some(1), Some(9)), 0, "over before");
    assert_eq!(wrong(Some(30), None), 0, "granted the next cluster");
    assert_eq!(wrong(None, None), 0, "only waiting");
    assert_eq!(wrong(Some(1), Some(11)), 1, "still running");
    assert_eq!(wrong(Some(1), None), 1, "never ended");
    assert_eq!(wrong_teardowns(&teardown, &[run("d", Some(&at(1)), None)]).len(), 0, "another cluster");
    let creation = builds(&build("1", "c", "apply", 10_000, Some(20_000)));
    assert_eq!(wrong_teardowns(&creation, &[run("c", Some(&at(1)), None)]).len(), 0, "no teardown");
}

#[test]
fn a_journal_that_is_not_there_yet_is_empty() {
    assert!(lines(std::path::Path::new("/nonexistent/builds.jsonl"), 0).is_empty());
}
