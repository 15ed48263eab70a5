//! `jitctl report`.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};

use jitd_api::{Elevation, Link, State};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::reading::{HOSTILE, HOSTILE_SHOWN};
use crate::scene::{LONG_AGO, World, elevation};

const SINCE: &str = "2026-01-01";
const UNTIL: &str = "2026-01-08";

/// carol's, held for an hour from a minute after it was asked for.
fn held(id: u64) -> Elevation {
    let start = LONG_AGO + 60_000;
    let mut held = elevation(id, State::Active);
    held.state = "expired".into();
    held.starts_at = Some(start);
    held.ends_at = Some(start + 3_600_000);
    held.ended_at = held.ends_at;
    held.ended_by = Some("jitd".into());
    held
}

/// What the record gives of these events, and the line at its end.
fn record(events: &[Value]) -> String {
    let mut link = Link::START;
    let mut lines = String::new();
    for (seq, event) in (1..).zip(events) {
        let mut event = event.as_object().unwrap().clone();
        event.insert("seq".into(), json!(seq));
        let texts = event.iter().map(|(key, value)| match value {
            Value::String(text) => (key.clone(), text.clone()),
            value => (key.clone(), value.to_string()),
        });
        let texts: Vec<_> = texts.collect();
        let mut members: Vec<_> = texts
            .iter()
            .map(|(k, v)| (k.as_str(), v.as_str()))
            .collect();
        link = link.next(&mut members);
        event.insert("chain".into(), json!(link.to_string()));
        lines += &Value::Object(event).to_string();
        lines.push('\n');
    }
    lines + &format!("{{\"end\":{}}}\n", events.len())
}

/// A session of half an hour under 41, two refusals, and a policy.
fn events() -> Vec<Value> {
    let session = |at: &str, event: &str| {
        json!({
            "at": at, "event": event, "id": 41, "user": "carol", "uid": 1001, "role": "deploy",
            "session": "9",
        })
    };
    let refused = |at: &str| {
        json!({
            "at": at, "event": "attempt.refused", "by": "mallory", "tried": "approve",
            "because": HOSTILE,
        })
    };
    vec![
        json!({ "at": "2026-01-01T00:00:00.000Z", "event": "policy.loaded", "roles": "3" }),
        session("2026-01-02T03:05:05.000Z", "session.opened"),
        session("2026-01-02T03:35:05.000Z", "session.closed"),
        refused("2026-01-03T00:00:00.000Z"),
        refused("2026-01-04T00:00:00.000Z"),
        refused("2026-02-01T00:00:00.000Z"),
    ]
}

/// One that was held, one with broken glass, one that was denied.
async fn world() -> World {
    let mut broken = held(42);
    broken.break_glass = true;
    broken.decisions.clear();
    broken.reason = format!("</td><script>alert(1)</script>{HOSTILE}");
    let world = World::with(vec![elevation(43, State::Denied), broken, held(41)]).await;
    world.shared.scene().record.sent = Some(record(&events()));
    world
}

async fn report(world: &World, form: &[&str]) -> crate::scene::Ran {
    let period = ["report", "--since", SINCE, "--until", UNTIL];
    world.run(&[&period[..], form].concat()).await
}

#[tokio::test]
async fn the_page_says_it_all_and_needs_nothing_else() {
    let world = world().await;
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("report.html");
    let ran = report(&world, &["--html", file.to_str().unwrap()])
        .await
        .ended(0);
    assert_eq!((ran.stdout.as_str(), ran.stderr.as_str()), ("", ""));
    let page = fs::read_to_string(&file).unwrap();
    for text in [
        "<html lang=\"en\">",
        "content=\"default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'\"",
        ">2026-01-01 00:00</time> to <time",
        "All times are in UTC.",
        "Record verified.",
        "each of its 6 events fits",
        "<title>2 elevations, glass broken, 2026-01-02 03:05 to 2026-01-02 04:05: held 1h, used 30m</title>",
        "NOT acknowledged",
        "<bdi>mallory</bdi></th><td><bdi>approve</bdi></td><td class=\"n\">2</td>",
        "<bdi>policy.loaded</bdi></th><td class=\"n\">1</td>",
        HOSTILE_SHOWN,
        "&lt;/td&gt;&lt;script&gt;alert(1)&lt;/script&gt;",
    ] {
        assert!(page.contains(text), "{text}: {page}");
    }
    for text in [
        "<script",
        "<link",
        "<img",
        "src=",
        "url(http",
        "@import",
        "on their own",
        "\u{202e}",
        "\u{1b}",
    ] {
        assert!(!page.contains(text), "{text}");
    }
    let links: Vec<_> = page.split("href=\"").skip(1).collect();
    assert!(links.len() > 5 && links.iter().all(|link| link.starts_with('#')));
}

#[tokio::test]
async fn the_file_is_for_its_owner_and_writes_over_nothing_unasked() {
    let world = world().await;
    let folder = TempDir::new().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let file = path("report.html");
    for form in ["--html", "--csv"] {
        let _ = report(&world, &[form, &file, "--force"]).await.ended(0);
        let mode = fs::metadata(&file).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{form}");
    }
    let first = fs::read_to_string(&file).unwrap();
    world.shared.scene().calls.clear();
    let ran = report(&world, &["--html", &file]).await.ended(1);
    assert_eq!(
        ran.stderr,
        format!("jitctl: {file} is there already\nhint: --force writes over it\n")
    );
    assert_eq!(fs::read_to_string(&file).unwrap(), first);
    let calls = world.shared.scene().calls.clone();
    assert_eq!(calls, Vec::<String>::new(), "before all the work");

    fs::write(path("precious"), "precious").unwrap();
    symlink(path("precious"), path("link")).unwrap();
    let _ = report(&world, &["--html", &path("link")]).await.ended(1);
    let _ = report(&world, &["--html", &path("link"), "--force"])
        .await
        .ended(0);
    assert_eq!(fs::read_to_string(path("precious")).unwrap(), "precious");
    let page = fs::read_to_string(path("link")).unwrap();
    assert!(page.starts_with("<!DOCTYPE html>"));

    symlink(path("nowhere"), path("dangling")).unwrap();
    let _ = report(&world, &["--html", &path("dangling")])
        .await
        .ended(1);
    assert!(!fs::exists(path("nowhere")).unwrap());
    let _ = report(&world, &["--html", &path("no/folder")])
        .await
        .ended(1);
    let left = fs::read_dir(folder.path()).unwrap().count();
    assert_eq!(left, 4, "nothing half written is left");
}

#[tokio::test]
async fn json_has_the_numbers() {
    let world = world().await;
    let mut shown = report(&world, &["--json"]).await.ended(0).json();
    let made = [
        shown["made_at"].take(),
        shown["made_by"].take(),
        shown["host"].take(),
    ];
    assert!(made.iter().all(Value::is_string), "{made:?}");
    let head = shown["chain"]["head"].take();
    assert!(head.as_str().unwrap().parse::<Link>().is_ok());
    let time = json!({ "elevations": 2, "sessions": 1, "held": 3600, "used": 1800 });
    let with = |more: Value| {
        let mut all = time.as_object().unwrap().clone();
        all.extend(more.as_object().unwrap().clone());
        Value::Object(all)
    };
    let reason = format!("</td><script>alert(1)</script>{HOSTILE}");
    let life = |id: u64, outcome: &str, used: u64| {
        json!({
            "id": id, "user": "carol", "role": "deploy", "outcome": outcome,
            "requested_at": "2026-01-02T03:04:05Z", "held_from": "2026-01-02T03:05:05Z",
            "held_until": "2026-01-02T04:05:05Z", "held": 3600, "used": used,
        })
    };
    let waited = |outcome: &str, wait: u64| {
        json!({
            "outcome": outcome, "count": 1, "median_wait": wait, "p95_wait": wait,
            "longest_wait": wait,
        })
    };
    let expected = json!({
        "host": null, "made_at": null, "made_by": null,
        "since": "2026-01-01T00:00:00Z", "until": "2026-01-08T00:00:00Z", "only": null,
        "chain": { "state": "whole", "first": 1, "last": 6, "head": null },
        "archived_before": null,
        "total": time,
        "people": [with(json!({ "user": "carol", "uid": 1001 }))],
        "roles": [with(json!({ "role": "deploy" }))],
        "people_in_roles": [with(json!({ "user": "carol", "uid": 1001, "role": "deploy" }))],
        "requests": {
            "count": 3,
            "answered": { "count": 2, "median_wait": 60, "p95_wait": 60, "longest_wait": 60 },
            "outcomes": [waited("approved", 60), waited("break-glass", 0), waited("denied", 60)],
        },
        "ends": { "expired": 2, "released": 0, "revoked": 0, "active": 0 },
        "break_glass": [{
            "id": 42, "user": "carol", "role": "deploy", "reason": reason,
            "at": "2026-01-02T03:04:05Z", "held": 3600, "acknowledged_at": null,
            "acknowledged_by": null,
        }],
        "refused": [{
            "user": "mallory", "tried": "approve", "because": HOSTILE, "count": 2,
            "first_at": "2026-01-03T00:00:00Z", "last_at": "2026-01-04T00:00:00Z",
        }],
        "events": [{
            "event": "policy.loaded", "count": 1, "first_at": "2026-01-01T00:00:00Z",
            "last_at": "2026-01-01T00:00:00Z",
        }],
        "elevations": [
            {
                "id": 43, "user": "carol", "role": "deploy", "outcome": "denied",
                "requested_at": "2026-01-02T03:04:05Z", "held_from": null, "held_until": null,
                "held": 0, "used": 0,
            },
            life(42, "break-glass", 0),
            life(41, "approved", 1800),
        ],
    });
    assert_eq!(shown, expected);
}

/// The names in a document, at any depth.
fn names(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(members) => {
            found.extend(members.keys().cloned());
            members.values().for_each(|value| names(value, found));
        }
        Value::Array(values) => values.iter().for_each(|value| names(value, found)),
        _ => {}
    }
}

#[tokio::test]
async fn the_manual_has_every_name() {
    let page = include_str!("../../../packaging/man/jitd-report.5");
    let (before, csv) = page.split_once(".Sh CSV").unwrap();
    let (_, json) = before.split_once(".Sh JSON").unwrap();
    let words = |section: &str| -> BTreeSet<String> {
        section
            .split_terminator(|c: char| !c.is_alphanumeric() && c != '_' && c != '-')
            .map(str::to_owned)
            .collect()
    };
    let world = world().await;
    let mut in_json = BTreeSet::new();
    names(
        &report(&world, &["--json"]).await.ended(0).json(),
        &mut in_json,
    );
    let rows = report(&world, &["--csv"]).await.ended(0).stdout;
    let headings = rows.lines().next().unwrap().split(',').map(str::to_owned);
    for (section, found) in [(json, in_json), (csv, headings.collect())] {
        let missing: Vec<_> = found.difference(&words(section)).cloned().collect();
        assert_eq!(missing, Vec::<String>::new());
    }
}

#[tokio::test]
async fn csv_has_a_row_for_each_elevation_and_no_formula() {
    let world = world().await;
    let mut formula = held(44);
    formula.reason = "=HYPERLINK(\"http://example.invalid\")".into();
    formula.ticket = "+1\n2".into();
    world.shared.scene().elevations.insert(0, formula);
    let ran = report(&world, &["--csv"]).await.ended(0);
    let mut reader = csv::Reader::from_reader(ran.stdout.as_bytes());
    let headings = reader.headers().unwrap().clone();
    let rows: Vec<_> = reader.records().map(Result::unwrap).collect();
    let cell = |row: usize, name: &str| {
        let column = headings.iter().position(|heading| heading == name).unwrap();
        rows[row].get(column).unwrap()
    };
    let ids: Vec<_> = (0..4).map(|row| cell(row, "id")).collect();
    assert_eq!(ids, ["44", "43", "42", "41"]);
    assert_eq!(cell(0, "reason"), "'=HYPERLINK(\"http://example.invalid\")");
    assert_eq!(cell(0, "ticket"), "'+1\n2");
    for (name, expected) in [
        ("user", "carol"),
        ("uid", "1001"),
        ("role", "deploy"),
        ("state", "expired"),
        ("outcome", "approved"),
        ("requested_at", "2026-01-02T03:04:05Z"),
        ("waited", "60"),
        ("held_from", "2026-01-02T03:05:05Z"),
        ("held_until", "2026-01-02T04:05:05Z"),
        ("held", "3600"),
        ("used", "1800"),
        ("sessions", "1"),
        ("ended_at", "2026-01-02T04:05:05Z"),
        ("ended_by", "jitd"),
        ("decided_by", "alice"),
        ("break_glass", "false"),
        ("acknowledged_at", ""),
        ("acknowledged_by", ""),
        ("ticket", ""),
        ("reason", "restart web"),
    ] {
        assert_eq!(cell(3, name), expected, "{name}");
    }
}

#[tokio::test]
async fn who_may_not_read_all_gets_their_own_and_is_told_so() {
    let world = world().await;
    world.shared.scene().reads_own = true;
    let me = std::process::Command::new("id")
        .arg("-un")
        .output()
        .unwrap();
    let me = String::from_utf8(me.stdout).unwrap().trim().to_owned();
    let page = report(&world, &["--html", "-"]).await.ended(0).stdout;
    for text in [
        format!("<h1>Privilege of <bdi>{me}</bdi> on "),
        "Not everybody’s.".to_owned(),
        "Record not verified.".to_owned(),
    ] {
        assert!(page.contains(&text), "{text}");
    }
    let later = ["report", "--since", "2026-01-02 03:30", "--json"];
    let shown = world.run(&later).await.ended(0).json();
    let calls = world.shared.scene().calls.clone();
    let listed = calls.iter().find(|call| call.starts_with("list")).unwrap();
    assert!(listed.contains(&format!("user: Some({me:?})")), "{listed}");
    // From where what was held in the period began: the session was opened before it.
    let read = calls.last().unwrap();
    assert!(read.contains("since=1767323105000"), "{read}");
    assert_eq!(shown["total"]["used"], 305);
    assert_eq!(shown["only"], me);
    assert_eq!(shown["chain"], json!({ "state": "not-checked" }));
}

#[tokio::test]
async fn all_of_a_period_is_asked_for_page_by_page() {
    let many: Vec<_> = (1..=2_000).rev().map(held).collect();
    let world = World::with(many).await;
    world.shared.scene().record.sent = Some(record(&[]));
    let shown = report(&world, &["--json"]).await.ended(0).json();
    assert_eq!(shown["total"]["elevations"], 2_000);
    let calls = world.shared.scene().calls.clone();
    let filters = calls.iter().filter(|call| call.starts_with("list"));
    let asked = |before: &str| {
        format!(
            "list Filter {{ state: None, user: None, role: None, since: None, \
             until: Some(1767830400000), not_over_before: Some(1767225600000), \
             before: {before}, limit: Some(1000) }}"
        )
    };
    let expected = ["None", "Some(1001)", "Some(1)"].map(asked);
    assert_eq!(
        filters.collect::<Vec<_>>(),
        expected.iter().collect::<Vec<_>>()
    );
    assert_eq!(shown["chain"], json!({ "state": "empty" }));
    let page = report(&world, &["--html", "-"]).await.ended(0).stdout;
    assert!(page.contains("The newest 1,000 of 2,000."));
    assert_eq!(page.matches("<td>approved by <bdi>alice").count(), 1_000);
}

#[tokio::test]
async fn what_was_neither_asked_for_nor_held_in_the_period_is_left_out() {
    let world = world().await;
    let later = ["report", "--since", "2026-01-02 03:04:30", "--json"];
    let shown = world.run(&later).await.ended(0).json();
    let ids: Vec<_> = shown["elevations"]
        .as_array()
        .unwrap()
        .iter()
        .map(|e| &e["id"])
        .collect();
    assert_eq!(ids, [42, 41], "43 was asked for before, and denied");
    assert_eq!(shown["requests"]["count"], 0);
}

#[tokio::test]
async fn a_broken_chain_is_said_first() {
    let world = world().await;
    let edited = world
        .shared
        .scene()
        .record
        .sent
        .as_deref()
        .unwrap_or_default()
        .replacen("\"roles\":\"3\"", "\"roles\":\"4\"", 1);
    world.shared.scene().record.sent = Some(edited);
    let page = report(&world, &["--html", "-"]).await.ended(0).stdout;
    assert!(page.contains("The record was tampered with, or damaged."));
    assert!(page.contains("The chain is broken</span> at event 1: "));
    let shown = report(&world, &["--json"]).await.ended(0).json();
    assert_eq!(shown["chain"]["state"], "broken");
    assert_eq!(shown["chain"]["seq"], 1);
}

#[tokio::test]
async fn what_was_archived_of_the_period_is_missing_and_that_is_said() {
    let world = world().await;
    let mut events = events();
    let lines = world.shared.scene().record.sent.clone().unwrap();
    let second: Value = serde_json::from_str(lines.lines().nth(1).unwrap()).unwrap();
    events.push(json!({
        "at": "2026-02-02T00:00:00.000Z", "event": "record.archived", "first": "1", "last": "2",
        "head": second["chain"],
    }));
    let all = record(&events);
    let left: Vec<_> = all.lines().skip(2).collect();
    world.shared.scene().record.sent = Some(left.join("\n") + "\n");
    let page = report(&world, &["--html", "-"]).await.ended(0).stdout;
    assert!(
        page.contains("Not all of the period is in the record."),
        "{page}"
    );
    assert!(page.contains("Record verified."));
    assert!(page.contains("each event from 3 to 7 fits the one before it."));
    let shown = report(&world, &["--json"]).await.ended(0).json();
    assert_eq!(shown["archived_before"], "2026-01-02T03:35:05Z");
    let later = ["report", "--since", "2026-01-03", "--json"];
    let shown = world.run(&later).await.ended(0).json();
    assert_eq!(shown["archived_before"], Value::Null);
}

#[tokio::test]
async fn there_is_no_report_of_a_record_that_can_not_be_read_to_its_end() {
    let world = world().await;
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("report.html");
    for (record, why) in [
        ("", "the record was not read to its end: "),
        (
            "{\"error\":\"disk broken\"}\n",
            "jitd can't read the record to its end: disk broken",
        ),
    ] {
        world.shared.scene().record.sent = Some(record.to_owned());
        let ran = report(&world, &["--html", file.to_str().unwrap()])
            .await
            .ended(1);
        let said = format!("jitctl: {why}");
        assert!(ran.stderr.starts_with(&said), "{}", ran.stderr);
    }
    assert!(!file.exists());
}

#[tokio::test]
async fn a_report_of_nothing_says_so() {
    let world = World::with(vec![]).await;
    world.shared.scene().record.sent = Some(record(&[]));
    let page = report(&world, &["--html", "-"]).await.ended(0).stdout;
    for text in [
        "Nobody held anything.",
        "Nobody asked for anything.",
        "Nobody broke the glass.",
        "Nobody tried what they may not.",
        "There is no event.",
    ] {
        assert!(page.contains(text), "{text}");
    }
}

#[tokio::test]
async fn one_form_and_a_period_that_is_one() {
    let world = World::with(vec![]).await;
    for arguments in [
        &[][..],
        &["--json", "--csv"],
        &["--json", "--since", "2026-02-01", "--until", "2026-01-01"],
        &["--json", "--since", "2999-01-01"],
    ] {
        let ran = world.run(&[&["report"], arguments].concat()).await.ended(2);
        assert_eq!(ran.stdout, "");
    }
    assert!(world.shared.scene().calls.is_empty());
}
