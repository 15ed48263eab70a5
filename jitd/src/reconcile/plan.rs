//! What must change in one list of who is in which group: pure.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use super::drift::{Drift, DriftKind};
use crate::domain::desired::{Desired, Membership};
use crate::domain::names::GroupName;

/// What jitd has put on the host so far.
#[derive(Debug, Default)]
pub(super) struct Ours {
    /// Memberships that it added.
    pub(super) held: BTreeSet<Membership>,
    /// Those of them that may not have got there: noted, and not seen since.
    pub(super) unseen: BTreeSet<Membership>,
    /// Groups that it created.
    pub(super) owned: BTreeSet<GroupName>,
}

/// A group's members in their order, as the host has them: any bytes.
pub(super) type Members = Vec<Vec<u8>>;

/// What is to change, and what that adds.
#[derive(Debug, Default)]
pub(super) struct Plan {
    /// Groups whose members change, with their new ones.
    pub(super) changed: BTreeMap<GroupName, Members>,
    /// Memberships that are added, and so are to be noted as ours.
    pub(super) added: BTreeSet<Membership>,
    /// What others did, and what this undoes.
    pub(super) drift: Vec<Drift>,
}

impl Plan {
    /// Whether there is nothing to do.
    pub(super) fn is_empty(&self) -> bool {
        self.changed.is_empty() && self.added.is_empty()
    }
}

/// Compares what is there with what is desired. What others added stays, except in groups of
/// ours. `members` gives those of a group; none where there is no such group.
pub(super) fn plan(
    members: impl Fn(&GroupName) -> Option<Members>,
    desired: &Desired,
    ours: &Ours,
) -> Plan {
    let mut plan = Plan::default();
    for (group, people) in by_group(desired, ours) {
        if desired.untouched.contains(group) {
            continue;
        }
        if let Some(present) = members(group) {
            plan.plan_group(group, &people, &present);
        }
    }
    plan
}

impl Plan {
    fn plan_group(&mut self, group: &GroupName, people: &People<'_>, present: &Members) {
        let (mut wanted, mut removed) = (Members::new(), Vec::new());
        for member in present {
            if people.wanted.contains_key(member.as_slice()) || !people.is_ours(member) {
                wanted.push(member.clone());
            } else if !people.held.contains(member.as_slice()) {
                removed.push(member.as_slice());
            }
        }
        let there: HashSet<&[u8]> = present.iter().map(Vec::as_slice).collect();
        let mut restored = Vec::new();
        for (name, membership) in &people.wanted {
            let (is_there, held) = (there.contains(name), people.held.contains(name));
            if !is_there {
                wanted.push(name.to_vec());
            }
            if held && !is_there && !people.unseen.contains(name) {
                restored.push(*name);
            }
            // In a group of ours nobody has a membership of their own.
            if !held && (!is_there || people.owned) {
                self.added.insert((*membership).clone());
            }
        }
        for (kind, whom) in [
            (DriftKind::Removed, removed),
            (DriftKind::Restored, restored),
        ] {
            let drift = whom
                .into_iter()
                .map(|who| Drift::new(kind, group, who, present));
            self.drift.extend(drift);
        }
        if wanted != *present {
            self.changed.insert(group.clone(), wanted);
        }
    }
}

/// Who belongs in a group, and who is there by our doing.
#[derive(Default)]
struct People<'a> {
    wanted: BTreeMap<&'a [u8], &'a Membership>,
    held: HashSet<&'a [u8]>,
    unseen: HashSet<&'a [u8]>,
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
        let people = groups.entry(group).or_default();
        people.held.insert(user.as_str().as_bytes());
    }
    for (group, user) in &ours.unseen {
        let people = groups.entry(group).or_default();
        people.unseen.insert(user.as_str().as_bytes());
    }
    for membership in &desired.memberships {
        let (group, user) = membership;
        let people = groups.entry(group).or_default();
        people.wanted.insert(user.as_str().as_bytes(), membership);
    }
    groups
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::domain::names::UserName;
    use crate::reconcile::group_file::GroupFile;

    fn membership(group: &str, user: &str) -> Membership {
        (GroupName::new(group).unwrap(), UserName::new(user).unwrap())
    }

    fn memberships(of: &[(&str, &str)]) -> BTreeSet<Membership> {
        let each = of.iter().map(|(group, user)| membership(group, user));
        each.collect()
    }

    fn desired(of: &[(&str, &str)]) -> Desired {
        Desired {
            memberships: memberships(of),
            ..Desired::default()
        }
    }

    fn ours(held: &[(&str, &str)], owned: &[&str]) -> Ours {
        let owned = owned.iter().map(|group| GroupName::new(group).unwrap());
        Ours {
            held: memberships(held),
            owned: owned.collect(),
            ..Ours::default()
        }
    }

    fn planned(file: &str, desired: &Desired, ours: &Ours) -> Plan {
        let file = GroupFile::parse(file.as_bytes());
        plan(|group| file.listed(group.as_str()), desired, ours)
    }

    /// The groups that change, as lines of `group:member,member`.
    fn changes(file: &str, desired: &Desired, ours: &Ours) -> Vec<String> {
        let plan = planned(file, desired, ours);
        let line = |(group, members): (&GroupName, &Members)| {
            format!(
                "{group}:{}",
                String::from_utf8(members.join(&b',')).unwrap()
            )
        };
        plan.changed.iter().map(line).collect()
    }

    fn drift(file: &str, desired: &Desired, ours: &Ours) -> Vec<String> {
        let plan = planned(file, desired, ours);
        let told = |drift: &Drift| {
            let others = drift.others.join(",");
            format!(
                "{:?} {}:{} beside {others}",
                drift.kind, drift.group, drift.member
            )
        };
        plan.drift.iter().map(told).collect()
    }

    #[test]
    fn gives_what_is_missing_and_takes_what_it_gave() {
        let file = "docker:x:1:dave\njit:x:2:bob\n";
        let wanted = desired(&[("docker", "carol"), ("jit", "carol")]);
        let ours = ours(&[("jit", "bob")], &["jit"]);
        assert_eq!(
            changes(file, &wanted, &ours),
            ["docker:dave,carol", "jit:carol"]
        );
        assert_eq!(
            drift(file, &wanted, &ours),
            [""; 0],
            "all of it is our own doing"
        );
    }

    #[test]
    fn leaves_standing_members_of_shared_groups_alone() {
        let file = "docker:x:1:dave,carol\n";
        let ours = ours(&[("docker", "carol")], &[]);
        assert_eq!(changes(file, &desired(&[]), &ours), ["docker:dave"]);
        assert_eq!(drift(file, &desired(&[]), &ours), [""; 0]);
    }

    #[test]
    fn removes_strangers_from_groups_of_its_own() {
        let file = "jit:x:2:carol,mallory,eve,bob\n";
        let ours = ours(&[("jit", "carol"), ("jit", "bob")], &["jit"]);
        let wanted = desired(&[("jit", "carol")]);
        assert_eq!(changes(file, &wanted, &ours), ["jit:carol"]);
        assert_eq!(
            drift(file, &wanted, &ours),
            [
                "Removed jit:mallory beside carol,eve,bob",
                "Removed jit:eve beside carol,mallory,bob",
            ],
            "bob's time is up, and nobody put him there but us"
        );
    }

    #[test]
    fn restores_who_was_taken_out_by_others() {
        for owned in [&["docker"][..], &[]] {
            let ours = ours(&[("docker", "carol")], owned);
            let wanted = desired(&[("docker", "carol"), ("docker", "dan")]);
            assert_eq!(
                changes("docker:x:1:\n", &wanted, &ours),
                ["docker:carol,dan"]
            );
            assert_eq!(
                drift("docker:x:1:\n", &wanted, &ours),
                ["Restored docker:carol beside "],
                "dan was never there"
            );
        }
    }

    #[test]
    fn what_may_never_have_got_there_was_not_taken_out_by_others() {
        let mut ours = ours(&[("docker", "carol")], &[]);
        ours.unseen = ours.held.clone();
        let wanted = desired(&[("docker", "carol")]);
        assert_eq!(changes("docker:x:1:\n", &wanted, &ours), ["docker:carol"]);
        assert_eq!(drift("docker:x:1:\n", &wanted, &ours), [""; 0]);
    }

    #[test]
    fn who_is_in_a_shared_group_anyway_is_not_noted_and_in_a_group_of_ours_is() {
        let wanted = desired(&[("docker", "carol")]);
        let file = "docker:x:1:carol\n";
        assert!(planned(file, &wanted, &ours(&[], &[])).is_empty());
        let plan = planned(file, &wanted, &ours(&[], &["docker"]));
        assert_eq!(plan.added, wanted.memberships);
        assert!(plan.changed.is_empty() && !plan.is_empty());
    }

    #[test]
    fn leaves_a_group_alone_of_which_nobody_knows_who_belongs_there() {
        let file = "jit-managed:x:2:mallory\n";
        let ours = ours(&[("jit-managed", "mallory")], &["jit-managed"]);
        let untouched = Desired {
            untouched: [GroupName::new("jit-managed").unwrap()].into(),
            ..Desired::default()
        };
        assert!(planned(file, &untouched, &ours).is_empty());
        assert_eq!(changes(file, &desired(&[]), &ours), ["jit-managed:"]);
    }

    #[test]
    fn does_nothing_the_second_time() {
        let wanted = desired(&[("jit", "carol")]);
        let ours = ours(&[("jit", "carol")], &["jit"]);
        assert_eq!(changes("jit:x:2:\n", &wanted, &ours), ["jit:carol"]);
        assert!(planned("jit:x:2:carol\n", &wanted, &ours).is_empty());
    }
}
