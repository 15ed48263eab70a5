//! Accounts that are renamed, deleted, or made anew while they hold something.

use super::*;
use crate::engine::accounts::Whose;

/// carol holds her role, and was seen by those who look.
async fn scene() -> (Scene, ElevationId) {
    let scene = Scene::new().await;
    let id = scene.active().await;
    scene.engine.look_at_accounts(Whose::New).await.unwrap();
    (scene, id)
}

async fn look(scene: &Scene) {
    scene.engine.look_at_accounts(Whose::All).await.unwrap();
}

/// What the last revocation says.
fn told(scene: &Scene) -> String {
    let all = scene.told("elevation.revoked");
    all.last().cloned().unwrap_or_default()
}

#[tokio::test]
async fn who_is_who_they_were_keeps_what_they_hold() {
    let (scene, id) = scene().await;
    look(&scene).await;
    scene.pass(120_000);
    look(&scene).await;
    assert_eq!(scene.state(id).await, State::Active);
    assert_eq!(scene.engine.confirm_account(1001, "carol").await, Ok(()));
}

#[tokio::test]
async fn a_renamed_account_loses_it_and_so_does_the_new_owner_of_its_name() {
    let (scene, id) = scene().await;
    // As usermod -l does, also in the group files; and somebody new has the name.
    scene.people.become_of(1001, Some(person(1001, "eva", &[])));
    scene
        .people
        .become_of(1005, Some(person(1005, "carol", &[])));
    let file = scene.folder.path().join("group");
    std::fs::write(&file, scene.groups().replace(":carol", ":eva")).unwrap();
    look(&scene).await;
    assert_eq!(scene.state(id).await, State::Revoked);
    assert!(!scene.groups().contains("eva"), "{}", scene.groups());
    assert!(!scene.groups().contains("carol"), "{}", scene.groups());
    let told = told(&scene);
    assert!(told.contains("by=jitd"), "{told}");
    assert!(
        told.contains("uid 1001 was carol and is eva now, and carol is uid 1005"),
        "{told}"
    );
    let ended = scene.ended.0.lock().unwrap().clone();
    assert!(ended.contains(&"eva:jit-deploy".to_owned()), "{ended:?}");
}

#[tokio::test]
async fn what_somebody_had_by_their_own_right_is_not_taken_with_it() {
    let (scene, id) = scene().await;
    scene
        .people
        .become_of(1001, Some(person(1001, "dave", &[])));
    // dave is in docker, and carol was not.
    look(&scene).await;
    assert_eq!(scene.state(id).await, State::Revoked);
    assert!(scene.in_group("docker:x:901:dave"), "{}", scene.groups());
}

#[tokio::test]
async fn an_account_of_the_same_name_with_another_number_does_not_get_it() {
    let (scene, id) = scene().await;
    scene.people.become_of(1001, None);
    scene
        .people
        .become_of(1007, Some(person(1007, "carol", &[])));
    scene.pass(2_000);
    let refused = scene.engine.confirm_account(1001, "carol").await;
    let why = "the account changed: carol was uid 1001 and is uid 1007 now";
    assert_eq!(refused, Err(why.to_owned()));
    look(&scene).await;
    assert_eq!(scene.state(id).await, State::Revoked);
    assert!(told(&scene).contains(why));
}

#[tokio::test]
async fn a_local_account_that_is_deleted_loses_it_at_once() {
    let (scene, id) = scene().await;
    scene.people.become_of(1001, None);
    look(&scene).await;
    assert_eq!(scene.state(id).await, State::Revoked);
    assert!(told(&scene).contains("the account is gone: carol, uid 1001"));
}

#[tokio::test]
async fn a_directory_that_does_not_find_somebody_is_given_a_minute() {
    let scene = Scene::new().await;
    scene.people.move_elsewhere();
    let id = scene.active().await;
    look(&scene).await;
    let carol = scene.people.find(1001).unwrap();
    for _ in 0..3 {
        scene.people.become_of(1001, None);
        look(&scene).await;
        scene.pass(59_000);
        look(&scene).await;
        scene.people.become_of(1001, Some(carol.clone()));
        look(&scene).await;
    }
    assert_eq!(scene.state(id).await, State::Active);
    scene.people.become_of(1001, None);
    look(&scene).await;
    scene.pass(60_000);
    look(&scene).await;
    assert_eq!(scene.state(id).await, State::Revoked);
}

#[tokio::test]
async fn a_directory_that_does_not_answer_ends_nothing_and_lets_nobody_in() {
    let (scene, id) = scene().await;
    scene.pass(60_000);
    scene.people.go_away();
    assert!(scene.engine.look_at_accounts(Whose::All).await.is_err());
    assert_eq!(scene.state(id).await, State::Active);
    assert!(scene.engine.confirm_account(1001, "carol").await.is_err());
}

#[tokio::test]
async fn a_yes_rests_on_one_look_for_two_seconds() {
    let (scene, _) = scene().await;
    assert_eq!(scene.engine.confirm_account(1001, "carol").await, Ok(()));
    scene.people.become_of(1001, Some(person(1001, "eva", &[])));
    scene.pass(1_999);
    assert_eq!(scene.engine.confirm_account(1001, "carol").await, Ok(()));
    scene.pass(1);
    assert!(scene.engine.confirm_account(1001, "carol").await.is_err());
}

#[tokio::test]
async fn what_waits_ends_too() {
    let scene = Scene::new().await;
    let id = scene.requested(&carol()).await;
    look(&scene).await;
    scene.people.become_of(1001, Some(person(1001, "eva", &[])));
    look(&scene).await;
    assert_eq!(scene.state(id).await, State::Revoked);
}
