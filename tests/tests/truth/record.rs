//! What is on record, read from the database itself.

use std::collections::{BTreeMap, BTreeSet};

use jit_tests::Machine;
use jit_tests::recorded::database;
use rusqlite::Connection;

/// An elevation on record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Elevation {
    pub(crate) id: i64,
    pub(crate) user: String,
    pub(crate) role: String,
    pub(crate) state: String,
    pub(crate) reason: String,
    pub(crate) groups: Vec<String>,
    pub(crate) extends: Option<i64>,
    /// By the wall clock, in milliseconds.
    pub(crate) ends_at: Option<i64>,
    /// Its own events, in their order.
    pub(crate) events: Vec<String>,
}

/// A session on record.
#[derive(Debug, Clone)]
pub(super) struct Session {
    pub(super) id: i64,
    under: i64,
    pub(super) is_closed: bool,
    events: Vec<String>,
}

/// What is on record.
#[derive(Debug)]
pub(crate) struct Record {
    pub(crate) elevations: BTreeMap<i64, Elevation>,
    pub(super) sessions: Vec<Session>,
    pub(super) held: BTreeSet<(String, String)>,
    seqs: Vec<i64>,
    names: Vec<String>,
    /// Of each membership, what is on record of it, in its order.
    told: BTreeMap<(String, String), Vec<String>>,
}

impl Record {
    /// Reads it, whether or not jitd runs.
    #[track_caller]
    pub(crate) fn of(machine: &Machine) -> Self {
        let folder = database(machine);
        let mut db = Connection::open(folder.path().join("jitd.db")).expect("a database");
        let db = db.transaction().expect("one moment");
        let events_of = |what: &str| -> BTreeMap<i64, Vec<String>> {
            let mut events: BTreeMap<i64, Vec<String>> = BTreeMap::new();
            let sql = format!("SELECT {what}, event FROM event ORDER BY seq");
            for (id, event) in rows(&db, &sql, |row| {
                Ok((row.get::<_, Option<i64>>(0)?, row.get::<_, String>(1)?))
            }) {
                events.entry(id.unwrap_or(0)).or_default().push(event);
            }
            events
        };
        let of_elevations = events_of("elevation");
        let of_sessions = events_of(
            "(SELECT CAST(json_extract(value, '$[1]') AS INTEGER) FROM json_each(fields)
              WHERE json_extract(value, '$[0]') = 'session')",
        );
        let elevations = rows(
            &db,
            "SELECT id, user, role, state, coalesce(groups, '[]'), extends, ends_at, reason
             FROM elevation",
            |row| {
                let id = row.get(0)?;
                let groups: String = row.get(4)?;
                let events = of_elevations.get(&id).cloned().unwrap_or_default();
                Ok(Elevation {
                    id,
                    user: row.get(1)?,
                    role: row.get(2)?,
                    state: row.get(3)?,
                    groups: serde_json::from_str(&groups).expect("an array"),
                    extends: row.get(5)?,
                    ends_at: row.get(6)?,
                    reason: row.get(7)?,
                    events: events
                        .into_iter()
                        .filter(|event| event.starts_with("elevation."))
                        .collect(),
                })
            },
        );
        let sessions = rows(
            &db,
            "SELECT id, under, closed_at IS NOT NULL FROM session",
            |row| {
                let id = row.get(0)?;
                Ok(Session {
                    id,
                    under: row.get(1)?,
                    is_closed: row.get(2)?,
                    events: of_sessions.get(&id).cloned().unwrap_or_default(),
                })
            },
        );
        Self {
            elevations: elevations.into_iter().map(|one| (one.id, one)).collect(),
            sessions,
            held: rows(&db, "SELECT group_name, user FROM held", |row| {
                Ok((row.get(0)?, row.get(1)?))
            })
            .into_iter()
            .collect(),
            told: told(&db),
            seqs: rows(&db, "SELECT seq FROM event ORDER BY seq", |row| row.get(0)),
            names: rows(&db, "SELECT event FROM event", |row| row.get(0)),
        }
    }

    pub(super) fn in_state(&self, state: &str) -> impl Iterator<Item = &Elevation> {
        let all = self.elevations.values();
        all.filter(move |elevation| elevation.state == state)
    }

    /// How many events of this name there are.
    pub(crate) fn count(&self, name: &str) -> usize {
        self.names.iter().filter(|event| *event == name).count()
    }

    /// Whether somebody holds anything.
    pub(crate) fn is_active(&self, who: &str) -> bool {
        self.in_state("active")
            .any(|elevation| elevation.user == who)
    }

    /// Who is to be in which group.
    pub(super) fn memberships(&self) -> BTreeSet<(String, String)> {
        let given = self.in_state("active").flat_map(|elevation| {
            let groups = elevation.groups.iter();
            groups.map(|group| (group.clone(), elevation.user.clone()))
        });
        given.collect()
    }

    /// What of it contradicts itself.
    pub(super) fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        let count = i64::try_from(self.seqs.len()).expect("fewer");
        if self.seqs != (1..=count).collect::<Vec<_>>() {
            problems.push(format!("the numbers of events have gaps: {:?}", self.seqs));
        }
        for (membership, events) in &self.told {
            let is_held = self.held.contains(membership);
            let given = ["membership.given", "membership.taken"].iter().cycle();
            let is_alternating = events.iter().zip(given).all(|(event, one)| event == one);
            if !is_alternating || (events.len() % 2 == 1) != is_held {
                problems.push(format!("{membership:?} held: {is_held}, and {events:?}"));
            }
        }
        for held in &self.held {
            if !self.told.contains_key(held) {
                problems.push(format!("{held:?} is held and was never given"));
            }
        }
        for elevation in self.elevations.values() {
            if !is_told(elevation) {
                problems.push(format!("its events do not tell its state: {elevation:?}"));
            }
        }
        for session in &self.sessions {
            let events: Vec<&str> = session.events.iter().map(String::as_str).collect();
            let events: Vec<&str> = events
                .into_iter()
                .filter(|event| *event != "session.extended")
                .collect();
            let told = match events[..] {
                ["session.opened"] => !session.is_closed,
                [
                    "session.opened",
                    "session.closed" | "session.ended" | "session.refused",
                ] => session.is_closed,
                _ => false,
            };
            if !told {
                problems.push(format!("its events do not tell of it: {session:?}"));
            }
            let under = &self.elevations[&session.under];
            if !session.is_closed && under.state != "active" {
                problems.push(format!("{session:?} is open under {under:?}"));
            }
        }
        problems
    }
}

fn told(db: &Connection) -> BTreeMap<(String, String), Vec<String>> {
    let mut told: BTreeMap<_, Vec<String>> = BTreeMap::new();
    let sql = "SELECT event, fields FROM event WHERE event LIKE 'membership.%' ORDER BY seq";
    for (event, fields) in rows(db, sql, |row| {
        Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?))
    }) {
        let fields: Vec<(String, String)> = serde_json::from_str(&fields).expect("pairs");
        let fields: BTreeMap<_, _> = fields.into_iter().collect();
        let membership = (fields["group"].clone(), fields["member"].clone());
        told.entry(membership).or_default().push(event);
    }
    told
}

/// Each state that it came through has its event, once.
fn is_told(elevation: &Elevation) -> bool {
    let names: Vec<&str> = elevation
        .events
        .iter()
        .filter_map(|event| event.strip_prefix("elevation."))
        .collect();
    let state = elevation.state.as_str();
    match names[..] {
        ["requested"] => state == "pending",
        ["requested", "approved"] => matches!(state, "active" | "scheduled"),
        ["requested", "approved", "started"] => state == "active",
        [
            "requested",
            last @ ("denied" | "cancelled" | "lapsed" | "revoked"),
        ]
        | [
            "requested",
            "approved",
            last @ ("cancelled" | "expired" | "released" | "revoked"),
        ]
        | [
            "requested",
            "approved",
            "started",
            last @ ("expired" | "released" | "revoked"),
        ] => state == last,
        _ => false,
    }
}

fn rows<T>(
    db: &Connection,
    sql: &str,
    one: impl FnMut(&rusqlite::Row<'_>) -> rusqlite::Result<T>,
) -> Vec<T> {
    let mut query = db.prepare(sql).expect("good SQL");
    let rows = query.query_map((), one).expect("rows");
    rows.map(|row| row.expect("a row")).collect()
}
