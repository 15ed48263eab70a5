//! Whether this process is still in the session in which it was started.
//!
//! Each session is a scope of systemd's, made by jitd. Within it, `su -` asks `pam_systemd` for a
//! login, which takes the process out of the scope: it would outlive the elevation.

use std::fs;

/// Whether the process that started this one is in a session of jitd's, and this one is not.
pub(crate) fn was_left() -> bool {
    let parent = std::os::unix::process::parent_id();
    is_in_one(&format!("/proc/{parent}/cgroup")) && !is_in_one("/proc/self/cgroup")
}

fn is_in_one(path: &str) -> bool {
    fs::read(path).is_ok_and(|groups| names_one(&String::from_utf8_lossy(&groups)))
}

/// By cgroups(7): one line of version 2. Only root can make a cgroup of that name elsewhere.
fn names_one(groups: &str) -> bool {
    let path = groups.lines().find_map(|line| line.strip_prefix("0::"));
    path.is_some_and(|path| path.contains("/jit.slice/jit-"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_is_known_by_its_scope() {
        assert!(names_one("0::/jit.slice/jit-42-7.scope\n"));
        assert!(names_one("1:cpu:/\n0::/jit.slice/jit-42-7-2.scope/below\n"));
        assert!(!names_one(
            "0::/user.slice/user-1001.slice/session-3.scope\n"
        ));
        assert!(!names_one("1:cpu:/jit.slice/jit-42-7.scope\n0::/\n"));
        assert!(!names_one(""));
    }
}
