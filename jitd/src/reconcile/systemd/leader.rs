//! What /proc says of processes (proc(5)).

use std::fs;
use std::path::PathBuf;

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
    let groups = fs::read_to_string(format!("/proc/{pid}/cgroup")).ok()?;
    let path = groups.lines().find_map(|line| line.strip_prefix("0::"))?;
    let units = path.split('/').filter(|part| {
        let parts = [".scope", ".service"];
        parts.iter().any(|kind| part.ends_with(kind))
    });
    // Of a scope within a service (a user's own manager) the outer one is systemd's.
    units.map(str::to_owned).next()
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
    // The name before it may have anything in it.
    let (_, rest) = stat.rsplit_once(')')?;
    let number: i64 = rest.split_whitespace().nth(4)?.parse().ok()?;
    let device = u64::try_from(number).ok()?;
    let (major, minor) = (
        (device >> 8) & 0xfff,
        (device & 0xff) | ((device >> 12) & 0xfff00),
    );
    // The kernel's list of devices: UNIX98 slaves are 136 to 143, 256 each.
    let block = major.checked_sub(136).filter(|block| *block < 8)?;
    Some(format!("/dev/pts/{}", block * 256 + minor).into())
}

/// Everybody in these units.
pub(super) fn processes_in(units: &[String]) -> Vec<u32> {
    let Ok(entries) = fs::read_dir("/proc") else {
        return Vec::new();
    };
    let pids = entries
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    pids.filter(|pid| unit(*pid).is_some_and(|unit| units.contains(&unit)))
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
