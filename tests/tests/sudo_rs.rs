//! The same with sudo-rs, which Debian 13 has beside sudo.
//!
//! What is different with it:
//! - Where sudoers has nothing for a person, it refuses in its own words before
//!   it asks PAM: the gate gets no word in, and no role is named.
//! - It shows a module's text only where it could ask for a password, on a
//!   terminal or with `-S`, and puts `[sudo error]` before each line.
//! - `sudo -i` is of the service `sudo`.
//! - `sudo -l` and `sudo -v` do not ask PAM whether the account may; neither
//!   gives a privilege, and after the end nothing of the role is listed.

use jit_tests::scene::{
    CAROLS, REASON, ROOTS, STANDING_RULE, assert_recorded, assert_refused, carol_is_in, carries,
    cast, granted, number_of_waiting, types, wait_until_carol_left,
};
use jit_tests::{LIMIT, Machine, Release, Shell, Terminal};

/// How it refuses what sudoers does not have.
const NOT_IN_SUDOERS: &str = "I'm sorry carol. I'm afraid I can't do that";
/// How it refuses what the account stage refuses.
const ACCOUNT_REFUSED: &str = "PAM error: Permission denied";

fn sudo_rs_machine() -> Machine {
    let (path, mode, rule) = STANDING_RULE;
    let machine = cast(Release::Trixie)
        .sudo_rs()
        .file(path, mode, rule)
        .boot();
    let version = machine.run_as("carol", "sudo --version");
    version.ok().contains("sudo-rs");
    machine
}

#[test]
fn one_elevation_from_request_to_end() {
    let machine = sudo_rs_machine();
    let carol = machine.ssh("carol");
    let alice = machine.ssh("alice");
    let mut terminal = machine.ssh_tty("carol");
    carol.run("sudo id").fails_with(1).contains(NOT_IN_SUDOERS);
    // What sudoers has for her, the gate refuses, and names the role.
    let screen = types(&mut terminal, "sudo id -un");
    assert!(screen.contains("jitctl request deploy"), "{screen}");
    assert!(screen.contains(ACCOUNT_REFUSED), "{screen}");
    assert!(screen.contains("status 1"), "{screen}");
    assert!(!screen.contains("assword"), "{screen}");

    let mut asking = carol.spawn(&format!(
        "jitctl request deploy --for 10m --reason '{REASON}' --wait"
    ));
    let id = number_of_waiting(&asking);
    alice.run("jitctl pending").ok().contains(REASON);
    alice.run(&format!("jitctl approve {id}")).ok();
    asking.wait(LIMIT).ok();

    assert!(!carries(&carol, "jit-deploy"), "it is the shell of before");
    assert!(carol_is_in(&machine, "jit-deploy"));
    carol
        .run(&format!("sudo -S id <<< {CAROLS}"))
        .ok()
        .contains("uid=0(root)");
    carol.run("sudo -n -i id").ok().contains("uid=0(root)");
    assert_recorded(&machine, id, &["elevation.requested", "elevation.approved"]);
}

#[test]
fn a_scope_of_one_command() {
    let machine = sudo_rs_machine();
    let carol = machine.ssh("carol");
    granted(&carol, &machine.ssh("alice"), "restart");
    let allowed = carol.run(&format!("sudo -S id -u <<< {CAROLS}"));
    assert_eq!(allowed.ok().text(), "0");
    for command in ["sudo -n id", "sudo -n -u dave id -u", "sudo -n -i"] {
        let refused = carol.run(command);
        refused.fails_with(1).contains(NOT_IN_SUDOERS);
    }
    let listed = carol.run("sudo -n -l");
    listed.ok().contains("/usr/bin/id -u\n").lacks("ALL");
}

#[test]
fn the_end_is_the_end_in_every_shell() {
    let machine = sudo_rs_machine();
    let alice = machine.ssh("alice");
    let before = machine.ssh("carol");
    let refused = before.run("sudo -n id -un");
    refused.fails_with(1).contains(ACCOUNT_REFUSED);
    assert_refused(&before.run(&format!("su -c id root <<< {ROOTS}")), "su");

    for (state, length) in [("released", "10m"), ("expired", "12s")] {
        let id = granted(&before, &alice, &format!("operator --for {length}"));
        let during = machine.ssh("carol");
        assert!(carries(&during, "jit-operator"), "it began in the group");
        let mut terminal = machine.ssh_tty("carol");
        for shell in [&before, &during] {
            everything_is_open(shell);
        }
        gets_a_ticket(&mut terminal);

        if state == "released" {
            before.run(&format!("jitctl end {id}")).ok();
        } else {
            wait_until_carol_left(&machine, "jit-operator");
        }

        let shown = before.run(&format!("jitctl show {id}"));
        shown.ok().contains(state);
        assert!(!carol_is_in(&machine, "jit-operator"));
        assert!(carries(&during, "jit-operator"));
        for shell in [&before, &during] {
            everything_is_closed(shell, NOT_IN_SUDOERS);
            shell.run("sudo -n -l").ok().lacks("ALL");
        }
        let screen = types(&mut terminal, "sudo -n id");
        assert!(screen.contains("status 1"), "{screen}");
        let screen = types(&mut terminal, "sudo -n id -un");
        assert!(screen.contains("sudo is not open to carol"), "{screen}");
        assert!(screen.contains("status 1"), "{screen}");
    }
}

#[test]
fn the_gate_goes_by_the_clock_and_not_by_the_group() {
    let machine = sudo_rs_machine();
    let carol = machine.ssh("carol");
    granted(&carol, &machine.ssh("alice"), "operator --for 8s");
    let during = machine.ssh("carol");
    for shell in [&carol, &during] {
        everything_is_open(shell);
    }
    let lock = machine.lock_accounts();
    machine.wait_until("sudo is closed", LIMIT, || {
        carol.run("sudo -n id -un").status == 1
    });
    assert!(carol_is_in(&machine, "jit-operator"), "the lock is held");
    // sudoers does not wait for the lock of the account files.
    machine.wait_until("sudoers has nothing for her", LIMIT, || {
        carol.run("sudo -n id").stderr.contains(NOT_IN_SUDOERS)
    });
    for shell in [&carol, &during] {
        everything_is_closed(shell, NOT_IN_SUDOERS);
        shell.run("sudo -n -l").ok().lacks("(ALL) ALL");
    }
    wait_until_carol_left(&machine, "jit-operator");
    drop(lock);
}

/// Every way in works, and the shell has a ticket of sudo's afterwards.
#[track_caller]
fn everything_is_open(carol: &Shell) {
    for command in [
        &format!("sudo -S id <<< {CAROLS}"),
        "sudo -n id",
        "sudo -n -i id",
        &format!("su -c id root <<< {ROOTS}"),
        &format!("su - -c id <<< {ROOTS}"),
    ] {
        carol.run(command).ok().contains("uid=0(root)");
    }
    carol.run("sudo -n -l").ok().contains("(ALL) ALL");
    assert_eq!(carol.run("sudo -n id -un").ok().text(), "root");
}

/// Every way in is closed: with the ticket of before, with the right password,
/// by a standing rule. `refusal` is how the role's commands are refused.
#[track_caller]
fn everything_is_closed(carol: &Shell, refusal: &str) {
    for command in [
        "sudo -n id",
        "sudo -n -i id",
        &format!("sudo -S id <<< {CAROLS}"),
    ] {
        let refused = carol.run(command);
        refused.fails_with(1).contains(refusal).lacks("uid=0");
    }
    let refused = carol.run("sudo -n id -un");
    refused
        .fails_with(1)
        .contains(ACCOUNT_REFUSED)
        .lacks("root");
    for (su, service) in [("su -c id root", "su"), ("su - -c id", "su-l")] {
        assert_refused(&carol.run(&format!("{su} <<< {ROOTS}")), service);
    }
}

#[track_caller]
fn gets_a_ticket(terminal: &mut Terminal) {
    terminal.type_line("sudo id");
    terminal.expect("assword:");
    terminal.type_line(CAROLS);
    terminal.expect("uid=0(root)");
    terminal.expect("$ ");
    let screen = types(terminal, "sudo -n id");
    assert!(screen.contains("uid=0(root)"), "{screen}");
}
