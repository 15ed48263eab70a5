//! What is old is archived, and copies are made.

use jitd_api::Link;
use rusqlite::Connection;
use sha2::{Digest, Sha256};

use super::policy::read;
use super::*;
use crate::domain::time::Wall;
use crate::engine::By;
use crate::record::Recorded;
use crate::store::{Archive, ArchiveError, EventQuery, Reader};

const DAY: i64 = 24 * 3_600_000;
/// Events of one elevation from request to end.
const LIFE: usize = 5;

impl Scene {
    /// Asked for, given and given back, with its membership: so many events.
    async fn one_that_is_over(&self) -> ElevationId {
        let id = self.active().await;
        self.engine.end(&carol(), Some(id)).await.unwrap();
        self.logs_are_told();
        id
    }

    fn logs_are_told(&self) {
        let told = "UPDATE told SET seq = (SELECT max(seq) FROM event)";
        self.database().execute(told, []).unwrap();
    }

    fn today(&self) -> Wall {
        self.engine.now().wall
    }

    fn record(&self) -> Vec<Recorded> {
        all(&self.engine.shared.store.reader().unwrap())
    }

    fn database(&self) -> Connection {
        Connection::open(self.folder.path().join("jitd.db")).unwrap()
    }

    fn archives(&self) -> usize {
        std::fs::read_dir(self.folder.path().join("archive")).map_or(0, Iterator::count)
    }

    async fn archive(&self) -> Archive {
        let archived = self.engine.archive(&root(), self.today()).await;
        archived.unwrap().expect("something to archive")
    }
}

fn all(reader: &Reader) -> Vec<Recorded> {
    let query = EventQuery::default();
    let place = reader.place(&query, None).unwrap();
    reader.page(&query, place, usize::MAX).unwrap().0
}

#[track_caller]
fn is_chained_on(head: Link, events: &[Recorded]) {
    let mut before = head;
    for event in events {
        assert_eq!(event.chain, event.link(&before), "{event:?}");
        before = event.chain;
    }
}

#[tokio::test]
async fn what_is_over_goes_into_a_file_and_the_chain_goes_on() {
    let scene = Scene::new().await;
    scene.one_that_is_over().await;
    let open = scene.active().await;
    let before = scene.record();
    scene.pass(DAY / 24 / 60);
    let archive = scene.archive().await;
    // What is of the open one stays, and all that came after.
    assert_eq!((archive.first, archive.head.seq), (1, 5));
    let text = std::fs::read_to_string(&archive.file).unwrap();
    let expected: Vec<_> = before[..LIFE]
        .iter()
        .map(|event| serde_json::to_string(event).unwrap())
        .collect();
    assert_eq!(text.lines().collect::<Vec<_>>(), expected);
    assert_eq!(archive.sha256, format!("{:x}", Sha256::digest(&text)));
    let left = scene.record();
    let (rest, stands_for_them) = left.split_at(left.len() - 1);
    assert_eq!(rest, &before[LIFE..]);
    is_chained_on(archive.head.link, &left);
    let fields = &stands_for_them[0].fields;
    assert_eq!(stands_for_them[0].event, "record.archived");
    for (key, value) in [
        ("by", "root"),
        ("first", "1"),
        ("last", "5"),
        ("head", &before[LIFE - 1].chain.to_string()),
        ("file", archive.file.to_str().unwrap()),
        ("digest", &archive.sha256),
    ] {
        assert!(
            fields.contains(&(key.to_owned(), value.to_owned())),
            "{key}: {fields:?}"
        );
    }
    // Nothing of the open one was lost, and there is nothing more to archive.
    assert_eq!(scene.state(open).await, State::Active);
    let again = scene.engine.archive(&root(), scene.today()).await;
    assert_eq!(again.unwrap(), None);
    scene.engine.end(&carol(), None).await.unwrap();
    scene.pass(1);
    // Not before the logs know it.
    let untold = scene.engine.archive(&root(), scene.today()).await;
    assert_eq!(untold.unwrap(), None);
    scene.logs_are_told();
    let next = scene.archive().await;
    assert_eq!((next.first, scene.archives()), (6, 2));
}

#[tokio::test]
async fn only_what_is_archived_can_be_deleted() {
    let scene = Scene::new().await;
    scene.one_that_is_over().await;
    scene
        .database()
        .execute("DELETE FROM event WHERE seq = 1", [])
        .unwrap_err();
    scene.pass(1);
    scene.archive().await;
    assert_eq!(scene.record().len(), 1);
    scene
        .database()
        .execute("DELETE FROM event", [])
        .unwrap_err();
}

#[tokio::test]
async fn what_an_earlier_jitd_did_not_come_to_is_cut() {
    let scene = Scene::new().await;
    scene.one_that_is_over().await;
    let events = scene.record();
    let chain = events[1].chain.0;
    let put = "INSERT INTO archived VALUES (2, ?1)";
    scene.database().execute(put, [chain]).unwrap();
    assert_eq!(scene.engine.archive_what_is_old().await.unwrap(), None);
    assert_eq!(scene.record(), events[2..]);
}

#[tokio::test]
async fn a_record_that_somebody_changed_is_not_archived() {
    let scene = Scene::new().await;
    scene.one_that_is_over().await;
    let db = scene.database();
    db.execute_batch(
        "DROP TRIGGER event_stays_as_it_is; UPDATE event SET user = 'dave' WHERE seq = 2",
    )
    .unwrap();
    scene.pass(1);
    let error = scene
        .engine
        .archive(&root(), scene.today())
        .await
        .unwrap_err();
    let EngineError::Archive(ArchiveError::Broken(seq)) = error else {
        panic!("{error}");
    };
    assert_eq!((seq, scene.archives(), scene.record().len()), (2, 0, LIFE));
}

#[tokio::test]
async fn without_room_for_the_file_nothing_is_archived() {
    let scene = Scene::new().await;
    scene.one_that_is_over().await;
    std::fs::write(scene.folder.path().join("archive"), "in the way").unwrap();
    scene.pass(1);
    let error = scene
        .engine
        .archive(&root(), scene.today())
        .await
        .unwrap_err();
    assert!(
        matches!(error, EngineError::Archive(ArchiveError::File { .. })),
        "{error}"
    );
    assert_eq!(scene.record().len(), LIFE);
}

#[tokio::test]
async fn root_alone_archives_and_copies_and_not_what_is_to_come() {
    let scene = Scene::new().await;
    scene.one_that_is_over().await;
    not_allowed(scene.engine.archive(&alice(), scene.today()).await);
    not_allowed(scene.engine.copy(&alice()).await);
    let later = Wall(scene.today().0 + 1);
    let to_come = refusal(scene.engine.archive(&root(), later).await);
    assert!(
        matches!(to_come, Refusal::InvalidArgument(_)),
        "{to_come:?}"
    );
}

#[tokio::test]
async fn the_policy_says_how_long_it_is_kept() {
    let scene = Scene::new().await;
    let first = scene.one_that_is_over().await;
    scene.pass(400 * DAY);
    assert_eq!(
        scene.engine.archive_what_is_old().await.unwrap(),
        None,
        "for ever"
    );
    let keep = read(&format!("{POLICY}\n[audit]\nkeep = \"395days\""));
    scene
        .engine
        .adopt(keep, By::Caller(&root()), MayEnd::Some)
        .await
        .unwrap();
    assert_eq!(
        scene.engine.archive_what_is_old().await.unwrap(),
        None,
        "too little"
    );
    let second = scene.one_that_is_over().await;
    scene.pass(3 * DAY);
    let archive = scene
        .engine
        .archive_what_is_old()
        .await
        .unwrap()
        .expect("a week's");
    assert_eq!(archive.head.seq, 5);
    // Of what is archived and long over nothing is left in the database.
    let gone = scene.engine.get(&root(), first).await;
    assert!(matches!(refusal(gone), Refusal::NotFound(_)));
    assert_eq!(scene.state(second).await, State::Released);
    assert_eq!(scene.engine.archive_what_is_old().await.unwrap(), None);
}

#[tokio::test]
async fn numbers_are_not_given_again() {
    let mut scene = Scene::new().await;
    scene.one_that_is_over().await;
    let last = scene.one_that_is_over().await;
    scene.pass(400 * DAY);
    scene.archive().await;
    scene.restart().await;
    let next = scene.requested(&carol()).await;
    assert_eq!(next.0, last.0 + 1);
}

#[tokio::test]
async fn a_copy_is_a_database_of_its_own() {
    let scene = Scene::new().await;
    scene.one_that_is_over().await;
    let mut copy = scene.engine.copy(&root()).await.unwrap();
    assert!(!scene.folder.path().join("copy.db").exists());
    let path = scene.folder.path().join("restored.db");
    std::io::copy(&mut copy, &mut std::fs::File::create(&path).unwrap()).unwrap();
    let copied = all(&Reader::open(&path).unwrap());
    assert_eq!(copied, scene.record());
    assert_eq!(copied.last().unwrap().event, "record.copied");
    // It is not less guarded.
    Connection::open(&path)
        .unwrap()
        .execute("DELETE FROM event", [])
        .unwrap_err();
}
