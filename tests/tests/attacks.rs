//! Break-ins that were tried, and that worked once. Each scene shows that the
//! attack's means are real, and that it gains nothing.
#![allow(clippy::expect_used, reason = "this is a test")]

use std::path::Path;
use std::time::{Duration, Instant};

use jit_tests::scene::{
    CAROLS, POLICY, REASON, ROOTS, STANDING_RULE, asks, carol_is_in, carries, cast, granted,
};
use jit_tests::{LIMIT, Machine, Output, Release, on_each_release};

on_each_release!(
    a_file_with_a_roles_group_opens_nothing,
    a_mistake_in_the_policy_frees_nobody,
    sitting_on_the_account_files_keeps_nothing,
    whoever_gets_a_freed_uid_gets_nothing_with_it,
    a_request_does_not_outlive_eligibility,
    a_folder_that_others_can_write_is_no_policy,
);

/// dave's password, in the scenes that give him one.
const DAVES: &str = "long-way-home";

/// For what must not take long, also on a busy machine.
const AT_ONCE: Duration = Duration::from_secs(2);

/// [`POLICY`] with a role that whoever is in a group may ask for.
fn policy_with_a_role_for_a_group() -> String {
    format!(
        r#"{POLICY}
[role.oncall]
groups   = ["jit-oncall"]
commands = ["ALL"]
services = ["sudo", "su"]
eligible = {{ groups = ["contractors"] }}
"#
    )
}

/// Asserts that the gate refused `service` to `person`, and said so.
#[track_caller]
fn assert_closed(output: &Output, service: &str, person: &str) {
    output
        .fails_with(1)
        .contains(&format!("jitd: {service} is not open to {person}"))
        .lacks("uid=0");
}

/// Asserts that sudo itself has no rule for it, whatever the gate says.
#[track_caller]
fn assert_no_rule(output: &Output) {
    output.fails_with(1).lacks("uid=0").lacks("jitd:");
    let refused = [
        "not allowed to execute",
        "not in the sudoers file",
        "may not run sudo",
    ]
    .iter()
    .any(|words| output.stderr.contains(words));
    assert!(refused, "not refused for want of a rule: {output}");
}

/// What root sees of the rules that sudo has for `person`.
#[track_caller]
fn assert_sudo_has_nothing_for(machine: &Machine, person: &str) {
    machine
        .run(&format!("sudo -l -U {person}"))
        .contains("is not allowed to run sudo");
}

#[track_caller]
fn is_root(output: &Output) {
    output.ok().contains("uid=0(root)");
}

fn sudo_id(password: &str) -> String {
    format!("sudo -k -S id <<< {password}")
}

fn su_id() -> String {
    format!("su -c id root <<< {ROOTS}")
}

fn a_file_with_a_roles_group_opens_nothing(release: Release) {
    // An admin's own rule goes by a group: sudo takes a process at its word.
    let machine = cast(release)
        .password("dave", DAVES)
        .file(
            "/etc/sudoers.d/web",
            0o440,
            "%web ALL=(root) NOPASSWD: /usr/bin/id\n",
        )
        .boot();
    let carol = machine.ssh("carol");
    let alice = machine.ssh("alice");
    let dave = machine.ssh("dave");
    let with_file = |group: &str, command: &str| {
        format!("/var/tmp/{group} --rgid {group} --keep-groups {command}")
    };
    let make_file = |group: &str| {
        format!(
            "cp /usr/bin/setpriv /var/tmp/{group} && chgrp {group} /var/tmp/{group} && \
             chmod 2755 /var/tmp/{group}"
        )
    };

    let operator = granted(&carol, &alice, "operator");
    let during = machine.ssh("carol");
    assert!(carries(&during, "jit-operator"));
    during.run(&make_file("jit-operator")).ok();
    during
        .run(&with_file("jit-operator", &sudo_id(CAROLS)))
        .ok()
        .contains("uid=0(root)");
    carol.run(&format!("jitctl end {operator}")).ok();
    granted(&carol, &alice, "restart");

    let gid = machine.run("getent group jit-operator | cut -d: -f3");
    for (person, password) in [(&carol, CAROLS), (&dave, DAVES)] {
        let group = person.run(&with_file("jit-operator", "id -rg"));
        assert_eq!(group.ok().text(), gid.ok().text(), "the file works");
        let tried = person.run(&with_file("jit-operator", "sudo -n id"));
        tried.fails_with(1).lacks("uid=0");
        assert_no_rule(&person.run(&with_file("jit-operator", &sudo_id(password))));
        let other = with_file(
            "jit-operator",
            &format!("sudo -S -u alice id <<< {password}"),
        );
        assert_no_rule(&person.run(&other));
    }
    // carol has what she was given.
    let allowed = carol.run(&format!("sudo -S id -u <<< {CAROLS}"));
    assert_eq!(allowed.ok().text(), "0");

    machine
        .run(&format!("groupadd web && {}", make_file("web")))
        .ok();
    dave.run("sudo -n id").fails_with(1).lacks("uid=0");
    is_root(&dave.run(&with_file("web", "sudo -n id")));
}

fn a_mistake_in_the_policy_frees_nobody(release: Release) {
    let managed = "[managed]\n";
    let mallory_too = POLICY.replace(managed, &format!("{managed}users = [\"mallory\"]\n"));
    let machine = cast(release).user("mallory").policy(&mallory_too).boot();
    let [carol, mallory, dave] = ["carol", "mallory", "dave"].map(|who| machine.ssh(who));
    let managed_are_refused = || {
        assert_closed(&mallory.run(&su_id()), "su", "mallory");
        assert_closed(&mallory.run("sudo -S id <<< guess"), "sudo", "mallory");
        // Root's password is right, and is enough for others.
        is_root(&dave.run(&su_id()));
        is_root(&machine.run("su -c id && sudo id"));
    };
    managed_are_refused();
    granted(&carol, &machine.ssh("alice"), "root-shell");
    is_root(&carol.run(&su_id()));

    machine
        .run("echo mistake >>/etc/jitd/jitd.toml && systemctl restart jitd")
        .ok();
    managed_are_refused();
    assert_closed(&carol.run(&su_id()), "su", "carol");
    assert!(machine.journal().contains("the policy is broken"));
    assert!(machine.groups_of("mallory").contains(&"jit-managed".into()));

    machine
        .run("sed --in-place '$d' /etc/jitd/jitd.toml && systemctl restart jitd")
        .ok();
    managed_are_refused();
    is_root(&carol.run(&su_id()));
}

fn sitting_on_the_account_files_keeps_nothing(release: Release) {
    let machine = cast(release).boot();
    let carol = machine.ssh("carol");
    let alice = machine.ssh("alice");
    let operator = granted(&carol, &alice, "operator");
    is_root(&carol.run(&format!("sudo -S id <<< {CAROLS}")));
    // The ticket is good for all that follows.
    is_root(&carol.run("sudo -n id"));
    let restart = asks(&carol, "restart");

    let lock = machine.lock_accounts();
    // All who change accounts wait for it.
    machine
        .run("timeout 1 gpasswd --add dave contractors")
        .fails_with(124);
    let asked = Instant::now();
    let mut ending = carol.spawn(&format!("jitctl end {operator}"));
    machine.wait_until("the end is on record", LIMIT, || {
        let state = machine.run(&format!("jitctl show {operator} --json | jq -r .state"));
        state.ok().text() == "released"
    });
    let mut approving = alice.spawn(&format!("jitctl approve {restart}"));
    machine.wait_until("the group is gone", Duration::from_secs(5), || {
        carol.run("sudo -n id").fails_with(1).lacks("uid=0");
        !carol_is_in(&machine, "jit-operator")
    });
    assert!(asked.elapsed() < Duration::from_secs(5), "it took too long");
    ending.wait(LIMIT).ok();
    // What can't be given whole is not given.
    let approved = approving.wait(LIMIT);
    approved
        .fails_with(1)
        .contains(&format!("elevation {restart} could not be given"))
        .contains(".pwd.lock has been locked");
    carol.run("sudo -n id -u").fails_with(1).lacks("uid=0");
    assert!(!carol_is_in(&machine, "jit-operator"));
    assert!(!carol_is_in(&machine, "jit-restart"), "the lock is held");

    drop(lock);
    let restart = asks(&carol, "restart");
    alice.run(&format!("jitctl approve {restart}")).ok();
    assert!(carol_is_in(&machine, "jit-restart"));
    assert_eq!(carol.run("sudo -n id -u").text(), "0");
    assert_no_rule(&carol.run("sudo -n id"));
    assert_no_rule(&carol.run(&sudo_id(CAROLS)));
    assert!(!carol_is_in(&machine, "jit-operator"));
}

fn whoever_gets_a_freed_uid_gets_nothing_with_it(release: Release) {
    let machine = cast(release)
        .user_in("carl", &["contractors"])
        .password("carl", CAROLS)
        .policy(&policy_with_a_role_for_a_group())
        .boot();
    let carl = machine.ssh("carl");
    granted(&carl, &machine.ssh("alice"), "oncall");
    is_root(&carl.run(&sudo_id(CAROLS)));
    is_root(&carl.run(&su_id()));
    carl.run("jitctl status").ok().contains("active");
    let uid = carl.run("id -u");
    drop(carl);

    machine
        .run(&format!(
            "userdel --force --remove carl; \
             useradd --create-home --shell /bin/bash --uid {0} --groups contractors eve && \
             echo eve:{CAROLS} | chpasswd",
            uid.ok().text()
        ))
        .ok();
    let eve = machine.ssh("eve");
    assert_eq!(eve.run("id -u").text(), uid.text());
    assert_closed(&eve.run(&sudo_id(CAROLS)), "sudo", "eve");
    assert_closed(&eve.run(&su_id()), "su", "eve");
    eve.run("jitctl status").ok().lacks("active").lacks("carl");
    assert_sudo_has_nothing_for(&machine, "eve");
    assert!(!machine.groups_of("eve").contains(&"jit-oncall".into()));
}

fn a_request_does_not_outlive_eligibility(release: Release) {
    let machine = cast(release)
        .policy(&policy_with_a_role_for_a_group())
        .boot();
    let [carol, alice] = ["carol", "alice"].map(|who| machine.ssh(who));
    let id = asks(&carol, "oncall");
    machine.run("gpasswd --delete carol contractors").ok();
    let approve = format!("jitctl approve {id}");
    alice
        .run(&approve)
        .fails_with(1)
        .contains("carol is not eligible for role oncall any more");
    assert!(!carol_is_in(&machine, "jit-oncall"));
    assert_sudo_has_nothing_for(&machine, "carol");
    assert_no_rule(&carol.run(&sudo_id(CAROLS)));

    machine.run("gpasswd --add carol contractors").ok();
    alice.run(&approve).ok();
    is_root(&carol.run(&sudo_id(CAROLS)));
}

fn a_folder_that_others_can_write_is_no_policy(release: Release) {
    let machine = cast(release)
        .user_in("bert", &["contractors", "staff"])
        .password("bert", CAROLS)
        .boot();
    let [carol, bert] = ["carol", "bert"].map(|who| machine.ssh(who));
    granted(&carol, &machine.ssh("alice"), "operator");
    is_root(&carol.run(&sudo_id(CAROLS)));
    let refused_because = |why: &str| {
        machine.run("systemctl restart jitd").ok();
        machine
            .run("journalctl --sync; journalctl --boot --no-pager --unit=jitd --lines=5")
            .ok()
            .contains(why)
            .contains("the policy is broken");
        bert.run(&format!("jitctl request mine --reason '{REASON}'"))
            .fails_with(1)
            .lacks("uid=0");
        for (person, name) in [(&carol, "carol"), (&bert, "bert")] {
            assert_closed(&person.run(&sudo_id(CAROLS)), "sudo", name);
            assert_closed(&person.run(&su_id()), "su", name);
            assert_sudo_has_nothing_for(&machine, name);
        }
    };

    machine
        .run("chgrp staff /etc/jitd/roles.d && chmod g+w /etc/jitd/roles.d")
        .ok();
    refused_because("/etc/jitd/roles.d: can be written by others");
    // He can indeed; and what he has written stays his when the folder is closed.
    let role = "[role.mine]\nservices = [\"su\"]\neligible = { users = [\"bert\"] }\n\
                approvers = { users = [\"dave\"] }\n";
    bert.run(&format!("printf '{role}' >/etc/jitd/roles.d/mine.toml"))
        .ok();
    refused_because("/etc/jitd/roles.d: can be written by others");
    machine.run("chmod g-w /etc/jitd/roles.d").ok();
    refused_because("/etc/jitd/roles.d/mine.toml: belongs to uid");
    machine
        .run("rm /etc/jitd/roles.d/mine.toml && systemctl restart jitd")
        .ok();
    is_root(&carol.run(&sudo_id(CAROLS)));
    assert_closed(&bert.run(&su_id()), "su", "bert");
}

#[test]
fn a_flood_does_not_close_the_gate() {
    let (path, mode, rule) = STANDING_RULE;
    let machine = cast(Release::Trixie).file(path, mode, rule).boot();
    let heckler = "/usr/local/bin/heckler";
    machine.put_program(Path::new(env!("CARGO_BIN_EXE_heckler")), heckler);
    let carol = machine.ssh("carol");
    granted(&carol, &machine.ssh("alice"), "deploy");
    let before = machine.pid_of_unit("jitd.service").expect("jitd runs");

    // So many connections are his to have, and calls on all of them are answered.
    machine
        .run_as("bob", "heckler flood 200 1")
        .ok()
        .contains("200 ok");
    let mut flood = machine.spawn_as("bob", "heckler flood 200 1000000");
    flood.wait_for_output("flooding");
    let mut slowest = Duration::ZERO;
    for _ in 0..20 {
        let passed = carol.run("sudo -n id -un");
        assert_eq!(passed.ok().text(), "root");
        slowest = slowest.max(passed.took);
    }
    assert!(slowest < AT_ONCE, "the slowest took {slowest:?}");
    assert!(flood.is_running(), "the flood goes on");
    let memory = machine.run(&format!(
        "awk '/^VmRSS/ {{ print $2 }}' /proc/{before}/status"
    ));
    let memory: u64 = memory.ok().text().parse().expect("kB");
    assert!(memory < 100_000, "{memory} kB");
    assert_eq!(machine.pid_of_unit("jitd.service"), Some(before));
}

#[test]
fn beside_the_daemon_nobody_else_is_jitd() {
    let machine = cast(Release::Bookworm).boot();
    let carol = machine.ssh("carol");
    granted(&carol, &machine.ssh("alice"), "deploy");
    let before = machine.pid_of_unit("jitd.service");
    let state = "cat /etc/group /etc/gshadow /etc/sudoers.d/jitd | sha256sum; jitctl list --json";
    let untouched = machine.run(state);
    for other in ["jitd", "jitd withdraw", "jitd remove-groups"] {
        machine
            .run(&format!("timeout 5 /usr/sbin/{other}"))
            .fails_with(1)
            .contains("another jitd is running");
    }
    assert_eq!(machine.run(state).ok().stdout, untouched.ok().stdout);
    assert_eq!(machine.pid_of_unit("jitd.service"), before);
    is_root(&carol.run(&sudo_id(CAROLS)));

    // When it is alone, it does it.
    machine
        .run("systemctl stop jitd && /usr/sbin/jitd withdraw")
        .ok();
    assert!(!carol_is_in(&machine, "jit-deploy"));
    assert_sudo_has_nothing_for(&machine, "carol");
}
