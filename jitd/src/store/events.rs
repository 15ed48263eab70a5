//! The record's rows.

use std::ops::ControlFlow;

use jitd_api::Link;
use rusqlite::types::Value;
use rusqlite::{Connection, Row, Transaction, params, params_from_iter};

use super::StoreError;
use super::rows::{signed, unsigned};
use crate::domain::elevation::ElevationId;
use crate::domain::time::Wall;
use crate::record::{Event, Recorded};

const COLUMNS: &str = "seq, at, event, elevation, user, uid, role, fields, chain";

/// About whom or what a reader may read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum About {
    /// Everything.
    #[default]
    All,
    /// This account, by name and uid: neither alone has always been the same person's.
    Account(String, u32),
}

/// Which events to read; all conditions must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EventQuery {
    /// What the reader may read.
    pub about: About,
    /// After the event with this number.
    pub after: u64,
    /// At or after this time.
    pub since: Option<Wall>,
    /// Before this time.
    pub until: Option<Wall>,
    /// About the account of this name.
    pub user: Option<String>,
    /// About this role.
    pub role: Option<String>,
    /// About this elevation.
    pub elevation: Option<ElevationId>,
    /// Of this name, or of all names that begin so where it ends with a star.
    pub event: Option<String>,
}

/// Where a reader is in the record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// What has been read, up to and with this number.
    pub after: u64,
    /// What is to be read, up to and with this number.
    pub to: u64,
}

/// Where the record ends, or did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// The number of the last event; 0 before the first.
    pub seq: u64,
    /// Its link.
    pub link: Link,
}

/// Adds events to the record.
pub(super) struct Appending<'a> {
    tx: &'a Transaction<'a>,
    head: Head,
}

impl<'a> Appending<'a> {
    pub(super) fn new(tx: &'a Transaction<'a>) -> Result<Self, StoreError> {
        let head = head(tx)?;
        Ok(Self { tx, head })
    }

    pub(super) fn put(&mut self, event: &Event) -> Result<(), StoreError> {
        let recorded = Recorded::next(self.head.seq + 1, &self.head.link, event);
        let (user, uid) = match &recorded.user {
            Some((user, uid)) => (user.as_str(), *uid),
            None => ("", 0),
        };
        let insert =
            format!("INSERT INTO event ({COLUMNS}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)");
        self.tx.prepare_cached(&insert)?.execute(params![
            signed(recorded.seq),
            recorded.at.0,
            recorded.event,
            recorded.id.map_or(0, |id| signed(id.0)),
            user,
            uid,
            recorded.role.as_deref().unwrap_or_default(),
            serde_json::to_string(&recorded.fields).map_err(|error| StoreError::Corrupt {
                what: "event.fields",
                value: error.to_string(),
            })?,
            recorded.chain.0,
        ])?;
        self.head = Head {
            seq: recorded.seq,
            link: recorded.chain,
        };
        Ok(())
    }
}

/// Where the record ends.
pub(super) fn head(db: &Connection) -> Result<Head, StoreError> {
    last_of(db, "SELECT seq, chain FROM event ORDER BY seq DESC LIMIT 1")
}

/// Where what is archived ends.
pub(super) fn archived(db: &Connection) -> Result<Head, StoreError> {
    last_of(
        db,
        "SELECT seq, chain FROM archived ORDER BY seq DESC LIMIT 1",
    )
}

fn last_of(db: &Connection, sql: &str) -> Result<Head, StoreError> {
    let mut statement = db.prepare_cached(sql)?;
    let mut rows = statement.query([])?;
    Ok(match rows.next()? {
        Some(row) => Head {
            seq: unsigned("seq", row.get(0)?)?,
            link: Link(row.get(1)?),
        },
        None => Head {
            seq: 0,
            link: Link::START,
        },
    })
}

/// The number up to which the record has been at least: a log that was told of an event is a
/// witness that there was one.
pub(super) fn witnessed(db: &Connection) -> Result<u64, StoreError> {
    let sql = "SELECT coalesce(max(seq), 0) FROM told";
    let seq = db.prepare_cached(sql)?.query_row([], |row| row.get(0))?;
    unsigned("told.seq", seq)
}

/// Gives all events their link.
pub(super) fn chain(tx: &Transaction<'_>) -> Result<(), StoreError> {
    let mut last = Link::START;
    let mut read = tx.prepare(&format!("SELECT {COLUMNS} FROM event ORDER BY seq"))?;
    let mut rows = read.query([])?;
    let mut write = tx.prepare("UPDATE event SET chain = ?2 WHERE seq = ?1")?;
    while let Some(row) = rows.next()? {
        let recorded = recorded(row, Link::START)?;
        last = recorded.link(&last);
        write.execute(params![signed(recorded.seq), last.0])?;
    }
    Ok(())
}

/// Where what the query asks for begins and ends, by the clock.
pub(super) fn place(db: &Connection, query: &EventQuery) -> Result<Place, StoreError> {
    let edge = |sql: &str, at: Wall| -> Result<Option<u64>, StoreError> {
        let edge: Option<i64> = db
            .prepare_cached(sql)?
            .query_row([at.0], |row| row.get(0))?;
        edge.map(|seq| unsigned("event.seq", seq)).transpose()
    };
    let newest = head(db)?.seq;
    // With the plus, SQLite looks the time up; without, it would go through the events by number
    // until one fits.
    let first = match query.since {
        Some(at) => edge("SELECT min(+seq) FROM event WHERE at >= ?1", at)?.unwrap_or(newest + 1),
        None => 1,
    };
    let to = match query.until {
        Some(at) => edge("SELECT max(+seq) FROM event WHERE at < ?1", at)?.unwrap_or(0),
        None => newest,
    };
    Ok(Place {
        // What is archived may still be there, and goes a little at a time.
        after: (first.saturating_sub(1))
            .max(query.after)
            .max(archived(db)?.seq),
        to,
    })
}

/// The last event before which nothing is of something that is open, nothing is from a later
/// time, and all logs have been told of everything.
pub(super) fn settled_before(db: &Connection, before: Wall) -> Result<u64, StoreError> {
    let first = |sql: &str, values: &[i64]| -> Result<Option<u64>, StoreError> {
        let first: Option<i64> = db
            .prepare(sql)?
            .query_row(params_from_iter(values), |row| row.get(0))?;
        first.map(|seq| unsigned("event.seq", seq)).transpose()
    };
    let later = first("SELECT min(seq) FROM event WHERE at >= ?1", &[before.0])?;
    let open = first(
        "SELECT min(event.seq) FROM elevation JOIN event ON event.elevation = elevation.id
         WHERE elevation.state IN ('pending', 'scheduled', 'active')",
        &[],
    )?;
    let running = first(
        "SELECT min(event.seq) FROM session
         JOIN event ON event.elevation IN (session.elevation, session.under)
         WHERE session.closed_at IS NULL",
        &[],
    )?;
    let untold = first("SELECT min(seq) + 1 FROM told", &[])?;
    let newest = head(db)?.seq;
    let stays = [later, open, running, untold].into_iter().flatten().min();
    Ok(stays.map_or(newest, |seq| seq.saturating_sub(1)))
}

/// Gives events of a stretch of the record to `each`, in their order, until that has enough.
pub(super) fn each(
    db: &Connection,
    query: &EventQuery,
    place: Place,
    backwards: bool,
    mut each: impl FnMut(Recorded) -> ControlFlow<()>,
) -> Result<(), StoreError> {
    let mut conditions = vec!["seq > ? AND seq <= ?".to_owned()];
    let mut values = vec![
        Value::Integer(signed(place.after)),
        Value::Integer(signed(place.to)),
    ];
    let mut demand = |condition: &str, value: Option<Value>| {
        if let Some(value) = value {
            conditions.push(condition.to_owned());
            values.push(value);
        }
    };
    if let About::Account(user, uid) = &query.about {
        demand("user = ?", Some(Value::Text(user.clone())));
        demand("uid = ?", Some(Value::Integer(i64::from(*uid))));
    }
    let text = |text: &Option<String>| text.clone().map(Value::Text);
    let time = |at: Option<Wall>| at.map(|at| Value::Integer(at.0));
    demand("user = ?", text(&query.user));
    demand("role = ?", text(&query.role));
    demand(
        "elevation = ?",
        query.elevation.map(|id| Value::Integer(signed(id.0))),
    );
    demand("at >= ?", time(query.since));
    demand("at < ?", time(query.until));
    if let Some(event) = &query.event {
        let start = event.strip_suffix('*');
        let condition = match start {
            Some(_) => "instr(event, ?) = 1",
            None => "event = ?",
        };
        demand(
            condition,
            Some(Value::Text(start.unwrap_or(event).to_owned())),
        );
    }
    let order = if backwards { "DESC" } else { "ASC" };
    let sql = format!(
        "SELECT {COLUMNS} FROM event WHERE {} ORDER BY seq {order}",
        conditions.join(" AND ")
    );
    let mut statement = db.prepare_cached(&sql)?;
    let mut rows = statement.query(params_from_iter(values))?;
    while let Some(row) = rows.next()? {
        let chain = row.get(8)?;
        if each(recorded(row, Link(chain))?).is_break() {
            break;
        }
    }
    Ok(())
}

fn recorded(row: &Row<'_>, chain: Link) -> Result<Recorded, StoreError> {
    let some = |text: String| (!text.is_empty()).then_some(text);
    let seq = unsigned("event.seq", row.get(0)?)?;
    let uid = row.get(5)?;
    let fields = row.get_ref(7)?.as_str().map_err(rusqlite::Error::from)?;
    Ok(Recorded {
        seq,
        at: Wall(row.get(1)?),
        event: row.get(2)?,
        id: Some(ElevationId(unsigned("event.elevation", row.get(3)?)?)).filter(|id| id.0 != 0),
        user: some(row.get(4)?).map(|user| (user, uid)),
        role: some(row.get(6)?),
        fields: serde_json::from_str(fields).map_err(|_| StoreError::Corrupt {
            what: "event.fields",
            value: format!("{fields} (event {seq})"),
        })?,
        chain,
    })
}
