//! What lasts: SQLite in `/var/lib/jitd/jitd.db`, with one writer on a thread of its own.
//!
//! WAL with `synchronous=FULL` is one fsync a commit; what [`Store::commit`] answered to has
//! reached the disk, state and events together.
#![forbid(unsafe_code)]

mod archive;
mod clock;
mod cut;
mod error;
mod events;
mod held;
mod ledger;
mod outbox;
mod read;
mod reader;
mod rows;
mod runs;
mod schema;
mod sessions;
mod thread;
mod write;

pub use archive::{Archive, ArchiveError};
pub use clock::Seen;
pub use error::StoreError;
pub use events::{About, EventQuery, Head, Place};
pub use ledger::{NotedEnd, NotedEnds};
pub use outbox::Outbox;
pub use read::{Query, Scope};
pub use reader::Reader;
pub use runs::LastRun;
pub use sessions::SessionQuery;
pub use thread::Store;
pub use write::Change;

/// How long a connection waits for another one.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(5);

#[cfg(test)]
mod tests;
