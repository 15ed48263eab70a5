//! Events and their fields.

use crate::domain::elevation::{Elevation, ElevationId};
use crate::domain::names::{RoleName, UserName};
use crate::domain::person::Caller;
use crate::domain::session::Session;
use crate::domain::time::Wall;

/// What happened: `noun.verb`, catalogued in jitd-events(7).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EventName {
    /// Somebody asked for a role.
    Requested,
    /// An approver said yes; it is active.
    Approved,
    /// An approver said no.
    Denied,
    /// The requester took it back.
    Cancelled,
    /// Nobody decided in time.
    Lapsed,
    /// Its time was up.
    Expired,
    /// Its holder ended it.
    Released,
    /// Somebody else, or a change of policy, ended it.
    Revoked,
    /// Its time has come; it is active.
    Started,
    /// Somebody took a role at once, to answer for it afterwards.
    GlassBroken,
    /// An approver took note of that.
    GlassAcknowledged,
    /// A policy came into force.
    PolicyLoaded,
    /// A policy was not taken.
    PolicyRefused,
    /// Somebody tried what they may not.
    AttemptRefused,
    /// A session was opened under an elevation.
    SessionOpened,
    /// A session was not opened, because nothing could have ended it.
    SessionRefused,
    /// A session goes on under what extends its elevation.
    SessionExtended,
    /// A session was over before its elevation.
    SessionClosed,
    /// A session was ended, because its elevation had.
    SessionEnded,
    /// Others put somebody into a group of jitd's own.
    DriftRemoved,
    /// Others took somebody out of a group that an elevation gives.
    DriftRestored,
    /// Somebody set the clock.
    ClockStepped,
    /// Events were moved into a file.
    RecordArchived,
    /// A copy of the database was made.
    RecordCopied,
}

impl EventName {
    /// Every event there is.
    pub const ALL: [Self; 24] = [
        Self::Requested,
        Self::Approved,
        Self::Denied,
        Self::Cancelled,
        Self::Lapsed,
        Self::Expired,
        Self::Released,
        Self::Revoked,
        Self::Started,
        Self::GlassBroken,
        Self::GlassAcknowledged,
        Self::PolicyLoaded,
        Self::PolicyRefused,
        Self::AttemptRefused,
        Self::SessionOpened,
        Self::SessionRefused,
        Self::SessionExtended,
        Self::SessionClosed,
        Self::SessionEnded,
        Self::DriftRemoved,
        Self::DriftRestored,
        Self::ClockStepped,
        Self::RecordArchived,
        Self::RecordCopied,
    ];

    /// Its name in the record.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Requested => "elevation.requested",
            Self::Approved => "elevation.approved",
            Self::Denied => "elevation.denied",
            Self::Cancelled => "elevation.cancelled",
            Self::Lapsed => "elevation.lapsed",
            Self::Expired => "elevation.expired",
            Self::Released => "elevation.released",
            Self::Revoked => "elevation.revoked",
            Self::Started => "elevation.started",
            Self::GlassBroken => "glass.broken",
            Self::GlassAcknowledged => "glass.acknowledged",
            Self::PolicyLoaded => "policy.loaded",
            Self::PolicyRefused => "policy.refused",
            Self::AttemptRefused => "attempt.refused",
            Self::SessionOpened => "session.opened",
            Self::SessionRefused => "session.refused",
            Self::SessionExtended => "session.extended",
            Self::SessionClosed => "session.closed",
            Self::SessionEnded => "session.ended",
            Self::DriftRemoved => "drift.removed",
            Self::DriftRestored => "drift.restored",
            Self::ClockStepped => "clock.stepped",
            Self::RecordArchived => "record.archived",
            Self::RecordCopied => "record.copied",
        }
    }

    /// Its message id in the journal (`journalctl MESSAGE_ID=…`), for ever the same.
    #[must_use]
    pub const fn message_id(self) -> &'static str {
        match self {
            Self::Requested => "6f1a5ec1f6c94c3d9a3c1c4b8f6e2d01",
            Self::Approved => "6f1a5ec1f6c94c3d9a3c1c4b8f6e2d02",
            Self::Denied => "6f1a5ec1f6c94c3d9a3c1c4b8f6e2d03",
            Self::Cancelled => "6f1a5ec1f6c94c3d9a3c1c4b8f6e2d04",
            Self::Lapsed => "6f1a5ec1f6c94c3d9a3c1c4b8f6e2d05",
            Self::Expired => "6f1a5ec1f6c94c3d9a3c1c4b8f6e2d06",
            Self::Released => "6f1a5ec1f6c94c3d9a3c1c4b8f6e2d07",
            Self::Revoked => "6f1a5ec1f6c94c3d9a3c1c4b8f6e2d08",
            Self::Started => "6f1a5ec1f6c94c3d9a3c1c4b8f6e2d09",
            Self::GlassBroken => "6f1a5ec1f6c94c3d9a3c1c4b8f6e2d0a",
            Self::GlassAcknowledged => "6f1a5ec1f6c94c3d9a3c1c4b8f6e2d0b",
            Self::PolicyLoaded => "6f1a5ec1f6c94c3d9a3c1c4b8f6e2d0c",
            Self::PolicyRefused => "6f1a5ec1f6c94c3d9a3c1c4b8f6e2d0d",
            Self::AttemptRefused => "6f1a5ec1f6c94c3d9a3c1c4b8f6e2d0e",
            Self::SessionOpened => "6f1a5ec1f6c94c3d9a3c1c4b8f6e2d10",
            Self::SessionRefused => "6f1a5ec1f6c94c3d9a3c1c4b8f6e2d11",
            Self::SessionExtended => "6f1a5ec1f6c94c3d9a3c1c4b8f6e2d12",
            Self::SessionClosed => "6f1a5ec1f6c94c3d9a3c1c4b8f6e2d13",
            Self::SessionEnded => "6f1a5ec1f6c94c3d9a3c1c4b8f6e2d14",
            Self::DriftRemoved => "6f1a5ec1f6c94c3d9a3c1c4b8f6e2d20",
            Self::DriftRestored => "6f1a5ec1f6c94c3d9a3c1c4b8f6e2d21",
            Self::ClockStepped => "6f1a5ec1f6c94c3d9a3c1c4b8f6e2d30",
            Self::RecordArchived => "6f1a5ec1f6c94c3d9a3c1c4b8f6e2d60",
            Self::RecordCopied => "6f1a5ec1f6c94c3d9a3c1c4b8f6e2d61",
        }
    }

    /// The one with this name in the record.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|event| event.as_str() == name)
    }

    /// How loud it is told.
    #[must_use]
    pub const fn severity(self) -> Severity {
        match self {
            Self::GlassBroken => Severity::Alert,
            Self::PolicyRefused | Self::SessionRefused => Severity::Error,
            Self::AttemptRefused
            | Self::DriftRemoved
            | Self::DriftRestored
            | Self::ClockStepped => Severity::Warning,
            _ => Severity::Notice,
        }
    }
}

/// How loud an event is, by syslog(3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    /// Somebody must look at once.
    Alert,
    /// Something is wrong.
    Error,
    /// Somebody may be up to something.
    Warning,
    /// As it should be.
    Notice,
}

/// Keys that no field of an event's own has: what all events have in common, and what a log is
/// told besides.
const RESERVED: [&str; 9] = [
    "event", "id", "user", "uid", "role", "at", "late", "seq", "chain",
];

/// The elevation that something happened to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject {
    /// Its number.
    pub id: ElevationId,
    /// Its holder.
    pub user: UserName,
    /// Its holder's account.
    pub uid: u32,
    /// Its role.
    pub role: RoleName,
}

impl Subject {
    /// This elevation.
    #[must_use]
    pub fn of(elevation: &Elevation) -> Self {
        Self {
            id: elevation.id,
            user: elevation.user.clone(),
            uid: elevation.uid,
            role: elevation.role.clone(),
        }
    }
}

/// Something that happened, mostly to an elevation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// What.
    pub name: EventName,
    /// When.
    pub at: Wall,
    /// To which elevation.
    pub subject: Option<Subject>,
    /// About whom, where it is of no elevation.
    pub person: Option<(UserName, u32)>,
    /// Fields of its own, in the order in which they are written.
    pub fields: Vec<(&'static str, String)>,
}

impl Event {
    /// An event of this elevation.
    #[must_use]
    pub fn new(name: EventName, elevation: &Elevation, at: Wall) -> Self {
        Self {
            subject: Some(Subject::of(elevation)),
            ..Self::of_none(name, at)
        }
    }

    /// An event of a session under this elevation.
    #[must_use]
    pub fn of_session(name: EventName, subject: &Subject, session: &Session, at: Wall) -> Self {
        Self {
            subject: Some(subject.clone()),
            ..Self::of_none(name, at)
        }
        .with("session", session.id.to_string())
        .with("service", session.service.as_str())
    }

    /// An event of no elevation.
    #[must_use]
    pub fn of_none(name: EventName, at: Wall) -> Self {
        Self {
            name,
            at,
            subject: None,
            person: None,
            fields: Vec::new(),
        }
    }

    /// About an account, where it is of no elevation.
    #[must_use]
    pub fn about(mut self, user: UserName, uid: u32) -> Self {
        self.person = Some((user, uid));
        self
    }

    /// With one more field. An empty value is left out.
    ///
    /// # Panics
    /// Where debug assertions are on: its key is one that jitd itself gives a meaning.
    #[must_use]
    pub fn with(mut self, key: &'static str, value: impl Into<String>) -> Self {
        debug_assert!(!RESERVED.contains(&key), "{key} is no field of its own");
        let value = value.into();
        if !value.is_empty() {
            self.fields.push((key, value));
        }
        self
    }

    /// With who did it, before all other fields of its own: the account, and who was logged in
    /// where that is somebody else, or nobody.
    #[must_use]
    pub fn by(mut self, caller: &Caller) -> Self {
        let login = caller.login.as_ref();
        let login = match login {
            Some(login) => Some(("login", login.name.to_string())),
            // No account can have this name in brackets.
            None => (!caller.logged_in).then(|| ("login", "(none)".to_owned())),
        };
        let by = ("by", caller.account.name.to_string());
        let rest = std::mem::take(&mut self.fields);
        self.fields = std::iter::once(by).chain(login).chain(rest).collect();
        self
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn no_field_of_its_own_can_be_taken_for_one_of_jitds() {
        for key in RESERVED {
            let with = || Event::of_none(EventName::ClockStepped, Wall(0)).with(key, "x");
            assert!(std::panic::catch_unwind(with).is_err(), "{key}");
        }
    }

    #[test]
    fn every_event_has_a_name_and_a_message_id_of_its_own() {
        let names: HashSet<_> = EventName::ALL.iter().map(|name| name.as_str()).collect();
        let ids: HashSet<_> = EventName::ALL
            .iter()
            .map(|name| name.message_id())
            .collect();
        assert_eq!(
            (names.len(), ids.len()),
            (EventName::ALL.len(), EventName::ALL.len())
        );
        assert!(
            ids.iter()
                .all(|id| id.len() == 32 && id.chars().all(|c| c.is_ascii_hexdigit()))
        );
    }
}
