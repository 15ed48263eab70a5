//! Memberships that jitd added: noted in one transaction with the events that tell of them.

use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior};

use super::StoreError;
use super::events::Appending;
use super::rows::{checked, unsigned};
use crate::crash::crash_point;
use crate::domain::desired::Membership;
use crate::domain::elevation::ElevationId;
use crate::domain::names::{GroupName, RoleName, UserName};
use crate::domain::time::Wall;
use crate::record::{Event, EventName, Subject};

/// The newest active elevation that gives a group to a user.
const GIVER: &str = "
    SELECT id, uid, role FROM elevation INDEXED BY elevation_user
    WHERE user = ?2 AND state = 'active'
        AND EXISTS (SELECT 1 FROM json_each(groups) WHERE value = ?1)
    ORDER BY id DESC LIMIT 1";

/// Of a user's last hundred, the one that has given the group and ended last.
const LAST_GIVER: &str = "
    SELECT id, uid, role FROM
        (SELECT * FROM elevation INDEXED BY elevation_user WHERE user = ?2 ORDER BY id DESC LIMIT 100)
    WHERE starts_at IS NOT NULL
        AND EXISTS (SELECT 1 FROM json_each(groups) WHERE value = ?1)
    ORDER BY coalesce(ended_at, ends_at) DESC, id DESC LIMIT 1";

/// Notes memberships as added, or as no longer so. What is noted already is not told again. Gives
/// how many were.
pub(super) fn note_held(
    db: &mut Connection,
    added: &[Membership],
    removed: &[Membership],
    at: Wall,
) -> Result<usize, StoreError> {
    let tx = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let mut record = Appending::new(&tx)?;
    let mut recorded = 0;
    let insert = "INSERT OR IGNORE INTO held VALUES (?1, ?2)";
    let delete = "DELETE FROM held WHERE group_name = ?1 AND user = ?2";
    for (name, noted, sql, giver) in [
        (EventName::MembershipGiven, added, insert, GIVER),
        (EventName::MembershipTaken, removed, delete, LAST_GIVER),
    ] {
        for (group, user) in noted {
            let mut change = tx.prepare_cached(sql)?;
            if change.execute([group.as_str(), user.as_str()])? == 0 {
                continue;
            }
            let mut event = Event::of_none(name, at)
                .with("by", "jitd")
                .with("group", group.as_str())
                .with("member", user.as_str());
            event.subject = subject(&tx, giver, (group, user))?;
            record.put(&event)?;
            recorded += 1;
        }
    }
    crash_point!("held.uncommitted");
    tx.commit()?;
    Ok(recorded)
}

/// The elevation that gives it, where one does: who is managed by name is so by the policy.
fn subject(
    tx: &Transaction<'_>,
    giver: &str,
    (group, user): (&GroupName, &UserName),
) -> Result<Option<Subject>, StoreError> {
    let mut statement = tx.prepare_cached(giver)?;
    let found = statement
        .query_row([group.as_str(), user.as_str()], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?))
        })
        .optional()?;
    let subject = |(id, uid, role): (i64, u32, String)| {
        Ok(Subject {
            id: ElevationId(unsigned("id", id)?),
            user: user.clone(),
            uid,
            role: checked("role", role, |name| RoleName::new(name).ok())?,
        })
    };
    found.map(subject).transpose()
}
