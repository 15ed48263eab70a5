//! Somebody sets the clock, suspends the host, or starts it again with its clock set back:
//! privilege never lasts longer for it, and the record tells.
//!
//! A container has no wall clock of its own: that of the machine that builds stays as it is,
//! and jitd's own view of the clocks is set, by a preloaded library.
#![allow(clippy::expect_used, clippy::panic, reason = "this is a test")]

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use jit_tests::{LIMIT, Machine, Release, on_each_release};
use serde_json::Value;

mod cast;
use cast::{SOON, as_user, carol_asks, elevate_carol, members, scene, state};

on_each_release!(
    set_back_it_ends_when_it_would_have,
    set_forward_it_ends_at_once,
    the_time_zone_is_no_clock,
    a_suspend_ends_what_it_outlasts,
    set_back_across_a_reboot_it_is_over,
    in_1970_time_passes_too,
    a_set_time_is_a_time_by_the_wall_clock,
    nobody_logs_in_before_the_host_matches,
    its_holder_is_warned_where_the_session_is,
);

const SECOND: i64 = 1_000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;
const YEAR: i64 = 365 * 24 * HOUR;

/// Other clocks; and a boot of its own at each boot, where the kernel has but one.
const UNIT: &str = "[Service]
Environment=LD_PRELOAD=/usr/local/lib/lab-clocks.so
";

/// A machine whose jitd sees other clocks than it has.
struct Clocks {
    machine: Machine,
    /// By how much they are off.
    off: (i64, i64),
}

impl Clocks {
    #[track_caller]
    fn boot(release: Release) -> Self {
        let machine = scene(release)
            .file("/etc/systemd/system/jitd.service.d/lab.conf", 0o644, UNIT)
            .file(
                "/etc/tmpfiles.d/lab.conf",
                0o644,
                "f+ /run/lab-boot 0644 root root - %b\n",
            )
            .boot();
        let folder = tempfile::tempdir().expect("a folder");
        let library = folder.path().join("lab-clocks.so");
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("preload/clocks.c");
        let built = Command::new("cc")
            .args(["-shared", "-fPIC", "-O2", "-o"])
            .args([&library, &source])
            .status();
        assert!(built.expect("cc").success(), "the library can't be built");
        machine.put_program(&library, "/usr/local/lib/lab-clocks.so");
        machine
            .run("systemd-tmpfiles --create && systemctl daemon-reload && systemctl restart jitd")
            .ok();
        let off = (0, 0);
        Self { machine, off }
    }

    /// Sets the wall clock by so many milliseconds; jitd has seen it when this returns.
    #[track_caller]
    fn set(&mut self, by: i64) {
        self.shift(by, 0);
        self.is_noticed(by);
    }

    /// A step of so many milliseconds is put on record.
    #[track_caller]
    fn is_noticed(&self, by: i64) {
        // Whoever comes makes jitd look at the clock.
        as_user(&self.machine, "carol", "jitctl status").ok();
        self.machine.wait_until("the step is on record", SOON, || {
            self.steps().pop() == Some(by / SECOND)
        });
    }

    /// So much time passes by both clocks, as in a suspend.
    #[track_caller]
    fn pass(&mut self, milliseconds: i64) {
        self.shift(milliseconds, milliseconds);
        self.ring();
    }

    /// No timer of the kernel's knows of these clocks: something happens, after which jitd does
    /// what is due.
    #[track_caller]
    fn ring(&self) {
        let id = carol_asks(&self.machine, "1m");
        as_user(&self.machine, "carol", &format!("jitctl cancel {id}")).ok();
    }

    #[track_caller]
    fn shift(&mut self, wall: i64, boot: i64) {
        self.off = (self.off.0 + wall, self.off.1 + boot);
        let (wall, boot) = self.off;
        self.machine
            .run(&format!(
                "echo {wall} {boot} >/etc/lab-clocks.new && mv /etc/lab-clocks.new /etc/lab-clocks"
            ))
            .ok();
    }

    /// jitd is killed, then the wall clock is set, and the host is started again.
    #[track_caller]
    fn reboot_with_the_clock_set(&mut self, by: i64) {
        self.machine
            .run("systemctl mask --runtime jitd.service")
            .ok();
        self.machine.kill("jitd.service", "KILL");
        // The boot clock begins anew.
        let uptime = self.machine.file("/proc/uptime");
        let (seconds, _) = uptime.split_once('.').expect("seconds");
        let seconds: i64 = seconds.parse().expect("a number");
        self.shift(by, -seconds * SECOND - self.off.1);
        self.machine.reboot();
    }

    /// The steps on record since boot, in seconds.
    #[track_caller]
    fn steps(&self) -> Vec<i64> {
        let journal = self.machine.run(
            "journalctl --sync && journalctl --boot --no-pager --output=cat \
             -u jitd JITD_EVENT=clock.stepped",
        );
        let lines = journal.ok().stdout.lines().map(|line| {
            let step = line.split_once(" step=").expect("a step").1;
            let (step, times) = step.split_once(" from=").expect("from when");
            assert!(times.contains("Z to="), "{line}");
            step.parse().expect("a number")
        });
        lines.collect()
    }

    #[track_caller]
    fn carol_has_root(&self) {
        let carol = self.machine.ssh("carol");
        carol.run("sudo -n id").ok().contains("uid=0(root)");
        assert_eq!(members(&self.machine, "jit-deploy"), ["carol"]);
    }

    /// The gate refuses her, she is out of the group, and the record says why.
    #[track_caller]
    fn carol_has_nothing(&self, id: u64) {
        let carol = self.machine.ssh("carol");
        carol.run("sudo -n id").fails_with(1).lacks("uid=0");
        self.machine
            .wait_until("carol is out of the group", SOON, || {
                members(&self.machine, "jit-deploy").is_empty()
            });
        assert_eq!(state(&self.machine, id), "expired");
    }
}

fn set_back_it_ends_when_it_would_have(release: Release) {
    let mut clocks = Clocks::boot(release);
    for by in [-HOUR, -YEAR] {
        let length = Duration::from_secs(8);
        let began = Instant::now();
        let id = elevate_carol(&clocks.machine, "8s");
        clocks.set(by);
        clocks.carol_has_root();
        assert!(began.elapsed() < length, "{release}: too late to tell");
        let carol = clocks.machine.ssh("carol");
        clocks
            .machine
            .wait_until("it is over", LIMIT, || carol.run("sudo -n id").status == 1);
        let took = began.elapsed();
        assert!(
            took < length + Duration::from_secs(5),
            "{release}: {took:?}"
        );
        clocks.carol_has_nothing(id);
        clocks.set(-by);
    }
}

fn set_forward_it_ends_at_once(release: Release) {
    let mut clocks = Clocks::boot(release);
    for by in [HOUR, YEAR] {
        let id = elevate_carol(&clocks.machine, "30m");
        clocks.carol_has_root();
        clocks.shift(by, 0);
        // Before anything has looked.
        let carol = clocks.machine.ssh("carol");
        carol.run("sudo -n id").fails_with(1).lacks("uid=0");
        clocks.is_noticed(by);
        clocks.carol_has_nothing(id);
        // Nor does it come back.
        clocks.set(-by);
        clocks.carol_has_nothing(id);
    }
}

fn the_time_zone_is_no_clock(release: Release) {
    let clocks = Clocks::boot(release);
    let id = elevate_carol(&clocks.machine, "10m");
    let zone = || clocks.machine.run("date +%z").ok().text().to_owned();
    let end = || {
        let shown = clocks.machine.run(&format!("jitctl show {id} --json"));
        let shown: Value = serde_json::from_str(shown.ok().text()).expect("JSON");
        shown["ends_at"].clone()
    };
    let before = (zone(), end());
    clocks
        .machine
        .run("ln -sf /usr/share/zoneinfo/Asia/Tokyo /etc/localtime")
        .ok();
    assert_ne!(zone(), before.0, "{release}");
    for restart in [false, true] {
        if restart {
            clocks.machine.run("systemctl restart jitd").ok();
        }
        as_user(&clocks.machine, "carol", "jitctl status").ok();
        clocks.carol_has_root();
        assert_eq!(clocks.steps(), [0; 0], "{release}");
        assert_eq!(end(), before.1, "{release}");
    }
}

fn a_suspend_ends_what_it_outlasts(release: Release) {
    let mut clocks = Clocks::boot(release);
    let id = elevate_carol(&clocks.machine, "30m");
    clocks.pass(20 * MINUTE);
    clocks.carol_has_root();
    clocks.pass(10 * MINUTE);
    clocks.carol_has_nothing(id);
    assert_eq!(clocks.steps(), [0; 0], "{release}: nobody set the clock");
    // With the wall clock held back meanwhile, the boot clock tells.
    let id = elevate_carol(&clocks.machine, "30m");
    clocks.shift(0, HOUR);
    clocks.ring();
    clocks.carol_has_nothing(id);
    assert_eq!(clocks.steps(), [-3600], "{release}");
}

fn set_back_across_a_reboot_it_is_over(release: Release) {
    let mut clocks = Clocks::boot(release);
    let id = elevate_carol(&clocks.machine, "30m");
    clocks.pass(10 * MINUTE);
    clocks.carol_has_root();
    // Back to a time within the elevation.
    clocks.reboot_with_the_clock_set(-5 * MINUTE);
    clocks.carol_has_nothing(id);
    let steps = clocks.steps();
    assert!(matches!(steps[..], [-300..=-200]), "{release}: {steps:?}");
    let journal = clocks.machine.journal();
    let line = format!("event=elevation.expired id={id} ");
    let line = journal.lines().find(|entry| entry.contains(&line));
    let line = line.unwrap_or_else(|| panic!("{release}: no end in\n{journal}"));
    assert!(line.contains("clock set back"), "{release}: {line}");
}

fn in_1970_time_passes_too(release: Release) {
    let mut clocks = Clocks::boot(release);
    let id = elevate_carol(&clocks.machine, "30m");
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH);
    let since_1970 = since_1970.expect("after 1970").as_secs();
    let leap = -i64::try_from(since_1970).expect("not too far") * SECOND;
    clocks.set(leap);
    clocks.carol_has_root();
    clocks.pass(10 * MINUTE);
    // It goes on across a reboot, for what is left.
    clocks.reboot_with_the_clock_set(0);
    assert_eq!(clocks.steps(), [0; 0], "{release}");
    clocks.carol_has_root();
    clocks.pass(19 * MINUTE);
    clocks.carol_has_root();
    clocks.pass(MINUTE);
    clocks.carol_has_nothing(id);
    // Back in the present it is no longer.
    clocks.set(-leap);
    clocks.carol_has_nothing(id);
}

fn a_set_time_is_a_time_by_the_wall_clock(release: Release) {
    let mut clocks = Clocks::boot(release);
    let start = clocks
        .machine
        .run("date --utc --date='+1 hour' +%Y-%m-%dT%H:%M:%SZ");
    let asked = as_user(
        &clocks.machine,
        "carol",
        &format!("jitctl request deploy --for 10m --at {}", start.ok().text()),
    );
    let id: u64 = asked.ok().text().parse().expect("a number");
    cast::alice(&clocks.machine, &format!("approve {id}")).ok();
    clocks.set(-HOUR);
    clocks.pass(HOUR + 5 * MINUTE);
    assert_eq!(state(&clocks.machine, id), "scheduled", "{release}");
    clocks.pass(55 * MINUTE);
    clocks.machine.wait_until("it has begun", SOON, || {
        state(&clocks.machine, id) == "active"
    });
    clocks.carol_has_root();
    clocks.pass(10 * MINUTE);
    clocks.carol_has_nothing(id);
}

/// While jitd starts, /run/nologin keeps people out (`pam_nologin`), and sshd is not there yet.
fn nobody_logs_in_before_the_host_matches(release: Release) {
    let mut machine = scene(release)
        .file(
            "/usr/local/sbin/door",
            0o755,
            "#!/bin/sh
            # Waits for the door to open, in vain.
            for try in 1 2 3 4 5 6 7 8 9 10; do
                test -e /run/nologin || exit 0
                systemctl --quiet is-active ssh.service && exit 0
                sleep 0.2
            done
            touch /var/tmp/the-door-was-shut\n",
        )
        .file(
            "/etc/systemd/system/jitd.service.d/lab.conf",
            0o644,
            "[Service]\nExecStartPre=/usr/local/sbin/door\nReadWritePaths=/var/tmp\nPrivateTmp=no\n",
        )
        .boot();
    machine.run("rm -f /var/tmp/the-door-was-shut").ok();
    machine.reboot();
    machine.run("test -e /var/tmp/the-door-was-shut").ok();
    machine.run("test ! -e /run/nologin").ok();
    machine.ssh("carol").run("true").ok();
}

/// Five minutes before the end and one, on the terminal of the session, and on no other: neither
/// on another one of hers nor on anybody else's.
fn its_holder_is_warned_where_the_session_is(release: Release) {
    let mut clocks = Clocks::boot(release);
    let mut hers = clocks.machine.ssh_tty("carol");
    let mut others = [
        clocks.machine.ssh_tty("carol"),
        clocks.machine.ssh_tty("dave"),
    ];
    let id = elevate_carol(&clocks.machine, "10m");
    hers.type_line("sudo sleep 1000");
    hers.expect("assword");
    hers.type_line(cast::PASSWORD);
    clocks.machine.wait_until("her session runs", LIMIT, || {
        clocks.machine.run("pgrep -x sleep").status == 0
    });
    for (passes, left) in [(5 * MINUTE + SECOND, "4m"), (4 * MINUTE, "5")] {
        clocks.pass(passes);
        hers.expect(&format!(
            "jitd: your elevation {id} (deploy) ends in {left}"
        ));
        hers.expect(&format!("To go on: jitctl extend {id} --for 10m"));
    }
    for terminal in &mut others {
        terminal.type_line("echo not''hing");
        let screen = terminal.expect("nothing");
        assert!(!screen.contains("ends in"), "{screen}");
    }
}
