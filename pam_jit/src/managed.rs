//! Who is subject to just-in-time access.

use crate::arguments::Arguments;
use crate::directory::{Account, Directory};

/// Whether jitd is asked about an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    Managed,
    Free,
}

/// In any managed group, and in no exempt one. Numbers are compared, so that
/// groups count wherever they come from: files, LDAP, userdb, the primary group.
///
/// What can't be looked up errs closed: a managed group that is not there gates
/// everybody, an exempt one that is not there exempts nobody. What went wrong is
/// added to `complaints`.
pub(crate) fn standing(
    account: &Account,
    arguments: &Arguments,
    directory: &impl Directory,
    complaints: &mut Vec<String>,
) -> Standing {
    if arguments.managed_groups.is_empty() && arguments.exempt_groups.is_empty() {
        return Standing::Managed;
    }
    let gids = match directory.gids_of(account) {
        Ok(gids) => gids,
        Err(error) => {
            complaints.push(format!(
                "the groups of {} can't be looked up ({}): managed",
                account.name,
                error.desc()
            ));
            return Standing::Managed;
        }
    };
    let exempt = numbers(&arguments.exempt_groups, directory, |group, why| {
        complaints.push(format!(
            "exempt_group={group} {why}: it exempts nobody; create it or correct the PAM line"
        ));
    });
    if exempt.iter().flatten().any(|gid| gids.contains(gid)) {
        return Standing::Free;
    }
    let managed = numbers(&arguments.managed_groups, directory, |group, why| {
        complaints.push(format!(
            "managed_group={group} {why}: everyone but root and members of exempt groups is gated; create it or correct the PAM line"
        ));
    });
    let gated = |gid: &Option<u32>| gid.is_none_or(|gid| gids.contains(&gid));
    if managed.is_empty() || managed.iter().any(gated) {
        Standing::Managed
    } else {
        Standing::Free
    }
}

/// The number of each group; none for one that can't be looked up.
fn numbers(
    groups: &[String],
    directory: &impl Directory,
    mut complain: impl FnMut(&str, &str),
) -> Vec<Option<u32>> {
    let number = |group: &String| match directory.gid_of_group(group) {
        Ok(Some(gid)) => Some(gid),
        Ok(None) => {
            complain(group, "does not exist");
            None
        }
        Err(error) => {
            complain(group, &format!("can't be looked up ({})", error.desc()));
            None
        }
    };
    groups.iter().map(number).collect()
}

#[cfg(test)]
mod tests {
    use std::ffi::CStr;

    use super::Standing::{Free, Managed};
    use super::*;
    use crate::directory::fake::Host;

    /// The standing of an account on that host, and how many complaints it took.
    fn of(host: &Host, name: &str, words: &[&CStr]) -> (Standing, usize) {
        let (account, _) = host
            .accounts
            .iter()
            .find(|(account, _)| account.name == name)
            .unwrap();
        let mut complaints = Vec::new();
        let standing = standing(account, &Arguments::parse(words), host, &mut complaints);
        (standing, complaints.len())
    }

    #[test]
    fn members_of_a_managed_group() {
        let line: &[&CStr] = &[c"managed_group=contractors"];
        assert_eq!(of(&Host::new(), "carol", line), (Managed, 0));
        assert_eq!(of(&Host::new(), "gus", line), (Managed, 0), "primary group");
        assert_eq!(of(&Host::new(), "alice", line), (Free, 0));
    }

    #[test]
    fn any_managed_group_will_do() {
        let line: &[&CStr] = &[c"managed_group=wheel", c"managed_group=contractors"];
        assert_eq!(of(&Host::new(), "carol", line), (Managed, 0));
        assert_eq!(of(&Host::new(), "alice", line), (Managed, 0));
    }

    #[test]
    fn nothing_said_is_everyone() {
        assert_eq!(of(&Host::new(), "alice", &[]), (Managed, 0));
    }

    #[test]
    fn exempt_wins() {
        let line: &[&CStr] = &[c"managed_group=contractors", c"exempt_group=wheel"];
        assert_eq!(of(&Host::new(), "wendy", line), (Free, 0));
        assert_eq!(of(&Host::new(), "carol", line), (Managed, 0));
        let everyone: &[&CStr] = &[c"exempt_group=wheel"];
        assert_eq!(of(&Host::new(), "alice", everyone), (Free, 0));
        assert_eq!(of(&Host::new(), "carol", everyone), (Managed, 0));
    }

    #[test]
    fn a_managed_group_that_is_not_there_gates_everyone_but_the_exempt() {
        let line: &[&CStr] = &[c"managed_group=gone", c"exempt_group=wheel"];
        assert_eq!(of(&Host::new(), "carol", line), (Managed, 1));
        assert_eq!(of(&Host::new(), "wendy", line), (Free, 0));
        assert_eq!(
            of(
                &Host::new(),
                "alice",
                &[c"managed_group=contractors", c"managed_group="]
            ),
            (Managed, 1)
        );
    }

    #[test]
    fn an_exempt_group_that_is_not_there_exempts_nobody() {
        assert_eq!(
            of(&Host::new(), "alice", &[c"exempt_group=gone"]),
            (Managed, 1)
        );
    }

    #[test]
    fn broken_look_ups_gate() {
        let line: &[&CStr] = &[c"managed_group=contractors", c"exempt_group=wheel"];
        let groups = Host {
            groups_broken: true,
            ..Host::new()
        };
        assert_eq!(of(&groups, "alice", line), (Managed, 2));
        let memberships = Host {
            memberships_broken: true,
            ..Host::new()
        };
        assert_eq!(of(&memberships, "alice", line), (Managed, 1));
    }
}
