//! A build that is told to stop lets Terraform write its state and give its lock back.

use crate::lab::{Lab, all, signal, signal_until_over, text, until};
use domain::failure::FailureClass;
use serde_json::Value;
use std::collections::BTreeSet;

/// Long enough for whoever is to be interrupted to be in the middle of making something.
const SLOWLY: (&str, &str) = ("AWS_PROVIDER_DELAY_MS", "4000");

/// The time for Terraform is over in the middle of an apply.
pub fn out_of_time(lab: &Lab) {
    let mut cluster = lab.cluster("outoftime");
    // Too short for an apply on any machine; long enough for a plan on most, and else the next one is.
    for (seconds, delay_ms) in [("30", "10000"), ("120", "40000"), ("480", "160000")] {
        let child = cluster.start("apply", &[("TERRAFORM_SECONDS", seconds), ("AWS_PROVIDER_DELAY_MS", delay_ms)]);
        let ended = cluster.ended(child);
        assert_ne!(ended.code, Some(0), "{}", ended.log);
        let failure = domain::diagnosis::diagnose(&ended.events).expect("an error is told");
        assert_eq!(failure.class, FailureClass::BuildLost, "{failure:?}");
        assert_eq!(ended.summary["lock"], "free", "{}", ended.log);
        assert!(cluster.is_free());
        assert_eq!(cluster.in_state(), cluster.in_account(), "the state has what exists");
        if !cluster.in_account().is_empty() {
            break;
        }
    }
    assert!(!cluster.in_account().is_empty(), "it never was in the middle of its work");
    cluster.build("apply").succeeded();
    assert_eq!(cluster.in_account(), all());
    cluster.forget();
}

/// CodeBuild, or the worker that stands in for it, passes SIGINT to the build.
pub fn stopped(lab: &Lab) {
    let mut cluster = lab.cluster("stopped");
    let child = cluster.start("apply", &[("AWS_PROVIDER_DELAY_MS", "1500")]);
    until("something is made", || !cluster.in_account().is_empty());
    let signal = std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status();
    assert!(signal.expect("kill runs").success());
    let ended = cluster.ended(child);
    assert_ne!(ended.code, Some(0), "{}", ended.log);
    let failure = domain::diagnosis::diagnose(&ended.events).expect("an error is told");
    assert_eq!(failure.class, FailureClass::BuildLost, "{failure:?}");
    assert_eq!(ended.summary["lock"], "free", "{}", ended.log);
    assert_eq!(cluster.in_state(), cluster.in_account(), "the state has what exists");
    let secrets = text(&cluster.source.join("1.log"));
    assert!(!secrets.contains("aws_secret_access_key"), "{secrets}");
    cluster.build("destroy").succeeded();
    assert!(cluster.in_account().is_empty());
    cluster.forget();
}

/// The whole build is signalled, again and again: Terraform hears of it once, and finishes what it is making.
pub fn signalled_again_and_again(lab: &Lab) {
    let mut cluster = lab.cluster("signalled");
    let mut child = cluster.start("apply", &[SLOWLY]);
    until("something is being made", || !cluster.in_account().is_empty());
    let group = format!("-{}", child.id());
    signal_until_over(&mut child, &group, &["INT", "TERM", "INT", "HUP"]);
    let ended = cluster.ended(child);
    assert_ne!(ended.code, Some(0), "{}", ended.log);
    assert_eq!(without_end(&ended.events), BTreeSet::new(), "what was begun was ended: {}", ended.events);
    assert_eq!(ended.summary["lock"], "free", "{}", ended.log);
    assert!(cluster.is_free());
    assert_eq!(cluster.in_state(), cluster.in_account(), "the state has what exists");
    cluster.build("destroy").succeeded();
    assert!(cluster.in_account().is_empty());
    cluster.forget();
}

/// Terraform itself is interrupted twice, and lets go of its lock with things half made: the build does not let go.
pub fn ended_out_of_order(lab: &Lab) {
    let mut cluster = lab.cluster("outoforder");
    // Slow enough for it to be heard of while it is being made.
    let mut child = cluster.start("apply", &[("AWS_PROVIDER_DELAY_MS", "20000"), ("EVENTS_INTERVAL", "1")]);
    until("something is being made", || !without_end(&cluster.events()).is_empty());
    let terraform = cluster.terraform_process().expect("a process");
    signal_until_over(&mut child, &terraform, &["INT"]);
    let ended = cluster.ended(child);
    assert_ne!(ended.code, Some(0), "{}", ended.log);
    // Of what it lets lie it says, if it still says anything, that it has failed: nobody can know.
    assert_eq!(ended.summary["lock"], "unsettled", "{}", ended.log);
    assert_eq!(cluster.to_go_on_with(), 1, "the next build is told");
    cluster.take_over();
    let ended = cluster.build("destroy").succeeded();
    assert_eq!(cluster.in_account().into_iter().collect::<Vec<_>>(), [], "{}", ended.log);
    assert!(cluster.is_free());
    cluster.forget();
}

/// A build begins that nobody waits for any more, or is given up while it plans: it changes nothing.
pub fn given_up(lab: &Lab) {
    let mut cluster = lab.cluster("givenup");
    for while_it_plans in [false, true] {
        if !while_it_plans {
            cluster.give_up(1);
        }
        let child = cluster.start("apply", &[]);
        if while_it_plans {
            until("it holds the state", || !cluster.is_free());
            cluster.give_up(2);
        }
        let ended = cluster.ended(child);
        assert_ne!(ended.code, Some(0), "{}", ended.log);
        let failure = domain::diagnosis::diagnose(&ended.events).expect("an error is told");
        assert_eq!(failure.class, FailureClass::BuildLost, "{failure:?}");
        assert!(failure.message.contains("given up"), "{failure:?}");
        assert!(cluster.in_account().is_empty() && cluster.is_free(), "{}", ended.log);
    }
    cluster.forget();
}

/// Changes that a build's events tell the beginning of, and no end. A plan tells of what it reads in the same words.
fn without_end(events: &str) -> BTreeSet<String> {
    let mut under_way = BTreeSet::new();
    for event in events.lines().map(|line| serde_json::from_str::<Value>(line).expect("an event")) {
        if event["hook"]["action"] == "read" {
            continue;
        }
        let address = event["hook"]["resource"]["addr"].as_str().unwrap_or_default().to_owned();
        match event["type"].as_str() {
            Some("apply_start") => drop(under_way.insert(address)),
            Some("apply_complete" | "apply_errored") => drop(under_way.remove(&address)),
            _ => {}
        }
    }
    under_way
}

/// A second build while the first one works: it changes nothing, says who works, and asks to be tried again.
pub fn two_at_once(lab: &Lab) {
    let mut cluster = lab.cluster("twoatonce");
    let mut twin = lab.cluster("twoatonce");
    twin.count_from(100);
    let first = cluster.start("apply", &[("AWS_PROVIDER_DELAY_MS", "700")]);
    until("something is made", || !cluster.in_account().is_empty());
    // However slow the machine is, the first does not end before the second has been refused.
    let terraform = cluster.terraform_process().expect("a process");
    signal("STOP", &terraform);
    let second = twin.build("destroy");
    signal("CONT", &terraform);
    assert_ne!(second.code, Some(0), "{}", second.log);
    let failure = domain::diagnosis::diagnose(&second.events).expect("an error is told");
    assert_eq!(failure.class, FailureClass::StateLocked, "{failure:?}");
    assert!(failure.message.contains(".holder"), "it says where to look: {failure:?}");
    let ended = cluster.ended(first).succeeded();
    assert_eq!(ended.summary["lock"], "free");
    assert_eq!(cluster.in_account(), all(), "the first was not disturbed");
    cluster.forget();
}
