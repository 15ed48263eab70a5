//! What came of a session and is in none of its scopes: PID 1 moves a process into a unit of its
//! owner's at the owner's request, and root moves what it likes.
//!
//! The kernel keeps two things of a process for life, and of all that it starts: the login that it
//! came from (its audit session), and when it began. What has the login of a session's leader, is
//! no older, and runs as somebody else than the person, has come of a session.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use super::scopes;
use crate::domain::session::{Mark, Session, SessionId};
use crate::reconcile::census;
use crate::reconcile::grip::{self, Grip};

/// What was found, and where.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) processes: Vec<Grip>,
    pub(super) places: BTreeSet<PathBuf>,
    /// Whether somebody of the person's own ended while they were looked at: who forks and exits
    /// all the time is not seen otherwise.
    pub(super) is_restless: bool,
}

impl Found {
    pub(super) fn is_empty(&self) -> bool {
        self.processes.is_empty()
    }

    fn add(&mut self, process: Grip, place: &Path) {
        if self.processes.iter().all(|known| known.pid != process.pid) {
            self.processes.push(process);
            self.places.insert(place.to_owned());
        }
    }
}

/// Everything of a session that is outside of its scopes. Reads each process' numbers at most once
/// or twice; blocks for as long as that takes.
pub(super) fn outside(session: &Session) -> Found {
    let mut found = Found::default();
    let Some(began) = session.mark.began else {
        return found;
    };
    if session.login.is_none() {
        add_leader(session, began, &mut found);
    }
    let own = census::slice_of(session.mark.uid);
    // Logins, and what is opened in a session, are ended by themselves. Nobody but root gets in there.
    let goes_into = |place: &Path| {
        let name = place.file_name().and_then(|name| name.to_str());
        let name = name.unwrap_or_default();
        name != scopes::SLICE && scopes::login_of(name).is_none()
    };
    census::processes(goes_into, |place, pid| {
        let is_own = place.starts_with(&own);
        let is_kin = |pid| is_kin(pid, &session.mark, is_own);
        match is_kin(pid) {
            Some(false) => {}
            None => found.is_restless |= is_own,
            Some(true) => {
                if let Some(process) = Grip::take(pid, |pid| is_kin(pid) == Some(true)) {
                    found.add(process, place);
                }
            }
        }
    });
    found
}

/// The leader itself, where it is not in a scope of its session, and what it has started.
fn add_leader(session: &Session, began: u64, found: &mut Found) {
    let Some(leader) = Grip::that_began(session.leader, began) else {
        return;
    };
    let Some(place) = astray(session, leader.pid) else {
        return;
    };
    for pid in grip::descendants(leader.pid) {
        let is_outside = |pid| astray(session, pid).is_some_and(|place| is_nobodys(&place));
        if let (Some(process), Some(place)) = (Grip::take(pid, is_outside), census::place(pid)) {
            found.add(process, &place);
        }
    }
    found.add(leader, &place);
}

/// Where a process of a session is, where that is none of its scopes.
pub(super) fn astray(session: &Session, pid: u32) -> Option<PathBuf> {
    let place = census::place(pid)?;
    (session_at(&place) != Some(session.id)).then_some(place)
}

/// Whether no other session, and no login, has a cgroup for its own.
fn is_nobodys(place: &Path) -> bool {
    let unit = unit_at(place).unwrap_or_default();
    scopes::login_of(&unit).is_none() && session_at(place).is_none()
}

fn session_at(place: &Path) -> Option<SessionId> {
    let is_ours = place
        .components()
        .any(|part| part.as_os_str() == scopes::SLICE);
    let unit = unit_at(place).filter(|_| is_ours)?;
    scopes::session_of(&unit)
}

/// The unit of systemd's that a cgroup is of. Of a scope within a service (a user's own manager) the
/// outer one is systemd's.
pub(super) fn unit_at(place: &Path) -> Option<String> {
    let mut parts = place
        .components()
        .filter_map(|part| part.as_os_str().to_str());
    let is_unit = |part: &&str| {
        let kinds = [".scope", ".service"];
        kinds.iter().any(|kind| part.ends_with(kind))
    };
    let unit = parts.find(is_unit);
    unit.map(str::to_owned)
}

/// Whether a process came of a session; none where it has ended meanwhile. Of what was started outside
/// of any login, only what is in the person's own slice can be told from others.
fn is_kin(pid: u32, mark: &Mark, is_own: bool) -> Option<bool> {
    let login = grip::login(pid).ok()?;
    if login != mark.login || login.is_none() && !is_own {
        return Some(false);
    }
    let is_as_young = Some(grip::began(pid)?) >= mark.began;
    Some(is_as_young && grip::owner(pid)? != mark.uid && shares_users(pid)?)
}

/// Whether its uids are those of the host: in a user namespace of the person's, others are theirs.
fn shares_users(pid: u32) -> Option<bool> {
    let own = fs::read_link("/proc/self/ns/user").ok()?;
    Some(fs::read_link(format!("/proc/{pid}/ns/user")).ok()? == own)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_counts_as_ours_where_it_is() {
        let at = |place: &str| session_at(&Path::new("/sys/fs/cgroup").join(place));
        assert_eq!(at("jit.slice/jit-1-7.scope"), Some(SessionId(7)));
        assert_eq!(at("jit.slice/jit-1-7-2.scope/below"), Some(SessionId(7)));
        let hers = "user.slice/user-1001.slice/user@1001.service";
        assert_eq!(at(&format!("{hers}/jit.slice/jit-1-7.scope")), None);
        assert_eq!(at(&format!("{hers}/jit-1-7.scope")), None);
        let place = Path::new("/sys/fs/cgroup").join(hers);
        assert_eq!(
            unit_at(&place.join("out")).as_deref(),
            Some("user@1001.service")
        );
    }

    #[test]
    fn of_this_process_it_is_known_whose_it_is() {
        let pid = std::process::id();
        let began = grip::began(pid);
        let mark = |began, uid| Mark {
            began,
            login: grip::login(pid).unwrap(),
            uid,
        };
        let own = grip::owner(pid).unwrap();
        let is_kin = |mark: &Mark| is_kin(pid, mark, true);
        assert_eq!(is_kin(&mark(began, own)), Some(false), "the person's own");
        assert_eq!(is_kin(&mark(began, own + 1)), Some(true));
        let later = began.map(|ticks| ticks + 1);
        assert_eq!(is_kin(&mark(later, own + 1)), Some(false), "it is older");
        let gone = super::is_kin(u32::MAX, &mark(began, own), true);
        assert_eq!(gone, None);
    }
}
