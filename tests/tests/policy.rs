//! Policy as code, on real hosts: who must agree, set times, extensions, what needs
//! nobody, broken glass, and a policy that changes.
#![allow(clippy::expect_used, clippy::panic, reason = "these are tests")]

use std::time::Duration;

use jit_tests::recorded::{Event, recorded};
use jit_tests::{Machine, MachineBuilder, Output, Release, Shell, on_each_release};

on_each_release!(
    two_people_must_agree_and_one_person_is_one,
    a_root_shell_decides_nothing_of_its_owners,
    a_set_time_and_an_extension_are_kept_to_the_second,
    the_end_is_announced_to_its_holder_alone,
    what_needs_nobody_is_there_at_once,
    broken_glass_is_loud_until_somebody_else_has_seen_it,
    a_policy_comes_into_force_whole_or_not_at_all,
    a_host_that_starts_on_a_bad_policy_is_closed_until_it_is_mended,
    what_sudo_is_told,
    what_holds_a_lost_group_goes_with_it_unless_the_role_keeps_it,
    the_tools_need_neither_root_nor_daemon,
);

const SOON: Duration = Duration::from_secs(10);

const POLICY: &str = r#"[managed]
groups = ["contractors"]

[defaults]
approvers = { groups = ["jit-approvers"] }

[role.web]
groups   = ["jit-web"]
commands = ["ALL"]
services = ["sudo", "sudo-i"]
eligible = { groups = ["contractors"] }

[role.root]
groups      = ["jit-root"]
commands    = ["ALL"]
services    = ["sudo", "sudo-i"]
eligible    = { groups = ["contractors"] }
approvals   = 2
break_glass = { groups = ["oncall"], max_duration = "10m" }

[role.database]
groups    = ["jit-database"]
services  = ["sudo"]
commands  = ["/usr/bin/id"]
eligible  = { groups = ["contractors"] }
approvals = [{ groups = ["dba"], count = 1 }, { groups = ["security"], count = 1 }]

[role.quick]
groups       = ["jit-quick"]
services     = ["sudo"]
commands     = ["ALL"]
eligible     = { groups = ["contractors"] }
ticket       = { required = true, pattern = "^OPS-[0-9]+$" }
reason       = { required = true, min_length = 5, choices = ["deploy"] }
auto_approve = [{ max_duration = "10m" }]
budget       = { time = "15m", per = "24h" }

[audit]
readers = { groups = ["auditors"] }
"#;

/// Whoever holds a role here may use it without a password, so that the account
/// stage stands alone; alice may act as bea.
const SUDOERS: &str = "%jit-web ALL=(ALL:ALL) NOPASSWD: ALL
%jit-root ALL=(ALL:ALL) NOPASSWD: ALL
%jit-quick ALL=(ALL:ALL) NOPASSWD: ALL
alice ALL=(bea) NOPASSWD: ALL
";

fn scene(release: Release) -> MachineBuilder {
    Machine::builder(release)
        .user_in("carol", &["contractors", "oncall"])
        .user_in("alice", &["jit-approvers"])
        .user_in("bea", &["jit-approvers"])
        .user_in("ann", &["dba", "security"])
        .user_in("dan", &["dba"])
        .user_in("sam", &["security"])
        .user_in("dora", &["auditors"])
        .file("/etc/sudoers.d/zz-lab", 0o440, SUDOERS)
        .policy(POLICY)
}

/// The number that a request prints, alone on its line.
#[track_caller]
fn number(output: &Output) -> u64 {
    let text = output.ok().text();
    text.parse()
        .unwrap_or_else(|_| panic!("a number was expected of {output}"))
}

#[track_caller]
fn elevate(carol: &Shell, alice: &Shell, role: &str, length: &str) -> u64 {
    let id = number(&carol.run(&format!(
        "jitctl request {role} --for {length} --reason 'as agreed'"
    )));
    alice.run(&format!("jitctl approve {id}")).ok();
    id
}

fn two_people_must_agree_and_one_person_is_one(release: Release) {
    let machine = scene(release).boot();
    let [carol, alice, bea] = ["carol", "alice", "bea"].map(|who| machine.ssh(who));
    let id = number(&carol.run("jitctl request root --reason 'to be done'"));
    let shown = carol.run(&format!("jitctl show {id}"));
    shown.ok().contains("2 members of jit-approvers");
    alice.run(&format!("jitctl approve {id}")).ok();
    carol.run("sudo -n id").fails_with(1);
    // The same person again, and again in somebody else's account.
    let approve = format!("jitctl approve {id}");
    alice.run(&approve).fails_with(1).contains("already");
    let as_bea = alice.run(&format!("sudo -n -u bea {approve}"));
    as_bea.fails_with(1).contains("alice has agreed");
    carol.run("sudo -n id").fails_with(1);
    bea.run(&approve).ok();
    carol.run("sudo -n id").ok().contains("uid=0(root)");

    // Two groups, one yes of each; ann is in both and counts once, where it helps.
    let [ann, dan, sam] = ["ann", "dan", "sam"].map(|who| machine.ssh(who));
    for (first, second) in [(&ann, &dan), (&ann, &sam)] {
        let id = number(&carol.run("jitctl request database"));
        let approve = format!("jitctl approve {id}");
        let refused = alice.run(&approve);
        refused.fails_with(3).contains("does not count");
        first.run(&approve).ok();
        let state = carol.run(&format!("jitctl show {id} --json"));
        state.ok().contains("\"state\": \"pending\"");
        second.run(&approve).ok();
        let state = carol.run(&format!("jitctl show {id} --json"));
        state.ok().contains("\"state\": \"active\"");
    }
    // One no is enough.
    let id = number(&carol.run("jitctl request database"));
    dan.run(&format!("jitctl approve {id}")).ok();
    sam.run(&format!("jitctl deny {id} --comment 'not today'"))
        .ok();
    ann.run(&format!("jitctl approve {id}")).fails_with(1);
}

/// carol holds everything by sudo, and asks for more.
fn a_root_shell_decides_nothing_of_its_owners(release: Release) {
    let machine = scene(release).boot();
    let [carol, alice] = ["carol", "alice"].map(|who| machine.ssh(who));
    elevate(&carol, &alice, "web", "10m");
    carol.run("sudo -n id").ok().contains("uid=0(root)");
    let next = number(&carol.run("jitctl request root --reason 'all of it, please'"));
    let glass = number(&carol.run("jitctl break-glass root --reason 'because I can'"));
    let bus = "busctl call org.jitd1 /org/jitd1 org.jitd1.Elevations";
    let mut tried = 0;
    for becoming in [
        "sudo -n",
        "sudo -n setpriv --reuid=alice --clear-groups",
        "sudo -n -u alice",
    ] {
        for attempt in [
            format!("jitctl approve {next}"),
            format!("jitctl deny {next} --comment x"),
            format!("jitctl acknowledge {glass}"),
            format!("{bus} Approve tts {next} 0 ''"),
            format!("{bus} Approve tts {next} 1 ''"),
            format!("{bus} Deny ts {next} x"),
            format!("{bus} Acknowledge ts {glass} ''"),
        ] {
            let refused = carol.run(&format!("{becoming} {attempt}"));
            assert_ne!(refused.status, 0, "{refused}");
            refused.contains("nobody decides their own elevation");
            tried += 1;
        }
        // A request in another's account is not hers to extend either.
        let extended = carol.run(&format!("{becoming} {bus} Extend 'ta{{sv}}' {next} 0"));
        assert_ne!(extended.status, 0, "{extended}");
    }
    let shown = alice.run(&format!("jitctl show {next} --json"));
    shown
        .ok()
        .contains("\"state\": \"pending\"")
        .contains("\"decisions\": []");
    let shown = alice.run(&format!("jitctl show {glass} --json"));
    shown.ok().contains("\"acknowledged_at\": null");
    // All of it is on record, with who it was; what was tried again, as a number.
    machine.run("systemctl stop jitd").ok();
    let mut attempts = recorded(&machine, "attempt.refused");
    attempts.retain(|attempt| [attempt.field("by"), attempt.field("login")].contains(&"carol"));
    let count = attempts.iter().map(|attempt| match attempt.field("count") {
        "" => 1,
        count => count.parse().expect("a number"),
    });
    assert!(count.sum::<usize>() >= tried, "{attempts:#?}");
    for command in ["approve", "acknowledge"] {
        let tried = |attempt: &Event| attempt.field("tried") == command;
        assert!(attempts.iter().any(tried), "{attempts:#?}");
    }
}

fn a_set_time_and_an_extension_are_kept_to_the_second(release: Release) {
    let machine = scene(release).boot();
    let [carol, alice] = ["carol", "alice"].map(|who| machine.ssh(who));
    for past in ["2020-01-01T00:00:00Z", "2020-01-01 00:00"] {
        let asked = carol.run(&format!("jitctl request web --at '{past}'"));
        assert_ne!(asked.status, 0, "{asked}");
        asked.contains("past");
    }
    let start = machine.run("date --iso-8601=seconds --date '4 seconds'");
    let start = start.ok().text();
    let id = number(&carol.run(&format!("jitctl request web --for 5s --at {start}")));
    alice.run(&format!("jitctl approve {id}")).ok();
    let status = carol.run("jitctl status --json");
    status.ok().contains("\"state\": \"scheduled\"");
    carol.run("sudo -n id").fails_with(1);
    machine.wait_until("its time has come", SOON, || {
        carol.run("sudo -n true").status == 0
    });
    let seconds = |script: &str| -> i64 {
        let output = machine.run(script);
        output.ok().text().parse().expect("seconds")
    };
    let began = seconds("date +%s");
    let planned = seconds(&format!("date --date {start} +%s"));
    assert!(began >= planned, "{release}: too early");
    machine.wait_until("its time is up", SOON, || {
        carol.run("sudo -n true").status != 0
    });

    // Two extensions of 3 s each: no instant without sudo until the sum is over.
    let first = elevate(&carol, &alice, "web", "3s");
    let mut last = first;
    for _ in 0..2 {
        last = number(&carol.run(&format!("jitctl extend {last} --for 3s --reason more")));
        alice.run(&format!("jitctl approve {last}")).ok();
    }
    let sampled = carol.run_within(
        Duration::from_secs(30),
        "begin=$(date +%s%N); tries=0
         while sudo -n true 2>/dev/null; do tries=$((tries+1)); done
         echo $tries $(( ($(date +%s%N) - begin) / 1000000 ))",
    );
    let [tries, milliseconds] = sampled.ok().text().split(' ').collect::<Vec<_>>()[..] else {
        panic!("{sampled}");
    };
    let (tries, milliseconds): (u32, u32) = (
        tries.parse().expect("a number"),
        milliseconds.parse().expect("a number"),
    );
    assert!(tries > 100, "{release}: only {tries} samples");
    // The loop began after the elevation did, and ends with it.
    assert!(milliseconds <= 9_300, "{release}: {milliseconds} ms");
    assert!(
        milliseconds > 6_500,
        "{release}: a gap after {milliseconds} ms"
    );
    carol.run("sudo -n true").fails_with(1);
    let ended = carol.run(&format!("jitctl show {last} --json"));
    ended.ok().contains(&format!("\"extends\": {}", last - 1));
}

fn the_end_is_announced_to_its_holder_alone(release: Release) {
    const ROLE: &str = r#"
[role.short]
services    = ["sudo"]
commands    = ["/usr/bin/id"]
eligible    = { groups = ["contractors"] }
warn_before = ["3s"]
"#;
    let machine = scene(release)
        .file("/etc/jitd/roles.d/short.toml", 0o644, ROLE)
        .boot();
    let [carol, alice] = ["carol", "alice"].map(|who| machine.ssh(who));
    let mut hers = machine.ssh_tty("carol");
    let mut anothers = machine.ssh_tty("alice");
    let id = elevate(&carol, &alice, "short", "5s");
    hers.expect(&format!(
        "jitd: your elevation {id} (short) ends in 3s. To go on: jitctl extend {id} --for 5s"
    ));
    anothers.type_line("echo not''hing");
    let screen = anothers.expect("nothing");
    assert!(!screen.contains("ends in"), "{screen}");
}

fn what_needs_nobody_is_there_at_once(release: Release) {
    let machine = scene(release).boot();
    let carol = machine.ssh("carol");
    let request = "jitctl request quick --reason deploy";
    for (words, why) in [
        ("", "needs a ticket"),
        ("--ticket ops-1", "does not match"),
        ("--ticket 'OPS-1 and more'", "does not match"),
        ("--ticket OPS-1 --for 5h", "longer than role quick allows"),
    ] {
        let refused = carol.run(&format!("{request} {words}"));
        assert_ne!(refused.status, 0, "{refused}");
        refused.contains(why);
        assert_eq!(refused.stdout, "", "no number");
    }
    let short = carol.run("jitctl request quick --ticket OPS-1 --reason abc");
    short
        .fails_with(1)
        .contains("at least 5")
        .contains("deploy");
    number(&carol.run(&format!("{request} --ticket OPS-1 --for 10m")));
    carol.run("sudo -n id").ok().contains("uid=0(root)");
    let log = machine.run("journalctl -u jitd -o cat JITD_EVENT=elevation.approved");
    log.ok()
        .contains("by=jitd")
        .contains("auto_approve (/etc/jitd/jitd.toml:");
    carol.run("jitctl end").ok();
    // What was given back early was not used: nearly all of it is left.
    let id = number(&carol.run(&format!("{request} --ticket OPS-2 --for 10m")));
    let more = carol.run(&format!(
        "jitctl extend {id} --for 10m --ticket OPS-2 --reason deploy"
    ));
    assert_ne!(more.status, 0, "{more}");
    more.contains("15m that carol may use in 1day");
    let run = carol.run("jitctl run quick --ticket OPS-3 --for 1m --reason deploy -- id -u");
    assert_eq!(run.ok().stdout.lines().last(), Some("0"), "{run}");
}

fn broken_glass_is_loud_until_somebody_else_has_seen_it(release: Release) {
    let machine = scene(release).boot();
    let [carol, alice, dora] = ["carol", "alice", "dora"].map(|who| machine.ssh(who));
    let refused = machine.run_as("dora", "jitctl break-glass root --reason 'let me in'");
    refused.fails_with(3).contains("may not break the glass");
    let refused = carol.run("jitctl break-glass root --reason ''");
    assert_ne!(refused.status, 0, "{refused}");
    let refused = carol.run("jitctl break-glass root --reason 'all night' --for 11m");
    refused.fails_with(1).contains("at most 10m");
    let id = number(&carol.run("jitctl break-glass root --reason 'the shop is down'"));
    carol.run("sudo -n id").ok().contains("uid=0(root)");

    let alert = machine.run("journalctl -u jitd -p alert -o cat");
    alert
        .ok()
        .contains("event=glass.broken")
        .contains("the shop is down");
    let log = machine.file("/var/log/auth.log");
    assert!(log.contains("event=glass.broken"), "{log}");
    for reader in [&carol, &alice, &dora] {
        let listed = reader.run("jitctl list");
        listed.ok().contains("break-glass");
    }
    let mut red = machine.ssh_tty("alice");
    red.type_line("TERM=xterm-256color jitctl list");
    red.expect("\u{1b}[38;5;1m");
    drop(red);
    alice
        .run("jitctl pending")
        .ok()
        .contains("jitctl acknowledge")
        .contains("the shop is down");
    alice.run("jitctl status").ok().contains("acknowledge");
    carol
        .run(&format!("jitctl acknowledge {id}"))
        .fails_with(3)
        .contains("nobody decides their own");
    dora.run(&format!("jitctl acknowledge {id}")).fails_with(3);
    carol.run("jitctl end").ok();
    alice
        .run(&format!("jitctl acknowledge {id} --comment 'I saw it'"))
        .ok();
    alice.run("jitctl pending").ok().lacks("the shop is down");
    let shown = dora.run(&format!("jitctl show {id} --json"));
    shown.ok().contains("\"acknowledged_by\": \"alice\"");
    let again = alice.run(&format!("jitctl acknowledge {id}"));
    again.fails_with(1).contains("already");
}

/// What is given on the host, byte for byte.
fn given(machine: &Machine) -> String {
    // While nobody holds anything there is no sudoers file of ours.
    let files = "cat /etc/sudoers.d/jitd 2>/dev/null; cat /etc/group /etc/gshadow";
    machine.run(files).ok().stdout.clone()
}

fn a_policy_comes_into_force_whole_or_not_at_all(release: Release) {
    let machine = scene(release).boot();
    let [carol, alice] = ["carol", "alice"].map(|who| machine.ssh(who));
    let web = elevate(&carol, &alice, "web", "10m");
    let before = given(&machine);
    assert!(before.contains("carol ALL=(root) ALL"), "{before}");
    carol
        .run("jitctl policy reload")
        .fails_with(3)
        .contains("only root");

    let put = |name: &str, text: &str| {
        let script = format!("cat >/etc/jitd/{name}");
        machine.run_with_input(&script, text).ok();
    };
    for (what, make, why) in [
        (
            "a near miss",
            "sed -i s/^eligible/eligable/ /etc/jitd/jitd.toml",
            "jitd.toml:25:1: role.database.eligable: unknown key: did you mean eligible?",
        ),
        (
            "an unknown group",
            "sed -i 's/\"dba\"/\"dbas\"/' /etc/jitd/jitd.toml",
            "there is no group dbas on this host",
        ),
        (
            "a command that sudo does not understand",
            r#"sed -i "s|\"/usr/bin/id\"|'/usr/bin/a\\\\x'|" /etc/jitd/jitd.toml"#,
            "role.database.commands",
        ),
        (
            "a file that everybody can write",
            "chmod 666 /etc/jitd/jitd.toml",
            "can be written by others (mode 0666): chmod go-w it",
        ),
        (
            "a symbolic link",
            "mv /etc/jitd/jitd.toml /etc/jitd/real && ln -s real /etc/jitd/jitd.toml",
            "is a symbolic link",
        ),
        (
            "10 MB",
            "yes '# padding' | head -c 10M >>/etc/jitd/jitd.toml",
            "is larger than 1048576 bytes",
        ),
        (
            "not text",
            r"printf '\377\376' >>/etc/jitd/jitd.toml",
            "is not UTF-8 text",
        ),
        (
            "a role that decides over itself",
            "sed -i 's/\"jit-web\"/\"jit-approvers\"/' /etc/jitd/jitd.toml",
            "could approve it",
        ),
    ] {
        machine.run(make).ok();
        let refused = machine.run("jitctl policy reload");
        assert_ne!(refused.status, 0, "{what}: {refused}");
        refused.contains(why);
        let by_systemd = machine.run("systemctl reload jitd");
        assert_ne!(by_systemd.status, 0, "{what}: {by_systemd}");
        assert_eq!(given(&machine), before, "{what} changed something");
        carol.run("sudo -n id").ok();
        machine
            .run("rm -f /etc/jitd/jitd.toml /etc/jitd/real && install -m 644 /dev/null /etc/jitd/jitd.toml")
            .ok();
        put("jitd.toml", POLICY);
    }
    let log = machine.run("journalctl -u jitd -o cat JITD_EVENT=policy.refused");
    log.ok().contains("did you mean eligible?");

    // A good one: at once, and what it no longer allows ends, in the open shell too.
    let pending = number(&carol.run("jitctl request root"));
    let without_root = POLICY.replace("[role.root]", "[role.boot]");
    put("jitd.toml", &without_root);
    machine.run("systemctl reload jitd").ok();
    let state = |id: u64| {
        let shown = machine.run(&format!("jitctl show {id} --json"));
        shown.ok().stdout.clone()
    };
    assert!(state(pending).contains("\"state\": \"revoked\""));
    assert!(state(web).contains("\"state\": \"active\""));
    machine.run("gpasswd -d carol contractors").ok();
    machine.kill("jitd.service", "HUP");
    machine.wait_until("carol has lost it", SOON, || {
        state(web).contains("\"state\": \"revoked\"")
    });
    carol.run("sudo -n id").fails_with(1);
    assert!(!given(&machine).contains("carol ALL="));
    let log = machine.run("journalctl -u jitd -o cat JITD_EVENT=elevation.revoked");
    log.ok()
        .contains("the role is no longer in the policy")
        .contains("no longer eligible");
}

fn a_host_that_starts_on_a_bad_policy_is_closed_until_it_is_mended(release: Release) {
    let machine = scene(release).boot();
    let [carol, alice] = ["carol", "alice"].map(|who| machine.ssh(who));
    elevate(&carol, &alice, "web", "10m");
    machine
        .run("sed -i 's/^approvers/aprovers/' /etc/jitd/jitd.toml && systemctl restart jitd")
        .ok();
    carol
        .run("sudo -n id")
        .fails_with(1)
        .contains("its policy is broken");
    machine.run("sudo id").ok();
    let log = machine.run("journalctl -u jitd -p err -o cat");
    log.ok()
        .contains("did you mean approvers?")
        .contains("managed people are refused until it is mended");
    machine
        .run("sed -i 's/^aprovers/approvers/' /etc/jitd/jitd.toml && jitctl policy reload")
        .ok();
    carol.run("sudo -n id").ok().contains("uid=0(root)");
}

fn what_sudo_is_told(release: Release) {
    const SCOPES: &str = r#"
[role.scopes]
groups        = ["jit-scopes"]
run_as        = ["%staff", "daemon"]
run_as_groups = ["adm"]
commands      = ["/usr/bin/id"]
services      = ["sudo"]
eligible      = { groups = ["contractors"] }
"#;
    let recorded = SCOPES
        .replace("scopes", "recorded")
        .replace("commands ", "record = true\ncommands ")
        .replace("/usr/bin/id", "ALL");
    let machine = scene(release)
        .file("/etc/jitd/roles.d/scopes.toml", 0o644, SCOPES)
        .user_in("stan", &["staff"])
        .boot();
    machine.run("jitctl policy reload").ok();
    let [carol, alice] = ["carol", "alice"].map(|who| machine.ssh(who));
    machine
        .run("echo 'Defaults !authenticate' >/etc/sudoers.d/aa-lab && chmod 440 /etc/sudoers.d/aa-lab")
        .ok();
    elevate(&carol, &alice, "scopes", "10m");
    let rules = machine.file("/etc/sudoers.d/jitd");
    assert!(
        rules.contains("# role scopes (/etc/jitd/roles.d/scopes.toml)"),
        "{rules}"
    );
    carol.run("sudo -n -u stan id").ok().contains("(stan)");
    carol
        .run("sudo -n -u daemon -g adm id")
        .ok()
        .contains("(adm)");
    carol.run("sudo -n -u root id").fails_with(1);
    carol.run("sudo -n -u stan /bin/true").fails_with(1);
    let same = machine.run("jitctl policy reload >/dev/null && cat /etc/sudoers.d/jitd");
    assert_eq!(same.ok().stdout, rules, "the same policy is the same file");

    machine
        .run_with_input("cat >/etc/jitd/roles.d/recorded.toml", &recorded)
        .ok();
    machine.run("jitctl policy reload").ok();
    if release == Release::Trixie {
        // Beside sudo-rs it goes where the host's own recordings are.
        return;
    }
    carol.run("jitctl end").ok();
    elevate(&carol, &alice, "recorded", "10m");
    carol
        .run("sudo -n -u daemon sh -c 'echo this is seen'")
        .ok();
    let replay = machine.run("cd /var/log/jitd/recordings && sudoreplay -d . -l && sudoreplay -d . -m 0 -s 100 $(sudoreplay -d . -l | sed -n 's/.*TSID=\\([^ ;]*\\).*/\\1/p')");
    replay.ok().contains("carol").contains("this is seen");
}

fn what_holds_a_lost_group_goes_with_it_unless_the_role_keeps_it(release: Release) {
    const ROLES: &str = r#"
[role.shared]
groups   = ["shared"]
services = ["sudo"]
eligible = { groups = ["contractors"] }

[role.kept]
groups   = ["kept"]
services = ["sudo"]
eligible = { groups = ["contractors"] }
on_end   = "keep"
"#;
    let machine = scene(release)
        .file("/etc/jitd/roles.d/groups.toml", 0o644, ROLES)
        .user_in("dave", &["shared"])
        .boot();
    let [before, alice, dave] = ["carol", "alice", "dave"].map(|who| machine.ssh(who));
    for role in ["shared", "kept"] {
        elevate(&before, &alice, role, "10m");
    }
    let during = machine.ssh("carol");
    during
        .run("id -Gn")
        .ok()
        .contains("shared")
        .contains("kept");
    // What tries to stay: out of its session, deaf, stopped, and without the shell.
    for command in [
        "setsid nohup sleep 3001 >/dev/null 2>&1 &",
        "(trap '' TERM; exec sleep 3002) >/dev/null 2>&1 &",
        "sh -c 'kill -STOP $$; sleep 3003' >/dev/null 2>&1 &",
        "sh -c 'sleep 3004 & exit' >/dev/null 2>&1",
    ] {
        during.run(command).ok();
    }
    // By the group that it runs with alone; and one that never had it.
    before
        .run("sg shared -c 'setsid sleep 3005 >/dev/null 2>&1 &'")
        .ok();
    before.run("setsid sleep 3006 >/dev/null 2>&1 &").ok();
    // With the other group alone.
    before
        .run("sg kept -c 'setsid sleep 3007 >/dev/null 2>&1 &'")
        .ok();
    // Somebody who is in the group anyway.
    dave.run("setsid sleep 3008 >/dev/null 2>&1 &").ok();
    let running = || {
        let output = machine.run(
            "for process in /proc/[0-9]*; do tr '\\0' ' ' <$process/cmdline; echo; done 2>/dev/null |
             grep -o 'sleep 300[0-9]' | sort -u",
        );
        output.stdout.replace("sleep ", "")
    };
    machine.wait_until("all of them run", SOON, || running().lines().count() == 8);
    before.run("jitctl end").ok();
    machine.wait_until("what holds the lost group is gone", SOON, || {
        running().lines().count() <= 3
    });
    assert_eq!(running(), "3006\n3007\n3008\n", "{release}");
    assert!(!during.is_open(), "{release}: a shell that held it");
    before.run("id -un").ok().contains("carol");
    let log = machine.run("journalctl -u jitd -o cat");
    log.ok().lacks("does not end");
}

fn the_tools_need_neither_root_nor_daemon(release: Release) {
    let machine = scene(release).boot();
    machine.run("systemctl stop jitd").ok();
    let carol = machine.ssh("carol");
    carol.run("jitctl policy check").ok().contains("4 roles");
    carol
        .run("cp -r /etc/jitd policy && sed -i 's/approvals   = 2/approvals = 200/' policy/jitd.toml && jitctl policy check policy")
        .fails_with(1)
        .contains("policy/jitd.toml:18:13: role.root.approvals: ");
    let tested = carol.run(
        "for table in /usr/share/doc/jitd/examples/*.test.toml; do
            jitctl policy test $table --policy ${table%.test.toml}.toml || exit
         done",
    );
    tested.ok().contains("expectations");
    let checked = carol.run(
        "cd /usr/share/doc/jitd/examples
         for policy in $(ls *.toml | grep -v .test.toml); do
            jitctl policy check $policy >/dev/null 2>&1 || echo $policy
         done",
    );
    assert_eq!(checked.ok().text(), "", "{checked}");
    assert!(tested.stdout.lines().count() >= 3, "{tested}");
    carol
        .run("jitctl policy show policy | grep -c approvals")
        .fails_with(1);
    carol
        .run("jitctl policy explain carol quick --for 5m --ticket OPS-1 --reason deploy --policy /etc/jitd")
        .ok()
        .contains("auto_approve")
        .contains("Automatic");
    machine.run("systemctl start jitd").ok();
    let explained = carol.run("jitctl policy explain carol root");
    explained
        .ok()
        .contains("/etc/jitd/jitd.toml:18")
        .contains("2 of");
    carol.run("jitctl policy explain alice root").fails_with(3);
    let dora = machine.ssh("dora");
    dora.run("jitctl policy explain alice root")
        .ok()
        .contains("not eligible");
    dora.run("jitctl policy show").ok().contains("[role.web]");
    carol.run("jitctl policy show").fails_with(3);
}
