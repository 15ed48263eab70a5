//! From the first refusal to the end of an elevation: sudo and su open when
//! somebody agreed, and close when it is over.
#![allow(clippy::expect_used, reason = "this is a test")]

use std::time::{Duration, Instant};

use jit_tests::scene::{
    CAROLS, REASON, ROOTS, STANDING_RULE, assert_recorded, assert_refused, carol_is_in, carries,
    cast, granted, number_of_waiting, plain_cast, types, wait_until_carol_left,
};
use jit_tests::{LIMIT, Release, Shell, Terminal, on_each_release};

on_each_release!(
    one_elevation_from_request_to_end,
    a_scope_of_one_command,
    su_needs_an_elevation_that_opens_su,
    the_end_is_the_end_in_every_shell,
    the_gate_goes_by_the_clock_and_not_by_the_group,
    without_us_all_of_it_stays_open,
);

/// For what must not take long, also on a busy machine.
const AT_ONCE: Duration = Duration::from_secs(2);

fn one_elevation_from_request_to_end(release: Release) {
    let machine = cast(release).boot();
    let carol = machine.ssh("carol");
    let alice = machine.ssh("alice");

    let refused = carol.run(&format!("sudo -S id <<< {CAROLS}"));
    assert_refused(&refused, "sudo");
    refused
        .contains("jitctl request deploy")
        .lacks("password for carol");
    let mut terminal = machine.ssh_tty("carol");
    let start = Instant::now();
    let screen = types(&mut terminal, "sudo id");
    assert!(start.elapsed() < AT_ONCE, "it took {:?}", start.elapsed());
    assert!(screen.contains("status 1"), "{screen}");
    assert!(screen.contains("jitctl request deploy"), "{screen}");
    for absent in ["password for", "Sorry, try again", "uid=0"] {
        assert!(!screen.contains(absent), "{absent:?} in {screen}");
    }

    let mut asking = carol.spawn(&format!(
        "jitctl request deploy --for 10m --reason '{REASON}' --wait"
    ));
    let id = number_of_waiting(&asking);
    asking.wait_for_output("jit-approvers");
    let refused = carol.run("sudo id");
    assert_refused(&refused, "sudo");
    refused.contains(&format!("jitctl show {id}"));
    alice
        .run("jitctl pending")
        .ok()
        .contains("carol")
        .contains("deploy")
        .contains("10m")
        .contains(REASON);
    assert!(asking.is_running(), "nobody has decided yet");
    alice.run(&format!("jitctl approve {id}")).ok();
    asking.wait(AT_ONCE).ok().contains("deploy is active");
    alice.run("jitctl pending").ok().lacks("carol");

    // The shell that was there before: it does not carry the group itself.
    assert!(!carries(&carol, "jit-deploy"));
    assert!(carol_is_in(&machine, "jit-deploy"));
    carol
        .run(&format!("sudo -S id <<< {CAROLS}"))
        .ok()
        .contains("uid=0(root)");
    carol.run("sudo -k; sudo -S id <<< wrong").fails_with(1);
    carol
        .run(&format!("sudo -S -i id <<< {CAROLS}"))
        .ok()
        .contains("uid=0(root)");
    carol
        .run(&format!("sudo -S -l <<< {CAROLS}"))
        .ok()
        .contains("(root) ALL");
    gets_a_ticket(&mut terminal);

    carol.run(&format!("jitctl end {id}")).ok();
    assert!(!carol_is_in(&machine, "jit-deploy"));
    assert_refused(&carol.run(&format!("sudo -S id <<< {CAROLS}")), "sudo");
    assert_recorded(
        &machine,
        id,
        &[
            "elevation.requested",
            "elevation.approved",
            "elevation.released",
        ],
    );
}

fn a_scope_of_one_command(release: Release) {
    let machine = cast(release).boot();
    let carol = machine.ssh("carol");
    granted(&carol, &machine.ssh("alice"), "restart");
    let allowed = carol.run(&format!("sudo -S id -u <<< {CAROLS}"));
    assert_eq!(allowed.ok().text(), "0");
    // The gate has nothing against it: these are sudo's own words.
    for (command, refusal) in [
        ("sudo -S id", "not allowed to execute '/usr/bin/id' as root"),
        ("sudo -S -u dave id -u", "not allowed to execute"),
        ("sudo -S -i", "not allowed to execute"),
    ] {
        carol
            .run(&format!("{command} <<< {CAROLS}"))
            .fails_with(1)
            .contains(refusal)
            .lacks("jitd:");
    }
    let listed = carol.run(&format!("sudo -S -l <<< {CAROLS}"));
    listed.ok().contains("/usr/bin/id -u").lacks("ALL");
}

fn su_needs_an_elevation_that_opens_su(release: Release) {
    let machine = cast(release).boot();
    let carol = machine.ssh("carol");
    let alice = machine.ssh("alice");
    let id = format!("su -c id root <<< {ROOTS}");
    let id_by_login = format!("su - -c id <<< {ROOTS}");
    let su_is_refused = |roles: &str| {
        let refused = carol.run(&id);
        assert_refused(&refused, "su");
        refused.contains(roles);
        assert_refused(&carol.run(&id_by_login), "su-l");
        // Into an account that nobody manages.
        let dave = format!("su -c id dave <<< {CAROLS}");
        assert_refused(&carol.run(&dave), "su");
    };
    su_is_refused("jitctl request root-shell");
    let mut terminal = machine.ssh_tty("carol");
    let screen = types(&mut terminal, "su");
    assert!(screen.contains("status 1"), "{screen}");
    assert!(screen.contains("jitctl request root-shell"), "{screen}");
    assert!(!screen.contains("assword"), "{screen}");

    // An elevation that opens sudo is not one that opens su.
    let deploy = granted(&carol, &alice, "deploy");
    su_is_refused("jitctl request root-shell");
    carol.run(&format!("jitctl end {deploy}")).ok();

    let root_shell = granted(&carol, &alice, "root-shell");
    carol.run(&id).ok().contains("uid=0(root)");
    carol.run(&id_by_login).ok().contains("uid=0(root)");
    terminal.type_line("su");
    terminal.expect("assword:");
    terminal.type_line(ROOTS);
    terminal.expect("# ");
    terminal.type_line("id; exit");
    terminal.expect("uid=0(root)");
    terminal.expect("\r\n$ ");
    carol.run("su -c id root <<< wrong").fails_with(1);
    assert_refused(&carol.run(&format!("sudo -S id <<< {CAROLS}")), "sudo");
    carol.run(&format!("jitctl end {root_shell}")).ok();
    su_is_refused("jitctl request root-shell");

    // Whoever is not managed needs nothing but the password, and root not even that.
    let dave = machine.run_as("dave", &format!("su -c id root <<< {ROOTS}"));
    dave.ok().contains("uid=0(root)").lacks("jitd:");
    machine
        .run("su -c id carol")
        .ok()
        .contains("(carol)")
        .lacks("jitd:");
}

fn the_end_is_the_end_in_every_shell(release: Release) {
    let (path, mode, rule) = STANDING_RULE;
    let machine = cast(release).file(path, mode, rule).boot();
    let alice = machine.ssh("alice");
    let before = machine.ssh("carol");
    assert_refused(&before.run("sudo -n id -un"), "sudo");

    for (state, length) in [("released", "10m"), ("revoked", "10m"), ("expired", "12s")] {
        let id = granted(&before, &alice, &format!("operator --for {length}"));
        let during = machine.ssh("carol");
        assert!(carries(&during, "jit-operator"), "it began in the group");
        assert!(!carries(&before, "jit-operator"));
        let mut terminal = machine.ssh_tty("carol");
        for shell in [&before, &during] {
            everything_is_open(shell);
        }
        gets_a_ticket(&mut terminal);

        match state {
            "released" => {
                before.run(&format!("jitctl end {id}")).ok();
            }
            "revoked" => {
                let revoke = format!("jitctl revoke {id} --comment 'that was all'");
                alice.run(&revoke).ok();
            }
            _ => wait_until_carol_left(&machine, "jit-operator"),
        }

        before
            .run(&format!("jitctl show {id}"))
            .ok()
            .contains(state);
        assert!(!carol_is_in(&machine, "jit-operator"));
        assert!(
            carries(&during, "jit-operator"),
            "what a process carries, it carries to its end"
        );
        for shell in [&before, &during] {
            everything_is_closed(shell);
        }
        a_ticket_is_worth_nothing(&mut terminal);
        assert_recorded(
            &machine,
            id,
            &[
                "elevation.requested",
                "elevation.approved",
                &format!("elevation.{state}"),
            ],
        );
    }
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
/// without any.
#[track_caller]
fn everything_is_closed(carol: &Shell) {
    for (command, service) in [
        // The ticket is still good, so it is not the auth stage that refuses.
        ("sudo -n id", "sudo"),
        ("sudo -n -i id", "sudo-i"),
        ("sudo -n -l", "sudo"),
        ("sudo -n -v", "sudo"),
        // A standing rule, and no password.
        ("sudo -n id -un", "sudo"),
        (&format!("su -c id root <<< {ROOTS}"), "su"),
        (&format!("su - -c id <<< {ROOTS}"), "su-l"),
        // Without the ticket.
        (&format!("sudo -k -S id <<< {CAROLS}"), "sudo"),
        (&format!("sudo -k -S -i id <<< {CAROLS}"), "sudo-i"),
    ] {
        assert_refused(&carol.run(command), service);
    }
}

#[track_caller]
fn gets_a_ticket(terminal: &mut Terminal) {
    terminal.type_line("sudo id");
    terminal.expect("password for carol");
    terminal.type_line(CAROLS);
    terminal.expect("uid=0(root)");
    terminal.expect("$ ");
    let screen = types(terminal, "sudo -n id");
    assert!(screen.contains("uid=0(root)"), "{screen}");
}

#[track_caller]
fn a_ticket_is_worth_nothing(terminal: &mut Terminal) {
    let screen = types(terminal, "sudo -n id");
    assert!(screen.contains("status 1"), "{screen}");
    assert!(screen.contains("sudo is not open to carol"), "{screen}");
    assert!(!screen.contains("uid=0"), "{screen}");
}

fn the_gate_goes_by_the_clock_and_not_by_the_group(release: Release) {
    let (path, mode, rule) = STANDING_RULE;
    let machine = cast(release).file(path, mode, rule).boot();
    let carol = machine.ssh("carol");
    let id = granted(&carol, &machine.ssh("alice"), "operator --for 10s");
    let during = machine.ssh("carol");
    for shell in [&carol, &during] {
        everything_is_open(shell);
    }
    // Somebody else is changing account files, and takes long.
    let lock = machine.lock_accounts();
    let end = machine.run(&format!("jitctl show {id} --json | jq -r .ends_at"));
    let end = milliseconds(
        &machine
            .run(&format!("date -d {} +%s%3N", end.ok().text()))
            .stdout,
    );

    // When it was asked the last time that it said yes, and when it first said no.
    let (mut last_yes, mut first_no) = (0, 0);
    machine.wait_until("sudo is closed", LIMIT, || {
        let tried = during.run("date +%s%3N; sudo -n id -un; date +%s%3N");
        let (asked, said) = tried.stdout.split_once('\n').unwrap_or_default();
        match said.strip_prefix("root\n") {
            Some(_) => last_yes = milliseconds(asked),
            None => first_no = milliseconds(said),
        }
        first_no != 0
    });
    assert!(last_yes < end, "open {} ms after the end", last_yes - end);
    assert!(first_no >= end, "closed before the end");

    assert!(carol_is_in(&machine, "jit-operator"), "the lock is held");
    for shell in [&carol, &during] {
        everything_is_closed(shell);
    }
    // Taking away does not wait for them for ever.
    wait_until_carol_left(&machine, "jit-operator");
    drop(lock);
}

#[track_caller]
fn milliseconds(text: &str) -> i64 {
    text.trim().parse().expect("it is a time")
}

/// The control: what sudo and su do by themselves.
fn without_us_all_of_it_stays_open(release: Release) {
    let (path, mode, rule) = STANDING_RULE;
    let machine = plain_cast(release)
        .file(path, mode, rule)
        .file(
            "/etc/sudoers.d/web",
            0o440,
            "%web ALL=(root) NOPASSWD: ALL\n",
        )
        .boot();
    machine.run("groupadd web && gpasswd --add carol web").ok();
    let carol = machine.ssh("carol");
    assert!(carries(&carol, "web"));
    carol.run("sudo id").ok().contains("uid=0(root)");
    machine.run("gpasswd --delete carol web").ok();
    assert!(!carol_is_in(&machine, "web"));

    carol.run("sudo id").ok().contains("uid=0(root)");
    assert_eq!(carol.run("sudo -n id -un").ok().text(), "root");
    for su in ["su -c id root", "su - -c id"] {
        carol
            .run(&format!("{su} <<< {ROOTS}"))
            .ok()
            .contains("uid=0(root)");
    }
}
