//! Whether a process is in a login session of whoever logged in for it.
//!
//! A login uid alone does not say that they sit there: it is set for a user manager, for cron and for
//! what a service starts, and root can write it. But whoever writes one is given a new session of the
//! kernel's audit, and no login has that.

use super::peer::{Login, Process};
use crate::logins::{self, LoginSession};

/// Why it is not; none where it is, and where the host keeps no logins that could tell.
pub(super) fn why_absent(process: &Process, login: Login) -> Option<String> {
    if !process.is_certain() {
        let why = "the bus does not say for certain which process calls (jitctl asks without it)";
        return Some(why.to_owned());
    }
    let Some(uid) = login.uid else {
        return Some("nobody logged in for this process".to_owned());
    };
    if !logins::are_kept() {
        return None;
    }
    let by_audit = login.session.and_then(logins::of_audit_session);
    let is_theirs = match &by_audit {
        // The kernel gives both at once, and neither can be had without the other.
        Some(session) => session.is_of(uid),
        None => logins::of_process(process.pid()).is_some_and(|session| {
            session.audit.is_none() && session.is_of(uid) && leads(&session, login)
        }),
    };
    if is_theirs && process.still_runs().is_ok() {
        return None;
    }
    Some(match by_audit {
        Some(session) => format!("this one is of class {}", session.class),
        None => "this process is in none that logind knows".to_owned(),
    })
}

/// Where logind does not know the kernel's sessions, as in a container: whether whoever leads its
/// session is in the same one of the kernel's, with the same login uid.
fn leads(session: &LoginSession, login: Login) -> bool {
    let leader = Process::since_now(session.leader);
    let leader = leader.and_then(|leader| leader.login());
    leader.is_ok_and(|leader| leader == login)
}
