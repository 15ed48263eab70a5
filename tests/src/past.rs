//! A record with a past, written by jitd's own store.

use std::path::Path;

use jitd::domain::elevation::ElevationId;
use jitd::domain::names::{RoleName, UserName};
use jitd::domain::time::Wall;
use jitd::record::{Event, EventName, Subject, Told};
use jitd::store::{Change, Seen, Store};

/// Events that are written in one transaction.
const AT_ONCE: u64 = 5_000;
/// From one event to the next, in milliseconds.
const APART: i64 = 1_000;

/// Adds so many events to the database at `path`, which jitd is not using, the last of them a
/// second before `now`, in milliseconds since the Unix epoch. Each of 500 people asks, is
/// approved, opens and closes a session, and lets the time run out, in turn.
pub fn fill(path: &Path, events: u64, now: i64) {
    let store = Store::open(path).expect("the database can be opened");
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    let runtime = runtime.expect("a runtime can be made");
    let at = |number: u64| {
        let before = i64::try_from(events - number).unwrap_or(i64::MAX);
        Wall(now - before * APART)
    };
    for first in (0..events).step_by(usize::try_from(AT_ONCE).unwrap_or(1)) {
        let last = events.min(first + AT_ONCE);
        let changes = (first..last).map(|number| Change::alone(event(number, at(number))));
        let written = runtime.block_on(store.commit(changes.collect(), Seen::default()));
        written.expect("the database takes it");
    }
    all_is_told(&store);
}

/// The logs are not to be told of a past that has just been made.
pub fn all_is_told(store: &Store) {
    let reader = store.reader().expect("the database can be read");
    let newest = reader.newest().expect("the database can be read");
    let told = Told {
        journal: newest,
        syslog: newest,
    };
    store.note_told(told).expect("the database takes it");
}

fn event(number: u64, at: Wall) -> Event {
    let (name, fields) = match number % 5 {
        0 => (
            EventName::Requested,
            vec![
                ("by", "carol".to_owned()),
                ("duration", "3600".to_owned()),
                ("reason", format!("OPS-{number}: restart \"web\"\n")),
            ],
        ),
        1 => (
            EventName::Approved,
            vec![
                ("by", "alice".to_owned()),
                ("duration", "3600".to_owned()),
                ("ends", "2026-11-24T12:52:48Z".to_owned()),
                ("comment", "as announced — Größe, 日本語".to_owned()),
            ],
        ),
        2 => (
            EventName::SessionOpened,
            vec![
                ("session", number.to_string()),
                ("service", "sudo".to_owned()),
                ("terminal", "/dev/pts/3".to_owned()),
                ("command", "sudo systemctl restart web.service".to_owned()),
            ],
        ),
        3 => (
            EventName::SessionClosed,
            vec![
                ("session", (number - 1).to_string()),
                ("service", "sudo".to_owned()),
            ],
        ),
        _ => (EventName::Expired, vec![("by", "jitd".to_owned())]),
    };
    let who = u32::try_from(number / 5 % 500).unwrap_or(0);
    Event {
        name,
        at,
        subject: Some(Subject {
            id: ElevationId(number / 5 + 1_000),
            user: UserName::new(&format!("u{who}")).expect("a user name"),
            uid: 100_000 + who,
            role: RoleName::new("deploy").expect("a role name"),
        }),
        person: None,
        fields,
    }
}
