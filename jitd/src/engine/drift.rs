//! The host's own door: what others changed of what elevations give, on record before the
//! reconciler undoes it.

use tokio::sync::mpsc::UnboundedReceiver;

use super::Engine;
use super::floods::Occurrence;
use super::state::Open;
use crate::crash::crash_point;
use crate::domain::elevation::{Elevation, ElevationId};
use crate::domain::names::GroupName;
use crate::domain::time::{Now, Wall};
use crate::reconcile::{Drift, DriftKind, Sighting};
use crate::record::{Event, EventName, Priority, Subject, note};

/// Most of those who were in the group too that an event names.
const MOST_OTHERS: usize = 32;

/// Most that is found in one group and kept apart: who was put into it is to be named.
const MOST_MEMBERS: usize = 2048;

/// So often the same one is told of at once: it is worth a look, and a fight over it is not.
const AT_ONCE: u32 = 8;

/// A membership that others changed, of the elevation that gives it, where one does.
#[derive(Debug, Clone)]
pub(super) struct Seen {
    drift: Drift,
    subject: Option<Subject>,
}

impl Engine {
    /// Puts on record what the reconciler finds, for as long as there is one. What is found again
    /// soon, as in a fight with another program over a group, is counted.
    pub async fn record_drift(self, mut sightings: UnboundedReceiver<Sighting>) {
        while let Some(sighting) = sightings.recv().await {
            crash_point!("drift.sighted");
            self.take_note(&sighting.drift).await;
            // The host is not made to match: that waits for this.
            if let Err(error) = self.tell_what_was_counted(false).await {
                let text = format!("drift could not be recorded yet: {error}");
                note(Priority::Error, &text);
            }
            crash_point!("drift.recorded");
            sighting.is_noted();
        }
    }

    async fn take_note(&self, drift: &[Drift]) {
        let (open, now) = self.begin().await;
        for one in drift {
            let seen = Seen {
                drift: one.clone(),
                subject: giver(one, &open, &now).map(Subject::of),
            };
            self.shared.floods.seen(seen, &now);
        }
    }
}

impl Occurrence for Seen {
    type Source = GroupName;
    type Kind = (DriftKind, String, Option<ElevationId>);

    const MOST_KINDS: usize = MOST_MEMBERS;
    const AT_ONCE: u32 = AT_ONCE;

    fn source(&self) -> GroupName {
        self.drift.group.clone()
    }

    fn kind(&self) -> Self::Kind {
        let id = self.subject.as_ref().map(|subject| subject.id);
        (self.drift.kind, self.drift.member.clone(), id)
    }

    fn event(&self, at: Wall) -> Event {
        let mut event = self.event_of_its_source(at);
        event.subject.clone_from(&self.subject);
        event
            .with("member", self.drift.member.as_str())
            .with("others", others(&self.drift.others))
    }

    fn event_of_its_source(&self, at: Wall) -> Event {
        let name = match self.drift.kind {
            DriftKind::Removed => EventName::DriftRemoved,
            DriftKind::Restored => EventName::DriftRestored,
        };
        Event::of_none(name, at)
            .with("by", "jitd")
            .with("group", self.drift.group.as_str())
    }

    fn event_of_many(at: Wall) -> Event {
        Event::of_none(EventName::DriftRemoved, at).with("by", "jitd")
    }
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
