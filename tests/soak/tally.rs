//! What came of the lives.

use std::collections::BTreeMap;
use std::time::Duration;

/// What came of one life.
#[derive(Debug, Default)]
pub struct Outcome {
    pub seed: u64,
    pub took: Duration,
    /// Ordered failures that struck, by kind and action.
    pub faults: BTreeMap<String, u32>,
    /// Runs by how they ended.
    pub runs: BTreeMap<String, u32>,
    /// Builds by what they did and how they ended.
    pub builds: BTreeMap<String, u32>,
    /// Whether faults had to cease before everything ended.
    pub needed_peace: bool,
    /// What was left when all had to be gone.
    pub leaks: Vec<String>,
    /// What must not have happened.
    pub wrongs: Vec<String>,
}

impl Outcome {
    pub fn is_clean(&self) -> bool {
        self.leaks.is_empty() && self.wrongs.is_empty()
    }

    /// The life in a line, and what was wrong with it.
    pub fn line(&self) -> String {
        let mark = if self.is_clean() { "✓" } else { "✗" };
        let peace = if self.needed_peace { ", ended once the faults ceased" } else { "" };
        let mut text = format!(
            "{mark} seed {:<5} {:>3} s  faults: {}; runs: {}; builds: {}{peace}",
            self.seed,
            self.took.as_secs(),
            counts(&self.faults),
            counts(&self.runs),
            counts(&self.builds)
        );
        for (what, all) in [("left over", &self.leaks), ("wrong", &self.wrongs)] {
            for each in all {
                text += &format!("\n    {what}: {each}");
            }
        }
        if !self.is_clean() {
            text += &format!("\n    replay: cargo local soak --seed {} --lives 1 --verbose", self.seed);
        }
        text
    }
}

/// What came of all lives.
#[derive(Debug, Default)]
pub struct Tally {
    lives: u32,
    peaces: u32,
    faults: BTreeMap<String, u32>,
    runs: BTreeMap<String, u32>,
    builds: BTreeMap<String, u32>,
    leaks: usize,
    wrongs: usize,
}

impl Tally {
    pub fn add(&mut self, life: Outcome) {
        self.lives += 1;
        self.peaces += u32::from(life.needed_peace);
        self.leaks += life.leaks.len();
        self.wrongs += life.wrongs.len();
        for (sum, more) in
            [(&mut self.faults, life.faults), (&mut self.runs, life.runs), (&mut self.builds, life.builds)]
        {
            for (key, count) in more {
                *sum.entry(key).or_default() += count;
            }
        }
    }

    pub fn is_clean(&self) -> bool {
        self.leaks == 0 && self.wrongs == 0
    }

    pub fn report(&self, took: Duration) -> String {
        let total = |all: &BTreeMap<String, u32>| all.values().sum::<u32>();
        format!(
            "\n{} lives in {} s ({} of them ended only once the faults ceased)\n{} faults: {}\n{} runs: {}\n{} builds: {}\n\
             leaks: {}\nwrong teardowns, doubled builds, forgotten runs: {}",
            self.lives,
            took.as_secs(),
            self.peaces,
            total(&self.faults),
            counts(&self.faults),
            total(&self.runs),
            counts(&self.runs),
            total(&self.builds),
            counts(&self.builds),
            self.leaks,
            self.wrongs
        )
    }
}

fn counts(all: &BTreeMap<String, u32>) -> String {
    if all.is_empty() {
        return "none".to_owned();
    }
    all.iter().map(|(key, count)| format!("{count} {key}")).collect::<Vec<_>>().join(", ")
}
