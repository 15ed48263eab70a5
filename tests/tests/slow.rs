//! A busy host: whoever others wait for is alive and slow. Everything is given, used, taken away
//! and ends; it only takes longer.
#![allow(clippy::expect_used, clippy::panic, reason = "this is a test")]

use std::time::Duration;

use jit_tests::{LIMIT, Machine, Release, on_each_release};

mod cast;
use cast::{alice, as_user, carol_asks, elevate_carol, members, scene, state};

on_each_release!(whoever_is_slow_is_waited_for);

/// So that sudo asks for no password; the gate stands all the same.
const NO_PASSWORDS: &str = "carol ALL=(ALL:ALL) NOPASSWD: ALL\n";

/// For what takes seconds on a slow host, on a slow machine.
const PATIENCE: Duration = Duration::from_secs(60);

fn whoever_is_slow_is_waited_for(release: Release) {
    let machine = scene(release)
        .file("/etc/sudoers.d/zzz-lab", 0o440, NO_PASSWORDS)
        .boot();
    // Whoever is logged in already does not need systemd for that.
    let carol = machine.ssh("carol");
    for slow in ["jitd", "PID 1", "the bus"] {
        let slowed = match slow {
            "jitd" => machine.slow("jitd.service"),
            "PID 1" => machine.slow_init(),
            _ => machine.slow("dbus.service"),
        };
        let id = carol_asks(&machine, "10m");
        alice(&machine, &format!("approve {id}")).ok();
        assert_eq!(state(&machine, id), "active", "{slow} is slow");
        carol.run("sudo -n id").ok().contains("uid=0");
        carol.run("sudo -n -b sleep 1000 >/dev/null 2>&1").ok();
        alice(&machine, &format!("revoke {id} --comment enough")).ok();
        carol.run("sudo -n id").fails_with(1).lacks("uid=0");
        machine.wait_until("what ran is gone", PATIENCE, || {
            machine.run("pgrep -x sleep").status == 1
        });
        machine.wait_until("the group is taken", PATIENCE, || {
            members(&machine, "jit-deploy").is_empty()
        });
        drop(slowed);
        assert_eq!(state(&machine, id), "revoked", "{slow} is slow");
    }
    ends_by_itself(&machine);
}

/// The same by the clock.
fn ends_by_itself(machine: &Machine) {
    let slowed = machine.slow_init();
    let id = elevate_carol(machine, "8s");
    machine.wait_until("it is over", LIMIT, || state(machine, id) == "expired");
    as_user(machine, "carol", "sudo -n id").fails_with(1);
    drop(slowed);
}
