//! Sessions, as they are looked for.

use rusqlite::types::Value;
use rusqlite::{Connection, params_from_iter};

use super::StoreError;
use super::events::About;
use super::rows::{self, SESSION_COLUMNS, checked, signed};
use crate::domain::elevation::ElevationId;
use crate::domain::names::{RoleName, UserName};
use crate::domain::session::{Session, SessionId};
use crate::domain::time::Wall;
use crate::record::Subject;

/// Which sessions to list; all conditions must hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionQuery {
    /// What the reader may read.
    pub about: About,
    /// Under the elevations of the account of this name.
    pub user: Option<String>,
    /// Opened by this elevation, or going on under it.
    pub elevation: Option<ElevationId>,
    /// Opened at or after this time.
    pub since: Option<Wall>,
    /// With a smaller number.
    pub before: Option<SessionId>,
    /// Of which something is left.
    pub running: bool,
    /// At most so many.
    pub limit: u32,
}

/// Sessions with the elevation that opened each, newest first.
pub(super) fn list(
    db: &Connection,
    query: &SessionQuery,
) -> Result<Vec<(Session, Subject)>, StoreError> {
    let mut conditions = vec!["1".to_owned()];
    let mut values = Vec::new();
    let mut demand = |condition: &str, wanted: Vec<Value>| {
        conditions.push(condition.to_owned());
        values.extend(wanted);
    };
    if let About::Account(user, uid) = &query.about {
        demand(
            "elevation IN (SELECT id FROM elevation WHERE user = ? AND uid = ?)",
            vec![user.clone().into(), i64::from(*uid).into()],
        );
    }
    if let Some(user) = &query.user {
        demand(
            "elevation IN (SELECT id FROM elevation WHERE user = ?)",
            vec![user.clone().into()],
        );
    }
    if let Some(id) = query.elevation {
        let id = Value::Integer(signed(id.0));
        demand("(elevation = ? OR under = ?)", vec![id.clone(), id]);
    }
    if let Some(since) = query.since {
        demand("opened_at >= ?", vec![since.0.into()]);
    }
    if let Some(before) = query.before {
        demand("id < ?", vec![signed(before.0).into()]);
    }
    if query.running {
        demand("closed_at IS NULL", Vec::new());
    }
    values.push(Value::Integer(i64::from(query.limit)));
    let sql = format!(
        "SELECT {SESSION_COLUMNS} FROM session WHERE {} ORDER BY id DESC LIMIT ?",
        conditions.join(" AND ")
    );
    let mut statement = db.prepare_cached(&sql)?;
    let mut rows = statement.query(params_from_iter(values))?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let session = rows::session(row)?;
        let subject = subject(db, session.elevation)?;
        found.push((session, subject));
    }
    Ok(found)
}

fn subject(db: &Connection, id: ElevationId) -> Result<Subject, StoreError> {
    let mut statement = db.prepare_cached("SELECT user, uid, role FROM elevation WHERE id = ?1")?;
    let (user, uid, role) = statement.query_row([signed(id.0)], |row| {
        Ok((row.get(0)?, row.get(1)?, row.get(2)?))
    })?;
    Ok(Subject {
        id,
        user: checked("user", user, |name| UserName::new(name).ok())?,
        uid,
        role: checked("role", role, |name| RoleName::new(name).ok())?,
    })
}
