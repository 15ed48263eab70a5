//! How long the gate waits, and for what: all of it within what the module gives it, which is
//! 10 s where its line says nothing else. Deadlines are for what hangs, not for what is slow.

use std::time::Duration;

/// For a connection to have a whole question on it, and to take the answer.
pub(super) const IDLE: Duration = Duration::from_secs(15);
/// For somebody new to reach jitd.
pub(super) const REACH: Duration = Duration::from_secs(4);
/// For a look at what sudo is asked for, on the file systems of whoever asks.
pub(super) const LOOK: Duration = Duration::from_secs(4);
/// For the directory to say which roles a refused person may ask for: without, they are told of
/// none.
pub(super) const ROLES: Duration = Duration::from_secs(3);
