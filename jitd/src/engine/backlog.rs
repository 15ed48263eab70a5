//! What has ended and could not be put on record yet.
//!
//! Taking away never needs the disk: what the database does not take counts all the same, from
//! then on and after a crash. It is noted in space that was there before (`store::NotedEnds`), and
//! comes on record, before anything else, as soon as the database takes it.

use std::collections::BTreeMap;

use super::state::Open;
use super::{Engine, EngineError};
use crate::domain::decide;
use crate::domain::elevation::{Act, Elevation, ElevationId};
use crate::domain::time::{Now, Wall};
use crate::record::{Event, EventName, Priority, note};
use crate::store::{Change, NotedEnd, NotedEnds, StoreError};

/// Why an elevation does not outlive a note that nobody can read.
const UNREADABLE: &str =
    "something ended while the record could not be written, and nobody can say any more what";

/// Ends that count and are not on record, in the order in which they came.
#[derive(Debug, Default)]
pub(super) struct Backlog(Vec<Change>);

impl Backlog {
    /// What an earlier jitd had to leave: taken out of the open elevations.
    pub(super) fn recalled(
        noted: Result<NotedEnds, StoreError>,
        open: &mut BTreeMap<ElevationId, Elevation>,
        now: &Now,
    ) -> Self {
        let noted = noted.unwrap_or_else(|error| {
            note(Priority::Error, &format!("{UNREADABLE}: {error}"));
            NotedEnds {
                all: true,
                ends: Vec::new(),
            }
        });
        let mut ends = Vec::new();
        for noted in &noted.ends {
            let id = ElevationId(noted.id);
            let is_it =
                |one: &&Elevation| (one.uid, one.requested_at.0) == (noted.uid, noted.requested_at);
            if let Some(elevation) = open.get(&id).filter(is_it) {
                ends.push(recalled(elevation, noted));
                open.remove(&id);
            }
        }
        if noted.all {
            let active = |one: &Elevation| one.grant.is_some();
            let gone = std::mem::take(open).into_iter();
            let (gone, left) = gone.partition(|(_, elevation)| active(elevation));
            *open = left;
            let gone: BTreeMap<_, _> = gone;
            ends.extend(gone.values().map(|elevation| unreadable(elevation, now)));
        }
        Self(ends)
    }

    /// What comes before anything else.
    pub(super) fn changes(&self) -> &[Change] {
        &self.0
    }

    /// All of it is on record.
    fn clear(&mut self) {
        self.0.clear();
    }

    /// An elevation as it is, whatever the database says of it.
    fn really(&self, elevation: Elevation) -> Elevation {
        let ended = self.0.iter().filter_map(|change| change.elevation.as_ref());
        let mut ended = ended.filter(|ended| ended.id == elevation.id);
        ended.next_back().cloned().unwrap_or(elevation)
    }
}

impl Open {
    /// An elevation that the database has, as it is.
    pub(super) fn really(&self, elevation: Elevation) -> Elevation {
        self.backlog.really(elevation)
    }
}

impl Engine {
    /// Puts on record what could not be before.
    ///
    /// # Errors
    /// It still can't.
    pub(super) async fn record_backlog(&self) -> Result<(), EngineError> {
        let (mut open, _) = self.begin().await;
        if open.backlog.changes().is_empty() {
            return Ok(());
        }
        self.commit(&mut open, Vec::new()).await
    }

    /// The backlog is on record.
    pub(super) async fn forget_backlog(&self, open: &mut Open) {
        if open.backlog.changes().is_empty() {
            return;
        }
        open.backlog.clear();
        // What stays noted is on record: the next start finds that out.
        if let Err(error) = self.shared.store.note_ends(NotedEnds::default()).await {
            note(Priority::Warning, &error.to_string());
        }
    }

    /// The ends among changes that the database did not take, which count all the same.
    pub(super) async fn end_without_record(
        &self,
        open: &mut Open,
        changes: &[Change],
        why: &StoreError,
    ) -> Vec<Change> {
        let ends: Vec<Change> = changes.iter().filter(|one| is_end(one)).cloned().collect();
        if ends.is_empty() {
            return ends;
        }
        open.backlog.0.extend(ends.iter().cloned());
        let noted = NotedEnds::of(open.backlog.changes());
        let noted = self.shared.store.note_ends(noted).await;
        let ids: Vec<_> = ends
            .iter()
            .filter_map(|one| one.elevation.as_ref())
            .collect();
        let ids: Vec<_> = ids
            .iter()
            .map(|elevation| elevation.id.to_string())
            .collect();
        let text = format!(
            "ended, and to be on record as soon as the database takes it: elevation {} ({why})",
            ids.join(", ")
        );
        note(Priority::Error, &text);
        if let Err(error) = noted {
            let text = format!("this end would not survive a crash: {error}");
            note(Priority::Error, &text);
        }
        ends
    }
}

/// Whether nothing can become any more of the elevation that was changed.
fn is_end(change: &Change) -> bool {
    let elevation = change.elevation.as_ref();
    elevation.is_some_and(|elevation| !elevation.state.is_open())
}

/// The end of an elevation that was noted.
fn recalled(elevation: &Elevation, noted: &NotedEnd) -> Change {
    let state = noted.state.parse().ok();
    let ended = Elevation {
        // What can't be read ends as what others end.
        state: state.unwrap_or(jitd_api::State::Revoked),
        ended: Some(Act {
            at: Wall(noted.at),
            by: noted.by.clone(),
        }),
        ..elevation.clone()
    };
    let mut names = EventName::ALL.iter();
    let name = names.find(|name| name.as_str() == noted.event);
    let name = name.copied().unwrap_or(EventName::Revoked);
    let mut event = Event::new(name, &ended, Wall(noted.at));
    let words = || {
        noted
            .fields
            .iter()
            .map(|(key, value)| (key.as_str(), value))
    };
    for key in name.fields() {
        if let Some((_, value)) = words().find(|(known, _)| known == key) {
            event = event.with(key, value.as_str());
        }
    }
    if words().next().is_none() {
        event = event.with("by", noted.by.as_str());
    }
    Change::of(ended, event)
}

fn unreadable(elevation: &Elevation, now: &Now) -> Change {
    let ended = decide::end_by_policy(elevation, now);
    let event = Event::new(EventName::Revoked, &ended, now.wall)
        .with("by", "jitd")
        .with("comment", UNREADABLE);
    Change::of(ended, event)
}
