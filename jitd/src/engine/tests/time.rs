//! Set times, extensions, budgets.

use super::*;

const MINUTE: i64 = 60_000;

fn for_minutes(minutes: u64) -> RequestOptions {
    RequestOptions {
        duration: Some(minutes * 60),
        reason: Some("to be done".to_owned()),
        ..RequestOptions::default()
    }
}

impl Scene {
    fn now(&self) -> i64 {
        self.engine.now().wall.0
    }

    /// Asked for, to begin in so many minutes and for half an hour.
    async fn asked_for_in(&self, minutes: i64) -> ElevationId {
        let options = RequestOptions {
            start: Some(self.now() + minutes * MINUTE),
            ..for_minutes(30)
        };
        self.asked(&carol(), "deploy", options).await.unwrap()
    }

    /// And agreed to.
    async fn scheduled_in(&self, minutes: i64) -> ElevationId {
        let id = self.asked_for_in(minutes).await;
        assert_eq!(self.approved(id).await.state, State::Scheduled);
        id
    }

    async fn approved(&self, id: ElevationId) -> Elevation {
        self.engine.approve(&alice(), id, None, "").await.unwrap()
    }
}

#[tokio::test]
async fn a_set_time_is_kept() {
    let scene = Scene::new().await;
    let id = scene.scheduled_in(60).await;
    assert!(!scene.opens_sudo_to_carol() && !scene.in_group("jit-deploy:x:900:carol"));
    assert_eq!(scene.engine.next_due().await, Some(60 * MINUTE));
    scene.pass(60 * MINUTE - 1);
    scene.tick().await;
    assert!(!scene.opens_sudo_to_carol());
    scene.pass(1);
    scene.tick().await;
    assert!(scene.opens_sudo_to_carol() && scene.in_group("jit-deploy:x:900:carol"));
    scene.pass(30 * MINUTE - 1);
    assert!(scene.opens_sudo_to_carol());
    scene.pass(1);
    assert!(!scene.opens_sudo_to_carol(), "also before anything rang");
    scene.tick().await;
    assert_eq!(scene.state(id).await, State::Expired);
    let names = scene.events().await;
    let expected = [
        "elevation.requested",
        "elevation.approved",
        "elevation.started",
        "membership.given",
        "elevation.expired",
        "membership.taken",
    ];
    assert_eq!(names, expected);
}

#[tokio::test]
async fn who_is_answered_late_has_what_is_left_of_the_window() {
    let scene = Scene::new().await;
    let start = scene.now() + 10 * MINUTE;
    let id = scene.asked_for_in(10).await;
    scene.pass(25 * MINUTE);
    let approved = scene.approved(id).await;
    assert_eq!(approved.state, State::Active);
    assert_eq!(approved.grant.unwrap().ends_at.0, start + 30 * MINUTE);
    scene.pass(15 * MINUTE);
    assert!(!scene.opens_sudo_to_carol());
}

#[tokio::test]
async fn a_window_that_is_over_lapses() {
    let scene = Scene::new().await;
    let id = scene.asked_for_in(10).await;
    scene.pass(40 * MINUTE);
    let refused = refusal(scene.engine.approve(&alice(), id, None, "").await);
    assert!(matches!(refused, Refusal::WrongState(_)), "{refused:?}");
    scene.tick().await;
    assert_eq!(scene.state(id).await, State::Lapsed);
}

#[tokio::test]
async fn times_in_the_past_and_far_ahead_are_refused() {
    let scene = Scene::new().await;
    for start in [
        scene.now() - 1,
        scene.now() + 91 * 24 * 60 * MINUTE,
        i64::MAX,
    ] {
        let options = RequestOptions {
            start: Some(start),
            ..for_minutes(30)
        };
        let refused = refusal(scene.asked(&carol(), "deploy", options).await);
        assert!(
            matches!(refused, Refusal::InvalidArgument(_)),
            "{refused:?}"
        );
    }
}

#[tokio::test]
async fn whoever_lost_the_role_meanwhile_does_not_get_it_at_the_set_time() {
    let scene = Scene::new().await;
    let id = scene.scheduled_in(60).await;
    let left = person(1001, "carol", &["users"]);
    scene.people.become_of(1001, Some(left));
    scene.pass(60 * MINUTE);
    assert!(!scene.opens_sudo_to_carol());
    scene.tick().await;
    assert_eq!(scene.state(id).await, State::Revoked);
}

#[tokio::test]
async fn a_set_time_survives_a_restart_and_a_reboot() {
    let mut scene = Scene::new().await;
    let id = scene.scheduled_in(60).await;
    {
        let mut now = scene.clock.0.lock().unwrap();
        now.wall.0 += 30 * MINUTE;
        now.boot = Boot(1_000);
        now.boot_id = BootId("second".to_owned());
    }
    scene.restart().await;
    scene.tick().await;
    assert_eq!(scene.state(id).await, State::Scheduled);
    assert!(!scene.opens_sudo_to_carol());
    scene.pass(30 * MINUTE);
    scene.tick().await;
    assert!(scene.opens_sudo_to_carol());
    // From then on the boot clock counts too.
    scene.set_wall_clock_back(20 * MINUTE);
    assert!(scene.opens_sudo_to_carol());
    scene.pass(30 * MINUTE);
    assert!(!scene.opens_sudo_to_carol());
}

#[tokio::test]
async fn what_was_missed_altogether_is_over() {
    let mut scene = Scene::new().await;
    let id = scene.scheduled_in(60).await;
    scene.pass(3 * 60 * MINUTE);
    scene.restart().await;
    scene.tick().await;
    assert_eq!(scene.state(id).await, State::Expired);
    assert!(!scene.opens_sudo_to_carol());
}

#[tokio::test]
async fn a_scheduled_one_is_taken_back_by_its_holder_and_revoked_by_an_approver() {
    let scene = Scene::new().await;
    let taken_back = scene.scheduled_in(60).await;
    refusal(scene.engine.end(&carol(), Some(taken_back)).await);
    scene.engine.cancel(&carol(), taken_back).await.unwrap();
    assert_eq!(scene.state(taken_back).await, State::Cancelled);
    let revoked = scene.scheduled_in(60).await;
    scene.engine.revoke(&alice(), revoked, "no").await.unwrap();
    assert_eq!(scene.state(revoked).await, State::Revoked);
    scene.pass(61 * MINUTE);
    scene.tick().await;
    assert!(!scene.opens_sudo_to_carol());
}

#[tokio::test]
async fn an_extension_goes_on_without_a_gap() {
    let scene = Scene::new().await;
    let first = scene.active().await;
    let asked = scene.engine.extend(&carol(), first, &for_minutes(5)).await;
    let second = asked.unwrap();
    assert_eq!(scene.approved(second).await.state, State::Scheduled);
    // Sampled at every 100 ms, with the clock ringing when it said it would.
    let mut elapsed = 0;
    while elapsed < 15 * MINUTE {
        assert!(scene.opens_sudo_to_carol(), "at {elapsed} ms");
        assert!(scene.in_group("jit-deploy:x:900:carol"), "at {elapsed} ms");
        scene.pass(100);
        elapsed += 100;
        if scene.engine.next_due().await.is_some_and(|due| due <= 0) {
            scene.tick().await;
        }
    }
    assert!(!scene.opens_sudo_to_carol());
    assert!(!scene.in_group("jit-deploy:x:900:carol"));
    assert_eq!(scene.state(first).await, State::Expired);
    assert_eq!(scene.state(second).await, State::Expired);
}

#[tokio::test]
async fn before_its_time_an_extension_gives_nothing_of_its_own() {
    let scene = Scene::new().await;
    let first = scene.active().await;
    let asked = scene.engine.extend(&carol(), first, &for_minutes(5)).await;
    let second = asked.unwrap();
    scene.approved(second).await;
    scene.pass(10 * MINUTE - 1_000);
    scene.tick().await;
    let shown = scene.engine.get(&root(), second).await.unwrap();
    let now = scene.engine.now();
    assert_eq!(shown.shown_state(&now), State::Scheduled);
    assert!(!shown.is_active(&now));
    // The first one ends before its time, and so does what was to follow.
    scene
        .engine
        .revoke(&alice(), first, "enough")
        .await
        .unwrap();
    assert!(!scene.opens_sudo_to_carol());
    scene.pass(2_000);
    scene.tick().await;
    assert!(!scene.opens_sudo_to_carol());
    assert_eq!(scene.state(second).await, State::Revoked);
}

#[tokio::test]
async fn with_what_it_extends_a_pending_extension_goes_too() {
    let scene = Scene::new().await;
    let first = scene.active().await;
    let asked = scene.engine.extend(&carol(), first, &for_minutes(5)).await;
    let second = asked.unwrap();
    let again = scene.engine.extend(&carol(), first, &for_minutes(5)).await;
    assert!(matches!(refusal(again), Refusal::WrongState(_)));
    scene.engine.end(&carol(), Some(first)).await.unwrap();
    assert_eq!(scene.state(second).await, State::Cancelled);
}

#[tokio::test]
async fn nobody_extends_anothers_elevation_nor_one_that_is_over() {
    let scene = Scene::new().await;
    let first = scene.active().await;
    let others = scene.engine.extend(&bea(), first, &for_minutes(5)).await;
    not_allowed(others);
    scene.engine.end(&carol(), None).await.unwrap();
    let over = scene.engine.extend(&carol(), first, &for_minutes(5)).await;
    assert!(matches!(refusal(over), Refusal::WrongState(_)));
}

#[tokio::test]
async fn an_extension_that_is_approved_late_begins_then_and_ends_as_asked() {
    let scene = Scene::new().await;
    let first = scene.active().await;
    let asked = scene.engine.extend(&carol(), first, &for_minutes(5)).await;
    let second = asked.unwrap();
    scene.pass(12 * MINUTE);
    scene.tick().await;
    assert!(!scene.opens_sudo_to_carol());
    assert_eq!(scene.approved(second).await.state, State::Active);
    assert!(scene.opens_sudo_to_carol());
    scene.pass(3 * MINUTE);
    assert!(!scene.opens_sudo_to_carol());
}

#[tokio::test]
async fn only_time_that_was_used_counts_against_the_budget() {
    let scene = Scene::new().await;
    let hours = |hours: u64| for_minutes(hours * 60);
    let take = async |options| {
        let id = scene.asked(&carol(), "root", options).await?;
        scene.approved(id).await;
        scene.engine.approve(&bea(), id, None, "").await?;
        Ok::<_, EngineError>(id)
    };
    let first = take(hours(3)).await.unwrap();
    // The same time counts once, however many elevations share it; more time is too much.
    let again = take(hours(1)).await.unwrap();
    scene.engine.end(&carol(), Some(again)).await.unwrap();
    let more = scene.engine.extend(&carol(), first, &hours(1)).await;
    let too_much = refusal(more);
    assert!(
        matches!(too_much, Refusal::LimitExceeded(_)),
        "{too_much:?}"
    );
    // Given back after an hour: two are left.
    scene.pass(60 * MINUTE);
    scene.engine.end(&carol(), Some(first)).await.unwrap();
    let too_much = refusal(take(hours(3)).await);
    assert!(
        matches!(&too_much, Refusal::LimitExceeded(text) if text.contains("--for \"2h\"")),
        "{too_much:?}"
    );
    take(hours(2)).await.unwrap();
    // A day after the first hour began it is forgotten.
    scene.pass(24 * 60 * MINUTE);
    scene.tick().await;
    take(hours(1)).await.unwrap();
}

#[tokio::test]
async fn the_budget_counts_when_it_is_approved_too() {
    let scene = Scene::new().await;
    let both = [for_minutes(120), for_minutes(120)];
    let mut ids = Vec::new();
    for options in both {
        ids.push(scene.asked(&carol(), "root", options).await.unwrap());
    }
    for id in &ids {
        scene.approved(*id).await;
    }
    scene
        .engine
        .approve(&bea(), ids[0], None, "")
        .await
        .unwrap();
    scene.pass(120 * MINUTE - 1);
    let over = scene.engine.approve(&bea(), ids[1], None, "").await;
    assert!(matches!(
        refusal(over),
        Refusal::WrongState(_) | Refusal::LimitExceeded(_)
    ));
}

#[tokio::test]
async fn its_holder_is_warned_once_at_each_time_and_told_how_to_go_on() {
    let scene = Scene::new().await;
    let said = || std::mem::take(&mut *scene.said.0.lock().unwrap());
    let first = scene.active().await;
    // Ten minutes in all; the times are five and one before the end.
    scene.engine.warn().await;
    assert_eq!(said(), []);
    assert_eq!(scene.engine.next_warning().await, Some(5 * MINUTE));
    for (minutes, left) in [(5, "5m"), (4, "1m")] {
        scene.pass(minutes * MINUTE - 1);
        scene.engine.warn().await;
        assert_eq!(said(), []);
        scene.pass(1);
        scene.engine.warn().await;
        scene.engine.warn().await;
        let text = format!(
            "jitd: your elevation {first} (deploy) ends in {left}. To go on: jitctl extend {first} --for 10m --reason \"...\""
        );
        assert_eq!(said(), [(1001, text)]);
    }
    assert_eq!(scene.engine.next_warning().await, None);
    // Who goes on anyway is not warned, and a short one has no time for the long warning.
    let short = RequestOptions {
        duration: Some(120),
        ..for_minutes(2)
    };
    let id = scene.asked(&carol(), "deploy", short).await.unwrap();
    scene.approved(id).await;
    scene.engine.warn().await;
    assert_eq!(said(), []);
    let asked = scene.engine.extend(&carol(), id, &for_minutes(5)).await;
    scene.approved(asked.unwrap()).await;
    scene.pass(MINUTE);
    scene.engine.warn().await;
    assert_eq!(said(), []);
}
