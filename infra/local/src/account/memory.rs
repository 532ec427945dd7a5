//! Memory limits without containers: the resident memory of a process group, looked at now and then.
//!
//! An address space limit (`ulimit -v`) would be exact, but numerical libraries reserve far more than they ever touch
//! and would fail on nodes where a container would not.

use std::fs;
use std::time::Duration;
use tokio::time::sleep;

const INTERVAL: Duration = Duration::from_millis(250);

/// Returns when the process group `group` holds more than `limit` bytes; never without a limit.
pub(crate) async fn exceeded(group: i32, limit: Option<u64>) {
    let Some(limit) = limit else { return std::future::pending().await };
    while resident(group) <= limit {
        sleep(INTERVAL).await;
    }
}

/// The bytes that the processes of `group` hold in memory.
fn resident(group: i32) -> u64 {
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    let members = processes.filter(|process| {
        let stat = fs::read_to_string(process.path().join("stat")).unwrap_or_default();
        process_group(&stat) == Some(group)
    });
    members.map(|member| resident_of(&fs::read_to_string(member.path().join("status")).unwrap_or_default())).sum()
}

/// The third field after the name, which is in parentheses and may hold any character.
fn process_group(stat: &str) -> Option<i32> {
    stat.rsplit_once(')')?.1.split_whitespace().nth(2)?.parse().ok()
}

fn resident_of(status: &str) -> u64 {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok()).unwrap_or_default() * 1024
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn proc_files_are_read_despite_odd_names() {
        assert_eq!(process_group("42 (a) b (c)) S 1 41 41 0 -1"), Some(41));
        assert_eq!(process_group(""), None);
        assert_eq!(resident_of("Name:\tx\nVmRSS:\t    2048 kB\nThreads:\t1\n"), 2048 * 1024);
        assert_eq!(resident_of("Name:\tzombie\n"), 0);
    }

    #[test]
    fn the_memory_of_this_process_is_counted_to_its_group() {
        let group = process_group(&fs::read_to_string("/proc/self/stat").unwrap()).unwrap();
        assert!(resident(group) > 1024 * 1024);
    }
}
