//! status, list, pending, show.

use jitd_api::{State, Status};
use serde_json::json;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::time::timeout;

use crate::scene::{DEADLINE, World, elevation, jitctl, role};

/// A terminal's nightmare, and a log's.
const HOSTILE: &str = "\u{1b}[2J\u{1b}]0;owned\u{7}\nEND\u{202e}gnp\u{9b}31m\u{7f}";
const HOSTILE_SHOWN: &str = r"\u{1b}[2J\u{1b}]0;owned\u{7}\nEND\u{202e}gnp\u{9b}31m\u{7f}";

#[tokio::test]
async fn list_is_a_plain_table_in_a_pipe() {
    let world = World::with(vec![
        elevation(43, State::Denied),
        elevation(42, State::Released),
    ])
    .await;
    let ran = world.run(&["list"]).await.ended(0);
    assert_eq!(
        ran.stdout,
        "\
ID  STATE     USER   ROLE    FOR    REQUESTED         UNTIL             REASON
43  denied    carol  deploy  1h30m  2026-01-02 03:04  2026-01-02 03:05  restart web
42  released  carol  deploy  1h30m  2026-01-02 03:04  2026-01-02 03:05  restart web
"
    );
    assert_eq!(ran.stderr, "");
}

#[tokio::test]
async fn list_passes_its_conditions_on() {
    let world = World::with(vec![]).await;
    let ran = world
        .run(&[
            "list",
            "--state",
            "active",
            "--user",
            "carol",
            "--role",
            "deploy",
            "--since",
            "2026-01-02 03:04",
            "--limit",
            "7",
        ])
        .await
        .ended(0);
    assert_eq!(ran.stdout, "");
    assert_eq!(ran.stderr, "No elevations.\n");
    assert_eq!(
        world.last_call(),
        "list Filter { state: Some(\"active\"), user: Some(\"carol\"), \
         role: Some(\"deploy\"), since: Some(1767323040000), limit: Some(7) }"
    );
}

#[tokio::test]
async fn json_has_the_names_that_scripts_rely_on() {
    let mut denied = elevation(43, State::Denied);
    denied.reason = String::new();
    denied.lapses_at = None;
    let world = World::with(vec![denied]).await;
    let one = json!({
        "id": 43, "state": "denied", "user": "carol", "uid": 1001, "role": "deploy",
        "groups": ["jit-deploy"], "services": ["sudo", "sudo-i"], "reason": null,
        "duration": 5400, "requested_at": "2026-01-02T03:04:05Z", "lapses_at": null,
        "starts_at": null, "ends_at": null, "ended_at": "2026-01-02T03:05:05Z",
        "ended_by": "alice", "approvers": ["group:jit-approvers"],
        "decisions": [{
            "by": "alice", "verdict": "denied", "comment": "not today",
            "at": "2026-01-02T03:05:05Z",
        }],
    });
    for (arguments, expected) in [
        (&["show", "43", "--json"][..], one.clone()),
        (&["list", "--json"][..], json!([one])),
        (&["pending", "--json"][..], json!([one])),
    ] {
        assert_eq!(world.run(arguments).await.ended(0).json(), expected);
    }
}

#[tokio::test]
async fn empty_lists_are_empty_arrays_in_json() {
    let world = World::with(vec![]).await;
    for command in ["list", "pending"] {
        let ran = world.run(&[command, "--json"]).await.ended(0);
        assert_eq!(ran.json(), json!([]));
        assert_eq!(ran.stderr, "");
    }
    let ran = world.run(&["pending"]).await.ended(0);
    assert_eq!(ran.stderr, "Nothing waits for your decision.\n");
}

#[tokio::test]
async fn hostile_text_is_visible_on_a_terminal_and_unaltered_in_json() {
    let mut hostile = elevation(42, State::Pending);
    hostile.reason = HOSTILE.into();
    hostile.user = HOSTILE.into();
    hostile.approvers = vec![format!("group:{HOSTILE}")];
    let world = World::with(vec![hostile.clone()]).await;
    world.shared.scene().status = Status {
        user: HOSTILE.into(),
        pending: vec![hostile],
        ..Status::default()
    };
    for arguments in [&["list"][..], &["pending"], &["show", "42"], &["status"]] {
        let ran = world.run(arguments).await.ended(0);
        assert!(ran.stdout.contains(HOSTILE_SHOWN), "{ran:#?}");
        assert!(harmless(&ran.stdout), "{ran:#?}");
    }
    let ran = world.run(&["show", "42", "--json"]).await.ended(0);
    assert_eq!(ran.json()["reason"], HOSTILE);
    assert!(harmless(&ran.stdout), "{ran:#?}");
}

fn harmless(text: &str) -> bool {
    !text
        .chars()
        .any(|c| (c.is_control() && c != '\n') || c == '\u{202e}')
}

#[tokio::test]
async fn pending_says_how_long_there_is() {
    let world = World::with(vec![elevation(42, State::Pending)]).await;
    let ran = world.run(&["pending"]).await.ended(0);
    let lines: Vec<_> = ran.stdout.lines().collect();
    assert_eq!(lines.len(), 2);
    assert!(lines[0].starts_with("ID  USER   ROLE    FOR    REQUESTED"));
    assert!(lines[1].starts_with("42  carol  deploy  1h30m"), "{ran:#?}");
    assert!(lines[1].contains("in 2h"), "{ran:#?}");
    assert!(lines[1].ends_with("restart web"), "{ran:#?}");
}

#[tokio::test]
async fn show_tells_everything() {
    let world = World::with(vec![elevation(43, State::Denied)]).await;
    let ran = world.run(&["show", "43"]).await.ended(0);
    for fact in [
        "Elevation 43  denied\n",
        "  User       carol (uid 1001)\n",
        "  Role       deploy\n",
        "  Groups     jit-deploy\n",
        "  Opens      sudo, sudo-i\n",
        "  Reason     restart web\n",
        "  For        1h30m\n",
        "  Requested  2026-01-02 03:04:05 UTC (",
        "  Decision   denied by alice, 2026-01-02 03:05:05 UTC (",
        "ago): \"not today\"\n",
        "  Ended      2026-01-02 03:05:05 UTC (",
        "ago), by alice\n",
    ] {
        assert!(ran.stdout.contains(fact), "{fact:?} in {}", ran.stdout);
    }
}

#[tokio::test]
async fn status_says_what_is_held_what_waits_and_what_can_be_asked_for() {
    let world = World::with(vec![]).await;
    world.shared.scene().status = Status {
        user: "carol".into(),
        active: vec![elevation(42, State::Active)],
        pending: vec![elevation(43, State::Pending)],
        roles: vec![role()],
        to_decide: 2,
    };
    let ran = world.run(&["status"]).await.ended(0);
    for part in [
        "carol holds:\nID  STATE   ROLE    FOR    UNTIL",
        "\n42  active  deploy  1h30m  ",
        "\n\nWaiting for a decision:\n",
        "\n\nYou may ask for (jitctl request ROLE):\n\
         ROLE    FOR  AT MOST  REASON    OPENS        DESCRIPTION\n\
         deploy  30m  2h       required  sudo,sudo-i  Restart the web tier\n",
        "\n\n2 requests wait for your decision: jitctl pending\n",
    ] {
        assert!(ran.stdout.contains(part), "{part:?} in {}", ran.stdout);
    }
    let json = world.run(&["status", "--json"]).await.ended(0).json();
    assert_eq!(json["user"], "carol");
    assert_eq!(json["active"][0]["id"], 42);
    assert_eq!(json["pending"][0]["state"], "pending");
    assert_eq!(json["to_decide"], 2);
    assert_eq!(
        json["roles"],
        json!([{
            "name": "deploy", "description": "Restart the web tier",
            "default_duration": 1800, "max_duration": 7200, "reason_required": true,
            "services": ["sudo", "sudo-i"],
        }])
    );
}

#[tokio::test]
async fn status_of_somebody_with_nothing() {
    let world = World::with(vec![]).await;
    world.shared.scene().status.user = "bob".into();
    let ran = world.run(&["status"]).await.ended(0);
    assert_eq!(
        ran.stdout,
        "bob holds nothing.\n\nThere is no role you may ask for.\n"
    );
}

#[tokio::test]
async fn a_reader_that_goes_away_is_a_normal_end() {
    // More than fits into a pipe.
    let mut long = elevation(1, State::Released);
    long.reason = "x".repeat(1024);
    let world = World::with(vec![long; 500]).await;
    for arguments in [&["list"][..], &["list", "--json"]] {
        let mut child = jitctl(world.bus.address(), arguments).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        lines.next_line().await.unwrap().unwrap();
        drop(lines);
        let output = timeout(DEADLINE, child.wait_with_output())
            .await
            .unwrap()
            .unwrap();
        assert_eq!(output.status.code(), Some(0));
        assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    }
}
