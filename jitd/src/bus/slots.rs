//! Whose calls are worked on: nobody's keep all others' waiting.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Most calls that are being worked on.
const MOST_AT_WORK: usize = 16;
/// Most of them for one account.
const MOST_OF_ONE: usize = 4;
/// As many more for root.
const FOR_ROOT: usize = 4;

/// Who has how many calls at work. Clones share it.
#[derive(Clone)]
pub(super) struct Slots {
    single: Arc<Mutex<HashMap<u32, Weak<Semaphore>>>>,
    common: Arc<Semaphore>,
    root: Arc<Semaphore>,
}

/// The right to have one call worked on; given back when dropped.
pub(super) struct Slot {
    _own: Option<OwnedSemaphorePermit>,
    _common: Option<OwnedSemaphorePermit>,
}

impl Slots {
    pub(super) fn new() -> Self {
        Self {
            single: Arc::default(),
            common: Arc::new(Semaphore::new(MOST_AT_WORK)),
            root: Arc::new(Semaphore::new(FOR_ROOT)),
        }
    }

    /// A slot for an account, as soon as there is room to work.
    pub(super) async fn take(&self, uid: u32) -> Slot {
        if uid == 0 {
            return Slot {
                _own: self.root.clone().acquire_owned().await.ok(),
                _common: None,
            };
        }
        // In this order: who waits for their own calls keeps nobody else waiting.
        let own = self.of(uid).acquire_owned().await.ok();
        Slot {
            _own: own,
            _common: self.common.clone().acquire_owned().await.ok(),
        }
    }

    /// What an account's calls have; it lasts for as long as one of them does.
    fn of(&self, uid: u32) -> Arc<Semaphore> {
        let mut single = self.single.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(own) = single.get(&uid).and_then(Weak::upgrade) {
            return own;
        }
        single.retain(|_, own| own.strong_count() > 0);
        let own = Arc::new(Semaphore::new(MOST_OF_ONE));
        single.insert(uid, Arc::downgrade(&own));
        own
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[tokio::test]
    async fn nobody_takes_the_room_common() {
        let slots = Slots::new();
        let mut held = Vec::new();
        for _ in 0..MOST_OF_ONE {
            held.push(slots.take(1000).await);
        }
        assert!(slots.take(1000).now_or_never().is_none());
        for uid in 1001..1004 {
            for _ in 0..MOST_OF_ONE {
                held.push(slots.take(uid).await);
            }
        }
        // All others wait; root does not.
        assert!(slots.take(2000).now_or_never().is_none());
        assert!(slots.take(0).now_or_never().is_some());
        held.clear();
        let _again = slots.take(2000).await;
        assert_eq!(slots.single.lock().unwrap().len(), 1);
    }
}
