//! Who holds on to a group that somebody has lost, by what the kernel says of a process.

use std::collections::BTreeSet;
use std::fs;
use std::ops::RangeInclusive;

use nix::unistd::User;

use super::grip;
use crate::directory::gid_of_group;
use crate::domain::desired::{Holder, Membership};

/// What uids people have in user namespaces of theirs (subuid(5)).
const SUBUID: &str = "/etc/subuid";

/// A group that a person has lost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Lost {
    pub(super) uid: u32,
    gid: u32,
    /// What else is theirs.
    below: Vec<RangeInclusive<u32>>,
    /// Where jitd has made the group: who has it still. Everybody else's process has it from whom
    /// it was taken.
    others: Option<BTreeSet<u32>>,
}

impl Lost {
    /// Of whoever has the name now, and of whoever of those known had it: they need not be the same.
    /// `held` is who has what.
    pub(super) fn of(
        (group, user): &Membership,
        known: &BTreeSet<Holder>,
        is_ours: bool,
        held: &BTreeSet<Membership>,
    ) -> Vec<Self> {
        let account = |name: &str| User::from_name(name).ok().flatten();
        let now = account(user.as_str()).map(|user| user.uid.as_raw());
        let before = known.iter().filter(|(name, _)| name == user);
        let uids: BTreeSet<u32> = before.map(|(_, uid)| *uid).chain(now).collect();
        let Some(gid) = gid_of_group(group.as_str()) else {
            return Vec::new();
        };
        let subuid = fs::read_to_string(SUBUID).unwrap_or_default();
        let others = is_ours.then(|| {
            let others = held.iter().filter(|(held, _)| held == group);
            let others = others.filter_map(|(_, user)| account(user.as_str()));
            others.map(|user| user.uid.as_raw()).collect()
        });
        let lost = |uid| Self {
            uid,
            gid,
            below: subuids(&subuid, user.as_str(), uid),
            others: others.clone(),
        };
        uids.into_iter().map(lost).collect()
    }

    /// Whether a process is one of those that have it from whom it was taken. `login` is the uid
    /// that somebody logged in with.
    fn is_held_by(&self, (uid, login): (u32, Option<u32>), gids: &[u32]) -> bool {
        if !gids.contains(&self.gid) {
            return false;
        }
        let is_own = uid == self.uid || self.below.iter().any(|range| range.contains(&uid));
        let is_nobodys = self.others.as_ref().is_some_and(|others| {
            !others.contains(&uid) && login.is_none_or(|login| !others.contains(&login))
        });
        is_own || is_nobodys
    }
}

/// Whether a process holds any of these, by `proc_pid_status(5)`: the real uid says whose it is, and
/// any of its groups will do.
pub(super) fn is_holder(pid: u32, all: &[Lost]) -> bool {
    let Ok(status) = fs::read_to_string(format!("/proc/{pid}/status")) else {
        return false;
    };
    let Some((uid, gids)) = ids(&status) else {
        return false;
    };
    if !all.iter().any(|lost| gids.contains(&lost.gid)) {
        return false;
    }
    let login = fs::read_to_string(format!("/proc/{pid}/loginuid")).unwrap_or_default();
    let login = login.trim().parse().ok().filter(|uid| *uid != u32::MAX);
    all.iter().any(|lost| lost.is_held_by((uid, login), &gids))
}

fn ids(status: &str) -> Option<(u32, Vec<u32>)> {
    let uid = *grip::numbers(status, "Uid:").first()?;
    let gids = [
        grip::numbers(status, "Gid:"),
        grip::numbers(status, "Groups:"),
    ];
    Some((uid, gids.concat()))
}

/// The uids that a person may have in a user namespace: `name:first:count`, or with a uid.
fn subuids(subuid: &str, name: &str, uid: u32) -> Vec<RangeInclusive<u32>> {
    let range = |line: &str| {
        let mut parts = line.split(':');
        let whose = parts.next()?;
        if whose != name && whose != uid.to_string() {
            return None;
        }
        let first: u32 = parts.next()?.trim().parse().ok()?;
        let count: u32 = parts.next()?.trim().parse().ok()?;
        Some(first..=first.saturating_add(count.checked_sub(1)?))
    };
    subuid.lines().filter_map(range).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lost(others: Option<&[u32]>) -> Lost {
        Lost {
            uid: 1001,
            gid: 900,
            below: vec![100_000..=165_535],
            others: others.map(|others| others.iter().copied().collect()),
        }
    }

    #[test]
    fn whoever_holds_a_lost_group_by_any_way_is_its_holder() {
        let status = |uids: &str, gids: &str, groups: &str| {
            format!(
                "Name:\tx Groups: 900\nUid:\t{uids}\nGid:\t{gids}\nFDSize:\t64\nGroups:\t{groups} \n"
            )
        };
        let is_holder = |status: &str| {
            ids(status).is_some_and(|(uid, gids)| lost(None).is_held_by((uid, None), &gids))
        };
        let same = |id: u32| format!("{id}\t{id}\t{id}\t{id}");
        let carols = same(1001);
        assert!(is_holder(&status(&carols, &carols, "20 900 1001")));
        assert!(is_holder(&status(
            "1001\t0\t0\t0",
            "1001\t900\t1001\t1001",
            ""
        )));
        assert!(
            is_holder(&status(&same(165_535), &carols, "900")),
            "in a namespace of hers"
        );
        assert!(!is_holder(&status(&carols, &carols, "20 1001")));
        assert!(!is_holder(&status(&same(1002), &carols, "900")));
        assert!(!is_holder(&status(&same(165_536), &carols, "900")));
        assert!(!is_holder(&status(
            "0\t1001\t1001\t1001",
            &same(900),
            "900"
        )));
        assert!(!is_holder(&status("", "", "")));
    }

    #[test]
    fn in_a_group_of_jitds_everybody_is_but_who_has_it() {
        let lost = lost(Some(&[1002]));
        let is_held = |uid, login| lost.is_held_by((uid, login), &[20, 900]);
        assert!(is_held(1001, Some(1001)));
        assert!(is_held(0, Some(1001)));
        assert!(is_held(231_072, None));
        assert!(!is_held(1002, None));
        assert!(
            !is_held(0, Some(1002)),
            "by sudo, or in a namespace of theirs"
        );
        assert!(!lost.is_held_by((1001, None), &[20]));
    }

    #[test]
    fn uids_of_a_namespace_are_by_name_or_number() {
        let file = "carol:100000:65536\n1001:300000:1\ncarola:1:1\ncarol:x:1\ncarol:5:0\n";
        let ranges = [100_000..=165_535, 300_000..=300_000];
        assert_eq!(subuids(file, "carol", 1001), ranges);
        assert!(subuids("", "carol", 1001).is_empty());
    }
}
