//! Who is in a session, by the kernel's word (cgroups(7), version 2).
//!
//! systemd forgets a scope that it could not start, with whoever it had put there already: they
//! are still in its cgroup.

use std::fs;
use std::path::{Path, PathBuf};

use super::scopes;
use crate::domain::session::SessionId;
use crate::reconcile::census;

/// The cgroups of our scopes.
const SLICE: &str = "/sys/fs/cgroup/jit.slice";

/// Whether there is any of our scopes.
pub(super) fn are_any() -> bool {
    Path::new(SLICE).is_dir()
}

/// Everybody in a session's own scopes, whether systemd knows of them or not.
pub(super) fn members(session: SessionId) -> Vec<u32> {
    let mut all = Vec::new();
    for scope in of(session) {
        // Root in a session can make cgroups below its own.
        census::visit(&scope, &|_| true, &mut |place| {
            all.extend(census::members(place));
        });
    }
    all
}

/// Whether somebody is there.
pub(super) fn is_populated(session: SessionId) -> bool {
    of(session).iter().any(|scope| census::is_populated(scope))
}

/// Kills everybody there, at one instant; gives whether the kernel could.
pub(super) fn kill(session: SessionId) -> bool {
    let mut could = true;
    for scope in of(session) {
        could &= census::kill(&scope);
    }
    could
}

/// The scopes of a session that are there.
pub(super) fn of(session: SessionId) -> Vec<PathBuf> {
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
