use std::os::unix::fs::PermissionsExt;

use jitd_api::{State, Verdict};
use tempfile::TempDir;

use super::*;
use crate::domain::elevation::{Act, Decision, Elevation, ElevationId, Grant};
use crate::domain::names::{GroupName, RoleName, ServiceName, UserName};
use crate::domain::time::{Boot, BootId, Seconds, Wall};
use crate::record::{Event, EventName};

mod outbox;
mod record;

fn elevation(id: u64, user: &str, uid: u32) -> Elevation {
    Elevation {
        id: ElevationId(id),
        state: State::Pending,
        user: UserName::new(user).unwrap(),
        uid,
        login_uid: Some(1500),
        role: RoleName::new("deploy").unwrap(),
        reason: "fix\nthe web".to_owned(),
        ticket: "OPS-1".to_owned(),
        start: Some(Wall(7_000)),
        extends: Some(ElevationId(77)),
        break_glass: true,
        acknowledged: None,
        duration: Seconds(600),
        requested_at: Wall(1_000),
        lapses_at: Wall(9_000),
        grant: None,
        ended: None,
        decisions: Vec::new(),
    }
}

fn active(id: u64) -> Elevation {
    Elevation {
        state: State::Active,
        grant: Some(Grant {
            groups: vec![GroupName::new("jit-deploy").unwrap()],
            services: vec![ServiceName::new("sudo-i").unwrap()],
            starts_at: Wall(2_000),
            starts_at_boot: Boot(100_000),
            ends_at: Wall(602_000),
            ends_at_boot: Boot(700_000),
            boot_id: BootId("boot".to_owned()),
        }),
        decisions: vec![Decision {
            by: UserName::new("alice").unwrap(),
            uid: 1002,
            verdict: Verdict::Approved,
            comment: "go".to_owned(),
            at: Wall(2_000),
        }],
        ..elevation(id, "carol", 1001)
    }
}

fn change(elevation: Elevation, name: EventName) -> Change {
    let event = Event::new(name, &elevation, Wall(1_000)).with("by", "carol");
    Change::of(elevation, event)
}

fn store(folder: &TempDir) -> Store {
    Store::open(&folder.path().join("jitd.db")).unwrap()
}

fn everything() -> Query {
    Query {
        scope: Scope::All,
        state: None,
        user: None,
        role: None,
        since: None,
        until: None,
        not_over_before: None,
        before: None,
        limit: 100,
    }
}

#[tokio::test]
async fn what_was_committed_is_there_after_a_restart() {
    let folder = TempDir::new().unwrap();
    let first = store(&folder);
    let pending = elevation(1, "bob", 1003);
    first
        .commit(
            vec![
                change(pending.clone(), EventName::Requested),
                change(active(2), EventName::Approved),
            ],
            Seen::default(),
        )
        .await
        .unwrap();
    drop(first);
    let (open, next) = store(&folder).open_elevations().await.unwrap();
    assert_eq!(open, [pending, active(2)]);
    assert_eq!(next, ElevationId(3));
}

#[tokio::test]
async fn an_ended_elevation_keeps_its_past_and_is_no_longer_open() {
    let folder = TempDir::new().unwrap();
    let store = store(&folder);
    store
        .commit(
            vec![change(active(1), EventName::Approved)],
            Seen::default(),
        )
        .await
        .unwrap();
    let ended = Elevation {
        state: State::Expired,
        ended: Some(Act {
            at: Wall(602_000),
            by: "jitd".to_owned(),
        }),
        ..active(1)
    };
    store
        .commit(
            vec![change(ended.clone(), EventName::Expired)],
            Seen::default(),
        )
        .await
        .unwrap();
    let newest = store.reader().unwrap().newest().unwrap();
    assert_eq!(newest, 2, "the record counts without gaps");
    assert_eq!(store.get(ElevationId(1)).await.unwrap(), Some(ended));
    assert_eq!(store.open_elevations().await.unwrap().0, []);
}

#[tokio::test]
async fn a_list_shows_what_its_reader_may_see_newest_first() {
    let folder = TempDir::new().unwrap();
    let store = store(&folder);
    let other = Elevation {
        role: RoleName::new("dba").unwrap(),
        ..elevation(3, "dave", 1004)
    };
    store
        .commit(
            vec![
                change(elevation(1, "carol", 1001), EventName::Requested),
                change(elevation(2, "bob", 1003), EventName::Requested),
                change(other, EventName::Requested),
            ],
            Seen::default(),
        )
        .await
        .unwrap();
    let ids = async |query: Query| -> Vec<u64> {
        store
            .list(query)
            .await
            .unwrap()
            .iter()
            .map(|elevation| elevation.id.0)
            .collect()
    };
    assert_eq!(ids(everything()).await, [3, 2, 1]);
    let own = Scope::Some {
        uid: 1003,
        roles: Vec::new(),
    };
    assert_eq!(
        ids(Query {
            scope: own.clone(),
            ..everything()
        })
        .await,
        [2]
    );
    let approver = Scope::Some {
        uid: 1003,
        roles: vec!["dba".to_owned()],
    };
    assert_eq!(
        ids(Query {
            scope: approver,
            ..everything()
        })
        .await,
        [3, 2]
    );
    let by_user = Query {
        user: Some("carol".to_owned()),
        ..everything()
    };
    assert_eq!(ids(by_user.clone()).await, [1]);
    assert_eq!(
        ids(Query {
            scope: own,
            ..by_user
        })
        .await,
        Vec::<u64>::new(),
        "a filter widens nothing"
    );
    assert_eq!(
        ids(Query {
            limit: 1,
            ..everything()
        })
        .await,
        [3]
    );
}

#[tokio::test]
async fn a_period_is_read_in_pages_with_what_began_before_it() {
    let folder = TempDir::new().unwrap();
    let store = store(&folder);
    let over = |id: u64, requested: i64, ended: i64| Elevation {
        state: State::Expired,
        requested_at: Wall(requested),
        ended: Some(Act {
            at: Wall(ended),
            by: "jitd".to_owned(),
        }),
        ..active(id)
    };
    let open = |id, requested| Elevation {
        requested_at: Wall(requested),
        ..elevation(id, "bob", 1003)
    };
    let elevations = [
        over(1, 1_000, 2_000),
        over(2, 1_100, 9_000),
        over(3, 1_200, 5_000),
        open(4, 4_000),
        over(5, 5_500, 6_000),
        over(6, 7_000, 7_500),
    ];
    for elevation in elevations {
        let change = change(elevation, EventName::Requested);
        store.commit(vec![change], Seen::default()).await.unwrap();
    }
    let ids = async |query: Query| -> Vec<u64> {
        let found = store.list(query).await.unwrap();
        found.iter().map(|elevation| elevation.id.0).collect()
    };
    let period = |before, limit| Query {
        not_over_before: Some(Wall(5_000)),
        until: Some(Wall(7_000)),
        before,
        limit,
        ..everything()
    };
    assert_eq!(ids(period(None, 9)).await, [5, 4, 3, 2]);
    assert_eq!(ids(period(None, 2)).await, [5, 4]);
    assert_eq!(ids(period(Some(ElevationId(4)), 2)).await, [3, 2]);
    let late = |at| Query {
        not_over_before: Some(Wall(at)),
        ..everything()
    };
    assert_eq!(ids(late(5_001)).await, [6, 5, 4, 2]);
    assert_eq!(ids(late(i64::MAX)).await, [4], "what is open is never over");
    let closed = over(4, 4_000, 4_100);
    let closed = vec![change(closed, EventName::Lapsed)];
    store.commit(closed, Seen::default()).await.unwrap();
    assert_eq!(ids(late(i64::MAX)).await, Vec::<u64>::new());
}

#[tokio::test]
async fn what_was_over_long_before_is_not_gone_through() {
    let folder = TempDir::new().unwrap();
    drop(store(&folder));
    let db = rusqlite::Connection::open(folder.path().join("jitd.db")).unwrap();
    let sql = format!(
        "EXPLAIN QUERY PLAN SELECT 1 FROM elevation WHERE {}",
        read::FIRST_NOT_OVER
    );
    let mut statement = db.prepare(&sql).unwrap();
    let plan = statement.query_map([0], |row| row.get(3)).unwrap();
    let plan: Vec<String> = plan.map(Result::unwrap).collect();
    let plan = plan.join("\n");
    for step in [
        "SEARCH elevation USING INTEGER PRIMARY KEY (rowid>?)",
        "SEARCH elevation USING COVERING INDEX elevation_ended (ended_at>?)",
        "COVERING INDEX elevation_state (state=?)",
    ] {
        assert!(plan.contains(step), "{step}: {plan}");
    }
}

#[tokio::test]
async fn a_commit_is_all_or_nothing() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("jitd.db");
    let store = store(&folder);
    let blocker = rusqlite::Connection::open(&path).unwrap();
    blocker
        .execute_batch(
            "CREATE TRIGGER no BEFORE INSERT ON event WHEN new.elevation = 2
             BEGIN SELECT raise(ABORT, 'disk full'); END",
        )
        .unwrap();
    let both = vec![
        change(elevation(1, "carol", 1001), EventName::Requested),
        change(elevation(2, "carol", 1001), EventName::Requested),
    ];
    store.commit(both, Seen::default()).await.unwrap_err();
    assert_eq!(store.list(everything()).await.unwrap(), []);
    assert_eq!(store.open_elevations().await.unwrap().1, ElevationId(1));
}

#[test]
fn a_database_of_a_later_version_is_refused_without_damage() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("jitd.db");
    drop(store(&folder));
    rusqlite::Connection::open(&path)
        .unwrap()
        .pragma_update(None, "user_version", 99)
        .unwrap();
    let error = Store::open(&path).unwrap_err();
    assert!(
        matches!(error, StoreError::TooNew { found: 99, .. }),
        "{error}"
    );
    let db = rusqlite::Connection::open(&path).unwrap();
    let version: i64 = db
        .pragma_query_value(None, "user_version", |row| row.get(0))
        .unwrap();
    assert_eq!(version, 99);
}

#[test]
fn rubbish_is_an_error_and_stays_as_it_was() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("jitd.db");
    let rubbish = vec![0x5a; 8192];
    std::fs::write(&path, &rubbish).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    Store::open(&path).unwrap_err();
    assert_eq!(std::fs::read(&path).unwrap(), rubbish);
}

#[test]
fn commits_reach_the_disk_and_the_journal_is_a_wal() {
    let folder = TempDir::new().unwrap();
    let mut db = rusqlite::Connection::open(folder.path().join("jitd.db")).unwrap();
    schema::prepare(&mut db, "jitd.db").unwrap();
    let synchronous: i64 = db
        .pragma_query_value(None, "synchronous", |row| row.get(0))
        .unwrap();
    let journal: String = db
        .pragma_query_value(None, "journal_mode", |row| row.get(0))
        .unwrap();
    assert_eq!((synchronous, journal.as_str()), (2, "wal"));
}
