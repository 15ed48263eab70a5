//! break-glass, acknowledge, and how a broken glass looks.

use jitd_api::{State, Status};
use serde_json::json;

use crate::scene::{World, acknowledged, broken_glass, elevation};
use crate::terminal::shown;

const RED: &str = "\u{1b}[38;5;1m";

#[tokio::test]
async fn breaking_the_glass() {
    let world = World::with(vec![]).await;
    let arguments = [
        "break-glass",
        "deploy",
        "--reason",
        "on fire",
        "--for",
        "20m",
        "--ticket",
        "OPS-7",
    ];
    let ran = world.run(&arguments).await.ended(0);
    assert_eq!(ran.stdout, "42\n");
    assert!(
        ran.stderr
            .starts_with("The glass is broken: you hold deploy until "),
        "{ran:#?}"
    );
    assert!(
        ran.stderr
            .ends_with(" (for 1h30m). An approver must acknowledge it.\n"),
        "{ran:#?}"
    );
    assert_eq!(
        world.shared.scene().calls,
        [
            "break_glass deploy Some(1200) None Some(\"on fire\") Some(\"OPS-7\")",
            "get 42"
        ]
    );
}

#[tokio::test]
async fn breaking_the_glass_is_red_on_a_terminal() {
    let world = World::with(vec![]).await;
    let arguments = "break-glass deploy --reason fire";
    let text = shown(&world, 100, &[], arguments).await;
    assert!(text.starts_with("42\n"), "{text:?}");
    assert!(text.contains("\u{1b}[31mThe glass is broken"), "{text:?}");
    let text = shown(&world, 100, &[("NO_COLOR", "1")], arguments).await;
    assert!(!text.contains('\u{1b}'), "{text:?}");
}

#[tokio::test]
async fn acknowledging() {
    let world = World::with(vec![acknowledged(42)]).await;
    let ran = world.run(&["acknowledge", "42"]).await.ended(0);
    assert_eq!(
        ran.stdout,
        "Acknowledged 42: carol broke the glass for deploy.\n"
    );
    assert_eq!(world.last_call(), "acknowledge 42 \"\"");
    let arguments = ["acknowledge", "42", "--comment", "fine", "--json"];
    let json = world.run(&arguments).await.ended(0).json();
    assert_eq!(world.last_call(), "acknowledge 42 \"fine\"");
    assert_eq!(json["break_glass"], true);
    assert_eq!(json["acknowledged_by"], "alice");
    assert_eq!(json["acknowledged_at"], "2026-01-02T03:06:05Z");
}

#[tokio::test]
async fn pending_has_what_is_to_be_acknowledged_too() {
    const TITLE: &str = "Broken glass, to be acknowledged (jitctl acknowledge ID):\n";
    let world = World::with(vec![]).await;
    world.shared.scene().unacknowledged = vec![broken_glass(41)];
    let ran = world.run(&["pending"]).await.ended(0);
    assert!(ran.stdout.starts_with(TITLE), "{ran:#?}");
    assert!(
        ran.stdout.contains("\n41  active (break-glass)  carol"),
        "{ran:#?}"
    );

    world.shared.scene().elevations = vec![elevation(42, State::Pending)];
    let ran = world.run(&["pending"]).await.ended(0);
    let (waiting, broken) = ran.stdout.split_once(&format!("\n\n{TITLE}")).unwrap();
    assert!(waiting.contains("\n42  carol"), "{ran:#?}");
    assert!(!waiting.contains("41"), "{ran:#?}");
    assert!(broken.contains("\n41  active"), "{ran:#?}");

    let ran = world.run(&["pending", "--json"]).await.ended(0).json();
    let ids: Vec<_> = ran.as_array().unwrap().iter().map(|e| &e["id"]).collect();
    assert_eq!(json!(ids), json!([42, 41]));
    assert_eq!(ran[1]["acknowledged_at"], json!(null));
}

#[tokio::test]
async fn a_broken_glass_is_marked_in_every_list_until_it_is_acknowledged() {
    let broken = vec![broken_glass(44), acknowledged(43)];
    let world = World::with(broken.clone()).await;
    world.shared.scene().status = Status {
        user: "carol".into(),
        active: broken.clone(),
        ..Status::default()
    };
    world.shared.scene().unacknowledged = broken;
    for arguments in ["list", "status", "pending"] {
        let ran = world.run(&[arguments]).await.ended(0);
        assert!(ran.stdout.contains("\n44  active (break-glass)  "));
        assert!(ran.stdout.contains("\n43  active                "));

        let text = shown(&world, 120, &[], arguments).await;
        assert!(!text.contains("(break-glass)"), "{text:?}");
        let line = |id: &str| {
            // The service gives it as waiting, too; that table comes first.
            let line = text.lines().rfind(|line| plain(line).starts_with(id));
            line.unwrap_or_else(|| panic!("{id} in {text:?}"))
        };
        for cell in ["44", "active", "deploy", "1h30m", "restart web"] {
            assert!(line("44").contains(&format!("{RED}{cell}")), "{text:?}");
        }
        assert!(!line("43").contains(RED), "{text:?}");
    }
}

#[tokio::test]
async fn show_tells_whether_it_is_acknowledged() {
    let world = World::with(vec![broken_glass(44), acknowledged(43)]).await;
    for (id, said) in [
        ("44", "\n  Break-glass  not acknowledged yet\n"),
        (
            "43",
            "\n  Break-glass  acknowledged by alice, 2026-01-02 03:06:05 UTC (",
        ),
    ] {
        let ran = world.run(&["show", id]).await.ended(0);
        assert!(ran.stdout.contains(said), "{ran:#?}");
    }
    let text = shown(&world, 100, &[], "show 44").await;
    assert!(text.contains("\u{1b}[31mnot acknowledged yet"), "{text:?}");
}

/// Without the styles.
fn plain(line: &str) -> String {
    let mut parts = line.split('\u{1b}');
    let first = parts.next().unwrap_or_default();
    let rest = parts.filter_map(|part| Some(part.split_once('m')?.1));
    [first].into_iter().chain(rest).collect()
}
