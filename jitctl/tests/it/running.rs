//! run: what becomes of it is up to sudo.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use jitd_api::{Elevation, State};
use tempfile::TempDir;
use tokio::process::Command;

use crate::scene::{NOWHERE, Ran, Running, World, elevation, in_seconds, jitctl};

/// Says what it was given, and ends with 7.
const SUDO: &str = "#!/bin/sh\nprintf '<%s>' \"$@\"\necho\nexit 7\n";

/// A folder with such a sudo.
fn path() -> TempDir {
    path_with(SUDO)
}

fn path_with(script: &str) -> TempDir {
    let folder = TempDir::new().unwrap();
    let sudo = folder.path().join("sudo");
    fs::write(&sudo, script).unwrap();
    fs::set_permissions(&sudo, fs::Permissions::from_mode(0o755)).unwrap();
    folder
}

fn with_path(address: &str, path: &TempDir, arguments: &[&str]) -> Command {
    let mut command = jitctl(address, arguments);
    command.env("PATH", path.path());
    command
}

async fn ended(world: &World, path: &TempDir, arguments: &[&str], status: i32) -> Ran {
    let command = with_path(world.bus.address(), path, arguments);
    Running::of(command).ended(status).await
}

const RUN: [&str; 10] = [
    "run", "deploy", "--for", "10m", "--ticket", "OPS-7", "--", "-u", "web", "a b",
];

#[tokio::test]
async fn sudo_takes_its_place_as_soon_as_the_role_is_held() {
    let (world, path) = (World::with(vec![]).await, path());
    let mut running = Running::of(with_path(world.bus.address(), &path, &RUN));
    running.says("Waiting for approval by").await;
    let active = |old: &mut Elevation| *old = elevation(42, State::Active);
    world.service.change(42, active).await;
    let ran = running.ended(7).await;
    // The number is not there: stdout is the command's.
    assert_eq!(ran.stdout, "<-u><web><a b>\n");
    assert!(ran.stderr.starts_with("Request 42.\n"), "{ran:#?}");
    assert!(ran.stderr.contains("\ndeploy is active until "), "{ran:#?}");
    let calls = world.shared.scene().calls.clone();
    assert_eq!(
        calls[0],
        "request deploy Some(600) None None Some(\"OPS-7\")"
    );
    assert!(!calls.iter().any(|call| call.starts_with("end")));
}

#[tokio::test]
async fn sudo_has_no_socket_of_ours() {
    const COUNT: &str =
        "#!/bin/sh\nfor fd in /proc/$$/fd/*; do echo $fd; test -S $fd && echo socket; done\nexit 0";
    let (world, path) = (World::with(vec![]).await, path_with(COUNT));
    world.shared.scene().request_becomes = Some(State::Active);
    let ran = ended(&world, &path, &RUN, 0).await;
    assert!(ran.stdout.lines().count() >= 3, "{ran:#?}");
    assert!(!ran.stdout.contains("socket"), "{ran:#?}");
}

#[tokio::test]
async fn what_is_scheduled_is_waited_for() {
    let (world, path) = (World::with(vec![]).await, path());
    world.shared.scene().request_becomes = Some(State::Scheduled);
    let mut running = Running::of(with_path(world.bus.address(), &path, &RUN));
    running.says("Waiting for its time: deploy from ").await;
    let active = |old: &mut Elevation| *old = elevation(42, State::Active);
    world.service.change(42, active).await;
    let ran = running.ended(7).await;
    assert_eq!(ran.stdout, "<-u><web><a b>\n");
}

#[tokio::test]
async fn nothing_runs_without_the_role() {
    for state in [
        State::Denied,
        State::Lapsed,
        State::Cancelled,
        State::Revoked,
    ] {
        let (world, path) = (World::with(vec![]).await, path());
        world.shared.scene().request_becomes = Some(state);
        let ran = ended(&world, &path, &RUN, 5).await;
        assert_eq!(ran.stdout, "");
        assert!(ran.stderr.contains("\nhint: jitctl show 42\n"), "{ran:#?}");
    }
}

#[tokio::test]
async fn what_is_taken_away_before_it_begins_never_began() {
    let (world, path) = (World::with(vec![]).await, path());
    world.shared.scene().request_becomes = Some(State::Scheduled);
    let mut running = Running::of(with_path(world.bus.address(), &path, &RUN));
    running.says("Waiting for its time").await;
    let revoked = |old: &mut Elevation| {
        old.state = State::Revoked.to_string();
        old.ended_at = Some(in_seconds(0));
        old.ended_by = Some("alice".into());
    };
    world.service.change(42, revoked).await;
    let ran = running.ended(5).await;
    assert_eq!(ran.stdout, "");
    assert!(
        ran.stderr
            .contains("jitctl: request 42 for deploy was revoked by alice\n"),
        "{ran:#?}"
    );
}

#[tokio::test]
async fn nothing_runs_after_the_time_to_wait() {
    for (state, said) in [
        (State::Pending, "was not decided in time; it still waits\n"),
        (
            State::Scheduled,
            "has not begun in time; it stays scheduled\n",
        ),
    ] {
        let (world, path) = (World::with(vec![]).await, path());
        world.shared.scene().request_becomes = Some(state);
        let arguments = ["run", "deploy", "--timeout", "1s", "--", "id"];
        let ran = ended(&world, &path, &arguments, 5).await;
        assert_eq!(ran.stdout, "");
        assert!(ran.stderr.contains(said), "{ran:#?}");
    }
}

#[tokio::test]
async fn without_sudo_nobody_is_asked() {
    let (world, empty) = (World::with(vec![]).await, TempDir::new().unwrap());
    let ran = ended(&world, &empty, &RUN, 1).await;
    assert_eq!(ran.stdout, "");
    assert!(
        ran.stderr.starts_with("jitctl: there is no sudo in PATH\n"),
        "{ran:#?}"
    );
    assert_eq!(world.shared.scene().calls, [""; 0]);
}

#[tokio::test]
async fn without_jitd_nothing_runs() {
    let ran = Running::of(with_path(NOWHERE, &path(), &RUN))
        .ended(4)
        .await;
    assert_eq!(ran.stdout, "");
}
