//! Every event comes once, in order, to whatever logs a host has, while these are restarted,
//! replaced and stopped; and the gate does not notice.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "these are tests, and measure"
)]

use std::time::Duration;

use jit_tests::{LIMIT, Machine, MachineBuilder, Release};

mod cast;
mod delivery_scene;

use delivery_scene::{Gate, Load, Logs};

/// How often a syslogd is restarted.
const RESTARTS: usize = 20;
/// How long a log is stopped.
const STOPPED: Duration = Duration::from_secs(30);
/// systemd gives up on what is restarted so often.
const RESTARTABLE: &str = "[Unit]\nStartLimitIntervalSec=0\n";

jit_tests::on_each_release!(
    rsyslog_behind_the_journal,
    the_journal_alone,
    rsyslog_alone,
    a_killed_rsyslog,
    a_killed_jitd,
    ten_thousand_at_once,
    lines_are_sent_to_another_host,
    the_journal_explains,
);

fn scene(release: Release) -> MachineBuilder {
    cast::scene(release)
        .file(
            "/etc/systemd/system/rsyslog.service.d/lab.conf",
            0o644,
            RESTARTABLE,
        )
        .file(
            "/etc/systemd/system/systemd-journald.service.d/lab.conf",
            0o644,
            RESTARTABLE,
        )
}

fn boot(scene: MachineBuilder) -> Machine {
    let machine = scene.boot();
    machine.run("systemctl daemon-reload").ok();
    cast::elevate_carol(&machine, "1h");
    machine
}

fn rsyslog_behind_the_journal(release: Release) {
    let machine = boot(scene(release));
    let gate = Gate::watch(&machine);
    let load = Load::start(&machine);
    gate.quiet();
    gate.while_("logs are restarted", || {
        for _ in 0..RESTARTS {
            machine.run("systemctl restart rsyslog").ok();
            load.goes_on(5);
        }
        for _ in 0..3 {
            machine.run("systemctl restart systemd-journald").ok();
            load.goes_on(5);
        }
        machine
            .run("ln -sfn /run/systemd/journal/dev-log /dev/log")
            .ok();
    });
    gate.quiet();
    gate.while_("rsyslog is stopped", || {
        stop_for(&machine, "rsyslog", STOPPED);
    });
    gate.quiet();
    gate.while_("the journal is stopped", || {
        stop_for(&machine, "systemd-journald", STOPPED / 3);
    });
    load.stop();
    gate.did_not_notice();
    Logs::of(&machine)
        .have_all_in("auth.log")
        .have_all_in("journal");
}

fn the_journal_alone(release: Release) {
    let machine = boot(scene(release));
    machine
        .run("systemctl mask --now syslog.socket rsyslog.service; rm /run/systemd/journal/syslog")
        .ok();
    let gate = Gate::watch(&machine);
    let load = Load::start(&machine);
    gate.quiet();
    gate.while_("logs are restarted", || {
        for round in 0..RESTARTS {
            let how = if round % 2 == 0 {
                "restart"
            } else {
                "kill --signal=KILL"
            };
            machine
                .run(&format!("systemctl {how} systemd-journald"))
                .ok();
            load.goes_on(5);
        }
    });
    gate.quiet();
    gate.while_("the journal is stopped", || {
        stop_for(&machine, "systemd-journald", STOPPED);
    });
    load.stop();
    gate.did_not_notice();
    Logs::of(&machine).have_all_in("journal");
}

fn rsyslog_alone(release: Release) {
    let mut machine = boot(scene(release));
    machine
        .run(
            r#"sed -i 's|^module(load="imuxsock").*|module(load="imuxsock" SysSock.Name="/dev/log")|' /etc/rsyslog.conf
            printf '[Service]\nPrivateDevices=no\n' >>/etc/systemd/system/rsyslog.service.d/lab.conf
            cd /etc/systemd/system
            for unit in systemd-journald.service systemd-journald.socket systemd-journald-dev-log.socket \
                systemd-journald-audit.socket syslog.socket systemd-journal-flush.service; do
                ln -sf /dev/null $unit
            done
            sed 's/^Requires=syslog.socket//' /usr/lib/systemd/system/rsyslog.service >rsyslog.service
            rm -f /etc/systemd/system/sockets.target.wants/*journald* /etc/systemd/system/syslog.service"#,
        )
        .ok();
    machine.reboot();
    machine
        .run("test -S /dev/log && ! test -L /dev/log && ! test -e /run/systemd/journal/socket")
        .ok();
    let before = Logs::of(&machine).newest();
    let gate = Gate::watch(&machine);
    let load = Load::start(&machine);
    gate.quiet();
    gate.while_("logs are restarted", || {
        for _ in 0..RESTARTS {
            machine.run("systemctl restart rsyslog").ok();
            load.goes_on(5);
        }
        // Another one takes its place while the old one still reads.
        machine
            .run("mv /dev/log /dev/old-log && systemctl restart rsyslog")
            .ok();
        load.goes_on(5);
    });
    gate.quiet();
    gate.while_("rsyslog is stopped", || {
        stop_for(&machine, "rsyslog", STOPPED);
    });
    load.stop();
    gate.did_not_notice();
    Logs::of(&machine).after(before).have_all_in("auth.log");
}

/// What rsyslogd has read and not written is gone with it. That is next to nothing of jitd's, which
/// sends no event before the one before was read.
fn a_killed_rsyslog(release: Release) {
    let machine = boot(scene(release));
    let load = Load::start(&machine);
    for _ in 0..RESTARTS {
        load.goes_on(5);
        machine.kill("rsyslog", "KILL");
        machine.run("systemctl restart rsyslog").ok();
    }
    load.stop();
    let logs = Logs::of(&machine);
    let lost = logs.missing_in("auth.log");
    let again = logs.told_again_in("auth.log");
    println!(
        "{release}: {RESTARTS} times kill -9 of rsyslogd under load lost {lost:?}, twice {again:?}"
    );
    assert!(lost.len() <= RESTARTS / 10, "{lost:?}");
    assert!(again.len() <= RESTARTS / 10, "{again:?}");
    logs.have_all_in("journal");
}

/// It may say again what it had not noted as said: the same, and little.
fn a_killed_jitd(release: Release) {
    let machine = boot(scene(release));
    let load = Load::start(&machine);
    for _ in 0..RESTARTS {
        load.goes_on(5);
        machine.kill("jitd", "KILL");
    }
    load.stop();
    let logs = Logs::of(&machine);
    for log in ["auth.log", "journal"] {
        let again = logs.told_again_in(log);
        println!("{release}: after {RESTARTS} times kill -9 of jitd, {log} has twice: {again:?}");
        assert!(again.len() <= RESTARTS * 8, "{log}: {again:?}");
    }
}

/// More than the journal takes of others.
fn ten_thousand_at_once(release: Release) {
    let machine = boot(scene(release).file(
        "/etc/systemd/journald.conf.d/lab.conf",
        0o644,
        "[Journal]\nRateLimitBurst=100\n",
    ));
    machine.run("systemctl restart systemd-journald").ok();
    let count = 10_000;
    let logs = Logs::of(&machine);
    machine.run("systemctl stop jitd").ok();
    let newest = logs.add_events(count);
    let started = std::time::Instant::now();
    machine.run("systemctl start jitd").ok();
    logs.wait_until_told(newest);
    let took = started.elapsed();
    let rate = f64::from(count) / took.as_secs_f64();
    println!("{release}: {count} events told to both in {took:?}: {rate:.0}/s");
    logs.have_all_in("auth.log").have_all_in("journal");
}

/// With the example that is shipped, to an rsyslogd that is away for a while.
fn lines_are_sent_to_another_host(release: Release) {
    let machine = boot(scene(release).file("/etc/far.conf", 0o644, FAR));
    let far = "rsyslogd -f /etc/far.conf -i /run/far.pid";
    machine
        .run(&format!(
            "{far} && cp /usr/share/doc/jitd/examples/rsyslog-forward.conf /etc/rsyslog.d/30-jitd-forward.conf \
             && rsyslogd -N1 && systemctl restart rsyslog"
        ))
        .ok();
    let before = Logs::of(&machine).newest();
    cast::elevate_carol(&machine, "10m");
    let newest = Logs::of(&machine).newest();
    let sent: Vec<_> = (before + 1..=newest).collect();
    assert_eq!(numbers_there(&machine), sent);
    machine
        .run("kill $(cat /run/far.pid); while [ -e /run/far.pid ]; do sleep 0.01; done")
        .ok();
    cast::elevate_carol(&machine, "11m");
    machine.run("systemctl restart rsyslog").ok();
    cast::elevate_carol(&machine, "12m");
    machine.run(far).ok();
    // Plain TCP acknowledges nothing: the first line into the broken connection may be lost.
    let mut there = numbers_there(&machine);
    there.sort_unstable();
    there.dedup();
    let newest = Logs::of(&machine).newest();
    let missing = (before + 1..=newest).filter(|seq| !there.contains(seq));
    let missing: Vec<_> = missing.collect();
    println!("{release}: lost in the broken connection: {missing:?}");
    assert!(missing.len() <= 1, "{missing:?}");
}

/// The numbers of what the other host has, when it has the newest.
#[track_caller]
fn numbers_there(machine: &Machine) -> Vec<u64> {
    let newest = Logs::of(machine).newest();
    let far = || machine.file("/var/log/far.log");
    machine.wait_until("the other host has it", LIMIT, || {
        far().contains(&format!(" seq={newest} chain="))
    });
    numbers_in(&far())
}

/// The other host's rsyslogd.
const FAR: &str = r#"
module(load="imtcp")
input(type="imtcp" address="127.0.0.1" port="6514")
template(name="line" type="string" string="%syslogfacility-text% %programname%:%msg%\n")
action(type="omfile" file="/var/log/far.log" template="line")
"#;

/// The numbers in jitd's lines, all of which must have a link.
fn numbers_in(far: &str) -> Vec<u64> {
    let lines = far.lines().filter_map(|line| {
        let line = line.strip_prefix("authpriv jitd: event=")?;
        let (_, end) = line.rsplit_once(" seq=")?;
        let (seq, chain) = end.split_once(" chain=")?;
        assert_eq!(chain.len(), 64, "{line}");
        seq.parse().ok()
    });
    lines.collect()
}

fn the_journal_explains(release: Release) {
    let machine = boot(scene(release));
    let logs = Logs::of(&machine);
    logs.wait_until_told(logs.newest());
    let read = "journalctl --sync; journalctl -x --no-pager --identifier=jitd JITD_ID=1";
    let said = machine.run(read);
    said.ok()
        .contains("Subject: carol asks for the role deploy")
        .contains("Subject: alice agrees to elevation 1 of carol")
        .contains("jitctl revoke 1 --comment TEXT")
        .contains("Documentation: man:jitd-events(7)")
        .lacks("@JITD");
}

/// The main process of a unit does nothing for so long.
fn stop_for(machine: &Machine, unit: &str, length: Duration) {
    machine.kill(unit, "STOP");
    std::thread::park_timeout(length);
    machine.kill(unit, "CONT");
}
