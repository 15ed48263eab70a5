//! Each way to tamper with the record, by somebody who has root, SQLite and our own code: which
//! check finds it. The table in jitd-events(7) is this file in words.
#![allow(clippy::expect_used, clippy::panic, reason = "these are tests")]

use std::fs;
use std::path::Path;

use jit_tests::{LIMIT, Machine, Output, Release};
use jitd_api::Link;
use rusqlite::{Connection, params};

mod cast;
use cast::{alice, as_user, carol_asks, elevate_carol, scene};

/// What `--against` is given: kept where the attacker does not get at it.
const KEPT: &str = "/root/kept.log";
const DATABASE: &str = "/var/lib/jitd/jitd.db";
/// What every attack on the table begins with.
const NO_TRIGGERS: &str = "
    DROP TRIGGER event_comes_next;
    DROP TRIGGER event_stays;
    DROP TRIGGER event_stays_as_it_is";

/// What checks say of an attack.
struct Seen {
    machine: Machine,
    verify: Output,
    against: Output,
}

impl Seen {
    /// `jitctl audit verify` alone finds it, at this event.
    #[track_caller]
    fn is_found_at(&self, seq: u64, what: &str) -> &Self {
        self.verify.fails_with(1).contains("broken at event");
        self.verify
            .contains(&format!("broken at event {seq}"))
            .contains(what);
        self
    }

    /// The record holds together; what was sent before is not in it.
    #[track_caller]
    fn is_found_against_the_log_alone(&self, what: &str) -> &Self {
        self.verify.ok().contains("The chain is whole");
        self.against
            .fails_with(1)
            .contains("The chain is whole")
            .contains(what);
        self
    }
}

/// A record of ten events and more, of which a log was sent elsewhere.
#[track_caller]
fn machine_with_a_past() -> Machine {
    let machine = scene(Release::Bookworm).boot();
    for _ in 0..2 {
        elevate_carol(&machine, "10m");
        as_user(&machine, "carol", "jitctl end").ok();
    }
    let id = carol_asks(&machine, "5m");
    alice(&machine, &format!("deny {id} --comment no")).ok();
    keep_the_log(&machine);
    machine
        .run(&format!("jitctl audit verify --against {KEPT}"))
        .ok()
        .contains("The chain is whole");
    machine
}

/// As a log server would have it.
#[track_caller]
fn keep_the_log(machine: &Machine) {
    let newest = newest(machine);
    machine.wait_until("the log has it all", LIMIT, || {
        machine
            .auth_log()
            .contains(&format!(" seq={newest} chain="))
    });
    machine.run(&format!("cp /var/log/auth.log {KEPT}")).ok();
}

#[track_caller]
fn newest(machine: &Machine) -> u64 {
    let line = machine.run("jitctl audit --last 1 --format json");
    let event: serde_json::Value = serde_json::from_str(line.ok().text()).expect("an event");
    event["seq"].as_u64().expect("a number")
}

/// Does something to the database of a jitd that is stopped, then asks.
#[track_caller]
fn attacked(attack: impl FnOnce(&Connection)) -> Seen {
    let machine = machine_with_a_past();
    machine.run("systemctl stop jitd.service").ok();
    on_database(&machine, |db| {
        db.execute_batch(NO_TRIGGERS)
            .expect("the triggers are there");
        attack(db);
    });
    machine.run("systemctl start jitd.service").ok();
    asked(machine)
}

#[track_caller]
fn asked(machine: Machine) -> Seen {
    let verify = machine.run("jitctl audit verify");
    let against = machine.run(&format!("jitctl audit verify --against {KEPT}"));
    Seen {
        machine,
        verify,
        against,
    }
}

#[track_caller]
fn on_database(machine: &Machine, work: impl FnOnce(&Connection)) {
    let folder = tempfile::tempdir().expect("a folder");
    let copy = folder.path().join("jitd.db");
    for ending in ["", "-wal"] {
        let inside = machine.outside(&format!("{DATABASE}{ending}"));
        if inside.exists() {
            fs::copy(&inside, format!("{}{ending}", copy.display())).expect("a copy");
        }
    }
    let db = Connection::open(&copy).expect("the database");
    work(&db);
    // The last one to close it writes all of it into the one file.
    db.close().expect("it closes");
    machine.run(&format!("rm -f {DATABASE}-*")).ok();
    fs::copy(&copy, machine.outside(DATABASE)).expect("a copy");
}

fn run(db: &Connection, sql: &str) {
    db.execute_batch(sql).expect(sql);
}

#[test]
fn with_the_triggers_there_sqlite_refuses() {
    let machine = machine_with_a_past();
    machine.run("systemctl stop jitd.service").ok();
    on_database(&machine, |db| {
        for sql in [
            "UPDATE event SET user = 'dave' WHERE seq = 3",
            "DELETE FROM event WHERE seq = 3",
            "DELETE FROM event WHERE seq = (SELECT max(seq) FROM event)",
        ] {
            let error = db.execute(sql, []).expect_err(sql).to_string();
            assert!(error.contains("stays"), "{sql}: {error}");
        }
    });
    machine.run("systemctl start jitd.service").ok();
    machine.run("jitctl audit verify").ok();
}

#[test]
fn an_edited_field() {
    let edits = [
        "at = at + 1",
        "event = 'elevation.denied'",
        "elevation = elevation + 1",
        "user = 'dave'",
        "uid = uid + 1",
        "role = 'other'",
        "fields = replace(fields, 'alice', 'dave')",
    ];
    let machine = machine_with_a_past();
    machine
        .run("systemctl stop jitd.service && cp -a /var/lib/jitd /root/good")
        .ok();
    for edit in edits {
        let mut at = 0;
        on_database(&machine, |db| {
            run(db, NO_TRIGGERS);
            at = approved(db);
            run(db, &format!("UPDATE event SET {edit} WHERE seq = {at}"));
        });
        machine.run("systemctl start jitd.service").ok();
        machine
            .run("jitctl audit verify")
            .fails_with(1)
            .contains(&format!("broken at event {at}: event {at} does not fit"));
        machine
            .run(
                "systemctl stop jitd.service && rm -r /var/lib/jitd && cp -a /root/good /var/lib/jitd",
            )
            .ok();
    }
}

#[test]
fn an_edited_link() {
    attacked(|db| run(db, "UPDATE event SET chain = zeroblob(32) WHERE seq = 4"))
        .is_found_at(4, "does not fit");
}

#[test]
fn a_key_that_is_there_twice() {
    let mut at = 0;
    attacked(|db| {
        at = approved(db);
        let twice = r#"'[["by","dave"],' || substr(fields, 2)"#;
        run(
            db,
            &format!("UPDATE event SET fields = {twice} WHERE seq = {at}"),
        );
    })
    .is_found_at(at, "says something twice");
}

/// The first event of alice's.
fn approved(db: &Connection) -> u64 {
    let sql = "SELECT min(seq) FROM event WHERE event = 'elevation.approved'";
    let seq: i64 = db
        .query_row(sql, [], |row| row.get(0))
        .expect("she approved");
    seq.unsigned_abs()
}

#[test]
fn a_deleted_row() {
    attacked(|db| run(db, "DELETE FROM event WHERE seq = 4")).is_found_at(4, "event 4 is missing");
}

#[test]
fn the_first_rows_deleted() {
    attacked(|db| run(db, "DELETE FROM event WHERE seq < 4"))
        .is_found_at(4, "no record.archived event says where those before it are");
    // Said to be archived; but no event of the chain tells of it.
    attacked(|db| {
        run(
            db,
            "INSERT INTO archived SELECT seq, chain FROM event WHERE seq = 3;
             DELETE FROM event WHERE seq < 4",
        );
    })
    .is_found_at(4, "no record.archived event");
}

#[test]
fn the_last_rows_deleted() {
    let seen = attacked(|db| {
        // The logs were told of all of them.
        run(db, "UPDATE told SET seq = (SELECT max(seq) FROM event)");
        run(db, "DELETE FROM event WHERE seq > 5");
    });
    seen.against.fails_with(1);
    let said = seen.machine.journal();
    let cut = "the record has been cut: it ends with event 5";
    assert!(said.contains(cut), "{said}");

    // And with every witness in the database silenced.
    attacked(|db| {
        run(
            db,
            "DELETE FROM event WHERE seq > 5; UPDATE told SET seq = 0",
        );
    })
    .is_found_against_the_log_alone("sent");
}

#[test]
fn the_last_rows_deleted_while_jitd_runs() {
    let machine = machine_with_a_past();
    let heckler = "/usr/local/bin/heckler";
    machine.put_program(Path::new(env!("CARGO_BIN_EXE_heckler")), heckler);
    let cut = "UPDATE told SET seq = (SELECT max(seq) FROM event);
        DELETE FROM event WHERE seq > 5";
    for statement in [NO_TRIGGERS, cut].join(";").split(';') {
        machine
            .run(&format!("{heckler} sql {DATABASE} '{}'", statement.trim()))
            .ok();
    }
    asked(machine).is_found_at(6, "the logs have been told of events up to");
}

#[test]
fn two_rows_swapped() {
    attacked(|db| {
        run(
            db,
            "UPDATE event SET seq = 1000000 WHERE seq = 3;
             UPDATE event SET seq = 3 WHERE seq = 4;
             UPDATE event SET seq = 4 WHERE seq = 1000000;",
        );
    })
    .is_found_at(3, "does not fit");
}

#[test]
fn a_row_put_in() {
    let seen = attacked(|db| {
        run(
            db,
            "UPDATE event SET seq = -seq - 1 WHERE seq >= 4;
             UPDATE event SET seq = -seq WHERE seq < 0;
             INSERT INTO event SELECT 4, at, event, elevation, 'dave', uid, role, fields, chain
                 FROM event WHERE seq = 3;",
        );
        // With a link that goes on from the one before.
        rechain(db, 4, 4);
    });
    seen.is_found_at(5, "does not fit");
}

#[test]
fn the_chain_rebuilt_with_our_own_code() {
    attacked(|db| {
        run(
            db,
            "UPDATE event SET fields = replace(fields, 'alice', 'dave')",
        );
        rechain(db, 1, u64::MAX);
    })
    .is_found_against_the_log_alone("the record was rewritten after this line was sent");
}

#[test]
fn an_older_database_restored() {
    let machine = machine_with_a_past();
    machine
        .run("systemctl stop jitd.service && cp -a /var/lib/jitd /root/old && systemctl start jitd.service")
        .ok();
    elevate_carol(&machine, "10m");
    keep_the_log(&machine);
    machine
        .run(
            "systemctl stop jitd.service && rm -r /var/lib/jitd && mv /root/old /var/lib/jitd &&
             systemctl start jitd.service",
        )
        .ok();
    asked(machine).is_found_against_the_log_alone("after this line was sent");
}

/// SQLite's own checksums find it, and it takes what comes after for what was never written: that
/// is the end of the record cut off.
#[test]
fn an_edited_write_ahead_log() {
    let machine = machine_with_a_past();
    // Killed, so that the log is left.
    machine.run("systemctl mask --runtime jitd.service").ok();
    machine.kill("jitd.service", "KILL");
    let path = machine.outside(&format!("{DATABASE}-wal"));
    let mut log = fs::read(&path).expect("the write-ahead log is there");
    let found = position(&log, b"\"alice\"").expect("alice is in it");
    log[found + 1..found + 6].copy_from_slice(b"carol");
    fs::write(&path, &log).expect("it can be written");
    machine
        .run("systemctl unmask --runtime jitd.service && systemctl start jitd.service")
        .ok();
    let seen = asked(machine);
    seen.is_found_against_the_log_alone("after this line was sent");
    seen.machine
        .run("jitctl audit --format json")
        .ok()
        .lacks("\"by\":\"carol\",\"duration\"");
}

/// Gives the events from `first` to `last` links that go on from the ones before.
fn rechain(db: &Connection, first: u64, last: u64) {
    let sql = "SELECT seq, at, event, elevation, user, uid, role, fields FROM event ORDER BY seq";
    let mut read = db.prepare(sql).expect("good SQL");
    let mut rows = read.query([]).expect("rows");
    let mut before = Link::START;
    let mut links = Vec::new();
    while let Some(row) = rows.next().expect("a row") {
        let seq: u64 = row.get::<_, i64>(0).expect("a number").unsigned_abs();
        if seq < first {
            before = link_of(db, seq);
            continue;
        }
        if seq > last {
            break;
        }
        before = before.next(&mut borrowed(&members(row)));
        links.push((seq, before));
    }
    for (seq, link) in links {
        db.execute(
            "UPDATE event SET chain = ?2 WHERE seq = ?1",
            params![seq.cast_signed(), link.0],
        )
        .expect("it is written");
    }
}

fn link_of(db: &Connection, seq: u64) -> Link {
    let sql = "SELECT chain FROM event WHERE seq = ?";
    let link = db.query_row(sql, [seq.cast_signed()], |row| row.get(0));
    Link(link.expect("a link"))
}

fn members(row: &rusqlite::Row<'_>) -> Vec<(String, String)> {
    let number = |column: usize| row.get::<_, i64>(column).expect("a number");
    let text = |column: usize| row.get::<_, String>(column).expect("a text");
    let at = jiff::Timestamp::from_millisecond(number(1)).expect("a time");
    let mut members = vec![
        ("seq".to_owned(), number(0).to_string()),
        ("at".to_owned(), format!("{at:.3}")),
        ("event".to_owned(), text(2)),
    ];
    if number(3) != 0 {
        members.push(("id".to_owned(), number(3).to_string()));
    }
    if !text(4).is_empty() {
        members.push(("user".to_owned(), text(4)));
        members.push(("uid".to_owned(), number(5).to_string()));
    }
    if !text(6).is_empty() {
        members.push(("role".to_owned(), text(6)));
    }
    let own: Vec<(String, String)> = serde_json::from_str(&text(7)).expect("fields");
    members.extend(own);
    members
}

fn borrowed(members: &[(String, String)]) -> Vec<(&str, &str)> {
    let members = members.iter();
    members
        .map(|(key, value)| (key.as_str(), value.as_str()))
        .collect()
}

fn position(bytes: &[u8], part: &[u8]) -> Option<usize> {
    bytes.windows(part.len()).position(|window| window == part)
}

/// What is written in the manual.
#[test]
fn the_manual_has_every_way() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../packaging/man/jitd-events.7");
    let page = fs::read_to_string(page).expect("the page");
    for way in [
        "edit a field",
        "delete a row",
        "delete the oldest rows",
        "delete the newest rows",
        "swap two rows",
        "put a row in",
        "rebuild the whole chain",
        "restore an older database",
        "edit the write-ahead log",
    ] {
        assert!(page.contains(&format!("\n.It {way}\n")), "{way}");
    }
}
