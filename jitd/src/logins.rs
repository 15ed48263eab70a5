//! Logins, as logind keeps them for everybody to read: `/run/systemd/sessions`, which is also where
//! `sd-login(3)` has them from. Nothing is asked, and nobody can be kept from it.
#![forbid(unsafe_code)]

use std::fs;
use std::path::Path;

/// A file for each, by its name.
const FOLDER: &str = "/run/systemd/sessions";
/// Sessions that somebody sits at; others are of managers, cron and screen lockers.
const OF_PEOPLE: [&str; 4] = ["user", "user-early", "user-light", "user-early-light"];

/// A login.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LoginSession {
    /// Whose.
    pub(crate) uid: u32,
    /// What for, in the words of `pam_systemd(8)`.
    pub(crate) class: String,
    /// The process that it was made for.
    pub(crate) leader: u32,
    /// The session of the kernel's audit, where there was one.
    pub(crate) audit: Option<u32>,
}

impl LoginSession {
    /// Whether this account sits at it.
    pub(crate) fn is_of(&self, uid: u32) -> bool {
        self.uid == uid && OF_PEOPLE.contains(&self.class.as_str())
    }
}

/// Whether this host keeps logins.
pub(crate) fn are_kept() -> bool {
    Path::new(FOLDER).is_dir()
}

/// The process that logind made a login for.
pub(crate) fn leader(login: &str) -> Option<u32> {
    Some(named(login)?.leader)
}

/// The login with this session of the kernel's audit.
pub(crate) fn of_audit_session(audit: u32) -> Option<LoginSession> {
    let is_it = |session: &LoginSession| session.audit == Some(audit);
    // Most have its name.
    named(&audit.to_string()).filter(is_it).or_else(|| {
        let all = fs::read_dir(FOLDER).ok()?.flatten();
        // Beside them are pipes, whose end is that of a login.
        let all = all.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_file()));
        let mut all = all.filter_map(|entry| named(entry.file_name().to_str()?));
        all.find(is_it)
    })
}

/// The login in whose scope a process is (cgroups(7), version 2).
pub(crate) fn of_process(pid: u32) -> Option<LoginSession> {
    let groups = fs::read_to_string(format!("/proc/{pid}/cgroup")).ok()?;
    named(in_scope(&groups)?)
}

/// A login's name from a place below user.slice/user-UID.slice: nobody but systemd and logind make
/// scopes there. What is below them, such as a user's own manager, does not count.
fn in_scope(groups: &str) -> Option<&str> {
    let place = groups.lines().find_map(|line| line.strip_prefix("0::"))?;
    let mut parts = place.split('/').skip_while(|part| *part != "user.slice");
    let scope = parts.nth(2)?;
    scope.strip_prefix("session-")?.strip_suffix(".scope")
}

fn named(login: &str) -> Option<LoginSession> {
    understood(&fs::read_to_string(Path::new(FOLDER).join(login)).ok()?)
}

fn understood(text: &str) -> Option<LoginSession> {
    let value = |key: &str| {
        let mut lines = text.lines();
        lines.find_map(|line| line.strip_prefix(key)?.strip_prefix('='))
    };
    Some(LoginSession {
        uid: value("UID")?.parse().ok()?,
        class: value("CLASS")?.to_owned(),
        leader: value("LEADER")?.parse().ok()?,
        audit: value("AUDIT").and_then(|audit| audit.parse().ok()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_is_read_as_logind_writes_it() {
        let text = "# This is private data. Do not parse.\nUID=1000\nUSER=alice\nACTIVE=1\nCLASS=user\nSCOPE=session-3.scope\nLEADER=4242\nAUDIT=3\n";
        let login = understood(text).unwrap();
        assert_eq!((login.leader, login.audit), (4242, Some(3)));
        assert!(login.is_of(1000) && !login.is_of(1001));
        let other = understood(&text.replace("CLASS=user", "CLASS=manager")).unwrap();
        assert!(!other.is_of(1000));
        assert_eq!(understood("UID=1000\nCLASS=user\n"), None);
    }

    #[test]
    fn what_is_below_a_scope_of_anothers_making_is_in_no_login() {
        for (place, login) in [
            ("/user.slice/user-1000.slice/session-3.scope", Some("3")),
            (
                "/payload/user.slice/user-1000.slice/session-c1.scope",
                Some("c1"),
            ),
            (
                "/user.slice/user-1000.slice/user@1000.service/app.slice/session-3.scope",
                None,
            ),
            ("/system.slice/session-3.scope", None),
            ("/user.slice", None),
        ] {
            assert_eq!(in_scope(&format!("0::{place}\n")), login, "{place}");
        }
    }
}
