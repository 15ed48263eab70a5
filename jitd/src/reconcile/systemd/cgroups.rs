//! Who is in a session, by the kernel's word (cgroups(7), version 2).
//!
//! systemd forgets a scope that it could not start, with whoever it had put there already: they
//! are still in its cgroup.

use std::fs;
use std::path::{Path, PathBuf};

use super::scopes;
use crate::domain::session::SessionId;

/// The cgroups of our scopes.
const SLICE: &str = "/sys/fs/cgroup/jit.slice";

/// Whether there is any of our scopes.
pub(super) fn are_any() -> bool {
    Path::new(SLICE).is_dir()
}

/// Everybody in a session's own scopes, whether systemd knows of them or not.
pub(super) fn members(session: SessionId) -> Vec<u32> {
    let mut members = Vec::new();
    for scope in of(session) {
        collect(&scope, &mut members);
    }
    members
}

/// Whether somebody is there.
pub(super) fn is_populated(session: SessionId) -> bool {
    of(session).iter().any(|scope| {
        let events = fs::read_to_string(scope.join("cgroup.events"));
        events.is_ok_and(|events| events.lines().any(|line| line == "populated 1"))
    })
}

fn of(session: SessionId) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(SLICE) else {
        return Vec::new();
    };
    entries
        .flatten()
        .filter(|entry| {
            let name = entry.file_name();
            name.to_str().and_then(scopes::session_of) == Some(session)
        })
        .map(|entry| entry.path())
        .collect()
}

/// Root in a session can make cgroups below its own.
fn collect(cgroup: &Path, members: &mut Vec<u32>) {
    let procs = fs::read_to_string(cgroup.join("cgroup.procs")).unwrap_or_default();
    members.extend(procs.lines().filter_map(|line| line.parse::<u32>().ok()));
    for below in fs::read_dir(cgroup).into_iter().flatten().flatten() {
        if below.file_type().is_ok_and(|kind| kind.is_dir()) {
            collect(&below.path(), members);
        }
    }
}
