//! What the emulator's journal of builds tells, and what of it must not be.

use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;

/// The lines of a file of JSON lines, from the given one on.
pub fn lines(path: &Path, from: usize) -> Vec<Value> {
    let all = std::fs::read_to_string(path).unwrap_or_default();
    all.lines().skip(from).filter_map(|line| serde_json::from_str(line).ok()).collect()
}

/// One build of a cluster, as the emulator's journal has it.
#[derive(Debug)]
pub struct Build {
    pub id: String,
    pub cluster: String,
    pub action: String,
    pub began: i64,
    pub ended: Option<i64>,
    pub status: String,
}

/// The builds of a journal's lines.
pub fn builds(lines: &[Value]) -> Vec<Build> {
    let mut builds: BTreeMap<String, Build> = BTreeMap::new();
    for line in lines {
        let (id, at) = (text(&line["id"]), line["at_ms"].as_i64().unwrap_or_default());
        if line["event"] == "begin" {
            let variables = &line["variables"];
            let (cluster, action) = (text(&variables["CLUSTER_ID"]), text(&variables["ACTION"]));
            let build =
                Build { id: id.clone(), cluster, action, began: at, ended: None, status: "IN_PROGRESS".to_owned() };
            builds.insert(id, build);
        } else if let Some(build) = builds.get_mut(&id) {
            (build.ended, build.status) = (Some(at), text(&line["status"]));
        }
    }
    builds.into_values().collect()
}

/// Builds of one cluster that ran at the same time.
pub fn doubled(builds: &[Build]) -> Vec<String> {
    let mut wrong = vec![];
    for (index, one) in builds.iter().enumerate() {
        for other in &builds[index + 1..] {
            let apart = |a: &Build, b: &Build| a.ended.is_some_and(|end| end <= b.began);
            if one.cluster == other.cluster && !apart(one, other) && !apart(other, one) {
                wrong.push(format!("two builds of cluster {} at once: {} and {}", one.cluster, one.id, other.id));
            }
        }
    }
    wrong
}

/// Teardowns that began while a run had its cluster.
pub fn wrong_teardowns(builds: &[Build], runs: &[Value]) -> Vec<String> {
    let moment = |value: &Value| value.as_str()?.parse::<jiff::Timestamp>().ok().map(jiff::Timestamp::as_millisecond);
    let mut wrong = vec![];
    for build in builds.iter().filter(|build| build.action == "destroy") {
        for run in runs.iter().filter(|run| run["cluster"]["id"] == build.cluster.as_str()) {
            let had_it = moment(&run["granted_at"]).is_some_and(|granted| granted < build.began);
            if had_it && moment(&run["ended_at"]).is_none_or(|ended| ended > build.began) {
                wrong.push(format!("run {} had the cluster when the teardown {} began", run["id"], build.id));
            }
        }
    }
    wrong
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
