//! The record is a chain, and only added to.

use jitd_api::Link;
use rusqlite::Connection;

use super::*;
use crate::record::Recorded;

fn all() -> EventQuery {
    EventQuery::default()
}

fn read(store: &Store, query: &EventQuery, last: Option<u32>) -> Vec<Recorded> {
    let reader = store.reader().unwrap();
    let mut place = reader.place(query, last).unwrap();
    let mut events = Vec::new();
    while place.after < place.to {
        let (page, next) = reader.page(query, place, 2).unwrap();
        events.extend(page);
        place = next;
    }
    events
}

fn seqs(store: &Store, query: &EventQuery, last: Option<u32>) -> Vec<u64> {
    let events = read(store, query, last);
    events.iter().map(|event| event.seq).collect()
}

/// Seven events, a second apart: of elevations 1 (carol, 1, 2, 6), 2 (bob, 3, 7), and of none.
async fn some(folder: &TempDir) -> Store {
    let store = store(folder);
    let of = |id, user, uid, name, at| {
        let elevation = elevation(id, user, uid);
        Change::of(
            elevation.clone(),
            Event::new(name, &elevation, Wall(at)).with("by", user),
        )
    };
    let none = Event::of_none(EventName::ClockStepped, Wall(4_000)).with("step", "7");
    let about = Event::of_none(EventName::AttemptRefused, Wall(5_000))
        .about(UserName::new("carol").unwrap(), 1001);
    let changes = vec![
        of(1, "carol", 1001, EventName::Requested, 1_000),
        of(1, "carol", 1001, EventName::Approved, 2_000),
        of(2, "bob", 1003, EventName::Requested, 3_000),
        Change::alone(none),
        Change::alone(about),
        of(1, "carol", 1001, EventName::Expired, 6_000),
    ];
    store.commit(changes, Seen::default()).await.unwrap();
    let change = of(2, "bob", 1003, EventName::Lapsed, 7_000);
    store.commit(vec![change], Seen::default()).await.unwrap();
    store
}

#[track_caller]
fn is_chained(events: &[Recorded]) {
    let mut before = Link::START;
    for (seq, event) in (1..).zip(events) {
        assert_eq!((event.seq, event.chain), (seq, event.link(&before)));
        before = event.chain;
    }
}

#[tokio::test]
async fn every_event_is_chained_to_the_one_before() {
    let folder = TempDir::new().unwrap();
    let store = some(&folder).await;
    let events = read(&store, &all(), None);
    assert_eq!(events.len(), 7);
    is_chained(&events);
    assert_eq!(
        serde_json::to_string(&events[4]).unwrap(),
        format!(
            r#"{{"seq":5,"at":"1970-01-01T00:00:05.000Z","event":"attempt.refused","user":"carol","uid":1001,"chain":"{}"}}"#,
            events[4].chain
        )
    );
}

#[tokio::test]
async fn a_reader_gets_what_it_asks_for_in_order() {
    let folder = TempDir::new().unwrap();
    let store = some(&folder).await;
    let text = |text: &str| Some(text.to_owned());
    for (query, expected) in [
        (
            EventQuery {
                user: text("carol"),
                ..all()
            },
            vec![1, 2, 5, 6],
        ),
        (
            EventQuery {
                role: text("deploy"),
                ..all()
            },
            vec![1, 2, 3, 6, 7],
        ),
        (
            EventQuery {
                elevation: Some(ElevationId(2)),
                ..all()
            },
            vec![3, 7],
        ),
        (
            EventQuery {
                event: text("elevation.*"),
                ..all()
            },
            vec![1, 2, 3, 6, 7],
        ),
        (
            EventQuery {
                event: text("elevation.lapsed"),
                ..all()
            },
            vec![7],
        ),
        (
            EventQuery {
                event: text("%"),
                ..all()
            },
            vec![],
        ),
        (
            EventQuery {
                since: Some(Wall(5_000)),
                ..all()
            },
            vec![5, 6, 7],
        ),
        (
            EventQuery {
                until: Some(Wall(3_000)),
                ..all()
            },
            vec![1, 2],
        ),
        (
            EventQuery {
                since: Some(Wall(8_000)),
                ..all()
            },
            vec![],
        ),
        (
            EventQuery {
                about: About::Account("bob".to_owned(), 1003),
                ..all()
            },
            vec![3, 7],
        ),
        (EventQuery { after: 4, ..all() }, vec![5, 6, 7]),
        (EventQuery { after: 7, ..all() }, vec![]),
        // The name alone is not the person.
        (
            EventQuery {
                about: About::Account("bob".to_owned(), 1004),
                ..all()
            },
            vec![],
        ),
    ] {
        assert_eq!(seqs(&store, &query, None), expected, "{query:?}");
    }
    assert_eq!(seqs(&store, &all(), Some(2)), [6, 7]);
    assert_eq!(seqs(&store, &all(), Some(100)), [1, 2, 3, 4, 5, 6, 7]);
    let carols = EventQuery {
        user: text("carol"),
        ..all()
    };
    assert_eq!(seqs(&store, &carols, Some(1)), [6]);
}

#[tokio::test]
async fn what_is_on_record_stays_as_it_is() {
    let folder = TempDir::new().unwrap();
    let store = some(&folder).await;
    let before = read(&store, &all(), None);
    let db = Connection::open(folder.path().join("jitd.db")).unwrap();
    db.pragma_update(None, "recursive_triggers", "OFF").unwrap();
    for (sql, said) in [
        (
            "UPDATE event SET user = 'dave' WHERE seq = 1",
            "stays as it is",
        ),
        (
            "UPDATE OR REPLACE event SET seq = 9 WHERE seq = 1",
            "stays as it is",
        ),
        ("DELETE FROM event WHERE seq = 7", "stays"),
        ("DELETE FROM event", "stays"),
        (
            "REPLACE INTO event SELECT seq, at, event, elevation, 'dave', uid, role, fields, chain
             FROM event WHERE seq = 1",
            "only added to",
        ),
        (
            "INSERT INTO event SELECT 9, at, event, elevation, user, uid, role, fields, chain
             FROM event WHERE seq = 1",
            "without gaps",
        ),
    ] {
        let error = db.execute(sql, []).unwrap_err().to_string();
        assert!(error.contains(said), "{sql}: {error}");
    }
    assert_eq!(read(&store, &all(), None), before);
}

#[test]
fn an_older_record_becomes_the_beginning_of_the_chain() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("jitd.db");
    let mut db = Connection::open(&path).unwrap();
    schema::prepare_to(&mut db, "jitd.db", 4).unwrap();
    db.execute_batch(
        r#"INSERT INTO event VALUES
            (1, 1000, 'elevation.requested', 1, 'carol', 1001, 'deploy', '[["by","carol"]]'),
            (2, 2000, 'clock.stepped', 0, '', 0, '', '[["step","7"]]')"#,
    )
    .unwrap();
    drop(db);
    let store = Store::open(&path).unwrap();
    let events = read(&store, &all(), None);
    assert_eq!(events.len(), 2);
    is_chained(&events);
    let db = Connection::open(&path).unwrap();
    let told: Vec<(String, i64)> = db
        .prepare("SELECT log, seq FROM told ORDER BY log")
        .unwrap()
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap();
    // They were told when they happened.
    assert_eq!(told, [("journal".to_owned(), 2), ("syslog".to_owned(), 2)]);
}

#[tokio::test]
async fn a_reader_can_write_nothing_and_needs_the_right_schema() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("jitd.db");
    let missing = Reader::open(&path).unwrap_err();
    assert!(matches!(missing, StoreError::Unusable { .. }), "{missing}");
    drop(some(&folder).await);
    Connection::open(&path)
        .unwrap()
        .pragma_update(None, "user_version", 4)
        .unwrap();
    let other = Reader::open(&path).unwrap_err();
    assert!(
        matches!(other, StoreError::OtherVersion { found: 4, .. }),
        "{other}"
    );
}

#[tokio::test]
async fn a_clock_that_was_set_back_hides_nothing() {
    let folder = TempDir::new().unwrap();
    let store = store(&folder);
    let at = |at| Change::alone(Event::of_none(EventName::ClockStepped, Wall(at)));
    let changes = [1_000, 9_000, 2_000, 3_000].map(at).to_vec();
    store.commit(changes, Seen::default()).await.unwrap();
    let since = |at| EventQuery {
        since: Some(Wall(at)),
        ..all()
    };
    let until = |at| EventQuery {
        until: Some(Wall(at)),
        ..all()
    };
    assert_eq!(seqs(&store, &since(3_000), None), [2, 4]);
    assert_eq!(seqs(&store, &until(3_000), None), [1, 3]);
}

#[tokio::test]
async fn what_is_archived_is_not_read_and_not_silently_missing() {
    let folder = TempDir::new().unwrap();
    let store = some(&folder).await;
    let reader = store.reader().unwrap();
    let place = reader.place(&all(), None).unwrap();
    let (page, next) = reader.page(&all(), place, 2).unwrap();
    assert_eq!(page.len(), 2);
    reader.still_has_all(next.after).unwrap();
    // Not yet cut.
    let db = Connection::open(folder.path().join("jitd.db")).unwrap();
    db.execute("INSERT INTO archived VALUES (4, zeroblob(32))", [])
        .unwrap();
    let error = reader.still_has_all(next.after).unwrap_err();
    assert!(error.to_string().contains("archived while"), "{error}");
    reader.still_has_all(4).unwrap();
    assert_eq!(seqs(&store, &all(), None), [5, 6, 7]);
    assert_eq!(seqs(&store, &all(), Some(100)), [5, 6, 7]);
}

#[tokio::test]
async fn what_a_log_was_told_is_a_witness() {
    let folder = TempDir::new().unwrap();
    let store = some(&folder).await;
    let db = Connection::open(folder.path().join("jitd.db")).unwrap();
    db.execute("UPDATE told SET seq = 5 WHERE log = 'syslog'", [])
        .unwrap();
    assert_eq!(store.reader().unwrap().witnessed().unwrap(), 5);
}
