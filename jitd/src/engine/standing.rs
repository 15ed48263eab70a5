//! Who has a role's group for good: what jitd was to put an end to, and has not given.

use std::collections::{BTreeMap, BTreeSet};

use super::{Engine, EngineError};
use crate::directory::{DirectoryError, HostDirectory};
use crate::domain::desired::Membership;
use crate::domain::names::{GroupName, RoleName, UserName};
use crate::domain::person::Person;
use crate::domain::policy::Policy;

/// Most members of one group that are looked up: where a role gives a group of everybody, it is
/// no privilege, and its list is long.
const MOST_MEMBERS: usize = 1000;

/// Somebody who is managed, or may ask for a role, and has a group of the role that jitd has not
/// given them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Standing {
    /// They.
    pub user: UserName,
    /// The group.
    pub group: GroupName,
    /// A role that gives it.
    pub role: RoleName,
}

impl Engine {
    /// Looks up everybody whom the policy names, and who is in a group that a role gives: the groups
    /// of those who may ask can have any number of members.
    ///
    /// # Errors
    /// The policy is broken, the directory does not say, or the database is broken.
    pub async fn standing(&self, directory: &HostDirectory) -> Result<Vec<Standing>, EngineError> {
        let policy = self.policy()?;
        let mut names = users(&policy);
        for group in given(&policy) {
            names.extend(directory.members(group.as_str(), MOST_MEMBERS).await?);
        }
        let mut people = BTreeMap::new();
        for name in names {
            match directory.named(&name).await {
                Ok(person) => drop(people.insert(person.uid, person)),
                // A member list may have anything in it.
                Err(DirectoryError::NoSuchName | DirectoryError::UnusableName(_)) => {}
                Err(error) => return Err(error.into()),
            }
        }
        let held = self.shared.store.all_held().await?.into_iter().collect();
        Ok(standing(&policy, people.values(), &held))
    }
}

fn users(policy: &Policy) -> BTreeSet<String> {
    let asking = policy.roles.values().map(|role| &role.eligible);
    let people = asking.chain([&policy.managed]);
    let users = people.flat_map(|people| &people.users);
    users.map(ToString::to_string).collect()
}

fn given(policy: &Policy) -> BTreeSet<&GroupName> {
    let roles = policy.roles.values();
    roles.flat_map(|role| &role.groups).collect()
}

fn standing<'a>(
    policy: &Policy,
    people: impl Iterator<Item = &'a Person>,
    held: &BTreeSet<Membership>,
) -> Vec<Standing> {
    let mut found = Vec::new();
    for person in people {
        let concerned = policy
            .roles
            .values()
            .filter(|role| policy.managed.contains(person) || role.eligible.contains(person));
        for (role, group) in concerned.flat_map(|role| role.groups.iter().map(move |g| (role, g))) {
            let given = held.contains(&(group.clone(), person.name.clone()));
            if !given && person.groups.iter().any(|name| name == group.as_str()) {
                found.push(Standing {
                    user: person.name.clone(),
                    group: group.clone(),
                    role: role.name.clone(),
                });
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy_file::{Source, parse};

    const POLICY: &str = r#"
        [managed]
        groups = ["contractors"]
        users = ["dan"]
        [role.web]
        groups = ["jit-web", "docker"]
        services = ["sudo"]
        eligible = { users = ["carol"], groups = ["web-team"] }
        approvals = 0
        [role.db]
        groups = ["docker"]
        services = ["su"]
        eligible = { groups = ["dba"] }
        approvals = 0
    "#;

    fn policy() -> Policy {
        let source = Source {
            path: "jitd.toml".to_owned(),
            text: POLICY.to_owned(),
        };
        parse(&[source]).unwrap().policy
    }

    fn found(name: &str, groups: &[&str], held: &[&str]) -> Vec<String> {
        let name = UserName::new(name).unwrap();
        let held = held
            .iter()
            .map(|group| (GroupName::new(group).unwrap(), name.clone()));
        let person = Person {
            uid: 1001,
            name: name.clone(),
            groups: groups.iter().map(ToString::to_string).collect(),
        };
        let found = standing(&policy(), [&person].into_iter(), &held.collect());
        found
            .iter()
            .map(|one| format!("{} by {}", one.group, one.role))
            .collect()
    }

    #[test]
    fn those_are_found_who_have_for_good_what_they_should_ask_for() {
        // eligible for one of the two roles that give it
        assert_eq!(found("carol", &["docker"], &[]), ["docker by web"]);
        // managed, so that no role's group is theirs
        assert_eq!(
            found("eve", &["contractors", "docker", "jit-web"], &[]),
            ["docker by db", "jit-web by web", "docker by web"]
        );
        // given by jitd, in part
        assert_eq!(
            found("carol", &["docker", "jit-web"], &["jit-web"]),
            ["docker by web"]
        );
        // neither managed nor eligible: nobody's concern
        assert_eq!(found("grace", &["docker", "jit-web"], &[]), [""; 0]);
    }

    #[test]
    fn the_groups_of_those_who_may_ask_are_not_looked_into() {
        let policy = policy();
        let groups: Vec<_> = given(&policy).into_iter().map(GroupName::as_str).collect();
        assert_eq!(groups, ["docker", "jit-web"]);
    }
}
