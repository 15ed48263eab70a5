//! What scopes are called, and what they are told.

use std::time::Duration;

use super::link::property;
use super::manager::Properties;
use crate::domain::session::{Session, SessionId};
use crate::reconcile::sessions::Terms;

/// Where our scopes are, beside `system.slice` and `user.slice`.
pub(super) const SLICE: &str = "jit.slice";
/// How long what is in a session has to go by itself.
pub(super) const GRACE: Duration = Duration::from_secs(2);

/// The first scope of a session: `jit-42-7.scope` is session 7, opened by elevation 42. One
/// whose end was moved goes on in `jit-42-7-2.scope`, since `RuntimeMaxSec=` of a running scope
/// can't be changed.
pub(super) fn scope(session: &Session, generation: u32) -> String {
    let (elevation, id) = (session.elevation, session.id);
    match generation {
        0 | 1 => format!("jit-{elevation}-{id}.scope"),
        later => format!("jit-{elevation}-{id}-{later}.scope"),
    }
}

/// All units that a session can have: patterns for `ListUnitsByPatterns`.
pub(super) fn patterns(session: &Session) -> Vec<String> {
    if let Some(login) = &session.login {
        return vec![login_scope(login)];
    }
    let (elevation, id) = (session.elevation, session.id);
    vec![
        format!("jit-{elevation}-{id}.scope"),
        format!("jit-{elevation}-{id}-*.scope"),
    ]
}

/// logind's scope of a login.
pub(super) fn login_scope(login: &str) -> String {
    format!("session-{login}.scope")
}

/// logind's name of a login, from its scope.
pub(super) fn login_of(unit: &str) -> Option<&str> {
    unit.strip_prefix("session-")?.strip_suffix(".scope")
}

/// The session that a scope of ours is of.
pub(super) fn session_of(unit: &str) -> Option<SessionId> {
    let numbers = unit.strip_prefix("jit-")?.strip_suffix(".scope")?;
    let mut numbers = numbers.split('-').map(str::parse::<u64>);
    let _elevation = numbers.next()?.ok()?;
    let id = numbers.next()?.ok()?;
    numbers.all(|rest| rest.is_ok()).then_some(SessionId(id))
}

/// Which scope of its session this is.
pub(super) fn generation(unit: &str) -> u32 {
    let stem = unit.strip_suffix(".scope").unwrap_or(unit);
    let last = stem.split('-').nth(3);
    last.and_then(|number| number.parse().ok()).unwrap_or(1)
}

/// Of a scope with these processes.
pub(super) fn properties(terms: &Terms, pids: Vec<u32>) -> Properties<'_> {
    let microseconds = |time: Duration| u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
    vec![
        property("Description", terms.description.as_str()),
        property("Slice", SLICE),
        property("PIDs", pids),
        property("RuntimeMaxUSec", microseconds(terms.lasts)),
        property("TimeoutStopUSec", microseconds(GRACE)),
        // A shell that somebody sits at does not hear SIGTERM.
        property("SendSIGHUP", true),
        // Nothing is left of it, also where its time was up.
        property("CollectMode", "inactive-or-failed"),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lead_back_to_their_session() {
        for (unit, id, its_generation) in [
            ("jit-42-7.scope", Some(7), 1),
            ("jit-42-7-2.scope", Some(7), 2),
            ("jit-42-7-13.scope", Some(7), 13),
            ("jit-42.scope", None, 1),
            ("jit-42-x.scope", None, 1),
            ("jit-42-7-x.scope", None, 1),
            ("session-7.scope", None, 1),
            ("jit-42-7.service", None, 1),
        ] {
            assert_eq!(session_of(unit), id.map(SessionId), "{unit}");
            assert_eq!(generation(unit), its_generation, "{unit}");
        }
        assert_eq!(login_of("session-c3.scope"), Some("c3"));
        assert_eq!(login_of("jit-1-2.scope"), None);
    }
}
