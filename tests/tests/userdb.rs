//! Memberships in drop-ins of /run/userdb: seen by the whole host, with an /etc that nobody can
//! write, and moved by a reload without anybody losing what is theirs.
#![allow(clippy::expect_used, clippy::panic, reason = "these are tests")]

use std::time::Duration;

use jit_tests::{LIMIT, Machine, MachineBuilder, Release, on_each_release};

mod cast;
use cast::{SOON, alice, as_user, elevate_carol, members_in};

on_each_release!(
    memberships_are_seen_by_the_whole_host,
    it_works_with_an_etc_that_nobody_can_write,
    drop_ins_are_written_anew_after_a_boot_and_a_crash,
    what_others_change_of_drop_ins_is_undone,
    a_reload_moves_memberships_without_a_gap,
    a_host_that_does_not_look_there_is_warned_of,
    the_second_enforcer_takes_drop_ins_too,
    its_removal_leaves_nothing,
);

const APT: Duration = Duration::from_secs(120);

fn policy(backend: &str) -> String {
    let policy = cast::POLICY.replace(r#"["jit-deploy"]"#, r#"["jit-deploy", "shared"]"#);
    // Processes that hold a lost group end with it, as by default.
    let policy = policy.replace("on_end = \"keep\"\n", "");
    format!("membership = \"{backend}\"\n{policy}")
}

/// carol's role gives a group that jitd makes, and one that grace is in for good.
fn scene(release: Release, backend: &str) -> MachineBuilder {
    cast::scene(release)
        .package("libnss-systemd")
        .user_in("grace", &["shared"])
        .policy(&policy(backend))
}

#[track_caller]
fn is_in_both(machine: &Machine) -> bool {
    let groups = machine.groups_of("carol");
    ["jit-deploy", "shared"]
        .iter()
        .all(|group| groups.iter().any(|name| name == group))
}

#[track_caller]
fn is_in_neither(machine: &Machine) -> bool {
    let groups = machine.groups_of("carol");
    ["jit-deploy", "shared"]
        .iter()
        .all(|group| !groups.iter().any(|name| name == group))
}

#[track_caller]
fn drop_ins(machine: &Machine) -> Vec<String> {
    let listed = machine.run("ls /run/userdb");
    listed.ok().stdout.lines().map(str::to_owned).collect()
}

/// Everything below /etc that says who may do what, but for sudo's rules.
#[track_caller]
fn account_files(machine: &Machine) -> String {
    let files = "/etc/group /etc/gshadow /etc/passwd /etc/shadow";
    machine
        .run(&format!("stat -c '%n %i %Y %Z' {files}; md5sum {files}"))
        .ok()
        .stdout
        .clone()
}

#[track_caller]
fn drift(machine: &Machine) -> Vec<String> {
    let log = machine.run(
        "journalctl --sync && journalctl -u jitd -t jitd -o cat \
         JITD_EVENT=drift.removed JITD_EVENT=drift.restored || true",
    );
    log.ok().stdout.lines().map(str::to_owned).collect()
}

#[track_caller]
fn put_policy(machine: &Machine, text: &str) {
    machine
        .run_with_input("cat >/etc/jitd/jitd.toml", text)
        .ok();
}

fn memberships_are_seen_by_the_whole_host(release: Release) {
    let machine = scene(release, "userdb").boot();
    let before = account_files(&machine);
    let id = elevate_carol(&machine, "10m");
    assert!(is_in_both(&machine));
    // By name, by number, and in a login of hers.
    let group = machine.run("getent group jit-deploy");
    let fields: Vec<_> = group.ok().text().split(':').collect();
    assert_eq!((fields[0], fields[3]), ("jit-deploy", "carol"), "{group}");
    let gid: u32 = fields[2].parse().expect("a number");
    assert!((100..1000).contains(&gid), "{gid} is no system group's");
    machine
        .run(&format!("getent group {gid}"))
        .ok()
        .contains("jit-deploy");
    let login = machine.run_as("carol", "id -Gn");
    login.ok().contains("jit-deploy").contains("shared");
    machine
        .run_as("carol", "sudo -n id")
        .ok()
        .contains("uid=0(root)");
    // The folder of others, closed to them; what is in it is open to all who look.
    let modes = machine.run("stat -c %A%U /run/userdb; stat -c %A%U /run/userdb/carol:*");
    modes.ok();
    assert_eq!(
        modes.text(),
        "drwxr-xr-xroot\n-rw-r--r--root\n-rw-r--r--root"
    );
    // What started with the group ends with it, as with any other.
    let mut held = machine.spawn_as("carol", "echo on; exec sleep 1000");
    held.wait_for_output("on");
    alice(&machine, &format!("revoke {id} --comment enough")).ok();
    assert!(is_in_neither(&machine));
    machine.wait_until("her sleep is over", SOON, || !held.is_running());
    assert_eq!(account_files(&machine), before);
    assert_eq!(drift(&machine), [""; 0]);
    // With the line that systemd recommends, getent lists her in shared groups too.
    machine
        .run(
            "sed --in-place 's/^group:.*/group: files [SUCCESS=merge] systemd/' /etc/nsswitch.conf",
        )
        .ok();
    elevate_carol(&machine, "10m");
    let listed = machine.run("getent group shared");
    listed.ok().contains("grace").contains("carol");
}

fn it_works_with_an_etc_that_nobody_can_write(release: Release) {
    let machine = scene(release, "userdb").boot();
    // The rules of the role are sudo's own file, so they are an admin's here.
    put_policy(
        &machine,
        &policy("userdb")
            .replace("commands  = [\"ALL\"]\nrun_as    = [\"root\"]\n", "")
            .replace("run_as    = [\"root\"]\ncommands  = [\"ALL\"]\n", ""),
    );
    machine
        .run("mount --bind /etc /etc && mount -o remount,bind,ro /etc && ! touch /etc/x && systemctl restart jitd.service")
        .ok();
    let id = elevate_carol(&machine, "10m");
    assert!(is_in_both(&machine));
    machine
        .run_as("carol", "sudo -n id")
        .ok()
        .contains("uid=0(root)");
    let short = elevate_carol(&machine, "2s");
    machine.wait_until("its time is up", LIMIT, || {
        cast::state(&machine, short) == "expired"
    });
    assert!(is_in_both(&machine), "the other one goes on");
    alice(&machine, &format!("revoke {id} --comment enough")).ok();
    assert!(is_in_neither(&machine));
    machine.run_as("carol", "sudo -n id").fails_with(1);
    let journal = machine.journal();
    assert!(
        !journal.contains("does not match the elevations"),
        "{journal}"
    );
}

fn drop_ins_are_written_anew_after_a_boot_and_a_crash(release: Release) {
    let mut machine = scene(release, "userdb").boot();
    elevate_carol(&machine, "10m");
    let before = drop_ins(&machine);
    let gid = machine.run("getent group jit-deploy").text().to_owned();
    machine.kill("jitd.service", "KILL");
    assert!(is_in_both(&machine), "the dead take nothing away");
    machine.power_cycle();
    machine.wait_until("she has what is hers", LIMIT, || is_in_both(&machine));
    assert_eq!(drop_ins(&machine), before);
    assert_eq!(
        machine.run("getent group jit-deploy").text(),
        gid,
        "the same number"
    );
    assert_eq!(
        drift(&machine),
        [""; 0],
        "nobody took them away but the boot"
    );
    // What is over by the next boot is not there after it.
    let last = alice(&machine, "revoke --user carol --comment enough");
    last.ok();
    elevate_carol(&machine, "3s");
    machine.power_off();
    machine.power_on();
    machine.wait_until("jitd is up", LIMIT, || {
        machine.run("jitctl list").status == 0
    });
    machine.wait_until("it is over", LIMIT, || is_in_neither(&machine));
}

fn what_others_change_of_drop_ins_is_undone(release: Release) {
    let machine = scene(release, "userdb").boot();
    let id = elevate_carol(&machine, "10m");
    let before = drop_ins(&machine);
    let mut count = 0;
    for (change, expected) in [
        (
            "touch /run/userdb/mallory:jit-deploy.membership",
            "drift.removed by=jitd group=jit-deploy member=mallory others=carol".to_owned(),
        ),
        // The place that is not used gives privilege too.
        (
            "getent group jit-deploy | sed 's/[^:]*$/mallory/' >>/etc/group && touch /etc/gshadow",
            "drift.removed by=jitd group=jit-deploy member=mallory".to_owned(),
        ),
        (
            "rm /run/userdb/carol:shared.membership",
            format!(
                "drift.restored id={id} user=carol uid=1000 role=deploy by=jitd group=shared member=carol"
            ),
        ),
        (
            "mv /run/userdb/carol:jit-deploy.membership /root",
            format!(
                "drift.restored id={id} user=carol uid=1000 role=deploy by=jitd group=jit-deploy member=carol"
            ),
        ),
    ] {
        machine.run(change).ok();
        count += 1;
        machine.wait_until("it is undone, and on record", SOON, || {
            drop_ins(&machine) == before && drift(&machine).len() == count && is_in_both(&machine)
        });
        let told = drift(&machine);
        assert!(
            told.last().is_some_and(|line| line.contains(&expected)),
            "{change}: {told:#?}"
        );
        let mallory = machine.groups_of("mallory");
        assert!(!mallory.contains(&"jit-deploy".to_owned()), "{change}");
    }
    // Of a group that others have too, what others wrote is theirs.
    machine
        .run("echo '{\"userName\":\"mallory\",\"groupName\":\"shared\"}' >/run/userdb/mallory:shared.membership")
        .ok();
    alice(&machine, "revoke --user carol --comment enough").ok();
    assert!(is_in_neither(&machine));
    assert!(machine.groups_of("mallory").contains(&"shared".to_owned()));
    assert_eq!(drift(&machine).len(), count);
}

/// Looks without a pause while it is switched to and fro: she is never out of her groups, and
/// what she started goes on.
fn a_reload_moves_memberships_without_a_gap(release: Release) {
    let machine = scene(release, "files").boot();
    elevate_carol(&machine, "10m");
    let gid = machine
        .run("getent group jit-deploy | cut -d: -f3")
        .text()
        .to_owned();
    machine
        .run_with_input(
            "cat >/root/sample",
            "while [ -e /root/go-on ]; do id -Gn carol; done >/root/samples\n",
        )
        .ok();
    machine
        .run("touch /root/go-on; setsid sh /root/sample </dev/null >/dev/null 2>&1 &")
        .ok();
    let mut held = machine.spawn_as("carol", "echo on; exec sleep 1000");
    held.wait_for_output("on");
    let count_of_samples = || {
        machine
            .run("wc -l </root/samples")
            .text()
            .parse::<usize>()
            .unwrap_or_default()
    };
    for backend in ["userdb", "files", "userdb", "files", "userdb"] {
        put_policy(&machine, &policy(backend));
        let before = count_of_samples();
        machine.run("jitctl policy reload").ok();
        let in_file = members_in(&machine, "/etc/group", "shared").contains(&"carol".to_owned());
        let in_userdb = drop_ins(&machine).contains(&"carol:shared.membership".to_owned());
        assert_eq!(
            (in_file, in_userdb),
            (backend == "files", backend == "userdb")
        );
        machine.wait_until("some more samples", LIMIT, || {
            count_of_samples() > before + 20
        });
    }
    machine.run("rm /root/go-on").ok();
    let samples = machine.file("/root/samples");
    let is_whole = |line: &&str| {
        ["jit-deploy", "shared"]
            .iter()
            .all(|group| line.split(' ').any(|name| name == *group))
    };
    let lacking: Vec<_> = samples.lines().filter(|line| !is_whole(line)).collect();
    assert!(samples.lines().count() > 100);
    assert_eq!(lacking, [""; 0]);
    assert!(held.is_running(), "she lost nothing");
    let now = machine
        .run("getent group jit-deploy | cut -d: -f3")
        .text()
        .to_owned();
    assert_eq!(now, gid);
    assert_eq!(drift(&machine), [""; 0]);
    alice(&machine, "revoke --user carol --comment enough").ok();
    assert!(is_in_neither(&machine));

    // A group that was made as a drop-in keeps its number in /etc/group.
    let with_more =
        |backend| policy(backend).replace("\"jit-deploy\"", "\"jit-deploy\", \"jit-more\"");
    let number = || {
        machine
            .run("getent group jit-more | cut -d: -f3")
            .text()
            .to_owned()
    };
    put_policy(&machine, &with_more("userdb"));
    machine.run("jitctl policy reload").ok();
    let made = number();
    machine.run("grep jit-more /etc/group").fails_with(1);
    put_policy(&machine, &with_more("files"));
    machine.run("jitctl policy reload").ok();
    machine
        .run("grep jit-more /etc/group && grep jit-more /etc/gshadow && grpck -r")
        .ok();
    assert_eq!(number(), made);
    assert_eq!(drop_ins(&machine), [""; 0]);
    // Switched while jitd is away, it moves at the start.
    elevate_carol(&machine, "10m");
    put_policy(&machine, &with_more("userdb"));
    machine.run("systemctl restart jitd.service").ok();
    assert!(is_in_both(&machine));
    assert_eq!(members_in(&machine, "/etc/group", "shared"), ["grace"]);
    assert_eq!(drift(&machine), [""; 0]);
}

fn a_host_that_does_not_look_there_is_warned_of(release: Release) {
    let machine = scene(release, "files").boot();
    let warned = |what: &str| {
        machine
            .journal()
            .lines()
            .filter(|line| line.contains(what))
            .count()
    };
    let (unseen, unlisted) = ("have no effect on this host", "does not list members");
    let nsswitch = |line: &str| {
        machine
            .run(&format!(
                "sed --in-place 's/^group:.*/group: {line}/' /etc/nsswitch.conf"
            ))
            .ok();
        machine.run("jitctl policy reload").ok();
    };
    nsswitch("files");
    assert_eq!(
        (warned(unseen), warned(unlisted)),
        (0, 0),
        "nothing is kept there"
    );
    put_policy(&machine, &policy("userdb"));
    nsswitch("files");
    assert_eq!((warned(unseen), warned(unlisted)), (1, 0));
    // It is so: given, and not seen.
    elevate_carol(&machine, "10m");
    assert!(is_in_neither(&machine));
    nsswitch("files systemd");
    assert_eq!((warned(unseen), warned(unlisted)), (1, 1));
    assert!(is_in_both(&machine));
    machine.run("getent group shared").ok().lacks("carol");
    nsswitch("files [SUCCESS=merge] systemd");
    assert_eq!((warned(unseen), warned(unlisted)), (1, 1));
    machine.run("getent group shared").ok().contains("carol");
    // Another word is no policy.
    put_policy(&machine, &policy("ldap"));
    let refused = machine.run("jitctl policy reload");
    assert_ne!(refused.status, 0);
    refused.contains(
        "jitd.toml:1:14: membership: \"ldap\" is not known: expected \"files\" or \"userdb\"",
    );
}

fn the_second_enforcer_takes_drop_ins_too(release: Release) {
    let machine = scene(release, "userdb").boot();
    elevate_carol(&machine, "5s");
    machine
        .run("systemctl mask --runtime --now jitd.service")
        .ok();
    assert!(is_in_both(&machine), "it has not ended yet");
    machine.wait_until("it is taken back with jitd dead", LIMIT, || {
        is_in_neither(&machine)
    });
    machine
        .run("systemctl is-active jitd.service")
        .fails_with(3);
    assert_eq!(drift(&machine), [""; 0]);
}

fn its_removal_leaves_nothing(release: Release) {
    let machine = scene(release, "userdb").boot();
    elevate_carol(&machine, "10m");
    machine.run("grep jit-deploy /etc/group").fails_with(1);
    as_user(&machine, "carol", "true").ok();
    // Somebody else's stays, and so does the folder then.
    machine
        .run("echo '{\"userName\":\"dave\",\"groupName\":\"shared\"}' >/run/userdb/dave:shared.membership")
        .ok();
    let remove = "DEBIAN_FRONTEND=noninteractive apt-get remove --yes jitd";
    machine.run_within(APT, remove).ok();
    assert!(is_in_neither(&machine));
    let left = machine.run("ls -A /run/userdb");
    assert_eq!(left.ok().text(), "dave:shared.membership");
    machine.run("getent group jit-deploy").fails_with(2);
}
