//! How far a build is, read from Terraform's event stream (`-json`, one object a line).

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// How far a build is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// Resources the plan adds, changes or destroys; zero until the plan is made.
    pub planned: u32,
    /// Resources done so far.
    pub done: u32,
    /// Addresses of the resources being worked on, in the order they were begun.
    pub current: Vec<String>,
    /// Resources created so far.
    pub added: u32,
    /// Resources changed so far.
    pub changed: u32,
    /// Resources destroyed so far.
    pub destroyed: u32,
}

impl Progress {
    /// Reads a stream, or as much of it as there is. Lines that are no events are passed over.
    #[must_use]
    pub fn read(stream: &str) -> Self {
        let mut progress = Self::default();
        for line in stream.lines() {
            if let Ok(event) = serde_json::from_str::<Value>(line) {
                progress.take(&event);
            }
        }
        progress
    }

    fn take(&mut self, event: &Value) {
        let hook = &event["hook"];
        let address = || hook["resource"]["addr"].as_str().unwrap_or_default().to_owned();
        // Looking something up while applying is not part of any plan.
        if hook["action"] == "read" {
            return;
        }
        match event["type"].as_str().unwrap_or_default() {
            "change_summary" if event["changes"]["operation"] == "plan" => {
                let count =
                    |what: &str| event["changes"][what].as_u64().and_then(|n| u32::try_from(n).ok()).unwrap_or(0);
                // A build may carry out one plan after the other.
                self.planned = self.done + count("add") + count("change") + count("remove");
            }
            "apply_start" => self.current.push(address()),
            "apply_complete" => {
                self.finish(&address());
                self.done += 1;
                match hook["action"].as_str().unwrap_or_default() {
                    "create" => self.added += 1,
                    "delete" => self.destroyed += 1,
                    _ => self.changed += 1,
                }
            }
            "apply_errored" => self.finish(&address()),
            _ => {}
        }
    }

    fn finish(&mut self, address: &str) {
        self.current.retain(|current| current != address);
    }
}

#[cfg(test)]
mod tests {
    use super::Progress;

    const STREAM: &str = r#"{"@level":"info","type":"version","terraform":"1.11.4","ui":"1.2"}
not json
{"type":"change_summary","changes":{"add":2,"change":0,"import":0,"remove":0,"operation":"plan"}}
{"type":"apply_start","hook":{"resource":{"addr":"aws_vpc.this"},"action":"create"}}
{"type":"apply_start","hook":{"resource":{"addr":"aws_eip.nat"},"action":"create"}}
{"type":"apply_complete","hook":{"resource":{"addr":"aws_vpc.this"},"action":"create","elapsed_seconds":1}}
"#;

    #[test]
    fn reads_do_not_count_and_plans_add_up() {
        let read = r#"{"type":"apply_complete","hook":{"resource":{"addr":"data.aws_x.y"},"action":"read"}}"#;
        let plan = r#"{"type":"change_summary","changes":{"add":3,"change":0,"remove":0,"operation":"plan"}}"#;
        let progress = Progress::read(&format!("{STREAM}{read}\n{plan}\n"));
        assert_eq!((progress.planned, progress.done), (4, 1));
    }

    #[test]
    fn a_stream_is_read_as_far_as_it_goes() {
        let progress = Progress::read(STREAM);
        assert_eq!((progress.planned, progress.done, progress.added), (2, 1, 1));
        assert_eq!(progress.current, ["aws_eip.nat"]);
        assert_eq!(Progress::read(&STREAM[..STREAM.len() - 40]).done, 0);
    }
}
