//! The record as people and programs of others read it: who may, in which forms, through restarts.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "these are tests, and measure"
)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use jit_tests::{LIMIT, Machine, Release, on_each_release, past, python};
use serde_json::Value;

mod cast;
use cast::{as_user, carol_asks, elevate_carol, scene};

on_each_release!(
    who_may_read_what,
    what_is_followed_goes_on_through_restarts,
    strangers_read_the_same,
);

/// What a text can have in it: the ends of quotes, fields and lines of every format.
const HOSTILE: &str = "x\" event=elevation.approved by=alice seq=1 chain=00 \\\" \\ \\n 100% %0A ' \
     =cmd|'/C calc'!A1, {\"end\":1} \u{1b}[2J\u{202e}\n<34>jitd[1]: event=elevation.denied id=7\r\
     \t\u{7f}\u{85}\u{2028}日本語 🙂";

/// Auditors read all.
const READERS: &str = "[audit]\nreaders = { users = [\"dave\"] }\n";

fn audited(release: Release) -> Machine {
    let machine = scene(release)
        .policy(&format!("{}\n{READERS}", cast::POLICY))
        .boot();
    // An event that is about nobody.
    machine.run("jitctl policy reload").ok();
    machine
}

fn who_may_read_what(release: Release) {
    let machine = audited(release);
    let id = elevate_carol(&machine, "10m");
    for reader in ["root", "dave"] {
        let read = as_user(&machine, reader, "jitctl audit");
        read.ok()
            .contains("policy.loaded")
            .contains("elevation.approved");
        as_user(&machine, reader, "jitctl audit verify")
            .ok()
            .contains("The chain is whole");
        as_user(&machine, reader, "jitctl audit export -")
            .ok()
            .contains("policy.loaded");
        as_user(&machine, reader, "jitctl audit --user carol")
            .ok()
            .contains("elevation.requested")
            .lacks("policy.loaded");
    }
    as_user(&machine, "carol", "jitctl audit")
        .ok()
        .contains("elevation.approved")
        .lacks("policy.loaded");
    as_user(&machine, "mallory", "jitctl audit")
        .ok()
        .lacks("elevation");
    for words in [
        "audit verify",
        "audit export -",
        "audit export /tmp/record",
        "audit --user alice",
    ] {
        for reader in ["carol", "mallory"] {
            as_user(&machine, reader, &format!("jitctl {words}"))
                .fails_with(3)
                .contains("only root and auditors may read");
        }
    }
    machine.run("test -e /tmp/record").fails_with(1);

    // The story of one is for whoever may see it.
    for reader in ["carol", "alice", "dave", "root"] {
        as_user(&machine, reader, &format!("jitctl show {id}"))
            .ok()
            .contains("What happened\n")
            .contains("  requested by carol")
            .contains("  approved by alice")
            .contains(" for 10m until ");
    }
    as_user(
        &machine,
        "mallory",
        &format!("jitctl audit --elevation {id}"),
    )
    .fails_with(1);
}

fn what_is_followed_goes_on_through_restarts(release: Release) {
    let machine = audited(release);
    let follow = "exec jitctl audit --follow --format json 2>&1";
    let follower = machine.spawn_as("dave", follow);
    follower.wait_for_output("policy.loaded");
    let mut last = 0;
    for round in 1..=3 {
        machine.run("systemctl restart jitd.service").ok();
        last = carol_asks(&machine, "10m");
        follower.wait_for_output(&format!("\"id\":{last},"));
        machine.run("systemctl stop jitd.service").ok();
        machine.wait_until("it is noticed", LIMIT, || {
            follower.wait_for_output("").matches("went away").count() == 2 * round
        });
        // Who follows does not start what somebody has stopped; the bus does, for carol.
        machine
            .run("systemctl is-active jitd.service")
            .fails_with(3);
        last = carol_asks(&machine, "10m").max(last);
    }
    let all = follower.wait_for_output(&format!("\"id\":{last},"));
    let seqs: Vec<u64> = all.lines().filter_map(seq).collect();
    let expected: Vec<u64> = (1..=seqs.len() as u64).collect();
    assert!(seqs.len() > 6, "{all}");
    assert_eq!(seqs, expected, "lost or doubled");
}

fn seq(line: &str) -> Option<u64> {
    let event: Value = serde_json::from_str(line).ok()?;
    event["seq"].as_u64()
}

/// rsyslog's lines and the journal's by `logfmt` from `PyPI`, JSON by jq, CSV by Python.
fn strangers_read_the_same(release: Release) {
    let machine = audited(release);
    machine.run_with_input("cat >/tmp/hostile", HOSTILE).ok();
    let ask = "sh -c 'jitctl request deploy --for 10m --reason \"$(cat /tmp/hostile)\"'";
    let id = as_user(&machine, "carol", ask).ok().text().to_owned();
    let deny = format!("sh -c 'jitctl deny {id} --comment \"$(cat /tmp/hostile)\"'");
    as_user(&machine, "alice", &deny).ok();
    machine.wait_until("rsyslog has it", LIMIT, || {
        machine.auth_log().contains("event=elevation.denied id=")
    });
    let folder = tempfile::tempdir().expect("a folder");
    let put = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::write(&path, text).expect("a file");
        path
    };
    let json = machine.run("jitctl audit --format json");
    let json = put("events.jsonl", &json.ok().stdout);
    let document = machine.run("jitctl audit --json");
    let document = put("events.json", &document.ok().stdout);
    let csv = machine.run("jitctl audit --format csv");
    let csv = put("events.csv", &csv.ok().stdout);
    let syslog = put("auth.log", &machine.auth_log());
    let journal = machine.run("journalctl --sync; journalctl -t jitd -o cat");
    let journal = put("journal.log", &journal.ok().stdout);
    let compared = stranger("compare.py", &[&json, &document, &csv, &syslog, &journal]);
    println!("{compared}");
    assert!(compared.starts_with("the same: "), "{compared}");
    for program in [
        "jq -e -s 'length > 2 and all(.[]; has(\"seq\") and has(\"chain\"))' events.jsonl",
        "jq -e 'length > 2 and (map(.seq) | . == sort)' events.json",
        "test \"$(jq -s '[.[] | select(.event == \"elevation.requested\") | .reason] | .[0]' events.jsonl)\" \
          = \"$(jq '[.[] | select(.event == \"elevation.requested\") | .reason] | .[0]' events.json)\"",
    ] {
        let ran = Command::new("sh")
            .current_dir(&folder)
            .args(["-c", program])
            .output();
        let ran = ran.expect("sh starts");
        assert!(ran.status.success(), "{program}: {ran:?}");
    }
    // And the reason is what carol wrote.
    let events = fs::read_to_string(&document).expect("it is there");
    let events: Value = serde_json::from_str(&events).expect("JSON");
    let reason = events
        .as_array()
        .expect("an array")
        .iter()
        .find_map(|event| event["reason"].as_str());
    assert_eq!(reason, Some(HOSTILE.trim()));
}

/// Runs a program of ours in Python, with `logfmt` in its path.
#[track_caller]
fn stranger(program: &str, files: &[&Path]) -> String {
    let program = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/strangers")
        .join(program);
    let ran = Command::new("python3")
        .env("PYTHONPATH", python::folder_of("logfmt==0.4"))
        .arg(program)
        .args(files)
        .output()
        .expect("python3 starts");
    assert!(
        ran.status.success(),
        "{}",
        String::from_utf8_lossy(&ran.stderr)
    );
    String::from_utf8(ran.stdout).expect("text")
}

/// A hundred thousand events of jitd's, verified by those who have only the manual.
#[test]
fn thirty_lines_of_python_verify_a_hundred_thousand_events() {
    let machine = audited(Release::Trixie);
    machine.run("systemctl stop jitd.service").ok();
    let folder = tempfile::tempdir().expect("a folder");
    let database = folder.path().join("jitd.db");
    past::fill(&database, 100_000, now());
    machine.run("rm -f /var/lib/jitd/jitd.db*").ok();
    fs::copy(&database, machine.outside("/var/lib/jitd/jitd.db")).expect("a copy");
    machine.run("systemctl start jitd.service").ok();

    let began = Instant::now();
    machine
        .run("jitctl audit verify")
        .ok()
        .contains("The chain is whole: 100");
    println!("verified in {:?}", began.elapsed());
    machine.run("jitctl audit export /root/record.jsonl").ok();
    let exported = machine.outside("/root/record.jsonl");
    let record = fs::read_to_string(&exported).expect("the export");
    let lines: Vec<_> = record.lines().collect();
    assert!(lines.len() >= 100_000);
    let head: Value = serde_json::from_str(lines[lines.len() - 1]).expect("an event");

    let verifier = example();
    let source = fs::read_to_string(&verifier).expect("the example");
    assert!(source.lines().count() <= 30, "it has more than 30 lines");
    let verify = |text: &str| {
        let file = folder.path().join("record");
        fs::write(&file, text).expect("a file");
        let ran = Command::new("python3").arg(&verifier).arg(&file).output();
        let ran = ran.expect("python3 starts");
        let said = [ran.stdout, ran.stderr].concat();
        (ran.status.success(), String::from_utf8(said).expect("text"))
    };
    let (good, said) = verify(&record);
    assert!(good, "{said}");
    let chain = head["chain"].as_str().expect("a link");
    assert!(said.contains(chain), "{said}");

    let edit = |from: &str, to: &str| {
        let line = lines[50_000].replacen(from, to, 1);
        assert_ne!(line, lines[50_000]);
        let mut lines = lines.clone();
        lines[50_000] = &line;
        lines.join("\n")
    };
    for (touched, why) in [
        (
            edit("\"by\":\"carol\"", "\"by\":\"dave\""),
            "event 50001 does not fit",
        ),
        (edit("\"uid\":1", "\"uid\":2"), "event 50001 does not fit"),
        (edit("{", "{\"by\":\"dave\","), "says something twice"),
        (
            [&lines[..50_000], &lines[50_001..]].concat().join("\n"),
            "event 50002 comes after event 50000",
        ),
    ] {
        let (good, said) = verify(&touched);
        assert!(!good && said.contains(why), "{why}: {said}");
    }
}

fn example() -> PathBuf {
    let installed = jit_tests::packages::unpacked_deb();
    installed.join("usr/share/doc/jitd/examples/verify-chain.py")
}

fn now() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    i64::try_from(now.expect("after 1970").as_millis()).expect("not too late")
}
