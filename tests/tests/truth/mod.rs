//! What must be true of a host whenever nothing is under way: it is as the elevations say, and
//! the record tells how it came to that.
#![allow(dead_code, reason = "not every test needs all of it")]

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use jit_tests::Machine;
use serde_json::Value;

mod record;
pub(crate) use record::Record;

/// What all that is compared is given by.
pub(crate) const POLICY: &str = r#"
[managed]
groups = ["contractors"]

[defaults]
approvers    = { groups = ["jit-approvers"] }
max_duration = "8h"

[role.deploy]
groups   = ["jit-deploy"]
commands = ["ALL"]
services = ["sudo"]
eligible = { groups = ["contractors"] }
on_end   = "keep"

[role.docker]
groups   = ["docker"]
commands = ["ALL"]
services = ["sudo"]
eligible = { groups = ["contractors"] }
"#;

/// Within so long of an end nothing is left of it.
const SOON: Duration = Duration::from_secs(5);

/// Everything that is looked at, in one visit. Parts are told apart by lines of `--- NAME`.
const LOOK: &str = "
echo '--- list'; jitctl list --limit 1000 --json
echo '--- group'; cat /etc/group
echo '--- gshadow'; cat /etc/gshadow
echo '--- sudoers'; cat /etc/sudoers.d/jitd 2>/dev/null
echo '--- scopes'; cd /sys/fs/cgroup/jit.slice 2>/dev/null && for scope in *.scope; do
    test -d $scope && echo $scope $(cat $scope/cgroup.freeze) $(wc -l <$scope/cgroup.procs)
done
echo '--- timers'; systemctl list-units --plain --no-legend 'jitd-enforce@*.timer'
echo '--- left'; ls -A /etc /etc/sudoers.d /run/userdb 2>/dev/null | grep jitd-new
true
";

/// What stands out of what the host is, by the record; nothing where all is as it should be.
/// `standing` are memberships that nobody gave for a time.
#[track_caller]
pub(crate) fn problems(machine: &Machine, standing: &[(&str, &str)]) -> Vec<String> {
    let looked = machine.run(LOOK);
    let parts = parts(&looked.ok().stdout);
    let record = Record::of(machine);
    let mut problems = record.problems();
    let mut differs = |what: &str, found: String, expected: String| {
        if found != expected {
            problems.push(format!("{what}: found {found}, and expected {expected}"));
        }
    };

    let list: Value = serde_json::from_str(&parts["list"].join("\n")).unwrap_or_default();
    let listed: BTreeMap<i64, String> = list
        .as_array()
        .into_iter()
        .flatten()
        .map(|one| {
            let state = one["state"].as_str().unwrap_or_default();
            (one["id"].as_i64().unwrap_or_default(), state.to_owned())
        })
        .collect();
    let states = record.elevations.values();
    let states: BTreeMap<i64, String> = states.map(|one| (one.id, one.state.clone())).collect();
    differs("jitctl list", format!("{listed:?}"), format!("{states:?}"));

    let given = record.memberships();
    let groups: BTreeSet<&str> = record
        .elevations
        .values()
        .flat_map(|elevation| elevation.groups.iter().map(String::as_str))
        .collect();
    for file in ["group", "gshadow"] {
        let mut expected = given.clone();
        let standing = standing.iter().filter(|(group, _)| groups.contains(group));
        expected.extend(standing.map(|(group, user)| ((*group).to_owned(), (*user).to_owned())));
        let found = memberships(&parts[file], &groups);
        differs(file, format!("{found:?}"), format!("{expected:?}"));
    }
    let noted = &record.held;
    differs("noted as given", format!("{noted:?}"), format!("{given:?}"));

    let holders: BTreeSet<(String, String)> = record
        .in_state("active")
        .map(|one| (one.role.clone(), one.user.clone()))
        .collect();
    let ruled = ruled(&parts["sudoers"]);
    differs("sudoers", format!("{ruled:?}"), format!("{holders:?}"));

    let running: BTreeSet<i64> = scopes(&parts["scopes"]).collect();
    let open: BTreeSet<i64> = record
        .sessions
        .iter()
        .filter(|session| !session.is_closed)
        .map(|session| session.id)
        .collect();
    differs("sessions", format!("{running:?}"), format!("{open:?}"));
    let frozen: Vec<&String> = parts["scopes"]
        .iter()
        .filter(|line| line.split(' ').nth(1) == Some("1"))
        .collect();
    differs("frozen", format!("{frozen:?}"), "[]".to_owned());

    let ends: BTreeSet<i64> = ["active", "scheduled"]
        .into_iter()
        .flat_map(|state| record.in_state(state))
        .filter_map(|elevation| Some((elevation.ends_at? + 999).div_euclid(1000)))
        .collect();
    let timers: BTreeSet<i64> = parts["timers"]
        .iter()
        .filter_map(|line| timer(line))
        .collect();
    differs("timers", format!("{timers:?}"), format!("{ends:?}"));
    differs("left behind", parts["left"].join(" "), String::new());
    problems
}

/// Everything is as it should be, or is so soon.
#[track_caller]
pub(crate) fn assert_holds(machine: &Machine, when: &str, standing: &[(&str, &str)]) {
    let start = Instant::now();
    loop {
        let problems = problems(machine, standing);
        if problems.is_empty() {
            return;
        }
        assert!(
            start.elapsed() < SOON,
            "{when}, {:?} later:\n{}",
            start.elapsed(),
            problems.join("\n")
        );
    }
}

fn parts(looked: &str) -> BTreeMap<String, Vec<String>> {
    let mut parts: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut part = String::new();
    for line in looked.lines() {
        if let Some(name) = line.strip_prefix("--- ") {
            name.clone_into(&mut part);
            parts.insert(part.clone(), Vec::new());
        } else if let Some(lines) = parts.get_mut(&part) {
            lines.push(line.to_owned());
        }
    }
    parts
}

/// Who is in these groups by a group file.
fn memberships(lines: &[String], groups: &BTreeSet<&str>) -> BTreeSet<(String, String)> {
    let mut found = BTreeSet::new();
    for line in lines {
        let fields: Vec<&str> = line.split(':').collect();
        let [group, _, _, members] = fields[..] else {
            panic!("{line:?} is no group")
        };
        if groups.contains(group) {
            let members = members.split(',').filter(|member| !member.is_empty());
            found.extend(members.map(|member| (group.to_owned(), member.to_owned())));
        }
    }
    found
}

/// Who has a rule of which role.
fn ruled(lines: &[String]) -> BTreeSet<(String, String)> {
    let mut ruled = BTreeSet::new();
    let mut role = String::new();
    for line in lines {
        if let Some(rest) = line.strip_prefix("# role ") {
            let word = rest.split(' ').next().unwrap_or_default();
            word.clone_into(&mut role);
        } else if !line.is_empty() && !line.starts_with('#') {
            let user = line.split(' ').next().unwrap_or_default();
            ruled.insert((role.clone(), user.to_owned()));
        }
    }
    ruled
}

/// The sessions in whose scopes somebody is.
fn scopes(lines: &[String]) -> impl Iterator<Item = i64> {
    lines.iter().filter_map(|line| {
        let words: Vec<&str> = line.split(' ').collect();
        // One that goes while it is looked at is none any more.
        let [scope, _, processes] = words[..] else {
            return None;
        };
        let session = scope.split(['-', '.']).nth(2).expect("a number");
        (processes != "0").then(|| session.parse().expect("a number"))
    })
}

fn timer(line: &str) -> Option<i64> {
    let unit = line.split(' ').next()?;
    let second = unit.strip_prefix("jitd-enforce@")?.strip_suffix(".timer")?;
    second.parse().ok()
}
