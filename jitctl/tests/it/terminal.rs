//! What a person sees on a terminal; `script` (util-linux) brings one.

use std::process::Stdio;

use jitd_api::{State, Status};
use tokio::process::Command;
use tokio::time::timeout;

use crate::scene::{DEADLINE, World, elevation, jitctl, role};

/// What the program shows on a terminal of so many columns.
pub async fn shown(
    world: &World,
    columns: u16,
    environment: &[(&str, &str)],
    arguments: &str,
) -> String {
    let program = env!("CARGO_BIN_EXE_jitctl");
    let typed = format!("stty cols {columns} -onlcr && exec '{program}' {arguments}");
    let plain = jitctl(world.bus.address(), &[]);
    let inherited = plain.as_std().get_envs();
    let output = Command::new("script")
        .args(["--quiet", "--return", "--command", &typed, "/dev/null"])
        .env_clear()
        .envs(inherited.filter_map(|(name, value)| Some((name, value?))))
        .env("PATH", "/usr/bin:/bin")
        .env("TERM", "xterm")
        .envs(environment.iter().copied())
        .stdin(Stdio::null())
        .output();
    let output = timeout(DEADLINE, output).await.unwrap().unwrap();
    String::from_utf8(output.stdout).unwrap()
}

async fn busy_world() -> World {
    let mut long = elevation(43, State::Pending);
    long.reason = "a reason so long that it cannot fit beside all of the rest of the line".into();
    let world = World::with(vec![
        long.clone(),
        elevation(42, State::Active),
        elevation(41, State::Denied),
        elevation(40, State::Scheduled),
    ])
    .await;
    world.shared.scene().status = Status {
        user: "carol".into(),
        active: vec![elevation(42, State::Active)],
        pending: vec![long],
        roles: vec![role()],
        to_decide: 1,
        ..Status::default()
    };
    world
}

#[tokio::test]
async fn states_have_colours() {
    let world = busy_world().await;
    let text = shown(&world, 100, &[], "list").await;
    for coloured in [
        "\u{1b}[38;5;2mactive",
        "\u{1b}[38;5;3mpending",
        "\u{1b}[38;5;1mdenied",
        "\u{1b}[38;5;6mscheduled",
    ] {
        assert!(text.contains(coloured), "{coloured:?} in {text:?}");
    }
}

#[tokio::test]
async fn no_colour_where_none_is_wanted() {
    let world = busy_world().await;
    for environment in [("NO_COLOR", "1"), ("TERM", "dumb")] {
        for arguments in ["list", "status", "show 42", "pending"] {
            let text = shown(&world, 100, &[environment], arguments).await;
            assert!(!text.contains('\u{1b}'), "{text:?}");
        }
    }
}

#[tokio::test]
async fn a_row_is_one_line_that_fits() {
    let world = busy_world().await;
    for columns in [100, 120] {
        let text = shown(&world, columns, &[("NO_COLOR", "1")], "list").await;
        assert_eq!(text.lines().count(), 5, "{text}");
        for line in text.lines() {
            assert!(line.chars().count() <= usize::from(columns), "{line:?}");
        }
        assert!(text.contains("a reason"), "{text}");
        assert!(text.contains('…'), "{text}");
    }
}

#[tokio::test]
async fn waiting_shows_that_it_waits() {
    let world = World::with(vec![]).await;
    let text = shown(&world, 100, &[], "request deploy --wait --timeout 1s").await;
    assert!(text.starts_with("42\n"), "{text:?}");
    assert!(
        text.contains("Waiting for approval by a member of jit-approvers"),
        "{text:?}"
    );
    assert!(
        text.contains("request 42 was not decided in time"),
        "{text:?}"
    );
}
