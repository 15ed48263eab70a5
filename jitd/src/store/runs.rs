//! What the record says of jitd's own runs.

use rusqlite::{Connection, OptionalExtension};

use super::StoreError;
use super::rows::{signed, unsigned};
use crate::record::EventName;

/// How the last run of jitd is on record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LastRun {
    /// Whether its end is on record.
    pub was_stopped: bool,
    /// The boot that it was in.
    pub boot: String,
}

/// The last run; none where none is on record.
pub(super) fn last_run(db: &Connection) -> Result<Option<LastRun>, StoreError> {
    // In these words: by them SQLite knows the index event_run.
    let sql = "SELECT event, fields FROM event
        WHERE event IN ('daemon.started', 'daemon.stopped') ORDER BY seq DESC LIMIT 2";
    let mut statement = db.prepare_cached(sql)?;
    let mut rows = statement.query([])?;
    let mut was_stopped = false;
    while let Some(row) = rows.next()? {
        let (event, fields): (String, String) = (row.get(0)?, row.get(1)?);
        if event == EventName::DaemonStopped.as_str() {
            was_stopped = true;
            continue;
        }
        let fields: Vec<(String, String)> = serde_json::from_str(&fields).unwrap_or_default();
        let mut fields = fields.into_iter();
        let boot = fields.find(|(key, _)| key == "boot");
        return Ok(Some(LastRun {
            was_stopped,
            boot: boot.map(|(_, boot)| boot).unwrap_or_default(),
        }));
    }
    // The beginning of a run may have been archived while it went on.
    let sql = "SELECT EXISTS (SELECT 1 FROM archived)";
    let is_archived: bool = db.query_row(sql, [], |row| row.get(0))?;
    Ok((was_stopped || is_archived).then(|| LastRun {
        was_stopped,
        boot: String::new(),
    }))
}

/// The digest of the policy that was in force last, by what is said whenever one is read.
pub(super) fn last_policy(db: &Connection) -> Result<Option<String>, StoreError> {
    let sql = "SELECT fields FROM event
        WHERE event IN ('policy.loaded', 'policy.refused') ORDER BY seq DESC LIMIT 1";
    let fields: Option<String> = db.query_row(sql, [], |row| row.get(0)).optional()?;
    let fields: Vec<(String, String)> = fields
        .and_then(|fields| serde_json::from_str(&fields).ok())
        .unwrap_or_default();
    let mut fields = fields.into_iter();
    let digest = fields.find(|(key, _)| key == "digest");
    Ok(digest.map(|(_, digest)| digest))
}

/// How many events of these names came after one.
pub(super) fn count_after(
    db: &Connection,
    seq: u64,
    names: &[EventName],
) -> Result<u64, StoreError> {
    let mut count = 0;
    let mut statement =
        db.prepare_cached("SELECT count(*) FROM event WHERE seq > ?1 AND event = ?2")?;
    for name in names {
        let seq = signed(seq);
        let found = statement.query_row((seq, name.as_str()), |row| row.get(0))?;
        count += unsigned("count", found)?;
    }
    Ok(count)
}
