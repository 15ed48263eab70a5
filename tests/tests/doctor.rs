//! `jitctl doctor` on real hosts: each thing is broken once, and named.
#![allow(clippy::expect_used, clippy::panic, reason = "this is a test")]

use jit_tests::{Machine, Release, on_each_release};
use serde_json::Value;

mod cast;
use cast::{as_user, elevate_carol, scene};

on_each_release!(
    a_healthy_host_is_healthy,
    what_is_broken_is_named,
    whoever_is_not_root_is_told_what_they_do_not_see,
    a_fresh_install_is_told_to_begin_with_a_policy,
);

/// What is broken, how, and how it is mended.
const BREAKS: [(&str, &str, &str); 13] = [
    (
        "jitd",
        "systemctl mask --runtime --now jitd.service",
        "systemctl unmask --runtime jitd.service && systemctl start jitd.service",
    ),
    (
        "jitd.service",
        "systemctl disable jitd.service",
        "systemctl enable jitd.service",
    ),
    (
        "gate's socket",
        "rm /run/jitd/gate",
        "systemctl restart jitd.service",
    ),
    (
        "policy",
        "echo 'rolle = 1' >/etc/jitd/roles.d/x.toml",
        "rm /etc/jitd/roles.d/x.toml",
    ),
    (
        "module",
        "find /usr/lib -name pam_jit.so -execdir mv {} pam_jit.away ';'",
        "find /usr/lib -name pam_jit.away -execdir mv {} pam_jit.so ';'",
    ),
    (
        "gate of sudo",
        "cp -a /etc/pam.d/sudo /root/ && sed -i '/pam_jit/d' /etc/pam.d/sudo",
        "cp -a /root/sudo /etc/pam.d/",
    ),
    (
        "sessions of su",
        "cp -a /etc/pam.d/su /root/ && echo 'session optional pam_systemd.so' >>/etc/pam.d/su",
        "cp -a /root/su /etc/pam.d/",
    ),
    (
        "sudo.conf",
        "cp -a /etc/sudo.conf /root/ && sed -i '/dynamic/d' /etc/sudo.conf",
        "cp -a /root/sudo.conf /etc/",
    ),
    (
        "second enforcer",
        "systemctl mask --runtime jitd-enforce@.service",
        "systemctl unmask --runtime jitd-enforce@.service",
    ),
    (
        "second enforcer",
        "systemctl stop 'jitd-enforce@*.timer'",
        "systemctl restart jitd.service",
    ),
    (
        "sudoers",
        "cp -a /etc/sudoers /root/ && sed -i '/includedir/d' /etc/sudoers",
        "cp -a /root/sudoers /etc/",
    ),
    (
        "sudoers.d/jitd",
        "echo 'mallory ALL=(ALL) ALL' >>/etc/sudoers.d/jitd",
        "systemctl restart jitd.service",
    ),
    (
        "sudo's use of PAM",
        "echo 'Defaults:carol !pam_session' >/etc/sudoers.d/x",
        "rm /etc/sudoers.d/x",
    ),
];

/// What doctor says to root, and with which status.
#[track_caller]
fn examined(machine: &Machine) -> (i32, Vec<(String, String)>) {
    let ran = machine.run("jitctl doctor --json");
    let report: Value =
        serde_json::from_str(&ran.stdout).unwrap_or_else(|error| panic!("{error} in {ran}"));
    let checks = report["checks"].as_array().expect("an array");
    let word = |check: &Value, key: &str| check[key].as_str().expect("a word").to_owned();
    for check in checks {
        let fine = check["state"] == "ok";
        assert!(fine || check["next"].is_string(), "no way out of {check}");
    }
    let states = checks
        .iter()
        .map(|check| (word(check, "check"), word(check, "state")))
        .collect();
    assert_eq!(report["healthy"], ran.status == 0, "{ran}");
    (ran.status, states)
}

#[track_caller]
fn assert_healthy(machine: &Machine, when: &str) {
    let (status, checks) = examined(machine);
    let unwell: Vec<_> = checks.iter().filter(|(_, state)| state != "ok").collect();
    assert!(status == 0 && unwell.is_empty(), "{when}: {unwell:?}");
}

fn a_healthy_host_is_healthy(release: Release) {
    let machine = scene(release).boot();
    assert_healthy(&machine, "nobody is elevated");
    elevate_carol(&machine, "10m");
    assert_healthy(&machine, "carol is elevated");
    machine
        .run("jitctl doctor")
        .ok()
        .contains("jitd")
        .lacks("To do");
}

fn what_is_broken_is_named(release: Release) {
    let machine = scene(release).boot();
    elevate_carol(&machine, "30m");
    for (check, how, mend) in BREAKS {
        machine.run(how).ok();
        let (status, checks) = examined(&machine);
        let broken = (check.to_owned(), "problem".to_owned());
        assert!(checks.contains(&broken), "{release}: `{how}`: {checks:?}");
        assert_eq!(status, 1, "{release}: `{how}`");
        machine.run(mend).ok();
        assert_healthy(&machine, mend);
    }
}

fn whoever_is_not_root_is_told_what_they_do_not_see(release: Release) {
    let machine = scene(release).boot();
    let seen = as_user(&machine, "carol", "jitctl doctor");
    seen.ok()
        .contains("ok       jitd ")
        .contains("unseen   sudoers ")
        .contains("1. sudo jitctl doctor");
}

fn a_fresh_install_is_told_to_begin_with_a_policy(release: Release) {
    let machine = Machine::builder(release).no_setup().boot();
    let seen = machine.run("jitctl doctor");
    let (_, list) = seen
        .stdout
        .split_once("To do, in this order:\n")
        .unwrap_or_else(|| panic!("no list in {seen}"));
    let steps: Vec<_> = list.lines().collect();
    let is_policy = |step: &str| step.contains("policy");
    assert!(steps.iter().all(|step| is_policy(step)), "{seen}");
    assert!(!list.contains("jitctl setup"), "not before that: {seen}");
    machine
        .run_with_input("cat >/etc/jitd/jitd.toml", cast::POLICY)
        .ok();
    machine
        .run("groupadd --force --system contractors && jitctl policy reload")
        .ok();
    let seen = machine.run("jitctl doctor");
    assert_eq!(seen.stdout.matches("jitctl setup").count(), 1, "{seen}");
}
