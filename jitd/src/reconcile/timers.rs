//! The second enforcer's timers: systemd starts `jitd enforce` at each end, so that it comes
//! also where jitd is dead.

use std::collections::BTreeMap;

use super::sessions::{SessionError, Work};

/// The moments at which something ends: seconds since the epoch, and how many milliseconds they
/// are away by the clock that comes first.
pub type Deadlines = BTreeMap<i64, i64>;

/// What calls the second enforcer.
pub trait Timers: Send + Sync {
    /// From now on there is to be a timer for each of these, and no other.
    fn want(&self, deadlines: Deadlines);

    /// Sets what is wanted by now.
    fn set(&self) -> Work<'_, Result<(), SessionError>>;
}
