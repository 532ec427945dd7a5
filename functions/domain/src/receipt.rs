//! The receipt of a teardown: what was deleted, and whether anything is left.

use crate::ClusterId;
use crate::inventory::Inventory;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// So many of the deletions that took longest are named.
const SLOWEST: usize = 5;

/// What became of one generation of a cluster.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Receipt {
    /// The cluster.
    pub cluster: ClusterId,
    /// The generation that was destroyed.
    pub generation: u32,
    /// The name EKS knew it by.
    pub eks_name: String,
    /// When the receipt was first written.
    pub written_at: Timestamp,
    /// What was deleted.
    #[serde(flatten)]
    pub deleted: Deleted,
    /// What was found of it afterwards; looked up again until nothing is left.
    pub inventory: Inventory,
}

/// What builds have deleted, as Terraform tells it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deleted {
    /// How many builds it took; those that failed count.
    pub builds: u32,
    /// How many resources were deleted.
    pub resources: u32,
    /// How many of each type, such as `aws_subnet`.
    pub types: BTreeMap<String, u32>,
    /// Seconds from Terraform's first word to its last, over all builds and the pauses between them.
    pub seconds: u64,
    /// The deletions that took longest, the longest first.
    pub slowest: Vec<Deletion>,
}

/// One deletion.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deletion {
    /// The resource's address in the module.
    pub address: String,
    /// How long it took.
    pub seconds: u64,
}

impl Deleted {
    /// Reads the event streams of all builds of a teardown, in order. Lines that are no events are passed over.
    pub fn read<'a>(streams: impl IntoIterator<Item = &'a str>) -> Self {
        let mut deleted = Self::default();
        let (mut first, mut last) = (None, None);
        for stream in streams.into_iter().filter(|stream| !stream.is_empty()) {
            deleted.builds += 1;
            for event in stream.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok()) {
                if let Some(at) = event["@timestamp"].as_str().and_then(|at| at.parse::<Timestamp>().ok()) {
                    first = first.min(Some(at)).or(Some(at));
                    last = last.max(Some(at));
                }
                deleted.take(&event);
            }
        }
        if let (Some(first), Some(last)) = (first, last) {
            deleted.seconds = crate::cluster::seconds_between(first, last);
        }
        deleted.slowest.sort_by(|a, b| b.seconds.cmp(&a.seconds).then_with(|| a.address.cmp(&b.address)));
        deleted.slowest.truncate(SLOWEST);
        deleted
    }

    fn take(&mut self, event: &Value) {
        let hook = &event["hook"];
        if event["type"] != "apply_complete" || hook["action"] != "delete" {
            return;
        }
        let text = |name: &str| hook["resource"][name].as_str().unwrap_or_default().to_owned();
        self.resources += 1;
        *self.types.entry(text("resource_type")).or_default() += 1;
        let seconds = hook["elapsed_seconds"].as_f64().unwrap_or_default();
        // Terraform counts whole seconds; a float of JSON holds them exactly.
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a duration in whole seconds")]
        self.slowest.push(Deletion { address: text("addr"), seconds: seconds.max(0.0) as u64 });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn deleted(address: &str, seconds: u64, at: &str) -> String {
        let kind = address.split('.').next().unwrap_or_default();
        let resource = json!({"addr": address, "resource_type": kind});
        let hook = json!({"resource": resource, "action": "delete", "elapsed_seconds": seconds});
        json!({"@timestamp": at, "type": "apply_complete", "hook": hook}).to_string()
    }

    #[test]
    fn a_receipt_adds_up_all_builds_of_a_teardown() {
        let first = format!(
            "{}\nnot json\n{}",
            deleted("aws_subnet.a", 1, "2026-01-01T10:00:00.000000Z"),
            r#"{"@timestamp":"2026-01-01T10:05:00.000000Z","type":"diagnostic","diagnostic":{"severity":"error"}}"#
        );
        let second = format!(
            "{}\n{}\n{}",
            deleted("aws_subnet.b", 2, "2026-01-01T10:10:00.000000Z"),
            deleted("aws_eks_cluster.this", 300, "2026-01-01T10:15:00.000000Z"),
            r#"{"type":"apply_complete","hook":{"resource":{"addr":"aws_vpc.x"},"action":"create"}}"#
        );
        let read = Deleted::read([first.as_str(), "", second.as_str()]);
        assert_eq!((read.builds, read.resources, read.seconds), (2, 3, 900));
        assert_eq!(read.types, [("aws_eks_cluster".to_owned(), 1), ("aws_subnet".to_owned(), 2)].into());
        assert_eq!(read.slowest[0], Deletion { address: "aws_eks_cluster.this".to_owned(), seconds: 300 });
    }

    #[test]
    fn only_the_slowest_are_named() {
        let stream: Vec<String> =
            (0..9).map(|n| deleted(&format!("aws_x.n{n}"), n, "2026-01-01T10:00:00.000000Z")).collect();
        let read = Deleted::read([stream.join("\n").as_str()]);
        assert_eq!(read.slowest.iter().map(|deletion| deletion.seconds).collect::<Vec<_>>(), [8, 7, 6, 5, 4]);
        assert_eq!(Deleted::read([]), Deleted::default());
    }
}
