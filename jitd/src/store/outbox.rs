//! The record as an outbox: what the logs have not been told yet.

use rusqlite::Connection;

use super::events::{EventQuery, Place};
use super::rows::signed;
use super::{Reader, Store, StoreError};
use crate::record::{self, Recorded, Told, Unreadable};

/// The outbox: read beside the writer, who only notes how far the logs have been told.
#[derive(Debug)]
pub struct Outbox {
    reader: Reader,
    store: Store,
}

impl Outbox {
    /// # Errors
    /// The database is broken.
    pub fn of(store: &Store) -> Result<Self, StoreError> {
        Ok(Self {
            reader: store.reader()?,
            store: store.clone(),
        })
    }
}

impl record::Outbox for Outbox {
    fn told(&mut self) -> Result<Told, Unreadable> {
        let told = self.reader.told().map_err(unreadable)?;
        // A database from before may be back: what happens now has numbers anew.
        let newest = self.reader.newest().map_err(unreadable)?;
        Ok(Told {
            journal: told.journal.min(newest),
            syslog: told.syslog.min(newest),
        })
    }

    fn after(&mut self, seq: u64, most: usize) -> Result<Vec<Recorded>, Unreadable> {
        let newest = self.reader.newest().map_err(unreadable)?;
        let place = Place {
            after: seq,
            to: newest,
        };
        let (page, _) = self
            .reader
            .page(&EventQuery::default(), place, most)
            .map_err(unreadable)?;
        Ok(page)
    }

    fn note(&mut self, told: Told) -> Result<(), String> {
        self.store
            .note_told(told)
            .map_err(|error| error.to_string())
    }
}

fn unreadable(error: StoreError) -> Unreadable {
    match error {
        StoreError::Corrupt { .. } => Unreadable::Event(error.to_string()),
        error => Unreadable::Record(error.to_string()),
    }
}

/// How far the logs have been told.
pub(super) fn told(db: &Connection) -> Result<Told, StoreError> {
    let mut told = Told::default();
    let mut statement = db.prepare_cached("SELECT log, seq FROM told")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let seq = super::rows::unsigned("told.seq", row.get(1)?)?;
        match row.get_ref(0)?.as_str().map_err(rusqlite::Error::from)? {
            "journal" => told.journal = seq,
            "syslog" => told.syslog = seq,
            _ => {}
        }
    }
    Ok(told)
}

/// Notes how far. It is not waited for until the disk has it: after a power cut a few lines may be
/// told again, and the log itself may have lost them.
pub(super) fn note_told(db: &mut Connection, told: Told) -> Result<(), StoreError> {
    db.pragma_update(None, "synchronous", "NORMAL")?;
    let noted = (|| {
        let tx = db.transaction()?;
        for (log, seq) in [("journal", told.journal), ("syslog", told.syslog)] {
            tx.prepare_cached("INSERT OR REPLACE INTO told VALUES (?1, ?2)")?
                .execute((log, signed(seq)))?;
        }
        tx.commit()
    })();
    // Everything else is.
    db.pragma_update(None, "synchronous", "FULL")?;
    Ok(noted?)
}
