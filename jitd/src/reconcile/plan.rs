//! What must change in one group file: pure.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use super::group_file::GroupFile;
use crate::domain::desired::{Desired, Membership};
use crate::domain::names::GroupName;

/// What jitd has put on the host so far.
#[derive(Debug, Default)]
pub(super) struct Ours {
    /// Memberships that it added.
    pub(super) held: BTreeSet<Membership>,
    /// Groups that it created.
    pub(super) owned: BTreeSet<GroupName>,
}

/// The file as it should be, and what that adds.
#[derive(Debug)]
pub(super) struct Plan {
    /// The new bytes; none where nothing changes.
    pub(super) bytes: Option<Vec<u8>>,
    /// Memberships that are added.
    pub(super) added: BTreeSet<Membership>,
}

/// Compares a file with what is desired. What others added stays, except in groups of ours.
pub(super) fn plan(bytes: &[u8], desired: &Desired, ours: &Ours) -> Plan {
    let mut file = GroupFile::parse(bytes);
    let mut added = BTreeSet::new();
    let mut changed = false;
    for (group, people) in by_group(desired, ours) {
        if !file.has(group.as_str()) || desired.untouched.contains(group) {
            continue;
        }
        let present: Vec<Vec<u8>> = file
            .members(group.as_str())
            .into_iter()
            .map(<[u8]>::to_vec)
            .collect();
        let mut members: Vec<&[u8]> = present
            .iter()
            .map(Vec::as_slice)
            .filter(|member| people.wanted.contains_key(member) || !people.is_ours(member))
            .collect();
        let there: HashSet<&[u8]> = members.iter().copied().collect();
        for (name, membership) in &people.wanted {
            if !there.contains(name) {
                members.push(name);
                added.insert((*membership).clone());
            }
        }
        if members != present {
            file.set_members(group.as_str(), &members);
            changed = true;
        }
    }
    Plan {
        bytes: changed.then(|| file.to_bytes()),
        added,
    }
}

/// Who belongs in a group, and who is there by our doing.
#[derive(Default)]
struct People<'a> {
    wanted: BTreeMap<&'a [u8], &'a Membership>,
    held: HashSet<&'a [u8]>,
    owned: bool,
}

impl People<'_> {
    fn is_ours(&self, member: &[u8]) -> bool {
        self.owned || self.held.contains(member)
    }
}

/// Every group that could need a change.
fn by_group<'a>(desired: &'a Desired, ours: &'a Ours) -> BTreeMap<&'a GroupName, People<'a>> {
    let mut groups: BTreeMap<&GroupName, People<'_>> = BTreeMap::new();
    for group in &ours.owned {
        groups.entry(group).or_default().owned = true;
    }
    for (group, user) in &ours.held {
        groups
            .entry(group)
            .or_default()
            .held
            .insert(user.as_str().as_bytes());
    }
    for membership in &desired.memberships {
        let (group, user) = membership;
        groups
            .entry(group)
            .or_default()
            .wanted
            .insert(user.as_str().as_bytes(), membership);
    }
    groups
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::domain::names::UserName;

    fn membership(group: &str, user: &str) -> Membership {
        (GroupName::new(group).unwrap(), UserName::new(user).unwrap())
    }

    fn desired(memberships: &[(&str, &str)]) -> Desired {
        Desired {
            memberships: memberships
                .iter()
                .map(|(group, user)| membership(group, user))
                .collect(),
            ..Desired::default()
        }
    }

    fn ours(held: &[(&str, &str)], owned: &[&str]) -> Ours {
        Ours {
            held: held
                .iter()
                .map(|(group, user)| membership(group, user))
                .collect(),
            owned: owned
                .iter()
                .map(|group| GroupName::new(group).unwrap())
                .collect(),
        }
    }

    fn planned(file: &str, desired: &Desired, ours: &Ours) -> Option<String> {
        plan(file.as_bytes(), desired, ours)
            .bytes
            .map(|bytes| String::from_utf8(bytes).unwrap())
    }

    #[test]
    fn gives_what_is_missing_and_takes_what_it_gave() {
        let file = "docker:x:1:dave\njit:x:2:bob\n";
        let wanted = desired(&[("docker", "carol"), ("jit", "carol")]);
        let ours = ours(&[("jit", "bob")], &["jit"]);
        assert_eq!(
            planned(file, &wanted, &ours).unwrap(),
            "docker:x:1:dave,carol\njit:x:2:carol\n"
        );
    }

    #[test]
    fn leaves_standing_members_of_shared_groups_alone() {
        let file = "docker:x:1:dave,carol\n";
        let ours = ours(&[("docker", "carol")], &[]);
        assert_eq!(
            planned(file, &desired(&[]), &ours).unwrap(),
            "docker:x:1:dave\n"
        );
    }

    #[test]
    fn removes_strangers_from_groups_of_its_own() {
        let file = "jit:x:2:mallory\n";
        assert_eq!(
            planned(file, &desired(&[]), &ours(&[], &["jit"])).unwrap(),
            "jit:x:2:\n"
        );
    }

    #[test]
    fn someone_who_was_in_the_group_anyway_is_not_noted_as_added() {
        let plan = plan(
            b"docker:x:1:carol\n",
            &desired(&[("docker", "carol")]),
            &ours(&[], &[]),
        );
        assert!(plan.bytes.is_none() && plan.added.is_empty());
    }

    #[test]
    fn leaves_a_group_alone_of_which_nobody_knows_who_belongs_there() {
        let file = "jit-managed:x:2:mallory\n";
        let ours = ours(&[("jit-managed", "mallory")], &["jit-managed"]);
        let untouched = Desired {
            untouched: [GroupName::new("jit-managed").unwrap()].into(),
            ..Desired::default()
        };
        assert_eq!(planned(file, &untouched, &ours), None);
        assert_eq!(
            planned(file, &desired(&[]), &ours).unwrap(),
            "jit-managed:x:2:\n"
        );
    }

    #[test]
    fn does_nothing_the_second_time() {
        let wanted = desired(&[("jit", "carol")]);
        let ours = ours(&[("jit", "carol")], &["jit"]);
        let once = planned("jit:x:2:\n", &wanted, &ours).unwrap();
        assert_eq!(planned(&once, &wanted, &ours), None);
    }
}
