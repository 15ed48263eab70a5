//! The schema and the way to it.

use rusqlite::{Connection, Transaction, TransactionBehavior};

use super::{StoreError, events};

/// Each step, what it is for, and what SQL can't do; step N makes `user_version` N. Never changed,
/// only added to.
const STEPS: [(&str, &str, Option<Fill>); 7] = [
    (
        "elevations, decisions, the record, and what jitd has put into the group file",
        "
    CREATE TABLE elevation (
        id           INTEGER PRIMARY KEY,
        state        TEXT    NOT NULL,
        user         TEXT    NOT NULL,
        uid          INTEGER NOT NULL,
        login_uid    INTEGER,
        role         TEXT    NOT NULL,
        reason       TEXT    NOT NULL,
        duration     INTEGER NOT NULL,  -- seconds
        requested_at INTEGER NOT NULL,  -- this and all times: milliseconds since the epoch
        lapses_at    INTEGER NOT NULL,
        groups       TEXT,              -- JSON array; this and what follows: once active
        services     TEXT,              -- JSON array
        starts_at    INTEGER,
        ends_at      INTEGER,
        ends_at_boot INTEGER,           -- milliseconds since boot, of boot_id
        boot_id      TEXT,
        ended_at     INTEGER,
        ended_by     TEXT
    ) STRICT;
    CREATE INDEX elevation_open ON elevation (id) WHERE state IN ('pending', 'active');
    CREATE INDEX elevation_state ON elevation (state, id);
    CREATE INDEX elevation_user ON elevation (user, id);
    CREATE INDEX elevation_uid ON elevation (uid, id);
    CREATE INDEX elevation_role ON elevation (role, id);

    CREATE TABLE decision (
        elevation INTEGER NOT NULL REFERENCES elevation (id),
        uid       INTEGER NOT NULL,
        by        TEXT    NOT NULL,
        verdict   TEXT    NOT NULL,
        comment   TEXT    NOT NULL,
        at        INTEGER NOT NULL,
        PRIMARY KEY (elevation, uid)
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE event (
        seq       INTEGER PRIMARY KEY,
        at        INTEGER NOT NULL,
        event     TEXT    NOT NULL,
        elevation INTEGER NOT NULL,
        user      TEXT    NOT NULL,
        uid       INTEGER NOT NULL,
        role      TEXT    NOT NULL,
        fields    TEXT    NOT NULL      -- JSON array of [key, value]
    ) STRICT;
    CREATE INDEX event_elevation ON event (elevation, seq);

    -- Memberships that jitd added: what it did not add it does not take away.
    CREATE TABLE held (
        group_name TEXT NOT NULL,
        user       TEXT NOT NULL,
        PRIMARY KEY (group_name, user)
    ) STRICT, WITHOUT ROWID;

    -- Groups that jitd created: nobody else's members belong there.
    CREATE TABLE owned_group (
        name TEXT PRIMARY KEY
    ) STRICT, WITHOUT ROWID;
    ",
        None,
    ),
    (
        "tickets, times to begin, extensions, broken glass; events that are of no elevation",
        "
    ALTER TABLE elevation ADD COLUMN ticket TEXT NOT NULL DEFAULT '';
    ALTER TABLE elevation ADD COLUMN start INTEGER;           -- where a time was set
    ALTER TABLE elevation ADD COLUMN extends INTEGER;         -- the one that it goes on from
    ALTER TABLE elevation ADD COLUMN break_glass INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE elevation ADD COLUMN acknowledged_at INTEGER;
    ALTER TABLE elevation ADD COLUMN acknowledged_by TEXT;
    ALTER TABLE elevation ADD COLUMN starts_at_boot INTEGER;  -- as ends_at_boot
    UPDATE elevation SET starts_at_boot = ends_at_boot - duration * 1000 WHERE state = 'active';

    DROP INDEX elevation_open;
    CREATE INDEX elevation_open ON elevation (id) WHERE state IN ('pending', 'scheduled', 'active');
    CREATE INDEX elevation_use ON elevation (uid, role, ends_at) WHERE starts_at IS NOT NULL;
    CREATE INDEX elevation_unacknowledged ON elevation (id)
        WHERE break_glass = 1 AND acknowledged_at IS NULL;
    -- An event of no elevation has the number 0 there, and no user and no role.
    ",
        None,
    ),
    (
        "sessions; the newest time that was seen",
        "
    CREATE TABLE session (
        id        INTEGER PRIMARY KEY,
        elevation INTEGER NOT NULL REFERENCES elevation (id),  -- under which it was opened
        under     INTEGER NOT NULL REFERENCES elevation (id),  -- that, or what extends it
        service   TEXT    NOT NULL,
        command   TEXT    NOT NULL,
        terminal  TEXT    NOT NULL,
        remote    TEXT    NOT NULL,
        leader    INTEGER NOT NULL,  -- the process that opened it
        login     TEXT,              -- logind's number, where it is a login of its own
        boot_id   TEXT    NOT NULL,
        opened_at INTEGER NOT NULL,
        closed_at INTEGER
    ) STRICT;
    CREATE INDEX session_elevation ON session (elevation, id);
    CREATE INDEX session_under ON session (under, id);
    CREATE INDEX session_open ON session (id) WHERE closed_at IS NULL;

    -- The newest reading of the clocks; one row, or none before the first.
    CREATE TABLE clock (
        one     INTEGER PRIMARY KEY CHECK (one = 1),
        wall    INTEGER NOT NULL,
        boot    INTEGER NOT NULL,
        boot_id TEXT    NOT NULL
    ) STRICT;
    ",
        None,
    ),
    (
        "sessions end with the first of the elevations that opened them",
        "
    ALTER TABLE session ADD COLUMN also TEXT NOT NULL DEFAULT '[]';  -- JSON array of elevations
    ",
        None,
    ),
    (
        "the record is chained and only added to; how far it has been told, and what was archived",
        "
    ALTER TABLE event ADD COLUMN chain BLOB NOT NULL DEFAULT x'';
    CREATE INDEX event_user ON event (user, seq);
    CREATE INDEX event_at ON event (at);
    CREATE INDEX elevation_ended ON elevation (ended_at) WHERE ended_at IS NOT NULL;
    CREATE INDEX event_run ON event (seq) WHERE event IN ('daemon.started', 'daemon.stopped');

    -- How far the record has been told, to whom.
    CREATE TABLE told (
        log TEXT    PRIMARY KEY,
        seq INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;

    -- Up to where the record has been archived, and the link of the last event there.
    CREATE TABLE archived (
        seq   INTEGER PRIMARY KEY,
        chain BLOB    NOT NULL
    ) STRICT;
    ",
        Some(chain_events),
    ),
    (
        "sessions know their recording",
        "
    ALTER TABLE session ADD COLUMN recording TEXT;    -- the folder of sudo's I/O log
    ALTER TABLE session ADD COLUMN recorder INTEGER;  -- the process that writes it
    ",
        None,
    ),
    (
        "sessions know their processes wherever these are",
        "
    ALTER TABLE session ADD COLUMN leader_began INTEGER;   -- ticks since boot
    ALTER TABLE session ADD COLUMN audit_session INTEGER;  -- the kernel's number of the login
    ",
        None,
    ),
];

/// What a step does after its SQL.
type Fill = fn(&Transaction<'_>) -> Result<(), StoreError>;

/// The events that are there already become the beginning of the chain; from now on the record is
/// only added to.
fn chain_events(tx: &Transaction<'_>) -> Result<(), StoreError> {
    events::chain(tx)?;
    tx.execute_batch(
        "
    INSERT INTO told SELECT 'journal', coalesce(max(seq), 0) FROM event;
    INSERT INTO told SELECT 'syslog', coalesce(max(seq), 0) FROM event;

    CREATE TRIGGER event_comes_next BEFORE INSERT ON event
        WHEN NEW.seq IS NOT (SELECT coalesce(max(seq), 0) + 1 FROM event)
        BEGIN SELECT RAISE(ABORT, 'the record is only added to, without gaps'); END;
    CREATE TRIGGER event_stays BEFORE DELETE ON event
        WHEN OLD.seq > (SELECT coalesce(max(seq), 0) FROM archived)
        BEGIN SELECT RAISE(ABORT, 'what is on record and not archived stays'); END;
    CREATE TRIGGER event_stays_as_it_is BEFORE UPDATE ON event
        BEGIN SELECT RAISE(ABORT, 'what is on record stays as it is'); END;
        ",
    )?;
    Ok(())
}

/// Sets the connection up and brings the database to the newest schema: each step in one
/// transaction with the version it makes.
pub(super) fn prepare(db: &mut Connection, path: &str) -> Result<(), StoreError> {
    prepare_to(db, path, STEPS.len())
}

/// The same, to an older schema.
pub(super) fn prepare_to(db: &mut Connection, path: &str, steps: usize) -> Result<(), StoreError> {
    let steps = &STEPS[..steps];
    db.pragma_update(None, "journal_mode", "WAL")?;
    db.pragma_update(None, "synchronous", "FULL")?;
    db.pragma_update(None, "foreign_keys", "ON")?;
    db.busy_timeout(super::PATIENCE)?;
    let tx = db.transaction_with_behavior(TransactionBehavior::Deferred)?;
    let found = version(&tx)?;
    let known = i64::try_from(steps.len()).unwrap_or(i64::MAX);
    let done = usize::try_from(found).unwrap_or(usize::MAX);
    let Some(missing) = steps.get(done..) else {
        return Err(StoreError::TooNew {
            path: path.to_owned(),
            found,
            known,
        });
    };
    if missing.is_empty() {
        // Nothing is written, so that a full disk keeps nobody from starting.
        return Ok(());
    }
    for (_, sql, fill) in missing {
        tx.execute_batch(sql)?;
        if let Some(fill) = fill {
            fill(&tx)?;
        }
    }
    tx.pragma_update(None, "user_version", known)?;
    tx.commit()?;
    Ok(())
}

/// The schema that a database has.
pub(super) fn version(db: &Connection) -> rusqlite::Result<i64> {
    db.pragma_query_value(None, "user_version", |row| row.get(0))
}

/// The newest schema.
pub(super) fn known() -> i64 {
    i64::try_from(STEPS.len()).unwrap_or(i64::MAX)
}
