//! Every sample is understood, whatever it looks like.

use super::render::{Looks, Wrap, human, json};
use super::samples::{Sample, all};
use crate::diagnosis::flat::Flat;
use crate::diagnosis::{Diagnosis, Finding};

/// The one error of a log.
fn only(log: &str) -> Finding {
    let found = Diagnosis::read(log).errors;
    let [one] = <[Finding; 1]>::try_from(found).unwrap_or_else(|found| panic!("{} errors in {log}", found.len()));
    one
}

fn understood(sample: &Sample, log: &str) {
    let found = only(log);
    assert_eq!(found.class, sample.class, "{log}");
    assert_eq!(found.actions, sample.actions, "{log}");
    if let Some((service, _)) = sample.actions.first().and_then(|action| action.split_once(':')) {
        assert_eq!(found.service.as_deref(), Some(service), "{log}");
    }
    assert_eq!(found.code.as_deref(), sample.code, "{log}");
    assert_eq!(found.resource.as_deref().unwrap_or_default(), sample.address, "{log}");
    assert_eq!(found.adding_permission_helps, sample.helps, "{log}");
    assert_eq!(found.verdict.and_then(|verdict| verdict.policy), sample.policy, "{log}");
    assert!(found.remedy.contains(sample.remedy), "{} in {log}", found.remedy);
    assert_eq!(found.remedy.is_empty(), sample.class == crate::failure::FailureClass::Unknown, "{log}");
    let whole = format!("{} {}", sample.summary, sample.detail);
    assert_eq!(Flat::new(&found.message), Flat::new(&whole), "nothing is lost or added: {log}");
}

#[test]
fn events_are_understood() {
    for sample in all() {
        understood(&sample, &json(&sample));
        assert_eq!(only(&json(&sample)).location.is_some(), !sample.address.is_empty());
    }
}

#[test]
fn words_for_people_are_understood() {
    for sample in all() {
        for boxed in [false, true] {
            for wrap in [Wrap::Nowhere, Wrap::At78] {
                // Each two of the three in all their combinations.
                for dress in [0b000, 0b011, 0b101, 0b110_u8] {
                    let (coloured, crlf, stamped) = (dress & 1 != 0, dress & 2 != 0, dress & 4 != 0);
                    understood(&sample, &human(&sample, Looks { boxed, coloured, crlf, stamped, wrap }));
                }
            }
        }
    }
}

#[test]
fn a_verbatim_message_keeps_its_lines() {
    let unknown = all().into_iter().find(|sample| sample.detail.contains("validation rule")).expect("a sample");
    let message = "Invalid value for variable\nThe cluster's name may not be empty.\n\nThis was checked by the validation rule at variables.tf:9,3-13.";
    assert_eq!(only(&json(&unknown)).message, message);
    assert_eq!(only(&human(&unknown, Looks { boxed: true, ..Looks::default() })).message, message);
}
