//! The record of a machine, read from its database.

use std::collections::BTreeMap;
use std::fs;

use rusqlite::Connection;
use tempfile::TempDir;

use crate::Machine;

/// An event on record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Its number.
    pub seq: i64,
    /// When, in milliseconds since the epoch.
    pub at: i64,
    /// What happened.
    pub name: String,
    /// To which elevation; 0 for none.
    pub id: i64,
    /// About whom; empty for nobody.
    pub user: String,
    /// Fields of its own.
    pub fields: BTreeMap<String, String>,
}

impl Event {
    /// A field of its own; empty where it has none of that name.
    pub fn field(&self, key: &str) -> &str {
        self.fields.get(key).map_or("", String::as_str)
    }
}

/// What is on record under names like this (`gate.%`), whether or not jitd runs.
#[track_caller]
pub fn recorded(machine: &Machine, like: &str) -> Vec<Event> {
    let folder = database(machine);
    let db = Connection::open(folder.path().join("jitd.db")).expect("a database");
    let sql = "SELECT seq, at, event, elevation, user, fields FROM event
        WHERE event LIKE ? ORDER BY seq";
    let mut statement = db.prepare(sql).expect("a record");
    let events = statement.query_map([like], |row| {
        let fields: Vec<(String, String)> =
            serde_json::from_str(&row.get::<_, String>(5)?).expect("pairs");
        Ok(Event {
            seq: row.get(0)?,
            at: row.get(1)?,
            name: row.get(2)?,
            id: row.get(3)?,
            user: row.get(4)?,
            fields: fields.into_iter().collect(),
        })
    });
    let events = events.expect("events");
    events.map(|event| event.expect("an event")).collect()
}

/// The database as it is at one moment, in a folder: while its log stays the same, all that the
/// log says is true, however much of it is in the database already.
#[track_caller]
pub fn database(machine: &Machine) -> TempDir {
    let inside = |file: &str| machine.outside(&format!("/var/lib/jitd/{file}"));
    let log = || fs::read(inside("jitd.db-wal")).unwrap_or_default();
    loop {
        let before = log();
        let all = fs::read(inside("jitd.db")).expect("a database");
        if log() != before {
            continue;
        }
        let folder = tempfile::tempdir().expect("a folder");
        fs::write(folder.path().join("jitd.db"), all).expect("room");
        fs::write(folder.path().join("jitd.db-wal"), before).expect("room");
        return folder;
    }
}
