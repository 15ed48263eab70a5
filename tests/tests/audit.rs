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
    logs_of_every_form_pin_the_record,
    what_was_archived_is_verified_with_what_is_left,
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
    let noticed = || follower.wait_for_output("").matches("went away").count();
    for _ in 1..=3 {
        machine.run("systemctl restart jitd.service").ok();
        last = carol_asks(&machine, "10m");
        follower.wait_for_output(&format!("\"id\":{last},"));
        // A restart is noticed once, or twice where the bus still has the old one's name.
        let before = noticed();
        machine.run("systemctl stop jitd.service").ok();
        machine.wait_until("it is noticed", LIMIT, || noticed() > before);
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

/// The same lines in all that rsyslog and journalctl make of them.
fn logs_of_every_form_pin_the_record(release: Release) {
    let forms = "authpriv.* /var/log/traditional;RSYSLOG_TraditionalFileFormat
        authpriv.* /var/log/rfc3339;RSYSLOG_FileFormat
        authpriv.* /var/log/rfc5424;RSYSLOG_SyslogProtocol23Format\n";
    let machine = scene(release)
        .policy(&format!("{}\n{READERS}", cast::POLICY))
        .file("/etc/rsyslog.d/forms.conf", 0o644, forms)
        .boot();
    machine.run("systemctl restart rsyslog.service").ok();
    machine.run_with_input("cat >/tmp/hostile", HOSTILE).ok();
    let ask = "sh -c 'jitctl request deploy --for 10m --reason \"$(cat /tmp/hostile)\"'";
    for _ in 0..3 {
        as_user(&machine, "carol", ask).ok();
    }
    machine.wait_until("rsyslog has it", LIMIT, || {
        machine.file("/var/log/rfc5424").matches(" chain=").count() >= 3
    });
    let against = |source: &str| {
        machine.run(&format!(
            "journalctl --sync; {source} | jitctl audit verify --json --against -"
        ))
    };
    let sources = [
        "cat /var/log/traditional",
        "cat /var/log/rfc3339",
        "cat /var/log/rfc5424",
        "journalctl -t jitd -o short",
        "journalctl -t jitd -o short-iso",
        "journalctl -t jitd -o short-precise",
        "journalctl -t jitd -o short-full",
        "journalctl -t jitd -o short-unix",
        "journalctl -t jitd -o short-monotonic",
        "journalctl -t jitd -o cat",
        "journalctl -t jitd -o json",
        "journalctl -t jitd -o export",
    ];
    for source in sources {
        let said: Value = serde_json::from_str(against(source).ok().text()).expect("JSON");
        assert!(
            said["against"]["same"].as_u64() >= Some(3),
            "{source}: {said}"
        );
        assert_eq!(said["against"]["ignored"], 0, "{source}: {said}");
        assert_eq!(said["against"]["unreadable"], 0, "{source}: {said}");
    }

    // Anybody can write such a line; the journal says who it was.
    let forged = format!("event=x seq=1 chain={}", "0".repeat(64));
    as_user(
        &machine,
        "mallory",
        &format!("logger -p authpriv.notice -t jitd '{forged}'"),
    )
    .ok();
    as_user(
        &machine,
        "mallory",
        &format!("logger -p authpriv.notice -t sshd 'jitd[1]: {forged}'"),
    )
    .ok();
    machine.wait_until("rsyslog has it", LIMIT, || {
        machine.file("/var/log/rfc5424").matches(&forged).count() == 2
    });
    let report = against("cat /var/log/traditional");
    let said: Value = serde_json::from_str(report.fails_with(1).text()).expect("JSON");
    assert_eq!(said["against"]["different"], 1, "{said}");
    for source in ["journalctl -o json", "journalctl -o export"] {
        let said: Value = serde_json::from_str(against(source).ok().text()).expect("JSON");
        assert_eq!(said["against"]["ignored"], 1, "{source}: {said}");
    }
}

fn what_was_archived_is_verified_with_what_is_left(release: Release) {
    let machine = audited(release);
    let id = elevate_carol(&machine, "10m");
    as_user(&machine, "carol", "jitctl end").ok();
    let over = format!("event=elevation.released id={id} ");
    machine.wait_until("the logs have it", LIMIT, || {
        machine.auth_log().contains(&over)
    });
    machine
        .run("busctl call org.jitd1 /org/jitd1 org.jitd1.Audit Archive x $(date +%s%3N)")
        .ok()
        .contains("/var/lib/jitd/archive/events-");
    let left = machine.run("jitctl audit verify");
    left.ok()
        .contains("are archived, and it goes on from there");
    let archive = "/var/lib/jitd/archive/*.jsonl";
    machine
        .run(&format!("jitctl audit verify {archive}"))
        .ok()
        .contains("from 1 (");
    machine.run("jitctl audit export /root/left.jsonl").ok();
    let both = format!("jitctl audit verify {archive} /root/left.jsonl");
    machine
        .run(&both)
        .ok()
        .contains("from 1 (")
        .lacks("archived");
    machine
        .run(&format!("jitctl audit verify --against {archive}"))
        .ok()
        .contains(" are archived: not compared");

    machine.run(&format!("sed -i s/alice/dave/ {archive}")).ok();
    machine
        .run(&both)
        .fails_with(1)
        .contains("does not fit to its link");
    machine.run("jitctl audit verify").ok();
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
    // Who has to wait sees how far it is: here, because it stands still most of the time.
    machine
        .run(
            "TERM=xterm script --quiet --command 'jitctl audit verify' /dev/null &
             until pgrep -x jitctl; do :; done
             while pkill -STOP -x jitctl; do
                 sleep 0.1
                 pkill -CONT -x 'jitctl|script'
                 sleep 0.01
             done
             wait",
        )
        .ok()
        .contains(" of 100,")
        .contains("The chain is whole");
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
