//! Who must agree, broken glass, and a new policy.

use super::*;
use crate::policy_file::PolicyError;

pub(super) fn why() -> RequestOptions {
    RequestOptions {
        reason: Some("to be done".to_owned()),
        ..RequestOptions::default()
    }
}

pub(super) fn read(text: &str) -> Result<crate::domain::policy::Policy, Vec<PolicyError>> {
    let source = Source {
        path: "jitd.toml".to_owned(),
        text: text.to_owned(),
    };
    policy_file::parse(&[source]).map(|loaded| loaded.policy)
}

#[tokio::test]
async fn two_distinct_people_must_agree() {
    let scene = Scene::new().await;
    let id = scene.asked(&carol(), "root", why()).await.unwrap();
    let first = scene.engine.approve(&alice(), id, None, "").await.unwrap();
    assert_eq!(first.state, State::Pending);
    let again = scene.engine.approve(&alice(), id, None, "").await;
    assert!(matches!(refusal(again), Refusal::WrongState(_)));
    // Alice in Bea's account is Alice.
    let as_bea = through(bea(), alice());
    let again = scene.engine.approve(&as_bea, id, None, "").await;
    assert!(matches!(refusal(again), Refusal::WrongState(_)));
    assert_eq!(scene.state(id).await, State::Pending);
    let second = scene.engine.approve(&bea(), id, None, "").await.unwrap();
    assert_eq!(second.state, State::Active);
}

#[tokio::test]
async fn a_yes_of_somebody_who_lost_the_authority_does_not_count() {
    let scene = Scene::new().await;
    let id = scene.asked(&carol(), "root", why()).await.unwrap();
    scene.engine.approve(&alice(), id, None, "").await.unwrap();
    let left = person(1002, "alice", &["users"]);
    scene.people.become_of(1002, Some(left));
    let second = scene.engine.approve(&bea(), id, None, "").await.unwrap();
    assert_eq!(second.state, State::Pending);
}

#[tokio::test]
async fn the_shortest_of_all_counts_and_one_no_ends_it() {
    let scene = Scene::new().await;
    let id = scene.asked(&carol(), "root", why()).await.unwrap();
    scene
        .engine
        .approve(&alice(), id, Some(60), "")
        .await
        .unwrap();
    let longer = scene.engine.approve(&bea(), id, Some(61), "").await;
    assert!(matches!(refusal(longer), Refusal::InvalidArgument(_)));
    let approved = scene.engine.approve(&bea(), id, None, "").await.unwrap();
    assert_eq!(approved.duration.0, 60);

    let id = scene.asked(&carol(), "root", why()).await.unwrap();
    scene.engine.approve(&alice(), id, None, "").await.unwrap();
    scene
        .engine
        .deny(&alice(), id, "on second thoughts")
        .await
        .unwrap();
    assert_eq!(scene.state(id).await, State::Denied);
    let late = scene.engine.approve(&bea(), id, None, "").await;
    assert!(matches!(refusal(late), Refusal::WrongState(_)));
}

#[tokio::test]
async fn what_a_rule_agrees_to_needs_nobody() {
    let scene = Scene::new().await;
    let short = RequestOptions {
        duration: Some(600),
        ..why()
    };
    let id = scene.asked(&carol(), "quick", short).await.unwrap();
    assert_eq!(scene.state(id).await, State::Active);
    assert!(scene.opens_sudo_to_carol() && scene.in_group("jit-quick:x:903:carol"));
    assert_eq!(
        scene.events().await,
        [
            "elevation.requested",
            "elevation.approved",
            "membership.given"
        ]
    );
    let long = RequestOptions {
        duration: Some(601),
        ..why()
    };
    let id = scene.asked(&carol(), "quick", long).await.unwrap();
    assert_eq!(scene.state(id).await, State::Pending);
}

#[tokio::test]
async fn broken_glass_opens_at_once_and_waits_for_an_approver_other_than_its_holder() {
    let scene = Scene::new().await;
    let no_reason = RequestOptions::default();
    refusal(scene.engine.break_glass(&bea(), "root", &no_reason).await);
    not_allowed(scene.engine.break_glass(&carol(), "root", &why()).await);
    let id = scene
        .engine
        .break_glass(&bea(), "root", &why())
        .await
        .unwrap();
    let taken = scene.engine.get(&root(), id).await.unwrap();
    assert!(taken.state == State::Active && taken.to_acknowledge());
    assert_eq!(taken.duration.0, 30 * 60, "the rule's longest");
    assert!(matches!(
        scene
            .engine
            .gate()
            .check(1006, "bea", "su", Asks::default()),
        GateVerdict::Open { .. }
    ));
    let waiting = async |caller: &Caller| scene.engine.unacknowledged(caller).await.unwrap();
    assert_eq!(waiting(&alice()).await.len(), 1);
    assert_eq!(waiting(&bea()).await.len(), 0);
    let longer = RequestOptions {
        duration: Some(31 * 60),
        ..why()
    };
    refusal(scene.engine.break_glass(&bea(), "root", &longer).await);

    // Not by its holder, however she comes.
    for holder in [bea(), through(root(), bea()), through(alice(), bea())] {
        not_allowed(scene.engine.acknowledge(&holder, id, "").await);
    }
    // Not by root, who is no approver.
    not_allowed(scene.engine.acknowledge(&root(), id, "").await);
    scene.pass(30 * 60_000);
    scene.tick().await;
    assert_eq!(scene.state(id).await, State::Expired);
    assert_eq!(waiting(&alice()).await.len(), 1, "also when it is over");
    scene
        .engine
        .acknowledge(&alice(), id, "seen")
        .await
        .unwrap();
    assert_eq!(waiting(&alice()).await.len(), 0);
    refusal(scene.engine.acknowledge(&alice(), id, "").await);
    let names = scene.events().await;
    assert!(names.contains(&"glass.broken".to_owned()), "{names:?}");
    assert!(
        names.contains(&"glass.acknowledged".to_owned()),
        "{names:?}"
    );
}

#[tokio::test]
async fn refused_attempts_are_on_record_and_cannot_flood_it() {
    let scene = Scene::new().await;
    let id = scene.requested(&carol()).await;
    let shell = through(root(), carol());
    for _ in 0..100 {
        not_allowed(scene.engine.approve(&shell, id, None, "").await);
    }
    not_allowed(scene.engine.deny(&shell, id, "x").await);
    let why = "nobody decides their own elevation: 1 was asked for by carol; it needs 1 of group:jit-approvers";
    let told = |name: &str, rest: &str| {
        let whose = "attempt.refused id=1 user=carol uid=1001 role=deploy by=root login=carol";
        format!("{whose} tried={name} because={why}{rest}")
    };
    let attempts = || scene.told("attempt.refused");
    assert_eq!(attempts(), [told("approve", ""), told("deny", "")]);
    scene.pass(60_000);
    scene.engine.tell_what_was_counted(false).await.unwrap();
    let when = " count=99 since=1970-01-01T00:16:40Z until=1970-01-01T00:16:40Z";
    assert_eq!(attempts()[2..], [told("approve", when)]);
    // Somebody else's are counted by themselves.
    not_allowed(scene.engine.approve(&cyd(), id, None, "").await);
    assert_eq!(attempts().len(), 4);
}

#[tokio::test]
async fn an_attempt_of_no_elevation_is_about_who_tried() {
    let scene = Scene::new().await;
    let shell = through(alice(), carol());
    not_allowed(scene.engine.request(&shell, "deploy", &why()).await);
    not_allowed(scene.engine.only_root(&carol(), "setup").await);
    let told = scene.told("attempt.refused");
    let about = "attempt.refused user=carol uid=1001 by=";
    assert!(told.iter().all(|line| line.starts_with(about)), "{told:?}");
    let tried = |line: &str, words: &str| assert!(line.contains(words), "{line}");
    tried(&told[0], "by=alice login=carol tried=request");
    tried(&told[1], "by=carol tried=setup");
}

fn cyd() -> Caller {
    caller(1007, "cyd", &["users"])
}

#[tokio::test]
async fn a_new_policy_ends_what_it_no_longer_allows() {
    let scene = Scene::new().await;
    let active = scene.active().await;
    let pending = scene.asked(&carol(), "root", why()).await.unwrap();
    let bad = read("[role.deploy]\nmax_duration = 5\n");
    refusal(
        scene
            .engine
            .adopt(bad, By::Caller(&root()), MayEnd::Some)
            .await,
    );
    assert!(scene.opens_sudo_to_carol(), "a bad policy changes nothing");

    let without_root = &POLICY[..POLICY.find("[role.root]").unwrap()];
    scene
        .engine
        .adopt(read(without_root), By::Caller(&root()), MayEnd::Some)
        .await
        .unwrap();
    assert_eq!(scene.state(pending).await, State::Revoked);
    assert!(scene.opens_sudo_to_carol());

    // One whom the directory does not find may only be out of its reach.
    scene.people.become_of(1001, None);
    scene
        .engine
        .adopt(read(without_root), By::Signal, MayEnd::Some)
        .await
        .unwrap();
    assert_eq!(scene.state(active).await, State::Active);

    let left = person(1001, "carol", &["users"]);
    scene.people.become_of(1001, Some(left));
    scene
        .engine
        .adopt(read(without_root), By::Signal, MayEnd::Some)
        .await
        .unwrap();
    assert_eq!(scene.state(active).await, State::Revoked);
    assert!(!scene.opens_sudo_to_carol() && !scene.in_group("jit-deploy:x:900:carol"));
    let names = scene.events().await;
    let of = |wanted: &str| names.iter().filter(|name| *name == wanted).count();
    assert_eq!(
        (of("policy.loaded"), of("policy.refused")),
        (3, 1),
        "{names:?}"
    );
}

#[tokio::test]
async fn a_tightened_policy_counts_for_what_waits() {
    let scene = Scene::new().await;
    let id = scene.requested(&carol()).await;
    let tighter = POLICY.replace("max_duration = \"2h\"", "max_duration = \"5m\"");
    scene
        .engine
        .adopt(read(&tighter), By::Signal, MayEnd::Some)
        .await
        .unwrap();
    let approved = scene.engine.approve(&alice(), id, None, "").await.unwrap();
    assert_eq!(approved.duration.0, 300);
}

#[tokio::test]
async fn a_directory_that_does_not_answer_keeps_the_old_policy() {
    let scene = Scene::new().await;
    scene.active().await;
    scene.people.go_away();
    let adopted = scene
        .engine
        .adopt(read("[role]\n"), By::Signal, MayEnd::Some)
        .await;
    assert!(
        matches!(adopted, Err(EngineError::Directory(_))),
        "{adopted:?}"
    );
    assert!(scene.opens_sudo_to_carol());
    assert!(scene.engine.policy().unwrap().role("deploy").is_some());
}

#[tokio::test]
async fn what_would_come_of_a_request_is_explained_step_by_step() {
    let scene = Scene::new().await;
    let explained = scene.engine.explain(&carol().account, "root", &why()).await;
    let explained = explained.unwrap();
    assert_eq!(explained.outcome, "needs");
    assert_eq!(explained.needs, ["2 of group:jit-approvers"]);
    let keys: Vec<_> = explained
        .steps
        .iter()
        .map(|step| step.key.as_str())
        .collect();
    assert_eq!(
        keys,
        [
            "role",
            "eligible",
            "reason",
            "ticket",
            "default_duration",
            "budget",
            "approvals"
        ]
    );
    assert!(explained.steps.iter().all(|step| step.holds));
    assert_eq!(explained.steps[5].place, "jitd.toml:17");
    let refused = scene.engine.explain(&alice().account, "root", &why()).await;
    let refused = refused.unwrap();
    assert_eq!(refused.outcome, "refused");
    assert_eq!(refused.steps.last().unwrap().key, "eligible");
}

#[tokio::test]
async fn a_directory_that_keeps_one_waiting_does_not_keep_others() {
    let scene = Scene::new().await;
    let id = scene.requested(&carol()).await;
    scene.people.hold(1001);
    let alice = alice();
    let approval = scene.engine.approve(&alice, id, None, "");
    let reload = scene.engine.adopt(read(POLICY), By::Signal, MayEnd::Some);
    let others = async {
        // Until both wait for the directory.
        others_go_on().await;
        scene.requested(&gil()).await;
        scene.engine.pending(&alice).await;
        scene.engine.deny(&alice, id, "too late").await.unwrap();
        assert!(!scene.opens_sudo_to_carol());
    };
    tokio::select! {
        biased;
        approved = approval => panic!("nobody knows who it is of: {approved:?}"),
        reloaded = reload => panic!("nobody knows who holds what: {reloaded:?}"),
        () = others => {}
    }
}

fn gil() -> Caller {
    caller(1008, "gil", &["contractors"])
}

#[tokio::test]
async fn at_the_end_processes_that_hold_a_lost_group_go_unless_the_role_keeps_them() {
    let scene = Scene::new().await;
    let ended = || std::mem::take(&mut *scene.ended.0.lock().unwrap());
    let first = scene.active().await;
    scene.active().await;
    scene.engine.end(&carol(), Some(first)).await.unwrap();
    assert_eq!(ended(), [""; 0], "another elevation gives it too");
    scene.engine.end(&carol(), None).await.unwrap();
    assert_eq!(ended(), ["carol:jit-deploy"]);

    // dave is in docker anyway; jit-deploy he loses.
    let dave = caller(1004, "dave", &["users"]);
    scene.people.become_of(1004, Some(dave.account.clone()));
    let options = RequestOptions::default();
    let id = scene.engine.request(&dave, "dba", &options).await.unwrap();
    scene.engine.approve(&alice(), id, None, "").await.unwrap();
    scene.engine.revoke(&alice(), id, "enough").await.unwrap();
    assert_eq!(ended(), ["dave:jit-deploy"]);

    let keeps = POLICY.replace("[role.deploy]", "[role.deploy]\non_end = \"keep\"");
    // dba gives the same group, and ends.
    scene
        .engine
        .adopt(read(&keeps), By::Signal, MayEnd::Some)
        .await
        .unwrap();
    scene.active().await;
    scene.engine.end(&carol(), None).await.unwrap();
    assert_eq!(ended(), ["carol:jit-deploy"]);
    let keeps = &keeps[..keeps.find("[role.dba]").unwrap()];
    scene
        .engine
        .adopt(read(keeps), By::Signal, MayEnd::Some)
        .await
        .unwrap();
    scene.active().await;
    scene.engine.end(&carol(), None).await.unwrap();
    assert_eq!(ended(), [""; 0]);
    assert!(scene.in_group("jit-deploy:x:900:"));
}

#[tokio::test]
async fn a_policy_without_roles_ends_everything_only_where_that_is_said() {
    let scene = Scene::new().await;
    let adopt = |may_end| scene.engine.adopt(read("[managed]\n"), By::Signal, may_end);
    let id = scene.active().await;
    let refused = refusal(adopt(MayEnd::Some).await);
    assert!(
        refused
            .to_string()
            .contains("would end the elevation that is held")
    );
    assert_eq!(scene.state(id).await, State::Active);
    assert_eq!(adopt(MayEnd::All).await.unwrap(), 1);
    assert_eq!(scene.state(id).await, State::Revoked);
    // Where nobody holds anything there is nothing to ask.
    scene
        .engine
        .adopt(read(POLICY), By::Signal, MayEnd::Some)
        .await
        .unwrap();
    scene.requested(&carol()).await;
    assert_eq!(adopt(MayEnd::Some).await.unwrap(), 1);
}
