//! The people of these scenes, and what they do in all of them.
#![allow(dead_code, reason = "not every test needs all of them")]

use std::time::Duration;

use jit_tests::{Machine, MachineBuilder, Output, Release, Shell};
use serde_json::Value;

/// `deploy` opens sudo and su; its group is made by jitd.
pub(crate) const POLICY: &str = r#"[managed]
groups = ["contractors"]

[defaults]
on_end = "keep"

[role.deploy]
groups    = ["jit-deploy"]
run_as    = ["root"]
commands  = ["ALL"]
services  = ["sudo", "sudo-i", "su"]
eligible  = { groups = ["contractors"] }
approvers = { groups = ["jit-approvers"] }
"#;

/// For what happens within a few seconds of its cause.
pub(crate) const SOON: Duration = Duration::from_secs(10);

/// What carol types for herself and dave for himself.
pub(crate) const PASSWORD: &str = "correct-horse";
/// Root's password, which carol knows.
pub(crate) const ROOTS_PASSWORD: &str = "battery-staple";

/// carol, a contractor; alice, who approves; dave, an admin with a sudoers rule
/// of his own; mallory, who is nobody. The policy is [`POLICY`].
///
/// Who holds carol's role may run `id` without a password: sudo then skips the
/// auth stage, and the account stage stands alone. (Of two sudoers rules the
/// last one counts: hence the file's name.)
pub(crate) fn scene(release: Release) -> MachineBuilder {
    Machine::builder(release)
        .user_in("carol", &["contractors"])
        .user_in("alice", &["jit-approvers"])
        .user("dave")
        .user("mallory")
        .password("carol", PASSWORD)
        .password("dave", PASSWORD)
        .password("root", ROOTS_PASSWORD)
        .file(
            "/etc/sudoers.d/zz-lab",
            0o440,
            "dave ALL=(ALL:ALL) ALL\n%jit-deploy ALL=(root) NOPASSWD: /usr/bin/id\n",
        )
        .policy(POLICY)
}

/// carol holds `deploy` for so long; gives its number.
#[track_caller]
pub(crate) fn elevate_carol(machine: &Machine, length: &str) -> u64 {
    let id = carol_asks(machine, length);
    alice(machine, &format!("approve {id}")).ok();
    id
}

/// carol asks for `deploy` for so long; gives the number of the request.
#[track_caller]
pub(crate) fn carol_asks(machine: &Machine, length: &str) -> u64 {
    let asked = as_user(
        machine,
        "carol",
        &format!("jitctl request deploy --for {length}"),
    );
    asked
        .ok()
        .text()
        .parse()
        .unwrap_or_else(|_| panic!("a number was expected of {asked}"))
}

/// alice's `jitctl`, in a login of hers.
#[track_caller]
pub(crate) fn alice(machine: &Machine, words: &str) -> Output {
    machine.run_as("alice", &format!("jitctl {words}"))
}

/// A command of `user`'s, without a login: quicker than ssh, and the bus sees
/// the same uid.
#[track_caller]
pub(crate) fn as_user(machine: &Machine, user: &str, command: &str) -> Output {
    machine.run(&format!(
        "setpriv --reuid={user} --regid={user} --init-groups {command}"
    ))
}

/// The state of an elevation, as root sees it.
#[track_caller]
pub(crate) fn state(machine: &Machine, id: u64) -> String {
    let shown = machine.run(&format!("jitctl show {id} --json"));
    let elevation: Value = serde_json::from_str(shown.ok().text()).expect("JSON");
    elevation["state"].as_str().expect("a state").to_owned()
}

/// The members of `group` by /etc/group.
#[track_caller]
pub(crate) fn members(machine: &Machine, group: &str) -> Vec<String> {
    members_in(machine, "/etc/group", group)
}

/// The members of `group` by /etc/gshadow.
#[track_caller]
pub(crate) fn shadow_members(machine: &Machine, group: &str) -> Vec<String> {
    members_in(machine, "/etc/gshadow", group)
}

/// The members of `group` by the group file at `path`.
#[track_caller]
pub(crate) fn members_in(machine: &Machine, path: &str, group: &str) -> Vec<String> {
    let file = machine.file(path);
    let line = file
        .lines()
        .find(|line| line.starts_with(&format!("{group}:")))
        .unwrap_or_else(|| panic!("no {group} in {path}:\n{file}"));
    let members = line.split(':').nth(3).unwrap_or_default();
    members
        .split(',')
        .filter(|member| !member.is_empty())
        .map(str::to_owned)
        .collect()
}

/// carol leaves a program running under sudo, which runs when this returns.
#[track_caller]
pub(crate) fn sleeps(machine: &Machine, carol: &Shell) {
    carol.run("sudo -b sleep 1000 >/dev/null 2>&1").ok();
    machine.wait_until("it runs", SOON, || {
        // sudo's own name is another one until then.
        machine.run("pgrep -x sleep").status == 0
    });
}
