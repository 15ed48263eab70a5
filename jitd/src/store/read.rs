//! Reading.

use jitd_api::{MAX_LIST, MAX_SESSIONS, State};
use rusqlite::types::Value;
use rusqlite::{Connection, params, params_from_iter};

use super::StoreError;
use super::rows::{self, COLUMNS, SESSION_COLUMNS, signed, unsigned};
use crate::domain::budget::Span;
use crate::domain::decide::span_of;
use crate::domain::desired::Membership;
use crate::domain::elevation::{Elevation, ElevationId};
use crate::domain::names::{GroupName, RoleName, UserName};
use crate::domain::session::{Session, SessionId};
use crate::domain::time::{BootId, Wall};

/// Whose elevations a reader may see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// Everybody's.
    All,
    /// Those of one account, and those of some roles.
    Some {
        /// The account.
        uid: u32,
        /// Names of the roles.
        roles: Vec<String>,
    },
}

/// Which elevations to list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Query {
    /// Whose.
    pub scope: Scope,
    /// In this state.
    pub state: Option<State>,
    /// Of this holder.
    pub user: Option<String>,
    /// Of this role.
    pub role: Option<String>,
    /// Requested at or after this time.
    pub since: Option<Wall>,
    /// Requested before this time.
    pub until: Option<Wall>,
    /// Still open, or over at or after this time.
    pub not_over_before: Option<Wall>,
    /// With a number below this one.
    pub before: Option<ElevationId>,
    /// At most so many.
    pub limit: u32,
}

pub(super) fn open_elevations(db: &Connection) -> Result<Vec<Elevation>, StoreError> {
    let sql = format!(
        "SELECT {COLUMNS} FROM elevation WHERE state IN ('pending', 'scheduled', 'active') ORDER BY id"
    );
    elevations(db, &sql, Vec::new())
}

/// Sessions of which something is left, as far as is known.
pub(super) fn open_sessions(db: &Connection) -> Result<Vec<Session>, StoreError> {
    let sql = format!("SELECT {SESSION_COLUMNS} FROM session WHERE closed_at IS NULL ORDER BY id");
    sessions(db, &sql, &[])
}

pub(super) fn session(db: &Connection, id: SessionId) -> Result<Option<Session>, StoreError> {
    let sql = format!("SELECT {SESSION_COLUMNS} FROM session WHERE id = ?1");
    Ok(sessions(db, &sql, &[signed(id.0)])?.pop())
}

/// The last sessions that an elevation opened, or that went on under it, oldest first.
pub(super) fn sessions_of(db: &Connection, id: ElevationId) -> Result<Vec<Session>, StoreError> {
    let sql = format!(
        "SELECT {SESSION_COLUMNS} FROM session WHERE elevation = ?1
         UNION SELECT {SESSION_COLUMNS} FROM session WHERE under = ?1
         ORDER BY 1 DESC LIMIT {MAX_SESSIONS}"
    );
    let mut sessions = sessions(db, &sql, &[signed(id.0)])?;
    sessions.reverse();
    Ok(sessions)
}

pub(super) fn next_session(db: &Connection) -> Result<SessionId, StoreError> {
    let last: Option<i64> = db.query_row("SELECT max(id) FROM session", [], |row| row.get(0))?;
    Ok(SessionId(unsigned("id", last.unwrap_or(0))? + 1))
}

fn sessions(db: &Connection, sql: &str, values: &[i64]) -> Result<Vec<Session>, StoreError> {
    let mut statement = db.prepare_cached(sql)?;
    let mut rows = statement.query(params_from_iter(values))?;
    let mut sessions = Vec::new();
    while let Some(row) = rows.next()? {
        sessions.push(rows::session(row)?);
    }
    Ok(sessions)
}

pub(super) fn next_id(db: &Connection) -> Result<ElevationId, StoreError> {
    let last: Option<i64> = db.query_row("SELECT max(id) FROM elevation", [], |row| row.get(0))?;
    Ok(ElevationId(unsigned("id", last.unwrap_or(0))? + 1))
}

pub(super) fn one(db: &Connection, id: ElevationId) -> Result<Option<Elevation>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM elevation WHERE id = ?1");
    Ok(elevations(db, &sql, vec![Value::Integer(signed(id.0))])?.pop())
}

/// Those that were taken by breaking the glass and nobody has taken note of, oldest first.
pub(super) fn unacknowledged(
    db: &Connection,
    roles: &[String],
) -> Result<Vec<Elevation>, StoreError> {
    let marks = vec!["?"; roles.len()].join(", ");
    let sql = format!(
        "SELECT {COLUMNS} FROM elevation WHERE break_glass = 1 AND acknowledged_at IS NULL
         AND role IN ({marks}) ORDER BY id LIMIT {MAX_LIST}"
    );
    elevations(db, &sql, roles.iter().cloned().map(Value::Text).collect())
}

/// How many of one account there are of those.
pub(super) fn unacknowledged_of(db: &Connection, uid: u32) -> Result<usize, StoreError> {
    let sql = "SELECT count(*) FROM elevation
               WHERE break_glass = 1 AND acknowledged_at IS NULL AND uid = ?";
    let count: i64 = db.prepare_cached(sql)?.query_row([uid], |row| row.get(0))?;
    Ok(usize::try_from(count).unwrap_or_default())
}

/// The time that an account used a role, or is going to, as far as it reaches beyond `since`.
pub(super) fn used(
    db: &Connection,
    uid: u32,
    role: &RoleName,
    since: Wall,
) -> Result<Vec<Span>, StoreError> {
    let sql = format!(
        "SELECT {COLUMNS} FROM elevation
         WHERE uid = ? AND role = ? AND starts_at IS NOT NULL AND ends_at > ?"
    );
    let mut statement = db.prepare_cached(&sql)?;
    let mut rows = statement.query(params![uid, role.as_str(), since.0])?;
    let mut used = Vec::new();
    while let Some(row) = rows.next()? {
        used.extend(span_of(&rows::elevation(row)?));
    }
    Ok(used)
}

/// The accounts of which an elevation was given in this boot and has ended.
pub(super) fn lost_in(db: &Connection, boot: &BootId) -> Result<Vec<u32>, StoreError> {
    let sql = "SELECT DISTINCT uid FROM elevation
               WHERE state IN ('expired', 'released', 'revoked') AND boot_id = ?";
    let mut statement = db.prepare(sql)?;
    let uids = statement.query_map([&boot.0], |row| row.get(0))?;
    Ok(uids.collect::<Result<_, _>>()?)
}

pub(super) fn list(db: &Connection, query: &Query) -> Result<Vec<Elevation>, StoreError> {
    let mut conditions = vec!["1".to_owned()];
    let mut values = Vec::new();
    if let Scope::Some { uid, roles } = &query.scope {
        values.push(Value::Integer(i64::from(*uid)));
        values.extend(roles.iter().cloned().map(Value::Text));
        let marks = vec!["?"; roles.len()].join(", ");
        conditions.push(format!("(uid = ? OR role IN ({marks}))"));
    }
    let mut demand = |condition: &str, value: Option<Value>| {
        if let Some(value) = value {
            conditions.push(condition.to_owned());
            values.push(value);
        }
    };
    demand(
        "state = ?",
        query
            .state
            .map(|state| Value::Text(state.as_str().to_owned())),
    );
    demand("user = ?", query.user.clone().map(Value::Text));
    demand("role = ?", query.role.clone().map(Value::Text));
    demand(
        "requested_at >= ?",
        query.since.map(|since| Value::Integer(since.0)),
    );
    demand(
        "requested_at < ?",
        query.until.map(|until| Value::Integer(until.0)),
    );
    demand(
        "id < ?",
        query.before.map(|id| Value::Integer(signed(id.0))),
    );
    let over = query.not_over_before.map(|at| Value::Integer(at.0));
    demand("(ended_at IS NULL OR ended_at >= ?)", over.clone());
    demand(FIRST_NOT_OVER, over);
    values.push(Value::Integer(i64::from(query.limit)));
    let sql = format!(
        "SELECT {COLUMNS} FROM elevation WHERE {} ORDER BY id DESC LIMIT ?",
        conditions.join(" AND ")
    );
    elevations(db, &sql, values)
}

/// Where those begin that were not over before a time, from the indexes: what was over long before
/// is not gone through. (With `min(id)` SQLite goes through all of it, in the order of `id`.)
pub(super) const FIRST_NOT_OVER: &str = "id >= min(
    (SELECT coalesce(min(+id), 9223372036854775807) FROM elevation WHERE ended_at >= ?),
    (SELECT coalesce(min(+id), 9223372036854775807) FROM elevation
     WHERE state IN ('pending', 'scheduled', 'active')))";

fn elevations(
    db: &Connection,
    sql: &str,
    values: Vec<Value>,
) -> Result<Vec<Elevation>, StoreError> {
    let mut statement = db.prepare_cached(sql)?;
    let mut rows = statement.query(params_from_iter(values))?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let mut elevation = rows::elevation(row)?;
        elevation.decisions = rows::decisions(db, elevation.id)?;
        found.push(elevation);
    }
    Ok(found)
}

pub(super) fn held(db: &Connection) -> Result<Vec<Membership>, StoreError> {
    let mut statement = db.prepare_cached("SELECT group_name, user FROM held")?;
    let mut rows = statement.query([])?;
    let mut held = Vec::new();
    while let Some(row) = rows.next()? {
        held.push((
            rows::checked("held.group_name", row.get(0)?, |name| {
                GroupName::new(name).ok()
            })?,
            rows::checked("held.user", row.get(1)?, |name| UserName::new(name).ok())?,
        ));
    }
    Ok(held)
}

pub(super) fn owned_groups(db: &Connection) -> Result<Vec<GroupName>, StoreError> {
    let mut statement = db.prepare_cached("SELECT name FROM owned_group")?;
    let mut rows = statement.query([])?;
    let mut owned = Vec::new();
    while let Some(row) = rows.next()? {
        owned.push(rows::checked("owned_group.name", row.get(0)?, |name| {
            GroupName::new(name).ok()
        })?);
    }
    Ok(owned)
}
