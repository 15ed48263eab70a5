//! The chain, computed anew: what was changed of the record afterwards shows.

use std::borrow::Cow;

use jitd_api::Link;

use super::event::Event;

/// What stands for the events that were archived.
const ARCHIVED: &str = "record.archived";

/// An event in the chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    /// Its number.
    pub(crate) seq: u64,
    /// When it happened, as it says.
    pub(crate) at: String,
    /// Its link.
    pub(crate) link: Link,
}

/// What is wrong with the record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Flaw {
    /// A line is no event.
    Malformed {
        /// The number that it should have.
        seq: u64,
        /// What is wrong with it.
        why: String,
    },
    /// The event does not fit to its link and the one before.
    Altered {
        /// Its number.
        seq: u64,
    },
    /// Events are not there.
    Missing {
        /// The first of them.
        first: u64,
        /// The last of them.
        last: u64,
    },
    /// An event comes after one with a number that is not smaller.
    Misplaced {
        /// Its number.
        seq: u64,
        /// The number of the one before.
        after: u64,
    },
    /// The record begins in the middle, and nothing says that what was before was archived.
    CutAtFront {
        /// The first event that is there.
        seq: u64,
    },
    /// The first event does not go on from what was archived before it.
    OffArchive {
        /// The first event that is there.
        seq: u64,
    },
    /// The newest events are not there.
    CutAtEnd {
        /// The first of them.
        seq: u64,
        /// The number up to which the logs were told of events.
        end: u64,
    },
}

impl Flaw {
    /// The first number at which something is wrong.
    pub(crate) const fn seq(&self) -> u64 {
        match self {
            Self::Malformed { seq, .. }
            | Self::Altered { seq }
            | Self::Missing { first: seq, .. }
            | Self::Misplaced { seq, .. }
            | Self::CutAtFront { seq }
            | Self::OffArchive { seq }
            | Self::CutAtEnd { seq, .. } => *seq,
        }
    }

    /// One word, for programs.
    pub(crate) const fn word(&self) -> &'static str {
        match self {
            Self::Malformed { .. } => "malformed",
            Self::Altered { .. } => "altered",
            Self::Missing { .. } => "missing",
            Self::Misplaced { .. } => "misplaced",
            Self::CutAtFront { .. } => "cut-at-front",
            Self::OffArchive { .. } => "off-archive",
            Self::CutAtEnd { .. } => "cut-at-end",
        }
    }

    /// What is wrong.
    pub(crate) fn what(&self) -> String {
        match self {
            Self::Malformed { seq, why } => format!("event {seq} can't be read: {why}"),
            Self::Altered { seq } => {
                format!("event {seq} does not fit to its link and to the event before it")
            }
            Self::Missing { first, last } if first == last => format!("event {first} is missing"),
            Self::Missing { first, last } => format!("events {first} to {last} are missing"),
            Self::Misplaced { seq, after } => format!("event {seq} comes after event {after}"),
            Self::CutAtFront { seq } => format!(
                "the record begins with event {seq}, and no {ARCHIVED} event says where those \
                 before it are"
            ),
            Self::OffArchive { seq } => {
                format!("event {seq}, the first, does not go on from what was archived before it")
            }
            Self::CutAtEnd { seq, end } => format!(
                "the record ends before event {seq}, and the logs have been told of events up to \
                 {end}"
            ),
        }
    }

    /// What it means.
    pub(crate) const fn means(&self) -> &'static str {
        match self {
            Self::Malformed { .. } => "somebody has written there, or the disk has",
            Self::Altered { .. } => {
                "what it says, its link or the event before it was changed after it was \
                 recorded, or another one was put in its place"
            }
            Self::Missing { .. } => "they were removed after they were recorded",
            Self::Misplaced { .. } => "events were moved, or put in between, after the fact",
            Self::CutAtFront { .. } => "the oldest events were removed, and not by jitd",
            Self::OffArchive { .. } => {
                "it was changed after it was recorded, or the event that tells of the archive is \
                 not jitd's"
            }
            Self::CutAtEnd { .. } => {
                "the newest events were removed, or an older copy of the record was put in place"
            }
        }
    }
}

/// How what was read begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Beginning {
    /// With the first event that there ever was.
    Start,
    /// After what was archived, and an event of the record says so.
    Archive,
    /// In the middle: what its first event says could not be verified.
    Middle,
}

/// Goes along the chain, event by event.
#[derive(Debug, Default)]
pub(crate) struct Chain {
    first: Option<Place>,
    last: Option<Place>,
    events: u64,
    /// The first event, while nothing has said after which archive it comes.
    front: Option<Front>,
    archive: bool,
}

/// An event whose predecessor is in an archive.
#[derive(Debug)]
struct Front {
    members: Vec<(String, String)>,
    link: Link,
    /// The number before it.
    archived: u64,
}

impl Chain {
    /// The next event of the record.
    ///
    /// # Errors
    /// It does not go on from the one before.
    pub(crate) fn next(&mut self, event: &Event<'_>) -> Result<(u64, Link), Flaw> {
        let expected = self.expected();
        let malformed = |why: &str| Flaw::Malformed {
            seq: expected,
            why: why.to_owned(),
        };
        let seq = event.number("seq");
        let seq = seq.filter(|seq| *seq > 0);
        let seq = seq.ok_or_else(|| malformed("it has no number"))?;
        if let Some(last) = &self.last {
            if seq <= last.seq {
                let after = last.seq;
                return Err(Flaw::Misplaced { seq, after });
            }
            if seq != last.seq + 1 {
                let (first, last) = (last.seq + 1, seq - 1);
                return Err(Flaw::Missing { first, last });
            }
        }
        let link: Option<Link> = event.text("chain").and_then(|link| link.parse().ok());
        let link = link.ok_or_else(|| malformed("it has no link"))?;
        let at = event.text("at");
        let at = at.ok_or_else(|| malformed("it has no time"))?;

        let texts = event.texts();
        let mut members = texts
            .iter()
            .filter(|(key, _)| *key != "chain")
            .map(|(key, value)| (*key, value.as_ref()))
            .collect::<Vec<_>>();
        members.sort_unstable_by_key(|(key, _)| *key);
        let twice = members.windows(2).any(|two| two[0].0 == two[1].0);
        if twice || texts.len() != members.len() + 1 {
            return Err(malformed("it says something twice"));
        }
        match &self.last {
            None if seq > 1 => {
                self.front = Some(Front {
                    members: owned(&members),
                    link,
                    archived: seq - 1,
                });
            }
            before => {
                let before = before.as_ref().map_or(Link::START, |last| last.link);
                if before.next(&mut members) != link {
                    return Err(Flaw::Altered { seq });
                }
            }
        }
        let place = Place {
            seq,
            at: at.into_owned(),
            link,
        };
        self.first.get_or_insert_with(|| place.clone());
        self.last = Some(place);
        self.events += 1;
        if event.text("event").as_deref() == Some(ARCHIVED) {
            self.archive(event)?;
        }
        Ok((seq, link))
    }

    /// An event says that all up to a number was archived, and what the link of the last one is.
    fn archive(&mut self, event: &Event<'_>) -> Result<(), Flaw> {
        let Some(front) = &self.front else {
            return Ok(());
        };
        if event.text("last") != Some(Cow::Owned(front.archived.to_string())) {
            return Ok(());
        }
        let head: Option<Link> = event.text("head").and_then(|head| head.parse().ok());
        let mut members: Vec<_> = front
            .members
            .iter()
            .map(|(key, value)| (key.as_str(), value.as_str()))
            .collect();
        if head.map(|head| head.next(&mut members)) != Some(front.link) {
            return Err(Flaw::OffArchive {
                seq: front.archived + 1,
            });
        }
        self.archive = true;
        Ok(())
    }

    /// There is no more of it, and it should reach up to this number.
    ///
    /// # Errors
    /// Something is missing at either end.
    pub(crate) fn whole(&self, end: u64) -> Result<(), Flaw> {
        if let (Beginning::Middle, Some(first)) = (self.beginning(), &self.first) {
            return Err(Flaw::CutAtFront { seq: first.seq });
        }
        if self.expected() <= end {
            let seq = self.expected();
            return Err(Flaw::CutAtEnd { seq, end });
        }
        Ok(())
    }

    /// The number of the next event.
    pub(crate) fn expected(&self) -> u64 {
        self.last.as_ref().map_or(1, |last| last.seq + 1)
    }

    /// The oldest event.
    pub(crate) const fn first(&self) -> Option<&Place> {
        self.first.as_ref()
    }

    /// The newest event so far.
    pub(crate) const fn last(&self) -> Option<&Place> {
        self.last.as_ref()
    }

    /// How many there were.
    pub(crate) const fn events(&self) -> u64 {
        self.events
    }

    /// How it began.
    pub(crate) const fn beginning(&self) -> Beginning {
        match (&self.front, self.archive) {
            (None, _) => Beginning::Start,
            (Some(_), true) => Beginning::Archive,
            (Some(_), false) => Beginning::Middle,
        }
    }
}

fn owned(members: &[(&str, &str)]) -> Vec<(String, String)> {
    let members = members.iter();
    members
        .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
        .collect()
}
