//! Events and their fields.

use super::EventName;
use crate::domain::elevation::{Elevation, ElevationId};
use crate::domain::names::{RoleName, UserName};
use crate::domain::person::Caller;
use crate::domain::session::Session;
use crate::domain::time::Wall;

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
        let event = Self {
            subject: Some(subject.clone()),
            ..Self::of_none(name, at)
        };
        let fields = [
            ("session", session.id.to_string()),
            ("service", session.service.clone()),
            ("terminal", session.terminal.clone()),
            ("remote", session.remote.clone()),
            ("command", session.command.clone()),
        ];
        // Not every event says all of it.
        fields
            .into_iter()
            .filter(|(key, _)| name.fields().contains(key))
            .fold(event, |event, (key, value)| event.with(key, value))
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

    /// With one more field, which the catalogue has. An empty value is left out.
    #[must_use]
    pub fn with(mut self, key: &'static str, value: impl Into<String>) -> Self {
        let value = value.into();
        if !value.is_empty() {
            self.check(key);
            self.fields.push((key, value));
        }
        self
    }

    /// What the catalogue does not have nobody can look up, and a key that is there twice is one
    /// member for some readers and two for others.
    fn check(&self, key: &'static str) {
        let name = self.name.as_str();
        let is_known = self.name.fields().contains(&key);
        debug_assert!(is_known, "{name} has no field {key}");
        let is_there = self.fields.iter().any(|(other, _)| *other == key);
        debug_assert!(!is_there, "{name} has a field {key} already");
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
        for (key, value) in std::iter::once(by).chain(login).chain(rest) {
            self = self.with(key, value);
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event() -> Event {
        Event::of_none(EventName::PolicyLoaded, Wall(0)).with("by", "SIGHUP")
    }

    #[test]
    #[should_panic(expected = "policy.loaded has no field tried")]
    fn a_field_that_is_not_in_the_catalogue_is_a_defect() {
        drop(event().with("tried", "setup"));
    }

    #[test]
    #[should_panic(expected = "policy.loaded has a field by already")]
    fn a_field_that_is_there_twice_is_a_defect() {
        drop(event().with("by", "root"));
    }
}
