//! What happens while somebody waits for the directory, and limits that keep one from drowning
//! the others.

use super::policy::{read, why};
use super::*;
use crate::domain::decide::{MAX_OPEN, MAX_PENDING, MAX_UNACKNOWLEDGED};

fn tightened(from: &str, to: &str) -> String {
    let text = POLICY.replace(from, to);
    assert_ne!(text, POLICY);
    text
}

fn for_ten_minutes() -> RequestOptions {
    RequestOptions {
        duration: Some(600),
        ..why()
    }
}

/// Bea approves, and while she waits to learn who somebody is, something else happens.
async fn approved_while(
    scene: &Scene,
    id: ElevationId,
    somebody: u32,
    something: impl AsyncFnOnce(),
) -> Result<Elevation, EngineError> {
    scene.people.hold(somebody);
    let bea = bea();
    let approval = scene.engine.approve(&bea, id, None, "");
    let others = async {
        others_go_on().await;
        something().await;
        scene.people.go_on();
    };
    tokio::join!(approval, others).0
}

#[tokio::test]
async fn what_was_decided_against_meanwhile_stays_so() {
    let scene = Scene::new().await;
    let denied = scene.requested(&carol()).await;
    let late = approved_while(&scene, denied, 1001, async || {
        scene.engine.deny(&alice(), denied, "no").await.unwrap();
    });
    assert!(matches!(refusal(late.await), Refusal::WrongState(_)));
    assert_eq!(scene.state(denied).await, State::Denied);

    let cancelled = scene.requested(&carol()).await;
    let late = approved_while(&scene, cancelled, 1001, async || {
        scene.engine.cancel(&carol(), cancelled).await.unwrap();
    });
    assert!(matches!(refusal(late.await), Refusal::WrongState(_)));
    assert_eq!(scene.state(cancelled).await, State::Cancelled);
    assert!(!scene.opens_sudo_to_carol());
}

#[tokio::test]
async fn what_a_reload_ended_meanwhile_stays_so() {
    let scene = Scene::new().await;
    let id = scene.asked(&carol(), "root", why()).await.unwrap();
    scene.engine.approve(&alice(), id, None, "").await.unwrap();
    let without_root = &POLICY[..POLICY.find("[role.root]").unwrap()];
    let late = approved_while(&scene, id, 1002, async || {
        let reloaded = scene
            .engine
            .adopt(read(without_root), By::Signal, MayEnd::Some)
            .await;
        reloaded.unwrap();
    });
    assert!(late.await.is_err());
    assert_ne!(scene.state(id).await, State::Active);
    let groups = scene.groups();
    assert!(!groups.contains("carol"), "{groups}");
}

#[tokio::test]
async fn a_policy_that_came_into_force_meanwhile_counts() {
    let scene = Scene::new().await;
    let id = scene.asked(&carol(), "root", why()).await.unwrap();
    scene.engine.approve(&alice(), id, None, "").await.unwrap();
    let stricter = tightened("approvals = 2", "approvals = 3");
    let late = approved_while(&scene, id, 1002, async || {
        let reloaded = scene
            .engine
            .adopt(read(&stricter), By::Signal, MayEnd::Some)
            .await;
        reloaded.unwrap();
    });
    let state = late.await.map(|elevation| elevation.state);
    assert_eq!(state.unwrap_or(State::Pending), State::Pending);

    // A request that waits while the rule that would have agreed to it goes.
    let open = scene.engine.shared.open.lock().await;
    let carol = carol();
    let options = for_ten_minutes();
    let request = scene.engine.request(&carol, "quick", &options);
    let others = async {
        others_go_on().await;
        let without = tightened("auto_approve = [{ max_duration = \"10m\" }]", "");
        let policy = Arc::new(read(&without).unwrap());
        scene.engine.put_in_force(PolicyInForce::Loaded(policy));
        drop(open);
    };
    let (asked, ()) = tokio::join!(request, others);
    assert_eq!(scene.state(asked.unwrap()).await, State::Pending);
}

#[tokio::test]
async fn a_scheduled_one_begins_with_what_the_policy_still_gives() {
    let scene = Scene::new().await;
    let start = scene.engine.now().wall.0 + 3_600_000;
    let later = RequestOptions {
        start: Some(start),
        duration: Some(7200),
        ..why()
    };
    let id = scene.asked(&carol(), "deploy", later).await.unwrap();
    scene.engine.approve(&alice(), id, None, "").await.unwrap();
    let less = tightened(
        "groups = [\"jit-deploy\"]\nservices = [\"sudo\"]",
        "groups = [\"jit-quick\"]\nservices = [\"su\"]",
    );
    let less = less.replace("max_duration = \"2h\"", "max_duration = \"5m\"");
    scene
        .engine
        .adopt(read(&less), By::Signal, MayEnd::Some)
        .await
        .unwrap();
    scene.pass(3_600_000);
    scene.tick().await;
    assert_eq!(scene.state(id).await, State::Active);
    assert!(!scene.opens_sudo_to_carol());
    assert!(!scene.groups().contains("carol"));
    scene.pass(300_000);
    scene.tick().await;
    assert_eq!(scene.state(id).await, State::Expired);
}

#[tokio::test]
async fn an_extension_survives_a_reboot() {
    let mut scene = Scene::new().await;
    let first = scene.active().await;
    let more = for_ten_minutes();
    let asked = scene.engine.extend(&carol(), first, &more).await;
    let second = asked.unwrap();
    scene
        .engine
        .approve(&alice(), second, None, "")
        .await
        .unwrap();
    {
        let mut now = scene.clock.0.lock().unwrap();
        now.wall.0 += 60_000;
        now.boot = Boot(5_000);
        now.boot_id = BootId("second".to_owned());
    }
    scene.restart().await;
    // Ten minutes in all, one gone: when it is made active, ahead of its time.
    scene.pass(9 * 60_000 - 1_500);
    scene.tick().await;
    scene.pass(1_500);
    scene.tick().await;
    assert_eq!(scene.state(first).await, State::Expired);
    assert_eq!(scene.state(second).await, State::Active);
    assert!(scene.opens_sudo_to_carol());
}

#[tokio::test]
async fn revoking_all_leaves_nothing_scheduled() {
    let scene = Scene::new().await;
    let later = RequestOptions {
        start: Some(scene.engine.now().wall.0 + 60_000),
        ..for_ten_minutes()
    };
    let scheduled = scene.asked(&carol(), "quick", later).await.unwrap();
    let root = root();
    let revoked = scene.engine.revoke_matching(&root, None, None, "incident");
    assert_eq!(revoked.await.unwrap().len(), 1);
    assert_eq!(scene.state(scheduled).await, State::Revoked);
}

#[tokio::test]
async fn an_end_does_not_wait_for_the_directory() {
    let scene = Scene::new().await;
    scene.active().await;
    let later = RequestOptions {
        start: Some(scene.engine.now().wall.0 + 600_000),
        ..for_ten_minutes()
    };
    scene.asked(&carol(), "quick", later).await.unwrap();
    scene.pass(600_000);
    scene.people.hold(1001);
    let engine = scene.engine.clone();
    let due = tokio::spawn(async move { engine.do_what_is_due().await });
    let mut changes = scene.engine.changes();
    let soon = std::time::Duration::from_secs(5);
    let ended = tokio::time::timeout(soon, changes.recv()).await;
    let ended = ended.unwrap().unwrap();
    assert_eq!(ended.state, State::Expired);
    assert!(scene.in_group("jit-deploy:x:900:"));
    scene.people.go_on();
    due.await.unwrap().unwrap();
    assert!(scene.opens_sudo_to_carol());
}

#[tokio::test]
async fn nobody_has_more_open_than_anyone_could_need() {
    let scene = Scene::new().await;
    let later = || RequestOptions {
        start: Some(scene.engine.now().wall.0 + 60_000),
        ..for_ten_minutes()
    };
    for _ in 0..MAX_PENDING {
        scene.asked(&carol(), "quick", later()).await.unwrap();
    }
    let one_more = refusal(scene.asked(&carol(), "quick", later()).await);
    assert!(
        matches!(one_more, Refusal::LimitExceeded(_)),
        "{one_more:?}"
    );
    for _ in MAX_PENDING..MAX_OPEN {
        let options = for_ten_minutes();
        scene.asked(&carol(), "quick", options).await.unwrap();
    }
    let one_more = refusal(scene.asked(&carol(), "quick", for_ten_minutes()).await);
    assert!(
        matches!(one_more, Refusal::LimitExceeded(_)),
        "{one_more:?}"
    );
}

#[tokio::test]
async fn glass_cannot_be_broken_so_often_that_nobody_can_look() {
    let scene = Scene::new().await;
    for _ in 0..MAX_UNACKNOWLEDGED {
        let broken = scene.engine.break_glass(&bea(), "root", &why()).await;
        scene
            .engine
            .end(&bea(), Some(broken.unwrap()))
            .await
            .unwrap();
    }
    let one_more = refusal(scene.engine.break_glass(&bea(), "root", &why()).await);
    assert!(
        matches!(one_more, Refusal::LimitExceeded(_)),
        "{one_more:?}"
    );
    let seen = scene.engine.unacknowledged(&alice()).await.unwrap();
    assert_eq!(seen.len(), MAX_UNACKNOWLEDGED);
    scene
        .engine
        .acknowledge(&alice(), seen[0].id, "")
        .await
        .unwrap();
    scene
        .engine
        .break_glass(&bea(), "root", &why())
        .await
        .unwrap();
}
