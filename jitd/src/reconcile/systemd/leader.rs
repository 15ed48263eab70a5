//! What /proc says of processes (proc(5)).

use std::fs;
use std::path::PathBuf;

use super::kin;
use crate::reconcile::{census, grip};

/// Longest command line that is kept, in bytes.
const MOST_COMMAND: usize = 1024;

/// The command line as invoked, its words apart by blanks.
pub(super) fn command(pid: u32) -> Option<String> {
    let bytes = fs::read(format!("/proc/{pid}/cmdline")).ok()?;
    let words = bytes
        .split(|byte| *byte == 0)
        .map(String::from_utf8_lossy)
        .collect::<Vec<_>>()
        .join(" ");
    let mut command = words.trim_end().to_owned();
    let mut end = MOST_COMMAND.min(command.len());
    while !command.is_char_boundary(end) {
        end -= 1;
    }
    if end < command.len() {
        command.truncate(end);
        command.push('…');
    }
    Some(command)
}

/// The unit that a process is in: the scope or service in its cgroup (cgroups(7), version 2).
pub(super) fn unit(pid: u32) -> Option<String> {
    kin::unit_at(&census::place(pid)?)
}

/// The process that started this one, or took its place.
pub(super) fn parent(pid: u32) -> Option<u32> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let parent = status.lines().find_map(|line| line.strip_prefix("PPid:"))?;
    parent.trim().parse().ok()
}

/// The terminal that a process is at; those of the pts file system only.
pub(super) fn terminal(pid: u32) -> Option<PathBuf> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let number: i64 = grip::field(&stat, 7)?.parse().ok()?;
    let device = u64::try_from(number).ok()?;
    let (major, minor) = (
        (device >> 8) & 0xfff,
        (device & 0xff) | ((device >> 12) & 0xfff00),
    );
    // The kernel's list of devices: UNIX98 slaves are 136 to 143, 256 each.
    let block = major.checked_sub(136).filter(|block| *block < 8)?;
    Some(format!("/dev/pts/{}", block * 256 + minor).into())
}

/// Everybody in a unit, wherever it is.
pub(super) fn processes_in(name: &str) -> Vec<u32> {
    let Ok(entries) = fs::read_dir("/proc") else {
        return Vec::new();
    };
    let pids = entries
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    pids.filter(|pid| unit(*pid).is_some_and(|unit| unit == name))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_has_a_command_line() {
        let command = command(std::process::id()).unwrap();
        assert!(command.contains("jitd"), "{command}");
        assert_eq!(super::command(u32::MAX), None);
    }
}
