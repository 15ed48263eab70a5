//! Sessions: what was opened under an elevation, and until when it lasts.

use std::collections::BTreeMap;

use jitd_api::State;

use super::elevation::{Elevation, ElevationId};
use super::time::{BootId, Now, Wall};

/// The number of a session, for life. The first one is 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionId(pub u64);

impl std::fmt::Display for SessionId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

/// A PAM session (sudo, su, ssh, login) that an elevation opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// Its number.
    pub id: SessionId,
    /// The elevation that opened it.
    pub elevation: ElevationId,
    /// That elevation, or the one that extends it by now.
    pub under: ElevationId,
    /// The others that could have given what runs, or what extends them by now: it ends with the
    /// first of them.
    pub also: Vec<ElevationId>,
    /// The PAM service.
    pub service: String,
    /// The command line as invoked, which its process could have chosen freely.
    pub command: String,
    /// Where it was opened, as PAM says; may be empty.
    pub terminal: String,
    /// From which host, as PAM says; may be empty.
    pub remote: String,
    /// The process that opened it.
    pub leader: u32,
    /// What tells that process, and what comes of it, from others.
    pub mark: Mark,
    /// What is kept of what is done in it; none where nobody demanded that.
    pub recording: Option<Recording>,
    /// logind's name for it, where it is a login of its own.
    pub login: Option<String>,
    /// The boot in which it was opened: no session outlives one.
    pub boot_id: BootId,
    /// When it was opened.
    pub opened_at: Wall,
    /// When nothing of it was left.
    pub closed_at: Option<Wall>,
}

/// What the kernel says of the process that opened a session, and keeps for life: it names what
/// came of it, wherever that has been moved.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Mark {
    /// When it began, in ticks since boot (`proc_pid_stat(5)`): its number can become another's.
    /// None of a session that was opened before this was kept.
    pub began: Option<u64>,
    /// The login in which it was started, by the number of its audit session; none outside of any.
    pub login: Option<u32>,
    /// The account that its elevation is of.
    pub uid: u32,
}

/// sudo's I/O log of a session, which does not outlive its being written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recording {
    /// The folder that it is in.
    pub folder: String,
    /// The process that writes it.
    pub recorder: u32,
}

impl Session {
    /// The elevation that bears it now; none where one of those that opened it is over, with all
    /// that was granted to go on from it.
    #[must_use]
    pub fn bearer(&self, open: &Open, now: &Now) -> Option<ElevationId> {
        let others = self.also.iter().all(|id| bearer(open, *id, now).is_some());
        bearer(open, self.under, now).filter(|_| others)
    }

    /// Milliseconds until the first of those that bear it ends, with all that was granted to
    /// extend it; none where it has no bearer.
    #[must_use]
    pub fn lasts(&self, open: &Open, now: &Now) -> Option<i64> {
        let mut left = lasts(open, bearer(open, self.under, now)?, now)?;
        for id in &self.also {
            left = left.min(lasts(open, bearer(open, *id, now)?, now)?);
        }
        Some(left)
    }

    /// The same session under what bears it now; none where that is what did.
    #[must_use]
    pub fn carried_on(&self, open: &Open, now: &Now) -> Option<Self> {
        let borne_by = |id| bearer(open, id, now).unwrap_or(id);
        let carried = Self {
            under: borne_by(self.under),
            also: self.also.iter().copied().map(borne_by).collect(),
            ..self.clone()
        };
        (carried != *self).then_some(carried)
    }
}

/// Whether an elevation opens a PAM service to whoever has this account and this name: a number
/// can have got another owner since.
#[must_use]
pub fn opens(elevation: &Elevation, uid: u32, name: &str, service: &str, now: &Now) -> bool {
    let opened = |grant: &super::elevation::Grant| {
        let mut services = grant.services.iter();
        services.any(|opened| opened.as_str() == service)
    };
    elevation.uid == uid
        && elevation.user.as_str() == name
        && elevation.is_active(now)
        && elevation.grant.as_ref().is_some_and(opened)
}

/// Elevations that something can still become of, by their numbers.
pub type Open = BTreeMap<ElevationId, Elevation>;

/// The elevations that something can be of which a service opens, where one of them opens it: the
/// first of those that do and ends first, and the others. Where it is known which give what is to
/// run, these, whatever they open; else those that open the service.
#[must_use]
pub fn openers<'a>(
    open: &'a Open,
    uid: u32,
    name: &str,
    service: &str,
    given_by: Option<&[ElevationId]>,
    now: &Now,
) -> Vec<&'a Elevation> {
    let opens_it = |elevation: &Elevation| opens(elevation, uid, name, service, now);
    let mut openers: Vec<_> = match given_by {
        None => open.values().filter(|one| opens_it(one)).collect(),
        Some(ids) => {
            let known = ids.iter().filter_map(|id| open.get(id));
            known
                .filter(|one| one.uid == uid && one.user.as_str() == name && one.is_active(now))
                .collect()
        }
    };
    openers.sort_by_key(|one| (!opens_it(one), lasts(open, one.id, now), one.id));
    if openers.first().is_none_or(|first| !opens_it(first)) {
        return Vec::new();
    }
    openers
}

/// Milliseconds until an elevation ends, with all that was granted to extend it; none where it is
/// not active.
#[must_use]
pub fn lasts(open: &Open, id: ElevationId, now: &Now) -> Option<i64> {
    let mut last = open.get(&id)?;
    let mut left = last.left(now)?;
    while let Some(next) = extension(open, last.id) {
        left = left.max(next.time_left(now)?);
        last = next;
    }
    Some(left)
}

/// What was granted to go on from an elevation.
fn extension(open: &Open, id: ElevationId) -> Option<&Elevation> {
    // One goes on from an older one: the numbers grow, and the way along them ends.
    let mut later = open.range(ElevationId(id.0.saturating_add(1))..);
    let next = later.find(|(_, other)| {
        other.extends == Some(id)
            && matches!(other.state, State::Active | State::Scheduled)
            && other.grant.is_some()
    });
    next.map(|(_, next)| next)
}

/// The elevation that bears the sessions of this one now: itself, or what extends it once it is
/// over; none when all of that is over. `open` need not have the elevation itself any more.
#[must_use]
pub fn bearer(open: &Open, id: ElevationId, now: &Now) -> Option<ElevationId> {
    let mut id = id;
    loop {
        if open.get(&id).is_some_and(|one| one.is_active(now)) {
            return Some(id);
        }
        id = extension(open, id)?.id;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::elevation::Grant;
    use crate::domain::names::{RoleName, ServiceName, UserName};
    use crate::domain::time::{Boot, Seconds};

    /// An elevation of carol's from one second until another.
    fn granted(id: u64, extends: Option<u64>, from: i64, until: i64) -> Elevation {
        let state = if from <= 10 {
            State::Active
        } else {
            State::Scheduled
        };
        Elevation {
            id: ElevationId(id),
            state,
            user: UserName::new("carol").unwrap(),
            uid: 1001,
            login_uid: None,
            role: RoleName::new("deploy").unwrap(),
            reason: String::new(),
            ticket: String::new(),
            duration: Seconds(u64::try_from(until - from).unwrap()),
            requested_at: Wall(0),
            start: None,
            extends: extends.map(ElevationId),
            break_glass: false,
            acknowledged: None,
            lapses_at: Wall(i64::MAX),
            grant: Some(Grant {
                groups: Vec::new(),
                services: vec![ServiceName::new("sudo").unwrap()],
                starts_at: Wall(from * 1000),
                starts_at_boot: Boot(from * 1000),
                ends_at: Wall(until * 1000),
                ends_at_boot: Boot(until * 1000),
                boot_id: BootId("a".to_owned()),
            }),
            ended: None,
            decisions: Vec::new(),
        }
    }

    fn open(elevations: impl IntoIterator<Item = Elevation>) -> Open {
        let elevations = elevations.into_iter();
        elevations
            .map(|elevation| (elevation.id, elevation))
            .collect()
    }

    fn at(second: i64) -> Now {
        Now {
            wall: Wall(second * 1000),
            boot: Boot(second * 1000),
            boot_id: BootId("a".to_owned()),
        }
    }

    #[test]
    fn a_session_belongs_to_the_elevation_that_ends_first() {
        let open = open([granted(1, None, 0, 100), granted(2, None, 0, 50)]);
        let openers = |uid, name, service, second| {
            let openers = openers(&open, uid, name, service, None, &at(second));
            openers.iter().map(|one| one.id.0).collect::<Vec<_>>()
        };
        assert_eq!(openers(1001, "carol", "sudo", 20), [2, 1]);
        assert_eq!(openers(1001, "carol", "sudo", 60), [1]);
        for (uid, name, service, second) in [
            (1001, "carol", "sudo", 100),
            (1001, "carol", "su", 20),
            (1001, "carla", "sudo", 20),
            (1002, "carol", "sudo", 20),
        ] {
            assert!(openers(uid, name, service, second).is_empty());
        }
    }

    #[test]
    fn a_session_belongs_to_all_that_give_what_runs_in_it() {
        let login = ServiceName::new("sudo-i").unwrap();
        let mut lesser = granted(3, None, 0, 70);
        lesser.grant.as_mut().unwrap().services.push(login);
        let open = open([granted(1, None, 0, 100), granted(2, None, 0, 50), lesser]);
        let openers = |service, given_by: &[u64], second| {
            let ids: Vec<_> = given_by.iter().copied().map(ElevationId).collect();
            let now = at(second);
            let openers = openers(&open, 1001, "carol", service, Some(&ids), &now);
            openers.iter().map(|one| one.id.0).collect::<Vec<_>>()
        };
        assert_eq!(
            openers("sudo", &[1, 3], 20),
            [3, 1],
            "2 gives something else"
        );
        assert_eq!(
            openers("sudo-i", &[1, 2, 3], 20),
            [3, 2, 1],
            "only 3 opens it"
        );
        assert_eq!(openers("sudo-i", &[1, 2], 20), [0; 0]);
        assert_eq!(openers("sudo", &[1, 2], 60), [1], "2 is over");
        assert_eq!(openers("sudo", &[], 20), [0; 0]);
        assert_eq!(openers("sudo", &[7], 20), [0; 0]);
    }

    #[test]
    fn an_extension_counts_where_the_end_is_looked_for() {
        let open = open([
            granted(1, None, 0, 50),
            granted(2, Some(1), 50, 90),
            granted(3, None, 0, 70),
        ]);
        let openers = openers(&open, 1001, "carol", "sudo", None, &at(20));
        assert_eq!(openers[0].id, ElevationId(3), "1 goes on until 90");
        let lasts = |id| lasts(&open, ElevationId(id), &at(20));
        assert_eq!(lasts(1), Some(70_000));
        assert_eq!(lasts(2), None, "it has not begun");
        assert_eq!(lasts(3), Some(50_000));
    }

    #[test]
    fn sessions_go_on_under_what_extends() {
        let mut second = granted(2, Some(1), 50, 90);
        second.state = State::Active;
        let mut third = granted(3, Some(2), 90, 120);
        third.state = State::Active;
        let open = open([second, third]);
        let bearer = |second| {
            let now = at(second);
            bearer(&open, ElevationId(1), &now)
        };
        assert_eq!(bearer(60), Some(ElevationId(2)));
        assert_eq!(bearer(90), Some(ElevationId(3)));
        assert_eq!(bearer(120), None);
    }

    #[test]
    fn a_session_ends_with_the_first_of_those_that_opened_it() {
        let session = Session {
            id: SessionId(1),
            elevation: ElevationId(1),
            under: ElevationId(1),
            also: vec![ElevationId(2)],
            service: "sudo".to_owned(),
            command: String::new(),
            terminal: String::new(),
            remote: String::new(),
            leader: 4711,
            mark: Mark::default(),
            recording: None,
            login: None,
            boot_id: BootId("a".to_owned()),
            opened_at: Wall(0),
            closed_at: None,
        };
        // 1 was to end first, and goes on as 3.
        let greater = granted(2, None, 0, 70);
        let all = open([
            granted(1, None, 0, 50),
            greater.clone(),
            granted(3, Some(1), 50, 90),
        ]);
        assert_eq!(session.lasts(&all, &at(20)), Some(50_000));
        assert_eq!(session.bearer(&all, &at(20)), Some(ElevationId(1)));
        assert_eq!(session.carried_on(&all, &at(20)), None);

        let mut third = granted(3, Some(1), 50, 90);
        third.state = State::Active;
        let later = open([greater, third.clone()]);
        let carried = session.carried_on(&later, &at(60)).unwrap();
        assert_eq!((carried.under, &carried.also), (third.id, &session.also));
        assert_eq!(carried.bearer(&later, &at(60)), Some(third.id));
        assert_eq!(carried.lasts(&later, &at(60)), Some(10_000));
        assert_eq!(carried.bearer(&later, &at(70)), None);
        assert_eq!(
            carried.bearer(&open([third]), &at(60)),
            None,
            "2 was revoked"
        );
    }
}
