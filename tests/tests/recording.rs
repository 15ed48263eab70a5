//! What is done in a recorded role: kept by sudo, tied to its elevation, seen by auditors, and
//! out of the reach of whoever did it.
#![allow(clippy::expect_used, clippy::panic, reason = "this is a test")]

use jit_tests::{Machine, MachineBuilder, Output, Release, on_each_release};
use serde_json::Value;

mod cast;
use cast::{PASSWORD, SOON, as_user};

on_each_release!(
    what_is_done_is_kept_and_shown_to_auditors,
    a_replay_leaves_nothing_behind,
    passwords_are_not_kept,
    what_is_not_recorded_is_refused,
    a_recording_that_others_could_change_is_none,
    whoever_does_it_cannot_get_around_it,
    what_outlives_its_recording_is_ended,
    whoever_is_recorded_cannot_reach_it,
    a_full_disk_stops_what_it_cannot_keep,
    sessions_are_listed_by_what_is_asked,
    what_is_sent_elsewhere_is_there_once,
);

/// `shell` and `restart` are recorded, `look` is not; nobody is asked.
const POLICY: &str = r#"[managed]
groups = ["contractors"]

[defaults]
on_end    = "keep"
approvals = 0

[audit]
readers = { groups = ["auditors"] }

[role.shell]
run_as   = ["ALL"]
commands = ["ALL"]
services = ["sudo", "sudo-i"]
eligible = { groups = ["contractors"] }
record   = true

[role.restart]
commands = ["/usr/bin/systemctl restart web.service", "/usr/bin/journalctl -u web.service"]
services = ["sudo"]
eligible = { groups = ["contractors"] }
record   = true

[role.look]
commands = ["/usr/bin/id"]
services = ["sudo"]
eligible = { groups = ["contractors"] }
"#;

const LOGS: &str = "/var/log/jitd/recordings";

/// carol, who is recorded; dora, an auditor; dave, who is nobody here.
fn scene(release: Release) -> MachineBuilder {
    Machine::builder(release)
        .user_in("carol", &["contractors"])
        .user_in("dora", &["auditors"])
        .user("dave")
        .password("carol", PASSWORD)
        .file("/etc/sudoers.d/aa-lab", 0o440, "Defaults !authenticate\n")
        .file(
            "/etc/systemd/system/web.service",
            0o644,
            "[Service]\nExecStart=sleep infinity\n",
        )
        .policy(POLICY)
}

/// Where sudo alone is: sudo-rs beside it has a test of its own.
fn machine(release: Release) -> Machine {
    let machine = scene(release).boot();
    machine
        .run("! test -e /usr/bin/sudo-rs || dpkg --purge sudo-rs >/dev/null 2>&1")
        .ok();
    machine
}

/// carol holds a role; gives the elevation's number.
#[track_caller]
fn carol_holds(machine: &Machine, role: &str) -> u64 {
    let asked = as_user(
        machine,
        "carol",
        &format!("jitctl request {role} --for 10m"),
    );
    asked.ok().text().parse().expect("a number")
}

/// carol runs a line of shell.
#[track_caller]
fn carol(machine: &Machine, line: &str) -> Output {
    let line = line.replace('\'', r"'\''");
    machine.run(&format!(
        "cd /; setpriv --reuid=carol --regid=carol --init-groups env HOME=/home/carol sh -c '{line}'"
    ))
}

/// All sessions, newest first, as root sees them.
#[track_caller]
fn sessions(machine: &Machine) -> Vec<Value> {
    let listed = machine.run("jitctl sessions --json");
    serde_json::from_str(listed.ok().text()).expect("JSON")
}

/// The number of the newest session.
#[track_caller]
fn newest(machine: &Machine) -> u64 {
    sessions(machine)[0]["id"].as_u64().expect("a number")
}

/// What is on record of a session, as its recording says: what was typed and shown.
#[track_caller]
fn shown(machine: &Machine, session: u64) -> String {
    let shown = machine.run(&format!("jitctl replay {session} --text --input"));
    shown.ok().stdout.clone()
}

fn what_is_done_is_kept_and_shown_to_auditors(release: Release) {
    let machine = machine(release);
    let id = carol_holds(&machine, "shell");
    carol(&machine, "echo 'echo he''llo; echo wo''rld >&2' | sudo sh").ok();
    let one = &sessions(&machine)[0];
    assert_eq!(
        (&one["elevation"], &one["recorded"]),
        (&id.into(), &true.into())
    );
    let session = newest(&machine);
    let text = shown(&machine, session);
    assert!(text.contains("> echo hello; echo world >&2\n"), "{text}");
    for line in ["hello", "world"] {
        assert!(text.lines().any(|shown| shown == line), "{text}");
    }

    // The folder on record is the one that sudo wrote.
    let folder = machine.run(&format!(
        "journalctl --sync; journalctl -o cat -t jitd | sed -n 's/.* session={session} .* recording=\\([^ ]*\\) .*/\\1/p'"
    ));
    let folder = folder.ok().text().to_owned();
    assert!(folder.starts_with(LOGS), "{folder}");
    machine.run(&format!("grep -q hello {folder}/stdout")).ok();

    // By the host's own rule too: all that she runs is recorded.
    machine
        .run("echo 'carol ALL=(root) /usr/bin/id' >/etc/sudoers.d/zz-lab")
        .ok();
    carol(&machine, "sudo id -u").ok();
    assert_eq!(sessions(&machine)[0]["recorded"], true);

    let dora = |words: &str| as_user(&machine, "dora", &format!("jitctl {words}"));
    dora(&format!("replay {session}")).ok().contains("hello");
    for who in ["carol", "dave"] {
        let refused = as_user(&machine, who, &format!("jitctl replay {session} --text"));
        refused.fails_with(3).contains("only root and auditors");
    }
    dora("replay 99")
        .fails_with(1)
        .contains("there is no session 99");
    let read = machine.run("journalctl --sync; journalctl -o cat -t jitd");
    read.ok()
        .contains(&format!("event=recording.read id={id} user=carol"))
        .contains("by=dora")
        .contains("tried=\"read a recording\"");

    // Who is not recorded has no recording.
    as_user(&machine, "carol", "jitctl end").ok();
    machine.run("rm /etc/sudoers.d/zz-lab").ok();
    carol_holds(&machine, "look");
    carol(&machine, "sudo id -u").ok();
    let session = newest(&machine);
    assert_eq!(sessions(&machine)[0]["recorded"], false);
    let none = dora(&format!("replay {session}"));
    none.fails_with(1).contains("was not recorded");
}

fn a_replay_leaves_nothing_behind(release: Release) {
    let machine = machine(release);
    carol_holds(&machine, "shell");
    carol(
        &machine,
        "sudo sh -c 'printf \"\\033]0;title\\007seen\\n\"; sleep 2; echo late'",
    )
    .ok();
    let session = newest(&machine);
    let text = shown(&machine, session);
    assert_eq!(text, "\\u{1b}]0;title\\u{7}seen\nlate\n");
    let copies = || {
        machine
            .run("ls -d /tmp/jitctl-* 2>/dev/null | wc -l")
            .text()
            .to_owned()
    };
    let mut dora = machine.ssh_tty("dora");
    dora.type_line(&format!("jitctl replay {session} --speed 0.01"));
    dora.expect(&format!("jitctl replay {session} --text"));
    dora.expect("seen");
    assert_eq!(copies(), "1");
    machine.run("test $(stat -c %a /tmp/jitctl-*) = 700").ok();
    dora.type_ctrl('c');
    dora.expect("$ ");
    dora.type_line("echo st''atus $?");
    dora.expect("status 130");
    assert_eq!(copies(), "0");
    dora.type_line(&format!(
        "jitctl replay {session} --max-wait 0.1; echo st''atus $?"
    ));
    dora.expect("late");
    dora.expect("status 0");
    assert_eq!(copies(), "0");
}

fn passwords_are_not_kept(release: Release) {
    let machine = machine(release);
    carol_holds(&machine, "shell");
    let mut carol = machine.ssh_tty("carol");
    carol.type_line("sudo bash -c 'read -r x; read -rsp \"Pass\"word:\\  y; echo d''one'");
    machine.wait_until("it listens", SOON, || {
        machine.run("pgrep -x bash -u root").status == 0
    });
    carol.type_line("typed-openly");
    carol.expect("Password: ");
    carol.type_line("battery-horse");
    carol.expect("done");
    let kept = |what: &str| machine.run(&format!("grep -rqe {what} {LOGS}")).status == 0;
    assert!(kept("typed-openly"));
    assert!(!kept("battery-horse"));
}

fn what_is_not_recorded_is_refused(release: Release) {
    let machine = machine(release);
    carol_holds(&machine, "shell");
    let refused = |why: &str| {
        let refused = carol(&machine, "sudo touch /root/ran");
        refused.fails_with(1).contains(why);
        machine.run("test -e /root/ran").fails_with(1);
    };
    let ours = "role shell is to be recorded, and it keeps no I/O log";

    let plugin = "Plugin sudoers_policy sudoers.so";
    machine
        .run(&format!("echo '{plugin}' >>/etc/sudo.conf"))
        .ok();
    refused(ours);
    machine.run("sed -i /^Plugin/d /etc/sudo.conf").ok();

    let tags = "carol ALL=(root) NOLOG_INPUT: NOLOG_OUTPUT: ALL";
    machine
        .run(&format!("echo '{tags}' >/etc/sudoers.d/zz-lab"))
        .ok();
    refused(ours);
    machine.run("rm /etc/sudoers.d/zz-lab").ok();

    // sudo itself says no; where it is told not to, the gate does.
    machine
        .run("mkdir -p /var/log/jitd; mount -t tmpfs -o ro none /var/log/jitd")
        .ok();
    refused("Read-only file system");
    let ignore = "Defaults:carol ignore_iolog_errors";
    machine
        .run(&format!("echo '{ignore}' >/etc/sudoers.d/zz-lab"))
        .ok();
    refused(ours);
    machine
        .run("rm /etc/sudoers.d/zz-lab; umount /var/log/jitd")
        .ok();

    carol(&machine, "sudo touch /root/ran").ok();
    let told = machine.run("journalctl --sync; journalctl -o cat -t jitd");
    told.ok().contains("event=session.refused").contains(ours);
    // Nothing of it stands in the way of a role that nobody demands a recording of.
    machine
        .run(&format!("echo '{plugin}' >>/etc/sudo.conf"))
        .ok();
    as_user(&machine, "carol", "jitctl end").ok();
    carol_holds(&machine, "look");
    carol(&machine, "sudo id").ok();
}

fn a_recording_that_others_could_change_is_none(release: Release) {
    let machine = machine(release);
    carol_holds(&machine, "shell");
    let why = "which others than root could change";
    // What she leaves open to it does not stand for its own.
    machine
        .run("install -d -m 2775 -g contractors /srv/shared")
        .ok();
    carol(&machine, "sudo echo see''n 9>>/srv/shared/timing").ok();
    let session = newest(&machine);
    assert!(shown(&machine, session).contains("seen"));
    let told = machine.run("journalctl --sync; journalctl -o cat -t jitd");
    told.ok().lacks("recording=/srv/shared");
    let many = "ulimit -n 6000; for n in $(seq 5000); do exec {fd}</dev/null; done; exec sudo id";
    carol(&machine, &format!("bash -c '{many}'"))
        .fails_with(1)
        .contains("more than 4096 files open");
    for mode in ["777", "770"] {
        machine
            .run(&format!(
                "mkdir -p {LOGS}; chgrp contractors /var/log/jitd; chmod {mode} /var/log/jitd"
            ))
            .ok();
        carol(&machine, "sudo id").fails_with(1).contains(why);
    }
    machine
        .run("chmod 700 /var/log/jitd; chown dave /var/log/jitd")
        .ok();
    carol(&machine, "sudo id").fails_with(1).contains(why);
    // Over a link of root's own it would be readable, and is not where it is said to be.
    machine
        .run(&format!(
            "rm -r /var/log/jitd; mkdir -m 700 /srv/logs /var/log/jitd; ln -s /srv/logs {LOGS}"
        ))
        .ok();
    carol(&machine, "sudo id").ok();
    let session = newest(&machine);
    let shown = shown(&machine, session);
    assert!(shown.contains("uid=0(root)"), "{shown}");
    // A name that leads jitd to another file than sudo has open is not taken for it.
    machine
        .run(
            "mkdir -p /srv/other/00/00/02 && touch /srv/other/00/00/02/timing
             mkdir /run/systemd/system/jitd.service.d
             printf '[Service]\nBindReadOnlyPaths=/srv/other:/srv/logs\n' \
                 >/run/systemd/system/jitd.service.d/lab.conf
             systemctl daemon-reload; systemctl restart jitd.service",
        )
        .ok();
    let refused = carol(&machine, "sudo id");
    refused.fails_with(1).contains("jitd sees another file");
    machine
        .run(
            "rm /run/systemd/system/jitd.service.d/lab.conf
             systemctl daemon-reload; systemctl restart jitd.service",
        )
        .ok();
    // Nobody follows a link that was put there afterwards.
    machine
        .run("cd /srv/logs/00/00/01 && rm stdout && ln -s /etc/shadow stdout")
        .ok();
    let refused = machine.run(&format!("jitctl replay {session} --text"));
    refused.fails_with(1).lacks("root:");
}

fn whoever_does_it_cannot_get_around_it(release: Release) {
    let machine = machine(release);
    carol_holds(&machine, "shell");
    machine
        .run("printf 'Defaults !log_output\\n' | install -o carol /dev/stdin ~carol/.sudoers")
        .ok();
    // (how, what the recording must have)
    for (line, kept) in [
        ("sudo -n echo se''en", "seen"),
        ("sudo -s echo seen", "seen"),
        ("sudo -i echo seen", "seen"),
        ("sudo sudo echo seen", "seen"),
        ("sudo -u carol sudo echo seen", "seen"),
        ("sudo -b echo seen", "seen"),
        ("setsid sudo echo seen </dev/null", "seen"),
        ("nohup sudo echo seen", "seen"),
        (
            "SUDO_ASKPASS=x SUDO_PS1=x LOG_OUTPUT=0 sudo echo seen",
            "seen",
        ),
        ("env -i PATH=/usr/bin:/bin /usr/bin/sudo echo seen", "seen"),
        ("sudo -C 3 echo seen; sudo echo seen", "seen"),
        ("sudo echo seen >/dev/null 2>&1", "seen"),
        ("sudo echo seen 1>&- 2>&- <&-", ""),
        (
            "sudo -V >/dev/null; sudo -l >/dev/null; sudo echo seen",
            "seen",
        ),
        ("sudo sh -c 'exec >/dev/null; true'", ""),
    ] {
        let before = newest_or_none(&machine);
        // Whether it works shows in what is recorded.
        let _ = carol(&machine, line);
        machine.wait_until(&format!("{line}: it is over"), SOON, || {
            let sessions = sessions(&machine);
            newest_or_none(&machine) > before && sessions.iter().all(|one| one["running"] == false)
        });
        let mut text = String::new();
        for one in sessions(&machine) {
            let session = one["id"].as_u64().expect("a number");
            if session > before {
                assert_eq!(one["recorded"], true, "{line}: {one}");
                text += &shown(&machine, session);
            }
        }
        assert!(text.contains(kept), "{line}: {text}");
    }
}

fn newest_or_none(machine: &Machine) -> u64 {
    let sessions = sessions(machine);
    sessions
        .first()
        .map_or(0, |one| one["id"].as_u64().expect("a number"))
}

fn what_outlives_its_recording_is_ended(release: Release) {
    let machine = machine(release);
    carol_holds(&machine, "shell");
    let gone = |what: &str| {
        machine.wait_until(what, SOON, || machine.run("pgrep -x sleep").status == 1);
        machine.wait_until("that is on record", SOON, || {
            let told = machine.run("journalctl --sync; journalctl -o cat -t jitd");
            told.stdout.contains("because=\"its recording was over\"")
        });
        machine.run("journalctl --rotate --vacuum-time=1ms").ok();
    };
    let hidden = "sudo sh -c 'trap \"\" HUP TERM; exec sleep 1000 >/dev/null 2>&1' </dev/null &";
    let runs = || {
        carol(
            &machine,
            &format!("{hidden} while ! pgrep -x sleep >/dev/null; do :; done"),
        )
        .ok();
    };
    // sudo runs with her uid as the real one: she may kill it.
    runs();
    carol(&machine, "pkill -KILL -o -x sudo").ok();
    gone("what a killed sudo left is gone");

    carol(&machine, "sudo sh -c 'setsid sleep 1000 >/dev/null 2>&1 &'").ok();
    gone("what went into the background is gone");

    // jitd is not there just then.
    runs();
    machine.run("systemctl stop jitd.service").ok();
    carol(&machine, "pkill -KILL -o -x sudo").ok();
    machine
        .run("pgrep -x sleep; systemctl start jitd.service")
        .ok();
    gone("what happened while nobody looked is seen at the next start");

    // It outlives jitd, as long as it is recorded.
    runs();
    machine
        .run("systemctl restart jitd.service; jitctl sessions --running")
        .ok();
    assert_eq!(sessions(&machine)[0]["running"], true);
    carol(&machine, "pkill -KILL -o -x sudo").ok();
    gone("another jitd knows the recorder too");
}

fn whoever_is_recorded_cannot_reach_it(release: Release) {
    let machine = machine(release);
    carol_holds(&machine, "restart");
    carol(&machine, "sudo systemctl restart web.service").ok();
    let session = newest(&machine);
    assert_eq!(sessions(&machine)[0]["recorded"], true);
    let all = format!("find {LOGS} -type f -exec sha256sum {{}} + | sort");
    let before = machine.run(&all).ok().stdout.clone();
    let log = format!("{LOGS}/00/00/01");
    for line in [
        format!("ls {LOGS}"),
        format!("cat {log}/stdout"),
        format!("rm -rf {LOGS}"),
        format!("echo x >{log}/timing"),
        "mv /var/log/jitd ~/away".to_owned(),
        format!("ln /proc/self/root{log}/stdout ~/stdout"),
        "sudoreplay -l".to_owned(),
        format!("sudoreplay -d {LOGS} 000001"),
        format!("sudo cat {log}/stdout"),
        format!("sudo rm -rf {LOGS}"),
        format!("sudo journalctl --directory={LOGS}"),
        format!("sudo journalctl -u web.service --cursor-file={log}/timing"),
        format!("sudo systemctl restart web.service --root={LOGS}"),
        format!("jitctl replay {session}"),
        format!("busctl call org.jitd1 /org/jitd1 org.jitd1.Audit Recording t {session}"),
    ] {
        let tried = carol(&machine, &line);
        assert_ne!(tried.status, 0, "{line}: {tried}");
    }
    assert_eq!(machine.run(&all).ok().stdout, before);
}

fn a_full_disk_stops_what_it_cannot_keep(release: Release) {
    let machine = machine(release);
    carol_holds(&machine, "shell");
    machine
        .run("mkdir -p /var/log/jitd; mount -t tmpfs -o size=200k,mode=0700 none /var/log/jitd")
        .ok();
    let floods =
        "sudo sh -c 'head -c 2000000 /dev/zero | tr \"\\0\" x; touch /root/ran' >/dev/null";
    let flooding = format!("timeout --signal=KILL 4 {floods}");
    let told = carol(&machine, &flooding);
    // sudo 1.9.16 now and then goes on with what runs already.
    if release == Release::Bookworm {
        told.contains("No space left on device");
        machine.run("test -e /root/ran").fails_with(1);
    }
    machine.run("rm -f /root/ran").ok();
    let refused = carol(&machine, "sudo touch /root/ran");
    refused.fails_with(1).contains("No space left on device");
    machine.run("test -e /root/ran").fails_with(1);
    machine.run("umount --lazy /var/log/jitd").ok();
    carol(&machine, "sudo touch /root/ran").ok();
}

fn sessions_are_listed_by_what_is_asked(release: Release) {
    let machine = machine(release);
    let first = carol_holds(&machine, "look");
    carol(&machine, "sudo id").ok();
    let second = carol_holds(&machine, "look");
    as_user(&machine, "carol", &format!("jitctl end {first}")).ok();
    carol(&machine, "sudo id -g").ok();
    let ids = |who: &str, words: &str| {
        let listed = as_user(&machine, who, &format!("jitctl sessions --json {words}"));
        let listed: Vec<Value> = serde_json::from_str(listed.ok().text()).expect("JSON");
        let ids = listed
            .iter()
            .map(|one| one["id"].as_u64().expect("a number"));
        ids.collect::<Vec<_>>()
    };
    for who in ["root", "dora", "carol"] {
        assert_eq!(ids(who, ""), [2, 1], "{who}");
        assert_eq!(ids(who, "--user carol --limit 1"), [2], "{who}");
        assert_eq!(ids(who, "--before 2"), [1], "{who}");
        assert_eq!(ids(who, &format!("--elevation {second}")), [2], "{who}");
        assert_eq!(ids(who, "--since 1h"), [2, 1], "{who}");
    }
    machine.wait_until("nothing runs", SOON, || ids("root", "--running").is_empty());
    assert!(ids("dave", "").is_empty());
    let refused = as_user(&machine, "dave", "jitctl sessions --user carol");
    refused.fails_with(3).contains("only root and auditors");
    let refused = as_user(
        &machine,
        "dave",
        &format!("jitctl sessions --elevation {first}"),
    );
    refused.fails_with(1).contains("there is no elevation");
    let table = as_user(&machine, "dora", "jitctl sessions");
    table
        .ok()
        .contains("ID  ELEVATION  USER   ROLE  SERVICE")
        .contains("sudo id -g");
}

/// By the examples that are shipped, over loopback.
fn what_is_sent_elsewhere_is_there_once(release: Release) {
    let machine = machine(release);
    carol_holds(&machine, "shell");
    carol(&machine, "sudo echo se''nt").ok();
    // Without TLS, for which there are no certificates here.
    machine
        .run(
            "cd /usr/share/doc/jitd/examples
             sed -e 's/^listen_address.*/listen_address = 127.0.0.1:30343/' -e /^tls_/d \
                 sudo_logsrvd.conf >/etc/sudo_logsrvd.conf
             install -m 755 send-recordings /usr/local/sbin/
             sed 's/-h .*/-h 127.0.0.1 -p 30343/' send-recordings.service \
                 >/etc/systemd/system/send-recordings.service
             cp send-recordings.timer /etc/systemd/system/
             sudo_logsrvd && systemctl start send-recordings.timer",
        )
        .ok();
    let send = || machine.run("systemctl start send-recordings.service");
    let arrived = || {
        let listed = machine.run("sudoreplay -d /var/log/sudo-io/* -l | grep -c COMMAND=");
        listed.text().to_owned()
    };
    // What she has open under the name of a recording, in a namespace of hers, holds nothing back.
    let timing = format!("{LOGS}/00/00/01");
    carol(
        &machine,
        &format!(
            "unshare --user --map-root-user --mount sh -c 'mount -t tmpfs none /var/log &&
                 mkdir -p {timing} && exec 8>{timing}/timing && touch /tmp/held && exec sleep 1001' \
                 >/dev/null 2>&1 &"
        ),
    )
    .ok();
    machine.wait_until("she has it open", SOON, || {
        machine.run("test -e /tmp/held").status == 0
    });
    machine
        .run(&format!(
            "readlink /proc/$(pgrep -fx 'sleep 1001')/fd/8 | grep -qx {timing}/timing"
        ))
        .ok();
    let mut running = machine.ssh("carol").spawn("sudo sleep 1000");
    machine.wait_until("it runs", SOON, || sessions(&machine).len() == 2);
    send().ok();
    assert_eq!(arrived(), "1", "what runs is not sent");
    machine.run("grep -rq sent /var/log/sudo-io").ok();
    // It is over when its elevation is.
    as_user(&machine, "carol", "jitctl end").ok();
    assert_ne!(running.wait(SOON).status, 0, "it was ended");
    machine.wait_until("nothing runs", SOON, || {
        sessions(&machine)[0]["running"] == false
    });
    send().ok();
    assert_eq!(arrived(), "2", "also what was cut off");
    send().ok();
    assert_eq!(arrived(), "2", "each once");

    // With nobody there it is tried again later.
    carol_holds(&machine, "shell");
    carol(&machine, "sudo echo later").ok();
    machine.run("kill $(cat /run/sudo/sudo_logsrvd.pid)").ok();
    assert_ne!(send().status, 0);
    machine.run("sudo_logsrvd").ok();
    send().ok();
    assert_eq!(arrived(), "3");

    // What sudo sends by itself is not kept here, and so not recorded for jitd.
    machine
        .run("echo 'Defaults log_servers=127.0.0.1:30343' >/etc/sudoers.d/zz-lab")
        .ok();
    let refused = carol(&machine, "sudo echo elsewhere");
    refused
        .fails_with(1)
        .contains("role shell is to be recorded");
}

/// Debian 13 has both.
#[test]
fn beside_sudo_rs_sudo_records_and_sudo_rs_is_refused() {
    let machine = scene(Release::Trixie)
        // After ours: of two rules the last one counts.
        .file(
            "/etc/sudoers.d/zz-lab",
            0o440,
            "%contractors ALL=(root) NOPASSWD: /usr/bin/true\n",
        )
        .file("/etc/sudoers.d/aa-lab", 0o440, "")
        .boot();
    let checked = machine.run("jitctl policy check");
    checked
        .ok()
        .contains("role.shell.record: sudo-rs is on this host and records nothing")
        .lacks("role.look.record");
    carol_holds(&machine, "shell");
    let ours = machine.file("/etc/sudoers.d/jitd");
    assert!(
        !ours.contains("Defaults"),
        "sudo-rs takes none of it: {ours}"
    );
    machine.run("visudo -cf /etc/sudoers.d/jitd").ok();
    machine.run("visudo-rs -cf /etc/sudoers.d/jitd").ok();
    let refused = carol(
        &machine,
        &format!("echo {PASSWORD} | sudo-rs -S touch /root/ran"),
    );
    refused.fails_with(1);
    machine.run("test -e /root/ran").fails_with(1);
    // A file that she leaves open to it is not its log, whoever owns the folder.
    machine
        .run(&format!(
            "install -d -m 2775 -g contractors /srv/shared; mkdir -p {LOGS}"
        ))
        .ok();
    let refused = carol(
        &machine,
        &format!("echo {PASSWORD} | sudo-rs -S touch /root/ran 9>>/srv/shared/timing"),
    );
    refused.fails_with(1);
    machine.run("test -e /root/ran").fails_with(1);
    let told = machine.run("journalctl --sync; journalctl -o cat -t jitd");
    told.ok()
        .contains("role shell is to be recorded, and it keeps no I/O log");
    carol(
        &machine,
        &format!("echo {PASSWORD} | sudo -S touch /root/ran"),
    )
    .ok();
    machine.run("test -e /root/ran").ok();
    assert_eq!(sessions(&machine)[0]["recorded"], true);
    // What another rule gave is not recorded here, and so not opened.
    let refused = carol(&machine, "sudo -n true");
    refused
        .fails_with(1)
        .contains("role shell is to be recorded");
    as_user(&machine, "carol", "jitctl end").ok();
    carol_holds(&machine, "look");
    carol(&machine, &format!("echo {PASSWORD} | sudo-rs -S id")).ok();
}
