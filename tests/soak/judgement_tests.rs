//! The soak's judgement: it must find what it looks for, and count what it saw.

mod faults;
mod journal;
mod plan;
mod tally;

use journal::{builds, deleted_work, doubled, lines, struck, wrong_teardowns};
use plan::Plan;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use tally::{Outcome, Tally};

/// The journal's lines of one build.
fn build(id: &str, cluster: &str, action: &str, began: i64, ended: Option<i64>) -> Vec<Value> {
    let variables =
        json!({"CLUSTER_ID": cluster, "ACTION": action, "OUTPUT_PREFIX": format!("s3://bucket/builds/{id}")});
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

    // What counts is when Terraform worked: one that has put its state away may still be ending.
    let stream = |milliseconds: [u32; 2]| {
        let event = |at: u32| json!({"@timestamp": format!("1970-01-01T00:00:00.{at:03}000Z")}).to_string();
        milliseconds.map(event).join("\n") + "\nhalf a li"
    };
    let mut told = builds(&overlapping);
    assert_eq!(told[0].reports, "builds/1");
    told[0].reads(&stream([1, 4]));
    told[1].reads(&stream([6, 8]));
    assert_eq!(doubled(&told), Vec::<String>::new());
    told[1].reads(&stream([3, 8]));
    assert_eq!(doubled(&told).len(), 1);
    told[0].status = "STOPPED".to_owned();
    told[0].worked = None;
    assert_eq!(doubled(&told), Vec::<String>::new(), "it was stopped before it began to work");
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
fn a_deletion_is_wrong_while_a_live_run_has_a_pod_there_and_at_no_other_time() {
    let pod = json!({"name": "p", "labels": {"ondemand-eks/run": "r"}});
    let deletion = |pods: Value| json!({"at_ms": 10_000, "cluster": "ondemand-1-g1", "group": "cpu", "pods": pods});
    let wrong = |pods: Value, ended: Option<&str>| {
        deleted_work(&[deletion(pods)], &[run("c", Some("1970-01-01T00:00:01Z"), ended)]).len()
    };
    assert_eq!(wrong(json!([pod]), None), 1, "it was at work");
    assert_eq!(wrong(json!([pod]), Some("1970-01-01T00:00:11Z")), 1, "and ended later");
    assert_eq!(wrong(json!([pod]), Some("1970-01-01T00:00:09Z")), 0, "its run was over");
    assert_eq!(wrong(json!([]), None), 0, "the run has no pod there");
    assert_eq!(wrong(json!([{"name": "p", "labels": {"ondemand-eks/run": "other"}}]), None), 0, "of another run");
}

#[test]
fn what_struck_is_counted_without_what_came_too_late() {
    let lambda = |subject: &str| json!({"kind": "lambda", "action": "delay", "subject": subject});
    let build = json!({"kind": "build", "action": "kill", "subject": "apply"});
    let missed = json!({"kind": "build", "action": "kill", "subject": "apply", "missed": true});
    let aws = |code: &str| json!({"kind": "aws", "action": "fail", "code": code, "subject": "run s3 GetObject"});
    let calls = [aws("AccessDenied"), aws("ThrottlingException")];
    let others = [lambda("run advance"), lambda("keepalive tick"), build.clone(), build, missed.clone()];
    assert_eq!(
        json!(struck(&[&calls[..], &others].concat())),
        json!({"aws fail": 1, "aws throttle": 1, "lambda delay": 1, "tick delay": 1, "build kill": 1})
    );
    assert_eq!(json!(struck(&[missed])), json!({}));
}

#[test]
fn every_kind_of_fault_has_its_turn_and_a_seed_always_means_the_same() {
    let mut seen = BTreeSet::new();
    let (mut expires, mut busy) = (false, false);
    for seed in 0..60 {
        let plan = Plan::of(seed);
        assert_eq!(format!("{plan:?}"), format!("{:?}", Plan::of(seed)));
        assert!(plan.scripts.iter().all(|script| !script.flows.is_empty()), "somebody needs the cluster");
        expires |= plan.expiry.is_some();
        busy |= plan.scripts.iter().any(|script| script.deed.is_some() && script.straggler.is_some());
        let faults: Value = serde_json::from_str(&plan.faults).unwrap();
        let rules = faults["rules"].as_array().unwrap().iter();
        seen.extend(rules.map(|rule| ["kind", "action"].map(|key| rule[key].as_str().unwrap().to_owned()).join(" ")));
    }
    // All that infra/local/emulator/faults.py knows.
    let all = "aws fail, aws fail_after, build kill, build terminate, build vanish, execution abandon, execution forget, \
               execution stop, job drop, job drop_answer, job kill_node, job kill_pod, lambda delay, lambda duplicate, \
               lambda kill_after, lambda kill_before, lambda kill_during";
    assert_eq!(Vec::from_iter(seen).join(", "), all);
    assert!(expires && busy, "credentials expire, too, and people do something meanwhile");
}

#[test]
fn lives_are_summed_over_several_soaks() {
    let report = std::env::temp_dir().join(format!("soak-report-{}", uuid::Uuid::new_v4()));
    let counts = |text: &str, count| [(text.to_owned(), count)].into();
    let good = Outcome {
        seed: 1,
        seconds: 30,
        faults: counts("build kill", 2),
        runs: counts("succeeded", 3),
        ..Outcome::default()
    };
    let bad = Outcome { seed: 2, wrong_teardowns: vec!["so it is".to_owned()], ..good.clone() };
    for life in [&good, &bad, &good] {
        life.append_to(&report).unwrap();
    }
    let tally = Tally::of(&report).unwrap();
    std::fs::remove_file(report).unwrap();
    assert_eq!((tally.lives, tally.seconds, tally.served, tally.wrong_teardowns), (3, 90, 9, 1));
    assert_eq!((tally.faults["build kill"], Vec::from_iter(tally.failed_seeds.clone())), (6, vec![2]));
    assert!(good.is_clean() && !bad.is_clean() && !tally.is_clean());
    assert!(bad.line().contains("--seed 2") && bad.line().contains("wrong teardown: so it is"));
    assert!(tally.report().contains("6 build kill"));
}

#[test]
fn a_journal_that_is_not_there_yet_is_empty() {
    assert!(lines(std::path::Path::new("/nonexistent/builds.jsonl"), 0).is_empty());
}
