//! A build that is told to stop lets Terraform write its state and give its lock back.

use crate::lab::{Lab, all, text, until};
use domain::failure::FailureClass;

/// The time for Terraform is over in the middle of an apply.
pub fn out_of_time(lab: &Lab) {
    let mut cluster = lab.cluster("outoftime");
    // Long enough for a plan, too short for everything that follows.
    let settings = [("TERRAFORM_SECONDS", "12"), ("AWS_PROVIDER_DELAY_MS", "2500")];
    let child = cluster.start("apply", &settings);
    let ended = cluster.ended(child);
    assert_ne!(ended.code, Some(0), "{}", ended.log);
    let failure = domain::diagnosis::diagnose(&ended.events).expect("an error is told");
    assert_eq!(failure.class, FailureClass::BuildLost, "{failure:?}");
    assert_eq!(ended.summary["lock"], "free", "{}", ended.log);
    assert!(cluster.is_free());
    let made = cluster.in_account();
    assert!(!made.is_empty(), "it was in the middle of its work: {}", ended.log);
    assert_eq!(cluster.in_state(), made, "the state has what exists");
    cluster.build("apply").succeeded();
    assert_eq!(cluster.in_account(), all());
    cluster.forget();
}

/// CodeBuild, or the worker that stands in for it, passes SIGINT to the build.
pub fn stopped(lab: &Lab) {
    let mut cluster = lab.cluster("stopped");
    let child = cluster.start("apply", &[("AWS_PROVIDER_DELAY_MS", "300")]);
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

/// A second build while the first one works: it changes nothing, says who works, and asks to be tried again.
pub fn two_at_once(lab: &Lab) {
    let mut cluster = lab.cluster("twoatonce");
    let mut twin = lab.cluster("twoatonce");
    twin.count_from(100);
    let first = cluster.start("apply", &[("AWS_PROVIDER_DELAY_MS", "700")]);
    until("something is made", || !cluster.in_account().is_empty());
    let second = twin.build("destroy");
    assert_ne!(second.code, Some(0), "{}", second.log);
    let failure = domain::diagnosis::diagnose(&second.events).expect("an error is told");
    assert_eq!(failure.class, FailureClass::StateLocked, "{failure:?}");
    assert!(failure.message.contains(".holder"), "it says where to look: {failure:?}");
    let ended = cluster.ended(first).succeeded();
    assert_eq!(ended.summary["lock"], "free");
    assert_eq!(cluster.in_account(), all(), "the first was not disturbed");
    cluster.forget();
}
