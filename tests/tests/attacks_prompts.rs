//! A prompt for a password that is kept for later: sudo has looked at its rules by then, and does
//! not look again. What was allowed when it was started must still be when it is answered.
#![allow(clippy::expect_used, clippy::panic, reason = "this is a test")]

use std::time::Duration;

use jit_tests::scene::CAROLS;
use jit_tests::{LIMIT, Machine, MachineBuilder, Release, Shell, Terminal, on_each_release};

on_each_release!(
    a_prompt_that_waited_opens_nothing_of_what_has_ended,
    a_prompt_that_waited_opens_nothing_that_the_policy_took,
    a_rule_of_somebody_elses_gives_nothing_that_no_elevation_gives,
    a_greater_role_goes_through_no_service_of_a_lesser_one,
);

const POLICY: &str = r#"
[managed]
groups = ["contractors"]

[defaults]
approvals = 0
approvers = { groups = ["jit-approvers"] }

[role.big]
commands  = ["ALL"]
services  = ["sudo", "sudo-i"]
eligible  = { groups = ["contractors"] }

[role.small]
commands  = ["/usr/bin/id"]
services  = ["sudo"]
eligible  = { groups = ["contractors"] }
"#;

/// Everything of an elevation is gone after so long.
const SOON: Duration = Duration::from_secs(5);

/// How each says no to a process from before.
const TOO_EARLY: &str = "has ended or changed since this process was started";

fn scene(release: Release) -> MachineBuilder {
    Machine::builder(release)
        .user_in("carol", &["contractors"])
        .user_in("alice", &["jit-approvers"])
        .password("carol", CAROLS)
        // Nothing is remembered: each sudo asks.
        .file(
            "/etc/sudoers.d/a-prompts",
            0o440,
            "Defaults timestamp_timeout=0, passwd_timeout=0\n",
        )
        .policy(POLICY)
}

/// Each sudo of the release.
fn sudos(release: Release) -> &'static [&'static str] {
    match release {
        Release::Bookworm => &["sudo"],
        Release::Trixie => &["sudo", "sudo-rs"],
    }
}

#[track_caller]
fn holds(carol: &Shell, words: &str) -> u64 {
    let asked = carol.run(&format!("jitctl request {words} --reason testing"));
    let first = asked.ok().text().lines().next().map(str::to_owned);
    let number = first.and_then(|first| first.parse().ok());
    number.expect("a number")
}

/// carol's terminal, on which a command waits for her password.
#[track_caller]
fn banked(machine: &Machine, command: &str) -> Terminal {
    let mut terminal = machine.ssh_tty("carol");
    terminal.type_line(command);
    terminal.expect("assword");
    terminal
}

/// She answers; gives what is on the screen at the next prompt of her shell.
#[track_caller]
fn answered(mut terminal: Terminal) -> String {
    terminal.type_line(CAROLS);
    terminal.expect("$ ")
}

#[track_caller]
fn refused(terminal: Terminal, way: &str) {
    let screen = answered(terminal);
    assert!(screen.contains(TOO_EARLY), "{way}: {screen}");
    assert!(!screen.contains("uid=0"), "{way}: {screen}");
}

fn a_prompt_that_waited_opens_nothing_of_what_has_ended(release: Release) {
    let machine = scene(release).boot();
    let carol = machine.ssh("carol");
    holds(&carol, "small --for 1h");
    for sudo in sudos(release) {
        for way in ["revoked", "released", "expired", "restarted"] {
            let length = if way == "expired" { "10s" } else { "10m" };
            let big = holds(&carol, &format!("big --for {length}"));
            let prompt = banked(&machine, &format!("{sudo} sh -c id"));
            // This one is of `small` too, and still decided by what was then.
            let lesser = banked(&machine, &format!("{sudo} id"));
            match way {
                "released" => drop(carol.run(&format!("jitctl end {big}")).ok()),
                "expired" => machine.wait_until("its time is up", LIMIT, || {
                    let shown = machine.run(&format!("jitctl show {big}"));
                    shown.ok().stdout.contains("expired")
                }),
                _ => drop(
                    machine
                        .run(&format!("jitctl revoke {big} --comment lost"))
                        .ok(),
                ),
            }
            if way == "restarted" {
                machine.run("systemctl restart jitd").ok();
            }
            refused(prompt, way);
            refused(lesser, way);
            // What is started now is judged by what is held now.
            let screen = answered(banked(&machine, &format!("{sudo} id")));
            assert!(screen.contains("uid=0"), "{way}: {screen}");
        }
    }
    // Another's end is no loss, and neither is what comes.
    let prompt = banked(&machine, "sudo id");
    let mut old = machine.ssh_tty("carol");
    holds(&carol, "big --for 10m");
    let screen = answered(prompt);
    assert!(screen.contains("uid=0"), "{screen}");
    // A shell whose place sudo takes is as old as it.
    carol.run("jitctl end").ok();
    holds(&carol, "small --for 1h");
    old.type_line("(sudo id)");
    old.expect("assword");
    let screen = answered(old);
    assert!(screen.contains("uid=0"), "{screen}");
}

fn a_prompt_that_waited_opens_nothing_that_the_policy_took(release: Release) {
    let machine = scene(release).boot();
    let carol = machine.ssh("carol");
    holds(&carol, "big --for 1h");
    let reload = |policy: &str| {
        let text = format!("cat >/etc/jitd/jitd.toml <<'EOF'\n{policy}\nEOF\n");
        machine.run(&format!("{text}jitctl policy reload")).ok();
    };
    let lesser = POLICY.replacen(r#"["ALL"]"#, r#"["/usr/bin/id"]"#, 1);
    let same = format!("{POLICY}max_duration = \"3h\"");
    for sudo in sudos(release) {
        // What changes nothing for her takes nothing from her.
        let prompt = banked(&machine, &format!("{sudo} id"));
        reload(&same);
        let screen = answered(prompt);
        assert!(screen.contains("uid=0"), "{screen}");

        let prompt = banked(&machine, &format!("{sudo} sh -c id"));
        reload(&lesser);
        refused(prompt, "reload");
        let screen = answered(banked(&machine, &format!("{sudo} id")));
        assert!(screen.contains("uid=0"), "{screen}");
        reload(POLICY);
    }
}

/// sudo-rs shows what a module says only where it could ask for a password, on a terminal.
fn says_why(sudo: &str) -> bool {
    sudo == "sudo"
}

/// Rules of somebody else's, that any sudo would go by.
const STANDING: &str = "carol ALL=(ALL:ALL) NOPASSWD: ALL\n";

fn a_rule_of_somebody_elses_gives_nothing_that_no_elevation_gives(release: Release) {
    let machine = scene(release)
        .user("dave")
        .file("/etc/sudoers.d/z-admin", 0o440, STANDING)
        .boot();
    let carol = machine.ssh("carol");
    carol.run("cp /bin/sh ~/id && ln -s /bin/sh ~/ls").ok();
    let small = holds(&carol, "small --for 1h");
    for sudo in sudos(release) {
        for (given, shows) in [
            ("id", "uid=0"),
            ("-n id -u", "0"),
            ("/bin/id", "uid=0"),
            ("A=b -u root -- id -u", "0"),
            ("-l", "(root) /usr/bin/id"),
        ] {
            let line = format!("{sudo} {given}");
            carol.run(&line).ok().contains(shows);
        }
        carol.run(&format!("cd /usr/bin && {sudo} ./id")).ok();
        // Where sudo looks is not where she does.
        carol.run(&format!("PATH=~:$PATH {sudo} id")).ok();
        for other in [
            "sh -c id",
            "~/id -c id",
            "-u dave id",
            "-u \\#1001 id",
            "-g adm id",
            "-s id",
            "-s",
            "/usr/bin/../bin/sh -c id",
            "env id",
            "-- sh -c id",
            "A=b sh -c id",
        ] {
            let refused = carol.run(&format!("{sudo} {other} </dev/null"));
            refused.fails_with(1).lacks("uid=");
            if says_why(sudo) {
                refused.contains("no elevation gives this command (role small gives: sudo -l)");
            }
        }
    }
    carol
        .run("sudo -e /etc/motd </dev/null")
        .fails_with(1)
        .contains("no elevation gives this command");
    // The words of another root mean something else.
    carol
        .run("sudo -R / id")
        .fails_with(1)
        .contains("its command line is not understood");
    // What is found where her own path says is hers, where sudo may go by that.
    machine
        .run("sed -i '/secure_path/d' /etc/sudoers; echo 'Defaults !secure_path' >/etc/sudoers.d/b")
        .ok();
    carol
        .run("PATH=~:$PATH sudo id -c id")
        .fails_with(1)
        .contains("no elevation gives this command")
        .lacks("uid=0");
    carol.run("PATH=/usr/bin sudo id").ok().contains("uid=0");
    let log = machine.run(&format!(
        "jitctl audit --json | grep -c gate.refused; jitctl show {small}"
    ));
    log.ok();
}

/// Services of roles: `big` opens sudo alone.
const LOGINS: &str = r#"
[managed]
groups = ["contractors"]

[defaults]
approvals = 0
approvers = { groups = ["jit-approvers"] }

[role.big]
commands  = ["ALL"]
services  = ["sudo"]
eligible  = { groups = ["contractors"] }

[role.login]
commands  = ["/usr/bin/id", "/bin/bash -c sleep 1111"]
services  = ["sudo-i"]
eligible  = { groups = ["contractors"] }

[role.kept]
commands  = ["ALL"]
services  = ["sudo"]
eligible  = { groups = ["contractors"] }
record    = true
"#;

fn a_greater_role_goes_through_no_service_of_a_lesser_one(release: Release) {
    let machine = scene(release)
        .file("/etc/sudoers.d/z-admin", 0o440, STANDING)
        .policy(LOGINS)
        .boot();
    let carol = machine.ssh("carol");
    let big = holds(&carol, "big --for 1h");
    let login = holds(&carol, "login --for 1h");
    // sudo-rs knows no other service than sudo.
    for other in ["-i sh", "-i", "-i id"] {
        carol
            .run(&format!("sudo {other} </dev/null"))
            .fails_with(1)
            .contains("what gives this command (role big) does not open sudo-i")
            .lacks("uid=0");
    }
    for sudo in sudos(release) {
        // What both give belongs to both, whichever opens it.
        carol
            .run(&format!(
                "({sudo} -i sleep 1111 </dev/null >/dev/null 2>&1 &)"
            ))
            .ok();
    }
    let sleepers = || {
        let found = machine.run("pgrep -fxc 'sleep 1111'; true");
        found.text().parse::<usize>().expect("a number")
    };
    machine.wait_until("they run", LIMIT, || sleepers() == sudos(release).len());
    let shown = machine.run(&format!("jitctl show {login}"));
    shown.ok().contains("sleep 1111");
    machine
        .run(&format!("jitctl revoke {big} --comment lost"))
        .ok();
    machine.wait_until("they are gone", SOON, || sleepers() == 0);
    // A role that is to be recorded could have given it, whatever it opens.
    if release == Release::Trixie {
        holds(&carol, "kept --for 1h");
        carol.run("sudo-rs -i sleep 1111 </dev/null").fails_with(1);
        let log = machine.journal();
        assert!(log.contains("role kept is to be recorded"), "{log}");
    }
}
