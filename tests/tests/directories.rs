//! What real directories have: groups of one name twice, names with anything in them, and groups
//! of everybody.
#![allow(clippy::expect_used, clippy::panic, reason = "these are tests")]

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::time::Duration;

use jit_tests::{Machine, Release, on_each_release};
use serde_json::Value;

mod cast;
use cast::{PASSWORD, alice, as_user, scene};

on_each_release!(
    members_of_any_group_of_a_managed_name_are_gated,
    whatever_the_directory_gives_as_a_name_is_one,
    sudo_is_told_names_as_they_are,
    a_group_of_everybody_holds_up_nobody,
);

/// For the many of a batch.
const LONG: Duration = Duration::from_secs(120);

/// What somebody gets of sudo with their password.
#[track_caller]
fn sudo(machine: &Machine, sudo: &str, user: &str) -> jit_tests::Output {
    machine.run(&format!(
        "echo {PASSWORD} | setpriv --reuid={user} --regid=$(id -g {user}) --init-groups {sudo} -S id 2>&1"
    ))
}

fn sudos(release: Release) -> &'static [&'static str] {
    match release {
        Release::Bookworm => &["sudo"],
        Release::Trixie => &["sudo", "sudo-rs"],
    }
}

fn members_of_any_group_of_a_managed_name_are_gated(release: Release) {
    let rules = "dave ALL=(ALL:ALL) ALL\nmallory ALL=(ALL:ALL) ALL\n";
    let machine = scene(release)
        .package("libnss-systemd")
        .password("mallory", PASSWORD)
        .file("/etc/sudoers.d/zz-both", 0o440, rules)
        .boot();
    for name in ["dave", "mallory"] {
        sudo(&machine, "sudo", name).ok().contains("uid=0(root)");
    }
    // dave is in another line of the file; mallory, by the primary group, in one of a directory.
    machine
        .run(
            "echo contractors:x:4242:dave >>/etc/group
             mkdir -p /usr/lib/userdb && cd /usr/lib/userdb
             echo '{\"groupName\":\"contractors\",\"gid\":4343}' >contractors.group
             ln -s contractors.group 4343.group
             usermod --gid 4343 mallory",
        )
        .ok();
    for name in ["dave", "mallory"] {
        for program in sudos(release) {
            let refused = sudo(&machine, program, name);
            assert_ne!(refused.status, 0, "{name}: {refused}");
            refused.lacks("uid=0(root)");
        }
    }
    let told = sudo(&machine, "sudo", "dave");
    told.contains("jitd: sudo is not open to dave");
    // The group that the name leads to counts as before, and who is in none of them is free.
    let doctor = machine.run("jitctl doctor");
    doctor.contains("contractors leads to 3 groups");
    doctor.contains("4242 in /etc/group");
    doctor.contains("4343 in \"systemd\"");
    sudo(&machine, "sudo", "alice").lacks("is not open");
}

/// Names as NSS modules give them: of Active Directory with and without a domain, of LDAP, of
/// machines; numbers; and the longest that Linux keeps.
fn odd_names() -> Vec<String> {
    let mut names: Vec<String> = [
        "Dana",
        "Domain User",
        "1001234",
        "o'brien",
        "host$",
        "m\u{fc}ller",
        "\u{43e}\u{43b}\u{44c}\u{433}\u{430}",
        "CORP\\alice",
        "alice@corp.example",
        "CORP/bob",
        "SVC",
        "ALL",
        "sudoedit",
        "a=b(c)!",
        "%wheel2",
        "\"quoted\"",
    ]
    .map(str::to_owned)
    .to_vec();
    names.push(format!("long-{}", "n".repeat(160)));
    names
}

/// In a shell's single quotes.
fn quoted(name: &str) -> String {
    format!("'{}'", name.replace('\'', r"'\''"))
}

fn whatever_the_directory_gives_as_a_name_is_one(release: Release) {
    let policy = "[managed]
groups = [\"Domain Contractors\"]
[role.web]
groups = [\"jit-web\"]
commands = [\"ALL\"]
services = [\"sudo\"]
eligible = { groups = [\"Domain Contractors\"] }
approvers = { groups = [\"jit-approvers\", \"CORP\\\\approvers\"] }
approvals = 0
max_duration = \"1h\"
";
    let machine = scene(release).no_setup().boot();
    let names = odd_names();
    // Into the files, past the shadow tools: as a directory would give them.
    let mut passwd = String::new();
    for (uid, name) in (60_000..).zip(&names) {
        // A String takes all that is written to it.
        let _ = writeln!(passwd, "{name}:HASH:{uid}:59999::/tmp:/bin/bash");
    }
    let group = "Domain Contractors:x:59999:\nCORP\\approvers:x:59998:\n";
    machine.run_with_input("cat >>/etc/group", group).ok();
    machine
        .run_with_input(
            "hash=$(getent shadow dave | cut -d: -f2); sed \"s|:HASH:|:$hash:|\" >>/etc/passwd",
            &passwd,
        )
        .ok();
    machine
        .run_with_input("cat >/etc/jitd/jitd.toml", policy)
        .ok();
    machine
        .run("jitctl policy check && jitctl policy reload")
        .ok();
    machine.run("jitctl setup --yes").ok();
    machine
        .run("grep -F '[managed_group=Domain Contractors]' /etc/pam.d/sudo")
        .ok();
    for (uid, name) in (60_000..).zip(&names) {
        let as_them = format!("setpriv --reuid={uid} --regid=59999 --clear-groups");
        let tried = |program: &str| {
            machine.run(&format!("echo {PASSWORD} | {as_them} {program} -S id 2>&1"))
        };
        for program in sudos(release) {
            tried(program).lacks("uid=0(root)");
        }
        let asked = machine.run(&format!("{as_them} jitctl request web --for 10m"));
        let id: u64 = asked.ok().text().parse().expect("a number");
        for program in sudos(release) {
            let got = tried(program);
            assert!(got.stdout.contains("uid=0(root)"), "{name}: {got}");
        }
        let user = quoted(name);
        for list in [
            format!("jitctl list --user={user} --json"),
            format!("jitctl audit --user={user} --json"),
            "jitctl report --since 1h --json".to_owned(),
        ] {
            let found = machine.run(&list);
            let json: Value = serde_json::from_str(found.ok().text()).expect("JSON");
            let named = Value::from(name.as_str()).to_string();
            assert!(json.to_string().contains(&named), "{list}: {found}");
        }
        machine.run(&format!("{as_them} jitctl end {id}")).ok();
        for program in sudos(release) {
            let got = tried(program);
            assert!(!got.stdout.contains("uid=0(root)"), "{name}: {got}");
        }
    }
    machine.run("test ! -e /etc/sudoers.d/jitd").ok();
    machine.run("jitctl audit verify").ok();
    // Nothing of it opened anything to anybody else.
    sudo(&machine, "sudo", "mallory").lacks("uid=0(root)");
}

/// Two thousand names by chance, of all that may stand in one: what sudo is told of them means them
/// and nobody else, or the policy is refused with the name.
fn sudo_is_told_names_as_they_are(release: Release) {
    let machine = scene(release).boot();
    let mut chance = Chance(release as u64 + 1);
    let mut names: BTreeSet<String> = (0..2000).map(|_| chance.name()).collect();
    let check = |names: &BTreeSet<String>| {
        machine
            .run_with_input("cat >/etc/jitd/roles.d/many.toml", &roles_of(names))
            .ok();
        machine.run_within(LONG, "jitctl policy check --json")
    };
    // Some are no names, which is told first; of the others not all can be told to sudo-rs.
    let mut refused = BTreeSet::new();
    loop {
        let found = check(&names);
        if found.status == 0 {
            break;
        }
        let found: Value = serde_json::from_str(found.text()).expect("JSON");
        let errors = found["errors"].as_array().expect("a list");
        let is_named = |name: &&String| {
            let shown = format!("\"{}\"", name.replace('\\', "\\\\"));
            let mut messages = errors.iter().filter_map(|error| error["message"].as_str());
            messages.any(|message| message.contains(&shown))
        };
        let named: BTreeSet<String> = names.iter().filter(is_named).cloned().collect();
        assert!(!named.is_empty(), "{errors:#?}");
        names.retain(|name| !named.contains(name));
        refused.extend(named);
    }
    let most = if release == Release::Trixie {
        300
    } else {
        1800
    };
    assert!(names.len() > most, "refused: {refused:?}");
    machine.run("jitctl policy reload").ok();
    for role in 0..names.len().div_ceil(PER_ROLE) {
        as_user(
            &machine,
            "carol",
            &format!("jitctl request many{role} --for 10m"),
        )
        .ok();
    }
    let read = machine.run_within(LONG, "cvtsudoers -c '' -f json /etc/sudoers.d/jitd");
    let read: Value = serde_json::from_str(read.ok().text()).expect("JSON");
    let mut back = BTreeSet::new();
    for rule in read["User_Specs"].as_array().expect("rules") {
        for commands in rule["Cmnd_Specs"].as_array().expect("commands") {
            for user in commands["runasusers"].as_array().expect("users") {
                back.extend(user["username"].as_str().map(str::to_owned));
                back.extend(user["usergroup"].as_str().map(|group| format!("%{group}")));
            }
        }
    }
    back.remove("ALL");
    let differing: Vec<_> = back.symmetric_difference(&names).collect();
    assert!(differing.is_empty(), "{differing:?}");
    if release == Release::Trixie {
        machine.run("visudo-rs -c -f /etc/sudoers.d/jitd").ok();
    }
}

/// sudo-rs takes no longer lists than of 127.
const PER_ROLE: usize = 100;

fn roles_of(names: &BTreeSet<String>) -> String {
    let names: Vec<_> = names
        .iter()
        .map(|name| Value::from(name.as_str()).to_string())
        .collect();
    let mut text = String::new();
    for (number, names) in names.chunks(PER_ROLE).enumerate() {
        let _ = writeln!(
            text,
            "[role.many{number}]\nrun_as = [{}]\ncommands = [\"/usr/bin/id\"]\nservices = [\"sudo\"]
eligible = {{ users = [\"carol\"] }}\napprovers = {{ groups = [\"jit-approvers\"] }}\napprovals = 0",
            names.join(", ")
        );
    }
    text
}

/// Chance that comes out the same for the same number.
struct Chance(u64);

impl Chance {
    fn roll(&mut self, sides: usize) -> usize {
        // SplitMix64.
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut x = self.0;
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((x ^ (x >> 31)) >> 33).unwrap_or_default() % sides
    }

    /// Mostly of letters, as names are.
    fn name(&mut self) -> String {
        const ODD: &[char] = &[
            ' ', '@', '\\', '$', '\'', '.', '-', '_', '(', ')', '=', '!', '"', '%', '#', '+', '*',
            '?', '[', ']', '&', ';', '~', '/', '{', '|', '<', '\u{fc}', '\u{416}', '\u{6f22}', '^',
            '`',
        ];
        let domain = ["", "", "CORP\\", "corp.example/"][self.roll(4)];
        let mut name = domain.to_owned();
        for _ in 0..=self.roll(12) {
            name.push(match self.roll(4) {
                0 => ODD[self.roll(ODD.len())],
                1 => char::from(b'A' + u8::try_from(self.roll(26)).unwrap_or_default()),
                2 => char::from(b'0' + u8::try_from(self.roll(10)).unwrap_or_default()),
                _ => char::from(b'a' + u8::try_from(self.roll(26)).unwrap_or_default()),
            });
        }
        // At its ends there is none.
        format!("{}{}", name.trim(), ["", "@corp.example"][self.roll(2)])
    }
}

/// A line of 1.5 MB: whose groups they are is asked, and never who is in them.
fn a_group_of_everybody_holds_up_nobody(release: Release) {
    let policy = cast::POLICY.replace(
        r#"eligible  = { groups = ["contractors"] }"#,
        r#"eligible  = { groups = ["everybody"] }"#,
    );
    let machine = scene(release).policy(&policy).boot();
    machine
        .run_within(
            LONG,
            "seq -f 'contractor-no-%07g' 1 70000 | paste -sd, >/tmp/members
             echo \"everybody:x:5000:$(cat /tmp/members),dave,carol\" >>/etc/group
             usermod -aG contractors dave
             sed -i 's/pam_jit.so/& exempt_group=everybody/' /etc/pam.d/sudo",
        )
        .ok();
    let size = machine.run("stat -c %s /etc/group");
    assert!(size.ok().text().parse::<u64>().expect("a number") > 1_400_000);
    machine.run("jitctl policy reload").ok();
    // Exempt, though managed too.
    sudo(&machine, "sudo", "dave").ok().contains("uid=0(root)");
    let asked = as_user(&machine, "carol", "jitctl request deploy --for 10m");
    assert!(asked.took < Duration::from_secs(10), "slow: {asked}");
    let id: u64 = asked.ok().text().parse().expect("a number");
    alice(&machine, &format!("approve {id}")).ok();
    machine.run("jitctl doctor --json").contains("standing");
    // In sudo-rs and sudo alike carol would be exempt too: by the group.
    alice(&machine, &format!("revoke {id} --comment enough")).ok();
}
