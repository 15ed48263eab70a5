//! What others change of who is in a role's group: noticed when it happens, undone, and on
//! record; and what is theirs to change is left to them.
#![allow(clippy::expect_used, clippy::panic, reason = "these are tests")]

use std::time::Duration;

use jit_tests::{LIMIT, Machine, MachineBuilder, Release, on_each_release};

mod cast;
use cast::{SOON, elevate_carol, members_in};

on_each_release!(
    who_is_put_into_a_group_of_jitds_own_is_out_at_once,
    who_is_taken_out_of_what_an_elevation_gives_is_back_at_once,
    what_happened_while_jitd_was_away_is_noticed_at_its_start,
    what_jitd_writes_is_no_drift,
    a_fight_is_neither_a_storm_nor_a_flood,
    undoing_waits_for_a_lock_no_longer_than_it_must,
);

/// How the host's root changes who is in a group: by the shadow tools, and by editors, which
/// write the file anew or in its place, and know of no lock.
const PUT_IN: [&str; 4] = [
    "usermod -aG jit-deploy mallory",
    "gpasswd -a mallory jit-deploy",
    "sed --in-place 's/^jit-deploy:.*/&,mallory/' /etc/group",
    "sed 's/^jit-deploy:.*/&,mallory/' /etc/group >/tmp/new && cat /tmp/new >/etc/group",
];

const TAKE_OUT: [&str; 3] = [
    "gpasswd -d carol jit-deploy && gpasswd -d carol shared",
    "usermod -G contractors carol",
    "sed --in-place 's/^\\(jit-deploy\\|shared\\):\\(.*\\):.*/\\1:\\2:/' /etc/group",
];

/// carol's role gives a group of jitd's own, and one that grace is in for good.
fn scene(release: Release) -> MachineBuilder {
    let policy = cast::POLICY.replace(r#"["jit-deploy"]"#, r#"["jit-deploy", "shared"]"#);
    cast::scene(release)
        .user_in("grace", &["shared"])
        .policy(&policy)
}

#[track_caller]
fn wait_for(machine: &Machine, group: &str, expected: &[&str]) {
    let what = format!("{group} has {expected:?}");
    for file in ["/etc/group", "/etc/gshadow"] {
        machine.wait_until(&what, SOON, || {
            let mut members = members_in(machine, file, group);
            members.sort();
            members == expected
        });
    }
}

/// The log lines of drift, from `event=` on.
#[track_caller]
fn drift(machine: &Machine) -> Vec<String> {
    let log = machine.run(
        "journalctl --sync && journalctl -u jitd -t jitd -o cat \
         JITD_EVENT=drift.removed JITD_EVENT=drift.restored || true",
    );
    log.ok().stdout.lines().map(str::to_owned).collect()
}

#[track_caller]
fn wait_for_drift(machine: &Machine, count: usize) -> Vec<String> {
    machine.wait_until("it is on record", SOON, || drift(machine).len() >= count);
    let drift = drift(machine);
    assert_eq!(drift.len(), count, "{drift:#?}");
    drift
}

fn who_is_put_into_a_group_of_jitds_own_is_out_at_once(release: Release) {
    let machine = scene(release).boot();
    elevate_carol(&machine, "10m");
    for (round, put_in) in PUT_IN.iter().enumerate() {
        machine.run(put_in).ok();
        wait_for(&machine, "jit-deploy", &["carol"]);
        let drift = wait_for_drift(&machine, round + 1);
        let last = drift.last().expect("there is one");
        let expected = "event=drift.removed by=jitd group=jit-deploy member=mallory others=carol";
        assert!(last.starts_with(expected), "{put_in}: {last}");
    }
    // In a group that others have too, who is put in is theirs; also for the end of carol's.
    machine.run("usermod -aG shared mallory").ok();
    cast::alice(&machine, "revoke --user carol --comment enough").ok();
    wait_for(&machine, "jit-deploy", &[]);
    wait_for(&machine, "shared", &["grace", "mallory"]);
    wait_for_drift(&machine, PUT_IN.len());
}

fn who_is_taken_out_of_what_an_elevation_gives_is_back_at_once(release: Release) {
    let machine = scene(release).boot();
    let id = elevate_carol(&machine, "10m");
    for (round, take_out) in TAKE_OUT.iter().enumerate() {
        machine.run(take_out).ok();
        wait_for(&machine, "jit-deploy", &["carol"]);
        let members = || members_in(&machine, "/etc/group", "shared");
        machine.wait_until("carol is back in shared", SOON, || {
            members().contains(&"carol".to_owned())
        });
        let drift = wait_for_drift(&machine, 2 * (round + 1));
        for group in ["jit-deploy", "shared"] {
            let expected = format!(
                "event=drift.restored id={id} user=carol uid=1000 role=deploy by=jitd group={group} member=carol"
            );
            let told = |line: &&String| line.starts_with(&expected);
            let count = drift.iter().filter(told).count();
            assert_eq!(count, round + 1, "{take_out}: {drift:#?}");
        }
    }
}

fn what_happened_while_jitd_was_away_is_noticed_at_its_start(release: Release) {
    let machine = scene(release).boot();
    elevate_carol(&machine, "10m");
    machine.run("systemctl stop jitd.service").ok();
    machine.run(PUT_IN[0]).ok();
    machine.run("gpasswd -d carol shared").ok();
    machine.run("systemctl start jitd.service").ok();
    // Its start is over when it has undone it.
    wait_for(&machine, "jit-deploy", &["carol"]);
    wait_for(&machine, "shared", &["carol", "grace"]);
    let drift = wait_for_drift(&machine, 2).join("\n");
    assert!(
        drift.contains("drift.removed by=jitd group=jit-deploy member=mallory"),
        "{drift}"
    );
    assert!(
        drift.contains("group=shared member=carol others=grace"),
        "{drift}"
    );
    // And with it killed while an elevation begins or ends, there is none.
    cast::alice(&machine, "revoke --user carol --comment enough").ok();
    for _ in 0..3 {
        elevate_carol(&machine, "10m");
        machine.kill("jitd.service", "KILL");
        machine.wait_until("jitd is back", LIMIT, || {
            machine.run("jitctl list --json").status == 0
        });
        cast::alice(&machine, "revoke --user carol --comment enough").ok();
    }
    wait_for_drift(&machine, 2);
}

fn what_jitd_writes_is_no_drift(release: Release) {
    let machine = scene(release).boot();
    for _ in 0..10 {
        elevate_carol(&machine, "10m");
        cast::alice(&machine, "revoke --user carol --comment enough").ok();
    }
    let written = machine
        .run("stat --format=%i.%Y /etc/group")
        .text()
        .to_owned();
    // Others rewrite the file as it is: jitd looks, and has nothing to write.
    for _ in 0..5 {
        machine
            .run("sed --in-place '' /etc/gshadow && touch /etc/group")
            .ok();
        machine
            .run("cp -p /etc/gshadow /tmp/x && cat /tmp/x >/etc/gshadow")
            .ok();
    }
    let calls = machine.run(
        "timeout 2 strace -f -qq -e trace=rename,renameat,renameat2 \
         -p $(systemctl show --property=MainPID --value jitd.service) 2>&1 | grep -c group || true",
    );
    assert_eq!(calls.text(), "0", "nothing is left to write: {calls}");
    let now = machine.run("stat --format=%i /etc/group").text().to_owned();
    assert_eq!(written.split('.').next(), Some(now.as_str()));
    wait_for_drift(&machine, 0);
}

/// Another program puts mallory in, again and again, as fast as it can.
fn a_fight_is_neither_a_storm_nor_a_flood(release: Release) {
    let machine = scene(release).boot();
    elevate_carol(&machine, "10m");
    let before = drift(&machine).len();
    let fight = "end=$(($(date +%s) + 4)); n=0
        while [ $(date +%s) -lt $end ]; do
            usermod -aG jit-deploy mallory && n=$((n + 1))
        done; echo $n";
    let fought = machine.run(fight);
    let rounds: usize = fought.ok().text().parse().expect("a number");
    wait_for(&machine, "jit-deploy", &["carol"]);
    let told = drift(&machine).len() - before;
    assert!(rounds > 40, "it was no fight: {rounds}");
    assert!((2..=30).contains(&told), "{told} times of {rounds}");
}

/// Somebody sits on the lock of the account files: taking away goes on without it, putting back
/// waits.
fn undoing_waits_for_a_lock_no_longer_than_it_must(release: Release) {
    let machine = scene(release).boot();
    elevate_carol(&machine, "10m");
    let lock = machine.lock_accounts();
    machine.run(PUT_IN[2]).ok();
    let in_group = || members_in(&machine, "/etc/group", "jit-deploy");
    machine.wait_until("mallory is out", Duration::from_secs(8), || {
        in_group() == ["carol"]
    });
    machine.run(TAKE_OUT[2]).ok();
    machine.wait_until("jitd says what is the matter", SOON, || {
        machine
            .journal()
            .contains("does not match the elevations yet")
    });
    assert_eq!(in_group(), [""; 0]);
    drop(lock);
    machine.wait_until("carol is back", LIMIT, || in_group() == ["carol"]);
    wait_for_drift(&machine, 3);
}
