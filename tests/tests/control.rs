//! jitd's own socket: nobody keeps anybody else from it, whatever becomes of the system bus.
#![allow(clippy::expect_used, clippy::panic, reason = "these are tests")]

use std::path::Path;
use std::time::Duration;

use jit_tests::scene::{CAROLS, cast, granted};
use jit_tests::{Background, LIMIT, Machine, Release, on_each_release};

on_each_release!(
    nobody_keeps_a_revocation_away,
    jitd_and_its_enforcer_do_without_a_bus,
);

const BUS: &str = "/run/dbus/system_bus_socket";
const CONTROL: &str = "/run/jitd/control";
/// What a person is willing to wait for.
const SECONDS: Duration = Duration::from_secs(8);
/// In kB.
const MOST_MEMORY: u64 = 64 * 1024;

fn machine(release: Release) -> Machine {
    let machine = cast(release).user("mallory").boot();
    machine.put_program(
        Path::new(env!("CARGO_BIN_EXE_heckler")),
        "/usr/local/bin/heckler",
    );
    machine
}

/// What she has started does not end with her login.
fn gone(machine: &Machine, mallory: Background) {
    machine.run("pkill -x heckler").ok();
    drop(mallory);
}

/// mallory has no rights at all. With 600 connections on which nothing is said, the bus lets nobody
/// new in; what stands goes on.
fn nobody_keeps_a_revocation_away(release: Release) {
    let machine = machine(release);
    let (carol, alice) = (machine.ssh("carol"), machine.ssh("alice"));
    let id = granted(&carol, &alice, "operator --for 10m");
    carol.run(&format!("sudo -S -v <<< {CAROLS}")).ok();
    carol
        .run("sudo -n -b sleep 1000 </dev/null >/dev/null 2>&1")
        .ok();

    let mallory = machine.spawn_as("mallory", &format!("exec heckler starve {BUS} 600"));
    mallory.wait_for_output("starving");
    let on_the_bus = format!("DBUS_SYSTEM_BUS_ADDRESS=unix:path={BUS} timeout 3 jitctl status");
    machine.wait_until("the bus is starved", LIMIT, || {
        alice.run(&on_the_bus).status != 0
    });
    // The gate is as open as before: it can be closed.
    carol.run("sudo -n id -u").ok();
    let revoked = alice.run(&format!("jitctl revoke {id} --comment 'lost laptop'"));
    revoked.ok();
    assert!(revoked.took < SECONDS, "{revoked}");
    machine.wait_until("what ran as root has ended", SECONDS, || {
        machine.run("pgrep -x sleep").status == 1
    });
    carol.run("sudo -n id -u").fails_with(1);

    // What else people do goes on as well.
    let again = granted(&carol, &alice, "operator --for 10m");
    carol.run("sudo -n id -u").ok();
    // Nor is a jitd that starts now kept waiting for long, and what it finds is in force.
    machine.run("systemctl restart jitd").ok();
    carol.run("sudo -n id -u").ok();
    alice
        .run(&format!("jitctl revoke {again} --comment 'enough'"))
        .ok();
    carol.run("sudo -n id -u").fails_with(1);

    // With mallory gone, it comes to the bus by itself.
    gone(&machine, mallory);
    machine.wait_until("jitd is on the bus", LIMIT, || {
        alice.run(&on_the_bus).status == 0
    });
}

/// The end comes with jitd dead and the bus starved; so does a jitd without any bus.
fn jitd_and_its_enforcer_do_without_a_bus(release: Release) {
    let machine = machine(release);
    let (carol, alice) = (machine.ssh("carol"), machine.ssh("alice"));
    let waiting = carol.run("jitctl request deploy --for 10m --reason 'restart web after deploy'");
    let waiting = waiting.ok().text().to_owned();
    granted(&carol, &alice, "operator --for 15s");
    carol.run(&format!("sudo -S -v <<< {CAROLS}")).ok();
    carol
        .run("sudo -n -b sleep 1000 </dev/null >/dev/null 2>&1")
        .ok();
    let mallory = machine.spawn_as("mallory", &format!("exec heckler starve {BUS} 600"));
    mallory.wait_for_output("starving");
    machine.kill("jitd.service", "STOP");
    machine.wait_until("what ran as root has ended", LIMIT, || {
        machine.run("pgrep -x sleep").status == 1
    });
    machine.wait_until("the enforcer has taken the rule away", LIMIT, || {
        machine.run("grep -s carol /etc/sudoers.d/jitd").status != 0
    });
    gone(&machine, mallory);

    machine
        .run("systemctl reset-failed jitd; systemctl stop dbus.socket dbus.service")
        .ok();
    machine.run("systemctl restart jitd").ok();
    alice.run(&format!("jitctl approve {waiting}")).ok();
    carol.run("sudo -n id -u").ok();
    alice
        .run(&format!("jitctl revoke {waiting} --comment 'enough'"))
        .ok();
    carol.run("sudo -n id -u").fails_with(1);
}

/// At the socket itself, she fills her own places. Who waits there hears of what becomes of it, also
/// of a jitd that was started anew.
#[test]
fn nobody_fills_the_socket_for_others() {
    let machine = machine(Release::Trixie);
    let (carol, alice) = (machine.ssh("carol"), machine.ssh("alice"));
    let mallory = machine.spawn_as("mallory", &format!("exec heckler starve {CONTROL} 600"));
    mallory.wait_for_output("starving");
    carol.run("jitctl status").ok();
    let mut waits = machine.spawn_as(
        "carol",
        "jitctl request deploy --for 10m --reason 'restart web after deploy' --wait",
    );
    let id = jit_tests::scene::number_of_waiting(&waits);
    machine.run("systemctl restart jitd").ok();
    alice.run(&format!("jitctl approve {id}")).ok();
    waits.wait(LIMIT).ok();
    carol.run(&format!("sudo -S id -u <<< {CAROLS}")).ok();
    let pid = machine.pid_of_unit("jitd.service").expect("jitd runs");
    let open = machine.run(&format!("ls /proc/{pid}/fd | wc -l"));
    let open: usize = open.ok().text().parse().expect("a number");
    assert!(open < 100, "{open} descriptors");
    drop(mallory);

    // The folder tells nobody what is in it, and the gate's socket is root's.
    machine.run_as("carol", "ls /run/jitd").fails_with(2);
    let modes = machine.run("stat -c '%a %U %n' /run/jitd /run/jitd/gate /run/jitd/control");
    modes
        .ok()
        .contains("711 root /run/jitd\n")
        .contains("600 root /run/jitd/gate")
        .contains("666 root /run/jitd/control");
}

#[test]
fn nobody_pushes_jitd_towards_its_limit() {
    let machine = machine(Release::Bookworm);
    let alice = machine.ssh("alice");
    let burden = format!("exec heckler burden 30 {}", 30 * 1024 * 1024);
    let mallory = machine.spawn_as("mallory", &burden);
    mallory.wait_for_output("org.jitd1.Error.LimitExceeded");
    let pid = machine.pid_of_unit("jitd.service").expect("jitd runs");
    for _ in 0..5 {
        let status = alice.run("jitctl status");
        status.ok();
        assert!(status.took < SECONDS, "{status}");
    }
    let status = machine.file(&format!("/proc/{pid}/status"));
    let most = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let most = most.and_then(|most| most.split_whitespace().next());
    let most: u64 = most.and_then(|kb| kb.parse().ok()).expect("VmHWM");
    assert!(most < MOST_MEMORY, "{most} kB");
}
