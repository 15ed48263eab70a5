//! What happens on a host is on record: who was not let in, who was put into which group, and how
//! jitd itself came and went.
#![allow(clippy::expect_used, clippy::panic, reason = "these are tests")]

use std::path::Path;
use std::time::Duration;

use jit_tests::recorded::{Event, recorded};
use jit_tests::{LIMIT, Machine, Release, on_each_release};

mod cast;
use cast::{SOON, elevate_carol, scene};

on_each_release!(
    a_refused_sudo_is_on_record_at_once_with_where_and_why,
    a_refused_login_says_from_where,
    a_loop_of_refusals_is_few_events_whose_counts_add_up,
    who_is_refused_while_jitd_stops_is_counted_too,
    stops_crashes_reboots_and_outages_are_told_apart,
    setup_is_on_record_and_works_without_jitd,
    removal_is_on_record,
    memberships_are_on_record_wherever_they_are_kept,
    the_second_enforcer_is_on_record_where_it_acted,
    the_policy_is_on_record_with_its_digest,
);

/// So that sudo asks for no password; the gate stands all the same.
const NO_PASSWORDS: (&str, u32, &str) = (
    "/etc/sudoers.d/zzz-lab",
    0o440,
    "carol ALL=(ALL:ALL) NOPASSWD: ALL\n",
);

/// What is on record is, after so long.
const AT_ONCE: Duration = Duration::from_secs(1);

fn machine(release: Release) -> Machine {
    let (path, mode, rules) = NO_PASSWORDS;
    scene(release).file(path, mode, rules).boot()
}

/// What has come on record under such names since the event with this number.
#[track_caller]
fn since(machine: &Machine, seq: i64, like: &str) -> Vec<Event> {
    let mut events = recorded(machine, like);
    events.retain(|event| event.seq > seq);
    events
}

/// The number of the newest event.
#[track_caller]
fn newest(machine: &Machine) -> i64 {
    recorded(machine, "%").last().map_or(0, |event| event.seq)
}

#[track_caller]
fn names(events: &[Event]) -> Vec<&str> {
    events.iter().map(|event| event.name.as_str()).collect()
}

/// So many were refused by what is on record.
#[track_caller]
fn sum(events: &[Event]) -> usize {
    let count = |event: &Event| match event.field("count") {
        "" => 1,
        count => count.parse().expect("a number"),
    };
    events.iter().map(count).sum()
}

fn a_refused_sudo_is_on_record_at_once_with_where_and_why(release: Release) {
    let machine = machine(release);
    let before = newest(&machine);
    let mut carol = machine.ssh_tty("carol");
    carol.type_line("tty; sudo -n id; echo do''ne");
    carol.expect("done\r\n");
    let refused = || since(&machine, before, "gate.refused");
    machine.wait_until("it is on record", AT_ONCE, || !refused().is_empty());
    let [refusal] = &refused()[..] else {
        panic!("{:?}", refused())
    };
    assert_eq!((refusal.user.as_str(), refusal.id), ("carol", 0));
    assert_eq!(refusal.field("service"), "sudo");
    assert!(
        refusal.field("terminal").starts_with("/dev/pts/"),
        "{refusal:?}"
    );
    assert_eq!(refusal.field("because"), "no active elevation");

    // What waits is named, and another service is another event.
    cast::carol_asks(&machine, "10m");
    carol.type_line("sudo -n -i id; echo do''ne");
    carol.expect("done\r\n");
    machine.wait_until("it is on record", AT_ONCE, || refused().len() == 2);
    let refusal = refused().remove(1);
    assert_eq!(
        (refusal.field("service"), refusal.field("pending")),
        ("sudo-i", "1")
    );
    // Who is let in is not refused, and who is not managed neither.
    elevate_carol(&machine, "10m");
    carol.type_line("sudo -n id; echo do''ne");
    carol.expect("uid=0(root)");
    machine.run("true").ok();
    machine.run("systemctl stop jitd").ok();
    assert_eq!(refused().len(), 2);
}

fn a_refused_login_says_from_where(release: Release) {
    let machine = scene(release).boot();
    jit_tests::scene::gate_sshd(&machine);
    let before = newest(&machine);
    machine
        .run("ssh -o BatchMode=yes -o StrictHostKeyChecking=no carol@127.0.0.1 true; true")
        .ok();
    let refused = || since(&machine, before, "gate.refused");
    machine.wait_until("it is on record", SOON, || !refused().is_empty());
    let refusal = refused().remove(0);
    assert_eq!(refusal.user, "carol");
    assert_eq!(refusal.field("service"), "sshd");
    assert!(!refusal.field("remote").is_empty(), "{refusal:?}");
}

fn a_loop_of_refusals_is_few_events_whose_counts_add_up(release: Release) {
    let machine = machine(release);
    machine.put_program(
        Path::new(env!("CARGO_BIN_EXE_impostor")),
        "/usr/local/bin/impostor",
    );
    let before = newest(&machine);
    machine
        .run_within(
            Duration::from_secs(120),
            "for n in $(seq 200); do
                 setpriv --reuid=carol --regid=carol --init-groups sudo -n id 2>/dev/null
             done; true",
        )
        .ok();
    let said = machine.run("impostor knock /run/jitd/gate 1800");
    said.ok().contains("allowed=false");
    machine.run("systemctl stop jitd").ok();
    let refused = since(&machine, before, "gate.refused");
    assert_eq!(sum(&refused), 2000, "{refused:#?}");
    assert!(refused.len() <= 4, "{refused:#?}");
    let last = refused.last().expect("some");
    assert!(!last.field("since").is_empty() && last.field("since") <= last.field("until"));
    let after = since(&machine, before, "%");
    assert_eq!(names(&after).last(), Some(&"daemon.stopped"));
}

fn who_is_refused_while_jitd_stops_is_counted_too(release: Release) {
    let machine = machine(release);
    machine.put_program(
        Path::new(env!("CARGO_BIN_EXE_impostor")),
        "/usr/local/bin/impostor",
    );
    let before = newest(&machine);
    machine
        .run("impostor knock /run/jitd/gate 100000000 >/run/said 2>&1 &")
        .ok();
    let refused = || since(&machine, before, "gate.refused");
    machine.wait_until("somebody is refused", SOON, || !refused().is_empty());
    machine.run("systemctl stop jitd").ok();
    let answered = || {
        let said = machine.file("/run/said");
        let (_, answered) = said.split_once("answered=")?;
        answered.trim().parse::<usize>().ok()
    };
    machine.wait_until("the gate has hung up", SOON, || answered().is_some());
    let answered = answered().expect("a number");
    assert_eq!(sum(&refused()), answered, "{release}: {:#?}", refused());
}

fn stops_crashes_reboots_and_outages_are_told_apart(release: Release) {
    let mut machine = scene(release).boot();
    let mut last = newest(&machine);
    let mut runs = |machine: &Machine, expected: &[(&str, &str)]| {
        let told = || since(machine, last, "daemon.%");
        machine.wait_until("all is on record", SOON, || told().len() >= expected.len());
        let told = told();
        let words = |event: &Event| {
            let because = event.field("because").to_owned();
            (event.name.clone(), because + event.field("after"))
        };
        let words: Vec<_> = told.iter().map(words).collect();
        let words: Vec<_> = words
            .iter()
            .map(|(name, word)| (name.as_str(), word.as_str()))
            .collect();
        assert_eq!(words, expected, "{release}");
        last = newest(machine);
        told
    };
    machine.run("systemctl restart jitd").ok();
    runs(
        &machine,
        &[("daemon.stopped", "SIGTERM"), ("daemon.started", "stop")],
    );

    let id = elevate_carol(&machine, "2s");
    let pid = machine.pid_of_unit("jitd.service");
    // systemd starts it again when there is something to catch up with.
    machine
        .run(
            "mkdir -p /run/systemd/system/jitd.service.d
            printf '[Service]\nRestartSec=3s\n' >/run/systemd/system/jitd.service.d/late.conf
            systemctl daemon-reload; systemctl stop 'jitd-enforce@*.timer'",
        )
        .ok();
    machine.kill("jitd.service", "KILL");
    machine.wait_until("it is back", SOON, || {
        let now = machine.pid_of_unit("jitd.service");
        now.is_some() && now != pid
    });
    let told = runs(
        &machine,
        &[("daemon.started", "crash"), ("daemon.recovered", "crash")],
    );
    let recovered = &told[1];
    let caught_up = ["ended", "closed", "taken"].map(|key| recovered.field(key));
    assert_eq!(caught_up, ["1", "0", "1"], "{release}");
    assert_eq!(cast::state(&machine, id), "expired");

    // To a confined jitd, systemd of Bookworm shows the boot of the machine that tests.
    let (reboot, outage) = match release {
        Release::Bookworm => ("stop", "crash"),
        Release::Trixie => ("reboot", "outage"),
    };
    machine.reboot();
    let stopped = ("daemon.stopped", "SIGTERM");
    runs(&machine, &[stopped, ("daemon.started", reboot)]);
    machine.power_cycle();
    let told = runs(
        &machine,
        &[("daemon.started", outage), ("daemon.recovered", outage)],
    );
    assert_eq!(told[0].field("version"), env!("CARGO_PKG_VERSION"));
}

fn setup_is_on_record_and_works_without_jitd(release: Release) {
    let machine = scene(release).boot();
    let before = newest(&machine);
    machine
        .run("jitctl setup --undo --yes")
        .ok()
        .lacks("not on record");
    machine
        .run("jitctl setup --yes")
        .ok()
        .lacks("not on record");
    // Nothing to change is nothing done.
    machine.run("jitctl setup --yes").ok();
    let told = since(&machine, before, "gate.%");
    assert_eq!(names(&told), ["gate.uninstalled", "gate.installed"]);
    assert!(
        told.iter().all(|event| event.field("by") == "root"),
        "{told:?}"
    );

    machine.run("systemctl stop jitd").ok();
    machine
        .run("jitctl setup --undo --yes")
        .ok()
        .contains("it is not on record");
    machine.run("grep pam_jit /etc/pam.d/sudo").fails_with(1);
    assert!(
        machine.pid_of_unit("jitd.service").is_none(),
        "nobody started it"
    );
    machine.run("systemctl start jitd").ok();
    let denied = cast::as_user(
        &machine,
        "carol",
        "busctl call org.jitd1 /org/jitd1 org.jitd1.Audit GateInstalled b true",
    );
    denied.fails_with(1).contains("only root may");
    assert_eq!(since(&machine, before, "gate.%").len(), 2);
    let attempts = since(&machine, before, "attempt.refused");
    assert_eq!((attempts.len(), attempts[0].user.as_str()), (1, "carol"));
}

fn removal_is_on_record(release: Release) {
    let machine = scene(release).boot();
    let id = elevate_carol(&machine, "10m");
    let before = newest(&machine);
    machine
        .run("systemctl stop jitd && jitd withdraw </dev/null")
        .ok();
    let told = since(&machine, before, "%");
    let told: Vec<_> = names(&told)
        .into_iter()
        .filter(|name| *name != "daemon.stopped")
        .collect();
    assert_eq!(
        told,
        ["daemon.withdrawn", "elevation.revoked", "membership.taken"]
    );
    let taken = since(&machine, before, "membership.taken").remove(0);
    assert_eq!(taken.id, i64::try_from(id).expect("a number"));
}

fn memberships_are_on_record_wherever_they_are_kept(release: Release) {
    for backend in ["files", "userdb"] {
        let policy = format!("membership = \"{backend}\"\n{}", cast::POLICY);
        let machine = scene(release)
            .package("libnss-systemd")
            .policy(&policy)
            .boot();
        let before = newest(&machine);
        let id = i64::try_from(elevate_carol(&machine, "10m")).expect("a number");
        assert!(
            machine
                .groups_of("carol")
                .contains(&"jit-deploy".to_owned())
        );
        let told = || since(&machine, before, "membership.%");
        let [given] = &told()[..] else {
            panic!("{backend}: {:?}", told())
        };
        assert_eq!(given.name, "membership.given");
        machine.run("systemctl restart jitd").ok();
        cast::as_user(&machine, "carol", "jitctl end").ok();
        machine.wait_until("it is taken", SOON, || told().len() == 2);
        let taken = &told()[1];
        assert_eq!(taken.name, "membership.taken");
        for event in [given, taken] {
            assert_eq!((event.id, event.user.as_str()), (id, "carol"), "{backend}");
            let fields = ["group", "member"].map(|key| event.field(key));
            assert_eq!(fields, ["jit-deploy", "carol"], "{backend}");
        }
    }
}

fn the_second_enforcer_is_on_record_where_it_acted(release: Release) {
    let machine = scene(release).boot();
    elevate_carol(&machine, "3s");
    let before = newest(&machine);
    machine
        .run("systemctl mask --runtime jitd.service && systemctl kill --signal=KILL jitd.service")
        .ok();
    let acted = || since(&machine, before, "enforcer.acted");
    machine.wait_until("it has acted", LIMIT, || !acted().is_empty());
    let caught_up = ["ended", "closed", "taken"].map(|key| acted()[0].field(key).to_owned());
    assert_eq!(caught_up, ["1", "0", "1"], "{release}");
    // With nothing to do it says nothing.
    machine.run("jitd enforce").ok();
    assert_eq!(acted().len(), 1);
}

fn the_policy_is_on_record_with_its_digest(release: Release) {
    let machine = scene(release).boot();
    let shown = machine.run("jitctl policy show | sha256sum");
    let digest = shown
        .ok()
        .text()
        .split(' ')
        .next()
        .expect("a digest")
        .to_owned();
    let told = recorded(&machine, "policy.loaded").pop().expect("one");
    assert_eq!(
        (told.field("by"), told.field("digest")),
        ("jitd", digest.as_str())
    );
    let before = newest(&machine);
    machine
        .run("echo '[role]x' >/etc/jitd/roles.d/bad.toml; jitctl policy reload")
        .fails_with(1);
    machine.run("systemctl restart jitd").ok();
    machine
        .run("rm /etc/jitd/roles.d/bad.toml; jitctl policy reload")
        .ok();
    let told = since(&machine, before, "policy.%");
    let words: Vec<_> = told
        .iter()
        .map(|event| {
            (
                event.name.as_str(),
                event.field("by"),
                event.field("digest"),
            )
        })
        .collect();
    let expected = [
        ("policy.refused", "root", digest.as_str()),
        ("policy.refused", "jitd", ""),
        ("policy.loaded", "root", digest.as_str()),
    ];
    assert_eq!(words, expected);
    assert!(told[0].field("error").contains("bad.toml:1:"), "{told:?}");
}
