//! The host does not allow it: nothing new is given, ends happen as far as they can and are tried
//! until they have, and nothing is lost.
#![allow(clippy::expect_used, clippy::panic, reason = "this is a test")]

use std::path::Path;

use jit_tests::{LIMIT, Machine, Output, Release, Shell, on_each_release};

mod cast;
use cast::{SOON, alice, as_user, carol_asks, elevate_carol, members, scene, state};

on_each_release!(
    a_group_file_that_cannot_be_changed,
    an_etc_that_cannot_be_written,
    a_full_disk,
    a_locked_database,
    a_database_of_a_later_version,
);

/// So that sudo asks for no password; the gate stands all the same.
const NO_PASSWORDS: &str = "carol ALL=(ALL:ALL) NOPASSWD: ALL\n";

fn machine(release: Release) -> Machine {
    scene(release)
        .file("/etc/sudoers.d/zzz-lab", 0o440, NO_PASSWORDS)
        .boot()
}

fn a_group_file_that_cannot_be_changed(release: Release) {
    let machine = machine(release);
    let carol = machine.ssh("carol");
    let held = elevate_carol(&machine, "10m");
    carol.run("sudo -b sleep 1000 >/dev/null 2>&1").ok();
    machine.run("chattr +i /etc/group").ok();

    as_user(&machine, "carol", "jitctl end").ok();
    power_is_gone(&machine, &carol);
    assert_eq!(
        members(&machine, "jit-deploy"),
        ["carol"],
        "as far as the host allows"
    );
    refused(&machine, "/etc/group");
    doctor(&machine).fails_with(1).contains("does not match");

    machine.run("chattr -i /etc/group").ok();
    machine.wait_until("it is taken back after all", LIMIT, || {
        members(&machine, "jit-deploy").is_empty()
    });
    assert_eq!(state(&machine, held), "released");
    all_is_well(&machine, &carol);
}

/// A file system that the kernel has made read-only, as after an error.
fn an_etc_that_cannot_be_written(release: Release) {
    let machine = machine(release);
    let carol = machine.ssh("carol");
    // jitd's own view of /etc is made when it starts.
    machine
        .run("mkdir /run/etc && cp -a /etc/. /run/etc && mount -t tmpfs etc /mnt && cp -a /run/etc/. /mnt && mount --move /mnt /etc && systemctl restart jitd.service")
        .ok();
    let held = elevate_carol(&machine, "10m");
    carol.run("sudo -b sleep 1000 >/dev/null 2>&1").ok();
    machine
        .run("mount -o remount,ro /etc && ! touch /etc/x")
        .ok();

    as_user(&machine, "carol", "jitctl end").ok();
    power_is_gone(&machine, &carol);
    refused(&machine, "ead-only file system");

    machine.run("mount -o remount,rw /etc").ok();
    machine.wait_until("it is taken back after all", LIMIT, || {
        members(&machine, "jit-deploy").is_empty()
    });
    assert_eq!(state(&machine, held), "released");
    all_is_well(&machine, &carol);
}

fn a_full_disk(release: Release) {
    let machine = machine(release);
    let carol = machine.ssh("carol");
    machine
        .run("systemctl stop jitd.service && mount -t tmpfs -o size=2m,mode=0700 jitd /mnt && cp -a /var/lib/jitd/. /mnt && mount --move /mnt /var/lib/jitd && systemctl start jitd.service")
        .ok();
    let held = elevate_carol(&machine, "5s");
    carol.run("sudo -b sleep 1000 >/dev/null 2>&1").ok();
    machine
        .run("cat /dev/zero >/var/lib/jitd/filling 2>/dev/null; test $(df --output=avail /var/lib/jitd | tail -1) = 0")
        .ok();
    let asked = as_user(&machine, "carol", "jitctl request deploy --for 5m");
    asked.fails_with(1).contains("full");
    as_user(&machine, "carol", "jitctl end")
        .fails_with(1)
        .contains("full");

    // The end needs no disk.
    machine.wait_until("it is over", LIMIT, || {
        members(&machine, "jit-deploy").is_empty() && carol.run("sudo -n id").status == 1
    });
    power_is_gone(&machine, &carol);

    machine.run("rm /var/lib/jitd/filling").ok();
    machine.wait_until("it is on record", 2 * LIMIT, || {
        state(&machine, held) == "expired"
    });
    all_is_well(&machine, &carol);
}

fn a_locked_database(release: Release) {
    let machine = machine(release);
    let carol = machine.ssh("carol");
    elevate_carol(&machine, "8s");
    carol.run("sudo -b sleep 1000 >/dev/null 2>&1").ok();
    let heckler = Path::new(env!("CARGO_BIN_EXE_heckler"));
    machine.put_program(heckler, "/usr/local/bin/heckler");
    let holding = machine.spawn_as("root", "heckler lock /var/lib/jitd/jitd.db");
    holding.wait_for_output("locked");
    let asked = as_user(&machine, "carol", "jitctl request deploy --for 5m");
    asked.fails_with(1).contains("locked");
    machine.wait_until("it is over", LIMIT, || {
        members(&machine, "jit-deploy").is_empty() && carol.run("sudo -n id").status == 1
    });
    power_is_gone(&machine, &carol);
    machine.run("pkill -x heckler").ok();
    drop(holding);
    machine.wait_until("it is on record", 2 * LIMIT, || {
        state(&machine, 1) == "expired"
    });
    all_is_well(&machine, &carol);
}

fn a_database_of_a_later_version(release: Release) {
    let machine = machine(release);
    let carol = machine.ssh("carol");
    let held = elevate_carol(&machine, "10m");
    machine
        .run("systemctl mask --runtime jitd.service && systemctl stop jitd.service")
        .ok();
    let path = machine.outside("/var/lib/jitd/jitd.db");
    let version = |version: u32| {
        let db = rusqlite::Connection::open(&path).expect("the database");
        db.pragma_update(None, "user_version", version)
            .expect("a version");
        db.pragma_update(None, "wal_checkpoint", "TRUNCATE").ok();
    };
    let before: u32 = rusqlite::Connection::open(&path)
        .and_then(|db| db.pragma_query_value(None, "user_version", |row| row.get(0)))
        .expect("a version");
    version(99);
    let sum = || {
        machine
            .run("cat /var/lib/jitd/jitd.db* | sha256sum")
            .ok()
            .stdout
            .clone()
    };
    let untouched = sum();
    for command in ["", "enforce", "withdraw"] {
        machine
            .run(&format!("jitd {command}"))
            .fails_with(1)
            .contains("has schema 99, newer than the")
            .contains("install the newer jitd again");
    }
    assert_eq!(sum(), untouched);
    carol
        .run("sudo -n id")
        .fails_with(1)
        .contains("jitd is not running");
    machine.run("sudo -n id").ok();

    version(before);
    machine
        .run("systemctl unmask --runtime jitd.service && systemctl start jitd.service")
        .ok();
    assert_eq!(state(&machine, held), "active");
    carol.run("sudo -n id").ok().contains("uid=0");
}

/// The gate is closed, sudo has no rule, and nothing of hers runs as root.
#[track_caller]
fn power_is_gone(machine: &Machine, carol: &Shell) {
    carol.run("sudo -n id").fails_with(1).lacks("uid=0");
    machine.wait_until("her session is gone", SOON, || {
        machine.run("pgrep -x sleep").status == 1
    });
}

/// An approval is refused, with the reason, and nothing of it stays.
#[track_caller]
fn refused(machine: &Machine, why: &str) {
    let id = carol_asks(machine, "10m");
    let refused = alice(machine, &format!("approve {id}"));
    refused
        .fails_with(1)
        .contains(&format!("elevation {id} could not be given"))
        .contains(why)
        .contains("jitctl doctor");
    assert_eq!(state(machine, id), "revoked");
}

fn doctor(machine: &Machine) -> Output {
    machine.run("jitctl doctor")
}

/// Everything can be asked for again, and what was on record is.
#[track_caller]
fn all_is_well(machine: &Machine, carol: &Shell) {
    elevate_carol(machine, "10m");
    assert_eq!(members(machine, "jit-deploy"), ["carol"]);
    carol.run("sudo -n id").ok().contains("uid=0");
    let numbers = machine.run("journalctl --sync; journalctl --no-pager -t jitd -o cat");
    let numbers = numbers.ok().stdout.lines().filter_map(|line| {
        let number = line.rsplit_once(" seq=")?.1;
        number.parse::<u64>().ok()
    });
    let numbers: Vec<u64> = numbers.collect();
    let expected: Vec<u64> = (1..=numbers.len() as u64).collect();
    assert_eq!(numbers, expected, "the record has gaps");
}
