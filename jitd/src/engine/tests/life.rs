use super::*;
use crate::record::{Event, EventName};

#[tokio::test]
async fn from_request_to_end() {
    let scene = Scene::new().await;
    let id = scene.requested(&carol()).await;
    assert!(!scene.opens_sudo_to_carol() && scene.in_group("jit-deploy:x:900:"));
    assert_eq!(scene.engine.pending(&alice()).await.len(), 1);
    scene
        .engine
        .approve(&alice(), id, None, "go")
        .await
        .unwrap();
    assert!(scene.opens_sudo_to_carol() && scene.in_group("jit-deploy:x:900:carol"));
    assert_eq!(scene.engine.next_due().await, Some(600_000));
    scene.pass(599_999);
    assert!(scene.opens_sudo_to_carol());
    scene.pass(1);
    assert!(
        !scene.opens_sudo_to_carol(),
        "judged by the clock, before any timer has run"
    );
    scene.engine.do_what_is_due().await.unwrap();
    assert!(scene.in_group("jit-deploy:x:900:"));
    assert_eq!(scene.state(id).await, State::Expired);
    assert_eq!(scene.engine.next_due().await, None);
}

#[tokio::test]
async fn the_gate_opens_only_the_services_of_the_role_and_only_to_its_holder() {
    let scene = Scene::new().await;
    scene.active().await;
    let gate = scene.engine.gate();
    for (uid, name, service) in [
        (1001, "carol", "su"),
        (1001, "carol", "sudo-i"),
        (1003, "bob", "sudo"),
        (1003, "carol", "sudo"),
        (1001, "eve", "sudo"),
        (0, "root", "sudo"),
    ] {
        assert!(
            matches!(
                gate.check(uid, name, service, Asks::default()),
                GateVerdict::Closed { .. }
            ),
            "{uid} {name} {service}"
        );
    }
}

#[tokio::test]
async fn nobody_decides_their_own_elevation() {
    let scene = Scene::new().await;
    let carol_approves = caller(1001, "carol", &["contractors", "jit-approvers"]);
    let id = scene.requested(&carol_approves).await;
    not_allowed(scene.engine.approve(&carol_approves, id, None, "").await);
    // A root shell of hers, and an approver's account that she sits in.
    not_allowed(
        scene
            .engine
            .approve(&through(root(), carol_approves.clone()), id, None, "")
            .await,
    );
    not_allowed(
        scene
            .engine
            .approve(&through(alice(), carol_approves), id, None, "")
            .await,
    );
    // One who asked through her account may not decide either.
    let approver = caller(1005, "erin", &["jit-approvers"]);
    let id = scene.requested(&through(carol(), approver.clone())).await;
    not_allowed(scene.engine.approve(&approver, id, None, "").await);
    assert_eq!(scene.state(id).await, State::Pending);
}

#[tokio::test]
async fn only_approvers_approve_and_a_login_uid_does_not_lend_authority() {
    let scene = Scene::new().await;
    let id = scene.requested(&carol()).await;
    let dave = caller(1004, "dave", &["users"]);
    not_allowed(scene.engine.approve(&dave, id, None, "").await);
    not_allowed(scene.engine.approve(&root(), id, None, "").await);
    not_allowed(
        scene
            .engine
            .approve(&through(alice(), dave.clone()), id, None, "")
            .await,
    );
    not_allowed(
        scene
            .engine
            .approve(&through(dave, alice()), id, None, "")
            .await,
    );
    // An approver's own root shell counts as the approver.
    scene
        .engine
        .approve(&through(root(), alice()), id, None, "")
        .await
        .unwrap();
    let elevation = scene.engine.get(&alice(), id).await.unwrap();
    assert_eq!(elevation.decisions[0].by.as_str(), "alice");
}

#[tokio::test]
async fn who_is_not_eligible_gets_nothing() {
    let scene = Scene::new().await;
    let erin = caller(1005, "erin", &["users"]);
    let options = RequestOptions {
        reason: Some("just because".to_owned()),
        ..RequestOptions::default()
    };
    not_allowed(scene.engine.request(&erin, "deploy", &options).await);
    let unknown = refusal(
        scene
            .engine
            .request(&carol(), "nonesuch\u{1b}[2J", &options)
            .await,
    );
    assert!(
        matches!(&unknown, Refusal::NotFound(text) if !text.contains('\u{1b}')),
        "{unknown:?}"
    );
}

#[tokio::test]
async fn lengths_and_reasons_are_held_to_the_role() {
    let scene = Scene::new().await;
    let ask = async |duration, reason: &str| {
        let options = RequestOptions {
            duration,
            reason: Some(reason.to_owned()),
            ..RequestOptions::default()
        };
        scene.engine.request(&carol(), "deploy", &options).await
    };
    for (duration, reason) in [
        (Some(7201), "long enough"),
        (Some(0), "long enough"),
        (Some(u64::MAX), "long enough"),
        (None, ""),
        (None, "  \n "),
        (None, "abcd"),
        (None, "nul\0byte"),
    ] {
        let refusal = refusal(ask(duration, reason).await);
        assert!(
            matches!(refusal, Refusal::InvalidArgument(_)),
            "{duration:?} {reason:?}"
        );
    }
    let id = ask(Some(7200), "long enough").await.unwrap();
    let longer = refusal(scene.engine.approve(&alice(), id, Some(7201), "").await);
    assert!(matches!(longer, Refusal::InvalidArgument(_)), "{longer:?}");
    let approved = scene
        .engine
        .approve(&alice(), id, Some(60), "")
        .await
        .unwrap();
    assert_eq!(approved.duration.0, 60);
}

#[tokio::test]
async fn requests_are_bounded_and_lapse() {
    let scene = Scene::new().await;
    for _ in 0..crate::domain::decide::MAX_PENDING {
        scene.requested(&carol()).await;
    }
    let options = RequestOptions {
        reason: Some("one more".to_owned()),
        ..RequestOptions::default()
    };
    let refused = refusal(scene.engine.request(&carol(), "deploy", &options).await);
    assert!(matches!(refused, Refusal::LimitExceeded(_)), "{refused:?}");
    scene.pass(2 * 3600 * 1000);
    let late = refusal(
        scene
            .engine
            .approve(&alice(), ElevationId(1), None, "")
            .await,
    );
    assert!(matches!(late, Refusal::WrongState(_)), "{late:?}");
    scene.engine.do_what_is_due().await.unwrap();
    assert_eq!(scene.state(ElevationId(1)).await, State::Lapsed);
}

#[tokio::test]
async fn each_may_end_what_is_theirs_to_end() {
    let scene = Scene::new().await;
    let bob = caller(1003, "bob", &["contractors"]);
    let id = scene.active().await;
    not_allowed(scene.engine.end(&bob, Some(id)).await);
    not_allowed(scene.engine.revoke(&bob, id, "mine").await);
    let silent = refusal(scene.engine.revoke(&alice(), id, " ").await);
    assert!(matches!(silent, Refusal::InvalidArgument(_)), "{silent:?}");
    scene.engine.end(&carol(), None).await.unwrap();
    assert_eq!(scene.state(id).await, State::Released);
    assert!(scene.in_group("jit-deploy:x:900:"));

    let id = scene.active().await;
    scene.engine.revoke(&alice(), id, "enough").await.unwrap();
    assert_eq!(scene.state(id).await, State::Revoked);
    assert!(!scene.opens_sudo_to_carol());

    let id = scene.requested(&carol()).await;
    not_allowed(scene.engine.cancel(&bob, id).await);
    scene.engine.cancel(&carol(), id).await.unwrap();
    let twice = refusal(scene.engine.cancel(&carol(), id).await);
    assert!(matches!(twice, Refusal::WrongState(_)), "{twice:?}");
}

#[tokio::test]
async fn overlapping_elevations_for_one_group_end_with_the_last() {
    let scene = Scene::new().await;
    let first = scene.active().await;
    scene.pass(300_000);
    let second = scene.active().await;
    scene.pass(300_000);
    scene.engine.do_what_is_due().await.unwrap();
    assert_eq!(scene.state(first).await, State::Expired);
    assert!(scene.in_group("jit-deploy:x:900:carol") && scene.opens_sudo_to_carol());
    scene.engine.end(&carol(), Some(second)).await.unwrap();
    assert!(scene.in_group("jit-deploy:x:900:") && !scene.opens_sudo_to_carol());
}

#[tokio::test]
async fn a_standing_member_of_a_shared_group_stays() {
    let scene = Scene::new().await;
    let dave = caller(1004, "dave", &["users"]);
    scene.people.become_of(1004, Some(dave.account.clone()));
    let options = RequestOptions::default();
    let id = scene.engine.request(&dave, "dba", &options).await.unwrap();
    scene.engine.approve(&alice(), id, None, "").await.unwrap();
    assert!(scene.in_group("docker:x:901:dave") && scene.in_group("jit-deploy:x:900:dave"));
    scene.engine.end(&dave, None).await.unwrap();
    assert!(scene.in_group("docker:x:901:dave") && scene.in_group("jit-deploy:x:900:"));
}

#[tokio::test]
async fn what_was_interrupted_is_finished_after_a_restart() {
    let mut scene = Scene::new().await;
    let id = scene.active().await;
    // Stopped between commit and group change, when giving: the file knows nothing of it.
    for (file, line) in [
        ("group", "jit-deploy:x:900:"),
        ("gshadow", "jit-deploy:!::"),
    ] {
        let path = scene.folder.path().join(file);
        let text = std::fs::read_to_string(&path)
            .unwrap()
            .replace(&format!("{line}carol"), line);
        std::fs::write(path, text).unwrap();
    }
    assert!(scene.in_group("jit-deploy:x:900:"));
    scene.restart().await;
    assert!(scene.engine.reconcile().await);
    assert!(scene.in_group("jit-deploy:x:900:carol") && scene.opens_sudo_to_carol());
    // Ended while away: the new process finds it due, and takes it back.
    scene.pass(600_000);
    scene.restart().await;
    assert!(!scene.opens_sudo_to_carol());
    scene.engine.do_what_is_due().await.unwrap();
    assert!(scene.in_group("jit-deploy:x:900:"));
    assert_eq!(scene.state(id).await, State::Expired);
}

#[tokio::test]
async fn setting_the_clock_back_gains_nothing() {
    let scene = Scene::new().await;
    scene.active().await;
    scene.pass(599_999);
    scene.set_wall_clock_back(500_000);
    scene.pass(1);
    assert!(!scene.opens_sudo_to_carol());
}

#[tokio::test]
async fn readers_see_what_is_theirs_to_see() {
    let scene = Scene::new().await;
    let id = scene.requested(&carol()).await;
    let bob = caller(1003, "bob", &["contractors"]);
    let unseen = refusal(scene.engine.get(&bob, id).await);
    assert!(matches!(unseen, Refusal::NotFound(_)), "{unseen:?}");
    let everything = || Query {
        scope: Scope::All,
        state: None,
        user: None,
        role: None,
        since: None,
        until: None,
        not_over_before: None,
        before: None,
        limit: 9,
    };
    let seen = async |caller: Caller| -> usize {
        let list: Vec<Elevation> = scene.engine.list(&caller, everything()).await.unwrap();
        list.len()
    };
    assert_eq!(seen(bob).await, 0);
    assert_eq!(
        (seen(carol()).await, seen(alice()).await, seen(root()).await),
        (1, 1, 1)
    );
}

#[tokio::test]
async fn everything_ends_when_the_package_goes() {
    let scene = Scene::new().await;
    let active = scene.active().await;
    let pending = scene.requested(&carol()).await;
    scene.engine.withdraw(None).await.unwrap();
    assert_eq!(scene.state(active).await, State::Revoked);
    assert_eq!(scene.state(pending).await, State::Revoked);
    assert!(scene.in_group("jit-deploy:x:900:"));
}

#[tokio::test]
async fn a_request_does_not_outlive_eligibility_nor_pass_to_the_next_owner_of_the_uid() {
    let scene = Scene::new().await;
    let id = scene.requested(&carol()).await;
    let eve = person(1001, "eve", &["contractors"]);
    let left = person(1001, "carol", &["users"]);
    for holder in [None, Some(eve), Some(left)] {
        scene.people.become_of(1001, holder);
        let refused = refusal(scene.engine.approve(&alice(), id, None, "").await);
        assert!(matches!(refused, Refusal::WrongState(_)), "{refused:?}");
    }
    assert_eq!(scene.state(id).await, State::Pending);
}

#[tokio::test]
async fn while_something_could_not_be_taken_back_another_elevation_opens_nothing() {
    let scene = Scene::new().await;
    let first = scene.active().await;
    scene.active().await;
    assert!(scene.opens_sudo_to_carol());
    let group = scene.folder.path().join("group");
    let text = scene.groups();
    std::fs::remove_file(&group).unwrap();
    std::fs::create_dir(&group).unwrap();
    scene.engine.end(&carol(), Some(first)).await.unwrap();
    assert!(!scene.engine.matches());
    assert_eq!(
        scene
            .engine
            .gate()
            .check(1001, "carol", "sudo", Asks::default()),
        GateVerdict::Untaken
    );
    std::fs::remove_dir(&group).unwrap();
    std::fs::write(&group, text).unwrap();
    assert!(scene.engine.reconcile().await);
    assert!(scene.opens_sudo_to_carol());
}

#[tokio::test]
async fn taking_away_does_not_wait_for_somebody_who_sits_on_the_lock() {
    let scene = Scene::new().await;
    let id = scene.active().await;
    let lock = crate::reconcile::parts::EtcLock::take(scene.folder.path()).unwrap();
    let other = scene.requested(&carol()).await;
    scene.engine.end(&carol(), Some(id)).await.unwrap();
    assert!(scene.in_group("jit-deploy:x:900:"));
    // Giving does, and is not half done.
    let given = scene.engine.approve(&alice(), other, None, "").await;
    assert!(matches!(given, Err(EngineError::NotGiven(id, _)) if id == other));
    assert_eq!(scene.state(other).await, State::Revoked);
    assert!(scene.in_group("jit-deploy:x:900:"));
    assert!(!scene.opens_sudo_to_carol());
    drop(lock);
    assert!(scene.engine.reconcile().await);
    scene.active().await;
    assert!(scene.in_group("jit-deploy:x:900:carol"));
}

#[tokio::test]
async fn an_older_success_that_reports_late_says_nothing_of_a_newer_failure() {
    let scene = Scene::new().await;
    let failed = Arc::new(crate::reconcile::ReconcileError::Gone);
    scene.engine.report(1_001, Err(&failed), &[1001]);
    scene.engine.report(1_000, Ok(&()), &[]);
    assert!(!scene.engine.matches());
    let checked = scene
        .engine
        .gate()
        .check(1001, "carol", "sudo", Asks::default());
    assert_eq!(checked, GateVerdict::Untaken);
    scene.engine.report(1_002, Ok(&()), &[]);
    assert!(scene.engine.matches());
}

#[tokio::test]
async fn giving_waits_for_a_host_that_is_slow() {
    let scene = Scene::new().await;
    let id = scene.requested(&carol()).await;
    scene.host.units().is_away = true;
    let engine = scene.engine.clone();
    let approving = tokio::spawn(async move { engine.approve(&alice(), id, None, "").await });
    while scene.engine.matches() {
        tokio::task::yield_now().await;
    }
    assert!(!approving.is_finished(), "nothing is taken back yet");
    scene.host.units().is_away = false;
    assert_eq!(approving.await.unwrap().unwrap().state, State::Active);
    assert!(scene.opens_sudo_to_carol() && scene.engine.matches());
    assert_eq!(scene.state(id).await, State::Active);
}

#[tokio::test]
async fn broken_glass_gives_what_can_be_given() {
    let scene = Scene::new().await;
    let oncall = caller(1001, "carol", &["contractors", "oncall"]);
    let lock = crate::reconcile::parts::EtcLock::take(scene.folder.path()).unwrap();
    let options = RequestOptions {
        reason: Some("the web is down".to_owned()),
        ..RequestOptions::default()
    };
    let id = scene
        .engine
        .break_glass(&oncall, "root", &options)
        .await
        .unwrap();
    assert_eq!(scene.state(id).await, State::Active);
    assert!(!scene.engine.matches());
    drop(lock);
    assert!(scene.engine.reconcile().await);
    assert!(scene.in_group("jit-root:x:902:carol"));
}

#[tokio::test]
async fn a_standing_member_whom_gshadow_does_not_know_stays() {
    let scene = Scene::new().await;
    let gshadow = scene.folder.path().join("gshadow");
    std::fs::write(
        &gshadow,
        "root:*::\njit-deploy:!::\ndocker:!::\njit-root:!::\njit-quick:!::\n",
    )
    .unwrap();
    let dave = caller(1004, "dave", &["users"]);
    scene.people.become_of(1004, Some(dave.account.clone()));
    let options = RequestOptions::default();
    let id = scene.engine.request(&dave, "dba", &options).await.unwrap();
    scene.engine.approve(&alice(), id, None, "").await.unwrap();
    scene.engine.end(&dave, None).await.unwrap();
    assert!(scene.groups().contains("docker:x:901:dave\n"));
}

#[tokio::test]
async fn what_nobody_logged_in_for_is_told_apart() {
    let service = Caller {
        logged_in: false,
        ..alice()
    };
    let login = |caller: &Caller| {
        let event = Event::of_none(EventName::PolicyLoaded, Wall(0)).by(caller);
        event.fields.into_iter().find(|(key, _)| *key == "login")
    };
    assert_eq!(login(&service), Some(("login", "(none)".to_owned())));
    assert_eq!(login(&alice()), None);
}
