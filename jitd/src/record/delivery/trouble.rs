//! What stands in the way of delivery.

use crate::domain::time::Now;
use crate::record::{Priority, note};

/// How long something stands in the way before it is said, in milliseconds.
const PATIENCE: i64 = 5_000;

/// What stands in the way.
#[derive(Default)]
pub(super) struct Trouble {
    /// As seen in this round.
    pub(super) text: Option<String>,
    /// Since when, by the boot clock.
    since: Option<i64>,
    /// What was said last.
    said: Option<String>,
}

impl Trouble {
    /// Says what stands in the way, once, when it has done so for a time.
    pub(super) fn complain(&mut self, now: &Now) {
        let Self { text, since, said } = self;
        if text.is_none() {
            (*since, *said) = (None, None);
        } else if now.boot.0 - *since.get_or_insert(now.boot.0) >= PATIENCE && text != said {
            note(Priority::Warning, text.as_deref().unwrap_or_default());
            said.clone_from(text);
        }
    }
}
