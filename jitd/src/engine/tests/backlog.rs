//! What ends needs no disk, and comes on record when there is room.

use super::*;

impl Scene {
    /// Nothing can be put on record from now on.
    pub(super) fn fill_the_disk(&self) {
        let full =
            "CREATE TRIGGER full BEFORE INSERT ON event BEGIN SELECT raise(ABORT, 'full'); END";
        self.disk().execute_batch(full).unwrap();
    }

    pub(super) fn make_room(&self) {
        self.disk().execute_batch("DROP TRIGGER full").unwrap();
    }

    fn disk(&self) -> rusqlite::Connection {
        rusqlite::Connection::open(self.folder.path().join("jitd.db")).unwrap()
    }
}

/// What carol's group looks like with her, and without.
const HELD: &str = "jit-deploy:x:900:carol";
const TAKEN: &str = "jit-deploy:x:900:";

#[tokio::test]
async fn a_full_disk_keeps_nothing_alive_that_somebody_ends() {
    let scene = Scene::new().await;
    let id = scene.active().await;
    scene.fill_the_disk();
    let engine = &scene.engine;
    let revoked = engine.revoke(&alice(), id, "lost laptop").await.unwrap();
    assert_eq!(revoked.state, State::Revoked);
    assert!(!scene.opens_sudo_to_carol() && scene.in_group(TAKEN));
    // Whoever looks is told how it is, and nobody ends it twice.
    assert_eq!(scene.state(id).await, State::Revoked);
    let query = Query {
        scope: Scope::All,
        state: Some(State::Active),
        user: None,
        role: None,
        since: None,
        until: None,
        not_over_before: None,
        before: None,
        limit: 10,
    };
    assert_eq!(engine.list(&root(), query).await.unwrap(), []);
    refusal(engine.revoke(&alice(), id, "again").await);
    // Nothing new is given meanwhile.
    let asked = scene
        .asked(&carol(), "quick", RequestOptions::default())
        .await;
    assert!(matches!(asked, Err(EngineError::Store(_))));
    assert!(
        engine.do_what_is_due().await.is_err(),
        "it is not on record"
    );

    scene.make_room();
    scene.tick().await;
    let told = scene.told("elevation.revoked");
    let expected =
        "elevation.revoked id=1 user=carol uid=1001 role=deploy by=alice comment=lost laptop";
    assert_eq!(told, [expected]);
    assert_eq!(scene.state(id).await, State::Revoked);
    scene.tick().await;
    assert_eq!(scene.told("elevation.revoked").len(), 1);
}

#[tokio::test]
async fn a_crash_before_it_is_on_record_brings_nothing_back() {
    let mut scene = Scene::new().await;
    let id = scene.active().await;
    scene.fill_the_disk();
    let ended = scene.engine.revoke(&alice(), id, "lost laptop").await;
    assert_eq!(ended.unwrap().state, State::Revoked);
    scene.restart().await;
    assert!(!scene.opens_sudo_to_carol() && scene.in_group(TAKEN));
    assert_eq!(scene.state(id).await, State::Revoked);

    scene.make_room();
    scene.tick().await;
    let expected =
        "elevation.revoked id=1 user=carol uid=1001 role=deploy by=alice comment=lost laptop";
    assert_eq!(scene.told("elevation.revoked"), [expected]);
    // What is on record is noted no more.
    let another = scene.active().await;
    scene.restart().await;
    assert_eq!(scene.state(another).await, State::Active);
    assert!(scene.opens_sudo_to_carol() && scene.in_group(HELD));
    assert_eq!(scene.told("elevation.revoked").len(), 1);
}

#[tokio::test]
async fn a_note_of_another_record_ends_nothing_and_one_that_nobody_can_read_ends_all() {
    let scene = Scene::new().await;
    let id = scene.active().await;
    scene.fill_the_disk();
    scene.engine.end(&carol(), None).await.unwrap();
    let note = std::fs::read(scene.folder.path().join("ends")).unwrap();
    scene.make_room();
    scene.tick().await;
    assert_eq!(scene.state(id).await, State::Released);

    let mut scene = Scene::new().await;
    scene.pass(1_000);
    let id = scene.active().await;
    std::fs::write(scene.folder.path().join("ends"), note).unwrap();
    scene.restart().await;
    assert_eq!(scene.state(id).await, State::Active);
    let waiting = scene.requested(&carol()).await;

    std::fs::write(scene.folder.path().join("ends"), vec![7; 256 * 1024]).unwrap();
    scene.restart().await;
    assert_eq!(scene.state(id).await, State::Revoked);
    assert_eq!(scene.state(waiting).await, State::Pending);
    assert!(!scene.opens_sudo_to_carol() && scene.in_group(TAKEN));
    scene.tick().await;
    assert!(scene.told("elevation.revoked")[0].contains("nobody can say any more what"));
}

#[tokio::test]
async fn a_reload_that_cannot_be_on_record_changes_nothing_but_what_it_ends() {
    let scene = Scene::new().await;
    let id = scene.active().await;
    scene.fill_the_disk();
    let policy = policy::read(&POLICY.replace("[role.deploy]", "[role.other]"));
    let adopted = scene.engine.adopt(policy, By::Signal, MayEnd::Some).await;
    assert!(matches!(adopted, Err(EngineError::OnlyEnded(_))));
    assert_eq!(scene.state(id).await, State::Revoked);
    assert!(scene.engine.policy().unwrap().role("deploy").is_some());
}
