//! Sessions: registered before they run anything, shown while they run, moved when there is more
//! time.
#![allow(clippy::expect_used, clippy::panic, reason = "this is a test")]

use jit_tests::{LIMIT, Machine, Release, on_each_release};
use serde_json::Value;

mod cast;
use cast::{SOON, alice, as_user, elevate_carol, members, scene};

on_each_release!(
    one_is_shown_while_it_runs,
    one_that_cannot_be_registered_does_not_start,
    they_outlive_the_daemon,
    two_extensions_leave_no_gap,
    of_two_elevations_the_first_to_end_takes_nothing_from_the_second,
    a_daemon_that_hangs_at_the_end_is_replaced,
    systemd_alone_ends_one_in_time,
    whoever_is_not_managed_has_none,
);

/// So that sudo asks for no password; the gate stands all the same.
const NO_PASSWORDS: (&str, u32, &str) = (
    "/etc/sudoers.d/zzz-lab",
    0o440,
    "carol ALL=(ALL:ALL) NOPASSWD: ALL\ndave ALL=(ALL:ALL) NOPASSWD: ALL\n",
);

fn machine(release: Release) -> Machine {
    let (path, mode, rules) = NO_PASSWORDS;
    scene(release).file(path, mode, rules).boot()
}

fn one_is_shown_while_it_runs(release: Release) {
    let machine = machine(release);
    let carol = machine.ssh("carol");
    let id = elevate_carol(&machine, "10m");
    let running = carol.spawn("sudo -u daemon sleep 1000");
    machine.wait_until("it runs", LIMIT, || !sessions(&machine, id).is_empty());
    let one = &sessions(&machine, id)[0];
    assert_eq!(one["service"], "sudo");
    assert_eq!(one["command"], "sudo -u daemon sleep 1000");
    assert_eq!(one["running"], true);
    carol
        .run(&format!("jitctl show {id}"))
        .ok()
        .contains("sudo -u daemon sleep 1000")
        .contains("still running");
    let scope = machine.run("systemctl status 'jit-*.scope'");
    scope
        .ok()
        .contains(&format!("sudo, elevation {id}, until "))
        .contains("sleep 1000");
    // Everybody may read that; what was typed, they may not.
    let description = machine.run("systemctl show --property=Description --value 'jit-*.scope'");
    description.ok().lacks("sleep");
    let members = machine.run("cat /sys/fs/cgroup/jit.slice/jit-*.scope/cgroup.procs | wc -l");
    assert!(members.ok().text() != "0");

    machine.run("pkill -u daemon -x sleep").ok();
    drop(running);
    machine.wait_until("it is over", SOON, || {
        sessions(&machine, id)[0]["running"] == false
    });
    machine
        .run("journalctl --sync; journalctl --no-pager -t jitd")
        .ok()
        .contains("event=session.opened")
        .contains("event=session.closed");
}

fn one_that_cannot_be_registered_does_not_start(release: Release) {
    let machine = machine(release);
    let carol = machine.ssh("carol");
    let id = elevate_carol(&machine, "10m");
    // The names that the next two sessions would have are taken.
    for session in [1, 2] {
        machine
            .run(&format!(
                "systemd-run --quiet --scope --unit=jit-{id}-{session} sleep 1000 >/dev/null 2>&1 &"
            ))
            .ok();
        machine.wait_until("the name is taken", SOON, || {
            let unit = format!("jit-{id}-{session}.scope");
            machine.run(&format!("systemctl is-active {unit}")).status == 0
        });
    }
    let refused = carol.run("sudo touch /root/ran");
    refused.fails_with(1).contains("could not be registered");
    let refused = carol.run(&format!(
        "su -c 'touch /root/ran' <<< {}",
        cast::ROOTS_PASSWORD
    ));
    assert_ne!(refused.status, 0, "{refused}");
    refused.contains("could not be registered");
    machine.run("test -e /root/ran").fails_with(1);
    carol.run("sudo touch /root/ran").ok();
    machine.run("test -e /root/ran").ok();
}

fn they_outlive_the_daemon(release: Release) {
    let machine = machine(release);
    let carol = machine.ssh("carol");
    let id = elevate_carol(&machine, "10m");
    cast::sleeps(&machine, &carol);
    let scopes = || {
        machine
            .run("systemctl list-units --plain --no-legend 'jit-*.scope'")
            .stdout
    };
    let before = scopes();
    machine.run("systemctl restart jitd.service").ok();
    assert_eq!(sessions(&machine, id)[0]["running"], true);
    assert_eq!(scopes(), before);
    // What ended while nobody looked is seen at the next start.
    machine
        .run("systemctl stop jitd.service; pkill -x sleep; systemctl start jitd.service")
        .ok();
    machine.wait_until("it is known to be over", SOON, || {
        sessions(&machine, id)[0]["running"] == false
    });
}

fn two_extensions_leave_no_gap(release: Release) {
    let machine = machine(release);
    let carol = machine.ssh("carol");
    let mut last = elevate_carol(&machine, "4s");
    let start = time(&machine, last, "starts_at");
    let first = last;
    carol
        .run("sudo -b sh -c 'while :; do date +%s%3N >>/root/beat; sleep 0.02; done' >/dev/null 2>&1")
        .ok();
    let watching = machine.spawn_as(
        "dave",
        "sh -c 'while getent group jit-deploy | grep -q :carol$; do date +%s%3N; sleep 0.02; done >~/watched'",
    );
    for _ in 0..2 {
        let asked = carol.run(&format!("jitctl extend {last} --for 4s --reason more"));
        last = asked.ok().text().parse().expect("a number");
        alice(&machine, &format!("approve {last}")).ok();
    }
    machine.wait_until("all of it is over", LIMIT, || {
        cast::state(&machine, last) == "expired"
    });
    machine.wait_until("nothing is left", SOON, || {
        sessions(&machine, first)
            .iter()
            .all(|one| one["running"] == false)
    });
    drop(watching);
    let sum = start + 12_000;
    for (what, file) in [
        ("power", "/root/beat"),
        ("membership", "/home/dave/watched"),
    ] {
        let beats = machine.file(file);
        let beats: Vec<i64> = beats.lines().filter_map(|line| line.parse().ok()).collect();
        let gap = beats
            .windows(2)
            .map(|two| two[1] - two[0])
            .max()
            .expect("beats");
        assert!(gap < 500, "{what}: {gap} ms without");
        let end = beats.last().expect("beats");
        assert!(
            (sum - 300..sum + 2_000).contains(end),
            "{what}: {} ms off",
            end - sum
        );
    }
    assert_eq!(sessions(&machine, first).len(), 1);
    assert_eq!(
        sessions(&machine, last).len(),
        1,
        "it went on under the last one"
    );
}

fn of_two_elevations_the_first_to_end_takes_nothing_from_the_second(release: Release) {
    for revoked in [false, true] {
        let machine = machine(release);
        let carol = machine.ssh("carol");
        let lengths = if revoked {
            ["9m", "10m"]
        } else {
            ["5s", "10m"]
        };
        let [first, second] = lengths.map(|length| elevate_carol(&machine, length));
        cast::sleeps(&machine, &carol);
        machine.wait_until("it belongs to the one that ends first", SOON, || {
            sessions(&machine, first).len() == 1
        });
        if revoked {
            alice(&machine, &format!("revoke {first} --comment no")).ok();
        }
        let over = if revoked { "revoked" } else { "expired" };
        machine.wait_until("the first is over", LIMIT, || {
            cast::state(&machine, first) == over
        });
        machine.wait_until("its session is gone", SOON, || {
            sessions(&machine, first)[0]["running"] == false
        });
        assert_eq!(members(&machine, "jit-deploy"), ["carol"]);
        cast::sleeps(&machine, &carol);
        machine.wait_until("one of the second runs", SOON, || {
            let sessions = sessions(&machine, second);
            sessions.iter().any(|one| one["running"] == true)
        });
        if revoked {
            alice(&machine, &format!("revoke {second} --comment no")).ok();
        } else {
            as_user(&machine, "carol", "jitctl end").ok();
        }
        assert!(members(&machine, "jit-deploy").is_empty());
        machine.wait_until("nothing is left", SOON, || {
            machine.run("pgrep -x sleep").status == 1
        });
    }
}

fn a_daemon_that_hangs_at_the_end_is_replaced(release: Release) {
    let machine = machine(release);
    let carol = machine.ssh("carol");
    let id = elevate_carol(&machine, "6s");
    cast::sleeps(&machine, &carol);
    machine.kill("jitd.service", "STOP");
    let ends = machine
        .run("date +%s")
        .ok()
        .text()
        .parse::<i64>()
        .expect("a time")
        + 6;
    machine.wait_until("it is taken back all the same", LIMIT, || {
        members(&machine, "jit-deploy").is_empty() && machine.run("pgrep -x sleep").status == 1
    });
    let now: i64 = machine.run("date +%s").ok().text().parse().expect("a time");
    assert!(now <= ends + 6, "{} s after its end", now - ends);
    machine.wait_until("jitd is back", SOON, || {
        machine.run("jitctl status").status == 0
    });
    assert_eq!(cast::state(&machine, id), "expired");
}

/// With jitd dead, and without the timers that start the second enforcer.
fn systemd_alone_ends_one_in_time(release: Release) {
    let machine = machine(release);
    let carol = machine.ssh("carol");
    let id = elevate_carol(&machine, "6s");
    cast::sleeps(&machine, &carol);
    let ends_at = time(&machine, id, "ends_at");
    machine
        .run("systemctl mask --runtime jitd.service && systemctl kill --signal=KILL jitd.service && systemctl stop 'jitd-enforce@*.timer'")
        .ok();
    machine.wait_until("its session is gone", LIMIT, || {
        machine.run("pgrep -x sleep").status == 1
    });
    let now: i64 = machine
        .run("date +%s%3N")
        .ok()
        .text()
        .parse()
        .expect("a time");
    assert!(
        (ends_at..ends_at + 5_000).contains(&now),
        "{} ms after its end",
        now - ends_at
    );
}

fn whoever_is_not_managed_has_none(release: Release) {
    let machine = machine(release);
    elevate_carol(&machine, "10m");
    let dave = machine.ssh("dave");
    machine.kill("jitd.service", "STOP");
    for command in ["sudo -n id", "sudo -n su - dave -c id"] {
        dave.run(command).ok().contains("uid=");
    }
    machine
        .run("sudo -n id && su -c id && su - dave -c id")
        .ok();
    machine.kill("jitd.service", "CONT");
    let scopes = machine.run("systemctl list-units --plain --no-legend 'jit-*.scope'");
    assert_eq!(scopes.ok().text(), "");
}

/// The sessions of an elevation, as root sees them.
#[track_caller]
fn sessions(machine: &Machine, id: u64) -> Vec<Value> {
    let elevation = shown(machine, id);
    elevation["sessions"].as_array().expect("an array").clone()
}

/// A time of an elevation, in milliseconds since the epoch.
#[track_caller]
fn time(machine: &Machine, id: u64, which: &str) -> i64 {
    let at = shown(machine, id)[which]
        .as_str()
        .expect("a time")
        .to_owned();
    let date = machine.run(&format!("date --date={at} +%s%3N"));
    date.ok().text().parse().expect("a number")
}

#[track_caller]
fn shown(machine: &Machine, id: u64) -> Value {
    let shown = machine.run(&format!("jitctl show {id} --json"));
    serde_json::from_str(shown.ok().text()).expect("JSON")
}
