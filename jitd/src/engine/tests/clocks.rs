//! The clock is set, the host is started again: noticed, on record, and nobody gains by it.

use super::*;

const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;

impl Scene {
    fn set_clock(&self, by: i64) {
        let mut now = self.clock.0.lock().unwrap();
        now.wall.0 = now.wall.0.saturating_add(by);
    }

    /// The host is off for so long, and its clock is set meanwhile.
    pub(super) async fn reboot(&mut self, away: i64, set_by: i64) {
        {
            let mut now = self.clock.0.lock().unwrap();
            now.wall.0 += away + set_by;
            now.boot = Boot(2_000);
            now.boot_id.0.push_str(" and another");
        }
        self.restart().await;
        self.tick().await;
    }

    /// The steps on record, in seconds.
    async fn steps(&self) -> Vec<String> {
        let events = self.engine.shared.store.events("clock.stepped").await;
        let field = |fields: &str| {
            let fields: Vec<(String, String)> = serde_json::from_str(fields).unwrap();
            let step = fields.into_iter().find(|(key, _)| key == "step");
            step.unwrap().1
        };
        events.unwrap().iter().map(|text| field(text)).collect()
    }

    async fn last_seen(&self) -> Now {
        let seen = self.engine.shared.store.last_seen().await;
        seen.unwrap().unwrap()
    }

    fn time(&self) -> Now {
        self.engine.now()
    }
}

#[tokio::test]
async fn every_commit_keeps_the_time_and_so_does_time_itself_while_something_is_open() {
    let scene = Scene::new().await;
    scene.tick().await;
    assert_eq!(scene.engine.next_keeping().await, None);
    scene.pass(1_000);
    scene.requested(&carol()).await;
    assert_eq!(scene.last_seen().await, scene.time());
    assert_eq!(scene.engine.next_keeping().await, Some(30_000));
    let kept = scene.time();
    scene.pass(29_999);
    scene.engine.keep_time().await.unwrap();
    assert_eq!(scene.last_seen().await, kept);
    scene.pass(1);
    scene.engine.keep_time().await.unwrap();
    assert_eq!(scene.last_seen().await, scene.time());
    scene.pass(1);
    scene.engine.keep_time_now().await.unwrap();
    assert_eq!(scene.last_seen().await, scene.time(), "at a stop");
}

#[tokio::test]
async fn a_clock_set_back_is_on_record_and_shortens_what_is_promised() {
    let scene = Scene::new().await;
    let id = scene.active().await;
    scene.pass(4 * MINUTE);
    scene.set_clock(-HOUR);
    scene.tick().await;
    assert_eq!(scene.steps().await, ["-3600"]);
    let grant = scene.engine.get(&root(), id).await.unwrap().grant.unwrap();
    assert_eq!(grant.ends_at.0, scene.time().wall.0 + 6 * MINUTE);
    assert!(scene.opens_sudo_to_carol());
    scene.pass(6 * MINUTE);
    assert!(!scene.opens_sudo_to_carol());
    scene.tick().await;
    assert_eq!(scene.state(id).await, State::Expired);
    assert_eq!(scene.steps().await.len(), 1, "once");
}

#[tokio::test]
async fn a_clock_set_forward_is_on_record_and_ends_what_is_over_by_it() {
    let scene = Scene::new().await;
    let id = scene.active().await;
    scene.set_clock(HOUR);
    assert!(!scene.opens_sudo_to_carol());
    scene.tick().await;
    assert_eq!(scene.steps().await, ["3600"]);
    assert_eq!(scene.state(id).await, State::Expired);
    scene.set_clock(-HOUR);
    scene.tick().await;
    assert_eq!(scene.steps().await, ["3600", "-3600"]);
    assert!(!scene.opens_sudo_to_carol(), "what has ended has ended");
}

#[tokio::test]
async fn small_steps_add_up() {
    let scene = Scene::new().await;
    scene.active().await;
    for _ in 0..4 {
        scene.set_clock(-900);
        scene.pass(1_000);
        scene.tick().await;
        scene.engine.keep_time_now().await.unwrap();
    }
    assert_eq!(scene.steps().await, ["-3"]);
}

#[tokio::test]
async fn whoever_commits_first_does_not_hide_a_step() {
    let mut scene = Scene::new().await;
    scene.active().await;
    scene.set_clock(-HOUR);
    // Something is done before anybody has looked, and then jitd is killed.
    scene.requested(&carol()).await;
    scene.engine.keep_time_now().await.unwrap();
    scene.restart().await;
    scene.tick().await;
    assert_eq!(scene.steps().await, ["-3600"]);
}

#[tokio::test]
async fn whoever_looks_has_the_clock_looked_at() {
    let scene = Scene::new().await;
    scene.tick().await;
    let waiting = scene.engine.clone();
    let noticed = tokio::spawn(async move { waiting.clock_was_set().await });
    scene.engine.own(&carol()).await;
    others_go_on().await;
    assert!(!noticed.is_finished());
    scene.set_clock(-HOUR);
    scene.engine.own(&carol()).await;
    others_go_on().await;
    assert!(noticed.is_finished());
}

#[tokio::test]
async fn a_clock_that_was_set_while_jitd_was_away_is_on_record() {
    let mut scene = Scene::new().await;
    let id = scene.active().await;
    scene.set_clock(-24 * HOUR);
    scene.pass(5 * MINUTE);
    scene.restart().await;
    scene.tick().await;
    assert_eq!(scene.steps().await, ["-86400"]);
    assert!(scene.opens_sudo_to_carol());
    scene.pass(5 * MINUTE);
    scene.tick().await;
    assert_eq!(scene.state(id).await, State::Expired);
}

#[tokio::test]
async fn after_a_reboot_what_was_left_is_left_and_the_clock_gains_nothing() {
    let mut scene = Scene::new().await;
    let id = scene.active().await;
    scene.pass(4 * MINUTE);
    scene.engine.keep_time_now().await.unwrap();
    scene.reboot(MINUTE, 0).await;
    assert_eq!(scene.steps().await, [""; 0]);
    assert!(scene.opens_sudo_to_carol());
    scene.set_clock(-HOUR);
    scene.pass(5 * MINUTE - 1);
    assert!(scene.opens_sudo_to_carol());
    scene.pass(1);
    assert!(!scene.opens_sudo_to_carol());
    scene.tick().await;
    assert_eq!(scene.state(id).await, State::Expired);
}

#[tokio::test]
async fn a_step_before_a_reboot_gains_nothing_after_it() {
    let mut scene = Scene::new().await;
    scene.active().await;
    scene.pass(4 * MINUTE);
    scene.set_clock(-2 * MINUTE);
    scene.tick().await;
    scene.reboot(MINUTE, 0).await;
    assert!(scene.opens_sudo_to_carol());
    scene.pass(5 * MINUTE);
    assert!(!scene.opens_sudo_to_carol());
}

#[tokio::test]
async fn a_clock_set_back_across_a_reboot_proves_nothing_and_ends_it() {
    let mut scene = Scene::new().await;
    let id = scene.active().await;
    scene.pass(4 * MINUTE);
    scene.engine.keep_time_now().await.unwrap();
    // To a time within the elevation.
    scene.reboot(MINUTE, -2 * MINUTE).await;
    assert!(!scene.opens_sudo_to_carol());
    assert!(!scene.in_group("jit-deploy:x:900:carol"));
    assert_eq!(scene.state(id).await, State::Expired);
    assert_eq!(scene.steps().await, ["-60"]);
    let fields = scene.engine.shared.store.events("elevation.expired").await;
    let fields = fields.unwrap();
    assert!(fields[0].contains("clock set back"), "{fields:?}");
}

#[tokio::test]
async fn a_full_disk_keeps_nothing_alive_that_a_reboot_has_ended() {
    let mut scene = Scene::new().await;
    let id = scene.active().await;
    scene.pass(4 * MINUTE);
    scene.engine.keep_time_now().await.unwrap();
    scene.fill_the_disk();
    {
        let mut now = scene.clock.0.lock().unwrap();
        now.wall.0 -= 2 * MINUTE;
        now.boot_id = BootId("second".to_owned());
    }
    scene.restart().await;
    scene.engine.do_what_is_due().await.unwrap_err();
    assert!(!scene.opens_sudo_to_carol());
    assert!(scene.engine.reconcile().await);
    assert!(!scene.in_group("jit-deploy:x:900:carol"));
    scene.make_room();
    scene.tick().await;
    assert_eq!(scene.state(id).await, State::Expired);
    assert_eq!(scene.steps().await, ["-120"]);
}

#[tokio::test]
async fn a_set_time_moves_with_the_wall_clock() {
    let scene = Scene::new().await;
    let options = RequestOptions {
        duration: Some(1800),
        start: Some(scene.time().wall.0 + HOUR),
        reason: Some("to be done".to_owned()),
        ..RequestOptions::default()
    };
    let id = scene.asked(&carol(), "deploy", options).await.unwrap();
    scene.engine.approve(&alice(), id, None, "").await.unwrap();
    scene.set_clock(-HOUR);
    scene.tick().await;
    scene.pass(2 * HOUR - 1);
    scene.tick().await;
    assert!(!scene.opens_sudo_to_carol());
    scene.pass(1);
    scene.tick().await;
    assert!(scene.opens_sudo_to_carol());
    scene.pass(1800 * 1000);
    assert!(!scene.opens_sudo_to_carol());
}

#[tokio::test]
async fn no_time_is_too_far_away() {
    for to in [i64::MIN, 0, 253_402_300_800_000, i64::MAX] {
        let mut scene = Scene::new().await;
        scene.active().await;
        let by = i128::from(to) - i128::from(scene.time().wall.0);
        scene.set_clock(
            by.clamp(i64::MIN.into(), i64::MAX.into())
                .try_into()
                .unwrap(),
        );
        scene.tick().await;
        scene.engine.warn().await;
        assert_eq!(scene.steps().await.len(), 1, "{to}");
        let _ = scene
            .asked(&carol(), "quick", RequestOptions::default())
            .await;
        {
            let mut now = scene.clock.0.lock().unwrap();
            now.boot = Boot(now.boot.0 + 10 * MINUTE);
        }
        scene.restart().await;
        scene.tick().await;
        assert!(!scene.opens_sudo_to_carol(), "{to}");
    }
}

#[tokio::test]
async fn a_database_that_has_no_reading_yet_is_taken_up() {
    let mut scene = Scene::new().await;
    let id = scene.active().await;
    let db = rusqlite::Connection::open(scene.folder.path().join("jitd.db")).unwrap();
    db.execute("DELETE FROM clock", []).unwrap();
    scene.restart().await;
    scene.tick().await;
    assert_eq!(scene.steps().await, [""; 0]);
    assert_eq!(scene.last_seen().await, scene.time());
    assert_eq!(scene.state(id).await, State::Active);
}
