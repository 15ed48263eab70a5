//! jitd is killed, the host goes down: what was decided is carried out when
//! they are back, before anybody can ask.
#![allow(clippy::expect_used, clippy::panic, reason = "this is a test")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use jit_tests::scene::AS;
use jit_tests::{Machine, Release, wait_until};
use rusqlite::Connection;
use serde_json::Value;

mod cast;
use cast::{SOON, as_user, carol_asks, elevate_carol, members, scene, shadow_members};

/// Killed after the yes is durable, before carol is in the group.
#[test]
fn killed_between_the_yes_and_the_group() {
    for release in Release::ALL {
        let machine = scene(release).boot();
        let carol = machine.ssh("carol");
        let id = carol_asks(&machine, "10m");
        // jitd waits for the lock of the account files, as every program does
        // that changes them.
        let lock = machine.lock_accounts();
        let approving = machine.spawn_as("alice", &format!("jitctl approve {id}"));
        wait_for_event(&machine, "approved", id);
        kill_for_good(&machine);
        drop(lock);
        drop(approving);
        assert_holds_the_group(&machine, false);

        start_again(&machine);
        assert_holds_the_group(&machine, true);
        assert_eq!(cast::state(&machine, id), "active", "{release}");
        carol.run("sudo -n id").ok().contains("uid=0(root)");
    }
}

/// Killed after the end is durable, while carol is still in the group.
#[test]
fn killed_between_the_end_and_the_group() {
    for release in Release::ALL {
        let machine = scene(release).boot();
        let carol = machine.ssh("carol");
        let id = elevate_carol(&machine, "10m");
        carol.run("sudo -n id").ok().contains("uid=0(root)");
        let lock = machine.lock_accounts();
        let ending = carol.spawn("jitctl end");
        wait_for_event(&machine, "released", id);
        assert_holds_the_group(&machine, true);
        // The group lags behind; the gate does not.
        carol.run("sudo -n id").fails_with(1).lacks("uid=0");
        kill_for_good(&machine);
        drop(lock);
        drop(ending);
        assert_holds_the_group(&machine, true);

        start_again(&machine);
        assert_holds_the_group(&machine, false);
        assert_eq!(cast::state(&machine, id), "released", "{release}");
        carol.run("sudo -n id").fails_with(1).lacks("uid=0");
    }
}

/// What ended while jitd was away is taken back before the name is owned: there
/// is no moment in which jitd answers and the group is still given.
#[test]
fn ended_while_jitd_was_away() {
    for release in Release::ALL {
        let machine = scene(release).boot();
        let id = elevate_carol(&machine, "3s");
        let ends = ends_at(&machine, id);
        kill_for_good(&machine);
        assert!(now() < ends, "{release}: it ended before jitd was away");
        wait_until("its time is up", SOON, || now() > ends);
        assert_holds_the_group(&machine, true);

        let lock = machine.lock_accounts();
        machine
            .run("systemctl unmask --runtime jitd.service && systemctl start --no-block jitd.service")
            .ok();
        wait_for_event(&machine, "expired", id);
        assert!(!owns_its_name(&machine), "{release}: too early");
        assert_holds_the_group(&machine, true);
        drop(lock);
        machine.wait_until("jitd owns its name", SOON, || owns_its_name(&machine));
        assert_holds_the_group(&machine, false);
        assert_eq!(cast::state(&machine, id), "expired", "{release}");
    }
}

#[test]
fn a_reboot_in_mid_elevation() {
    for release in Release::ALL {
        let mut machine = scene(release).boot();
        let id = elevate_carol(&machine, "10m");
        let ends = times(&machine, id);
        for power_cut in [false, true] {
            if power_cut {
                machine.power_cycle();
            } else {
                machine.reboot();
            }
            // It goes on, for as long as it had left.
            assert_eq!(times(&machine, id), ends, "{release}");
            assert_holds_the_group(&machine, true);
            let carol = machine.ssh("carol");
            carol.run("sudo -n id").ok().contains("uid=0(root)");
        }
        as_user(&machine, "carol", "jitctl end").ok();
        assert_holds_the_group(&machine, false);
        // An end outlives a power cut that follows at once.
        machine.power_cycle();
        assert_holds_the_group(&machine, false);
        assert_eq!(cast::state(&machine, id), "released", "{release}");
    }
}

#[test]
fn ended_while_the_host_was_down() {
    for release in Release::ALL {
        let mut machine = scene(release).boot();
        let id = elevate_carol(&machine, "5s");
        let ends = ends_at(&machine, id);
        assert_holds_the_group(&machine, true);
        machine.power_off();
        assert!(now() < ends, "{release}: it ended before the host was down");
        wait_until("its time is up", SOON, || now() > ends);
        machine.power_on();
        assert_holds_the_group(&machine, false);
        assert_eq!(cast::state(&machine, id), "expired", "{release}");
        machine
            .ssh("carol")
            .run("sudo -n id")
            .fails_with(1)
            .lacks("uid=0");
    }
}

/// Thirty elevations, each asked for, approved and most of them ended while
/// jitd is killed: each a little later than the one before, so that the kills
/// fall on all that it does.
#[test]
fn killed_at_any_moment() {
    const ROUNDS: u32 = 30;
    /// Between one kill and the next, in milliseconds after the first step.
    const STRIDE: u32 = 3;
    let script = "
        round() {
            user=u$1
            pid=$(systemctl show --property=MainPID --value jitd.service)
            (sleep $2; kill -9 $pid) &
            if id=$(as $user jitctl request deploy --for 10m); then
                echo $user requested $id
                as alice jitctl approve $id >&2 && echo $user approved $id
                test $(($1 % 3)) = 0 || { as $user jitctl end $id >&2 && echo $user ended $id; }
            fi
            wait
        }
    ";
    for release in Release::ALL {
        let mut builder = scene(release)
            // Thirty kills within seconds are more than systemd would take.
            .file(
                "/etc/systemd/system/jitd.service.d/lab.conf",
                0o644,
                "[Unit]\nStartLimitIntervalSec=0\n",
            );
        for round in 0..ROUNDS {
            builder = builder.user_in(&format!("u{round}"), &["contractors"]);
        }
        let machine = builder.boot();
        machine.run("systemctl daemon-reload").ok();
        let mut acknowledged = BTreeMap::new();
        for round in 0..ROUNDS {
            let wait = f64::from(round * STRIDE) / 1000.0;
            let said = machine.run(&format!("{AS}{script}\nround {round} {wait:.3}"));
            for line in said.stdout.lines() {
                let words: Vec<&str> = line.split(' ').collect();
                let [_, what, id] = words[..] else {
                    panic!("{line:?} in {said}")
                };
                let id: i64 = id.parse().expect("a number");
                acknowledged.insert(id, what.to_owned());
            }
            machine.wait_until("jitd is back", SOON, || owns_its_name(&machine));
        }
        let kills = machine.journal().matches("status=9/KILL").count();
        assert!(kills >= 25, "{release}: only {kills} kills hit");

        let active = active_users(&machine);
        for file in ["/etc/group", "/etc/gshadow"] {
            let members: BTreeSet<String> = cast::members_in(&machine, file, "jit-deploy")
                .into_iter()
                .collect();
            assert_eq!(members, active, "{release}: {file}");
        }
        machine.run("systemctl stop jitd").ok();
        the_record_holds(&machine, &acknowledged);
    }
}

/// The database is whole; nothing that jitctl acknowledged is lost; no state
/// came to be without its event.
#[track_caller]
fn the_record_holds(machine: &Machine, acknowledged: &BTreeMap<i64, String>) {
    let folder = tempfile::tempdir().expect("a folder");
    for file in ["jitd.db", "jitd.db-wal", "jitd.db-shm"] {
        let inside = machine.outside(&format!("/var/lib/jitd/{file}"));
        if inside.exists() {
            fs::copy(inside, folder.path().join(file)).expect("it can be copied");
        }
    }
    let db = Connection::open(folder.path().join("jitd.db")).expect("a database");
    let verdict: String = db
        .query_row("PRAGMA integrity_check", (), |row| row.get(0))
        .expect("an answer");
    assert_eq!(verdict, "ok");
    let state = |id: i64| -> String {
        let sql = "SELECT state FROM elevation WHERE id = ?1";
        db.query_row(sql, [id], |row| row.get(0))
            .unwrap_or_else(|error| panic!("elevation {id}: {error}"))
    };
    for (id, what) in acknowledged {
        let state = state(*id);
        let kept = match what.as_str() {
            "requested" => true,
            "approved" => state == "active" || state == "released",
            _ => state == "released",
        };
        assert!(kept, "elevation {id} was {what}, and now is {state}");
    }
    let sql = "SELECT id, state, (SELECT group_concat(event, ' ') FROM event
            WHERE elevation = id AND event LIKE 'elevation.%')
        FROM elevation ORDER BY id";
    let mut query = db.prepare(sql).expect("good SQL");
    let rows: Vec<(i64, String, String)> = query
        .query_map((), |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
        .expect("rows")
        .map(|row| row.expect("a row"))
        .collect();
    assert!(rows.len() >= acknowledged.len());
    for (id, state, events) in rows {
        let expected = match state.as_str() {
            "pending" => "elevation.requested",
            "active" => "elevation.requested elevation.approved",
            "released" => "elevation.requested elevation.approved elevation.released",
            other => panic!("elevation {id} is {other}"),
        };
        assert_eq!(events, expected, "elevation {id}");
    }
}

/// Killed, and kept down until [`start_again`].
#[track_caller]
fn kill_for_good(machine: &Machine) {
    machine.run("systemctl mask --runtime jitd.service").ok();
    machine.kill("jitd.service", "KILL");
    assert_eq!(machine.pid_of_unit("jitd.service"), None);
}

/// Returns when jitd owns its name, and not before.
#[track_caller]
fn start_again(machine: &Machine) {
    machine
        .run("systemctl unmask --runtime jitd.service && systemctl start jitd.service")
        .ok();
}

fn owns_its_name(machine: &Machine) -> bool {
    machine
        .run("busctl --acquired --no-legend list | grep --word-regexp org.jitd1")
        .status
        == 0
}

/// An event is written when its change is durable.
#[track_caller]
fn wait_for_event(machine: &Machine, event: &str, id: u64) {
    let line = format!("event=elevation.{event} id={id} ");
    machine.wait_until(&line, SOON, || machine.journal().contains(&line));
}

#[track_caller]
fn assert_holds_the_group(machine: &Machine, holds: bool) {
    let expected: &[&str] = if holds { &["carol"] } else { &[] };
    assert_eq!(members(machine, "jit-deploy"), expected, "/etc/group");
    assert_eq!(
        shadow_members(machine, "jit-deploy"),
        expected,
        "/etc/gshadow"
    );
}

#[track_caller]
fn shown(machine: &Machine, id: u64) -> Value {
    let shown = machine.run(&format!("jitctl show {id} --json"));
    serde_json::from_str(shown.ok().text()).expect("JSON")
}

/// What must not change: its state, its start and its end.
#[track_caller]
fn times(machine: &Machine, id: u64) -> [Value; 3] {
    let shown = shown(machine, id);
    ["state", "starts_at", "ends_at"].map(|field| shown[field].clone())
}

/// As time since the epoch, a second more at the most.
#[track_caller]
fn ends_at(machine: &Machine, id: u64) -> Duration {
    let shown = shown(machine, id);
    let text = shown["ends_at"].as_str().expect("an end");
    let seconds = machine.run(&format!("date --date={text} +%s"));
    Duration::from_secs(1 + seconds.ok().text().parse::<u64>().expect("a number"))
}

/// Host and machines share one clock.
fn now() -> Duration {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .expect("after 1970")
}

#[track_caller]
fn active_users(machine: &Machine) -> BTreeSet<String> {
    let list = machine.run("jitctl list --state active --json");
    let list: Value = serde_json::from_str(list.ok().text()).expect("JSON");
    list.as_array()
        .expect("an array")
        .iter()
        .map(|elevation| elevation["user"].as_str().expect("a name").to_owned())
        .collect()
}
