//! What is archived is cut from the database, a little at a time: nobody waits for it.

use rusqlite::{Connection, Transaction, TransactionBehavior, params};

use super::StoreError;
use super::events::archived;
use super::rows::signed;
use crate::domain::time::{Seconds, Wall};

/// Most rows that go at once.
const MOST: i64 = 1_000;

/// Cuts some of what is archived, and of the elevations and sessions of which it was all that
/// happened, where they have ended longer ago than any budget looks back. Whether there is more.
///
/// The newest elevation and the newest session stay: their numbers are not given again.
pub(super) fn cut(db: &mut Connection, now: Wall) -> Result<bool, StoreError> {
    let tx = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let up_to = signed(archived(&tx)?.seq);
    let events = tx
        .prepare_cached("DELETE FROM event WHERE seq IN (SELECT seq FROM event WHERE seq <= ?1 ORDER BY seq LIMIT ?2)")?
        .execute(params![up_to, MOST])?;
    let rows = if events == 0 {
        cut_elevations(&tx, now)?
    } else {
        0
    };
    tx.commit()?;
    Ok(events + rows > 0)
}

fn cut_elevations(tx: &Transaction<'_>, now: Wall) -> Result<usize, StoreError> {
    let long_ago = now.0.saturating_sub(Seconds::LONGEST.millis());
    tx.execute_batch(
        "CREATE TEMP TABLE IF NOT EXISTS gone (id INTEGER PRIMARY KEY); DELETE FROM gone;",
    )?;
    let some = tx.execute(
        "INSERT INTO gone
         SELECT id FROM elevation AS one
         WHERE ended_at < ?1 AND state NOT IN ('pending', 'scheduled', 'active')
           AND id < (SELECT max(id) FROM elevation)
           AND NOT (break_glass = 1 AND acknowledged_at IS NULL)
           AND NOT EXISTS (SELECT 1 FROM event WHERE event.elevation = one.id)
           AND NOT EXISTS (SELECT 1 FROM session WHERE session.elevation = one.id
               AND (session.closed_at IS NULL OR session.id = (SELECT max(id) FROM session)))
           AND NOT EXISTS (SELECT 1 FROM session WHERE session.under = one.id
               AND (session.closed_at IS NULL OR session.id = (SELECT max(id) FROM session)))
         ORDER BY id LIMIT ?2",
        params![long_ago, MOST],
    )?;
    if some > 0 {
        tx.execute_batch(
            "DELETE FROM session WHERE elevation IN (SELECT id FROM gone)
                 AND under IN (SELECT id FROM gone);
             DELETE FROM gone WHERE EXISTS
                 (SELECT 1 FROM session WHERE elevation = gone.id OR under = gone.id);
             DELETE FROM decision WHERE elevation IN (SELECT id FROM gone);",
        )?;
    }
    Ok(tx.execute(
        "DELETE FROM elevation WHERE id IN (SELECT id FROM gone)",
        [],
    )?)
}
