//! /etc/group and /etc/gshadow belong to the whole host: jitd shares them with
//! the shadow tools, and changes nothing in them but what it gives and takes.
#![allow(clippy::expect_used, clippy::panic, reason = "this is a test")]

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::time::Duration;

use jit_tests::{Machine, Release};

mod cast;
use cast::{alice, elevate_carol, members_in, scene};

/// `storm` gives a group of jitd's own, and one that others are in for good.
const POLICY: &str = r#"[managed]
groups = ["contractors"]

[defaults]
on_end = "keep"

[role.storm]
groups    = ["jit-storm", "shared"]
services  = ["sudo"]
eligible  = { groups = ["contractors"] }
approvals = 0
"#;

/// Lines that no tool makes, and that some host has all the same.
const ODD_GROUP: &str = "\
# a comment: with: colons: in
odd:x:64001:dave,,mallory,nobody-of-that-name,
blanks:x:64002: dave , mallory
broken
too:few
too:x:64003:many:fields:here
twice:x:64004:dave
twice:x:64005:mallory

+nis-group:::
+:::
";
const ODD_SHADOW: &str = "\
# a comment: with: colons: in
odd:!::dave,,mallory,
broken
+nis-group:::
";

const PEOPLE: usize = 50;
const ROUNDS: usize = 4;
/// The shadow tools run while elevations start and end, so many of each kind.
const OF_EACH: usize = 10;

/// 200 elevations of 50 people start and end, eight at a time, while 10 usermod
/// put someone into the group that the role gives too, and 10 gpasswd put
/// someone into other groups. (gpasswd loses updates of one group by itself,
/// when two of it run at the same time.)
#[test]
fn nobody_is_lost_when_all_write_at_once() {
    for release in Release::ALL {
        let machine = storm_scene(release);
        let before = GroupFiles::read(&machine);
        let output = machine.run_within(Duration::from_secs(120), STORM);
        output.ok();
        let ended = machine.run("jitctl list --state released --limit 1000 --json | jq length");
        assert_eq!(ended.ok().text(), (PEOPLE * ROUNDS).to_string(), "{output}");

        let mut expected = BTreeMap::from([("jit-storm".to_owned(), BTreeSet::new())]);
        let mut shared = BTreeSet::from(["grace".to_owned(), "heidi".to_owned()]);
        for n in 1..=OF_EACH {
            shared.insert(format!("mover{n}"));
            let settler = BTreeSet::from([format!("settler{n}")]);
            expected.insert(format!("quiet{n}"), settler);
        }
        expected.insert("shared".to_owned(), shared);
        GroupFiles::read(&machine).differs_only_in(&before, &expected);
    }
}

const STORM: &str = r#"
as() { who=$1; shift; setpriv --reuid=$who --regid=$who --init-groups "$@"; }
elevations() {
    for round in 1 2 3 4; do
        id=$(as p$1 jitctl request storm --for 10m) &&
        as p$1 jitctl end $id >/dev/null || echo p$1 $round >>/tmp/failed
        # Somewhere in the middle of it all, a tool runs beside.
        if test $round = 2 && test $(($1 % 5)) = 0; then usermod -aG shared mover$(($1 / 5)); fi
        if test $round = 3 && test $(($1 % 5)) = 1; then gpasswd -a settler$(($1 / 5 + 1)) quiet$(($1 / 5 + 1)); fi
    done
}
lane() { for person in $(seq $1 8 50); do elevations $person || echo tool $person >>/tmp/failed; done; }
for lane in 1 2 3 4 5 6 7 8; do lane $lane & done
wait
test ! -s /tmp/failed || { cat /tmp/failed >&2; exit 1; }
"#;

/// The groups, the people, and then the odd lines, of which useradd would say
/// that they are wrong.
fn storm_scene(release: Release) -> Machine {
    let machine = scene(release)
        .user_in("grace", &["shared"])
        .user_in("heidi", &["shared"])
        .policy(POLICY)
        .boot();
    let mut people = String::new();
    for n in 1..=PEOPLE {
        let _ = writeln!(people, "useradd -G contractors p{n}");
    }
    for n in 1..=OF_EACH {
        let _ = writeln!(
            people,
            "useradd mover{n}; useradd settler{n}; groupadd quiet{n}"
        );
    }
    machine
        .run_within(Duration::from_secs(60), &format!("set -e\n{people}"))
        .ok();
    machine.run_with_input("cat >>/etc/group", ODD_GROUP).ok();
    machine
        .run_with_input("cat >>/etc/gshadow", ODD_SHADOW)
        .ok();
    machine
}

/// Without the shadow tools, which end every file with a newline: jitd gives
/// and takes, and all is as it was, byte for byte.
#[test]
fn what_is_not_understood_stays_byte_for_byte() {
    for release in Release::ALL {
        let machine = scene(release).boot();
        let odd = format!(
            "{}lacks:x:64009:a newline",
            ODD_GROUP.replacen('\n', "\n\n", 1)
        );
        machine.run_with_input("cat >>/etc/group", &odd).ok();
        machine
            .run_with_input("cat >>/etc/gshadow", "lacks:!::a newline")
            .ok();
        // Not the mode of a fresh Debian, so that keeping it shows.
        machine
            .run("chmod 604 /etc/group; chgrp adm /etc/gshadow")
            .ok();
        let before = GroupFiles::read(&machine);
        let id = elevate_carol(&machine, "10m");
        let given = GroupFiles::read(&machine);
        let carol = BTreeSet::from(["carol".to_owned()]);
        given.differs_only_in(&before, &BTreeMap::from([("jit-deploy".to_owned(), carol)]));
        assert!(given.group.ends_with("lacks:x:64009:a newline"));
        alice(&machine, &format!("revoke {id} --comment enough")).ok();
        assert_eq!(GroupFiles::read(&machine), before, "{release}");
    }
}

/// carol was in the group before, for good, and keeps it: whether both files
/// say so, or only one of them as an editor leaves it.
#[test]
fn who_was_in_the_group_before_stays_in_it() {
    for release in Release::ALL {
        for written_by_hand in [false, true] {
            let policy = cast::POLICY.replace(r#"["jit-deploy"]"#, r#"["jit-deploy", "shared"]"#);
            let machine = scene(release)
                .user_in("grace", &["shared"])
                .policy(&policy)
                .boot();
            machine.run("usermod -aG shared carol").ok();
            if written_by_hand {
                machine
                    .run("sed --in-place 's/^shared:.*/shared:!::grace/' /etc/gshadow")
                    .ok();
            }
            let id = elevate_carol(&machine, "10m");
            alice(&machine, &format!("revoke {id} --comment enough")).ok();
            let members = members_in(&machine, "/etc/group", "shared");
            assert_eq!(
                members,
                ["grace", "carol"],
                "{release}, written by hand: {written_by_hand}"
            );
        }
    }
}

/// Both files, and what ls says of them.
#[derive(Debug, PartialEq, Eq)]
struct GroupFiles {
    group: String,
    shadow: String,
    owners_and_modes: String,
    /// What of ours or of the shadow tools lies about in /etc.
    left_behind: String,
}

impl GroupFiles {
    #[track_caller]
    fn read(machine: &Machine) -> Self {
        let owners_and_modes = machine.run("stat --format='%n %U:%G %a' /etc/group /etc/gshadow");
        let left_behind =
            machine.run("ls -A /etc | grep -E 'jitd-new|group[.+]|gshadow[.+]' || true");
        Self {
            group: machine.file("/etc/group"),
            shadow: machine.file("/etc/gshadow"),
            owners_and_modes: owners_and_modes.ok().stdout.clone(),
            left_behind: left_behind.ok().stdout.clone(),
        }
    }

    /// The groups in `expected` have these members, in both files; every other
    /// line is as before, in its place.
    #[track_caller]
    fn differs_only_in(&self, before: &Self, expected: &BTreeMap<String, BTreeSet<String>>) {
        assert_eq!(self.owners_and_modes, before.owners_and_modes);
        assert_eq!(self.left_behind, before.left_behind);
        for (now, then) in [(&self.group, &before.group), (&self.shadow, &before.shadow)] {
            let mut found = BTreeMap::new();
            let others = |text: &str| -> Vec<String> {
                let is_other = |line: &&str| !expected.contains_key(name_of(line));
                text.split('\n')
                    .filter(is_other)
                    .map(str::to_owned)
                    .collect()
            };
            assert_eq!(others(now), others(then), "a line was damaged");
            assert_eq!(names(now), names(then), "a line was moved or lost");
            for line in now
                .split('\n')
                .filter(|line| expected.contains_key(name_of(line)))
            {
                let members = line.split(':').nth(3).unwrap_or_default();
                let members: Vec<&str> =
                    members.split(',').filter(|name| !name.is_empty()).collect();
                let set: BTreeSet<String> = members.iter().map(|&name| name.to_owned()).collect();
                assert_eq!(set.len(), members.len(), "twice in {line}");
                found.insert(name_of(line).to_owned(), set);
            }
            assert_eq!(&found, expected);
        }
    }
}

fn name_of(line: &str) -> &str {
    line.split(':').next().unwrap_or_default()
}

fn names(text: &str) -> Vec<&str> {
    text.split('\n').map(name_of).collect()
}
