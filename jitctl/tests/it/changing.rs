//! approve, deny, cancel, end, revoke.

use jitd_api::State;

use crate::scene::{World, elevation};

#[tokio::test]
async fn approve_says_until_when() {
    let world = World::with(vec![elevation(42, State::Active)]).await;
    let ran = world.run(&["approve", "42"]).await.ended(0);
    assert!(
        ran.stdout
            .starts_with("Approved 42: carol holds deploy until ")
    );
    assert!(ran.stdout.ends_with(" (for 1h30m).\n"), "{ran:#?}");
    assert_eq!(world.last_call(), "approve 42 0 \"\"");

    let ran = world
        .run(&[
            "approve",
            "42",
            "--for",
            "10m",
            "--comment",
            "web only",
            "--json",
        ])
        .await
        .ended(0);
    assert_eq!(world.last_call(), "approve 42 600 \"web only\"");
    assert_eq!(ran.json()["state"], "active");
}

#[tokio::test]
async fn who_waits_for_a_slow_host_is_told_so() {
    let world = World::with(vec![elevation(42, State::Active)]).await;
    world.shared.scene().giving = std::time::Duration::from_secs(6);
    let ran = world.run(&["approve", "42"]).await.ended(0);
    let said = "jitd is still at it: on a busy host, giving may take up to 30 s.\n";
    assert_eq!(ran.stderr, said);
    assert!(ran.stdout.starts_with("Approved 42"), "{ran:#?}");
}

#[tokio::test]
async fn approve_says_when_more_is_needed() {
    let world = World::with(vec![elevation(42, State::Pending)]).await;
    let ran = world.run(&["approve", "42"]).await.ended(0);
    assert!(
        ran.stdout
            .starts_with("Your yes to 42 counts. Before carol holds deploy, it needs approval by a member of jit-approvers"),
        "{ran:#?}"
    );
}

#[tokio::test]
async fn deny_needs_a_comment() {
    let world = World::with(vec![elevation(42, State::Denied)]).await;
    let ran = world
        .run(&["deny", "42", "--comment", "not today"])
        .await
        .ended(0);
    assert_eq!(ran.stdout, "Denied 42: carol does not get deploy.\n");
    assert_eq!(world.last_call(), "deny 42 \"not today\"");
    let _ = world.run(&["deny", "42"]).await.ended(2);
    let _ = world.run(&["deny", "42", "--comment", " "]).await.ended(2);
}

#[tokio::test]
async fn cancel_and_end() {
    let world = World::with(vec![elevation(42, State::Cancelled)]).await;
    let ran = world.run(&["cancel", "42"]).await.ended(0);
    assert_eq!(
        ran.stdout,
        "Cancelled 42: your request for deploy is withdrawn.\n"
    );
    for (arguments, call) in [(&["end"][..], "end 0"), (&["end", "42"], "end 42")] {
        let ran = world.run(arguments).await.ended(0);
        assert_eq!(ran.stdout, "Ended 42: you no longer hold deploy.\n");
        assert_eq!(world.last_call(), call);
    }
    let json = world.run(&["end", "--json"]).await.ended(0).json();
    assert_eq!(json[0]["id"], 42);
    world.shared.scene().elevations.clear();
    let ran = world.run(&["end"]).await.ended(0);
    assert_eq!(
        (ran.stdout.as_str(), ran.stderr.as_str()),
        ("", "You hold nothing that could end.\n")
    );
}

#[tokio::test]
async fn revoke_by_number_person_role_or_all() {
    let world = World::with(vec![elevation(42, State::Revoked)]).await;
    for (which, call) in [
        (&["42"][..], "revoke 42 \"why\""),
        (
            &["--user", "carol"],
            "revoke_matching \"carol\" \"\" \"why\"",
        ),
        (
            &["--role", "deploy"],
            "revoke_matching \"\" \"deploy\" \"why\"",
        ),
        (
            &["--user", "carol", "--role", "deploy"],
            "revoke_matching \"carol\" \"deploy\" \"why\"",
        ),
        (&["--all"], "revoke_matching \"\" \"\" \"why\""),
    ] {
        let arguments = [&["revoke", "--comment", "why"], which].concat();
        let ran = world.run(&arguments).await.ended(0);
        assert_eq!(ran.stdout, "Revoked 42: carol no longer holds deploy.\n");
        assert_eq!(world.last_call(), call);
    }
    let before = world.shared.scene().calls.len();
    for wrong in [
        &["revoke", "42"][..],
        &["revoke", "--comment", "why"],
        &["revoke", "42", "--all", "--comment", "why"],
        &["revoke", "--user", "", "--comment", "why"],
        &["revoke", "--all", "--user", "carol", "--comment", "why"],
    ] {
        let _ = world.run(wrong).await.ended(2);
    }
    assert_eq!(world.shared.scene().calls.len(), before);
}
