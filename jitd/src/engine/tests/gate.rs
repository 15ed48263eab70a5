use std::time::Duration;

use super::*;
use crate::engine::Refusal as NotLetIn;

fn refused(service: &str, because: &str) -> NotLetIn {
    NotLetIn {
        uid: 1001,
        name: "carol".to_owned(),
        service: service.to_owned(),
        terminal: "/dev/pts/3".to_owned(),
        remote: String::new(),
        within: None,
        because: because.to_owned(),
        pending: vec![7, 9],
    }
}

const CLOSED: &str = "no active elevation";
const TOLD: &str = "gate.refused user=carol uid=1001 service=sudo terminal=/dev/pts/3 \
    because=no active elevation pending=7,9";

impl Scene {
    fn refusals(&self) -> Vec<String> {
        self.told("gate.refused")
    }

    async fn tells(&self) {
        self.engine.tell_what_was_counted(false).await.unwrap();
    }
}

#[tokio::test]
async fn who_is_not_let_in_is_on_record_with_where_and_why() {
    let scene = Scene::new().await;
    scene.engine.refused(refused("sudo", CLOSED));
    scene.tells().await;
    assert_eq!(scene.refusals(), [TOLD]);
}

#[tokio::test]
async fn a_loop_is_one_event_and_a_count_and_none_is_missing() {
    let scene = Scene::new().await;
    for _ in 0..2000 {
        scene.engine.refused(refused("sudo", CLOSED));
    }
    // Another service, and another reason, are another thing.
    scene.engine.refused(refused("su", CLOSED));
    scene
        .engine
        .refused(refused("sudo", "its policy is broken"));
    scene.tells().await;
    assert_eq!(scene.refusals().len(), 3);
    scene.pass(60_000);
    scene.tells().await;
    let when = "since=1970-01-01T00:16:40Z until=1970-01-01T00:16:40Z";
    assert_eq!(scene.refusals()[3..], [format!("{TOLD} count=1999 {when}")]);
}

#[tokio::test]
async fn what_was_counted_is_told_when_jitd_stops() {
    let scene = Scene::new().await;
    for _ in 0..5 {
        scene.engine.refused(refused("sudo", CLOSED));
    }
    scene.engine.tell_what_was_counted(true).await.unwrap();
    let told = scene.refusals();
    assert!(told.len() == 2 && told[1].contains(" count=4 "), "{told:?}");
}

#[tokio::test]
async fn while_the_disk_is_full_they_are_counted_and_told_afterwards() {
    let scene = Scene::new().await;
    let db = rusqlite::Connection::open(scene.folder.path().join("jitd.db")).unwrap();
    db.execute_batch("ALTER TABLE event RENAME TO away")
        .unwrap();
    for _ in 0..3 {
        scene.engine.refused(refused("sudo", CLOSED));
        assert!(scene.engine.tell_what_was_counted(false).await.is_err());
        scene.pass(60_000);
    }
    db.execute_batch("ALTER TABLE away RENAME TO event")
        .unwrap();
    scene.tells().await;
    scene.tells().await;
    let told = scene.refusals();
    assert!(told.len() == 2 && told[1].contains(" count=2 "), "{told:?}");
}

#[tokio::test]
async fn one_without_a_name_that_can_be_written_goes_by_its_number() {
    let scene = Scene::new().await;
    let nameless = NotLetIn {
        name: "uid 1001".to_owned(),
        ..refused("sudo", CLOSED)
    };
    scene.engine.refused(nameless);
    scene.tells().await;
    assert!(scene.refusals()[0].starts_with("gate.refused user=1001 uid=1001 "));
}

#[tokio::test]
async fn they_are_told_of_as_they_come_by_whoever_is_there_for_it() {
    let scene = Scene::new().await;
    let telling = tokio::spawn(scene.engine.clone().tell_of_floods());
    let mut news = scene.engine.shared.store.news();
    scene.engine.refused(refused("sudo", CLOSED));
    let soon = tokio::time::timeout(Duration::from_secs(5), news.changed());
    soon.await.unwrap().unwrap();
    assert_eq!(scene.refusals(), [TOLD]);
    telling.abort();
}
