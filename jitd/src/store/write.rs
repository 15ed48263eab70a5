//! Writing: one transaction each, all or nothing.

use rusqlite::{Connection, Transaction, TransactionBehavior, params};

use super::StoreError;
use super::clock::{Seen, put_seen};
use super::events::{Appending, Head};
use super::rows::{json, signed};
use crate::crash::crash_point;
use crate::domain::elevation::Elevation;
use crate::domain::names::GroupName;
use crate::domain::session::Session;
use crate::record::Event;

/// An elevation as it is to be, and what happened to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The elevation, whole; none where nothing became of one.
    pub elevation: Option<Elevation>,
    /// The session, whole; none where nothing became of one.
    pub session: Option<Session>,
    /// Up to where the record is archived now; none where nothing became of it.
    pub archived: Option<Head>,
    /// The event that tells of it.
    pub event: Event,
}

impl Change {
    /// An elevation as it is to be.
    #[must_use]
    pub fn of(elevation: Elevation, event: Event) -> Self {
        Self {
            elevation: Some(elevation),
            ..Self::alone(event)
        }
    }

    /// A session as it is to be.
    #[must_use]
    pub fn of_session(session: Session, event: Event) -> Self {
        Self {
            session: Some(session),
            ..Self::alone(event)
        }
    }

    /// Something that happened and changed nothing that is kept.
    #[must_use]
    pub fn alone(event: Event) -> Self {
        Self {
            elevation: None,
            session: None,
            archived: None,
            event,
        }
    }
}

pub(super) fn commit(
    db: &mut Connection,
    changes: &[Change],
    seen: &Seen,
) -> Result<(), StoreError> {
    let tx = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
    put_seen(&tx, seen)?;
    let mut record = Appending::new(&tx)?;
    for change in changes {
        crash_point!("store.begun");
        if let Some(elevation) = &change.elevation {
            put_elevation(&tx, elevation)?;
        }
        if let Some(session) = &change.session {
            put_session(&tx, session)?;
        }
        if let Some(archived) = &change.archived {
            put_archived(&tx, archived)?;
        }
        crash_point!("store.stated");
        record.put(&change.event)?;
        crash_point!("store.uncommitted");
    }
    tx.commit()?;
    Ok(())
}

pub(super) fn put_elevation(tx: &Transaction<'_>, elevation: &Elevation) -> Result<(), StoreError> {
    let grant = elevation.grant.as_ref();
    let ended = elevation.ended.as_ref();
    let acknowledged = elevation.acknowledged.as_ref();
    tx.prepare_cached(
        "INSERT INTO elevation VALUES
            (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18,
             ?19, ?20, ?21, ?22, ?23, ?24, ?25)
         ON CONFLICT (id) DO UPDATE SET
            state = excluded.state, duration = excluded.duration,
            groups = excluded.groups, services = excluded.services,
            starts_at = excluded.starts_at, ends_at = excluded.ends_at,
            ends_at_boot = excluded.ends_at_boot, boot_id = excluded.boot_id,
            ended_at = excluded.ended_at, ended_by = excluded.ended_by,
            acknowledged_at = excluded.acknowledged_at,
            acknowledged_by = excluded.acknowledged_by,
            starts_at_boot = excluded.starts_at_boot",
    )?
    .execute(params![
        signed(elevation.id.0),
        elevation.state.as_str(),
        elevation.user.as_str(),
        elevation.uid,
        elevation.login_uid,
        elevation.role.as_str(),
        elevation.reason,
        signed(elevation.duration.0),
        elevation.requested_at.0,
        elevation.lapses_at.0,
        grant.map(|grant| json(&grant.groups)),
        grant.map(|grant| json(&grant.services)),
        grant.map(|grant| grant.starts_at.0),
        grant.map(|grant| grant.ends_at.0),
        grant.map(|grant| grant.ends_at_boot.0),
        grant.map(|grant| grant.boot_id.0.as_str()),
        ended.map(|ended| ended.at.0),
        ended.map(|ended| ended.by.as_str()),
        elevation.ticket,
        elevation.start.map(|start| start.0),
        elevation.extends.map(|id| signed(id.0)),
        elevation.break_glass,
        acknowledged.map(|act| act.at.0),
        acknowledged.map(|act| act.by.as_str()),
        grant.map(|grant| grant.starts_at_boot.0),
    ])?;
    for decision in &elevation.decisions {
        tx.prepare_cached(
            "INSERT INTO decision VALUES (?1, ?2, ?3, ?4, ?5, ?6)
             ON CONFLICT (elevation, uid) DO UPDATE SET
                verdict = excluded.verdict, comment = excluded.comment, at = excluded.at",
        )?
        .execute(params![
            signed(elevation.id.0),
            decision.uid,
            decision.by.as_str(),
            decision.verdict.as_str(),
            decision.comment,
            decision.at.0,
        ])?;
    }
    Ok(())
}

fn put_session(tx: &Transaction<'_>, session: &Session) -> Result<(), StoreError> {
    tx.prepare_cached(
        "INSERT INTO session VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13,
            ?14, ?15, ?16, ?17)
         ON CONFLICT (id) DO UPDATE SET under = excluded.under, also = excluded.also,
            closed_at = excluded.closed_at",
    )?
    .execute(params![
        signed(session.id.0),
        signed(session.elevation.0),
        signed(session.under.0),
        session.service,
        session.command,
        session.terminal,
        session.remote,
        session.leader,
        session.login,
        session.boot_id.0,
        session.opened_at.0,
        session.closed_at.map(|at| at.0),
        json(&session.also),
        session.recording.as_ref().map(|it| it.folder.as_str()),
        session.recording.as_ref().map(|it| it.recorder),
        session.mark.began.map(signed),
        session.mark.login,
    ])?;
    Ok(())
}

/// What came before this may be cut from now on.
fn put_archived(tx: &Transaction<'_>, archived: &Head) -> Result<(), StoreError> {
    tx.execute(
        "INSERT INTO archived VALUES (?1, ?2)",
        params![signed(archived.seq), archived.link.0],
    )?;
    Ok(())
}

pub(super) fn note_owned(
    db: &mut Connection,
    group: &GroupName,
    owned: bool,
) -> Result<(), StoreError> {
    let sql = if owned {
        "INSERT OR IGNORE INTO owned_group VALUES (?1)"
    } else {
        "DELETE FROM owned_group WHERE name = ?1"
    };
    db.prepare_cached(sql)?.execute([group.as_str()])?;
    Ok(())
}
