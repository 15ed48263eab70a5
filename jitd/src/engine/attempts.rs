//! What people tried and may not: refused, and on record.

use std::collections::VecDeque;

use super::{Engine, EngineError};
use crate::domain::decide::Refusal;
use crate::domain::elevation::{Elevation, ElevationId};
use crate::domain::person::Caller;
use crate::domain::time::{Boot, Now, Seconds};
use crate::record::{Event, EventName, Priority, note};
use crate::store::Change;

/// Most attempts of one person in an hour that go on record: each is kept for ever.
const MOST_PER_HOUR: usize = 60;

impl Engine {
    /// Gives the outcome on, and puts it on record where somebody tried what they may not.
    pub(super) async fn on_record<T>(
        &self,
        caller: &Caller,
        tried: &'static str,
        id: Option<ElevationId>,
        outcome: Result<T, EngineError>,
    ) -> Result<T, EngineError> {
        if let Err(EngineError::Refused(Refusal::NotAllowed(why))) = &outcome
            && let Err(error) = self.record_attempt(caller, tried, id, why).await
        {
            // The refusal stands either way.
            note(
                Priority::Error,
                &format!("a refused attempt could not be recorded: {error}"),
            );
        }
        outcome
    }

    async fn record_attempt(
        &self,
        caller: &Caller,
        tried: &'static str,
        id: Option<ElevationId>,
        why: &str,
    ) -> Result<(), EngineError> {
        let elevation = match id {
            Some(id) => self.find(id).await?,
            None => None,
        };
        let mut open = self.shared.open.lock().await;
        let now = self.shared.clock.now();
        let earlier = open.refused.entry(caller.person().uid).or_default();
        let Some(last) = room_for_one(earlier, &now) else {
            return Ok(());
        };
        let mut event = event(elevation.as_ref(), &now)
            .by(caller)
            .with("tried", tried)
            .with("because", why);
        if last {
            event = event.with("further", "not recorded for an hour");
        }
        let change = Change::alone(event);
        self.settle(open, vec![change], &now).await.map(drop)
    }
}

fn event(elevation: Option<&Elevation>, now: &Now) -> Event {
    match elevation {
        Some(elevation) => Event::new(EventName::AttemptRefused, elevation, now.wall),
        None => Event::of_none(EventName::AttemptRefused, now.wall),
    }
}

/// Whether there is room for one more within the hour, and whether it is the last one.
pub(super) fn room_for_one(earlier: &mut VecDeque<Boot>, now: &Now) -> Option<bool> {
    let hour = Seconds(3600);
    while earlier.front().is_some_and(|at| at.after(hour) <= now.boot) {
        earlier.pop_front();
    }
    if earlier.len() >= MOST_PER_HOUR {
        return None;
    }
    earlier.push_back(now.boot);
    Some(earlier.len() == MOST_PER_HOUR)
}
