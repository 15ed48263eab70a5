//! The machines that are measured, and what is run in them.

use std::env;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use jit_tests::{Machine, MachineBuilder, Release};

use crate::numbers::Series;

/// Where this program is in a machine.
const HERE: &str = "/usr/local/sbin/bench";
/// Where `pam_time` is in a machine.
pub(crate) const PAM_TIME: &str = "/usr/local/sbin/pam_time";

/// The role that everybody holds who holds one.
pub(crate) const POLICY: &str = r#"[managed]
groups = ["contractors"]

[role.deploy]
description = "What is held while it is measured"
groups      = ["jit-deploy"]
run_as      = ["root"]
commands    = ["ALL"]
services    = ["sudo", "jit"]
eligible    = { groups = ["contractors"] }
approvers   = { groups = ["jit-approvers"] }
"#;

/// How long a measurement in a machine may take, beyond what it waits for.
pub(crate) const LIMIT: Duration = Duration::from_secs(900);

/// Starts describing a machine with our package installed and nothing gated:
/// carol and bob are managed, alice approves, dora is nobody special.
pub(crate) fn machine() -> MachineBuilder {
    Machine::builder(Release::Bookworm)
        .no_setup()
        .user_in("carol", &["contractors"])
        .user_in("bob", &["contractors"])
        .user_in("alice", &["jit-approvers"])
        .user("dora")
        .policy(POLICY)
}

/// Boots it, with this program in it.
pub(crate) fn boot(machine: MachineBuilder) -> Machine {
    let machine = machine.boot();
    let program = env::current_exe().expect("this program has a file");
    machine.put_program(&program, HERE);
    machine
}

/// Runs `bench inside WORDS` in it.
pub(crate) fn inside(machine: &Machine, words: &str) -> Series {
    let output = machine.run_within(LIMIT, &format!("{HERE} inside {words}"));
    Series::parse(&output.ok().stdout)
}

/// A program beside this one, built now: cargo builds only what it was asked for.
pub(crate) fn program(name: &str) -> PathBuf {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut build = Command::new(cargo);
    build.args(["build", "--quiet", "--release", "--package", "jit-tests"]);
    build.args(["--bin", name]);
    build.current_dir(env!("CARGO_MANIFEST_DIR"));
    let status = build.status().expect("cargo starts");
    assert!(status.success(), "{build:?} failed");
    let program = env::current_exe().expect("this program has a file");
    program.with_file_name(name)
}

/// Gives carol an elevation, the way everybody gets one.
pub(crate) fn elevate_carol(machine: &Machine) {
    let asked = machine.run_as(
        "carol",
        "jitctl request deploy --for 1h --reason 'to be measured'",
    );
    let number = asked.ok().text().lines().next().unwrap_or_default();
    machine
        .run_as("alice", &format!("jitctl approve {number}"))
        .ok();
}

/// The accounts that the elevations of `bench inside records` are of.
pub(crate) fn add_accounts(machine: &Machine) {
    machine
        .run(
            "seq 0 4999 | awk '{print \"u\"$1\":x:\"100000+$1\":100::/nonexistent:/usr/sbin/nologin\"}' \
             >>/etc/passwd",
        )
        .ok();
}
