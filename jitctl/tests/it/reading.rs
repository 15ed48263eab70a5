//! status, list, pending, show.

use jitd_api::{Role, Session, State, Status};
use serde_json::json;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::time::timeout;

use crate::scene::{DEADLINE, LONG_AGO, World, elevation, in_seconds, jitctl, role};

/// A terminal's nightmare, and a log's.
pub const HOSTILE: &str = "\u{1b}[2J\u{1b}]0;owned\u{7}\nEND\u{202e}gnp\u{9b}31m\u{7f}";
pub const HOSTILE_SHOWN: &str = r"\u{1b}[2J\u{1b}]0;owned\u{7}\nEND\u{202e}gnp\u{9b}31m\u{7f}";

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
         role: Some(\"deploy\"), since: Some(1767323040000), until: None, not_over_before: None, \
         before: None, limit: Some(7) }"
    );
}

#[tokio::test]
async fn json_has_the_names_that_scripts_rely_on() {
    let mut denied = elevation(43, State::Denied);
    denied.sessions = sessions();
    denied.reason = String::new();
    denied.lapses_at = None;
    let world = World::with(vec![denied]).await;
    let one = json!({
        "id": 43, "state": "denied", "user": "carol", "uid": 1001, "role": "deploy",
        "groups": ["jit-deploy"], "services": ["sudo", "sudo-i"], "reason": null,
        "ticket": null, "duration": 5400, "requested_at": "2026-01-02T03:04:05Z", "lapses_at": null,
        "starts_at": null, "ends_at": null, "ended_at": "2026-01-02T03:05:05Z",
        "ended_by": "alice", "extends": null, "break_glass": false, "acknowledged_at": null,
        "acknowledged_by": null, "approvers": ["group:jit-approvers"], "needs": [],
        "decisions": [{
            "by": "alice", "verdict": "denied", "comment": "not today",
            "at": "2026-01-02T03:05:05Z",
        }],
        "sessions": [{
            "id": 7, "service": "sudo", "command": "sudo -i \u{1b}[2J", "terminal": "/dev/pts/0",
            "remote": null, "opened_at": "2026-01-02T03:04:05Z", "closed_at": null,
            "running": true,
        }, {
            "id": 8, "service": "sshd", "command": "sshd: carol [priv]", "terminal": null,
            "remote": "192.0.2.1", "opened_at": "2026-01-02T03:04:05Z",
            "closed_at": "2026-01-02T03:05:05Z", "running": false,
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

/// One that runs, and one that is over.
fn sessions() -> Vec<Session> {
    let runs = Session {
        id: 7,
        service: "sudo".into(),
        command: "sudo -i \u{1b}[2J".into(),
        terminal: "/dev/pts/0".into(),
        remote: String::new(),
        opened_at: LONG_AGO,
        closed_at: None,
    };
    let over = Session {
        id: 8,
        service: "sshd".into(),
        command: "sshd: carol [priv]".into(),
        terminal: String::new(),
        remote: "192.0.2.1".into(),
        closed_at: Some(LONG_AGO + 60_000),
        ..runs.clone()
    };
    vec![runs, over]
}

#[tokio::test]
async fn show_lists_sessions() {
    let mut active = elevation(43, State::Active);
    active.sessions = sessions();
    let world = World::with(vec![active]).await;
    let ran = world.run(&["show", "43"]).await.ended(0);
    for fact in [
        "\n  Session      7 sudo (/dev/pts/0): sudo -i \\u{1b}[2J\n",
        "since 2026-01-02 03:04:05 UTC (",
        "ago), still running\n",
        "\n  Session      8 sshd (192.0.2.1): sshd: carol [priv]\n",
        "ago), until 2026-01-02 03:05:05 UTC (",
    ] {
        assert!(ran.stdout.contains(fact), "{fact:?} in {}", ran.stdout);
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
    hostile.ticket = HOSTILE.into();
    hostile.approvers = vec![format!("group:{HOSTILE}")];
    hostile.needs = vec![format!("2 of group:{HOSTILE}")];
    let world = World::with(vec![hostile.clone()]).await;
    world.shared.scene().status = Status {
        user: HOSTILE.into(),
        pending: vec![hostile],
        roles: vec![Role {
            needs: vec![HOSTILE.into()],
            ..role()
        }],
        ..Status::default()
    };
    for arguments in [&["list"][..], &["pending"], &["show", "42"], &["status"]] {
        let ran = world.run(arguments).await.ended(0);
        assert!(ran.stdout.contains(HOSTILE_SHOWN), "{ran:#?}");
        assert!(harmless(&ran.stdout), "{ran:#?}");
    }
    let ran = world.run(&["show", "42"]).await.ended(0);
    for fact in [
        format!("  Ticket       {HOSTILE_SHOWN}\n"),
        format!("  Needs        2 members of {HOSTILE_SHOWN}\n"),
    ] {
        assert!(ran.stdout.contains(&fact), "{fact:?} in {ran:#?}");
    }
    let ran = world.run(&["show", "42", "--json"]).await.ended(0);
    assert_eq!(ran.json()["reason"], HOSTILE);
    assert_eq!(ran.json()["ticket"], HOSTILE);
    assert!(harmless(&ran.stdout), "{ran:#?}");
}

pub fn harmless(text: &str) -> bool {
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
        "  User         carol (uid 1001)\n",
        "  Role         deploy\n",
        "  Groups       jit-deploy\n",
        "  Opens        sudo, sudo-i\n",
        "  Reason       restart web\n",
        "  For          1h30m\n",
        "  Requested    2026-01-02 03:04:05 UTC (",
        "  Decision     denied by alice, 2026-01-02 03:05:05 UTC (",
        "ago): \"not today\"\n",
        "  Ended        2026-01-02 03:05:05 UTC (",
        "ago), by alice\n",
    ] {
        assert!(ran.stdout.contains(fact), "{fact:?} in {}", ran.stdout);
    }
}

#[tokio::test]
async fn show_tells_when_it_begins_and_whom_it_needs() {
    let mut scheduled = elevation(43, State::Scheduled);
    scheduled.ticket = "OPS-7".into();
    scheduled.extends = Some(41);
    let mut pending = elevation(44, State::Pending);
    pending.needs = vec![
        "2 of group:dba or user:bob".into(),
        "1 of group:security".into(),
    ];
    let mut withdrawn = elevation(45, State::Cancelled);
    withdrawn.starts_at = Some(in_seconds(3_600));
    let world = World::with(vec![scheduled, pending, withdrawn]).await;
    for (id, facts) in [
        (
            "43",
            &[
                "Elevation 43  scheduled\n",
                "\n  Ticket       OPS-7\n",
                "\n  Extends      41\n",
                "\n  Begins       20",
                " (in 1h)\n",
                "\n  Ends         20",
            ][..],
        ),
        (
            "44",
            &["\n  Needs        2 of bob and the members of dba, and a member of security\n"],
        ),
        ("45", &["\n  Was to begin 20"]),
    ] {
        let ran = world.run(&["show", id]).await.ended(0);
        for fact in facts {
            assert!(ran.stdout.contains(fact), "{fact:?} in {}", ran.stdout);
        }
        assert!(!ran.stdout.contains("Started"), "{}", ran.stdout);
        assert!(!ran.stdout.contains("Break-glass"), "{}", ran.stdout);
    }
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
