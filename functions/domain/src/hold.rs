//! Who holds a Terraform state: whether a build may begin on it, and what it has to go on with.
//!
//! A build writes a note beside the state before it touches anything, and takes it away when it has put everything
//! away (`infra/build/hold.sh`). While the note is there, no other build begins. A build that is killed leaves its
//! note behind, and often Terraform's lock, which names a user and a host but no build.
//!
//! The races, and what decides them:
//! - Two builds begin at once: the note is written under the condition that there is none, or that it is still the one
//!   that was found to be of a build that is over. One of them fails.
//! - The holder still runs (it was stopped and has minutes to put its state away, or its end was told too early):
//!   nothing is removed; whoever wants to begin comes again later.
//! - The holder ends between the question and the removal, or somebody takes the lock anew: note and lock are removed
//!   or replaced in the version that was read, or not at all.
//! - A person works on the state by hand: their lock names another user or host than the note, or there is no note.
//!   It is left to Terraform, which says who has it.

use serde::Deserialize;

/// The note that a build leaves beside the state.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Hold {
    /// The build's id.
    pub build_id: String,
    /// The user and host that its Terraform writes into its locks.
    #[serde(default)]
    pub who: String,
    /// Where its reports are, and those of the killed builds that it went on from, newest first: `s3://` prefixes.
    #[serde(default)]
    pub events: Vec<String>,
}

impl Hold {
    /// Reads a note. Text that is none, such as that of earlier versions, is the id of a build.
    #[must_use]
    pub fn read(text: &str) -> Self {
        let plain = || Self { build_id: text.trim().to_owned(), who: String::new(), events: vec![] };
        serde_json::from_str(text).unwrap_or_else(|_| plain())
    }
}

/// What CodeBuild says of a build.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BuildState {
    /// It has not ended.
    Running,
    /// It has ended, and none of its processes is left.
    Over,
    /// CodeBuild does not know it.
    Unknown,
}

/// Whether the next build may begin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// The holder is over: its lock, if this is still there, is to be removed, and its place to be taken.
    TakeOver {
        /// Whether the lock was the holder's.
        remove_lock: bool,
    },
    /// It must wait, for this reason.
    Wait(String),
}

/// Judges a note that is there, by what CodeBuild says of its build and by Terraform's lock, if there is one.
#[must_use]
pub fn judge(hold: &Hold, build: BuildState, lock: Option<&str>) -> Verdict {
    let id = &hold.build_id;
    match build {
        BuildState::Over => Verdict::TakeOver { remove_lock: lock.is_some_and(|lock| is_of(lock, hold)) },
        BuildState::Running => Verdict::Wait(format!("build {id} still works on this cluster")),
        BuildState::Unknown => Verdict::Wait(format!(
            "build {id} has not put its Terraform state away, and CodeBuild does not know whether it is over"
        )),
    }
}

/// Whether a lock was taken by the holder of the note.
fn is_of(lock: &str, hold: &Hold) -> bool {
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Lock {
        who: String,
    }
    let lock: Result<Lock, _> = serde_json::from_str(lock);
    !hold.who.is_empty() && lock.is_ok_and(|lock| lock.who == hold.who)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOTE: &str = r#"{"build_id":"p:1","who":"root@a1","events":["s3://b/builds/2","s3://b/builds/1"]}"#;
    const LOCK: &str = r#"{"ID":"784e482d","Operation":"OperationTypeApply","Info":"","Who":"root@a1","Version":"1.11.4","Created":"2026-11-22T17:49:41Z","Path":"b/state"}"#;

    #[test]
    fn notes_of_all_versions_are_read() {
        let hold = Hold::read(NOTE);
        assert_eq!((hold.build_id.as_str(), hold.who.as_str(), hold.events.len()), ("p:1", "root@a1", 2));
        assert_eq!(Hold::read("p:1\n"), Hold { build_id: "p:1".to_owned(), who: String::new(), events: vec![] });
    }

    #[test]
    fn a_lock_goes_only_with_proof() {
        let hold = Hold::read(NOTE);
        let over = |lock| judge(&hold, BuildState::Over, lock);
        assert_eq!(over(Some(LOCK)), Verdict::TakeOver { remove_lock: true });
        assert_eq!(over(None), Verdict::TakeOver { remove_lock: false });
        let of_a_person = LOCK.replace("root@a1", "ann@laptop");
        assert_eq!(over(Some(&of_a_person)), Verdict::TakeOver { remove_lock: false });
        assert_eq!(over(Some("{\"ID\":")), Verdict::TakeOver { remove_lock: false }, "what is no lock proves nothing");
        let old = Hold::read("p:1");
        assert_eq!(judge(&old, BuildState::Over, Some(LOCK)), Verdict::TakeOver { remove_lock: false });
        for build in [BuildState::Running, BuildState::Unknown] {
            let Verdict::Wait(why) = judge(&hold, build, Some(LOCK)) else { panic!("{build:?}") };
            assert!(why.contains("p:1"), "{why}");
        }
    }
}
