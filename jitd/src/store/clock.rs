//! The newest reading of the clocks, and what a set clock and a reboot make of elevations.

use rusqlite::{Connection, OptionalExtension, Transaction, params};

use super::StoreError;
use super::write::put_elevation;
use crate::domain::elevation::Elevation;
use crate::domain::time::{Boot, BootId, Now, Wall};

/// What a commit says about time.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Seen {
    /// The reading to keep; none where a step of the clock must not be forgotten yet.
    pub reading: Option<Now>,
    /// Elevations that go on with other times.
    pub moved: Vec<Elevation>,
}

pub(super) fn put_seen(tx: &Transaction<'_>, seen: &Seen) -> Result<(), StoreError> {
    for elevation in &seen.moved {
        put_elevation(tx, elevation)?;
    }
    if let Some(now) = &seen.reading {
        tx.prepare_cached(
            "INSERT INTO clock VALUES (1, ?1, ?2, ?3) ON CONFLICT (one) DO UPDATE SET
                wall = excluded.wall, boot = excluded.boot, boot_id = excluded.boot_id",
        )?
        .execute(params![now.wall.0, now.boot.0, now.boot_id.0])?;
    }
    Ok(())
}

/// The newest reading; none before the first.
pub(super) fn last_seen(db: &Connection) -> Result<Option<Now>, StoreError> {
    let mut statement = db.prepare_cached("SELECT wall, boot, boot_id FROM clock")?;
    let row = statement.query_row([], |row| {
        Ok(Now {
            wall: Wall(row.get(0)?),
            boot: Boot(row.get(1)?),
            boot_id: BootId(row.get(2)?),
        })
    });
    Ok(row.optional()?)
}
