//! What a seed decides: which faults, and what the users of the clusters do.

use fastrand::Rng;
use serde_json::{Value, json};
use std::time::Duration;

/// A life as it is to be.
#[derive(Debug)]
pub struct Plan {
    /// The text of the faults file.
    pub faults: String,
    /// When the account's credentials expire after its beginning, and for how long.
    pub expiry: Option<(Duration, Duration)>,
    /// What happens on each integration.
    pub scripts: Vec<Script>,
}

/// What users do with one cluster.
#[derive(Debug)]
pub struct Script {
    /// The flows that are published at once, by the seconds that each of their operators works.
    pub flows: Vec<Vec<f32>>,
    /// What somebody does meanwhile, and when.
    pub deed: Option<(Duration, Deed)>,
    /// How long after the first flows a last one comes: the cluster may be active, ending or gone by then.
    pub straggler: Option<Duration>,
}

/// What somebody does to a cluster that is in use, or about to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deed {
    /// Changes its settings.
    Update,
    /// Deletes it, which is refused while a run needs it.
    Delete,
    /// Deletes it whoever uses it.
    ForceDelete,
    /// Cancels the first run.
    Cancel,
}

impl Plan {
    /// The plan of a seed.
    pub fn of(seed: u64) -> Self {
        let mut rng = Rng::with_seed(seed);
        let mut rules: Vec<Value> = (0..rng.usize(2..6)).map(|_| rule(&mut rng)).collect();
        // And whatever else works for a cluster may die at any time, seldom.
        for on in ["cluster *", "run *", "keepalive *"] {
            rules.push(json!({"kind": "lambda", "on": on, "action": "kill_after", "probability": 0.01}));
        }
        let expiry = (rng.u32(0..5) == 0).then(|| (seconds(&mut rng, 2.0, 25.0), seconds(&mut rng, 2.0, 8.0)));
        let integrations = if rng.u32(0..4) == 0 { 2 } else { 1 };
        let scripts = (0..integrations).map(|_| script(&mut rng)).collect();
        Self { faults: json!({"seed": seed, "rules": rules}).to_string(), expiry, scripts }
    }
}

fn script(rng: &mut Rng) -> Script {
    let flow = |rng: &mut Rng| (0..rng.usize(1..3)).map(|_| if rng.bool() { 0.0 } else { 2.0 }).collect();
    let flows = (0..rng.usize(1..3)).map(|_| flow(rng)).collect();
    let deed = match rng.u32(0..9) {
        0 | 1 => Some(Deed::Update),
        2 => Some(Deed::Delete),
        3 => Some(Deed::ForceDelete),
        4 => Some(Deed::Cancel),
        _ => None,
    };
    let deed = deed.map(|deed| (seconds(rng, 1.0, 20.0), deed));
    let straggler = (rng.u32(0..3) == 0).then(|| seconds(rng, 3.0, 35.0));
    Script { flows, deed, straggler }
}

fn seconds(rng: &mut Rng, from: f32, to: f32) -> Duration {
    Duration::from_secs_f32(from + rng.f32() * (to - from))
}

/// A fault that strikes once or a few times in a life.
fn rule(rng: &mut Rng) -> Value {
    let nth = vec![rng.u32(1..7)];
    match rng.u32(0..14) {
        0 => lambda(rng, "kill_before"),
        1 | 2 => lambda(rng, "kill_after"),
        3..=5 => {
            let mut rule = lambda(rng, "kill_during");
            rule["calls"] = rng.u32(1..9).into();
            rule
        }
        6 => {
            let mut rule = lambda(rng, "duplicate");
            rule["seconds"] = rng.u32(0..6).into();
            rule
        }
        7 => {
            let mut rule = lambda(rng, "delay");
            rule["seconds"] = rng.u32(1..6).into();
            rule
        }
        8 | 9 => aws(rng),
        10 => {
            let on = one_of(rng, &["started", "manifest", "outcome", "outcome"]);
            let action = one_of(rng, &["drop", "drop_answer", "drop_answer"]);
            json!({"kind": "job", "on": on, "action": action, "nth": nth, "burst": rng.u32(1..4)})
        }
        11 => {
            let on = one_of(rng, &["started", "outcome"]);
            let action = one_of(rng, &["kill_pod", "kill_node"]);
            json!({"kind": "job", "on": on, "action": action, "nth": [rng.u32(1..3)]})
        }
        _ => {
            let on = one_of(rng, &["apply", "destroy"]);
            let action = one_of(rng, &["kill", "terminate", "vanish"]);
            let operations = rng.u32(1..30);
            json!({"kind": "build", "on": on, "action": action, "nth": [1], "burst": rng.u32(1..3), "operations": operations})
        }
    }
}

fn lambda(rng: &mut Rng, action: &str) -> Value {
    let on = one_of(
        rng,
        &[
            "cluster begin",
            "cluster addons",
            "cluster build_succeeded",
            "cluster build_failed",
            "cluster *",
            "run acquire",
            "run advance",
            "run finish",
            "run POST *",
            "run *",
            "keepalive tick",
            "api POST *",
        ],
    );
    let first = if on.starts_with("keepalive") { 40 } else { 4 };
    json!({"kind": "lambda", "on": on, "action": action, "nth": [rng.u32(1..first)], "burst": rng.u32(1..3)})
}

fn aws(rng: &mut Rng) -> Value {
    let on = one_of(
        rng,
        &[
            "cluster *",
            "run *",
            "keepalive *",
            "* dynamodb TransactWriteItems",
            "* states SendTaskSuccess",
            "* states StartExecution",
            "* s3 *",
            "* secretsmanager *",
            "* events *",
            "* codebuild *",
            "target *",
            "build s3 PutObject",
            "build s3 *",
            "pod *",
        ],
    );
    let action = one_of(rng, &["fail", "fail_after"]);
    let (status, code) = one_of(
        rng,
        &[(400, "ThrottlingException"), (500, "InternalFailure"), (503, "ServiceUnavailable"), (403, "AccessDenied")],
    );
    // Longer than the SDKs' own patience of three tries, or shorter.
    let burst = rng.u32(1..6);
    json!({"kind": "aws", "on": on, "action": action, "nth": [rng.u32(1..25)], "burst": burst, "status": status, "code": code})
}

fn one_of<T: Copy>(rng: &mut Rng, all: &[T]) -> T {
    all[rng.usize(..all.len())]
}
