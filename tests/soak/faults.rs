//! The kinds of faults that a life can meet, and what of each a seed leaves to chance.

use fastrand::Rng;
use serde_json::{Value, json};

/// A kind of fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A function dies with an event in its hands.
    KillBefore,
    /// It dies after one of its calls of AWS.
    KillDuring,
    /// It dies when all is done but told.
    KillAfter,
    /// An event comes twice.
    Duplicate,
    /// An event comes late.
    Delay,
    /// A tick of the keepalive rule comes twice.
    TickTwice,
    /// It comes late.
    TickLate,
    /// It does not come.
    TickLost,
    /// A call of AWS fails.
    Fail,
    /// A call of AWS is throttled.
    Throttle,
    /// A call is carried out, and its answer is lost.
    FailAfter,
    /// A pod's report is lost.
    Drop,
    /// A pod's report arrives, and the answer is lost.
    DropAnswer,
    /// A pod's process dies.
    KillPod,
    /// A node dies with its pods.
    KillNode,
    /// Terraform is killed in a creation or an update.
    KillApply,
    /// Terraform is killed in a teardown.
    KillDestroy,
    /// Terraform gets SIGTERM.
    Terminate,
    /// All of a build is gone without a word.
    Vanish,
    /// An execution is stopped, and its build with it.
    Stop,
    /// An execution is stopped, and its build goes on.
    Abandon,
    /// An execution is lost.
    Forget,
    /// The account's credentials expire for a while.
    Expiry,
}

/// All kinds.
pub const KINDS: [Kind; 23] = [
    Kind::KillBefore,
    Kind::KillDuring,
    Kind::KillAfter,
    Kind::Duplicate,
    Kind::Delay,
    Kind::TickTwice,
    Kind::TickLate,
    Kind::TickLost,
    Kind::Fail,
    Kind::Throttle,
    Kind::FailAfter,
    Kind::Drop,
    Kind::DropAnswer,
    Kind::KillPod,
    Kind::KillNode,
    Kind::KillApply,
    Kind::KillDestroy,
    Kind::Terminate,
    Kind::Vanish,
    Kind::Stop,
    Kind::Abandon,
    Kind::Forget,
    Kind::Expiry,
];

impl Kind {
    /// A rule of `infra/local/emulator/faults.py` that strikes once or a few times in a life; none for what is not
    /// ordered there.
    pub fn rule(self, rng: &mut Rng) -> Option<Value> {
        Some(match self {
            Self::KillBefore => lambda(rng, "kill_before", json!({})),
            Self::KillDuring => {
                let calls = rng.u32(1..7);
                lambda(rng, "kill_during", json!({"calls": calls, "burst": 2}))
            }
            Self::KillAfter => lambda(rng, "kill_after", json!({})),
            Self::Duplicate => {
                let seconds = rng.u32(0..6);
                lambda(rng, "duplicate", json!({"seconds": seconds}))
            }
            Self::Delay => {
                let seconds = rng.u32(1..6);
                lambda(rng, "delay", json!({"seconds": seconds}))
            }
            Self::TickTwice => tick(rng, "duplicate", 4),
            Self::TickLate => tick(rng, "delay", 6),
            Self::TickLost => {
                let (nth, burst) = (rng.u32(1..20), rng.u32(1..5));
                json!({"kind": "lambda", "on": "keepalive tick", "action": "kill_before", "nth": [nth], "burst": burst})
            }
            Self::Fail => {
                let errors = [(500, "InternalFailure"), (503, "ServiceUnavailable"), (403, "AccessDenied")];
                let error = one_of(rng, &errors);
                aws(rng, "fail", error)
            }
            Self::Throttle => aws(rng, "fail", (400, "ThrottlingException")),
            Self::FailAfter => aws(rng, "fail_after", (500, "InternalFailure")),
            Self::Drop => job(rng, &["runner", "manifest", "started", "outcome", "outcome"], "drop"),
            Self::DropAnswer => job(rng, &["manifest", "started", "outcome", "outcome"], "drop_answer"),
            Self::KillPod => job(rng, &["manifest", "started", "outcome"], "kill_pod"),
            Self::KillNode => job(rng, &["started", "outcome"], "kill_node"),
            Self::KillApply => build(rng, "apply", "kill"),
            Self::KillDestroy => build(rng, "destroy", "kill"),
            Self::Terminate => {
                let on = one_of(rng, &["apply", "destroy"]);
                build(rng, on, "terminate")
            }
            Self::Vanish => {
                let on = one_of(rng, &["apply", "destroy"]);
                build(rng, on, "vanish")
            }
            Self::Stop => execution(rng, "stop", ENTERED),
            Self::Abandon => execution(rng, "abandon", &["cluster Build"]),
            Self::Forget => execution(rng, "forget", ENTERED),
            Self::Expiry => return None,
        })
    }
}

/// Where a function dies or an event goes astray, and among how many events of this kind at the beginning of a life.
const STEPS: [(&str, u32); 11] = [
    ("cluster begin", 2),
    ("cluster addons", 1),
    ("cluster build_succeeded", 2),
    ("cluster *", 6),
    ("run acquire", 2),
    ("run advance", 3),
    ("run finish", 1),
    ("run POST *", 4),
    ("run GET *", 4),
    ("run *", 8),
    ("api POST *", 2),
];

fn lambda(rng: &mut Rng, action: &str, more: Value) -> Value {
    let (on, among) = one_of(rng, &STEPS);
    let mut rule = json!({"kind": "lambda", "on": on, "action": action, "nth": [rng.u32(1..=among)], "burst": 1});
    for (name, value) in more.as_object().into_iter().flatten() {
        rule[name] = value.clone();
    }
    rule
}

fn tick(rng: &mut Rng, action: &str, most_seconds: u32) -> Value {
    let (nth, seconds, burst) = (rng.u32(1..20), rng.u32(1..=most_seconds), rng.u32(1..4));
    json!({"kind": "lambda", "on": "keepalive tick", "action": action, "nth": [nth], "seconds": seconds, "burst": burst})
}

/// Calls that fail, and among how many of them at the beginning of a life.
const CALLS: [(&str, u32); 16] = [
    ("cluster *", 20),
    ("run *", 40),
    ("keepalive *", 40),
    ("* dynamodb TransactWriteItems", 20),
    ("* dynamodb *", 40),
    ("* states SendTaskSuccess", 2),
    ("* states StartExecution", 3),
    ("* states DescribeExecution", 10),
    ("* s3 *", 40),
    ("* secretsmanager *", 4),
    ("* events *", 2),
    ("target eks *", 4),
    ("target *", 10),
    ("build s3 PutObject", 12),
    ("build s3 *", 25),
    ("pod *", 4),
];

fn aws(rng: &mut Rng, action: &str, (status, code): (u16, &str)) -> Value {
    let (on, among) = one_of(rng, &CALLS);
    // Longer than the SDKs' own patience of three tries, or shorter.
    let (nth, burst) = (rng.u32(1..=among), rng.u32(1..6));
    json!({"kind": "aws", "on": on, "action": action, "nth": [nth], "burst": burst, "status": status, "code": code})
}

fn job(rng: &mut Rng, requests: &[&str], action: &str) -> Value {
    let on = one_of(rng, requests);
    let burst = if action.starts_with("drop") { rng.u32(1..4) } else { 1 };
    json!({"kind": "job", "on": on, "action": action, "nth": [rng.u32(1..3)], "burst": burst})
}

fn build(rng: &mut Rng, on: &str, action: &str) -> Value {
    let (burst, operations) = (rng.u32(1..3), rng.u32(1..30));
    json!({"kind": "build", "on": on, "action": action, "nth": [1], "burst": burst, "operations": operations})
}

/// States in which executions end, each the first or second time that one enters it.
const ENTERED: &[&str] =
    &["cluster Begin", "cluster Build", "cluster Addons", "cluster Finish", "run Acquire", "run Advance", "run Finish"];

fn execution(rng: &mut Rng, action: &str, states: &[&str]) -> Value {
    let on = one_of(rng, states);
    let seconds = match on {
        "cluster Build" => rng.f32() * 8.0,
        "run Acquire" | "run Advance" => rng.f32() * 3.0,
        _ => 0.0,
    };
    json!({"kind": "execution", "on": on, "action": action, "nth": [rng.u32(1..3)], "seconds": seconds})
}

fn one_of<T: Copy>(rng: &mut Rng, all: &[T]) -> T {
    all[rng.usize(..all.len())]
}
