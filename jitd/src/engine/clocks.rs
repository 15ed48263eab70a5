//! The clocks themselves: how far they are is kept, a set clock is noticed and gains nothing.

use super::asking::rfc3339;
use super::state::Open;
use super::{Engine, EngineError};
use crate::domain::clocks::{self, Fate, Step, Turn};
use crate::domain::elevation::{Elevation, Grant};
use crate::domain::time::{Boot, Now};
use crate::record::{Event, EventName};
use crate::store::{Change, Seen};

/// How old the kept reading may become while something is open, in milliseconds. A host that
/// loses its power and comes back with its clock set back could gain so much.
const KEPT_EVERY: i64 = 30_000;

/// Why an elevation does not outlive a reboot with the clock set back.
const NOTHING_PROVEN: &str =
    "the host was started again with its clock set back: nobody can say how much time has passed";

/// The readings of the clocks that the engine goes by.
#[derive(Debug, Default)]
pub(super) struct Readings {
    /// When nothing was wrong with them last: the same one until somebody sets the clock, so
    /// that many small steps add up.
    seen: Option<Now>,
    /// When the newest one was kept, in this boot.
    kept: Option<Boot>,
}

impl Readings {
    pub(super) fn new(seen: Option<Now>) -> Self {
        Self { seen, kept: None }
    }

    fn turn(&self, now: &Now) -> Turn {
        clocks::turn(self.seen.as_ref(), now)
    }

    /// What to keep with a commit: every one advances the newest time that was seen. A step is
    /// kept only together with its event.
    pub(super) fn to_keep(&self, now: &Now) -> Seen {
        Seen {
            reading: (self.turn(now) == Turn::Steady).then(|| now.clone()),
            moved: Vec::new(),
        }
    }

    /// It is kept.
    pub(super) fn kept(&mut self, reading: Option<Now>) {
        let Some(now) = reading else { return };
        self.kept = Some(now.boot);
        if self.turn(&now) != Turn::Steady {
            self.seen = Some(now);
        }
    }
}

impl Engine {
    /// Looks whether somebody set the clock, or started the host again, since the last look;
    /// puts it on record, and sees to it that nobody gains by it. What cannot be made durable
    /// counts all the same.
    ///
    /// # Errors
    /// It could not be made durable; it is tried again at the next look.
    pub async fn look_at_the_clock(&self) -> Result<(), EngineError> {
        let (open, now) = self.begin().await;
        let turn = open.readings.turn(&now);
        if turn == Turn::Steady {
            return Ok(());
        }
        let seen = open.readings.seen.as_ref();
        let fates = clocks::fates(turn, &open.elevations, seen, &now);
        let step = match turn {
            Turn::Set(step) | Turn::RebootedBack(step) => Some(step),
            Turn::Steady | Turn::Rebooted => None,
        };
        let mut changes: Vec<Change> = step.map(|step| stepped(step, &now)).into_iter().collect();
        let mut moved = Vec::new();
        for fate in fates {
            match fate {
                Fate::Moved(elevation) => moved.push(elevation),
                Fate::Ended(elevation) => {
                    moved.extend(open.elevations.get(&elevation.id).map(|it| over(it, &now)));
                    changes.push(ended(elevation, &now));
                }
            }
        }
        if !matches!(turn, Turn::Set(_)) {
            // Those that an earlier look could tell to memory alone.
            let of_this_boot = |elevation: &&Elevation| {
                let grant = elevation.grant.as_ref();
                grant.is_some_and(|grant| grant.boot_id == now.boot_id)
            };
            moved.extend(open.elevations.values().filter(of_this_boot).cloned());
        }
        let seen = Seen {
            reading: Some(now.clone()),
            moved,
        };
        self.settle_at(open, changes, seen, &now).await.map(drop)
    }

    /// Keeps how far the clocks are, where that was not done for a while and something is open.
    ///
    /// # Errors
    /// It could not be made durable.
    pub async fn keep_time(&self) -> Result<(), EngineError> {
        let due = self.next_keeping().await.is_some_and(|wait| wait <= 0);
        if due {
            self.keep_time_now().await?;
        }
        Ok(())
    }

    /// Keeps how far the clocks are: before the engine goes.
    ///
    /// # Errors
    /// It could not be made durable.
    pub async fn keep_time_now(&self) -> Result<(), EngineError> {
        let (mut open, now) = self.begin().await;
        let seen = open.readings.to_keep(&now);
        if seen.reading.is_some() {
            self.shared.store.commit(Vec::new(), seen.clone()).await?;
            open.readings.kept(seen.reading);
        }
        Ok(())
    }

    /// Milliseconds until the time is to be kept; none while nothing is open.
    pub async fn next_keeping(&self) -> Option<i64> {
        let (open, now) = self.begin().await;
        if open.elevations.is_empty() {
            return None;
        }
        let kept = open.readings.kept.map_or(i64::MIN, |kept| kept.0);
        Some(kept.saturating_add(KEPT_EVERY).saturating_sub(now.boot.0))
    }

    /// Waits until somebody has come who saw that the clock was set.
    pub async fn clock_was_set(&self) {
        self.shared.clock_set.notified().await;
    }

    /// Has the clock looked at, if it was set. For doors that change nothing.
    pub(super) fn notice(&self, open: &Open, now: &Now) {
        if open.readings.turn(now) != Turn::Steady {
            self.shared.clock_set.notify_one();
        }
    }
}

/// Over by the clocks as they are now, so that it gives nothing even where its end cannot be
/// made durable yet.
fn over(elevation: &Elevation, now: &Now) -> Elevation {
    let over = |grant: &Grant| Grant {
        starts_at_boot: now.boot,
        ends_at_boot: now.boot,
        boot_id: now.boot_id.clone(),
        ..grant.clone()
    };
    Elevation {
        grant: elevation.grant.as_ref().map(over),
        ..elevation.clone()
    }
}

fn ended(elevation: Elevation, now: &Now) -> Change {
    let event = Event::new(EventName::Expired, &elevation, now.wall)
        .with("by", "jitd")
        .with("comment", NOTHING_PROVEN);
    Change::of(elevation, event)
}

/// To the nearest one.
fn seconds(milliseconds: i64) -> i64 {
    milliseconds.saturating_add(milliseconds.signum() * 500) / 1000
}

fn stepped(step: Step, now: &Now) -> Change {
    let event = Event::of_none(EventName::ClockStepped, now.wall)
        .with("step", seconds(step.by).to_string())
        .with("from", rfc3339(step.from))
        .with("to", rfc3339(step.to));
    Change::alone(event)
}
