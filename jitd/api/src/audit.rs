//! What is asked of the record.

use zbus::{DeserializeDict, SerializeDict, wire::Type};

/// Which events to read; all conditions must hold. In their order, oldest first.
#[derive(Debug, Clone, Default, PartialEq, Eq, SerializeDict, DeserializeDict, Type)]
#[zbus(signature = "dict")]
pub struct EventFilter {
    /// After the event with this number.
    pub after: Option<u64>,
    /// At or after this time, in milliseconds since the Unix epoch.
    pub since: Option<i64>,
    /// Before this time, in milliseconds since the Unix epoch.
    pub until: Option<i64>,
    /// About this account, by name.
    pub user: Option<String>,
    /// About this role.
    pub role: Option<String>,
    /// About the elevation with this number.
    pub elevation: Option<u64>,
    /// Of this name, like `elevation.approved`; all of a noun with a star in place of the verb,
    /// like `elevation.*`.
    pub event: Option<String>,
    /// The last so many of them.
    pub last: Option<u32>,
    /// The record and nothing less: refused to those who may not read all of it.
    pub whole: Option<bool>,
    /// Stay, and give what happens from now on.
    pub follow: Option<bool>,
}

/// What was moved from the record into a file.
#[derive(Debug, Clone, Default, PartialEq, Eq, SerializeDict, DeserializeDict, Type)]
#[zbus(signature = "dict")]
pub struct Archive {
    /// The file; empty where there was nothing to archive.
    pub file: String,
    /// The number of its first event.
    pub first: u64,
    /// The number of its last event.
    pub last: u64,
    /// The link of the last one, as 64 hexadecimal digits.
    pub head: String,
    /// The SHA-256 of the file, as 64 hexadecimal digits.
    pub sha256: String,
}

/// Which sessions to list; all conditions must hold. Newest first.
#[derive(Debug, Clone, Default, PartialEq, Eq, SerializeDict, DeserializeDict, Type)]
#[zbus(signature = "dict")]
pub struct SessionFilter {
    /// Under elevations of this account, by name.
    pub user: Option<String>,
    /// Opened by the elevation with this number, or going on under it.
    pub elevation: Option<u64>,
    /// Opened at or after this time, in milliseconds since the Unix epoch.
    pub since: Option<i64>,
    /// With a smaller number than this: what comes after the last one of an answer.
    pub before: Option<u64>,
    /// Of which something is left.
    pub running: Option<bool>,
    /// At most so many; [`crate::MAX_LIST`] at the most, 100 without it.
    pub limit: Option<u32>,
}

/// A session by itself. Times are milliseconds since the Unix epoch.
#[derive(Debug, Clone, PartialEq, Eq, SerializeDict, DeserializeDict, Type)]
#[zbus(signature = "dict")]
pub struct ListedSession {
    /// Its number, for life.
    pub id: u64,
    /// The elevation that opened it.
    pub elevation: u64,
    /// Whose.
    pub user: String,
    /// Their account.
    pub uid: u32,
    /// In which role.
    pub role: String,
    /// The PAM service.
    pub service: String,
    /// The command line as invoked.
    pub command: String,
    /// Where it was opened; may be empty.
    pub terminal: String,
    /// From which host; may be empty.
    pub remote: String,
    /// When it was opened.
    pub opened_at: i64,
    /// When nothing of it was left; it is running without it.
    pub closed_at: Option<i64>,
    /// Whether it was recorded.
    pub recorded: bool,
}
