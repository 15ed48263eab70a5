//! What was decided before something was lost counts no more.

use super::policy::{read, why};
use super::*;
use crate::domain::names::RoleName;

impl Scene {
    /// What the gate says to a sudo of carol's that was started so many milliseconds after boot.
    fn sudo_since(&self, started: i64) -> GateVerdict {
        let gate = self.engine.gate();
        let asks = Asks {
            since: Some(Boot(started)),
            ..Asks::default()
        };
        gate.check(1001, "carol", "sudo", asks)
    }

    fn boot_now(&self) -> i64 {
        self.clock.now().boot.0
    }

    /// Of a host that has been up for a while: with no policy on record, a start counts as a loss.
    async fn in_the_midst() -> Self {
        let scene = Self::new().await;
        scene.pass(10);
        scene
    }

    /// carol holds `quick` for ten minutes; gives its number.
    async fn quick(&self) -> ElevationId {
        self.asked(&carol(), "quick", short()).await.unwrap()
    }
}

fn short() -> RequestOptions {
    RequestOptions {
        duration: Some(600),
        ..why()
    }
}

fn lost(role: &str) -> GateVerdict {
    GateVerdict::Lost(Some(RoleName::new(role).unwrap()))
}

#[track_caller]
fn open(verdict: &GateVerdict) {
    let is_open = matches!(verdict, GateVerdict::Open { .. });
    assert!(is_open, "{verdict:?}");
}

#[tokio::test]
async fn each_end_counts_against_who_was_there_before() {
    for way in ["expiry", "end", "revoke", "policy", "role"] {
        let scene = Scene::new().await;
        let deploy = scene.active().await;
        let before = scene.boot_now();
        scene.pass(300_000);
        scene.quick().await;
        match way {
            "expiry" => {
                scene.pass(300_000);
                assert_eq!(
                    scene.sudo_since(scene.boot_now()),
                    lost("deploy"),
                    "at once"
                );
                scene.tick().await;
            }
            "end" => drop(scene.engine.end(&carol(), Some(deploy)).await.unwrap()),
            "revoke" => drop(scene.engine.revoke(&alice(), deploy, "x").await.unwrap()),
            "policy" => {
                // She is not eligible for it any more.
                let eligible = r#"eligible = { groups = ["contractors"] }"#;
                let changed = POLICY.replacen(eligible, r#"eligible = { users = ["bob"] }"#, 1);
                scene
                    .engine
                    .adopt(read(&changed), By::Signal, MayEnd::Some)
                    .await
                    .unwrap();
            }
            _ => {
                let changed = POLICY.replace("[role.deploy]", "[role.other]");
                scene
                    .engine
                    .adopt(read(&changed), By::Signal, MayEnd::Some)
                    .await
                    .unwrap();
            }
        }
        assert_eq!(scene.sudo_since(before), lost("deploy"), "{way}");
        scene.pass(10);
        open(&scene.sudo_since(scene.boot_now()));
        assert_eq!(scene.sudo_since(before), lost("deploy"), "{way}, for good");
        let daemon = scene
            .engine
            .gate()
            .check(1001, "carol", "sudo", Asks::default());
        open(&daemon);
    }
}

#[tokio::test]
async fn a_policy_that_gives_otherwise_is_a_loss_and_one_that_gives_the_same_is_none() {
    let scene = Scene::in_the_midst().await;
    scene.active().await;
    let before = scene.boot_now();
    scene.pass(1_000);
    // As the scene has it: read from the text, nothing is recorded.
    let as_it_is = |policy: &mut crate::domain::policy::Policy| {
        policy.roles.get_mut("watched").unwrap().record = true;
    };
    let mut same = read(&POLICY.replace("max_duration = \"2h\"", "max_duration = \"3h\"")).unwrap();
    as_it_is(&mut same);
    scene
        .engine
        .adopt(Ok(same.clone()), By::Signal, MayEnd::Some)
        .await
        .unwrap();
    open(&scene.sudo_since(before));
    let refused = read("[").map(|_| unreachable!());
    scene
        .engine
        .adopt(refused, By::Signal, MayEnd::Some)
        .await
        .unwrap_err();
    open(&scene.sudo_since(before));
    for change in ["run_as", "record"] {
        let mut changed = same.clone();
        let role = changed.roles.get_mut("deploy").unwrap();
        match change {
            "run_as" => role.run_as = vec!["nobody".to_owned()],
            _ => role.record = true,
        }
        scene
            .engine
            .adopt(Ok(changed), By::Signal, MayEnd::Some)
            .await
            .unwrap();
        assert_eq!(
            scene.sudo_since(scene.boot_now()),
            lost("deploy"),
            "{change}"
        );
        scene.pass(10);
        open(&scene.sudo_since(scene.boot_now()));
    }
}

#[tokio::test]
async fn what_goes_on_without_a_gap_is_not_lost_and_neither_is_what_was_never_held() {
    let scene = Scene::in_the_midst().await;
    let first = scene.active().await;
    let before = scene.boot_now();
    let asked = scene.requested(&carol()).await;
    scene.engine.deny(&alice(), asked, "no").await.unwrap();
    let asked = scene.requested(&carol()).await;
    scene.engine.cancel(&carol(), asked).await.unwrap();
    let more = RequestOptions {
        duration: Some(300),
        reason: Some("not done yet".to_owned()),
        ..RequestOptions::default()
    };
    let extension = scene.engine.extend(&carol(), first, &more).await.unwrap();
    scene
        .engine
        .approve(&alice(), extension, None, "")
        .await
        .unwrap();
    // What begins is made active a little ahead.
    scene.pass(599_000);
    scene.tick().await;
    scene.pass(1_000);
    open(&scene.sudo_since(before));
    scene.tick().await;
    assert_eq!(scene.state(first).await, State::Expired);
    open(&scene.sudo_since(before));
}

#[tokio::test]
async fn a_jitd_that_starts_counts_what_ended_in_this_boot_as_of_now() {
    let mut scene = Scene::new().await;
    let deploy = scene.active().await;
    scene.quick().await;
    let before = scene.boot_now();
    scene.pass(1_000);
    scene.engine.end(&carol(), Some(deploy)).await.unwrap();
    scene.pass(1_000);
    scene.puts_its_policy_on_record().await;
    scene.restart().await;
    assert_eq!(scene.sudo_since(before), GateVerdict::Lost(None));
    scene.pass(10);
    open(&scene.sudo_since(scene.boot_now()));
}

#[tokio::test]
async fn a_restart_alone_takes_nothing_unless_the_policy_is_another() {
    let mut scene = Scene::new().await;
    scene.active().await;
    let before = scene.boot_now();
    scene.pass(1_000);
    scene.puts_its_policy_on_record().await;
    scene.restart().await;
    open(&scene.sudo_since(before));
    // Another one is on record than the one that it starts with.
    let other = read(&POLICY.replace("[\"jit-deploy\"]", "[\"jit-other\"]")).unwrap();
    scene
        .engine
        .put_on_record(scene.engine.policy_loaded(&other, By::Start))
        .await
        .unwrap();
    scene.restart().await;
    assert_eq!(scene.sudo_since(before), GateVerdict::Lost(None));
}

#[tokio::test]
async fn what_ended_while_jitd_was_away_is_lost() {
    let mut scene = Scene::new().await;
    scene.active().await;
    scene.pass(60_000);
    scene.quick().await;
    scene.puts_its_policy_on_record().await;
    let before = scene.boot_now();
    scene.pass(540_000);
    scene.restart().await;
    assert_eq!(scene.sudo_since(before), lost("deploy"));
}

impl Scene {
    async fn puts_its_policy_on_record(&self) {
        let policy = self.engine.policy().unwrap();
        let event = self.engine.policy_loaded(&policy, By::Start);
        self.engine.put_on_record(event).await.unwrap();
    }
}
