//! Bounds on what callers may have under way: whoever sends faster than they are answered is
//! told so, instead of being kept in memory.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use jitd_api::Error;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Most calls under way on one connection; the bus bounds connections.
const MOST_PER_CONNECTION: usize = 8;
/// Most calls that are being worked on.
const MOST_AT_WORK: usize = 16;

/// Who has how many calls under way. Clones share it.
#[derive(Clone)]
pub(super) struct Slots {
    under_way: Arc<Mutex<HashMap<String, usize>>>,
    at_work: Arc<Semaphore>,
}

/// The right to have one call under way; given back when dropped.
pub(super) struct Slot {
    slots: Slots,
    connection: String,
    at_work: Option<OwnedSemaphorePermit>,
}

impl Slots {
    pub(super) fn new() -> Self {
        Self {
            under_way: Arc::default(),
            at_work: Arc::new(Semaphore::new(MOST_AT_WORK)),
        }
    }

    /// A slot for a connection, as soon as there is room to work.
    ///
    /// # Errors
    /// At once, when the connection has its most calls under way.
    pub(super) async fn take(&self, connection: &str) -> Result<Slot, Error> {
        let mut slot = self.count(connection)?;
        slot.at_work = self.at_work.clone().acquire_owned().await.ok();
        Ok(slot)
    }

    fn count(&self, connection: &str) -> Result<Slot, Error> {
        let mut under_way = self
            .under_way
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let count = under_way.entry(connection.to_owned()).or_default();
        if *count >= MOST_PER_CONNECTION {
            return Err(Error::LimitExceeded(format!(
                "more than {MOST_PER_CONNECTION} calls of one connection are under way; wait for their answers"
            )));
        }
        *count += 1;
        Ok(Slot {
            slots: self.clone(),
            connection: connection.to_owned(),
            at_work: None,
        })
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let under_way = self.slots.under_way.lock();
        let mut under_way = under_way.unwrap_or_else(PoisonError::into_inner);
        match under_way.get_mut(&self.connection) {
            Some(count) if *count > 1 => *count -= 1,
            _ => {
                under_way.remove(&self.connection);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn who_sends_faster_than_answers_come_is_told_so() {
        let slots = Slots::new();
        let mut held = Vec::new();
        for _ in 0..MOST_PER_CONNECTION {
            held.push(slots.take(":1.7").await.unwrap());
        }
        let refused = slots.take(":1.7").await.err();
        assert!(matches!(refused, Some(Error::LimitExceeded(_))));
        held.push(slots.take(":1.8").await.unwrap());
        held.clear();
        assert!(slots.take(":1.7").await.is_ok());
        assert!(slots.under_way.lock().unwrap().is_empty());
    }
}
