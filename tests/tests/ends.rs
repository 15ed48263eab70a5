//! The end is the end: whatever was opened under an elevation is gone within five seconds of it,
//! however it was left running, and also where jitd is dead.
#![allow(clippy::expect_used, clippy::panic, reason = "this is a test")]

use std::cell::RefCell;
use std::path::Path;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use jit_tests::scene::gate_sshd;
use jit_tests::{LIMIT, Machine, Release, Shell, Terminal, on_each_release, wait_until};
use serde_json::Value;

on_each_release!(
    at_its_time,
    at_its_time_with_jitd_dead,
    by_revoking_it,
    by_its_holder,
    by_a_change_of_the_policy,
);

/// Everything of an elevation is gone after so long.
const SOON: Duration = Duration::from_secs(5);
const ROOTS: &str = "battery-staple";

const POLICY: &str = r#"
[managed]
groups = ["contractors"]

[role.all]
groups    = ["docker"]
run_as    = ["ALL"]
commands  = ["ALL"]
services  = ["sudo", "sudo-i", "su", "su-l", "sshd"]
eligible  = { groups = ["contractors"] }
approvers = { groups = ["jit-approvers"] }
"#;

fn at_its_time(release: Release) {
    let scene = Scene::new(release);
    let id = scene.elevate_carol("20s");
    let running = scene.run_everything();
    wait_until_time(scene.ends_at(id));
    scene.assert_all_gone(&running);
}

fn at_its_time_with_jitd_dead(release: Release) {
    let scene = Scene::new(release);
    let id = scene.elevate_carol("20s");
    let running = scene.run_everything();
    let ends_at = scene.ends_at(id);
    scene
        .machine
        .run("systemctl mask --runtime jitd.service && systemctl kill --signal=KILL jitd.service")
        .ok();
    wait_until_time(ends_at);
    scene.assert_all_gone(&running);
    let groups = scene.machine.groups_of("carol");
    assert!(!groups.contains(&"docker".to_owned()), "{groups:?}");
    assert!(scene.machine.pid_of_unit("jitd.service").is_none());
}

/// It holds the lock that jitd holds, and answers on the bus. Which sudo the host has is nothing to it.
#[test]
fn a_jitd_that_answers_and_ends_nothing_is_killed() {
    let scene = Scene::new(Release::Bookworm);
    let machine = &scene.machine;
    machine.put_program(
        Path::new(env!("CARGO_BIN_EXE_impostor")),
        "/usr/local/bin/impostor",
    );
    let id = scene.elevate_carol("15s");
    let ends_at = scene.ends_at(id);
    let idle = "exec 9>>/var/lib/jitd/lock; flock 9;
        exec /usr/local/bin/impostor name unix:path=/run/dbus/system_bus_socket";
    machine
        .run(&format!(
            "mkdir /run/systemd/system/jitd.service.d
             printf '[Service]\\nExecStart=\\nExecStart=/bin/sh -c \"%s\"\\n' '{}' \\
                 >/run/systemd/system/jitd.service.d/idle.conf
             systemctl daemon-reload; systemctl restart jitd.service",
            idle.replace('\n', " ")
        ))
        .ok();
    let holds = || machine.groups_of("carol").contains(&"docker".to_owned());
    assert!(holds());
    let idle = machine.pid_of_unit("jitd.service");
    assert!(idle.is_some());
    wait_until_time(ends_at);
    // systemd starts the enforcer a second later, and it gives jitd a few.
    machine.wait_until("it is killed, and what is due ends", LIMIT, || {
        !holds() && machine.pid_of_unit("jitd.service") != idle
    });
    let log = machine.journal();
    assert!(
        log.contains("jitd does not end what is due: it is killed"),
        "{log}"
    );
}

fn by_revoking_it(release: Release) {
    let scene = Scene::new(release);
    let id = scene.elevate_carol("10m");
    let running = scene.run_everything();
    scene
        .machine
        .run_as("alice", &format!("jitctl revoke {id} --comment lost"))
        .ok();
    scene.assert_all_gone(&running);
}

fn by_its_holder(release: Release) {
    let scene = Scene::new(release);
    scene.elevate_carol("10m");
    let running = scene.run_everything();
    scene.own.run("jitctl end").ok();
    scene.assert_all_gone(&running);
}

fn by_a_change_of_the_policy(release: Release) {
    let scene = Scene::new(release);
    scene.elevate_carol("10m");
    let running = scene.run_everything();
    // It was the only role: that everything ends has to be meant.
    let emptied = "sed -i '/role.all/,$d' /etc/jitd/jitd.toml && jitctl policy reload";
    let refused = scene.machine.run(emptied);
    refused.fails_with(1).contains("jitctl policy reload --yes");
    let ended = scene.machine.run("jitctl policy reload --yes");
    ended
        .ok()
        .contains("1 elevation that it no longer allows has ended");
    scene.assert_all_gone(&running);
}

/// carol and dave, each logged in before anything was asked for.
struct Scene {
    machine: Machine,
    own: Shell,
    others: Shell,
    /// carol's terminals, as old as her shell.
    terminals: RefCell<Vec<Terminal>>,
}

/// What runs, by the files that have its process numbers.
struct Running {
    _ssh: Shell,
    _terminals: Vec<Terminal>,
}

impl Scene {
    fn new(release: Release) -> Self {
        let machine = Machine::builder(release)
            .user_in("carol", &["contractors"])
            .user_in("alice", &["jit-approvers"])
            .user_in("dave", &["docker"])
            .password("root", ROOTS)
            // An older rule, so that sudo asks for no password; the gate stands all the same.
            .file(
                "/etc/sudoers.d/z-admin",
                0o440,
                "carol ALL=(ALL:ALL) NOPASSWD: ALL\n",
            )
            .policy(POLICY)
            .boot();
        let own = machine.ssh("carol");
        let others = machine.ssh("dave");
        let terminals = vec![machine.ssh_tty("carol"), machine.ssh_tty("carol")];
        for shell in [&own, &others] {
            shell.run("sleep 1000 & echo $! >~/stays").ok();
        }
        gate_sshd(&machine);
        Self {
            machine,
            own,
            others,
            terminals: RefCell::new(terminals),
        }
    }

    #[track_caller]
    fn elevate_carol(&self, length: &str) -> u64 {
        let asked = self.own.run(&format!("jitctl request all --for {length}"));
        let id = asked.ok().text().parse().expect("a number");
        self.machine
            .run_as("alice", &format!("jitctl approve {id}"))
            .ok();
        id
    }

    fn ends_at(&self, id: u64) -> SystemTime {
        let shown = self.machine.run(&format!("jitctl show {id} --json"));
        let elevation: Value = serde_json::from_str(shown.ok().text()).expect("JSON");
        let at = elevation["ends_at"].as_str().expect("an end").to_owned();
        let seconds = self.machine.run(&format!("date --date={at} +%s%3N"));
        let milliseconds = seconds.ok().text().parse().expect("a time");
        UNIX_EPOCH + Duration::from_millis(milliseconds)
    }

    /// Everything that somebody could leave running. Each writes its number into a file.
    #[track_caller]
    fn run_everything(&self) -> Running {
        let ssh = self.machine.ssh("carol");
        for command in [
            // Left by nohup and setsid, by a double fork, and stopped.
            r#"sudo sh -c 'setsid nohup sh -c "echo \$\$ >/run/p.nohup; while :; do date >>/root/beat; sleep 0.2; done" >/dev/null 2>&1 &'"#,
            r#"sudo sh -c '(setsid sh -c "(echo \$\$ >/run/p.fork; exec sleep 1000) &" &) ' >/dev/null 2>&1"#,
            r"sudo sh -c 'sleep 1000 >/dev/null 2>&1 & echo $! >/run/p.stopped; kill -STOP $!'",
            r"sudo -b sh -c 'echo $$ >/run/p.background; exec sleep 1000' >/dev/null 2>&1",
            // What does not listen.
            r#"sudo sh -c 'nohup sh -c "trap : TERM HUP INT; echo \$\$ >/run/p.deaf; while :; do sleep 1; done" >/dev/null 2>&1 &'"#,
            r"sudo su - daemon -s /bin/sh -c 'echo $$ >/tmp/p.daemon; exec sleep 1000' >/dev/null 2>&1 &",
        ] {
            self.own.run(command).ok();
        }
        ssh.run("echo $$ >/tmp/p.ssh; (trap '' TERM HUP; exec sleep 1000) >/dev/null 2>&1 & echo $! >/tmp/p.sshdeaf")
            .ok();
        self.machine
            .run(
                "systemd-run --quiet --uid=carol --property=SupplementaryGroups=docker --unit=holder sleep 1000
                 systemctl show --property=MainPID --value holder >/run/p.docker",
            )
            .ok();
        let mut terminals = Vec::new();
        for (login, file) in [("sudo -i", "/run/p.sudo-i"), ("su -l", "/run/p.su-l")] {
            let mut terminal = self.terminals.borrow_mut().pop().expect("a terminal");
            terminal.type_line(login);
            if login == "su -l" {
                terminal.expect("assword:");
                terminal.type_line(ROOTS);
            }
            terminal.expect("# ");
            terminal.type_line(&format!("echo $$ >{file}"));
            terminals.push(terminal);
        }
        self.machine
            .wait_until("everything runs", LIMIT, || self.pids().len() == 11);
        Running {
            _ssh: ssh,
            _terminals: terminals,
        }
    }

    /// All of it has gone, and nothing of anybody else's.
    #[track_caller]
    fn assert_all_gone(&self, _: &Running) {
        let start = Instant::now();
        let mut left = String::new();
        while start.elapsed() < SOON {
            let pids = self.pids();
            let pids = pids.iter().filter_map(|line| line.split_once(':'));
            let pids: Vec<_> = pids.map(|(_, pid)| pid).collect();
            left = self
                .machine
                .run(&format!("ps -o pid,cgroup,args {}; true", pids.join(" ")))
                .stdout;
            if left.lines().count() == 1 {
                break;
            }
        }
        assert!(left.lines().count() == 1, "{left}");
        let took = start.elapsed();
        let scopes = self
            .machine
            .run("systemctl list-units --plain --no-legend 'jit-*.scope'");
        assert_eq!(scopes.ok().text(), "", "after {took:?}");
        let beats = || self.machine.run("cat /root/beat 2>&1").stdout;
        let before = beats();
        self.machine.run("ps -o pid= -C sleep >/dev/null").ok();
        assert_eq!(beats(), before);
        for shell in [&self.own, &self.others] {
            assert!(shell.is_open());
            shell.run("kill -0 $(cat ~/stays)").ok();
        }
    }

    fn pids(&self) -> Vec<String> {
        let files = self.machine.run("cd / && grep -H . run/p.* tmp/p.*; true");
        files.text().lines().map(str::to_owned).collect()
    }
}

/// Returns when the wall clock has come to a time.
#[track_caller]
fn wait_until_time(at: SystemTime) {
    let what = "the end of the elevation has come";
    wait_until(what, LIMIT, || SystemTime::now() >= at);
}
