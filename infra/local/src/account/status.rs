//! What a node reports of a pod.

use jiff::Timestamp;
use serde_json::{Value, json};
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;

/// How the process of a pod ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct End {
    /// The exit code; 128 and the signal's number where one ended it, as container runtimes have it.
    pub code: i32,
    /// `Completed`, `Error`, `OOMKilled` or `StartError`.
    pub reason: &'static str,
    /// What there is to say beyond that.
    pub message: Option<String>,
}

impl End {
    /// The end that a process came to by itself, or by a signal.
    pub(crate) fn of(status: ExitStatus) -> Self {
        let code = status.code().or_else(|| Some(128 + status.signal()?)).unwrap_or(128);
        Self { code, reason: if code == 0 { "Completed" } else { "Error" }, message: None }
    }

    /// Killed because it held more memory than its limit.
    pub(crate) fn out_of_memory() -> Self {
        Self { code: 137, reason: "OOMKilled", message: None }
    }

    /// Never started.
    pub(crate) fn not_started(message: String) -> Self {
        Self { code: 128, reason: "StartError", message: Some(message) }
    }
}

/// Where the pod's container is in its life.
#[derive(Debug, Clone)]
pub(crate) enum State {
    /// It cannot start (yet), for a reason such as `ImagePullBackOff`.
    Waiting(&'static str, String),
    /// It runs since then.
    Running(Timestamp),
    /// It ran, from when to when, and ended so.
    Ended(Timestamp, Timestamp, End),
}

/// The patch of the pod's status that reports `state`.
pub(crate) fn patch(container: &str, image: &str, id: &str, state: &State, now: Timestamp) -> Value {
    let second = |time: &Timestamp| time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    let (phase, detail) = match state {
        State::Waiting(reason, message) => ("Pending", json!({"waiting": {"reason": reason, "message": message}})),
        State::Running(since) => ("Running", json!({"running": {"startedAt": second(since)}})),
        State::Ended(start, finish, end) => (
            if end.code == 0 { "Succeeded" } else { "Failed" },
            json!({"terminated": {"exitCode": end.code, "reason": end.reason, "message": end.message,
                "startedAt": second(start), "finishedAt": second(finish), "containerID": id}}),
        ),
    };
    let running = matches!(state, State::Running(_));
    let condition = |name: &str, holds: bool| {
        let status = if holds { "True" } else { "False" };
        json!({"type": name, "status": status, "lastTransitionTime": second(&now)})
    };
    let started_at = match state {
        State::Waiting(..) => second(&now),
        State::Running(since) | State::Ended(since, ..) => second(since),
    };
    json!({"status": {
        "phase": phase, "hostIP": "127.0.0.1", "podIP": "127.0.0.1", "startTime": started_at,
        "conditions": [condition("Initialized", true), condition("ContainersReady", running), condition("Ready", running)],
        "containerStatuses": [{
            "name": container, "image": image, "imageID": image, "containerID": id, "restartCount": 0,
            "ready": running, "started": running, "state": detail,
        }],
    }})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_by_signal_has_the_code_that_container_runtimes_give() {
        assert_eq!(End::of(ExitStatus::from_raw(0)).reason, "Completed");
        assert_eq!(End::of(ExitStatus::from_raw(3 << 8)).code, 3);
        assert_eq!(End::of(ExitStatus::from_raw(9)).code, 137);
    }

    #[test]
    fn the_phase_follows_from_the_state() {
        let now = Timestamp::UNIX_EPOCH;
        let phase = |state: State| patch("main", "python:3.10", "process://1", &state, now)["status"]["phase"].clone();
        assert_eq!(phase(State::Waiting("ImagePullBackOff", "no such Python".into())), "Pending");
        assert_eq!(phase(State::Running(now)), "Running");
        assert_eq!(phase(State::Ended(now, now, End::of(ExitStatus::from_raw(0)))), "Succeeded");
        let failed = patch("main", "python:3.10", "x", &State::Ended(now, now, End::out_of_memory()), now);
        assert_eq!(failed["status"]["phase"], "Failed");
        assert_eq!(failed["status"]["containerStatuses"][0]["state"]["terminated"]["reason"], "OOMKilled");
    }
}
