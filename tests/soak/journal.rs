//! What the journals tell, the emulator's and the local account's, and what of it must not be.

use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;

/// The lines of a file of JSON lines, from the given one on.
pub fn lines(path: &Path, from: usize) -> Vec<Value> {
    let all = std::fs::read_to_string(path).unwrap_or_default();
    all.lines().skip(from).filter_map(|line| serde_json::from_str(line).ok()).collect()
}

/// Ordered failures that struck, by kind and action. One that is told to have missed was noted before as if it had not.
pub fn struck(lines: &[Value]) -> BTreeMap<String, u32> {
    let mut struck: BTreeMap<String, u32> = BTreeMap::new();
    for line in lines.iter().filter(|line| line["kind"].is_string()) {
        // A tick is an event like others, and yet of interest by itself.
        let kind = if line["subject"] == "keepalive tick" { "tick".to_owned() } else { text(&line["kind"]) };
        let throttles = line["code"] == "ThrottlingException";
        let action = if throttles { "throttle".to_owned() } else { text(&line["action"]) };
        let count = struck.entry(format!("{kind} {action}")).or_default();
        *count = if line["missed"] == true { count.saturating_sub(1) } else { *count + 1 };
    }
    struck.retain(|_, count| *count > 0);
    struck
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
    /// Where its reports are, as a key of the data bucket.
    pub reports: String,
    /// When its Terraform did its first and its last, as far as it is told.
    pub worked: Option<(i64, i64)>,
}

impl Build {
    /// Learns from Terraform's event stream when it worked.
    pub fn reads(&mut self, stream: &str) {
        let events = stream.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let moments: Vec<i64> = events.filter_map(|event| moment(&event["@timestamp"])).collect();
        self.worked = moments.iter().min().copied().zip(moments.iter().max().copied());
    }

    /// From when to when it may have touched anything. When Terraform has put its state away, the next build may begin
    /// although the last of this one's processes is still about to end.
    fn at_work(&self) -> Option<(i64, i64)> {
        match self.worked {
            Some(told) => Some(told),
            // It was stopped before there was anything to tell.
            None if self.status == "STOPPED" => None,
            None => Some((self.began, self.ended.unwrap_or(i64::MAX))),
        }
    }
}

/// The builds of a journal's lines.
pub fn builds(lines: &[Value]) -> Vec<Build> {
    let mut builds: BTreeMap<String, Build> = BTreeMap::new();
    for line in lines {
        let (id, at) = (text(&line["id"]), line["at_ms"].as_i64().unwrap_or_default());
        if line["event"] == "begin" {
            let variables = &line["variables"];
            let build = Build {
                id: id.clone(),
                cluster: text(&variables["CLUSTER_ID"]),
                action: text(&variables["ACTION"]),
                began: at,
                ended: None,
                status: "IN_PROGRESS".to_owned(),
                reports: text(&variables["OUTPUT_PREFIX"]).splitn(4, '/').nth(3).unwrap_or_default().to_owned(),
                worked: None,
            };
            builds.insert(id, build);
        } else if let Some(build) = builds.get_mut(&id) {
            (build.ended, build.status) = (Some(at), text(&line["status"]));
        }
    }
    builds.into_values().collect()
}

/// Builds of one cluster whose Terraform worked at the same time.
pub fn doubled(builds: &[Build]) -> Vec<String> {
    let mut wrong = vec![];
    for (index, one) in builds.iter().enumerate() {
        for other in &builds[index + 1..] {
            let (Some(first), Some(second)) = (one.at_work(), other.at_work()) else { continue };
            if one.cluster == other.cluster && first.1 > second.0 && second.1 > first.0 {
                wrong.push(format!("two builds of cluster {} at once: {} and {}", one.cluster, one.id, other.id));
            }
        }
    }
    wrong
}

/// Teardowns that began while a run had its cluster.
pub fn wrong_teardowns(builds: &[Build], runs: &[Value]) -> Vec<String> {
    let mut wrong = vec![];
    for build in builds.iter().filter(|build| build.action == "destroy") {
        for run in runs.iter().filter(|run| run["cluster"]["id"] == build.cluster.as_str()) {
            if had_its_cluster(run, build.began) {
                wrong.push(format!("run {} had the cluster when the teardown {} began", run["id"], build.id));
            }
        }
    }
    wrong
}

/// Pods of live runs that were at work where a cluster or a node group was deleted, by whatever.
pub fn deleted_work(deletions: &[Value], runs: &[Value]) -> Vec<String> {
    let mut wrong = vec![];
    for deletion in deletions {
        let at = deletion["at_ms"].as_i64().unwrap_or_default();
        for pod in deletion["pods"].as_array().into_iter().flatten() {
            let of = &pod["labels"]["ondemand-eks/run"];
            if runs.iter().any(|run| run["id"] == *of && had_its_cluster(run, at)) {
                let what =
                    deletion["group"].as_str().map_or("it".to_owned(), |group| format!("its node group {group}"));
                let cluster = &deletion["cluster"];
                wrong.push(format!("pod {} of run {of} was at work in {cluster} when {what} was deleted", pod["name"]));
            }
        }
    }
    wrong
}

/// Whether a run had been granted its cluster and was not over, in milliseconds since 1970.
fn had_its_cluster(run: &Value, at: i64) -> bool {
    moment(&run["granted_at"]).is_some_and(|granted| granted < at)
        && moment(&run["ended_at"]).is_none_or(|ended| ended > at)
}

/// A moment in milliseconds since 1970.
fn moment(value: &Value) -> Option<i64> {
    value.as_str()?.parse::<jiff::Timestamp>().ok().map(jiff::Timestamp::as_millisecond)
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
