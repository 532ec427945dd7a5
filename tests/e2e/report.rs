//! Why a case failed, so that it can be understood from this alone: what was expected and seen last, how the build that
//! it is about ended, and what the functions complained of.

use crate::World;
use crate::brief::brief;
use serde_json::Value;
use std::path::{Path, PathBuf};

/// A failed case's words, and the ends of the logs that they are about.
pub fn why(world: &World, said: &str) -> String {
    let mut text = brief(said, 1500);
    if let Some((title, log)) = build(world, said) {
        text += &format!("\n  {title} ends with:\n{}", tail(&log, 12, 1000));
    }
    let mut functions: Vec<PathBuf> = files(&world.stack.directory.path("logs"));
    functions.sort();
    for log in functions {
        let errors = errors(&log);
        if !errors.is_empty() {
            let name = log.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            text += &format!("\n  errors of {name}:\n{}", errors.join("\n"));
        }
    }
    text
}

/// The last lines of a file, as many as fit.
pub fn tail(path: &Path, lines: usize, most: usize) -> String {
    let bytes = std::fs::read(path).unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes);
    let all: Vec<&str> = text.lines().collect();
    let last: Vec<String> = all[all.len().saturating_sub(lines)..].iter().map(|line| brief(line, 300)).collect();
    brief(&last.join("\n"), most)
}

/// The last build of a cluster that is spoken of, or the last that failed.
fn build(world: &World, said: &str) -> Option<(String, PathBuf)> {
    let journal = std::fs::read_to_string(world.stack.builds()).ok()?;
    let lines: Vec<Value> = journal.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let cluster = |line: &Value| line["variables"]["CLUSTER_ID"].as_str().unwrap_or("no cluster").to_owned();
    let is_meant = |line: &&Value| said.contains(&cluster(line));
    let has_failed = |line: &&Value| line["event"] == "end" && line["status"] != "SUCCEEDED";
    let line = lines.iter().rev().find(is_meant).or_else(|| lines.iter().rev().find(has_failed))?;
    let id = line["id"].as_str()?;
    let status = line["status"].as_str().unwrap_or("still running");
    let title = format!("the build {id} ({} of {}, {status})", line["variables"]["ACTION"], cluster(line));
    Some((title, world.stack.directory.path("logs/builds").join(format!("{}.log", id.replace(':', "-")))))
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    entries.filter(|path| path.is_file()).collect()
}

/// The last errors of a log of JSON lines.
fn errors(log: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(log).unwrap_or_default();
    let lines = text.lines().rev().filter(|line| line.contains(r#""level":"ERROR""#));
    let mut last: Vec<String> = lines.take(2).map(|line| brief(line, 400)).collect();
    last.reverse();
    last
}
