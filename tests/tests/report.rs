//! `jitctl report`: what really happened is in it, a year of it takes seconds, and its page is for
//! everybody, seen by an accessibility checker in a real Chromium.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "these are tests, and measure"
)]

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use jit_tests::{Machine, Release};
use serde_json::Value;

use cast::{alice, as_user};

mod cast;

const POLICY: &str = r#"[managed]
groups = ["contractors"]

[role.deploy]
groups      = ["jit-deploy"]
run_as      = ["root"]
commands    = ["ALL"]
services    = ["sudo"]
eligible    = { groups = ["contractors"] }
approvers   = { groups = ["jit-approvers"] }
break_glass = { groups = ["contractors"], max_duration = "1h" }

[audit]
readers = { groups = ["auditors"] }
"#;

/// What a report of 10,000 elevations in a year may take.
const LIMIT: Duration = Duration::from_secs(5);
/// How large its page may be, in bytes.
const SIZE: usize = 5_000_000;

#[test]
fn what_happened_is_in_it_for_those_who_may_know() {
    for release in Release::ALL {
        let machine = cast::scene(release)
            .user_in("dora", &["auditors"])
            .policy(POLICY)
            .boot();
        machine.run("chmod 755 /root").ok();
        let worked = worked(&machine);
        let denied = cast::carol_asks(&machine, "5m");
        alice(&machine, &format!("deny {denied} --comment 'not today'")).ok();
        let carols = |words: &str| as_user(&machine, "carol", &format!("jitctl {words}"));
        let asked = cast::carol_asks(&machine, "5m");
        carols(&format!("approve {asked}")).fails_with(3);
        carols("break-glass deploy --reason '</td><script>alert(1)</script>'").ok();

        for user in ["root", "dora"] {
            let shown = report(&machine, user);
            assert_eq!(shown["only"], Value::Null, "{release}: {user}");
            assert_eq!(
                shown["chain"]["state"], "whole",
                "{release}: {user}: {shown}"
            );
            assert_eq!(shown["total"]["elevations"], 2, "{release}: {shown}");
            assert_eq!(shown["requests"]["count"], 4, "{release}: {shown}");
            let elevations = shown["elevations"].as_array().expect("an array");
            let work = elevations.iter().find(|e| e["id"] == worked);
            let work = work.expect("what carol worked under");
            let (held, used) = (seconds(&work["held"]), seconds(&work["used"]));
            assert!((2..=held).contains(&used), "{release}: {work}");
            assert_eq!(work["outcome"], "approved");
            let outcomes = shown["requests"]["outcomes"].as_array().expect("an array");
            let outcomes: Vec<_> = outcomes.iter().map(|o| &o["outcome"]).collect();
            assert_eq!(outcomes, ["approved", "break-glass", "denied", "waiting"]);
            assert_eq!(shown["break_glass"][0]["acknowledged_at"], Value::Null);
            let refused = &shown["refused"][0];
            assert_eq!(refused["user"], "carol", "{release}: {shown}");
            assert_eq!(
                (&refused["tried"], &refused["count"]),
                (&"approve".into(), &1.into())
            );
        }
        let own = report(&machine, "carol");
        assert_eq!(
            (&own["only"], &own["total"]["elevations"]),
            (&"carol".into(), &2.into())
        );
        assert_eq!(own["chain"]["state"], "not-checked");
        let alices = report(&machine, "alice");
        assert_eq!(
            alices["elevations"],
            Value::Array(Vec::new()),
            "{release}: {alices}"
        );

        machine.run("jitctl report --html /root/report.html").ok();
        if release == Release::ALL[0] {
            look(&machine.outside("/root/report.html"), "real");
        }
    }
}

/// carol holds `deploy`, runs something for two seconds, and gives it back; gives its number.
fn worked(machine: &Machine) -> u64 {
    let id = cast::elevate_carol(machine, "10m");
    machine
        .ssh("carol")
        .run("sudo -n id && sudo -n sleep 2 || true")
        .ok();
    let carol = machine.ssh("carol");
    carol.run("echo correct-horse | sudo -S sleep 2").ok();
    carol.run(&format!("jitctl end {id}")).ok();
    id
}

fn report(machine: &Machine, user: &str) -> Value {
    let shown = as_user(machine, user, "jitctl report --since 1h --json");
    serde_json::from_str(shown.ok().text()).expect("JSON")
}

fn seconds(number: &Value) -> u64 {
    number.as_u64().expect("seconds")
}

#[test]
fn a_year_of_ten_thousand_takes_seconds_and_can_be_looked_at() {
    let machine = Machine::builder(Release::Bookworm)
        .no_setup()
        .policy(POLICY)
        .boot();
    let program = Path::new(env!("CARGO_BIN_EXE_history"));
    machine.put_program(program, "/usr/local/sbin/history");
    let history = "systemctl stop jitd && rm -f /var/lib/jitd/jitd.db* \
                && history /var/lib/jitd/jitd.db 10000 && systemctl start jitd";
    machine.run_within(Duration::from_secs(120), history).ok();
    for form in [
        "--html /root/year.html",
        "--csv /root/year.csv",
        "--json >/root/year.json",
    ] {
        let start = Instant::now();
        machine
            .run(&format!("jitctl report --since 366d {form}"))
            .ok();
        let took = start.elapsed();
        println!("{form}: {took:.2?}");
        assert!(took < LIMIT, "{form} took {took:?}");
    }
    let file = |name: &str| machine.outside(&format!("/root/year.{name}"));
    let read = |name: &str| std::fs::read_to_string(file(name)).expect("it was written");
    let (page, csv) = (read("html"), read("csv"));
    println!(
        "html: {} bytes, csv: {}, json: {}",
        page.len(),
        csv.len(),
        read("json").len()
    );
    assert!(page.len() < SIZE, "{} bytes", page.len());
    assert!(page.contains("Record verified."));
    assert_eq!(csv.matches(",OPS-").count(), 10_000);
    assert!(!csv.contains(",=") && !csv.contains(",\"="));
    let shown: Value = serde_json::from_str(&read("json")).expect("JSON");
    assert_eq!(shown["requests"]["count"], 10_000);
    look(&file("html"), "year");
}

/// Opens a page in Chromium: light and dark, as wide as a phone and a desk.
#[track_caller]
fn look(page: &Path, name: &str) {
    let browser = Path::new(env!("CARGO_MANIFEST_DIR")).join("browser");
    // Where the browser knows what it is by its name.
    let folder = tempfile::tempdir().expect("a folder");
    let copy = folder.path().join("page.html");
    std::fs::copy(page, &copy).expect("the page is there");
    let mut check = Command::new("node");
    check.arg(browser.join("check.mjs")).arg(copy);
    if let Some(folder) = std::env::var_os("PICTURES") {
        check.arg(Path::new(&folder).join(format!("report-{name}")));
    }
    let output = check
        .output()
        .expect("node is installed: tests/provision does that");
    let said = String::from_utf8_lossy(&output.stdout);
    let failed = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}\n{failed}");
    assert!(said.trim_end().ends_with("0 problems"), "{said}");
}
