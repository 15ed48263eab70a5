//! Waiting for a condition, with a deadline.

use std::thread;
use std::time::{Duration, Instant};

/// How long a step may take where the test does not say otherwise.
pub const LIMIT: Duration = Duration::from_secs(30);

/// Between two looks at a condition.
const INTERVAL: Duration = Duration::from_millis(10);

/// Returns as soon as `condition` holds.
///
/// # Panics
/// With `what`, when it does not hold within `limit`.
#[track_caller]
pub fn wait_until(what: &str, limit: Duration, condition: impl FnMut() -> bool) {
    assert!(
        holds_within(limit, condition),
        "waited {limit:?} in vain: {what}"
    );
}

/// Whether `condition` comes to hold within `limit`.
pub(crate) fn holds_within(limit: Duration, mut condition: impl FnMut() -> bool) -> bool {
    let deadline = Instant::now() + limit;
    loop {
        if condition() {
            return true;
        }
        if Instant::now() >= deadline {
            return false;
        }
        thread::sleep(INTERVAL);
    }
}
