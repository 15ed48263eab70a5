use rusqlite::Connection;

use super::*;
use crate::domain::names::GroupName;

/// Two groups are jitd's own; docker is not.
async fn scene() -> Scene {
    let mut scene = Scene::new().await;
    let store = scene.engine.shared.store.clone();
    let noted = tokio::task::spawn_blocking(move || {
        for group in ["jit-deploy", "jit-quick"] {
            let group = GroupName::new(group).unwrap();
            store.note_owned(group, true).unwrap();
        }
    });
    noted.await.unwrap();
    scene.restart().await;
    scene
}

impl Scene {
    /// Somebody else writes both files, without asking anybody.
    fn edit(&self, from: &str, to: &str) {
        for name in ["group", "gshadow"] {
            let path = self.folder.path().join(name);
            let text = std::fs::read_to_string(&path).unwrap();
            let at = |text: &str| text.replace(from, to);
            let lines: Vec<_> = text.lines().map(at).collect();
            std::fs::write(&path, lines.join("\n") + "\n").unwrap();
        }
    }

    /// What is on record of drift.
    fn drift(&self) -> Vec<String> {
        self.told("drift.%")
    }
}

#[tokio::test]
async fn strangers_in_our_groups_are_removed_and_on_record() {
    let scene = scene().await;
    scene.active().await;
    scene.edit("carol", "carol,mallory");
    assert!(scene.engine.reconcile().await);
    assert!(scene.in_group("jit-deploy:x:900:carol"));
    let expected = "drift.removed by=jitd group=jit-deploy member=mallory others=carol";
    assert_eq!(scene.drift(), [expected]);
    // Our own write is no drift, and nor is what was undone.
    assert!(scene.engine.reconcile().await);
    assert_eq!(scene.drift().len(), 1);
}

#[tokio::test]
async fn a_stranger_in_gshadow_alone_is_removed_and_on_record() {
    let scene = scene().await;
    let path = scene.folder.path().join("gshadow");
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, text.replace("jit-quick:!::", "jit-quick:!::mallory")).unwrap();
    assert!(scene.engine.reconcile().await);
    assert!(scene.in_group("jit-quick:x:903:"));
    let expected = "drift.removed by=jitd group=jit-quick member=mallory";
    assert_eq!(scene.drift(), [expected]);
}

#[tokio::test]
async fn who_lacks_in_gshadow_alone_was_taken_out_by_nobody() {
    let scene = scene().await;
    scene.active().await;
    // As vigr(8) leaves it.
    scene.edit("jit-deploy:!::carol", "jit-deploy:!::");
    assert!(scene.engine.reconcile().await);
    assert!(scene.in_group("jit-deploy:x:900:carol"));
    assert_eq!(scene.drift(), [""; 0]);
}

#[tokio::test]
async fn who_is_taken_out_of_what_an_elevation_gives_is_put_back() {
    let scene = scene().await;
    let dave = caller(1004, "dave", &["users"]);
    scene.people.become_of(1004, Some(dave.account.clone()));
    scene.edit("dave", "erin");
    let options = RequestOptions::default();
    let id = scene.engine.request(&dave, "dba", &options).await.unwrap();
    scene.engine.approve(&alice(), id, None, "").await.unwrap();
    assert!(scene.in_group("docker:x:901:erin,dave"));
    scene.edit(",dave", "");
    assert!(scene.engine.reconcile().await);
    assert!(scene.in_group("docker:x:901:erin,dave"));
    let expected = "drift.restored id=1 user=dave uid=1004 role=dba by=jitd group=docker member=dave others=erin";
    assert_eq!(scene.drift(), [expected]);
    // Who was put into a shared group by others is theirs.
    scene.edit("erin,dave", "erin,dave,mallory");
    scene.engine.end(&dave, Some(id)).await.unwrap();
    assert!(scene.in_group("docker:x:901:erin,mallory"));
    assert_eq!(scene.drift().len(), 1);
}

#[tokio::test]
async fn what_was_changed_while_jitd_was_away_is_noticed_at_its_start() {
    let mut scene = scene().await;
    scene.active().await;
    scene.edit("jit-deploy:x:900:carol", "jit-deploy:x:900:");
    scene.edit("jit-quick:x:903:", "jit-quick:x:903:mallory");
    scene.restart().await;
    assert!(scene.in_group("jit-deploy:x:900:carol") && scene.in_group("jit-quick:x:903:"));
    let drift = scene.drift();
    let events: Vec<_> = drift
        .iter()
        .map(|line| line.split(' ').next().unwrap())
        .collect();
    assert_eq!(events, ["drift.restored", "drift.removed"], "{drift:?}");
}

#[tokio::test]
async fn what_jitd_itself_did_not_finish_is_no_drift() {
    let mut scene = scene().await;
    scene.active().await;
    // Killed between noting it and putting the new file in place.
    let etc = scene.folder.path();
    std::fs::copy(etc.join("group"), etc.join(".group.jitd-new")).unwrap();
    scene.edit("carol", "");
    scene.restart().await;
    assert!(scene.in_group("jit-deploy:x:900:carol"));
    assert_eq!(scene.drift(), [""; 0]);
    assert!(!scene.folder.path().join(".group.jitd-new").exists());
}

#[tokio::test]
async fn who_was_put_in_by_others_just_before_their_elevation_leaves_with_it() {
    let scene = scene().await;
    let id = scene.requested(&carol()).await;
    for line in ["jit-deploy:x:900:", "jit-deploy:!::"] {
        scene.edit(line, &format!("{line}carol"));
    }
    scene.engine.approve(&alice(), id, None, "").await.unwrap();
    scene.engine.end(&carol(), Some(id)).await.unwrap();
    assert!(scene.in_group("jit-deploy:x:900:"));
    assert_eq!(scene.drift(), [""; 0], "it became hers");
    assert_eq!(*scene.ended.0.lock().unwrap(), ["carol:jit-deploy"]);
}

#[tokio::test]
async fn a_fight_over_a_group_does_not_flood_the_record() {
    let scene = scene().await;
    for _ in 0..70 {
        scene.edit("jit-quick:x:903:", "jit-quick:x:903:mallory");
        assert!(scene.engine.reconcile().await);
        assert!(scene.in_group("jit-quick:x:903:"));
    }
    let one = "drift.removed by=jitd group=jit-quick member=mallory";
    assert_eq!(scene.drift(), [one; 8]);
    scene.pass(60_000);
    scene.engine.tell_what_was_counted(false).await.unwrap();
    let when = "since=1970-01-01T00:16:40Z until=1970-01-01T00:16:40Z";
    assert_eq!(scene.drift()[8..], [format!("{one} count=62 {when}")]);
    // Somebody else is named at once.
    scene.edit("jit-quick:x:903:", "jit-quick:x:903:eve");
    assert!(scene.engine.reconcile().await);
    assert_eq!(scene.drift().len(), 10);
}

#[tokio::test]
async fn all_strangers_are_named() {
    let scene = scene().await;
    let strangers: Vec<_> = (0..500).map(|n| format!("stranger{n}")).collect();
    let line = format!("jit-quick:x:903:{}", strangers.join(","));
    scene.edit("jit-quick:x:903:", &line);
    assert!(scene.engine.reconcile().await);
    let drift = scene.drift();
    let named = |who: &String| {
        drift
            .iter()
            .any(|line| line.contains(&format!("member={who}")))
    };
    assert!(strangers.iter().all(named), "{}", drift.len());
}

#[tokio::test]
async fn drift_that_cannot_be_undone_is_recorded_once_and_tried_again() {
    let scene = scene().await;
    scene.edit("jit-quick:x:903:", "jit-quick:x:903:mallory");
    // Nothing can be written there.
    let beside = scene.folder.path().join(".group.jitd-new");
    std::fs::create_dir(&beside).unwrap();
    for _ in 0..3 {
        assert!(!scene.engine.reconcile().await);
    }
    assert_eq!(scene.drift(), [""; 0], "nothing was undone");
    std::fs::remove_dir(&beside).unwrap();
    assert!(scene.engine.reconcile().await);
    assert!(scene.in_group("jit-quick:x:903:"));
    assert_eq!(scene.drift().len(), 1);
}

#[tokio::test]
async fn drift_is_undone_also_where_it_cannot_be_recorded() {
    let scene = scene().await;
    let db = Connection::open(scene.folder.path().join("jitd.db")).unwrap();
    db.execute_batch("ALTER TABLE event RENAME TO away")
        .unwrap();
    scene.edit("jit-quick:x:903:", "jit-quick:x:903:mallory");
    assert!(scene.engine.reconcile().await);
    assert!(scene.in_group("jit-quick:x:903:"));
    db.execute_batch("ALTER TABLE away RENAME TO event")
        .unwrap();
    // With the next one, at the latest.
    scene.edit("jit-quick:x:903:", "jit-quick:x:903:eve");
    assert!(scene.engine.reconcile().await);
    assert_eq!(scene.drift().len(), 2);
}
