//! Ways to have something go on after its end by being elsewhere, or by never being where one looks,
//! that were tried. Each scene shows that the means are real, and that they gain nothing.
#![allow(clippy::expect_used, clippy::panic, reason = "this is a test")]

use std::path::Path;
use std::time::Duration;

use jit_tests::{LIMIT, Machine, MachineBuilder, Release, Shell, on_each_release};
use serde_json::Value;

on_each_release!(
    a_session_that_is_moved_is_ended_at_once,
    what_was_moved_while_nobody_looked_is_found,
    what_root_moves_ends_with_its_session,
    who_forks_and_exits_all_the_time_is_ended_too,
);

/// Everything of an elevation is gone after so long.
const SOON: Duration = Duration::from_secs(5);
const ROOTS: &str = "battery-staple";
const HOPPER: &str = "/usr/local/bin/hopper";

const POLICY: &str = r#"
[managed]
groups = ["contractors"]

[defaults]
approvals = 0

[role.full]
run_as    = ["ALL"]
commands  = ["ALL"]
services  = ["sudo", "sudo-i", "su", "su-l"]
eligible  = { groups = ["contractors"] }

[role.team]
groups    = ["jit-team"]
eligible  = { groups = ["contractors"] }
"#;

/// What is opened by sudo and su waits between jitd's answer and its first instruction, as it does
/// for who stops it there.
fn scene(release: Release) -> Machine {
    let machine = builder(release).boot();
    machine.put_program(Path::new(env!("CARGO_BIN_EXE_hopper")), HOPPER);
    machine
        .run(
            "for service in sudo sudo-i su; do
                 echo 'session optional pam_exec.so /usr/local/bin/wait-there' >>/etc/pam.d/$service
             done
             echo secret >/var/log/web.log; touch /run/go",
        )
        .ok();
    machine
}

fn builder(release: Release) -> MachineBuilder {
    Machine::builder(release)
        .user_in("carol", &["contractors"])
        .user_in("bob", &["contractors"])
        .password("root", ROOTS)
        // An older rule, so that no sudo asks for a password; the gate stands all the same.
        .file(
            "/etc/sudoers.d/z-admin",
            0o440,
            "carol ALL=(ALL:ALL) NOPASSWD: ALL\n",
        )
        .file(
            "/usr/local/bin/wait-there",
            0o755,
            "#!/bin/sh\ntest $PAM_TYPE = open_session || exit 0\nuntil test -e /run/go; do sleep 0.02; done\n",
        )
        .policy(POLICY)
}

#[track_caller]
fn holds(carol: &Shell, role: &str) -> u64 {
    let asked = carol.run(&format!("jitctl request {role} --for 10m"));
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
fn revoke(machine: &Machine, id: u64) {
    machine
        .run(&format!("jitctl revoke {id} --comment lost"))
        .ok();
}

#[track_caller]
fn runs(machine: &Machine, what: &str) -> bool {
    machine.run(&format!("pgrep -x '{what}'")).status == 0
}

/// The same of what forks and exits all the time, which nobody sees.
#[track_caller]
fn runs_on(machine: &Machine, what: &str) -> bool {
    match what {
        "hopper" => !has_stopped(machine, "/var/log/hops"),
        _ => runs(machine, what),
    }
}

/// Whether nothing is added to a file any more.
#[track_caller]
fn has_stopped(machine: &Machine, file: &str) -> bool {
    let grows =
        format!("before=$(stat -c %s {file}); sleep 0.3; test $(stat -c %s {file}) = $before");
    machine.run(&grows).status == 0
}

/// The sessions of an elevation, as far as something of them is left.
#[track_caller]
fn running(machine: &Machine, id: u64) -> usize {
    let shown = machine.run(&format!("jitctl show {id} --json"));
    let shown: Value = serde_json::from_str(shown.ok().text()).expect("JSON");
    let sessions = shown["sessions"].as_array().expect("an array");
    sessions.iter().filter(|one| one["running"] == true).count()
}

/// How often it is on record that a session was moved.
#[track_caller]
fn escapes(machine: &Machine) -> usize {
    let told = machine.run("journalctl --sync; journalctl -o cat -t jitd -p alert");
    let lines = told.ok().stdout.lines();
    lines
        .filter(|line| line.starts_with("event=session.escaped ") && line.contains(" unit=user@"))
        .count()
}

/// What opens a session here, each running `tail` as root.
fn ways(release: Release) -> Vec<&'static str> {
    let mut ways = vec![
        "sudo tail -f /var/log/web.log",
        "echo battery-staple | su -c 'exec tail -f /var/log/web.log'",
    ];
    if release == Release::Trixie {
        ways.push("sudo-rs tail -f /var/log/web.log");
    }
    ways
}

/// carol opens a session, which stops before it has begun; gives its leader.
#[track_caller]
fn opened(machine: &Machine, carol: &Shell, way: &str) -> String {
    machine.run("rm -f /run/go").ok();
    carol
        .run(&format!("( {way} ) </dev/null >>/tmp/seen 2>&1 &"))
        .ok();
    let mut leader = String::new();
    machine.wait_until(way, LIMIT, || {
        let there = "cat /sys/fs/cgroup/jit.slice/jit-*.scope/cgroup.procs 2>/dev/null | head -1";
        machine.run(there).text().clone_into(&mut leader);
        !leader.is_empty() && machine.run("pgrep -f wait-there").status == 0
    });
    leader
}

/// She has PID 1 move it into her own manager's unit.
#[track_caller]
fn moves(carol: &Shell, leader: &str) {
    let to = "org.freedesktop.systemd1 /org/freedesktop/systemd1 org.freedesktop.systemd1.Manager";
    carol
        .run(&format!(
            "mkdir -p /sys/fs/cgroup/user.slice/user-$(id -u).slice/user@$(id -u).service/out
             busctl call {to} AttachProcessesToUnit ssau user@$(id -u).service /out 1 {leader}"
        ))
        .ok();
}

fn a_session_that_is_moved_is_ended_at_once(release: Release) {
    let machine = scene(release);
    let carol = machine.ssh("carol");
    let full = holds(&carol, "full");
    for (number, way) in ways(release).iter().enumerate() {
        let leader = opened(&machine, &carol, way);
        moves(&carol, &leader);
        machine.wait_until("its leader is killed", SOON, || {
            machine.run(&format!("kill -0 {leader}")).status != 0
        });
        machine.run("touch /run/go").ok();
        machine.wait_until("it is over", SOON, || running(&machine, full) == 0);
        assert!(!runs(&machine, "tail"), "{way}");
        assert_eq!(escapes(&machine), number + 1, "{way}");
    }
    // Where nobody moves it, it goes on.
    carol.run("sudo -b sleep 1111 >/dev/null 2>&1").ok();
    machine.wait_until("it runs", LIMIT, || runs(&machine, "sleep"));
    assert_eq!(running(&machine, full), 1);
    revoke(&machine, full);
    machine.wait_until("it is gone", SOON, || !runs(&machine, "sleep"));
    assert_eq!(escapes(&machine), ways(release).len());
}

fn what_was_moved_while_nobody_looked_is_found(release: Release) {
    let machine = scene(release);
    let carol = machine.ssh("carol");
    let full = holds(&carol, "full");
    let hops = format!("sudo {HOPPER} /var/log/hops");
    let mut ways = ways(release);
    ways.push(&hops);
    for (number, way) in ways.iter().enumerate() {
        let what = if *way == hops { "hopper" } else { "tail" };
        let leader = opened(&machine, &carol, way);
        machine.kill("jitd.service", "STOP");
        moves(&carol, &leader);
        machine.run("touch /run/go").ok();
        machine.wait_until("it runs", LIMIT, || match what {
            "tail" => runs(&machine, what),
            _ => machine.run("test -s /var/log/hops").status == 0,
        });
        // Only what started it was hers.
        carol
            .run(&format!("kill -KILL {leader} || ! kill -0 {leader}"))
            .ok();
        assert!(runs_on(&machine, what), "it is out of its scope");
        machine.kill("jitd.service", "CONT");
        machine.wait_until(way, SOON, || {
            !runs_on(&machine, what) && running(&machine, full) == 0
        });
        machine.wait_until("that is on record", SOON, || {
            escapes(&machine) == number + 1
        });
    }
    // Nobody of hers was kept still for longer than a look takes.
    assert!(carol.is_open());
    carol.run("true").ok();
    machine
        .run("! grep -rl 1 /sys/fs/cgroup/user.slice --include=cgroup.freeze")
        .ok();
}

fn what_root_moves_ends_with_its_session(release: Release) {
    let machine = scene(release);
    let carol = machine.ssh("carol");
    let full = holds(&carol, "full");
    // sudo tells what it runs of its own end.
    let deaf = "trap \"\" TERM HUP;";
    let enter = |unit: &str| format!("echo $$ >/sys/fs/cgroup/{unit}/cgroup.procs");
    let manager = "user.slice/user-$SUDO_UID.slice/user@$SUDO_UID.service/init.scope";
    let ways = [
        format!("sudo systemd-run --quiet --scope sh -c '{deaf} exec sleep 1111'"),
        format!("sudo sh -c '{deaf} {}; exec sleep 1111'", enter(manager)),
    ];
    let sleepers = || machine.run("pgrep -xc sleep; true").text().to_owned();
    for (number, way) in ways.iter().enumerate() {
        carol
            .run(&format!("( {way} ) </dev/null >/dev/null 2>&1 &"))
            .ok();
        machine.wait_until(way, LIMIT, || sleepers() == (number + 1).to_string());
    }
    machine
        .run("for pid in $(pgrep -x sleep); do ! grep -q jit.slice /proc/$pid/cgroup || exit 1; done")
        .ok();
    // What goes on when all else of its session is over is ended then.
    let hidden = enter("system.slice/rsyslog.service");
    carol
        .run(&format!(
            "sudo sh -c '{deaf} {hidden}; exec setsid -f sleep 1112' </dev/null >/dev/null 2>&1"
        ))
        .ok();
    machine.wait_until("it is found", SOON, || {
        let told = machine.run("journalctl --sync; journalctl -o cat -t jitd -p alert");
        told.stdout.contains(" unit=rsyslog.service") && sleepers() == "2"
    });
    revoke(&machine, full);
    machine.wait_until("all of it is gone", SOON, || sleepers() == "0");
    machine.wait_until("it is over", SOON, || running(&machine, full) == 0);
}

fn who_forks_and_exits_all_the_time_is_ended_too(release: Release) {
    let machine = scene(release);
    let carol = machine.ssh("carol");
    let full = holds(&carol, "full");
    carol
        .run(&format!("sudo -b {HOPPER} /var/log/hops >/dev/null 2>&1"))
        .ok();
    machine.wait_until("it hops", LIMIT, || runs(&machine, "hopper"));
    revoke(&machine, full);
    machine.wait_until("it hops no more", SOON, || {
        has_stopped(&machine, "/var/log/hops")
    });

    // By a group that she held.
    let team = holds(&carol, "team");
    machine.run("install -d -m 2770 -g jit-team /srv/team").ok();
    carol
        .run(&format!(
            "sg jit-team -c '{HOPPER} /srv/team/hops' </dev/null >/dev/null 2>&1 &"
        ))
        .ok();
    // As in a user namespace of hers, and of whom nobody knows.
    machine
        .run(&format!(
            "setpriv --reuid=165536 --regid=jit-team --clear-groups {HOPPER} /srv/team/others"
        ))
        .ok();
    for file in ["hops", "others"] {
        machine.wait_until("it hops", LIMIT, || {
            machine.run(&format!("test -s /srv/team/{file}")).status == 0
        });
    }
    revoke(&machine, team);
    for file in ["hops", "others"] {
        let file = format!("/srv/team/{file}");
        machine.wait_until(&format!("{file} stops"), SOON, || {
            has_stopped(&machine, &file)
        });
    }
    assert!(carol.is_open());
    carol.run("true").ok();
}
