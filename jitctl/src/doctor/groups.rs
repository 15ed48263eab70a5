//! Group names that lead to more than one group: two lines in the host's file, or one there and
//! one in a directory. Others take both for the same; jitd can't know which one is meant.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::{Command, Stdio};

use jitd_policy::domain::policy::{People, Policy};

use super::{Finding, Sight, look};

/// Where each number of one name was found.
pub type Numbers = BTreeMap<u32, BTreeSet<String>>;

/// Whether each name that the policy goes by leads to one group. `found` looks one up.
#[must_use]
pub fn findings(policy: &Policy, found: impl Fn(&str) -> Numbers) -> Vec<Finding> {
    let names = names(policy).into_iter();
    names
        .filter_map(|name| several(&name, &found(&name)))
        .collect()
}

/// The numbers of a group in the file below `root`, and in each source of nsswitch.conf(5) there.
#[must_use]
pub fn on_host(root: &Path, name: &str) -> Numbers {
    let mut numbers = Numbers::new();
    let file = text(&root.join("etc/group"));
    note(&mut numbers, &file, name, "/etc/group");
    for source in sources(&text(&root.join("etc/nsswitch.conf"))) {
        let answer = Command::new("/usr/bin/getent")
            .args(["-s", &source, "group", name])
            .env_clear()
            .stdin(Stdio::null())
            .output();
        if let Ok(answer) = answer {
            let answer = String::from_utf8_lossy(&answer.stdout);
            note(&mut numbers, &answer, name, &format!("\"{source}\""));
        }
    }
    numbers
}

fn text(path: &Path) -> String {
    match look(path) {
        Sight::Text(text) => text,
        Sight::Missing | Sight::Closed | Sight::Broken(_) => String::new(),
    }
}

/// Where groups are looked up besides files.
fn sources(text: &str) -> BTreeSet<String> {
    let line = text
        .lines()
        .find_map(|line| line.trim().strip_prefix("group:"));
    let words = line
        .unwrap_or_default()
        .split('#')
        .next()
        .unwrap_or_default();
    let outside = words.split('[').map(|part| match part.split_once(']') {
        Some((_, after)) => after,
        None => part,
    });
    outside
        .flat_map(str::split_whitespace)
        .filter(|word| *word != "files")
        .map(str::to_owned)
        .collect()
}

fn note(numbers: &mut Numbers, lines: &str, name: &str, place: &str) {
    let gid = |line: &str| {
        let mut fields = line.split(':');
        let is_it = fields.next() == Some(name);
        fields.nth(1).filter(|_| is_it)?.parse().ok()
    };
    for gid in lines.lines().filter_map(gid) {
        numbers.entry(gid).or_default().insert(place.to_owned());
    }
}

fn several(name: &str, numbers: &Numbers) -> Option<Finding> {
    if numbers.len() < 2 {
        return None;
    }
    let each: Vec<_> = numbers
        .iter()
        .map(|(gid, places)| {
            let places: Vec<_> = places.iter().map(String::as_str).collect();
            format!("{gid} in {}", places.join(" and "))
        })
        .collect();
    let text = format!(
        "{name} leads to {} groups ({}): members of any of them count; as exempt_group it exempts nobody. Give all but one another name",
        each.len(),
        each.join(", ")
    );
    Some(Finding::warning("groups", text).next("getent group"))
}

fn names(policy: &Policy) -> BTreeSet<String> {
    let of_role = policy.roles.values().flat_map(|role| {
        let demanded = role.approvals.iter().map(|one| &one.people);
        let glass = role.break_glass.iter().map(|glass| &glass.people);
        demanded
            .chain(glass)
            .chain([&role.eligible, &role.approvers])
    });
    let people: Vec<&People> = of_role.chain([&policy.managed, &policy.readers]).collect();
    let given = policy.roles.values().flat_map(|role| &role.groups);
    let named = people.into_iter().flat_map(|people| people.groups.clone());
    named.chain(given.map(ToString::to_string)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_leads_to_several_groups_is_told_with_all_of_them() {
        let mut numbers = Numbers::new();
        let file = "contractors:x:2000:carol\nadm:x:4:\ncontractors:x:2001:\n";
        note(&mut numbers, file, "contractors", "/etc/group");
        note(
            &mut numbers,
            "contractors:*:50001:dan\n",
            "contractors",
            "\"sss\"",
        );
        let finding = several("contractors", &numbers).unwrap();
        let told = "3 groups (2000 in /etc/group, 2001 in /etc/group, 50001 in \"sss\")";
        assert!(finding.message.contains(told), "{}", finding.message);
        let mut one = Numbers::new();
        note(&mut one, "adm:x:4:\n", "adm", "/etc/group");
        note(&mut one, "adm:*:4:\n", "adm", "\"sss\"");
        assert_eq!(several("adm", &one), None);
    }

    #[test]
    fn the_sources_are_those_of_the_line() {
        let text =
            "passwd: files sss\ngroup: files [SUCCESS=merge] sss [NOTFOUND=return]systemd # x";
        let expected = ["sss", "systemd"].map(str::to_owned);
        assert_eq!(sources(text), expected.into());
        assert_eq!(sources(""), BTreeSet::new());
    }
}
