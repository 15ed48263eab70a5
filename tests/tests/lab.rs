//! The harness itself: machines are fresh, quick, real and harmless.
#![allow(clippy::expect_used, clippy::print_stdout, reason = "this is a test")]

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use jit_tests::{Machine, Release};

#[test]
fn a_machine_boots_in_less_than_two_seconds() {
    for release in Release::ALL {
        // The root is made outside of what is measured.
        drop(Machine::builder(release).plain().boot());
        let mut took: Vec<_> = (0..3)
            .map(|_| {
                let start = Instant::now();
                let machine = Machine::builder(release).plain().boot();
                let took = start.elapsed();
                machine
                    .run("systemctl is-system-running")
                    .contains("running");
                took
            })
            .collect();
        took.sort_unstable();
        println!("{release}: booted in {took:?}");
        assert!(took[1] < Duration::from_secs(2), "{release} took {took:?}");
    }
}

#[test]
fn a_login_is_one_shell_with_one_state() {
    let machine = Machine::builder(Release::Bookworm)
        .plain()
        .user_in("carol", &["contractors"])
        .boot();
    let carol = machine.ssh("carol");
    carol.run("cd /var; export WHERE=here; false").fails_with(1);
    carol
        .run("pwd; echo $WHERE; echo aside >&2")
        .ok()
        .contains("/var\nhere");
    assert_eq!(carol.run("echo aside >&2").stderr, "aside\n");
    carol.run("syntax ( error").fails_with(2);
    carol.run("printf 'no newline'").ok().contains("no newline");
    assert_eq!(machine.groups_of("carol"), ["carol", "contractors"]);
    assert!(
        carol
            .try_run_within(Duration::from_secs(5), "exit 3")
            .is_err()
    );
    machine.wait_until("the login ends", Duration::from_secs(5), || {
        !carol.is_open()
    });
}

#[test]
fn a_login_has_a_login_uid_and_a_session() {
    for release in Release::ALL {
        let machine = Machine::builder(release).plain().user("carol").boot();
        let carol = machine.ssh("carol");
        let uid = carol.run("id -u");
        let login_uid = carol.run("cat /proc/self/loginuid");
        assert_eq!(uid.ok().text(), login_uid.ok().text(), "{release}");
        carol.run("cat /proc/self/cgroup").ok().contains("session-");
        assert!(machine.auth_log().contains("Accepted publickey for carol"));
    }
}

#[test]
fn sudo_works_with_a_password() {
    let machine = Machine::builder(Release::Bookworm)
        .plain()
        .user_in("dora", &["sudo"])
        .password("dora", "correct horse")
        .boot();
    let dora = machine.ssh("dora");
    dora.run("echo 'correct horse' | sudo -S id")
        .ok()
        .contains("uid=0(root)");
    dora.run("sudo -k; echo wrong | sudo -S id").fails_with(1);
    dora.run("sudo -n id").fails_with(1);

    let mut terminal = machine.ssh_tty("dora");
    terminal.type_line("sudo id");
    terminal.expect("password for dora");
    terminal.type_line("correct horse");
    terminal.expect("uid=0(root)");
    // sudo drops what is typed before it has gone.
    terminal.expect("$ ");
    terminal.type_line("sudo -n id -u; echo sta''tus $?");
    terminal.expect("status 0");
    terminal.type_line("exit");
    terminal.expect_end(Duration::from_secs(5));
}

#[test]
fn sudo_can_be_sudo_rs() {
    let machine = Machine::builder(Release::Trixie)
        .plain()
        .sudo_rs()
        .user("dora")
        .file(
            "/etc/sudoers.d/dora",
            0o440,
            "dora ALL=(ALL:ALL) NOPASSWD: ALL\n",
        )
        .boot();
    machine
        .run_as("dora", "sudo --version")
        .ok()
        .contains("sudo-rs");
    machine
        .run_as("dora", "sudo id")
        .ok()
        .contains("uid=0(root)");
}

#[test]
fn a_time_limit_ends_what_hangs() {
    let machine = Machine::builder(Release::Bookworm)
        .plain()
        .user("carol")
        .boot();
    let start = Instant::now();
    let hung = catch_unwind(AssertUnwindSafe(|| {
        machine.run_within(Duration::from_millis(200), "sleep 60")
    }));
    assert!(hung.is_err());
    assert!(start.elapsed() < Duration::from_secs(2));
    let carol = machine.ssh("carol");
    let hung = catch_unwind(AssertUnwindSafe(|| {
        carol.run_within(Duration::from_millis(200), "sleep 60")
    }));
    assert!(hung.is_err());
}

#[test]
fn a_background_command_is_waited_for() {
    let machine = Machine::builder(Release::Bookworm)
        .plain()
        .user("carol")
        .boot();
    let carol = machine.ssh("carol");
    let mut waiting =
        carol.spawn("echo waiting; until test -e /tmp/go; do sleep 0.05; done; exit 7");
    waiting.wait_for_output("waiting");
    assert!(waiting.is_running());
    carol.run("touch /tmp/go").ok();
    waiting.wait(Duration::from_secs(5)).fails_with(7);
}

#[test]
fn a_reboot_keeps_files_and_ends_logins() {
    let mut machine = Machine::builder(Release::Trixie)
        .plain()
        .user("carol")
        .boot();
    let carol = machine.ssh("carol");
    let boot = machine.file("/proc/sys/kernel/random/boot_id");
    machine
        .run("echo kept >/etc/kept; echo lost >/run/lost")
        .ok();
    machine.reboot();
    assert!(!carol.is_open());
    assert_eq!(machine.file("/etc/kept"), "kept\n");
    machine.run("test -e /run/lost").fails_with(1);
    assert_ne!(machine.file("/proc/sys/kernel/random/boot_id"), boot);
    machine.power_cycle();
    assert_eq!(machine.file("/etc/kept"), "kept\n");
    machine.run_as("carol", "true").ok();
}

#[test]
fn a_service_can_be_killed() {
    let machine = Machine::builder(Release::Bookworm).plain().boot();
    let before = machine
        .pid_of_unit("rsyslog.service")
        .expect("rsyslog runs");
    machine.kill("rsyslog.service", "KILL");
    machine.wait_until("rsyslog is back", Duration::from_secs(5), || {
        machine
            .pid_of_unit("rsyslog.service")
            .is_some_and(|pid| pid != before)
    });
    assert!(machine.journal().contains("rsyslog.service"));
}

#[test]
fn nothing_in_a_machine_can_set_the_clock() {
    /// The number of `CAP_SYS_TIME` in capabilities(7).
    const SYS_TIME: u64 = 1 << 25;
    let machine = Machine::builder(Release::Bookworm)
        .plain()
        .user("carol")
        .boot();
    let carol = machine.ssh("carol");
    for status in [
        machine.file("/proc/self/status"),
        machine.file("/proc/1/status"),
        carol.run("cat /proc/self/status").stdout,
    ] {
        for set in ["CapInh:", "CapPrm:", "CapEff:", "CapBnd:", "CapAmb:"] {
            let line = status.lines().find_map(|line| line.strip_prefix(set));
            let bits = u64::from_str_radix(line.expect(set).trim(), 16).expect(set);
            assert_eq!(bits & SYS_TIME, 0, "{set} in\n{status}");
        }
    }
}

#[test]
fn machines_do_not_see_each_other() {
    let one = Machine::builder(Release::Bookworm)
        .plain()
        .user("carol")
        .boot();
    let other = Machine::builder(Release::Bookworm).plain().boot();
    one.run("touch /here").ok();
    other.run("test -e /here").fails_with(1);
    other.run("id carol").fails_with(1);
    one.run("systemctl poweroff").ok();
    other.run("systemctl is-system-running").contains("running");
}
