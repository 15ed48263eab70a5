//! What lasts: SQLite in `/var/lib/jitd/jitd.db`, with one writer on a thread of its own.
//!
//! WAL with `synchronous=FULL` is one fsync a commit; what [`Store::commit`] answered to has
//! reached the disk, state and events together.
#![forbid(unsafe_code)]

mod clock;
mod error;
mod events;
mod held;
mod read;
mod reader;
mod rows;
mod runs;
mod schema;
mod thread;
mod write;

pub use clock::Seen;
pub use error::StoreError;
pub use events::{About, EventQuery, Place};
pub use read::{Query, Scope};
pub use reader::Reader;
pub use runs::LastRun;
pub use thread::Store;
pub use write::Change;

/// How long a connection waits for another one.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(5);

#[cfg(test)]
mod tests;
