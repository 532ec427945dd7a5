//! What a seed decides: which faults, and what the users of the clusters do.

use crate::faults;
use fastrand::Rng;
use serde_json::json;
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
        // No kind twice, so that each comes up in every third or fourth life.
        let mut kinds = faults::KINDS.to_vec();
        rng.shuffle(&mut kinds);
        kinds.truncate(rng.usize(4..9));
        let mut rules: Vec<_> = kinds.iter().filter_map(|kind| kind.rule(&mut rng)).collect();
        // And whatever else works for a cluster may die at any time, seldom.
        for on in ["cluster *", "run *", "keepalive *"] {
            rules.push(json!({"kind": "lambda", "on": on, "action": "kill_after", "probability": 0.01}));
        }
        let expires = kinds.contains(&faults::Kind::Expiry);
        let expiry = expires.then(|| (seconds(&mut rng, 2.0, 20.0), seconds(&mut rng, 2.0, 8.0)));
        let integrations = if rng.u32(0..4) == 0 { 2 } else { 1 };
        let scripts = (0..integrations).map(|_| script(&mut rng)).collect();
        Self { faults: json!({"seed": seed, "rules": rules}).to_string(), expiry, scripts }
    }
}

fn script(rng: &mut Rng) -> Script {
    // Longer than the keepalive, too: whoever works that long must not be taken for idle.
    let flow = |rng: &mut Rng| (0..rng.usize(1..3)).map(|_| [0.0, 0.0, 2.0, 5.0][rng.usize(..4)]).collect();
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
