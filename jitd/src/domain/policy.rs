//! What the policy files say, checked and without their syntax.

use std::collections::BTreeMap;

use super::names::{GroupName, RoleName, ServiceName, UserName};
use super::person::Person;
use super::time::Seconds;

/// The group that carries `managed.users`: `pam_jit` knows managed people by group alone.
pub const MANAGED_GROUP: &str = "jit-managed";

/// Users and groups, as a policy names them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct People {
    /// Accounts by name.
    pub users: Vec<UserName>,
    /// Members of these groups.
    pub groups: Vec<String>,
}

impl People {
    /// Whether the person is one of them.
    #[must_use]
    pub fn contains(&self, person: &Person) -> bool {
        self.users.contains(&person.name)
            || self
                .groups
                .iter()
                .any(|group| person.groups.contains(group))
    }

    /// As `user:NAME` and `group:NAME`.
    #[must_use]
    pub fn described(&self) -> Vec<String> {
        let users = self.users.iter().map(|name| format!("user:{name}"));
        users
            .chain(self.groups.iter().map(|name| format!("group:{name}")))
            .collect()
    }
}

/// What a role demands of a reason.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ReasonRule {
    /// Whether there must be one.
    pub required: bool,
    /// Fewest characters, when one is given or required.
    pub min_length: usize,
}

/// What can be elevated to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Role {
    /// Its name.
    pub name: RoleName,
    /// The file that defines it.
    pub source: String,
    /// What it is for.
    pub description: String,
    /// Groups held while active.
    pub groups: Vec<GroupName>,
    /// Users that the commands may be run as, in sudoers syntax.
    pub run_as: Vec<String>,
    /// Commands in sudoers syntax.
    pub commands: Vec<String>,
    /// PAM services it opens.
    pub services: Vec<ServiceName>,
    /// Who may ask.
    pub eligible: People,
    /// Who may decide.
    pub approvers: People,
    /// Length when none is asked for.
    pub default_duration: Seconds,
    /// Longest length.
    pub max_duration: Seconds,
    /// How long a request waits for a decision.
    pub request_ttl: Seconds,
    /// What is demanded of the reason.
    pub reason: ReasonRule,
}

impl Role {
    /// Whether it opens the service.
    #[must_use]
    pub fn opens(&self, service: &str) -> bool {
        self.services
            .iter()
            .any(|opened| opened.as_str() == service)
    }
}

/// The whole policy.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Policy {
    /// Who is subject to just-in-time access.
    pub managed: People,
    /// Roles by name.
    pub roles: BTreeMap<RoleName, Role>,
    /// Who may read everybody's record.
    pub readers: People,
}

impl Policy {
    /// The role of this name.
    #[must_use]
    pub fn role(&self, name: &str) -> Option<&Role> {
        self.roles.values().find(|role| role.name.as_str() == name)
    }

    /// The groups by which `pam_jit` knows managed people.
    #[must_use]
    pub fn managed_groups(&self) -> Vec<String> {
        let mut groups = self.managed.groups.clone();
        if !self.managed.users.is_empty() {
            groups.push(MANAGED_GROUP.to_owned());
        }
        groups
    }

    /// Names of the roles that the person may ask for.
    pub fn requestable<'a>(&'a self, person: &'a Person) -> impl Iterator<Item = &'a Role> {
        self.roles
            .values()
            .filter(|role| role.eligible.contains(person))
    }

    /// The roles that the person may decide on.
    pub fn decidable<'a>(&'a self, person: &'a Person) -> impl Iterator<Item = &'a Role> {
        self.roles
            .values()
            .filter(|role| role.approvers.contains(person))
    }
}
