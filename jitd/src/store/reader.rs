//! The record, read beside the one writer: on a connection of its own, which can write nothing.

use std::fs::File;
use std::ops::ControlFlow;
use std::path::Path;

use rusqlite::{Connection, OpenFlags};

use super::events::{self, EventQuery, Place};
use super::sessions::{self, SessionQuery};
use super::{StoreError, outbox, schema};
use crate::domain::session::Session;
use crate::domain::time::Wall;
use crate::record::{Recorded, Subject, Told};

/// A reader of the record. It holds up nobody, and nobody holds it up.
#[derive(Debug)]
pub struct Reader {
    pub(super) db: Connection,
}

impl Reader {
    /// Opens the database, which is there.
    ///
    /// # Errors
    /// It is not there, is no database, or not of this program's version.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let shown = path.to_string_lossy().into_owned();
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let opened = Connection::open_with_flags(path, flags).and_then(|db| {
            db.busy_timeout(super::PATIENCE)?;
            Ok((schema::version(&db)?, db))
        });
        let (found, db) = opened.map_err(|cause| StoreError::Unusable {
            path: shown.clone(),
            cause,
        })?;
        if found != schema::known() {
            return Err(StoreError::OtherVersion {
                path: shown,
                found,
                known: schema::known(),
            });
        }
        Ok(Self { db })
    }

    /// Where what the query asks for begins and ends.
    ///
    /// # Errors
    /// The database is broken.
    pub fn place(&self, query: &EventQuery, last: Option<u32>) -> Result<Place, StoreError> {
        let mut place = events::place(&self.db, query)?;
        if let Some(last) = last {
            let mut left = last;
            let mut after = place.to;
            events::each(&self.db, query, place, true, |event| {
                let Some(fewer) = left.checked_sub(1) else {
                    return ControlFlow::Break(());
                };
                left = fewer;
                after = event.seq - 1;
                ControlFlow::Continue(())
            })?;
            place.after = after;
        }
        Ok(place)
    }

    /// When the oldest event happened that is not archived.
    ///
    /// # Errors
    /// The database is broken.
    pub fn oldest(&self) -> Result<Option<Wall>, StoreError> {
        let after = events::archived(&self.db)?.seq;
        let everything = EventQuery::default();
        let to = self.newest()?;
        let (page, _) = self.page(&everything, Place { after, to }, 1)?;
        Ok(page.first().map(|event| event.at))
    }

    /// A copy of the whole database as it is at this moment, in a file that has no name any more.
    /// `beside` names it while it is made.
    ///
    /// # Errors
    /// The database is broken, or the disk full.
    pub fn copy(&self, beside: &Path) -> Result<File, StoreError> {
        let _ = std::fs::remove_file(beside);
        let path = beside.to_string_lossy();
        let copied = self.db.execute("VACUUM INTO ?1", [path.as_ref()]);
        let opened = copied.map(|_| File::open(beside));
        let _ = std::fs::remove_file(beside);
        opened?.map_err(|cause| StoreError::Copy {
            path: path.into_owned(),
            cause,
        })
    }

    /// The number up to which the logs have been told of events. Where the record ends before it,
    /// it has been cut.
    ///
    /// # Errors
    /// The database is broken.
    pub fn witnessed(&self) -> Result<u64, StoreError> {
        events::witnessed(&self.db)
    }

    /// Nothing after this number has been archived, and cut.
    ///
    /// # Errors
    /// Something was, or the database is broken.
    pub fn still_has_all(&self, after: u64) -> Result<(), StoreError> {
        if events::archived(&self.db)?.seq > after {
            return Err(StoreError::ArchivedMeanwhile);
        }
        Ok(())
    }

    /// The number of the newest event; 0 without any.
    ///
    /// # Errors
    /// The database is broken.
    pub fn newest(&self) -> Result<u64, StoreError> {
        Ok(events::head(&self.db)?.seq)
    }

    /// Sessions with the elevation that opened each, newest first.
    ///
    /// # Errors
    /// The database is broken.
    pub fn sessions(&self, query: &SessionQuery) -> Result<Vec<(Session, Subject)>, StoreError> {
        sessions::list(&self.db, query)
    }

    /// How far the logs have been told.
    ///
    /// # Errors
    /// The database is broken.
    pub fn told(&self) -> Result<Told, StoreError> {
        outbox::told(&self.db)
    }

    /// At most so many events from there on, and where to read on.
    ///
    /// # Errors
    /// The database is broken.
    pub fn page(
        &self,
        query: &EventQuery,
        place: Place,
        most: usize,
    ) -> Result<(Vec<Recorded>, Place), StoreError> {
        let mut page = Vec::new();
        events::each(&self.db, query, place, false, |event| {
            page.push(event);
            if page.len() < most {
                ControlFlow::Continue(())
            } else {
                ControlFlow::Break(())
            }
        })?;
        let after = match page.last() {
            Some(event) if page.len() == most => event.seq,
            _ => place.to,
        };
        Ok((page, Place { after, ..place }))
    }
}
