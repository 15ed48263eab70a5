//! Who is subject to just-in-time access.

use std::collections::BTreeSet;

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
/// A name can lead to several groups: two lines in the host's file, or a group
/// there and one in a directory, which others take for the same. Members of any
/// of them are managed, and none of them exempts.
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
    let mut groups = Groups {
        directory,
        gids: &gids,
        complaints,
    };
    if groups.exempt(&arguments.exempt_groups) {
        return Standing::Free;
    }
    if groups.managed(&arguments.managed_groups) {
        Standing::Managed
    } else {
        Standing::Free
    }
}

/// The groups of one account.
struct Groups<'a, D> {
    directory: &'a D,
    gids: &'a [u32],
    complaints: &'a mut Vec<String>,
}

impl<D: Directory> Groups<'_, D> {
    fn exempt(&mut self, names: &[String]) -> bool {
        let mut exempt = false;
        for name in names {
            let Some(numbers) = self.numbers("exempt_group", name, "it exempts nobody") else {
                continue;
            };
            if numbers.len() > 1 {
                self.complaints.push(format!(
                    "exempt_group={name} leads to {} groups ({}): it exempts nobody; give one of them another name",
                    numbers.len(),
                    list(&numbers)
                ));
            } else {
                exempt |= numbers.iter().any(|gid| self.gids.contains(gid));
            }
        }
        exempt
    }

    fn managed(&mut self, names: &[String]) -> bool {
        const GATED: &str = "everyone but root and members of exempt groups is gated";
        let mut managed = names.is_empty();
        for name in names {
            let numbers = self.numbers("managed_group", name, GATED);
            managed |= numbers.is_none_or(|all| all.iter().any(|gid| self.gids.contains(gid)));
        }
        managed || self.is_called(names)
    }

    /// Whether any group of theirs has such a name, whatever the name leads to.
    fn is_called(&mut self, names: &[String]) -> bool {
        self.gids
            .iter()
            .any(|gid| match self.directory.name_of_group(*gid) {
                Ok(name) => name.is_some_and(|name| names.contains(&name)),
                Err(error) => {
                    self.complaints.push(format!(
                        "group {gid} can't be looked up ({}): managed",
                        error.desc()
                    ));
                    true
                }
            })
    }

    /// The numbers of a group; none for one that can't be looked up.
    fn numbers(&mut self, key: &str, name: &str, effect: &str) -> Option<BTreeSet<u32>> {
        let why = match self.directory.gids_of_group(name) {
            Ok(gids) if !gids.is_empty() => return Some(gids),
            Ok(_) => "does not exist".to_owned(),
            Err(error) => format!("can't be looked up ({})", error.desc()),
        };
        self.complaints.push(format!(
            "{key}={name} {why}: {effect}; create it or correct the PAM line"
        ));
        None
    }
}

fn list(numbers: &BTreeSet<u32>) -> String {
    let numbers: Vec<_> = numbers.iter().map(ToString::to_string).collect();
    numbers.join(", ")
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

    /// A second group of a name: another line of the file, or one of a directory that the
    /// first one hides.
    fn twice(in_file: &'static [(&'static str, u32)], hidden: &[(&'static str, u32)]) -> Host {
        let mut host = Host::new();
        host.groups.extend(in_file);
        host.shadowed.extend(hidden);
        let second = ("dan", 1008, vec![1008, 501]);
        let exempt = ("sam", 1009, vec![1009, 500, 11]);
        for (name, uid, gids) in [second, exempt] {
            let account = Account {
                name: name.to_owned(),
                uid,
                gid: uid,
            };
            host.accounts.push((account, gids));
        }
        host
    }

    #[test]
    fn whoever_is_in_any_group_of_a_managed_name_is_managed() {
        let line: &[&CStr] = &[c"managed_group=contractors"];
        let in_file = twice(&[("contractors", 501)], &[]);
        let hidden = twice(&[], &[("contractors", 501)]);
        for host in [in_file, hidden] {
            assert_eq!(of(&host, "dan", line), (Managed, 0));
            assert_eq!(of(&host, "carol", line), (Managed, 0));
            assert_eq!(of(&host, "alice", line), (Free, 0));
        }
        assert_eq!(of(&twice(&[], &[]), "dan", line), (Free, 0));
    }

    #[test]
    fn a_name_of_several_groups_exempts_nobody() {
        let line: &[&CStr] = &[c"managed_group=contractors", c"exempt_group=wheel"];
        let in_file = twice(&[("wheel", 11)], &[]);
        assert_eq!(of(&in_file, "wendy", line), (Managed, 1));
        assert_eq!(of(&in_file, "sam", line), (Managed, 1));
        // The name leads to the other one.
        let hidden = twice(&[], &[("wheel", 11)]);
        assert_eq!(of(&hidden, "sam", line), (Managed, 0));
        assert_eq!(of(&hidden, "wendy", line), (Free, 0));
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
