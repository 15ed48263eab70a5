//! The record: what an event costs at its end, and what it takes to read it.

use std::path::Path;
use std::time::Instant;

use jitd::domain::time::Wall;
use jitd::record::{Event, EventName};
use jitd::store::{Change, Seen, Store};

use super::{must, records, sample, turns};

/// Events committed in one transaction while the record is made.
const AT_ONCE: u64 = 10_000;

/// One event at a time, at the end of a record of so many and of one of 1,000, in turns.
pub(super) fn append(long: u64, rounds: usize) {
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    let runtime = runtime.expect("a runtime can be made");
    let stores = [("short", 1_000), ("long", long)].map(|(name, events)| {
        let path = format!("/var/tmp/{name}.db");
        let store = Store::open(Path::new(&path)).expect("a database can be made");
        for first in (0..events).step_by(usize::try_from(AT_ONCE).unwrap_or(1)) {
            let some = (first..events.min(first + AT_ONCE)).map(event);
            commit(&runtime, &store, some.collect());
        }
        (name, store)
    });
    for round in 0..rounds {
        for turn in turns(round, stores.len()) {
            let (name, store) = &stores[turn];
            let number = long + u64::try_from(round).unwrap_or(0);
            let before = Instant::now();
            commit(&runtime, store, vec![event(number)]);
            sample(name, before.elapsed());
        }
    }
}

/// Makes a past of so many events and has it read: what it took as nanoseconds an event.
pub(super) fn read(events: u64, rounds: usize) {
    must("systemctl", &["stop", "jitd.service"]);
    let path = Path::new(jitd::paths::DATABASE);
    jit_tests::past::fill(path, events, records::now().wall.0);
    must("systemctl", &["start", "jitd.service"]);
    must("jitctl", &["audit", "export", "/var/tmp/export"]);
    for _ in 0..rounds {
        took("verify", "jitctl", &["audit", "verify"]);
        took("sum", "sha256sum", &["/var/tmp/export"]);
    }
    for _ in 0..20 * rounds {
        took(
            "user",
            "jitctl",
            &["audit", "--user", "u7", "--since", "1d"],
        );
        took("list", "jitctl", &["list", "--user", "u7"]);
    }
}

fn took(name: &str, program: &str, words: &[&str]) {
    let before = Instant::now();
    must(program, words);
    sample(name, before.elapsed());
}

fn commit(runtime: &tokio::runtime::Runtime, store: &Store, changes: Vec<Change>) {
    let committed = store.commit(changes, Seen::default());
    runtime.block_on(committed).expect("the database takes it");
}

/// Of one of many people, a second after the one before.
fn event(number: u64) -> Change {
    let (user, uid) = records::account(u32::try_from(number % 5_000).unwrap_or(0));
    let at = Wall(1_700_000_000_000 + i64::try_from(number * 1_000).unwrap_or(0));
    let user = jitd::domain::names::UserName::new(&user).expect("a user name");
    let event = Event::of_none(EventName::AttemptRefused, at)
        .about(user, uid)
        .with("tried", "approve")
        .with(
            "because",
            format!("the yes of u{number} does not count for role deploy"),
        );
    Change::alone(event)
}
