//! Between rows and elevations.

use rusqlite::{Connection, Row};

use super::StoreError;
use crate::domain::elevation::{Act, Decision, Elevation, ElevationId, Grant};
use crate::domain::names::{GroupName, RoleName, ServiceName, UserName};
use crate::domain::session::{Mark, Recording, Session, SessionId};
use crate::domain::time::{Boot, BootId, Seconds, Wall};

/// The columns of an elevation, in the order in which [`elevation`] reads them.
pub(super) const COLUMNS: &str = "id, state, user, uid, login_uid, role, reason, duration, \
    requested_at, lapses_at, groups, services, starts_at, ends_at, ends_at_boot, boot_id, \
    ended_at, ended_by, ticket, start, extends, break_glass, acknowledged_at, acknowledged_by, \
    starts_at_boot";

/// Reads an elevation, without its decisions.
pub(super) fn elevation(row: &Row<'_>) -> Result<Elevation, StoreError> {
    let extends: Option<i64> = row.get(20)?;
    Ok(Elevation {
        id: ElevationId(unsigned("id", row.get(0)?)?),
        state: checked("state", row.get(1)?, |word| word.parse().ok())?,
        user: checked("user", row.get(2)?, |name| UserName::new(name).ok())?,
        uid: row.get(3)?,
        login_uid: row.get(4)?,
        role: checked("role", row.get(5)?, |name| RoleName::new(name).ok())?,
        reason: row.get(6)?,
        duration: Seconds(unsigned("duration", row.get(7)?)?),
        requested_at: Wall(row.get(8)?),
        lapses_at: Wall(row.get(9)?),
        grant: grant(row)?,
        ticket: row.get(18)?,
        start: row.get::<_, Option<i64>>(19)?.map(Wall),
        extends: extends
            .map(|id| unsigned("extends", id).map(ElevationId))
            .transpose()?,
        break_glass: row.get(21)?,
        acknowledged: act(row, 22)?,
        ended: act(row, 16)?,
        decisions: Vec::new(),
    })
}

/// The columns of a session, in the order in which [`session`] reads them.
pub(super) const SESSION_COLUMNS: &str = "id, elevation, under, service, command, terminal, \
    remote, leader, login, boot_id, opened_at, closed_at, also, recording, recorder, \
    leader_began, audit_session, \
    (SELECT uid FROM elevation WHERE elevation.id = session.elevation)";

/// Reads a session.
pub(super) fn session(row: &Row<'_>) -> Result<Session, StoreError> {
    Ok(Session {
        id: SessionId(unsigned("id", row.get(0)?)?),
        elevation: ElevationId(unsigned("elevation", row.get(1)?)?),
        under: ElevationId(unsigned("under", row.get(2)?)?),
        service: row.get(3)?,
        command: row.get(4)?,
        terminal: row.get(5)?,
        remote: row.get(6)?,
        leader: row.get(7)?,
        mark: mark(row)?,
        recording: recording(row)?,
        login: row.get(8)?,
        boot_id: BootId(row.get(9)?),
        opened_at: Wall(row.get(10)?),
        closed_at: row.get::<_, Option<i64>>(11)?.map(Wall),
        also: names("also", &row.get::<_, String>(12)?, |number| {
            number.parse().ok().map(ElevationId)
        })?,
    })
}

fn mark(row: &Row<'_>) -> Result<Mark, StoreError> {
    let began: Option<i64> = row.get(15)?;
    Ok(Mark {
        began: began
            .map(|ticks| unsigned("leader_began", ticks))
            .transpose()?,
        login: row.get(16)?,
        uid: row.get(17)?,
    })
}

fn recording(row: &Row<'_>) -> Result<Option<Recording>, StoreError> {
    let folder: Option<String> = row.get(13)?;
    let recorder: Option<u32> = row.get(14)?;
    let recording = folder.zip(recorder);
    Ok(recording.map(|(folder, recorder)| Recording { folder, recorder }))
}

/// When and by whom, from a column and the next one.
fn act(row: &Row<'_>, column: usize) -> Result<Option<Act>, StoreError> {
    let at: Option<i64> = row.get(column)?;
    let by: Option<String> = row.get(column + 1)?;
    Ok(at.zip(by).map(|(at, by)| Act { at: Wall(at), by }))
}

fn grant(row: &Row<'_>) -> Result<Option<Grant>, StoreError> {
    let Some(groups) = row.get::<_, Option<String>>(10)? else {
        return Ok(None);
    };
    Ok(Some(Grant {
        groups: names("groups", &groups, |name| GroupName::new(name).ok())?,
        services: names("services", &row.get::<_, String>(11)?, |name| {
            ServiceName::new(name).ok()
        })?,
        starts_at: Wall(row.get(12)?),
        // Those that were over when the column came have none, and need none any more.
        starts_at_boot: Boot(row.get::<_, Option<i64>>(24)?.unwrap_or_default()),
        ends_at: Wall(row.get(13)?),
        ends_at_boot: Boot(row.get(14)?),
        boot_id: BootId(row.get(15)?),
    }))
}

/// Reads an elevation's decisions, in their order.
pub(super) fn decisions(db: &Connection, id: ElevationId) -> Result<Vec<Decision>, StoreError> {
    let mut statement = db.prepare_cached(
        "SELECT by, uid, verdict, comment, at FROM decision WHERE elevation = ?1 ORDER BY at, uid",
    )?;
    let mut rows = statement.query([signed(id.0)])?;
    let mut decisions = Vec::new();
    while let Some(row) = rows.next()? {
        decisions.push(Decision {
            by: checked("decision.by", row.get(0)?, |name| UserName::new(name).ok())?,
            uid: row.get(1)?,
            verdict: checked("decision.verdict", row.get(2)?, |word| word.parse().ok())?,
            comment: row.get(3)?,
            at: Wall(row.get(4)?),
        });
    }
    Ok(decisions)
}

/// Names as a JSON array.
pub(super) fn json<T: ToString>(names: &[T]) -> String {
    serde_json::Value::from(names.iter().map(ToString::to_string).collect::<Vec<_>>()).to_string()
}

/// As SQLite keeps numbers; ours are counted from 1 and never come near its limit.
pub(super) fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn names<T>(
    what: &'static str,
    json: &str,
    check: impl Fn(&str) -> Option<T>,
) -> Result<Vec<T>, StoreError> {
    let corrupt = || StoreError::Corrupt {
        what,
        value: json.to_owned(),
    };
    let names: Vec<String> = serde_json::from_str(json).map_err(|_| corrupt())?;
    names
        .iter()
        .map(|name| check(name).ok_or_else(corrupt))
        .collect()
}

pub(super) fn checked<T>(
    what: &'static str,
    value: String,
    check: impl Fn(&str) -> Option<T>,
) -> Result<T, StoreError> {
    check(&value).ok_or(StoreError::Corrupt { what, value })
}

pub(super) fn unsigned(what: &'static str, number: i64) -> Result<u64, StoreError> {
    u64::try_from(number).map_err(|_| StoreError::Corrupt {
        what,
        value: number.to_string(),
    })
}
