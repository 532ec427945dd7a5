//! What came of the lives, for people and, a line of JSON for each, for who adds up several soaks.

use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::Path;

/// How often what happened.
pub type Counts = BTreeMap<String, u32>;

/// What came of one life.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    pub seed: u64,
    /// How long it took.
    pub seconds: u64,
    /// Ordered failures that struck, by kind and action.
    pub faults: Counts,
    /// Runs by how they ended.
    pub runs: Counts,
    /// Builds by what they did and how they ended.
    pub builds: Counts,
    /// Deletions of clusters and node groups that were looked at for work they would hurt.
    pub deletions: u32,
    /// Whether faults had to cease before everything ended.
    pub needed_peace: bool,
    /// What was left when all had to be gone.
    pub leaks: Vec<String>,
    /// Running work that was torn down.
    pub wrong_teardowns: Vec<String>,
    /// Builds of one cluster at the same time.
    pub doubled_builds: Vec<String>,
    /// What else must not have happened: runs that never end, or fail without a reason.
    pub wrongs: Vec<String>,
}

impl Outcome {
    pub fn is_clean(&self) -> bool {
        self.complaints().all(|(_, all)| all.is_empty())
    }

    fn complaints(&self) -> impl Iterator<Item = (&'static str, &Vec<String>)> {
        let all = [
            ("left over", &self.leaks),
            ("wrong teardown", &self.wrong_teardowns),
            ("doubled build", &self.doubled_builds),
            ("wrong", &self.wrongs),
        ];
        all.into_iter()
    }

    /// The life in a line, and what was wrong with it.
    pub fn line(&self) -> String {
        let mark = if self.is_clean() { "✓" } else { "✗" };
        let peace = if self.needed_peace { ", ended once the faults ceased" } else { "" };
        let mut text = format!(
            "{mark} seed {:<5} {:>3} s  faults: {}; runs: {}; builds: {}{peace}",
            self.seed,
            self.seconds,
            listed(&self.faults),
            listed(&self.runs),
            listed(&self.builds)
        );
        for (what, all) in self.complaints() {
            for each in all {
                text += &format!("\n    {what}: {each}");
            }
        }
        if !self.is_clean() {
            text += &format!("\n    replay: cargo local soak --seed {} --lives 1 --verbose", self.seed);
        }
        text
    }

    /// Adds a line to a report.
    pub fn append_to(&self, report: &Path) -> io::Result<()> {
        let line = serde_json::to_string(self).map_err(io::Error::other)?;
        writeln!(OpenOptions::new().create(true).append(true).open(report)?, "{line}")
    }
}

/// What came of all lives.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
pub struct Tally {
    pub lives: u32,
    pub seconds: u64,
    /// Lives that ended only once the faults had ceased.
    pub needed_peace: u32,
    pub faults: Counts,
    /// Runs that succeeded.
    pub served: u32,
    pub runs: Counts,
    pub builds: Counts,
    pub deletions: u32,
    pub leaks: usize,
    pub wrong_teardowns: usize,
    pub doubled_builds: usize,
    pub wrongs: usize,
    /// The seeds of lives that were not clean.
    pub failed_seeds: BTreeSet<u64>,
}

impl Tally {
    /// All lives of a report.
    pub fn of(report: &Path) -> io::Result<Self> {
        let mut tally = Self::default();
        for line in std::fs::read_to_string(report)?.lines() {
            tally.add(&serde_json::from_str(line).map_err(io::Error::other)?);
        }
        Ok(tally)
    }

    pub fn add(&mut self, life: &Outcome) {
        self.lives += 1;
        self.seconds += life.seconds;
        self.needed_peace += u32::from(life.needed_peace);
        self.deletions += life.deletions;
        self.leaks += life.leaks.len();
        self.wrong_teardowns += life.wrong_teardowns.len();
        self.doubled_builds += life.doubled_builds.len();
        self.wrongs += life.wrongs.len();
        self.served += life.runs.get("succeeded").copied().unwrap_or_default();
        if !life.is_clean() {
            self.failed_seeds.insert(life.seed);
        }
        for (sum, more) in
            [(&mut self.faults, &life.faults), (&mut self.runs, &life.runs), (&mut self.builds, &life.builds)]
        {
            for (key, count) in more {
                *sum.entry(key.clone()).or_default() += count;
            }
        }
    }

    pub fn is_clean(&self) -> bool {
        self.failed_seeds.is_empty()
    }

    pub fn report(&self) -> String {
        let total = |all: &Counts| all.values().sum::<u32>();
        let mut text = format!(
            "{} lives in {} s ({} of them ended only once the faults ceased)\n{} faults: {}\n{} runs: {}\n{} builds: {}\n\
             leaks: {}\nwrong teardowns: {} (at {} deletions of clusters and node groups)\ndoubled builds: {}\n\
             runs that never end or do not say why they failed: {}",
            self.lives,
            self.seconds,
            self.needed_peace,
            total(&self.faults),
            listed(&self.faults),
            total(&self.runs),
            listed(&self.runs),
            total(&self.builds),
            listed(&self.builds),
            self.leaks,
            self.wrong_teardowns,
            self.deletions,
            self.doubled_builds,
            self.wrongs
        );
        if !self.is_clean() {
            text += &format!("\nseeds of lives that ended badly: {:?}", self.failed_seeds);
        }
        text
    }
}

fn listed(all: &Counts) -> String {
    if all.is_empty() {
        return "none".to_owned();
    }
    all.iter().map(|(key, count)| format!("{count} {key}")).collect::<Vec<_>>().join(", ")
}
