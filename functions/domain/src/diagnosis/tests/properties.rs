//! What holds for every log.

use super::render::{Looks, Wrap, human, json};
use super::samples::{Sample, all};
use crate::diagnosis::Diagnosis;
use crate::diagnosis::flat::Flat;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};

/// Lines that a build's log has between its errors.
const NOISE: [&str; 10] = [
    "aws_vpc.this: Creating...",
    "module.x.aws_eks_cluster.this: Still creating... [9m50s elapsed]",
    "aws_subnet.private[\"a\"]: Destruction complete after 1s",
    "data.aws_region.current: Reading...",
    "[Container] 2026/11/22 14:03:10.123456 Phase complete: BUILD State: FAILED",
    "[Container] 2026/11/22 14:03:10 Running command bash infra/build/build.sh",
    "{\"@level\":\"info\",\"@message\":\"Terraform 1.11.4\",\"type\":\"version\",\"terraform\":\"1.11.4\"}",
    "{\"@level\":\"warn\",\"@message\":\"Warning: x\",\"type\":\"diagnostic\",\"diagnostic\":{\"severity\":\"warning\",\"summary\":\"AccessDenied: x\",\"detail\":\"\"}}",
    "╷\n│ Warning: Argument is deprecated\n│ \n│ AccessDenied: use another one\n╵",
    "2026-11-22T14:00:00.123Z [ERROR] vertex \"aws_vpc.this\" error: creating EC2 VPC: AccessDenied: x",
];

/// Pieces of which hostile logs are made.
const PIECES: [&str; 30] = [
    "╷",
    "│",
    "╵",
    "\n",
    "\r\n",
    " ",
    "Error:",
    "Error: ",
    "Warning: ",
    "error: ",
    "\u{1b}[31m",
    "\u{1b}]",
    "[0m",
    "{",
    "}",
    "{\"@level\":\"error\",\"@message\":\"",
    "\\",
    "\"",
    "is not authorized to perform: ",
    "ec2:",
    "operation error ",
    "Encoded authorization failure message: ",
    "with aws_vpc.this[\"",
    ", on ",
    "main.tf line 1",
    "Lock Info: ID: ",
    "Error acquiring the state lock ",
    "because no ",
    "é🎈",
    "StatusCode: 403, RequestID: ",
];

/// A diagnosis in which it does not matter where a message's lines broke.
fn flattened(log: &str) -> Diagnosis {
    let mut diagnosis = Diagnosis::read(log);
    for error in &mut diagnosis.errors {
        error.message = Flat::new(&error.message).as_str().to_owned();
    }
    diagnosis
}

fn looks() -> impl Strategy<Value = Looks> {
    let wrap = prop_oneof![Just(Wrap::Nowhere), Just(Wrap::At78), any::<u64>().prop_map(Wrap::AtRandom)];
    (any::<[bool; 4]>(), wrap).prop_map(|([boxed, coloured, crlf, stamped], wrap)| Looks {
        boxed,
        coloured,
        crlf,
        stamped,
        wrap,
    })
}

fn samples() -> impl Strategy<Value = Vec<Sample>> {
    subsequence(all(), 1..5).prop_shuffle()
}

proptest! {
    // There are some dozens of samples, of which each case takes several; more cases meet nothing new.
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn looks_do_not_matter(samples in samples(), looks in prop::collection::vec(looks(), 4), noise in prop::collection::vec(select(&NOISE[..]), 8)) {
        let events = samples.iter().map(json).collect::<Vec<_>>().join("\n");
        let mut log = String::new();
        for (index, sample) in samples.iter().enumerate() {
            log.push_str(&format!("{}\n{}\n", noise[2 * index], noise[2 * index + 1]));
            log.push_str(&human(sample, looks[index]));
        }
        prop_assert_eq!(flattened(&log), flattened(&events), "{}", log);
    }

    #[test]
    fn two_forms_of_one_build_are_one_build(samples in samples(), looks in looks(), events_first in any::<bool>()) {
        let events = samples.iter().map(|sample| json(sample) + "\n").collect::<String>();
        let words = samples.iter().map(|sample| human(sample, looks)).collect::<String>();
        let log = if events_first { format!("{events}{words}") } else { format!("{words}{events}") };
        let mut both = flattened(&log);
        for error in &mut both.errors {
            prop_assert_eq!(error.times, 2, "{} {:#?}", log, Diagnosis::read(&words));
            error.times = 1;
        }
        prop_assert_eq!(both, flattened(&events));
    }

    #[test]
    fn a_log_that_is_cut_shows_the_errors_before_the_cut(samples in samples(), looks in looks(), events in any::<bool>(), cut in any::<prop::sample::Index>()) {
        let log: String = samples.iter().map(|sample| if events { json(sample) + "\n" } else { human(sample, looks) }).collect();
        let mut end = cut.index(log.len());
        while !log.is_char_boundary(end) {
            end -= 1;
        }
        let whole = flattened(&log).errors;
        let part = flattened(&log[..end]).errors;
        let sure = part.len().saturating_sub(1);
        prop_assert!(part.len() <= whole.len());
        prop_assert_eq!(&part[..sure], &whole[..sure]);
    }

    #[test]
    fn anything_can_be_read(pieces in prop::collection::vec(select(&PIECES[..]), 0..60), text in any::<String>(), bytes in any::<Vec<u8>>()) {
        let mixed: String = pieces.iter().zip(text.chars()).map(|(piece, c)| format!("{piece}{c}")).collect();
        for log in [pieces.concat().as_str(), &text, &String::from_utf8_lossy(&bytes), &mixed] {
            let _ = Diagnosis::read(log);
        }
    }
}

/// A reader that looked back, or to the end, for every piece would not come back from this.
#[test]
fn large_logs_take_no_longer_than_their_length() {
    for piece in PIECES {
        for log in [format!("Error: {}", piece.repeat(2_000)), format!("{piece}\n").repeat(2_000)] {
            let _ = Diagnosis::read(&log);
        }
    }
}
