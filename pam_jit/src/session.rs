//! Whether this process is still in the session in which it was started.
//!
//! Each session is a scope of systemd's, made by jitd. Within it, `su -` asks `pam_systemd` for a
//! login, which takes the process out of the scope: it would outlive the elevation.

use std::fs::File;
use std::io::Read;
use std::os::unix::process::parent_id;
use std::sync::atomic::{AtomicU64, Ordering};

const OWN: &str = "/proc/self/cgroup";

/// The last session that this process was seen in; 0 before the first.
static SEEN_IN: AtomicU64 = AtomicU64::new(0);

/// Takes note of the session that this process is in, before other modules can take it out.
pub(crate) fn note() {
    if let Some(session) = of(OWN) {
        SEEN_IN.store(session, Ordering::Relaxed);
    }
}

/// The session that this process was in, where it is in none any more. A program that comes to
/// the session stage only is taken to have been where the one that started it is.
pub(crate) fn left() -> Option<u64> {
    if of(OWN).is_some() {
        return None;
    }
    match SEEN_IN.load(Ordering::Relaxed) {
        0 => of(&format!("/proc/{}/cgroup", parent_id())),
        seen => Some(seen),
    }
}

/// In one read, as the kernel gives it: everybody's sudo pays for it.
fn of(path: &str) -> Option<u64> {
    let mut groups = [0; 4096];
    let length = File::open(path).ok()?.read(&mut groups).ok()?;
    named(&String::from_utf8_lossy(groups.get(..length)?))
}

/// By cgroups(7): one line of version 2. A user's own manager can make a cgroup of that name, but
/// not at the top.
fn named(groups: &str) -> Option<u64> {
    let path = groups.lines().find_map(|line| line.strip_prefix("0::"))?;
    let scope = path
        .strip_prefix("/jit.slice/jit-")?
        .split(".scope")
        .next()?;
    scope.split('-').nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_is_known_by_its_scope() {
        for (groups, session) in [
            ("0::/jit.slice/jit-42-7.scope\n", Some(7)),
            ("1:cpu:/\n0::/jit.slice/jit-42-7-2.scope/below\n", Some(7)),
            ("0::/user.slice/user-1001.slice/session-3.scope\n", None),
            ("0::/user.slice/jit.slice/jit-42-7.scope\n", None),
            ("1:cpu:/jit.slice/jit-42-7.scope\n0::/\n", None),
            ("0::/jit.slice\n", None),
            ("", None),
        ] {
            assert_eq!(named(groups), session, "{groups:?}");
        }
    }
}
