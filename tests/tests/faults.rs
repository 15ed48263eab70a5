//! The host does not allow it: nothing new is given, ends happen as far as they can and are tried
//! until they have, and nothing is lost.
#![allow(clippy::expect_used, clippy::panic, reason = "this is a test")]

use std::fs;
use std::path::Path;
use std::process::Command;

use jit_tests::{LIMIT, Machine, Output, Release, Shell, on_each_release};
use rusqlite::Connection;

mod cast;
use cast::{SOON, alice, as_user, elevate_carol, members, scene, state};

on_each_release!(
    a_group_file_that_cannot_be_changed,
    an_etc_that_cannot_be_written,
    a_full_disk,
    a_locked_database,
    a_database_of_a_later_version,
);

/// So that sudo asks for no password; the gate stands all the same.
const NO_PASSWORDS: &str = "carol ALL=(ALL:ALL) NOPASSWD: ALL\n";

/// A second role of carol's, with a group of its own.
const OTHER: &str = r#"[role.other]
groups    = ["jit-other"]
services  = ["sudo"]
commands  = ["/usr/bin/true"]
eligible  = { groups = ["contractors"] }
approvers = { groups = ["jit-approvers"] }
"#;

fn machine(release: Release) -> Machine {
    scene(release)
        .file("/etc/sudoers.d/zzz-lab", 0o440, NO_PASSWORDS)
        .file("/etc/jitd/roles.d/other.toml", 0o644, OTHER)
        .boot()
}

/// Puts a file system of its own, as large as is said, where a folder is.
#[track_caller]
fn mount_over(machine: &Machine, folder: &str, options: &str) {
    machine
        .run(&format!(
            "systemctl stop jitd.service && mkdir /run/aside && cp -a {folder}/. /run/aside \
             && mount -t tmpfs -o {options} lab {folder} && cp -a /run/aside/. {folder} \
             && systemctl start jitd.service"
        ))
        .ok();
}

/// Makes a file unchangeable, or changeable again: chattr(1), from outside.
#[track_caller]
fn chattr(machine: &Machine, flag: &str, path: &str) {
    let mut chattr = Command::new("chattr");
    let output = chattr.arg(flag).arg(machine.outside(path)).output();
    let output = output.expect("chattr starts");
    assert!(output.status.success(), "{output:?}");
}

fn a_group_file_that_cannot_be_changed(release: Release) {
    let machine = machine(release);
    let carol = machine.ssh("carol");
    let held = elevate_carol(&machine, "10m");
    cast::sleeps(&machine, &carol);
    chattr(&machine, "+i", "/etc/group");

    as_user(&machine, "carol", "jitctl end").ok();
    power_is_gone(&machine, &carol);
    assert_eq!(
        members(&machine, "jit-deploy"),
        ["carol"],
        "as far as the host allows"
    );
    refused(&machine, "/etc/group");
    doctor(&machine).fails_with(1).contains("does not match");

    chattr(&machine, "-i", "/etc/group");
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
    mount_over(&machine, "/etc", "mode=0755");
    let held = elevate_carol(&machine, "10m");
    cast::sleeps(&machine, &carol);
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

/// Nothing can be given, and whatever ends does: at once, whoever ends it, and also where jitd is
/// killed before it is on record.
fn a_full_disk(release: Release) {
    let mut machine = machine(release);
    let carol = machine.ssh("carol");
    mount_over(&machine, "/var/lib/jitd", "size=2m,mode=0700");
    let ended = elevate_carol(&machine, "10m");
    cast::sleeps(&machine, &carol);
    fill(&machine);
    let asked = as_user(&machine, "carol", "jitctl request deploy --for 5m");
    asked.fails_with(1).contains("full");
    as_user(&machine, "carol", "jitctl end").ok();
    assert_eq!(members(&machine, "jit-deploy"), [""; 0]);
    power_is_gone(&machine, &carol);
    assert_eq!(state(&machine, ended), "released");
    make_room(&machine);
    on_record(&machine, "elevation.released", ended);
    all_is_well(&machine, &carol);
    as_user(&machine, "carol", "jitctl end").ok();

    let revoked = elevate_carol(&machine, "10m");
    cast::sleeps(&machine, &carol);
    fill(&machine);
    alice(&machine, &format!("revoke {revoked} --comment enough")).ok();
    power_is_gone(&machine, &carol);
    let revoke = format!("jitctl revoke {revoked} --comment again");
    machine.run(&revoke).fails_with(1).contains("revoked");
    machine.kill("jitd.service", "KILL");
    machine.wait_until("jitd is there again", LIMIT, || {
        machine.run("busctl status org.jitd1").status == 0
    });
    power_is_gone(&machine, &carol);
    assert_eq!(state(&machine, revoked), "revoked");
    make_room(&machine);
    on_record(&machine, "elevation.revoked", revoked);
    let told = machine.journal();
    assert!(told.contains("comment=enough"), "{told}");
    all_is_well(&machine, &carol);
    machine.power_off();
}

/// Leaves no room beside the database.
#[track_caller]
fn fill(machine: &Machine) {
    machine
        .run("cat /dev/zero >/var/lib/jitd/filling 2>/dev/null; test $(df --output=avail /var/lib/jitd | tail -1) = 0")
        .ok();
}

#[track_caller]
fn make_room(machine: &Machine) {
    machine.run("rm /var/lib/jitd/filling").ok();
}

#[track_caller]
fn on_record(machine: &Machine, event: &str, id: u64) {
    machine.wait_until("it is on record", 2 * LIMIT, || {
        machine
            .journal()
            .contains(&format!("event={event} id={id} "))
    });
}

fn a_locked_database(release: Release) {
    let machine = machine(release);
    let carol = machine.ssh("carol");
    elevate_carol(&machine, "8s");
    cast::sleeps(&machine, &carol);
    let heckler = Path::new(env!("CARGO_BIN_EXE_heckler"));
    machine.put_program(heckler, "/usr/local/bin/heckler");
    machine
        .run("heckler lock /var/lib/jitd/jitd.db >/run/heckler 2>&1 &")
        .ok();
    machine.wait_until("it is locked", SOON, || {
        machine.file("/run/heckler").contains("locked")
    });
    let asked = as_user(&machine, "carol", "jitctl request deploy --for 5m");
    asked.fails_with(1).contains("locked");
    machine.wait_until("it is over", LIMIT, || {
        members(&machine, "jit-deploy").is_empty() && carol.run("sudo -n id").status == 1
    });
    power_is_gone(&machine, &carol);
    machine.run("pkill -x heckler").ok();
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
    let before = set_version(&machine, 99);
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

    set_version(&machine, before);
    machine
        .run("systemctl unmask --runtime jitd.service && systemctl start jitd.service")
        .ok();
    assert_eq!(state(&machine, held), "active");
    carol.run("sudo -n id").ok().contains("uid=0");
}

/// Gives the schema's version in the database of a jitd that is stopped, and sets another one.
#[track_caller]
fn set_version(machine: &Machine, version: u32) -> u32 {
    let path = machine.outside("/var/lib/jitd/jitd.db");
    let log = machine.outside("/var/lib/jitd/jitd.db-wal");
    let folder = tempfile::tempdir().expect("a folder");
    let copy = folder.path().join("jitd.db");
    fs::copy(&path, &copy).expect("a copy");
    if log.exists() {
        fs::copy(&log, folder.path().join("jitd.db-wal")).expect("a copy");
    }
    let db = Connection::open(&copy).expect("the database");
    let before = db.pragma_query_value(None, "user_version", |row| row.get(0));
    db.pragma_update(None, "user_version", version)
        .expect("a version");
    // The last one to close it writes all of it into the one file.
    db.close().expect("it closes");
    machine.run("rm -f /var/lib/jitd/jitd.db-*").ok();
    fs::copy(&copy, &path).expect("a copy");
    before.expect("a version")
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
    let asked = as_user(machine, "carol", "jitctl request other --for 10m");
    let id: u64 = asked.ok().text().parse().expect("a number");
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
        let number = line.rsplit_once(" seq=")?.1.split(' ').next()?;
        number.parse::<u64>().ok()
    });
    let numbers: Vec<u64> = numbers.collect();
    assert!(numbers.len() > 5, "{numbers:?}");
    // The journal begins with the boot.
    let expected: Vec<u64> = (numbers[0]..).take(numbers.len()).collect();
    assert_eq!(numbers, expected, "the record has gaps");
}
