//! Whatever is wrong with jitd or the bus: managed people are refused in time
//! and read why, nobody else notices, and when it is over all goes on.
#![allow(clippy::expect_used, clippy::panic, reason = "this is a test")]

use std::path::Path;
use std::time::Duration;

use jit_tests::{Machine, Output, Release, Shell};

mod cast;
use cast::{PASSWORD, ROOTS_PASSWORD, SOON, as_user, elevate_carol, scene};

/// The longest that anything of these waits: for the bus, or as these scenes have the module wait;
/// and a little for sudo itself.
const IN_TIME: Duration = Duration::from_millis(4_000 + 800);
/// For those who are not managed: as on any day.
const AT_ONCE: Duration = Duration::from_secs(1);

#[test]
fn jitd_is_stopped() {
    for release in Release::ALL {
        let scene = Scene::boot(release);
        scene.machine.run("systemctl stop jitd").ok();
        scene.only_carol_is_refused("jitd is not running (nobody listens at /run/jitd/gate)");
        // The module did not have it started: an admin who stops it means it.
        assert_eq!(scene.machine.pid_of_unit("jitd.service"), None);
        scene.machine.run("systemctl start jitd").ok();
        scene.carol_has_root();
    }
}

#[test]
fn jitd_is_killed_and_does_not_come_back() {
    for release in Release::ALL {
        let scene = Scene::boot(release);
        scene
            .machine
            .run("systemctl mask --runtime jitd.service")
            .ok();
        scene.machine.kill("jitd.service", "KILL");
        scene.only_carol_is_refused("jitd is not running");
        scene
            .machine
            .run("systemctl unmask --runtime jitd.service && systemctl start jitd.service")
            .ok();
        scene.carol_has_root();
    }
}

#[test]
fn jitd_is_killed_and_comes_back_by_itself() {
    for release in Release::ALL {
        let scene = Scene::boot(release);
        let before = scene.machine.pid_of_unit("jitd.service").expect("it runs");
        scene.machine.kill("jitd.service", "KILL");
        scene.machine.wait_until("carol has root again", SOON, || {
            scene.carol.run("sudo -n id").status == 0
        });
        let after = scene.machine.pid_of_unit("jitd.service").expect("it runs");
        assert_ne!(before, after, "{release}: it was not killed");
    }
}

#[test]
fn jitd_hangs() {
    for release in Release::ALL {
        let scene = Scene::boot(release);
        // As it is, this takes ten seconds each time.
        let shorter = "sed -i '/pam_jit/s/$/ timeout=2000/' /etc/pam.d/*";
        scene.machine.run(shorter).ok();
        scene.machine.kill("jitd.service", "STOP");
        scene.only_carol_is_refused("jitd did not answer within 2 s");
        scene.machine.kill("jitd.service", "CONT");
        scene.carol_has_root();
    }
}

/// The mode of its folder keeps others from the socket; here root has opened it, and mallory's
/// program says yes to whatever it is asked.
#[test]
fn somebody_else_serves_the_gate() {
    for release in Release::ALL {
        let scene = Scene::boot(release);
        let machine = &scene.machine;
        put_impostor(machine);
        machine
            .run_as("mallory", "ls /run/jitd")
            .fails_with(2)
            .contains("Permission denied");
        machine
            .run("systemctl stop jitd && install --directory --owner=mallory /run/jitd")
            .ok();
        let mallory = machine.spawn_as("mallory", "exec impostor gate /run/jitd/gate");
        mallory.wait_for_output("ready");
        // It does say yes, to whoever believes it.
        machine
            .run("impostor knock /run/jitd/gate")
            .ok()
            .contains("allowed=true");
        mallory.wait_for_output("asked about uid 1000 (carol) and sudo");

        let uid = machine.run("id -u mallory");
        let uid = uid.ok().text();
        scene.only_carol_is_refused(&format!("is served by uid {uid}, not by root"));
        let said = mallory.wait_for_output("somebody came\nsomebody came");
        assert_eq!(said.matches("asked about").count(), 1, "{said}");

        drop(mallory);
        machine.run("rm -r /run/jitd && systemctl start jitd").ok();
        scene.carol_has_root();
    }
}

/// The bus policy keeps others from the name; here root has opened it. People's calls reach jitd at
/// its own socket all the same.
#[test]
fn somebody_else_has_the_name() {
    for release in Release::ALL {
        let scene = Scene::boot(release);
        let machine = &scene.machine;
        put_impostor(machine);
        let pose = "exec impostor name unix:path=/run/dbus/system_bus_socket";
        machine.run("systemctl stop jitd").ok();
        // With the bus policy of the package, the name is out of reach.
        machine
            .run_as("mallory", pose)
            .fails_with(1)
            .contains("AccessDenied");
        let open = r#"<busconfig><policy user="mallory"><allow own="org.jitd1"/></policy>
            <policy context="mandatory"><allow send_destination="org.jitd1"/></policy></busconfig>"#;
        machine
            .run_with_input("cat >/etc/dbus-1/system.d/zz-open.conf", open)
            .ok();
        machine.run("systemctl reload dbus").ok();
        let mallory = machine.spawn_as("mallory", pose);
        mallory.wait_for_output("ready");
        machine
            .run("busctl call org.jitd1 /org/jitd1 org.jitd1.Gate Check uss 1001 carol sudo")
            .ok()
            .contains(r#""allowed" b true"#);

        scene.only_carol_is_refused("jitd is not running");
        // jitd runs beside it, and says so.
        machine.run("systemctl start jitd").ok();
        machine.wait_until("jitd says why it is not on the bus", SOON, || {
            let log = machine.run("journalctl -u jitd -o cat");
            log.stdout.contains("org.jitd1 belongs to somebody else")
        });
        scene.carol_has_root();
        scene.carol_is_revoked();

        let impostor = "$(busctl status org.jitd1 | sed -n s/^PID=//p)";
        machine
            .run(&format!(
                "pid={impostor}; kill $pid && tail --pid=$pid -f /dev/null"
            ))
            .ok();
        machine.run("rm /etc/dbus-1/system.d/zz-open.conf").ok();
        machine.run("systemctl reload dbus").ok();
        machine.wait_until("it has its name", SOON, || {
            machine.run("busctl status org.jitd1").status == 0
        });
    }
}

/// Debian's own `pam_systemd` waits for a bus that hangs, at every login and
/// every su, as the machine without our package shows. Without it, su shows
/// that we do not.
#[test]
fn the_bus_hangs() {
    for release in Release::ALL {
        let control = Machine::builder(release).plain().boot();
        control.kill("dbus.service", "STOP");
        control.run("timeout 4 su -c id").fails_with(124);
        control.kill("dbus.service", "CONT");

        let scene = Scene::boot(release);
        scene
            .machine
            .run("sed --in-place /pam_systemd/d /etc/pam.d/common-session")
            .ok();
        scene.machine.kill("dbus.service", "STOP");
        // Whoever would revoke does not need it either.
        scene.carol_has_root();
        scene.carol_is_revoked();
        scene.machine.kill("dbus.service", "CONT");
    }
}

#[test]
fn the_bus_is_stopped() {
    for release in Release::ALL {
        let scene = Scene::boot(release);
        let machine = &scene.machine;
        machine
            .run("systemctl stop dbus.socket dbus.service && test -S /run/dbus/system_bus_socket")
            .ok();
        scene.carol_has_root();
        scene.carol_is_revoked();
        machine.run("systemctl is-active jitd").ok();
        machine.run("systemctl start dbus.socket").ok();
        machine.wait_until("jitd is on the bus again", SOON, || {
            machine.run("busctl status org.jitd1").status == 0
        });
    }
}

/// jitd goes on, and is on the next bus.
#[test]
fn the_bus_dies_and_comes_back() {
    let scene = Scene::boot(Release::Bookworm);
    let machine = &scene.machine;
    let before = machine.pid_of_unit("jitd.service").expect("it runs");
    machine.kill("dbus.service", "KILL");
    scene.carol_has_root();
    machine.wait_until("jitd is on the bus again", SOON, || {
        machine.run("busctl status org.jitd1").status == 0
    });
    let after = machine.pid_of_unit("jitd.service").expect("it runs");
    assert_eq!(before, after, "it was started anew");
    scene.carol_is_revoked();
}

/// What is needed to revoke is more than a gate that answers.
#[test]
fn nobody_could_reach_jitd() {
    let scene = Scene::boot(Release::Trixie);
    scene
        .machine
        .run("mv /run/jitd/control /run/jitd/away")
        .ok();
    scene.only_carol_is_refused("nobody could reach jitd at /run/jitd/control to revoke");
    scene
        .machine
        .run("mv /run/jitd/away /run/jitd/control")
        .ok();
    scene.carol_has_root();
}

/// carol holds an active elevation that opens sudo and su. Both shells were
/// opened before anything went wrong.
struct Scene {
    machine: Machine,
    carol: Shell,
    dave: Shell,
}

impl Scene {
    #[track_caller]
    fn boot(release: Release) -> Self {
        let machine = scene(release).boot();
        let scene = Self {
            carol: machine.ssh("carol"),
            dave: machine.ssh("dave"),
            machine,
        };
        // su waits before it says that it failed: that is not ours to measure.
        scene
            .machine
            .run("echo 'FAIL_DELAY 0' >>/etc/login.defs")
            .ok();
        elevate_carol(&scene.machine, "10m");
        scene.carol_has_root();
        scene
    }

    /// By sudo without a password and with one, and by su.
    #[track_caller]
    fn carol_has_root(&self) {
        for command in [
            "sudo -n id",
            &format!("sudo -kS whoami <<< {PASSWORD}"),
            &format!("su -c id <<< {ROOTS_PASSWORD}"),
        ] {
            is_root(&self.carol.run(command));
        }
    }

    /// By alice, who was there before, and it has its effect.
    #[track_caller]
    fn carol_is_revoked(&self) {
        let revoke = "jitctl revoke --user carol --comment lost";
        as_user(&self.machine, "alice", revoke).ok();
        self.carol.run("sudo -n id").fails_with(1).lacks("uid=0");
    }

    #[track_caller]
    fn only_carol_is_refused(&self, why: &str) {
        let refused = |command: &str| {
            let output = self.carol.run(command);
            output
                .fails_with(1)
                .contains(why)
                .lacks("uid=0")
                .lacks("root\n");
            assert!(output.took < IN_TIME, "too slow: {output}");
        };
        // In the account stage, in the auth stage, and by su.
        refused("sudo -n id");
        refused(&format!("sudo -kS whoami <<< {PASSWORD}"));
        refused(&format!("su -c id <<< {ROOTS_PASSWORD}"));

        let at_once = |output: Output| {
            is_root(&output);
            assert!(output.took < AT_ONCE, "too slow: {output}");
        };
        at_once(self.dave.run(&format!("sudo -kS id <<< {PASSWORD}")));
        at_once(self.dave.run(&format!("su -c id <<< {ROOTS_PASSWORD}")));
        at_once(self.machine.run("sudo id"));
        at_once(self.machine.run("su -c id"));
        // root becomes carol as ever: it is root who asks.
        let carol = self.machine.run("sudo -u carol id && su carol -c id");
        carol.ok().contains("(carol)");
        assert!(carol.took < AT_ONCE, "too slow: {carol}");
    }
}

#[track_caller]
fn is_root(output: &Output) {
    output.ok();
    assert!(
        output.stdout.contains("uid=0(root)") || output.text() == "root",
        "not root: {output}"
    );
}

fn put_impostor(machine: &Machine) {
    machine.put_program(
        Path::new(env!("CARGO_BIN_EXE_impostor")),
        "/usr/local/bin/impostor",
    );
}
