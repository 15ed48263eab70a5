//! Where every process of the host is: by cgroups(7), version 2, in which each is in exactly one.
//!
//! A list of /proc is made while others fork and exit, and whoever does that quickly enough is
//! never in it. A cgroup's list is of one instant, and none of its processes leaves it by forking.

use std::fs;
use std::path::{Path, PathBuf};

/// Where all cgroups are.
const ROOT: &str = "/sys/fs/cgroup";

/// What a person has outside of system services: their logins, and what their own manager runs.
pub(super) fn slice_of(uid: u32) -> PathBuf {
    Path::new(ROOT).join(format!("user.slice/user-{uid}.slice"))
}

/// Every process of the host, with its cgroup; the outer cgroups come first, and those that
/// `goes_into` says no to are left out. Where cgroups are not of version 2 it is a list of /proc.
pub(super) fn processes(goes_into: impl Fn(&Path) -> bool, mut each: impl FnMut(&Path, u32)) {
    let root = Path::new(ROOT);
    if !root.join("cgroup.procs").exists() {
        for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
            let number = entry
                .file_name()
                .to_str()
                .and_then(|name| name.parse().ok());
            if let Some(pid) = number {
                each(root, pid);
            }
        }
        return;
    }
    visit(root, &goes_into, &mut |place| {
        for pid in members(place) {
            each(place, pid);
        }
    });
}

/// Every process in a cgroup and below it, each with its own.
pub(super) fn processes_in(top: &Path, each: &mut impl FnMut(&Path, u32)) {
    visit(top, &|_| true, &mut |place| {
        for pid in members(place) {
            each(place, pid);
        }
    });
}

/// Every cgroup.
pub(super) fn places(mut each: impl FnMut(&Path)) {
    visit(Path::new(ROOT), &|_| true, &mut each);
}

/// A cgroup and what is below it.
pub(super) fn visit(top: &Path, goes_into: &impl Fn(&Path) -> bool, each: &mut impl FnMut(&Path)) {
    if !goes_into(top) {
        return;
    }
    each(top);
    for below in fs::read_dir(top).into_iter().flatten().flatten() {
        if below.file_type().is_ok_and(|kind| kind.is_dir()) {
            visit(&below.path(), goes_into, each);
        }
    }
}

/// Who is in a cgroup itself, at one instant. Those of other pid namespaces have no number.
pub(super) fn members(cgroup: &Path) -> Vec<u32> {
    let list = fs::read_to_string(cgroup.join("cgroup.procs")).unwrap_or_default();
    let numbers = list.lines().filter_map(|line| line.parse().ok());
    numbers.filter(|pid| *pid != 0).collect()
}

/// Whether anybody is in a cgroup, or below it.
pub(super) fn is_populated(cgroup: &Path) -> bool {
    says(cgroup, "populated 1")
}

/// What `cgroup.events` says.
pub(super) fn says(cgroup: &Path, line: &str) -> bool {
    let events = fs::read_to_string(cgroup.join("cgroup.events"));
    events.is_ok_and(|events| events.lines().any(|one| one == line))
}

/// The cgroup of a process.
pub(super) fn place(pid: u32) -> Option<PathBuf> {
    let groups = fs::read_to_string(format!("/proc/{pid}/cgroup")).ok()?;
    let path = groups.lines().find_map(|line| line.strip_prefix("0::/"))?;
    // So says the kernel of one that waits to be waited for.
    let path = path.strip_suffix(" (deleted)").unwrap_or(path);
    Some(Path::new(ROOT).join(path))
}

/// Kills everybody in a cgroup and below it, at one instant: nobody forks out of it. False where
/// the kernel can't (before 5.14), or may not be told.
pub(super) fn kill(cgroup: &Path) -> bool {
    fs::write(cgroup.join("cgroup.kill"), "1").is_ok()
}
