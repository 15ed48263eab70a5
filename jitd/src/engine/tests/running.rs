use sha2::{Digest, Sha256};

use super::policy::read;
use super::*;

impl Scene {
    /// As the daemon does when it starts, with what there is to catch up with in `between`.
    async fn begins(&self) {
        let stock = self.engine.take_stock().await;
        self.engine.do_what_is_due().await.unwrap();
        self.engine.resume_sessions().await.unwrap();
        assert!(self.engine.reconcile().await);
        let caught_up = self.engine.caught_up(stock).await;
        let first = self.engine.first_word().await;
        self.engine.begins(first, caught_up).await.unwrap();
    }

    async fn enforces(&self, killed: &str) {
        let stock = self.engine.take_stock().await;
        self.tick().await;
        let caught_up = self.engine.caught_up(stock).await;
        self.engine.has_enforced(caught_up, killed).await.unwrap();
    }

    fn runs(&self) -> Vec<String> {
        let mut told = self.told("daemon.%");
        for line in &mut told {
            *line = line.replace(concat!(" version=", env!("CARGO_PKG_VERSION")), "");
        }
        told
    }
}

#[tokio::test]
async fn each_run_is_on_record_and_how_the_one_before_it_ended() {
    let mut scene = Scene::new().await;
    let started = "daemon.started schema=7 policy=loaded boot=first";
    scene.begins().await;
    assert_eq!(scene.runs(), [started]);
    scene.engine.stops("SIGTERM").await.unwrap();
    scene.restart().await;
    scene.begins().await;
    let told = scene.runs();
    let after = format!("{started} after=stop");
    assert_eq!(told[1..], ["daemon.stopped because=SIGTERM", &after]);

    scene.engine.stops("SIGTERM").await.unwrap();
    scene.reboot(60_000, 0).await;
    scene.begins().await;
    let told = scene.runs();
    let expected = "daemon.started schema=7 policy=loaded boot=first and another after=reboot";
    assert_eq!(told[4..], [expected]);
}

#[tokio::test]
async fn a_crash_is_on_record_with_what_it_left_to_be_done() {
    let mut scene = Scene::new().await;
    scene.begins().await;
    scene.active().await;
    scene
        .asked(&carol(), "root", RequestOptions::default())
        .await
        .unwrap();
    scene.restart().await;
    scene.pass(600_000);
    scene.begins().await;
    let told = scene.runs();
    let expected = [
        "daemon.started schema=7 policy=loaded boot=first after=crash",
        "daemon.recovered after=crash ended=1 closed=0 taken=1",
    ];
    assert_eq!(told[1..], expected);
    // And again, with nothing to do.
    scene.restart().await;
    scene.begins().await;
    let recovered = "daemon.recovered after=crash ended=0 closed=0 taken=0";
    assert_eq!(scene.runs().last().unwrap(), recovered);
}

#[tokio::test]
async fn a_host_that_went_down_under_it_is_told_from_a_crash() {
    let mut scene = Scene::new().await;
    scene.begins().await;
    scene.reboot(60_000, 0).await;
    scene.begins().await;
    let recovered = "daemon.recovered after=outage ended=0 closed=0 taken=0";
    assert_eq!(scene.runs().last().unwrap(), recovered);
}

#[tokio::test]
async fn what_was_counted_comes_before_the_stop() {
    let scene = Scene::new().await;
    scene.begins().await;
    for _ in 0..3 {
        not_allowed(scene.engine.only_root(&carol(), "setup").await);
    }
    scene.engine.stops("SIGINT").await.unwrap();
    let names = scene.events().await;
    assert_eq!(
        names[2..],
        ["attempt.refused", "attempt.refused", "daemon.stopped"]
    );
}

#[tokio::test]
async fn the_second_enforcer_is_on_record_only_where_it_had_something_to_do() {
    let scene = Scene::new().await;
    scene.active().await;
    let acted = || scene.told("enforcer.acted");
    scene.enforces("").await;
    assert_eq!(acted(), [""; 0]);
    scene.pass(600_000);
    scene.enforces("").await;
    assert_eq!(acted(), ["enforcer.acted ended=1 closed=0 taken=1"]);
    scene.enforces("jitd").await;
    let killed = "enforcer.acted ended=0 closed=0 taken=0 killed=jitd";
    assert_eq!(acted()[1..], [killed]);
}

#[tokio::test]
async fn the_policy_is_on_record_with_its_digest_at_each_start_and_reload() {
    let scene = Scene::new().await;
    scene.begins().await;
    let digest = |scene: &Scene| {
        let policy = scene.engine.policy().unwrap();
        format!("{:x}", Sha256::digest(jitd_policy::show::toml(&policy)))
    };
    let first = digest(&scene);
    let told = || scene.told("policy.%");
    assert_eq!(
        told(),
        [format!("policy.loaded by=jitd roles=5 digest={first}")]
    );
    let somebody = root();
    let reload = scene.engine.adopt(
        read("[role.deploy]\nmax_duration = 5\n"),
        By::Caller(&somebody),
        MayEnd::Some,
    );
    refusal(reload.await);
    let without_root = &POLICY[..POLICY.find("[role.root]").unwrap()];
    let reload = scene
        .engine
        .adopt(read(without_root), By::Signal, MayEnd::Some);
    reload.await.unwrap();
    let told = told();
    assert!(
        told[1].starts_with("policy.refused by=root error=jitd.toml:"),
        "{told:?}"
    );
    assert!(told[1].ends_with(&format!(" digest={first}")), "{told:?}");
    let second = digest(&scene);
    assert_eq!(
        told[2],
        format!("policy.loaded by=SIGHUP roles=1 digest={second}")
    );
    assert_ne!(first, second);
}

#[tokio::test]
async fn a_broken_policy_at_the_start_is_on_record() {
    let scene = Scene::new().await;
    scene
        .engine
        .put_in_force(PolicyInForce::Broken("jitd.toml:1:1: no".to_owned()));
    scene.begins().await;
    assert_eq!(
        scene.told("policy.%"),
        ["policy.refused by=jitd error=jitd.toml:1:1: no"]
    );
    assert_eq!(
        scene.runs(),
        ["daemon.started schema=7 policy=broken boot=first"]
    );
}

#[tokio::test]
async fn setup_and_removal_are_on_record_with_who_did_it() {
    let scene = Scene::new().await;
    let shell = through(root(), alice());
    scene.engine.gate_installed(&shell, true).await.unwrap();
    scene.engine.gate_installed(&root(), false).await.unwrap();
    not_allowed(scene.engine.gate_installed(&alice(), true).await);
    scene.active().await;
    scene.engine.withdraw(Some(&shell)).await.unwrap();
    let told = scene.told("gate.%");
    assert_eq!(
        told,
        [
            "gate.installed by=root login=alice",
            "gate.uninstalled by=root"
        ]
    );
    let told = scene.told("daemon.%");
    assert_eq!(told, ["daemon.withdrawn by=root login=alice"]);
    let names = scene.events().await;
    let at = names
        .iter()
        .position(|name| name == "daemon.withdrawn")
        .unwrap();
    assert_eq!(names[at + 1], "elevation.revoked");
}

#[tokio::test]
async fn a_membership_is_on_record_with_the_elevation_that_gave_it() {
    let scene = Scene::new().await;
    let id = scene.active().await;
    let told = |name: &str, id: ElevationId| {
        let whose = format!("id={id} user=carol uid=1001 role=deploy");
        format!("membership.{name} {whose} by=jitd group=jit-deploy member=carol")
    };
    let memberships = || scene.told("membership.%");
    assert_eq!(memberships(), [told("given", id)]);
    // A second one gives nothing that she does not have, and is the last to give it.
    let second = scene.requested(&carol()).await;
    scene
        .engine
        .approve(&alice(), second, None, "")
        .await
        .unwrap();
    scene.engine.end(&carol(), Some(id)).await.unwrap();
    assert_eq!(memberships().len(), 1);
    scene.pass(1_000);
    scene.engine.end(&carol(), Some(second)).await.unwrap();
    assert_eq!(memberships()[1..], [told("taken", second)]);
    // Of the two, the one that ended last, also where that is the older one.
    let older = scene.active().await;
    let newer = scene.active().await;
    scene.engine.end(&carol(), Some(newer)).await.unwrap();
    scene.pass(1_000);
    scene.engine.end(&carol(), Some(older)).await.unwrap();
    assert_eq!(
        memberships()[2..],
        [told("given", older), told("taken", older)]
    );
}

#[tokio::test]
async fn a_membership_that_cannot_be_put_on_record_is_not_given() {
    let scene = Scene::new().await;
    let id = scene.requested(&carol()).await;
    let db = rusqlite::Connection::open(scene.folder.path().join("jitd.db")).unwrap();
    // The approval is taken, and what it gives is not.
    db.execute_batch(
        "CREATE TRIGGER full BEFORE INSERT ON event WHEN NEW.event = 'membership.given'
         BEGIN SELECT RAISE(ABORT, 'full'); END",
    )
    .unwrap();
    let approved = scene.engine.approve(&alice(), id, None, "").await;
    assert!(
        matches!(approved, Err(EngineError::NotGiven(..))),
        "{approved:?}"
    );
    assert!(scene.in_group("jit-deploy:x:900:"));
    let held: i64 = db
        .query_row("SELECT count(*) FROM held", [], |row| row.get(0))
        .unwrap();
    assert_eq!(held, 0, "noted and told, or neither");
}
