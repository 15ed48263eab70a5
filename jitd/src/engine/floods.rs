//! What people, or other programs, can make happen as often as they like: on record without
//! flooding it, and every one counted.

mod tally;

use std::future::pending;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::timeout;

use super::attempts::Attempt;
use super::drift::Seen;
use super::refusals::Refusal;
use super::{Engine, EngineError};
use crate::domain::time::Now;
use crate::record::{Event, Priority, note};
use crate::store::Change;
pub(super) use tally::{Occurrence, Tally};

/// When what could not be put on record is tried again.
const RETRY: Duration = Duration::from_secs(5);
/// How long to wait where nothing is counted.
const FOREVER: Duration = Duration::MAX;

/// What was counted, and what is to be put on record. Nobody holds it for longer than a moment.
pub(super) struct Floods {
    counted: Mutex<Counted>,
    /// There is something to tell, or another time to tell it.
    news: Notify,
}

struct Counted {
    refusals: Tally<Refusal>,
    attempts: Tally<Attempt>,
    drift: Tally<Seen>,
    /// To be put on record, in this order.
    ready: Vec<Event>,
}

impl Floods {
    pub(super) fn new() -> Self {
        Self {
            counted: Mutex::new(Counted {
                refusals: Tally::new(),
                attempts: Tally::new(),
                drift: Tally::new(),
                ready: Vec::new(),
            }),
            news: Notify::new(),
        }
    }

    pub(super) fn refused(&self, refusal: Refusal, now: &Now) {
        self.note(|all| (&mut all.refusals, &mut all.ready), refusal, now);
    }

    pub(super) fn attempted(&self, attempt: Attempt, now: &Now) {
        self.note(|all| (&mut all.attempts, &mut all.ready), attempt, now);
    }

    pub(super) fn seen(&self, seen: Seen, now: &Now) {
        self.note(|all| (&mut all.drift, &mut all.ready), seen, now);
    }

    fn note<O: Occurrence>(
        &self,
        tally: impl FnOnce(&mut Counted) -> (&mut Tally<O>, &mut Vec<Event>),
        one: O,
        now: &Now,
    ) {
        let is_news = {
            let mut counted = self.counted();
            let (tally, ready) = tally(&mut counted);
            tally.note(one, now, ready)
        };
        if is_news {
            self.news.notify_one();
        }
    }

    /// What is to be put on record now; at the end, all that was counted.
    fn due(&self, now: &Now, is_end: bool) -> Vec<Event> {
        let mut counted = self.counted();
        let Counted {
            refusals,
            attempts,
            drift,
            ready,
        } = &mut *counted;
        // What waits already is put on record first: else it would be ever more.
        if ready.is_empty() || is_end {
            refusals.close(now, is_end, ready);
            attempts.close(now, is_end, ready);
            drift.close(now, is_end, ready);
        }
        ready.clone()
    }

    /// The first so many of them are on record.
    fn recorded(&self, count: usize) {
        self.counted().ready.drain(..count);
    }

    /// How long until something is due.
    fn next(&self, now: &Now) -> Duration {
        let counted = self.counted();
        if !counted.ready.is_empty() {
            return Duration::ZERO;
        }
        let ends = [
            counted.refusals.next(),
            counted.attempts.next(),
            counted.drift.next(),
        ];
        let left = |end: i64| u64::try_from(end.saturating_sub(now.boot.0)).unwrap_or(0);
        let end = ends.into_iter().flatten().min();
        end.map_or(FOREVER, |end| Duration::from_millis(left(end.0)))
    }

    fn counted(&self) -> MutexGuard<'_, Counted> {
        self.counted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Engine {
    /// Puts on record what was refused and what others changed, for ever: what is new at once,
    /// what was counted when its time has come.
    pub async fn tell_of_floods(self) {
        let floods = &self.shared.floods;
        loop {
            if let Err(error) = self.tell_what_was_counted(false).await {
                let text = format!("what was refused could not be recorded yet: {error}");
                note(Priority::Error, &text);
                // News would only fail too.
                let _ = timeout(RETRY, pending::<()>()).await;
                continue;
            }
            let patience = floods.next(&self.shared.clock.now());
            // It is looked at either way.
            let _ = timeout(patience, floods.news.notified()).await;
        }
    }

    /// Puts on record what is due; at the end, all that was counted.
    ///
    /// # Errors
    /// It could not be made durable; it is still due.
    pub async fn tell_what_was_counted(&self, is_end: bool) -> Result<(), EngineError> {
        // One at a time tells.
        let (mut open, now) = self.begin().await;
        let events = self.shared.floods.due(&now, is_end);
        if events.is_empty() {
            return Ok(());
        }
        let told = events.len();
        let changes = events.into_iter().map(Change::alone).collect();
        self.commit(&mut open, changes).await?;
        self.shared.floods.recorded(told);
        Ok(())
    }
}
