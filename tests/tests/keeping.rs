//! What is old goes into files, a copy is made while jitd runs, and one can go back to it.
#![allow(clippy::expect_used, clippy::panic, reason = "this is a test")]

use std::time::Duration;

use jit_tests::{Machine, Release, on_each_release};

mod cast;
use cast::{elevate_carol, scene};

on_each_release! {
    what_is_over_is_archived_and_all_of_it_is_verified,
    a_copy_can_be_gone_back_to_and_the_log_knows_better,
    others_than_root_neither_archive_nor_copy,
}

/// Logs are told within it.
const SOON: Duration = Duration::from_secs(10);

/// One that is over, on record and told to the logs.
fn one_that_is_over(machine: &Machine) -> u64 {
    let id = elevate_carol(machine, "10m");
    machine.run_as("carol", &format!("jitctl end {id}")).ok();
    machine.wait_until("the log has it", SOON, || {
        let log = machine.run("journalctl --unit jitd --output cat");
        log.stdout
            .contains(&format!("event=membership.taken id={id} "))
    });
    id
}

fn what_is_over_is_archived_and_all_of_it_is_verified(release: Release) {
    let machine = scene(release).boot();
    let id = one_that_is_over(&machine);
    let open = elevate_carol(&machine, "10m");
    let archived = machine.run("jitctl audit archive --before $(date -u +%FT%T.%3NZ) --json");
    let archived = archived.ok().stdout.clone();
    let said = |key: &str| {
        let output = machine.run_with_input(&format!("jq -r .{key}"), &archived);
        output.ok().text().to_owned()
    };
    let file = said("file");
    machine
        .run(&format!("stat --format '%a %U' {file} && sha256sum {file}"))
        .ok()
        .contains("600 root")
        .contains(&said("sha256"));
    // What is of the open one is still there, and what stands for the rest.
    machine
        .run(&format!("jitctl audit --elevation {open}"))
        .ok()
        .contains("elevation.approved");
    machine
        .run("jitctl audit --event record.archived --json")
        .ok()
        .contains(&said("head"));
    machine.run("jitctl audit verify").ok();
    machine.run(&format!("jitctl audit verify {file}")).ok();
    let kept = machine.run("jitctl audit --json | jq .[0].seq");
    let last: u64 = said("last").parse().expect("a number");
    assert_eq!(kept.ok().text(), (last + 1).to_string());
    machine.run(&format!("grep -c '\"id\":{id},' {file}")).ok();
    // Nothing of that changes by a restart, and the gate goes on.
    machine.run("systemctl restart jitd").ok();
    machine.run("jitctl audit verify").ok();
    machine.run_as("carol", "jitctl end").ok();
    // An archive that somebody changes is found.
    machine
        .run(&format!(
            "sed -i 's/carol/dave/' {file}; jitctl audit verify {file}"
        ))
        .fails_with(1);
}

fn a_copy_can_be_gone_back_to_and_the_log_knows_better(release: Release) {
    let machine = scene(release).boot();
    one_that_is_over(&machine);
    machine.run("jitctl audit backup /root/copy.db").ok();
    machine
        .run("stat --format %a /root/copy.db")
        .ok()
        .contains("600");
    let again = machine.run("jitctl audit backup /root/copy.db");
    again.fails_with(1).contains("exists");
    let later = one_that_is_over(&machine);
    machine
        .run("journalctl --unit jitd --output json >/root/log && jitctl audit verify --against /root/log")
        .ok();
    // As the manual says.
    machine
        .run(
            "systemctl stop jitd
             rm -f /var/lib/jitd/jitd.db-wal /var/lib/jitd/jitd.db-shm
             install -m 600 /root/copy.db /var/lib/jitd/jitd.db
             systemctl start jitd",
        )
        .ok();
    machine.run(&format!("jitctl show {later}")).fails_with(1);
    machine
        .run("jitctl audit verify --against /root/log")
        .fails_with(1);
    elevate_carol(&machine, "10m");
    machine.run_as("carol", "sudo -n id -u; jitctl end").ok();
}

fn others_than_root_neither_archive_nor_copy(release: Release) {
    let machine = scene(release).boot();
    for who in ["carol", "alice"] {
        machine
            .run_as(who, "jitctl audit archive --before $(date -u +%FT%T.%3NZ)")
            .fails_with(3)
            .contains("only root");
        machine
            .run_as(
                who,
                "cd; jitctl audit backup copy.db; status=$?; test ! -e copy.db && exit $status",
            )
            .fails_with(3)
            .contains("only root");
    }
    machine
        .run("jitctl audit archive --before 2099-01-01")
        .fails_with(1)
        .contains("to come");
}
