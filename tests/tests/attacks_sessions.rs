//! Ways to outlive an elevation, to slip out of its session, or to stand in somebody's way with
//! one, that were tried. Each scene shows that the means are real, and that they gain nothing.
#![allow(clippy::expect_used, clippy::panic, reason = "this is a test")]

use std::time::Duration;

use jit_tests::scene::gate_sshd;
use jit_tests::{LIMIT, Machine, MachineBuilder, Release, Shell, on_each_release};
use serde_json::Value;

on_each_release!(
    a_lesser_role_keeps_nothing_of_a_greater_one,
    extending_a_lesser_role_keeps_nothing_of_a_greater_one,
    an_orphan_that_opens_a_login_stays_in_its_session,
    every_way_to_open_a_session_is_registered,
    names_like_ours_gain_nothing_and_hinder_nobody,
    what_is_opened_at_the_deadline_is_gone_too,
    a_flood_of_sessions_hinders_nobody_else,
    a_flood_of_forks_does_not_get_out_while_it_is_moved,
    a_logind_that_hangs_holds_up_nothing,
    anothers_login_of_the_same_name_is_left_alone,
    systemd_executed_anew_still_ends_sessions,
    many_enforcers_at_once_harm_nobody,
    hostile_command_lines_are_data,
);

/// Everything of an elevation is gone after so long.
const SOON: Duration = Duration::from_secs(5);
const ROOTS: &str = "battery-staple";

/// `look` is harmless, and easy to have.
const POLICY: &str = r#"
[managed]
groups = ["contractors"]

[defaults]
approvers = { groups = ["jit-approvers"] }

[role.full]
run_as    = ["ALL"]
commands  = ["ALL"]
services  = ["sudo", "sudo-i", "su", "su-l", "sshd"]
eligible  = { groups = ["contractors"] }

[role.look]
commands  = ["/usr/bin/id"]
services  = ["sudo"]
eligible  = { groups = ["contractors"] }
approvals = 0
"#;

fn scene(release: Release) -> MachineBuilder {
    Machine::builder(release)
        .user_in("carol", &["contractors"])
        .user_in("bob", &["contractors"])
        .user_in("alice", &["jit-approvers"])
        .user("dave")
        .file(
            "/usr/local/bin/orphan",
            0o755,
            "#!/bin/sh\nuntil test $(ps -o ppid= $$) = 1; do :; done; exec \"$@\"\n",
        )
        .password("root", ROOTS)
        // Older rules, so that sudo asks for no password; the gate stands all the same.
        .file(
            "/etc/sudoers.d/z-admin",
            0o440,
            "carol, bob, dave ALL=(ALL:ALL) NOPASSWD: ALL\n",
        )
        .policy(POLICY)
}

#[track_caller]
fn asks(person: &Shell, words: &str) -> u64 {
    let asked = person.run(&format!("jitctl {words}"));
    let first = asked
        .ok()
        .text()
        .lines()
        .next()
        .unwrap_or_default()
        .to_owned();
    first.parse().expect("a number")
}

#[track_caller]
fn granted(machine: &Machine, person: &Shell, words: &str) -> u64 {
    let id = asks(person, words);
    machine
        .run_as("alice", &format!("jitctl approve {id}"))
        .ok();
    id
}

#[track_caller]
fn shown(machine: &Machine, id: u64) -> Value {
    let shown = machine.run(&format!("jitctl show {id} --json"));
    serde_json::from_str(shown.ok().text()).expect("JSON")
}

/// How many of the processes run that carol leaves behind.
#[track_caller]
fn sleepers(machine: &Machine) -> usize {
    let found = machine.run("pgrep -fxc 'sleep 1111'; true");
    found.text().parse().expect("a number")
}

/// The names of our scopes.
#[track_caller]
fn scopes(machine: &Machine) -> Vec<String> {
    let units = machine.run("systemctl list-units --plain --no-legend 'jit-*.scope'");
    let names = units
        .text()
        .lines()
        .filter_map(|line| line.split(' ').next());
    names.map(str::to_owned).collect()
}

#[track_caller]
fn wait_until_over(machine: &Machine, id: u64, state: &str) {
    machine.wait_until("it is over", LIMIT, || shown(machine, id)["state"] == state);
}

#[track_caller]
fn revoke(machine: &Machine, id: u64) {
    machine
        .run_as("alice", &format!("jitctl revoke {id} --comment lost"))
        .ok();
}

fn a_lesser_role_keeps_nothing_of_a_greater_one(release: Release) {
    let machine = scene(release).boot();
    let carol = machine.ssh("carol");
    asks(&carol, "request look --for 9m");
    let full = granted(&machine, &carol, "request full --for 10m");
    carol.run("sudo -b sleep 1111 >/dev/null 2>&1").ok();
    machine.wait_until("it runs", LIMIT, || sleepers(&machine) == 1);
    revoke(&machine, full);
    machine.wait_until("it is gone", SOON, || sleepers(&machine) == 0);
}

fn extending_a_lesser_role_keeps_nothing_of_a_greater_one(release: Release) {
    let machine = scene(release).boot();
    let carol = machine.ssh("carol");
    let full = granted(&machine, &carol, "request full --for 8s");
    let look = asks(&carol, "request look --for 5s");
    carol.run("sudo -b sleep 1111 >/dev/null 2>&1").ok();
    machine.wait_until("it runs", LIMIT, || sleepers(&machine) == 1);
    asks(&carol, &format!("extend {look} --for 10m --reason more"));
    wait_until_over(&machine, full, "expired");
    machine.wait_until("it is gone", SOON, || sleepers(&machine) == 0);
}

fn an_orphan_that_opens_a_login_stays_in_its_session(release: Release) {
    let machine = scene(release).boot();
    let carol = machine.ssh("carol");
    let full = granted(&machine, &carol, "request full --for 10m");
    // pam_systemd takes it out of its scope, and nobody is left there.
    let su = r#"su - daemon -s /bin/sh -c "exec sleep 1111""#;
    carol
        .run(&format!(
            "sudo sh -c '(setsid orphan {su} </dev/null >/dev/null 2>&1 &)'"
        ))
        .ok();
    machine.wait_until("it runs", LIMIT, || sleepers(&machine) == 1);
    revoke(&machine, full);
    machine.wait_until("it is gone", SOON, || sleepers(&machine) == 0);
}

fn every_way_to_open_a_session_is_registered(release: Release) {
    let mut ways = vec![
        "sudo -b sleep 1111",
        "EDITOR=edit sudo -e /etc/motd",
        "EDITOR=edit sudoedit /etc/motd",
        "sudo -u carol sleep 1111",
        "sudo --preserve-env sleep 1111",
        "sudo -s sleep 1111",
        "sudo -i sleep 1111",
        "sudo nice -n 1 sleep 1111",
        "script -qc 'sudo sleep 1111' /dev/null",
        "sudo su --pty -c 'sleep 1111'",
        "sudo su --session-command='sleep 1111'",
        "sudo runuser -u daemon sleep 1111",
        "sudo chroot / sleep 1111",
        "sudo unshare --pid --fork --mount-proc sleep 1111",
        "echo battery-staple | su -c 'exec sleep 1111'",
        "echo battery-staple | su --session-command='exec sleep 1111'",
        "echo battery-staple | su --pty -c 'exec sleep 1111'",
        "setsid orphan sudo sleep 1111 &",
        "setsid orphan sudo -i sleep 1111 &",
        "systemd-run --user --collect sudo sleep 1111",
        "systemd-run --user --collect sudo -i sleep 1111",
    ];
    if release == Release::Trixie {
        ways.extend(["sudo-rs sleep 1111", "sudo-rs -i sleep 1111"]);
    }
    let machine = scene(release)
        .file(
            "/etc/sudoers.d/y-log",
            0o440,
            "Defaults!/usr/bin/nice log_output, log_input, use_pty\n",
        )
        .file("/usr/bin/edit", 0o755, "#!/bin/sh\nexec sleep 1111\n")
        .boot();
    let carol = machine.ssh("carol");
    let full = granted(&machine, &carol, "request full --for 10m");
    let sessions = || {
        let shown = shown(&machine, full);
        shown["sessions"].as_array().expect("an array").len()
    };
    for (number, way) in ways.iter().enumerate() {
        let before = sessions();
        carol
            .run(&format!("( {way} ) </dev/null >/dev/null 2>&1 &"))
            .ok();
        machine.wait_until(way, LIMIT, || sleepers(&machine) == number + 1);
        assert!(sessions() > before, "{way}");
    }
    revoke(&machine, full);
    machine.wait_until("all of it is gone", SOON, || sleepers(&machine) == 0);
}

fn names_like_ours_gain_nothing_and_hinder_nobody(release: Release) {
    let machine = scene(release).boot();
    let (carol, dave) = (machine.ssh("carol"), machine.ssh("dave"));
    let full = granted(&machine, &carol, "request full --for 10m");
    let run = "systemd-run --user --quiet --collect --slice=jit.slice --scope --unit";
    // The names of her next sessions, and of a login, in her own manager.
    for name in ["jit-1-1", "jit-1-2", "jit-1-9", "session-1"] {
        carol
            .run(&format!(
                "{run}={name} sh -c 'cat /proc/self/cgroup; sudo -b sleep 1111 >/dev/null 2>&1'"
            ))
            .ok()
            .contains(&format!("/jit.slice/{name}.scope"));
        carol
            .run(&format!(
                "{run}={name}0 sudo -i sleep 1111 >/dev/null 2>&1 &"
            ))
            .ok();
    }
    machine.wait_until("they run", LIMIT, || sleepers(&machine) == 8);
    let daves = format!(
        "{run}=jit-{full}-1 sh -c 'sudo id && sudo -i id && sudo su - daemon -s /bin/sh -c id'"
    );
    dave.run(&daves).ok().contains("uid=1(daemon)");
    revoke(&machine, full);
    machine.wait_until("they are gone", SOON, || sleepers(&machine) == 0);
    dave.run(&daves).ok().contains("uid=1(daemon)");
    assert!(carol.is_open());
}

fn what_is_opened_at_the_deadline_is_gone_too(release: Release) {
    let machine = scene(release).boot();
    let carol = machine.ssh("carol");
    let full = granted(&machine, &carol, "request full --for 5s");
    carol
        .run("for n in 1 2 3 4; do (while sudo -b sleep 1111; do :; done >/dev/null 2>&1 &); done")
        .ok();
    machine.wait_until("some run", LIMIT, || sleepers(&machine) > 10);
    wait_until_over(&machine, full, "expired");
    machine.wait_until("nothing runs", SOON, || {
        machine.run("pgrep -x 'sudo|sleep'").status == 1 && scopes(&machine).is_empty()
    });
}

fn a_flood_of_sessions_hinders_nobody_else(release: Release) {
    let machine = scene(release).boot();
    let (carol, bob) = (machine.ssh("carol"), machine.ssh("bob"));
    let full = granted(&machine, &carol, "request full --for 10m");
    granted(&machine, &bob, "request full --for 10m");
    let flood = "for n in $(seq 270); do sudo -b sleep 1111; done >/dev/null 2>&1";
    carol.run(flood).ok();
    machine.wait_until("no more can run", LIMIT, || sleepers(&machine) == 256);
    carol
        .run("sudo true")
        .fails_with(1)
        .contains("256 sessions of carol");
    bob.run("sudo true").ok();
    let revoking = machine.spawn_as("alice", &format!("jitctl revoke {full} --comment lost"));
    machine.wait_until("all of it is gone", LIMIT, || {
        bob.run("sudo true").ok();
        sleepers(&machine) == 0
    });
    drop(revoking);
    // The bus bounds what jitd may ask systemd at a time.
    let log = machine.journal();
    assert!(!log.contains("LimitsExceeded"), "{log}");
}

fn a_flood_of_forks_does_not_get_out_while_it_is_moved(release: Release) {
    let machine = scene(release).boot();
    let carol = machine.ssh("carol");
    let full = granted(&machine, &carol, "request full --for 10m");
    for command in [
        "trap : TERM HUP; while :; do (setsid sleep 0.3 &); sleep 0.01; done",
        "trap : TERM HUP; while :; do (setsid sleep 0.3 &); sleep 0.01; done",
        // It may not be stopped before it is what it is to be.
        "sleep 1111 & until grep -q sleep /proc/$!/comm; do :; done; kill -STOP $!; exec strace -o /dev/null -f sleep 1111",
    ] {
        carol
            .run(&format!("sudo -b sh -c '{command}' >/dev/null 2>&1"))
            .ok();
    }
    machine.wait_until("they run", LIMIT, || sleepers(&machine) >= 2);
    let mut last = full;
    for generation in 2..4 {
        last = granted(
            &machine,
            &carol,
            &format!("extend {last} --for 10m --reason more"),
        );
        machine.wait_until("all are moved", LIMIT, || {
            let scopes = scopes(&machine);
            let moved = format!("-{generation}.scope");
            scopes.len() == 3 && scopes.iter().all(|scope| scope.ends_with(&moved))
        });
    }
    let elsewhere = machine.run(
        "for pid in $(pgrep -x sleep); do grep 0:: /proc/$pid/cgroup; done 2>/dev/null |
             grep -v jit.slice; true",
    );
    assert_eq!(elsewhere.ok().text(), "");
    revoke(&machine, full);
    machine.wait_until("nothing is left", SOON, || {
        machine.run("pgrep -x sleep").status == 1 && scopes(&machine).is_empty()
    });
}

fn a_logind_that_hangs_holds_up_nothing(release: Release) {
    let machine = scene(release).boot();
    let (carol, dave) = (machine.ssh("carol"), machine.ssh("dave"));
    gate_sshd(&machine);
    let full = granted(&machine, &carol, "request full --for 10m");
    let login = machine.ssh("carol");
    login
        .run("(trap '' TERM HUP; exec sleep 1111) >/dev/null 2>&1 &")
        .ok();
    carol.run("sudo -b sleep 1111 >/dev/null 2>&1").ok();
    machine.wait_until("they run", LIMIT, || sleepers(&machine) == 2);
    machine.kill("systemd-logind.service", "STOP");
    for shell in [&carol, &dave] {
        shell.run("sudo id").ok().contains("uid=0");
    }
    // Not by a login of alice's, which would wait for logind.
    machine
        .run(&format!(
            "setpriv --reuid=alice --regid=alice --init-groups jitctl revoke {full} --comment lost"
        ))
        .ok();
    machine.wait_until("they are gone", SOON, || sleepers(&machine) == 0);
    machine.kill("systemd-logind.service", "CONT");
}

/// logind counts anew when it is started again: dave's login gets the name that carol's had, while
/// jitd is away and does not see hers go.
fn anothers_login_of_the_same_name_is_left_alone(release: Release) {
    let machine = scene(release).boot();
    let carol = machine.ssh("carol");
    gate_sshd(&machine);
    let full = granted(&machine, &carol, "request full --for 10m");
    let login = machine.ssh("carol");
    let named = |shell: &Shell| shell.run("echo $XDG_SESSION_ID").ok().text().to_owned();
    let hers = named(&login);
    machine
        .run("systemctl mask --runtime jitd.service && systemctl kill --signal=KILL jitd.service")
        .ok();
    drop(login);
    machine.wait_until("her login is gone", LIMIT, || {
        machine
            .run(&format!("systemctl is-active session-{hers}.scope"))
            .status
            != 0
    });
    machine.run("systemctl restart systemd-logind").ok();
    let mut logins = Vec::new();
    // Where names are the kernel's numbers of logins, none comes again.
    while logins.len() < 10 && logins.last().is_none_or(|last| named(last) != hers) {
        logins.push(machine.ssh("dave"));
    }
    machine
        .run("systemctl unmask --runtime jitd.service && systemctl start jitd.service")
        .ok();
    revoke(&machine, full);
    machine.wait_until("hers is known to be over", LIMIT, || {
        let sessions = shown(&machine, full)["sessions"].clone();
        let mut sessions = sessions.as_array().expect("an array").iter();
        sessions.all(|one| one["running"] == false)
    });
    for login in logins {
        assert!(login.is_open());
        login.run("true").ok();
    }
}

fn systemd_executed_anew_still_ends_sessions(release: Release) {
    let machine = scene(release).boot();
    let carol = machine.ssh("carol");
    let full = granted(&machine, &carol, "request full --for 10m");
    for runs in 1..3 {
        carol.run("sudo -b sleep 1111 >/dev/null 2>&1").ok();
        machine.wait_until("it runs", LIMIT, || sleepers(&machine) == runs);
        machine
            .run("systemctl daemon-reexec && systemctl daemon-reload")
            .ok();
    }
    machine.run("pkill -o -x sleep").ok();
    machine.wait_until("one is closed", SOON, || {
        let sessions = shown(&machine, full)["sessions"].clone();
        let mut sessions = sessions.as_array().expect("an array").iter();
        sessions.any(|one| one["running"] == false)
    });
    revoke(&machine, full);
    machine.wait_until("the other is gone", SOON, || sleepers(&machine) == 0);
}

fn many_enforcers_at_once_harm_nobody(release: Release) {
    let machine = scene(release).boot();
    let carol = machine.ssh("carol");
    let full = granted(&machine, &carol, "request full --for 10m");
    carol.run("sudo -b sleep 1111 >/dev/null 2>&1").ok();
    machine.wait_until("it runs", LIMIT, || sleepers(&machine) == 1);
    let jitd = machine.pid_of_unit("jitd.service");
    let enforce = "systemctl start $(seq --format=jitd-enforce@%.0f.service 20)";
    let short = asks(&carol, "request look --for 2s");
    machine.run(enforce).ok();
    wait_until_over(&machine, short, "expired");
    machine.run(enforce).ok();
    assert_eq!(machine.pid_of_unit("jitd.service"), jitd);
    machine
        .run("systemctl mask --runtime jitd.service && systemctl kill --signal=KILL jitd.service")
        .ok();
    machine.run(enforce).ok();
    machine
        .run("systemctl unmask --runtime jitd.service && systemctl start jitd.service")
        .ok();
    assert_eq!(sleepers(&machine), 1);
    carol.run("sudo id").ok().contains("uid=0");
    revoke(&machine, full);
    machine.wait_until("it is gone", SOON, || sleepers(&machine) == 0);
}

fn hostile_command_lines_are_data(release: Release) {
    let machine = scene(release).boot();
    let carol = machine.ssh("carol");
    let full = granted(&machine, &carol, "request full --for 10m");
    let name = r"sudo\033[2J\033]0;x\007\n<34>jitd[1]: event=elevation.approved id=7";
    let argument = r"\nevent=elevation.approved id=7\r\xff\xfe\u202e";
    carol
        .run(&format!(
            "(exec -a \"$(printf '{name}')\" sudo true \"$(printf '{argument}')\")"
        ))
        .ok();
    carol
        .run("sudo true $(head -c 100000 /dev/zero | tr '\\0' x) $(head -c 100000 /dev/zero | tr '\\0' y)")
        .ok();
    let show = carol.run(&format!("jitctl show {full}"));
    show.ok().contains("event=elevation.approved id=7");
    let unprinted = ['\u{1b}', '\u{7}', '\r', '\u{202e}'];
    assert!(!show.stdout.contains(unprinted), "{show}");
    assert!(show.stdout.len() < 10_000, "{show}");
    for log in [machine.auth_log(), machine.journal()] {
        let mut lines = log.lines();
        let forged = lines.any(|line| {
            line.starts_with("event=")
                || line.contains("jitd[1]: event=elevation.approved id=7")
                    && !line.contains("command=")
        });
        assert!(!forged, "{log}");
    }
}
