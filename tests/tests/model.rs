//! A thousand operations in random order, with jitd killed and started again between and amid
//! them: whatever comes of it, a model says that it can, and the host is as the record says.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "this is a test, which says how to play it again"
)]

use std::fmt::Write;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use fastrand::Rng;
use jit_tests::scene::AS;
use jit_tests::{Machine, Release, on_each_release};

mod operations;
mod truth;
mod world;
use operations::{Operation, PEOPLE, Planned};
use truth::{POLICY, Record, assert_holds};
use world::{Outcome, State, World};

on_each_release!(a_thousand_operations);

const OPERATIONS: usize = 1_000;
/// So many are played before the host is looked at.
const BATCH: usize = 25;
/// How long a batch may take.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long after its time an elevation may still be on record as active.
const LATE: i64 = 5_000;

/// What happens is the same for the same number, as far as chance goes: `JITD_SEED=1 cargo test …`.
const SEED: u64 = 20_261_124;

const EXTRA: &str = r#"
[role.extra]
groups   = ["jit-extra", "jit-deploy"]
commands = ["ALL"]
services = ["sudo"]
eligible = { groups = ["contractors"] }
"#;

/// More starts within seconds than systemd would otherwise take.
const DROP_IN: &str = "[Unit]\nStartLimitIntervalSec=0\n";

/// What the operations are made of. `at` plays one: its number, after how many seconds jitd is
/// killed meanwhile (never: `-`), and the command; and says what came of it.
const SCRIPT: &str = r#"
killed() { pgrep -fx /usr/sbin/jitd >/run/killed && kill -9 $(cat /run/killed); }
back() {
    # As long as it is there, systemd has not noticed.
    while kill -0 $(cat /run/killed) 2>/dev/null; do :; done
    until systemctl is-active --quiet jitd; do :; done
}
at() {
    if test $2 != -; then (sleep $2; killed) & fi
    said=$(eval "$3" 2>&1 </dev/null)
    echo "@$1 $? $(echo $said)"
    wait
}
"#;

fn a_thousand_operations(release: Release) {
    let seed = std::env::var("JITD_SEED").map_or(SEED, |seed| seed.parse().expect("a number"));
    println!("JITD_SEED={seed}");
    let mut builder = Machine::builder(release)
        .user_in("alice", &["jit-approvers"])
        .user_in("dave", &["docker"])
        .user("mallory")
        .file(
            "/etc/systemd/system/jitd.service.d/lab.conf",
            0o644,
            DROP_IN,
        )
        .file(
            "/etc/sudoers.d/zz-lab",
            0o440,
            &format!("Defaults:{} !authenticate\n", PEOPLE.join(",")),
        )
        .file("/root/extra.toml", 0o644, EXTRA)
        .file("/etc/jitd/roles.d/extra.toml", 0o644, EXTRA);
    for who in PEOPLE {
        builder = builder.user_in(who, &["contractors"]);
    }
    let machine = builder.policy(POLICY).boot();
    machine
        .run("touch /run/killed; systemctl daemon-reload")
        .ok();

    let mut dice = Rng::with_seed(seed);
    let mut world = World::default();
    let mut standing = vec![("docker", "dave")];
    for first in (0..OPERATIONS).step_by(BATCH) {
        let mut batch = Vec::new();
        for number in first..first + BATCH {
            batch.push(operations::plan(&mut dice, &world, number));
        }
        let outcomes = play(&machine, &batch);
        for (planned, (outcome, said)) in batch.iter().zip(outcomes) {
            println!("{planned:?}: {outcome:?} {said}");
            operations::apply(planned, outcome, &said, &mut world, &mut standing)
                .unwrap_or_else(|problem| panic!("{planned:?}: {said}\n{problem}"));
        }
        let when = format!("after {} operations", first + BATCH);
        assert_holds(&machine, &when, &standing);
        see(&machine, &mut world).unwrap_or_else(|problem| panic!("{when}: {problem}"));
    }
}

/// What came of each.
#[track_caller]
fn play(machine: &Machine, batch: &[Planned]) -> Vec<(Outcome, String)> {
    let mut script = format!("{AS}{SCRIPT}");
    for planned in batch {
        let kill = planned
            .kill
            .map_or("-".to_owned(), |after| format!("{after:.3}"));
        let command = planned.operation.command(planned.number);
        let command = command.replace('\'', r"'\''");
        let _ = writeln!(script, "at {} {kill} '{command}'", planned.number);
    }
    script += "back\n";
    let played = machine.run_within(PATIENCE, &script);
    let lines: Vec<&str> = played.ok().stdout.lines().collect();
    assert_eq!(lines.len(), batch.len(), "{played}");
    // From a kill on until jitd is surely back, whoever asks may hear nothing.
    let mut shaken = false;
    batch
        .iter()
        .zip(lines)
        .map(|(planned, line)| {
            let words: Vec<&str> = line.splitn(3, ' ').collect();
            let [number, status, said] = words[..] else {
                panic!("{line:?}")
            };
            assert_eq!(number, format!("@{}", planned.number), "{played}");
            shaken |= planned.kill.is_some() || planned.operation == Operation::Kill;
            let outcome = match status {
                "0" => Outcome::Done,
                _ if shaken => Outcome::Unknown,
                _ => Outcome::Refused,
            };
            if matches!(planned.operation, Operation::Wait | Operation::Restart)
                && planned.kill.is_none()
            {
                shaken = false;
            }
            (outcome, said.to_owned())
        })
        .collect()
}

fn see(machine: &Machine, world: &mut World) -> Result<(), String> {
    let record = Record::of(machine);
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let now = i64::try_from(now.expect("after 1970").as_millis()).expect("before long");
    let mut seen = Vec::new();
    for one in record.elevations.values() {
        let ends_at = one.ends_at.unwrap_or(i64::MAX);
        if one.state == "expired" && ends_at > now {
            return Err(format!(
                "expired {} ms before its time: {one:?}",
                ends_at - now
            ));
        }
        if one.state == "active" && ends_at < now - LATE {
            return Err(format!(
                "active {} ms after its time: {one:?}",
                now - ends_at
            ));
        }
        seen.push((one.id, one.reason.clone(), State::named(&one.state)));
    }
    world.see(&seen)
}
