//! A process that is held on to: what is found out of it, and done to it, is of no other one that
//! got its number since.

use std::fs;
use std::os::fd::OwnedFd;
use std::path::Path;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

/// There is no such process any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ended;

/// A process, also once its number is somebody else's (`pidfd_open(2)`).
#[derive(Debug)]
pub(super) struct Grip {
    pub(super) pid: u32,
    process: OwnedFd,
}

impl Grip {
    /// Takes hold of a process and makes sure that it is the one that is meant: what `is_meant`
    /// reads of it is read while its number is certain.
    pub(super) fn take(pid: u32, is_meant: impl FnOnce(u32) -> bool) -> Option<Self> {
        let number = Pid::from_raw(i32::try_from(pid).ok()?)?;
        let process = pidfd_open(number, PidfdFlags::empty()).ok()?;
        let grip = Self { pid, process };
        (is_meant(pid) && !grip.is_over()).then_some(grip)
    }

    /// The process of this number that began at this time.
    pub(super) fn that_began(pid: u32, began: u64) -> Option<Self> {
        Self::take(pid, |pid| self::began(pid) == Some(began))
    }

    /// Whether it has ended, waited for or not.
    pub(super) fn is_over(&self) -> bool {
        let mut ended = [PollFd::new(&self.process, PollFlags::IN)];
        let at_once = Timespec {
            tv_sec: 0,
            tv_nsec: 0,
        };
        poll(&mut ended, Some(&at_once)).is_ok_and(|ready| ready > 0)
    }

    /// It may have gone meanwhile.
    pub(super) fn signal(&self, signal: Signal) {
        let _ = pidfd_send_signal(&self.process, signal);
    }

    /// A stopped one must run to take it.
    pub(super) fn ask_to_go(&self) {
        for signal in [Signal::TERM, Signal::HUP, Signal::CONT] {
            self.signal(signal);
        }
    }
}

/// When a process began, in ticks since boot (`proc_pid_stat(5)`). An exec does not change it.
pub(super) fn began(pid: u32) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    field(&stat, 22)?.parse().ok()
}

/// A field of `proc_pid_stat(5)` by its number there, which is 3 or more: the name before them may
/// have anything in it.
pub(super) fn field(stat: &str, number: usize) -> Option<&str> {
    let (_, rest) = stat.rsplit_once(')')?;
    rest.split_whitespace().nth(number.checked_sub(3)?)
}

/// The audit session that a process belongs to for life, with all that it starts: one for each
/// login (`pam_loginuid(8)`); none outside of any.
///
/// # Errors
/// It has ended.
pub(super) fn login(pid: u32) -> Result<Option<u32>, Ended> {
    match fs::read_to_string(format!("/proc/{pid}/sessionid")) {
        Ok(number) => Ok(number.trim().parse().ok().filter(|it| *it != u32::MAX)),
        // A kernel without audit has none.
        Err(_) if Path::new(&format!("/proc/{pid}")).exists() => Ok(None),
        Err(_) => Err(Ended),
    }
}

/// The real uid of a process.
pub(super) fn owner(pid: u32) -> Option<u32> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    numbers(&status, "Uid:").first().copied()
}

/// The numbers in a line of `proc_pid_status(5)`.
pub(super) fn numbers(status: &str, key: &str) -> Vec<u32> {
    let line = status.lines().find_map(|line| line.strip_prefix(key));
    let words = line.unwrap_or_default().split_whitespace();
    words.filter_map(|word| word.parse().ok()).collect()
}

/// What a process itself has started and that is still its own, with what that has started.
pub(super) fn descendants(pid: u32) -> Vec<u32> {
    let mut all = children(pid);
    let mut next = 0;
    while let Some(&one) = all.get(next) {
        next += 1;
        let new: Vec<u32> = children(one)
            .into_iter()
            .filter(|child| !all.contains(child))
            .collect();
        all.extend(new);
    }
    all
}

/// Of all its threads (`proc_pid_task(5)`).
fn children(pid: u32) -> Vec<u32> {
    let tasks = fs::read_dir(format!("/proc/{pid}/task")).into_iter();
    let mut all = Vec::new();
    for task in tasks.flatten().flatten() {
        let children = fs::read_to_string(task.path().join("children")).unwrap_or_default();
        all.extend(
            children
                .split_whitespace()
                .filter_map(|it| it.parse::<u32>().ok()),
        );
    }
    all
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use super::*;

    #[test]
    fn a_process_is_known_by_when_it_began_until_it_ends() {
        let mut cat = Command::new("cat").stdin(Stdio::piped()).spawn().unwrap();
        let pid = cat.id();
        let began = began(pid).unwrap();
        assert!(Grip::that_began(pid, began + 1).is_none());
        let grip = Grip::that_began(pid, began).unwrap();
        assert!(!grip.is_over());
        assert!(descendants(std::process::id()).contains(&pid));
        grip.signal(Signal::KILL);
        cat.wait().unwrap();
        assert!(grip.is_over());
        assert!(Grip::that_began(pid, began).is_none());
    }

    #[test]
    fn a_name_with_anything_in_it_moves_no_field() {
        let stat = "7 (a) S 1) R 1 7 7 34816 -1 4194560 0 0 0 0 0 0 0 0 20 0 1 0 4711 1 2";
        assert_eq!(field(stat, 3), Some("R"));
        assert_eq!(field(stat, 4), Some("1"));
        assert_eq!(field(stat, 22), Some("4711"));
        assert_eq!(field(stat, 2), None);
    }
}
