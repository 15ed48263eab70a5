//! What is on record.

use std::borrow::Cow;

use jitd_api::Link;
use serde::ser::{Serialize, SerializeMap, Serializer};

use super::{Event, EventName, Severity};
use crate::domain::elevation::ElevationId;
use crate::domain::time::Wall;

/// An event as it is on record.
///
/// Its names are texts: the record may be older than this program, or somebody may have
/// written in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recorded {
    /// Its number; the record has no gaps.
    pub seq: u64,
    /// When it happened.
    pub at: Wall,
    /// What happened.
    pub event: String,
    /// To which elevation.
    pub id: Option<ElevationId>,
    /// About whom: name and uid of the account.
    pub user: Option<(String, u32)>,
    /// In which role.
    pub role: Option<String>,
    /// Fields of its own, in the order in which they were written.
    pub fields: Vec<(String, String)>,
    /// Its link of the chain.
    pub chain: Link,
}

impl Recorded {
    /// The next event of the record, after the one with the link `before`.
    #[must_use]
    pub fn next(seq: u64, before: &Link, event: &Event) -> Self {
        let subject = event.subject.as_ref();
        let user = subject.map(|subject| (&subject.user, subject.uid));
        let user = user.or(event.person.as_ref().map(|(user, uid)| (user, *uid)));
        let fields = event.fields.iter();
        let mut recorded = Self {
            seq,
            at: event.at,
            event: event.name.as_str().to_owned(),
            id: subject.map(|subject| subject.id),
            user: user.map(|(user, uid)| (user.to_string(), uid)),
            role: subject.map(|subject| subject.role.to_string()),
            fields: fields
                .map(|(key, value)| ((*key).to_owned(), value.clone()))
                .collect(),
            chain: Link::START,
        };
        recorded.chain = recorded.link(before);
        recorded
    }

    /// The link that it has to have after the one with the link `before`.
    #[must_use]
    pub fn link(&self, before: &Link) -> Link {
        let (seq, at) = (self.seq.to_string(), self.at());
        let mut members = vec![("seq", seq.as_str()), ("at", &at)];
        let head = self.head();
        members.extend(head.iter().map(|(key, value)| (*key, value.as_ref())));
        let own = self.fields.iter();
        members.extend(own.map(|(key, value)| (key.as_str(), value.as_str())));
        before.next(&mut members)
    }

    /// Its time: RFC 3339, UTC, to the millisecond.
    #[must_use]
    pub fn at(&self) -> String {
        jiff::Timestamp::from_millisecond(self.at.0)
            .map_or_else(|_| self.at.0.to_string(), |at| format!("{at:.3}"))
    }

    /// What all events have in common, as far as it has it, in the order of the log line.
    #[must_use]
    pub fn head(&self) -> Vec<(&'static str, Cow<'_, str>)> {
        let mut head = vec![("event", Cow::from(&self.event))];
        if let Some(id) = self.id {
            head.push(("id", id.to_string().into()));
        }
        if let Some((user, uid)) = &self.user {
            head.push(("user", user.into()));
            head.push(("uid", uid.to_string().into()));
        }
        if let Some(role) = &self.role {
            head.push(("role", role.into()));
        }
        head
    }

    /// How loud it is told; as it should be where this program does not know it.
    #[must_use]
    pub fn severity(&self) -> Severity {
        EventName::named(&self.event).map_or(Severity::Notice, EventName::severity)
    }
}

/// As jitd-events(7) has it: numbers are numbers, all else is text.
impl Serialize for Recorded {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("seq", &self.seq)?;
        map.serialize_entry("at", &self.at())?;
        map.serialize_entry("event", &self.event)?;
        if let Some(id) = self.id {
            map.serialize_entry("id", &id.0)?;
        }
        if let Some((user, uid)) = &self.user {
            map.serialize_entry("user", user)?;
            map.serialize_entry("uid", uid)?;
        }
        if let Some(role) = &self.role {
            map.serialize_entry("role", role)?;
        }
        for (key, value) in &self.fields {
            map.serialize_entry(key, value)?;
        }
        map.serialize_entry("chain", &self.chain.to_string())?;
        map.end()
    }
}
