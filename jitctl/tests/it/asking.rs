//! When to begin, tickets, extensions, and what is granted without anybody's yes.

use jitd_api::{Elevation, State};

use crate::scene::{Running, World, elevation, in_seconds};

/// What the service was asked first, in its words.
fn first_call(world: &World) -> String {
    world.shared.scene().calls.first().expect("a call").clone()
}

#[tokio::test]
async fn when_to_begin_and_the_ticket_go_along() {
    for (at, start) in [
        ("2026-12-01 09:00", 1_796_115_600_000_i64),
        ("2026-12-01T09:00:00+05:00", 1_796_097_600_000),
    ] {
        let world = World::with(vec![]).await;
        let ran = world
            .run(&["request", "deploy", "--at", at, "--ticket", "OPS-7"])
            .await
            .ended(0);
        assert_eq!(ran.stdout, "42\n");
        assert_eq!(
            first_call(&world),
            format!("request deploy None Some({start}) None Some(\"OPS-7\")")
        );
    }
}

#[tokio::test]
async fn a_bare_duration_begins_in_so_long() {
    let world = World::with(vec![]).await;
    let _ = world
        .run(&["request", "deploy", "--at", "2h"])
        .await
        .ended(0);
    let call = first_call(&world);
    let start = call.split("Some(").nth(1).unwrap().split(')').next();
    let start: i64 = start.unwrap().parse().unwrap();
    let distance = start - in_seconds(0);
    assert!((7_100_000..=7_200_000).contains(&distance), "{distance}");
}

#[tokio::test]
async fn what_is_scheduled_says_when_and_ends_the_wait() {
    for arguments in [
        &["request", "deploy", "--at", "1h"][..],
        &["request", "deploy", "--at", "1h", "--wait"],
    ] {
        let world = World::with(vec![]).await;
        world.shared.scene().request_becomes = Some(State::Scheduled);
        let ran = world.run(arguments).await.ended(0);
        assert_eq!(ran.stdout, "42\n");
        assert!(
            ran.stderr.starts_with("Scheduled: deploy from "),
            "{ran:#?}"
        );
        assert!(ran.stderr.contains(" until "), "{ran:#?}");
        assert!(ran.stderr.ends_with(" (in 1h).\n"), "{ran:#?}");
    }
}

#[tokio::test]
async fn waiting_ends_when_it_becomes_scheduled() {
    let world = World::with(vec![]).await;
    let arguments = ["request", "deploy", "--at", "1h", "--wait"];
    let mut waiting = Running::start(world.bus.address(), &arguments);
    waiting.says("Waiting for approval").await;
    let scheduled = |old: &mut Elevation| *old = elevation(42, State::Scheduled);
    world.service.change(42, scheduled).await;
    let ran = waiting.ended(0).await;
    assert!(ran.stderr.contains("\nScheduled: deploy from "), "{ran:#?}");
}

#[tokio::test]
async fn several_demands_read_as_a_sentence() {
    let mut pending = elevation(42, State::Pending);
    pending.needs = vec![
        "2 of group:dba or user:bob".into(),
        "1 of group:security".into(),
    ];
    let world = World::with(vec![pending]).await;
    let ran = world.run(&["approve", "42"]).await.ended(0);
    assert!(
        ran.stdout.contains(
            "it needs approval by 2 of bob and the members of dba, and a member of security (lapses in 2h)."
        ),
        "{ran:#?}"
    );
}

#[tokio::test]
async fn an_approval_can_be_for_later() {
    let world = World::with(vec![elevation(42, State::Scheduled)]).await;
    let ran = world.run(&["approve", "42"]).await.ended(0);
    assert!(
        ran.stdout
            .starts_with("Approved 42: carol holds deploy from "),
        "{ran:#?}"
    );
    assert!(ran.stdout.ends_with(" (in 1h).\n"), "{ran:#?}");
}

#[tokio::test]
async fn extending_is_a_request_of_its_own() {
    let world = World::with(vec![]).await;
    let arguments = [
        "extend", "7", "--for", "30m", "--reason", "slow", "--ticket", "OPS-7",
    ];
    let ran = world.run(&arguments).await.ended(0);
    assert_eq!(ran.stdout, "42\n");
    assert!(
        ran.stderr.starts_with("Request 42 waits for approval by"),
        "{ran:#?}"
    );
    assert_eq!(
        world.shared.scene().calls,
        [
            "extend 7 Some(1800) None Some(\"slow\") Some(\"OPS-7\")",
            "get 42"
        ]
    );
}

#[tokio::test]
async fn extending_can_wait() {
    let world = World::with(vec![]).await;
    let arguments = ["extend", "7", "--for", "30m", "--reason", "slow", "--wait"];
    let mut waiting = Running::start(world.bus.address(), &arguments);
    waiting.says("Waiting for approval").await;
    let denied = |old: &mut Elevation| *old = elevation(42, State::Denied);
    world.service.change(42, denied).await;
    let ran = waiting.ended(5).await;
    assert_eq!(ran.stdout, "42\n");
    assert!(
        ran.stderr.contains("was denied by alice: \"not today\"\n"),
        "{ran:#?}"
    );
}
