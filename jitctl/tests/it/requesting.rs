//! request, and waiting for what becomes of it.

use std::process::{Command, Stdio};

use jitd_api::{Elevation, State};

use crate::fake::Service;
use crate::scene::{Running, World, elevation, in_seconds, jitctl};

fn becomes(state: State) -> impl FnOnce(&mut Elevation) {
    move |old| *old = elevation(42, state)
}

#[tokio::test]
async fn the_number_is_all_there_is_on_stdout() {
    let world = World::with(vec![]).await;
    let ran = world
        .run(&[
            "request",
            "deploy",
            "--for",
            "1h30m",
            "--reason",
            "restart web",
        ])
        .await
        .ended(0);
    assert_eq!(ran.stdout, "42\n");
    assert_eq!(
        ran.stderr,
        "Request 42 waits for approval by a member of jit-approvers (lapses in 2h).\n\
         hint: jitctl show 42\n"
    );
    assert_eq!(
        world.shared.scene().calls,
        [
            "request deploy Some(5400) None Some(\"restart web\") None",
            "get 42"
        ]
    );
}

#[tokio::test]
async fn a_role_that_needs_no_approval_is_active_at_once() {
    for arguments in [&["request", "deploy"][..], &["request", "deploy", "--wait"]] {
        let world = World::with(vec![]).await;
        world.shared.scene().request_becomes = Some(State::Active);
        let ran = world.run(arguments).await.ended(0);
        assert_eq!(ran.stdout, "42\n");
        assert!(
            ran.stderr
                .starts_with("Approved automatically: you hold deploy until "),
            "{ran:#?}"
        );
        assert!(ran.stderr.ends_with(" (for 1h30m).\n"), "{ran:#?}");
    }
}

#[tokio::test]
async fn waiting_ends_with_an_approval() {
    let world = World::with(vec![]).await;
    let mut waiting = Running::start(world.bus.address(), &["request", "deploy", "--wait"]);
    waiting
        .says("Waiting for approval by a member of jit-approvers (lapses in 2h)")
        .await;
    // What happens to others is nothing to it.
    world.service.announce(&elevation(7, State::Denied)).await;
    world.service.change(42, becomes(State::Active)).await;
    let ran = waiting.ended(0).await;
    assert_eq!(ran.stdout, "42\n");
    assert!(ran.stderr.contains("deploy is active until "), "{ran:#?}");
}

#[tokio::test]
async fn waiting_goes_on_after_one_yes_of_two() {
    let world = World::with(vec![]).await;
    let mut waiting = Running::start(world.bus.address(), &["request", "deploy", "--wait"]);
    waiting.says("Waiting for approval").await;
    let yes = elevation(42, State::Active).decisions;
    world.service.change(42, |old| old.decisions = yes).await;
    waiting.says("; so far approved by alice").await;
    world.service.change(42, becomes(State::Active)).await;
    let _ = waiting.ended(0).await;
}

#[tokio::test]
async fn waiting_ends_with_a_no() {
    for (state, said) in [
        (
            State::Denied,
            "request 42 for deploy was denied by alice: \"not today\"",
        ),
        (
            State::Cancelled,
            "request 42 for deploy was cancelled by carol",
        ),
        (
            State::Lapsed,
            "request 42 for deploy lapsed: nobody decided in time",
        ),
        (
            State::Revoked,
            "request 42 for deploy began, and is revoked already by carol",
        ),
    ] {
        let world = World::with(vec![]).await;
        let mut waiting = Running::start(world.bus.address(), &["request", "deploy", "--wait"]);
        waiting.says("Waiting for approval").await;
        world.service.change(42, becomes(state)).await;
        let ran = waiting.ended(5).await;
        assert_eq!(ran.stdout, "42\n");
        assert!(
            ran.stderr.contains(&format!("jitctl: {said}\n")),
            "{ran:#?}"
        );
        assert!(ran.stderr.ends_with("hint: jitctl show 42\n"), "{ran:#?}");
    }
}

#[tokio::test]
async fn waiting_outlives_a_restart_of_jitd() {
    let world = World::with(vec![]).await;
    let mut waiting = Running::start(world.bus.address(), &["request", "deploy", "--wait"]);
    waiting.says("Waiting for approval").await;
    world.service.stop().await;
    waiting
        .says("jitd went away; waiting for it to come back")
        .await;
    // Decided while nobody could hear it.
    world.shared.scene().elevations = vec![elevation(42, State::Active)];
    let _service = Service::start(world.bus.address(), world.shared.clone()).await;
    let _ = waiting.ended(0).await;
}

#[tokio::test]
async fn after_a_restart_signals_are_heard_again() {
    let world = World::with(vec![]).await;
    let mut waiting = Running::start(world.bus.address(), &["request", "deploy", "--wait"]);
    waiting.says("Waiting for approval").await;
    world.service.stop().await;
    waiting.says("jitd went away").await;
    let service = Service::start(world.bus.address(), world.shared.clone()).await;
    waiting.says("Waiting for approval").await;
    service.change(42, becomes(State::Active)).await;
    let _ = waiting.ended(0).await;
}

#[tokio::test]
async fn waiting_ends_with_the_bus() {
    let world = World::with(vec![]).await;
    let mut waiting = Running::start(world.bus.address(), &["request", "deploy", "--wait"]);
    waiting.says("Waiting for approval").await;
    drop(world.bus);
    let ran = waiting.ended(4).await;
    assert!(
        ran.stderr
            .contains("jitctl: jitd went away while request 42 waited"),
        "{ran:#?}"
    );
}

#[tokio::test]
async fn waiting_no_longer_than_told() {
    let world = World::with(vec![]).await;
    let ran = world
        .run(&["request", "deploy", "--wait", "--timeout", "1s"])
        .await
        .ended(5);
    assert_eq!(ran.stdout, "42\n");
    assert!(
        ran.stderr.ends_with(
            "jitctl: request 42 was not decided in time; it still waits\n\
             hint: to look at it: jitctl show 42\n\
             hint: to take it back: jitctl cancel 42\n"
        ),
        "{ran:#?}"
    );
}

#[tokio::test]
async fn ctrl_c_leaves_the_request() {
    let world = World::with(vec![]).await;
    let mut waiting = Running::start(world.bus.address(), &["request", "deploy", "--wait"]);
    waiting.says("Waiting for approval").await;
    let id = waiting.child.id().unwrap().to_string();
    assert!(
        Command::new("kill")
            .args(["-INT", &id])
            .status()
            .unwrap()
            .success()
    );
    let ran = waiting.ended(130).await;
    assert!(
        ran.stderr.contains("jitctl: request 42 still waits\n"),
        "{ran:#?}"
    );
    assert!(ran.stderr.contains("jitctl cancel 42"), "{ran:#?}");
    assert!(
        !world
            .shared
            .scene()
            .calls
            .iter()
            .any(|call| call.starts_with("cancel"))
    );
}

#[tokio::test]
async fn the_wait_goes_on_when_nobody_reads_the_number() {
    let world = World::with(vec![]).await;
    world.shared.scene().request_becomes = Some(State::Active);
    let mut command = jitctl(world.bus.address(), &["request", "deploy", "--wait"]);
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().await.unwrap();
    assert_eq!(output.status.code(), Some(0));
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(
        stderr.starts_with("Approved automatically: you hold deploy until "),
        "{stderr}"
    );
}

#[tokio::test]
async fn lapsing_soon_is_said_in_seconds() {
    let mut soon = elevation(42, State::Pending);
    soon.lapses_at = Some(in_seconds(95));
    let world = World::with(vec![soon]).await;
    let ran = world.run(&["show", "42"]).await.ended(0);
    assert!(ran.stdout.contains("(in 1m3"), "{ran:#?}");
    assert!(
        ran.stdout
            .contains("  Approvers    a member of jit-approvers\n")
    );
}
