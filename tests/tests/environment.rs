//! A person's environment does not choose whom the gate asks.
#![allow(clippy::expect_used, clippy::panic, reason = "this is a test")]

use std::path::Path;

use jit_tests::{Background, Machine, Output, Release};

mod cast;
use cast::{ROOTS_PASSWORD, elevate_carol, scene};

/// A bus of carol's own, open to all, on which her program is jitd.
const HER_BUS: &str = "/home/carol/her-bus";
const HER_BUS_CONFIG: &str = r#"<busconfig>
  <type>session</type>
  <listen>unix:path=/home/carol/her-bus</listen>
  <policy context="default">
    <allow user="*"/>
    <allow own="*"/>
    <allow send_destination="*"/>
    <allow receive_sender="*"/>
  </policy>
</busconfig>
"#;

/// A program of carol's that speaks as a bus does, is jitd too, and swears that
/// this jitd is root's. Nothing but the address can tell it from the real one.
const FALSE_BUS: &str = "/home/carol/false-bus";

/// sudo would let carol run all, and she knows root's password: the gate alone
/// stands in her way.
fn carol_lacks_only_an_elevation(release: Release) -> Machine {
    let machine = scene(release)
        .file(
            "/etc/sudoers.d/zz-carol",
            0o440,
            "carol ALL=(ALL:ALL) NOPASSWD: ALL\n",
        )
        .file("/etc/her-bus.conf", 0o644, HER_BUS_CONFIG)
        .boot();
    machine.put_program(
        Path::new(env!("CARGO_BIN_EXE_impostor")),
        "/usr/local/bin/impostor",
    );
    machine
}

#[test]
fn a_bus_of_ones_own_is_not_asked() {
    for release in Release::ALL {
        let machine = carol_lacks_only_an_elevation(release);
        let carol = machine.ssh("carol");
        let _her_bus = carol.spawn("exec dbus-daemon --config-file=/etc/her-bus.conf --nofork");
        machine.wait_until("her bus listens", cast::SOON, || {
            carol.run(&format!("test -S {HER_BUS}")).status == 0
        });
        let false_jitd = carol.spawn(&format!("exec impostor name unix:path={HER_BUS}"));
        let false_bus = carol.spawn(&format!("exec impostor bus {FALSE_BUS}"));
        false_jitd.wait_for_output("ready");
        false_bus.wait_for_output("ready");

        for socket in [HER_BUS, FALSE_BUS] {
            let address = format!("unix:path={socket}");
            for variables in [
                format!("DBUS_SYSTEM_BUS_ADDRESS={address}"),
                format!(
                    "DBUS_SESSION_BUS_ADDRESS={address} DBUS_STARTER_ADDRESS={address} DBUS_STARTER_BUS_TYPE=system"
                ),
            ] {
                for command in commands(release) {
                    refused(&carol.run(&format!("export {variables}; {command}")));
                }
            }
        }
        let said = [said(&false_jitd), said(&false_bus)];
        assert_eq!(said, ["ready\n", "ready\n"], "{release}: somebody asked");

        // Who heeds the variable does get a yes there, and if it is root; on the
        // false bus even root's yes.
        for (socket, impostor, uid) in [(HER_BUS, &false_jitd, 1000), (FALSE_BUS, &false_bus, 0)] {
            machine
                .run(&format!(
                    "DBUS_SYSTEM_BUS_ADDRESS=unix:path={socket} impostor ask"
                ))
                .ok()
                .contains(&format!("allowed=true by uid {uid}"));
            impostor.wait_for_output("asked about uid 1000 (carol) and sudo");
        }
    }
}

/// The other way round: no variable keeps somebody out who may come in.
#[test]
fn a_variable_that_leads_nowhere_keeps_nobody_out() {
    for release in Release::ALL {
        let machine = carol_lacks_only_an_elevation(release);
        let carol = machine.ssh("carol");
        carol
            .run("export DBUS_SYSTEM_BUS_ADDRESS=unix:path=/nowhere")
            .ok();
        carol.run("jitctl status").fails_with(4);
        elevate_carol(&machine, "10m");
        for command in commands(release) {
            carol.run(&command).ok().contains("uid=0(root)");
        }
    }
}

/// What the loader makes of `LD_PRELOAD`, for comparison: it drops it for sudo
/// and su, and so would not let carol's code into them either.
#[test]
fn the_loader_takes_nothing_into_sudo_and_su() {
    for release in Release::ALL {
        let machine = carol_lacks_only_an_elevation(release);
        let carol = machine.ssh("carol");
        carol.run("export LD_PRELOAD=/home/carol/mine.so").ok();
        carol.run("/bin/true").ok().contains("cannot be preloaded");
        for command in commands(release) {
            let output = carol.run(&command);
            refused(&output);
            output.lacks("cannot be preloaded");
        }
    }
}

/// The ways to root that carol tries.
fn commands(release: Release) -> Vec<String> {
    let mut commands = vec![
        "sudo -n id".to_owned(),
        format!("su -c id <<< {ROOTS_PASSWORD}"),
    ];
    if release == Release::Trixie {
        commands.push("sudo-rs -n id".to_owned());
    }
    commands
}

/// By the gate that jitd keeps, not by some trouble. (sudo-rs keeps what a
/// module says to itself here.)
#[track_caller]
fn refused(output: &Output) {
    output.fails_with(1).lacks("uid=0");
    if output.command.contains("sudo-rs") {
        output.contains("Permission denied");
    } else {
        output.contains("is not open to carol: no active elevation");
    }
}

/// All that it has said until now.
fn said(impostor: &Background) -> String {
    impostor.wait_for_output("ready")
}
