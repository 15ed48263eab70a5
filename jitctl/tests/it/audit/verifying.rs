//! Whatever is done to the record, it is found; and what is in order is said to be.

use std::fs;
use std::process::Stdio;

use jitd_api::Link;
use serde_json::{Map, Value, json};
use tempfile::TempDir;
use tokio::io::AsyncWriteExt;

use super::{world, world_of};
use crate::record::{Ends, Record, chain, life, link};
use crate::scene::{DEADLINE, NOWHERE, Ran, World, jitctl, run_at};
use crate::terminal::shown;

/// What verify says of a record that somebody did something to.
async fn verified(touch: impl FnOnce(&mut Record)) -> Ran {
    let mut record = Record::of(life());
    touch(&mut record);
    let world = world_of(record).await;
    world.run(&["audit", "verify"]).await
}

/// A bar is for who waits.
#[tokio::test]
async fn a_short_record_leaves_no_bar_on_the_screen() {
    let text = shown(&world().await, 80, &[], "audit verify").await;
    assert!(text.starts_with("\u{1b}[32mThe chain is whole"), "{text:?}");
    assert!(!text.contains('\u{2588}'), "{text:?}");
}

/// A line with something changed in it, and its link as it was.
fn edited(line: &str, change: impl FnOnce(&mut Map<String, Value>)) -> String {
    let mut members: Map<String, Value> = serde_json::from_str(line).unwrap();
    change(&mut members);
    Value::Object(members).to_string()
}

#[track_caller]
fn broken(ran: Ran, at: u64, what: &str) {
    let ran = ran.ended(1);
    let first = ran.stdout.lines().next().unwrap_or_default();
    assert!(
        first.starts_with(&format!("The record is broken at event {at}: ")) && first.contains(what),
        "{at}: {what}: {ran:#?}"
    );
    assert!(ran.stdout.contains("\n  That means: "), "{ran:#?}");
    assert_eq!(ran.stderr, "");
}

#[tokio::test]
async fn a_whole_record_is_said_to_be_whole() {
    let world = world().await;
    let head = chain(world.shared.scene().record.events.last().unwrap());
    let ran = world.run(&["audit", "verify"]).await.ended(0);
    assert!(
        ran.stdout.starts_with(&format!(
            "The chain is whole: 6 events, from 1 (2026-01-02T03:04:05.000Z) to 6 \
             (2026-01-02T03:09:05.000Z).\n  Head  {head}\n"
        )),
        "{ran:#?}"
    );
    assert_eq!(world.last_call(), "read whole=true");
    let ran = world.run(&["audit", "verify", "--json"]).await.ended(0);
    assert_eq!(
        ran.json(),
        json!({
            "verified": true, "events": 6, "head": head, "begins": "start",
            "first": { "seq": 1, "at": "2026-01-02T03:04:05.000Z" },
            "last": { "seq": 6, "at": "2026-01-02T03:09:05.000Z" },
            "problem": null, "against": null,
        })
    );
    let ran = verified(|record| record.events.clear()).await.ended(0);
    assert_eq!(ran.stdout, "The record is empty.\n");
}

#[tokio::test]
async fn edits_are_found() {
    let fits = "does not fit";
    for key in [
        "at", "event", "id", "user", "uid", "role", "by", "comment", "chain",
    ] {
        let ran = verified(|record| {
            record.events[2] = edited(&record.events[2], |members| {
                members[key] = match &members[key] {
                    Value::Number(number) => json!(number.as_u64().unwrap() + 1),
                    Value::String(text) if key == "chain" => {
                        json!(text.replace(|c| c != '0', "1"))
                    }
                    Value::String(text) => json!(format!("{text}x")),
                    other => panic!("{other}"),
                };
            });
        });
        broken(ran.await, 3, fits);
    }
    let ran = verified(|record| {
        record.events[2] = edited(&record.events[2], |members| {
            members.remove("comment");
        });
    });
    broken(ran.await, 3, fits);
    let ran = verified(|record| {
        record.events[2] = edited(&record.events[2], |members| {
            members.insert("ticket".to_owned(), json!("OPS-7"));
        });
    });
    broken(ran.await, 3, fits);
    // With its own link computed anew, it is the next one that does not fit.
    let ran = verified(|record| {
        let before: Link = chain(&record.events[1]).parse().unwrap();
        record.events[2] = edited(&record.events[2], |members| {
            members["by"] = json!("mallory");
            members["chain"] = json!(link(&before, members).to_string());
        });
    });
    broken(ran.await, 4, fits);
}

#[tokio::test]
async fn what_is_said_twice_is_found() {
    let ran = verified(|record| {
        record.events[2] = record.events[2].replacen('{', "{\"by\":\"mallory\",", 1);
    });
    broken(ran.await, 3, "says something twice");
    let ran = verified(|record| {
        record.events[2] = record.events[2].replacen('{', "{\"seq\":3,", 1);
    });
    broken(ran.await, 3, "says something twice");
    let ran = verified(|record| {
        let chain = format!("{{\"chain\":\"{}\",", chain(&record.events[2]));
        record.events[2] = record.events[2].replacen('{', &chain, 1);
    });
    broken(ran.await, 3, "says something twice");
}

#[tokio::test]
async fn gaps_moves_and_cuts_are_found() {
    let ran = verified(|record| drop(record.events.remove(2)));
    broken(ran.await, 3, "event 3 is missing");
    let ran = verified(|record| drop(record.events.drain(2..4)));
    broken(ran.await, 3, "events 3 to 4 are missing");
    let ran = verified(|record| drop(record.events.remove(0)));
    broken(ran.await, 2, "begins with event 2");
    let ran = verified(|record| record.events.swap(2, 3));
    broken(ran.await, 3, "event 3 is missing");
    let ran = verified(|record| {
        let third = record.events[2].clone();
        record.events.insert(3, third);
    });
    broken(ran.await, 3, "event 3 comes after event 3");
    // Numbers swapped with the rows.
    let ran = verified(|record| {
        let third = edited(&record.events[2], |members| members["seq"] = json!(4));
        let fourth = edited(&record.events[3], |members| members["seq"] = json!(3));
        (record.events[2], record.events[3]) = (fourth, third);
    });
    broken(ran.await, 3, "does not fit");
    // The logs have been told of more.
    let ran = verified(|record| {
        record.events.truncate(4);
        record.ends = Ends::At(6);
    });
    broken(ran.await, 5, "ends before event 5");
    let ran = verified(|record| {
        record.events.clear();
        record.ends = Ends::At(6);
    });
    broken(ran.await, 1, "ends before event 1");
}

#[tokio::test]
async fn nonsense_is_found() {
    for (line, why) in [
        ("{", "can't be read"),
        ("{\"event\":\"a.b\"}", "no number"),
        ("{\"seq\":\"3\"}", "no number"),
        ("{\"seq\":3}", "no link"),
        ("{\"seq\":3,\"chain\":\"ABC\"}", "no link"),
        ("{\"seq\":3.0,\"chain\":\"\"}", "can't be read"),
    ] {
        let folder = TempDir::new().unwrap();
        let mut events = Record::of(life()).events;
        events[2] = line.to_owned();
        let file = put(&folder, "record", &events.join("\n"));
        let ran = run_at(NOWHERE, &["audit", "verify", &file]).await.ended(1);
        let at = format!("The record is broken at event 3 ({file}, line 3): ");
        assert!(
            ran.stdout.starts_with(&at) && ran.stdout.contains(why),
            "{ran:#?}"
        );
    }
}

fn put(folder: &TempDir, name: &str, content: &str) -> String {
    let path = folder.path().join(name);
    fs::write(&path, content).unwrap();
    path.display().to_string()
}

/// A record of which the first three events were archived: the archive, and the rest.
fn archived(head: Option<&str>) -> (Vec<String>, Vec<String>) {
    let first = Record::of(life()).events;
    let head = head.map_or_else(|| chain(&first[2]), str::to_owned);
    let mut events = life();
    events.push(json!({ "event": "record.archived", "first": "1", "last": "3", "head": head }));
    events.push(json!({ "event": "record.archived", "first": "1", "last": "2", "head": "00" }));
    let mut all = Record::of(events).events;
    let rest = all.split_off(3);
    (all, rest)
}

#[tokio::test]
async fn what_was_archived_is_gone_on_from() {
    let (archive, rest) = archived(None);
    let world = world_of(Record {
        events: rest.clone(),
        ..Record::default()
    })
    .await;
    let ran = world.run(&["audit", "verify", "--json"]).await.ended(0);
    assert_eq!(ran.json()["begins"], "archive");
    assert_eq!(ran.json()["first"]["seq"], 4);
    let ran = world.run(&["audit", "verify"]).await.ended(0);
    assert!(
        ran.stdout.contains("Those before 4 are archived"),
        "{ran:#?}"
    );

    // The first event is held against what the archive ended with.
    let mut touched = rest.clone();
    touched[0] = edited(&touched[0], |members| members["role"] = json!("x"));
    let world = world_of(Record {
        events: touched,
        ..Record::default()
    })
    .await;
    let ran = world.run(&["audit", "verify"]).await;
    broken(ran, 4, "does not go on from what was archived");
    let (_, elsewhere) = archived(Some(&"0".repeat(64)));
    let world = world_of(Record {
        events: elsewhere,
        ..Record::default()
    })
    .await;
    broken(
        world.run(&["audit", "verify"]).await,
        4,
        "does not go on from what was archived",
    );

    // Archive and rest in files, each and together.
    let folder = TempDir::new().unwrap();
    let archive = put(&folder, "archive", &(archive.join("\n") + "\n"));
    let rest = put(&folder, "rest", &(rest.join("\n") + "\n"));
    let ran = run_at(NOWHERE, &["audit", "verify", &archive, &rest, "--json"])
        .await
        .ended(0);
    assert_eq!(
        (&ran.json()["events"], &ran.json()["begins"]),
        (&json!(8), &json!("start"))
    );
    let ran = run_at(NOWHERE, &["audit", "verify", &rest, &archive])
        .await
        .ended(1);
    assert!(
        ran.stdout.contains("event 1 comes after event 8"),
        "{ran:#?}"
    );
}

#[tokio::test]
async fn a_file_that_begins_in_the_middle_is_said_to() {
    let folder = TempDir::new().unwrap();
    let mut events = Record::of(life()).events;
    let rest = put(&folder, "rest", &events.split_off(3).join("\n"));
    let ran = run_at(NOWHERE, &["audit", "verify", &rest]).await.ended(0);
    assert!(
        ran.stdout
            .contains("begins in the middle: what event 4 itself says"),
        "{ran:#?}"
    );
    let empty = put(&folder, "empty", "");
    let ran = run_at(NOWHERE, &["audit", "verify", &empty]).await.ended(1);
    assert!(ran.stderr.contains("no events"), "{ran:#?}");
    let gone = folder.path().join("gone").display().to_string();
    let ran = run_at(NOWHERE, &["audit", "verify", &gone]).await.ended(1);
    assert!(ran.stderr.contains(&gone), "{ran:#?}");
}

/// The lines that jitd has sent, as rsyslog writes them.
fn auth_log(events: &[String]) -> String {
    let lines = events.iter().map(|event| {
        let event: Value = serde_json::from_str(event).unwrap();
        format!(
            "Jan  2 03:04:05 web1 jitd[123]: event={} reason=\"a \\\" seq=1 chain=b\" seq={} chain={}\n",
            event["event"].as_str().unwrap(),
            event["seq"],
            event["chain"].as_str().unwrap()
        )
    });
    lines.collect()
}

#[tokio::test]
async fn a_log_pins_the_record() {
    let world = world().await;
    let events = world.shared.scene().record.events.clone();
    let folder = TempDir::new().unwrap();
    let log = put(&folder, "auth.log", &auth_log(&events));
    let ran = world
        .run(&["audit", "verify", "--against", &log])
        .await
        .ended(0);
    assert!(
        ran.stdout
            .contains(&format!("Against {log}: 6 lines the same.\n")),
        "{ran:#?}"
    );
    // An older export is as good.
    let export = put(&folder, "export", &events[..4].join("\n"));
    let arguments = [
        "audit",
        "verify",
        "--json",
        "--against",
        &log,
        "--against",
        &export,
    ];
    let ran = world.run(&arguments).await.ended(0);
    assert_eq!(
        ran.json()["against"],
        json!({
            "logs": [log, export], "same": 10, "different": 0, "beyond": 0, "older": 0,
            "ignored": 0, "unreadable": 0, "contradictions": [],
        })
    );
}

/// What `--against` says of a record, where the log has all six events of `life`.
async fn against(events: Vec<String>) -> Ran {
    let world = world_of(Record {
        events,
        ..Record::default()
    })
    .await;
    let folder = TempDir::new().unwrap();
    let log = put(&folder, "auth.log", &auth_log(&Record::of(life()).events));
    world.run(&["audit", "verify", "--against", &log]).await
}

#[tokio::test]
async fn a_record_that_was_rewritten_or_rolled_back_is_found_by_a_log() {
    // All links computed anew, with the tool's own code: whole, and not what was sent.
    let mut events = life();
    events[2]["by"] = json!("bob");
    let ran = against(Record::of(events).events).await.ended(1);
    assert!(ran.stdout.starts_with("The chain is whole: "), "{ran:#?}");
    for part in [
        "2 lines the same",
        "  4 lines with another link than the record has.\n",
        "auth.log, line 3: event 3 had the link ",
        "the record was rewritten after this line was sent",
    ] {
        assert!(ran.stdout.contains(part), "{part}: {ran:#?}");
    }
    // An older one, and one whose end was cut off.
    let mut events = Record::of(life()).events;
    events.truncate(4);
    let ran = against(events).await.ended(1);
    for part in [
        "4 lines the same",
        "  2 lines about events after 4, the newest of the record.\n",
        "auth.log, line 5: there was an event 5\n",
        "the record was rolled back or cut after this line was sent",
    ] {
        assert!(ran.stdout.contains(part), "{part}: {ran:#?}");
    }
    // One that was rolled back and has grown since.
    let mut events = life();
    events.truncate(4);
    events.extend(vec![json!({ "event": "daemon.started" }); 10]);
    let ran = against(Record::of(events).events).await.ended(1);
    assert!(
        ran.stdout.contains("  2 lines with another link"),
        "{ran:#?}"
    );
}

#[tokio::test]
async fn lines_about_what_was_archived_are_counted() {
    let (archive, rest) = archived(None);
    let folder = TempDir::new().unwrap();
    let all = [archive, rest.clone()].concat();
    let log = put(&folder, "auth.log", &auth_log(&all));
    let world = world_of(Record {
        events: rest,
        ..Record::default()
    })
    .await;
    let ran = world
        .run(&["audit", "verify", "--against", &log])
        .await
        .ended(0);
    assert!(ran.stdout.contains("5 lines the same"), "{ran:#?}");
    assert!(
        ran.stdout
            .contains("3 lines about events that are archived"),
        "{ran:#?}"
    );
}

#[tokio::test]
async fn a_log_without_a_line_of_jitd_is_a_mistake() {
    let world = world().await;
    let folder = TempDir::new().unwrap();
    let link = "0".repeat(64);
    for (content, why) in [
        (String::new(), "no line of jitd"),
        (
            format!(
                "Jan  2 03:04:05 web1 sshd[1]: Invalid user jitd[1]: event=x seq=1 chain={link}\n"
            ),
            "no line of jitd",
        ),
        (
            "Jan  2 03:04:05 web1 jitd[1]: event=x seq=1\n".to_owned(),
            "without a link",
        ),
        (
            json!({ "MESSAGE": format!("event=x seq=1 chain={link}"), "SYSLOG_IDENTIFIER": "jitd",
                    "_UID": "1001", "_COMM": "logger" })
            .to_string(),
            "others have written",
        ),
    ] {
        let log = put(&folder, "log", &content);
        let ran = world
            .run(&["audit", "verify", "--against", &log])
            .await
            .ended(1);
        assert!(ran.stderr.contains(why), "{why}: {ran:#?}");
        assert_eq!(ran.stdout, "");
    }
}

#[tokio::test]
async fn standard_input_is_a_log_or_a_record() {
    let world = world().await;
    let events = world.shared.scene().record.events.clone();
    for (arguments, input, said) in [
        (
            &["audit", "verify", "--against", "-"][..],
            auth_log(&events),
            "standard input: 6 lines",
        ),
        (
            &["audit", "verify", "-"],
            events.join("\n"),
            "The chain is whole: 6 events",
        ),
    ] {
        let ran = fed(&world, arguments, &input).await;
        assert!(ran.stdout.contains(said), "{ran:#?}");
    }
}

async fn fed(world: &World, arguments: &[&str], input: &str) -> Ran {
    let mut child = jitctl(world.bus.address(), arguments)
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(input.as_bytes()).await.unwrap();
    drop(stdin);
    let output = tokio::time::timeout(DEADLINE, child.wait_with_output())
        .await
        .unwrap()
        .unwrap();
    Ran {
        status: output.status.code().unwrap(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
    .ended(0)
}
