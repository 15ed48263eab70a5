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
