//! Child processes that never outlive this one, however it ends.
//!
//! Each child leads its own process group, so that one signal reaches it and all that it started, and so that Ctrl-C
//! on the terminal reaches only us: we then stop the children in order. Should we be killed without a word, a small
//! shell notices that our end of its pipe is closed and kills what is left. (The kernel's parent-death signal would
//! reach only the child itself, not what it started.)

use super::locked;
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use std::collections::BTreeSet;
use std::io::{self, Write};
use std::os::unix::process::CommandExt;
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::process::{Child, Command};
use tokio::time::timeout;

/// Reads `+ GROUP` and `- GROUP` lines; at the end of the input kills the groups that are left.
const REAPER: &str = r#"
groups=
while read -r change group; do
    case $change in
        +) groups="$groups $group" ;;
        -) kept=
           for each in $groups; do [ "$each" = "$group" ] || kept="$kept $each"; done
           groups=$kept ;;
    esac
done
for each in $groups; do kill -s KILL -- "-$each" 2>/dev/null; done
"#;

/// Knows every process group that is alive, and outlives this process by the moment needed to kill them.
pub(crate) struct Watchdog {
    state: Mutex<State>,
}

struct State {
    groups: BTreeSet<i32>,
    shell: std::process::Child,
    closed: bool,
}

impl Watchdog {
    /// Starts the shell that watches over this process.
    pub(crate) fn start() -> io::Result<Arc<Self>> {
        let shell = std::process::Command::new("sh")
            .args(["-c", REAPER])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()?;
        Ok(Arc::new(Self { state: Mutex::new(State { groups: BTreeSet::new(), shell, closed: false }) }))
    }

    /// Kills every group and refuses new ones.
    pub(crate) fn close(&self) {
        let mut state = locked(&self.state);
        state.closed = true;
        for group in std::mem::take(&mut state.groups) {
            let _ = killpg(Pid::from_raw(group), Signal::SIGKILL);
            state.tell('-', group);
        }
        drop(state.shell.stdin.take());
        let _ = state.shell.wait();
    }

    fn watch(&self, group: i32) -> io::Result<()> {
        let mut state = locked(&self.state);
        if state.closed {
            return Err(io::Error::other("no process is started any more: this program is ending"));
        }
        state.groups.insert(group);
        state.tell('+', group);
        Ok(())
    }

    fn forget(&self, group: i32) {
        let mut state = locked(&self.state);
        if state.groups.remove(&group) {
            state.tell('-', group);
        }
    }
}

impl State {
    fn tell(&mut self, change: char, group: i32) {
        if let Some(pipe) = &mut self.shell.stdin {
            // A shell that is gone can no longer help; the ordered shutdown does not depend on it.
            let _ = writeln!(pipe, "{change} {group}");
        }
    }
}

/// A child process and everything it started.
pub(crate) struct Process {
    child: Child,
    group: i32,
    ended: bool,
    watchdog: Arc<Watchdog>,
}

impl Process {
    /// Starts `command` as the leader of a new process group.
    pub(crate) fn spawn(watchdog: &Arc<Watchdog>, mut command: Command) -> io::Result<Self> {
        let child = command.process_group(0).stdin(Stdio::null()).kill_on_drop(true).spawn()?;
        let pid = child.id().and_then(|pid| i32::try_from(pid).ok());
        let group = pid.ok_or_else(|| io::Error::other("the process ended before it had a process id"))?;
        let process = Self { child, group, ended: false, watchdog: Arc::clone(watchdog) };
        watchdog.watch(group)?; // on refusal, dropping `process` kills the child
        Ok(process)
    }

    /// The id of the process, which is also that of its group.
    pub(crate) fn id(&self) -> i32 {
        self.group
    }

    /// Whether the process has ended.
    pub(crate) fn has_ended(&mut self) -> bool {
        !matches!(self.child.try_wait(), Ok(None))
    }

    /// Waits until the process has ended; what it left running in its group is killed, as in a container.
    pub(crate) async fn wait(&mut self) -> io::Result<ExitStatus> {
        let status = self.child.wait().await?;
        if !self.ended {
            self.signal(Signal::SIGKILL);
            self.ended = true;
            self.watchdog.forget(self.group);
        }
        Ok(status)
    }

    /// Asks the group to end, and kills it when `grace` has passed.
    pub(crate) async fn stop(&mut self, grace: Duration) -> io::Result<ExitStatus> {
        if !grace.is_zero() {
            self.signal(Signal::SIGTERM);
            if let Ok(status) = timeout(grace, self.wait()).await {
                return status;
            }
        }
        self.signal(Signal::SIGKILL);
        self.wait().await
    }

    fn signal(&self, signal: Signal) {
        let _ = killpg(Pid::from_raw(self.group), signal);
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if !self.ended {
            self.signal(Signal::SIGKILL);
            self.watchdog.forget(self.group);
        }
    }
}

/// A task that ends with its owner.
pub(crate) struct Task(tokio::task::JoinHandle<()>);

impl Task {
    /// Spawns `future`; dropping the returned value aborts it.
    pub(crate) fn spawn(future: impl Future<Output = ()> + Send + 'static) -> Self {
        Self(tokio::spawn(future))
    }

    /// Aborts the task and waits until all that it owned is dropped.
    pub(crate) async fn abort(mut self) {
        self.0.abort();
        let _ = (&mut self.0).await;
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        self.0.abort();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::process::ExitStatusExt;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    #[tokio::test]
    async fn what_is_left_when_our_end_of_the_pipe_closes_is_killed() {
        let watchdog = Watchdog::start().unwrap();
        let mut ended = Process::spawn(&watchdog, shell("exit 3")).unwrap();
        assert_eq!(ended.wait().await.unwrap().code(), Some(3));
        let mut left = Process::spawn(&watchdog, shell("sleep 3600 & wait")).unwrap();
        // As the kernel does when this process is killed.
        drop(locked(&watchdog.state).shell.stdin.take());
        assert_eq!(left.wait().await.unwrap().signal(), Some(9));
    }

    #[tokio::test]
    async fn a_closed_watchdog_has_killed_all_and_starts_nothing() {
        let watchdog = Watchdog::start().unwrap();
        let mut process = Process::spawn(&watchdog, shell("sleep 3600")).unwrap();
        watchdog.close();
        assert_eq!(process.wait().await.unwrap().signal(), Some(9));
        assert!(Process::spawn(&watchdog, shell("true")).is_err());
    }

    #[tokio::test]
    async fn a_process_that_will_not_end_is_killed_after_its_grace() {
        let watchdog = Watchdog::start().unwrap();
        let (mut ready, told) = io::pipe().unwrap();
        let mut deaf = shell("trap '' TERM; echo; while :; do sleep 1; done");
        deaf.stdout(told);
        let mut process = Process::spawn(&watchdog, deaf).unwrap();
        io::Read::read_exact(&mut ready, &mut [0]).unwrap();
        assert_eq!(process.stop(Duration::from_millis(50)).await.unwrap().signal(), Some(9));
    }
}
