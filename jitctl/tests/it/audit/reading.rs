//! What is on record, on the screen and for programs.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use jitd_api::Error;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::{world, world_of};
use crate::reading::{HOSTILE, HOSTILE_SHOWN, harmless};
use crate::record::{Ends, Record, life};
use crate::scene::{DEADLINE, NOWHERE, run_at};
use crate::terminal::shown;

#[tokio::test]
async fn a_table_has_the_newest_last() {
    let ran = world().await.run(&["audit"]).await.ended(0);
    assert_eq!(
        ran.stdout,
        "\
TIME                 SEQ  EVENT                ID  USER   ROLE    BY     DETAILS
2026-01-02 03:04:05  1    policy.loaded        -   -      -       jitd   roles=3
2026-01-02 03:05:05  2    elevation.requested  42  carol  deploy  carol  duration=5400 reason=\"restart web\"
2026-01-02 03:06:05  3    elevation.approved   42  carol  deploy  alice  comment=go duration=5400 ends=2026-01-02T04:36:05Z
2026-01-02 03:07:05  4    session.opened       42  carol  deploy  -      command=\"sudo -i\" service=sudo session=7 terminal=/dev/pts/0
2026-01-02 03:08:05  5    session.closed       42  carol  deploy  -      service=sudo session=7
2026-01-02 03:09:05  6    elevation.released   42  carol  deploy  carol
"
    );
    assert_eq!(ran.stderr, "");
}

#[tokio::test]
async fn a_row_fits_on_a_terminal_and_is_coloured() {
    let world = world().await;
    let text = shown(&world, 100, &[("NO_COLOR", "1")], "audit").await;
    assert_eq!(text.lines().count(), 7, "{text}");
    for line in text.lines() {
        assert!(line.chars().count() <= 100, "{line:?}");
    }
    assert!(text.contains("duration=5400 e…"), "{text}");
    let text = shown(&world, 100, &[], "audit").await;
    assert!(
        text.contains("\u{1b}[32melevation.approved\u{1b}[0m"),
        "{text:?}"
    );
}

#[tokio::test]
async fn conditions_are_passed_on() {
    let world = world().await;
    for (arguments, asked) in [
        (&["audit"][..], "read last=100"),
        (&["audit", "--format", "json"], "read"),
        (&["audit", "--json"], "read"),
        (&["audit", "--format", "csv"], "read"),
        (&["audit", "--user", "carol"], "read user=carol"),
        (&["audit", "--last", "7"], "read last=7"),
        (
            &[
                "audit",
                "--since",
                "2026-01-02 03:04",
                "--until",
                "2026-01-02T04:04:00Z",
                "--role",
                "deploy",
                "--elevation",
                "42",
                "--event",
                "session.*",
            ],
            "read since=1767323040000 until=1767326640000 role=deploy elevation=42 event=session.*",
        ),
    ] {
        let _ = world.run(arguments).await.ended(0);
        assert_eq!(world.last_call().trim_end(), asked, "{arguments:?}");
    }
    let many = world_of(Record::of(vec![json!({ "event": "a.b" }); 150])).await;
    let ran = many.run(&["audit"]).await.ended(0);
    assert_eq!(ran.stdout.lines().count(), 101);
    assert!(ran.stderr.contains("newest 100"), "{ran:#?}");
}

#[tokio::test]
async fn json_is_an_event_a_line_or_one_document() {
    let world = world().await;
    let record = world.shared.scene().record.events.clone();
    let ran = world.run(&["audit", "--format", "json"]).await.ended(0);
    assert_eq!(ran.stdout.lines().collect::<Vec<_>>(), record);
    let all: Vec<Value> = record
        .iter()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let ran = world.run(&["audit", "--json"]).await.ended(0);
    assert_eq!(ran.json(), Value::Array(all));

    let nothing = world_of(Record::default()).await;
    let ran = nothing.run(&["audit", "--json"]).await.ended(0);
    assert_eq!(ran.json(), json!([]));
    let ran = nothing.run(&["audit", "--format", "csv"]).await.ended(0);
    assert_eq!(
        ran.stdout,
        "seq,at,event,id,user,uid,role,by,fields,chain\n"
    );
    let ran = nothing.run(&["audit"]).await.ended(0);
    assert_eq!(
        (ran.stdout.as_str(), ran.stderr.as_str()),
        ("", "No events.\n")
    );
}

#[tokio::test]
async fn hostile_text_is_visible_in_a_table_and_unaltered_for_programs() {
    let events =
        vec![json!({ "event": "elevation.requested", "id": 1, "by": "carol", "reason": HOSTILE })];
    let world = world_of(Record::of(events)).await;
    let ran = world.run(&["audit"]).await.ended(0);
    assert!(ran.stdout.contains(HOSTILE_SHOWN), "{ran:#?}");
    assert!(harmless(&ran.stdout), "{ran:#?}");
    for arguments in [&["audit", "--format", "json"][..], &["audit", "--json"]] {
        let ran = world.run(arguments).await.ended(0);
        assert!(harmless(&ran.stdout), "{ran:#?}");
        let value = ran.json();
        let event = value.get(0).unwrap_or(&value);
        assert_eq!(event["reason"], HOSTILE);
    }
    let ran = world.run(&["audit", "--format", "csv"]).await.ended(0);
    assert!(harmless(&ran.stdout), "{ran:#?}");
}

#[tokio::test]
async fn what_was_cut_is_no_success() {
    for (ends, said) in [
        (Ends::Cut, "was not read to its end"),
        (
            Ends::Error("the disk is on fire".to_owned()),
            "the disk is on fire",
        ),
    ] {
        let world = world().await;
        world.shared.scene().record.ends = ends;
        let folder = TempDir::new().unwrap();
        let file = folder.path().join("record").display().to_string();
        for arguments in [
            &["audit"][..],
            &["audit", "--json"],
            &["audit", "--format", "csv"],
            &["audit", "verify"],
            &["audit", "export", "-"],
            &["audit", "export", &file],
        ] {
            let ran = world.run(arguments).await.ended(1);
            assert!(ran.stderr.contains(said), "{arguments:?}: {ran:#?}");
            assert!(
                serde_json::from_str::<Value>(&ran.stdout).is_err(),
                "{ran:#?}"
            );
        }
        assert!(!fs::exists(&file).unwrap(), "half a record was left");
    }
}

#[tokio::test]
async fn an_export_is_for_its_owner_and_overwrites_nothing() {
    let world = world().await;
    let record = world.shared.scene().record.events.join("\n") + "\n";
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("record.jsonl");
    let file = path.display().to_string();
    let ran = world.run(&["audit", "export", &file]).await.ended(0);
    assert_eq!(
        (ran.stdout.as_str(), ran.stderr.as_str()),
        ("", "6 events.\n")
    );
    assert_eq!(world.last_call(), "read whole=true");
    assert_eq!(fs::read_to_string(&path).unwrap(), record);
    let mode = fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);

    let ran = world.run(&["audit", "export", &file]).await.ended(1);
    assert!(ran.stderr.contains("exists"), "{ran:#?}");
    assert_eq!(fs::read_to_string(&path).unwrap(), record);
    let ran = world
        .run(&["audit", "export", "-", "--since", "2026-01-02 03:04"])
        .await
        .ended(0);
    assert_eq!(ran.stdout, record);
    assert_eq!(world.last_call(), "read since=1767323040000 whole=true");
}

#[tokio::test]
async fn an_export_that_is_interrupted_leaves_nothing() {
    let world = world().await;
    world.shared.scene().record.ends = Ends::Never;
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("record");
    let arguments = ["audit", "export", &file.display().to_string()];
    let child = crate::scene::jitctl(world.bus.address(), &arguments)
        .spawn()
        .unwrap();
    tokio::time::timeout(DEADLINE, async {
        while !fs::exists(&file).unwrap() {
            tokio::task::yield_now().await;
        }
    })
    .await
    .expect("it begins in time");
    let pid = child.id().unwrap().to_string();
    let sent = std::process::Command::new("kill")
        .args(["-INT", &pid])
        .status();
    assert!(sent.unwrap().success());
    let output = tokio::time::timeout(DEADLINE, child.wait_with_output()).await;
    assert_eq!(output.unwrap().unwrap().status.code(), Some(130));
    assert!(!fs::exists(&file).unwrap(), "half a record was left");
}

#[tokio::test]
async fn who_may_not_is_told_so_and_leaves_nothing_behind() {
    let world = world().await;
    let only = "only root and auditors may read the whole record";
    world.shared.scene().refuse = Some(Error::NotAllowed(only.to_owned()));
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("record").display().to_string();
    for arguments in [&["audit", "verify"][..], &["audit", "export", &file]] {
        let ran = world.run(arguments).await.ended(3);
        assert!(ran.stderr.contains(only), "{ran:#?}");
    }
    assert!(!fs::exists(&file).unwrap());
}

#[tokio::test]
async fn wrong_usage_is_said() {
    for arguments in [
        &["audit", "--follow", "--json"][..],
        &["audit", "--follow", "--until", "2h"],
        &["audit", "--json", "--format", "csv"],
        &["audit", "--last", "0"],
        &["audit", "--since", "1h", "verify"],
        &["audit", "export"],
        &["audit", "verify", "--against", "-", "-"],
    ] {
        let _ = run_at(NOWHERE, arguments).await.ended(2);
    }
}

#[tokio::test]
async fn show_is_the_whole_story() {
    let mut over = crate::scene::elevation(42, jitd_api::State::Released);
    over.reason = "restart web".into();
    let world = world_of(Record::of(life().split_off(1))).await;
    world.shared.scene().elevations = vec![over];
    let ran = world.run(&["show", "42"]).await.ended(0);
    assert_eq!(
        ran.stdout,
        "\
Elevation 42  released
  User         carol (uid 1001)
  Role         deploy
  Groups       jit-deploy
  Opens        sudo, sudo-i
  Reason       restart web
  For          1h30m

What happened
  2026-01-02 03:04:05       +0s  requested by carol for 1h30m: \"restart web\"
  2026-01-02 03:05:05       +1m  approved by alice for 1h30m until 2026-01-02 04:36:05: \"go\"
  2026-01-02 03:06:05       +2m  session 7 opened: sudo -i (/dev/pts/0)
  2026-01-02 03:07:05       +3m  session 7 closed
  2026-01-02 03:08:05       +4m  released by carol
"
    );
    assert_eq!(world.last_call(), "read elevation=42");
}

#[tokio::test]
async fn a_long_story_fits_on_a_screen() {
    let mut events = life().split_off(1);
    let opened = events[2].clone();
    events.splice(3..3, std::iter::repeat_n(opened, 300));
    let world = world_of(Record::of(events)).await;
    let mut active = crate::scene::elevation(42, jitd_api::State::Active);
    active.sessions = vec![jitd_api::Session {
        id: 7,
        service: "sudo".into(),
        command: "sudo -i".into(),
        terminal: "/dev/pts/0".into(),
        remote: String::new(),
        opened_at: 0,
        closed_at: None,
    }];
    world.shared.scene().elevations = vec![active];
    let ran = world.run(&["show", "42"]).await.ended(0);
    for part in [
        "\n  … 269 more: jitctl audit --elevation 42\n",
        "sudo -i (/dev/pts/0), still running\n",
        "released by carol\n",
    ] {
        assert!(ran.stdout.contains(part), "{part}: {}", ran.stdout);
    }
    assert!(ran.stdout.lines().count() < 50, "{}", ran.stdout);
}

#[tokio::test]
async fn without_its_events_the_rest_is_shown() {
    let world = world().await;
    world.shared.scene().elevations = vec![crate::scene::elevation(42, jitd_api::State::Denied)];
    world.shared.scene().record.ends = Ends::Error("the disk is on fire".to_owned());
    let ran = world.run(&["show", "42"]).await.ended(0);
    assert!(ran.stderr.contains("Without its events: "), "{ran:#?}");
    assert!(
        ran.stdout.contains("  Decision     denied by alice"),
        "{ran:#?}"
    );
}
