//! The host's own door: what others changed of what elevations give, on record before the
//! reconciler undoes it.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use tokio::sync::mpsc::UnboundedReceiver;

use super::attempts::room_for_one;
use super::state::Open;
use super::{Engine, EngineError};
use crate::crash::crash_point;
use crate::domain::elevation::Elevation;
use crate::domain::names::GroupName;
use crate::domain::time::{Boot, Now};
use crate::reconcile::{Drift, DriftKind, Sighting};
use crate::record::{Event, EventName, Priority, note};
use crate::store::Change;

/// How long to wait before what could not be recorded is tried again.
const RETRY: Duration = Duration::from_secs(5);
/// Where there is nothing to try again.
const FOREVER: Duration = Duration::MAX;

/// Most of those who were in the group too that an event names.
const MOST_OTHERS: usize = 32;

/// When something was recorded of each group, within the last hour: of a fight with another
/// program over one, which each round would put on record for ever.
type Recorded = HashMap<GroupName, VecDeque<Boot>>;

impl Engine {
    /// Puts on record what the reconciler finds, for as long as there is one.
    pub async fn record_drift(self, mut sightings: UnboundedReceiver<Sighting>) {
        let mut recorded = Recorded::new();
        let mut unrecorded = Vec::new();
        loop {
            let patience = if unrecorded.is_empty() {
                FOREVER
            } else {
                RETRY
            };
            match tokio::time::timeout(patience, sightings.recv()).await {
                Ok(Some(sighting)) => {
                    crash_point!("drift.sighted");
                    unrecorded.extend(self.events(&mut recorded, &sighting.drift).await);
                    self.record(&mut unrecorded).await;
                    crash_point!("drift.recorded");
                    sighting.is_noted();
                }
                Ok(None) => return,
                Err(_) => self.record(&mut unrecorded).await,
            }
        }
    }

    async fn events(&self, recorded: &mut Recorded, drift: &[Drift]) -> Vec<Event> {
        let (open, now) = self.begin().await;
        let mut rooms: HashMap<&GroupName, Option<bool>> = HashMap::new();
        let mut events = Vec::new();
        for one in drift {
            // What was found at one look is recorded whole, or not at all.
            let room = *rooms.entry(&one.group).or_insert_with(|| {
                room_for_one(recorded.entry(one.group.clone()).or_default(), &now)
            });
            if let Some(last) = room {
                let further = if last { "not recorded for an hour" } else { "" };
                events.push(event(one, &open, &now).with("further", further));
            }
        }
        events
    }

    /// Commits them all, or keeps them.
    async fn record(&self, events: &mut Vec<Event>) {
        if events.is_empty() {
            return;
        }
        if let Err(error) = self.commit_events(events.clone()).await {
            note(
                Priority::Error,
                &format!("drift could not be recorded yet: {error}"),
            );
            return;
        }
        events.clear();
    }

    async fn commit_events(&self, events: Vec<Event>) -> Result<(), EngineError> {
        // The host is not made to match: that waits for this.
        let (mut open, _) = self.begin().await;
        let changes = events.into_iter().map(Change::alone).collect();
        self.commit(&mut open, changes).await
    }
}

/// Of the elevation that gives the membership, where one does.
fn event(drift: &Drift, open: &Open, now: &Now) -> Event {
    let name = match drift.kind {
        DriftKind::Removed => EventName::DriftRemoved,
        DriftKind::Restored => EventName::DriftRestored,
    };
    let event = match giver(drift, open, now) {
        Some(elevation) => Event::new(name, elevation, now.wall),
        None => Event::of_none(name, now.wall),
    };
    event
        .with("by", "jitd")
        .with("group", drift.group.as_str())
        .with("member", drift.member.as_str())
        .with("others", others(&drift.others))
}

fn giver<'a>(drift: &Drift, open: &'a Open, now: &Now) -> Option<&'a Elevation> {
    let gives = |elevation: &&Elevation| {
        let grant = elevation.grant.as_ref();
        elevation.user.as_str() == drift.member
            && elevation.is_active(now)
            && grant.is_some_and(|grant| grant.groups.contains(&drift.group))
    };
    open.elevations.values().rfind(gives)
}

fn others(others: &[String]) -> String {
    let named = others.iter().take(MOST_OTHERS).cloned();
    let named = named.collect::<Vec<_>>().join(",");
    match others.len().saturating_sub(MOST_OTHERS) {
        0 => named,
        more => format!("{named} and {more} more"),
    }
}
