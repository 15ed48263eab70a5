//! What the policy files say, checked and without their syntax.

use std::collections::BTreeMap;
use std::fmt;

use super::names::{GroupName, RoleName, ServiceName, UserName};
use super::person::Person;
use super::rules::{AutoApprove, Backend, BreakGlass, Budget, OnEnd, ReasonRule, TicketRule};
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

    /// Whether nobody is named.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.users.is_empty() && self.groups.is_empty()
    }

    /// As `user:NAME` and `group:NAME`.
    #[must_use]
    pub fn described(&self) -> Vec<String> {
        let users = self.users.iter().map(|name| format!("user:{name}"));
        users
            .chain(self.groups.iter().map(|name| format!("group:{name}")))
            .collect()
    }

    /// With others, each named once.
    #[must_use]
    pub fn and(mut self, others: &Self) -> Self {
        for user in &others.users {
            if !self.users.contains(user) {
                self.users.push(user.clone());
            }
        }
        for group in &others.groups {
            if !self.groups.contains(group) {
                self.groups.push(group.clone());
            }
        }
        self
    }
}

/// As `group:dba or user:alice`.
impl fmt::Display for People {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.described().join(" or "))
    }
}

/// So many distinct people of these must agree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Requirement {
    /// Whose yes counts.
    pub people: People,
    /// How many of them; at least one.
    pub count: usize,
}

impl fmt::Display for Requirement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {}", self.count, self.people)
    }
}

/// A line of a policy file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The file.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file, self.line)
    }
}

/// Where each key of a role is said, in the role or in the defaults; a key that is not here has
/// its value from the program.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Places(pub BTreeMap<&'static str, Place>);

impl Places {
    /// Where a key is said.
    #[must_use]
    pub fn of(&self, key: &str) -> Option<&Place> {
        self.0.get(key)
    }
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
    /// Users that the commands may be run as, in sudoers syntax: names, `%group`, `ALL`.
    pub run_as: Vec<String>,
    /// Groups that the commands may be run with, in sudoers syntax.
    pub run_as_groups: Vec<String>,
    /// Commands in sudoers syntax.
    pub commands: Vec<String>,
    /// PAM services it opens.
    pub services: Vec<ServiceName>,
    /// Who may ask.
    pub eligible: People,
    /// Who has authority over it: may refuse, revoke and acknowledge.
    pub approvers: People,
    /// Whose yes it takes; nobody's when empty.
    pub approvals: Vec<Requirement>,
    /// When nobody is asked all the same; one of them must hold.
    pub auto_approve: Vec<AutoApprove>,
    /// Length when none is asked for.
    pub default_duration: Seconds,
    /// Longest length.
    pub max_duration: Seconds,
    /// How long a request waits for a decision.
    pub request_ttl: Seconds,
    /// How long before the end the holder is warned; longest first.
    pub warn_before: Vec<Seconds>,
    /// How much time one person may use.
    pub budget: Option<Budget>,
    /// Who may take it at once.
    pub break_glass: Option<BreakGlass>,
    /// What is demanded of the reason.
    pub reason: ReasonRule,
    /// What is demanded of the ticket.
    pub ticket: TicketRule,
    /// Whether sudo records what its holders run.
    pub record: bool,
    /// What becomes of its processes.
    pub on_end: OnEnd,
    /// Whether it is said that its holders can come to act as somebody who approves.
    pub reaches_approvers: bool,
    /// Where all of this is said.
    pub places: Places,
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
    /// Where memberships are kept.
    pub membership: Backend,
    /// Who is subject to just-in-time access.
    pub managed: People,
    /// Roles by name.
    pub roles: BTreeMap<RoleName, Role>,
    /// Who may read everybody's record.
    pub readers: People,
    /// How long events stay in the record before they are archived; for ever without it. May be
    /// longer than [`Seconds::LONGEST`].
    pub keep: Option<Seconds>,
}

impl Policy {
    /// The role of this name.
    #[must_use]
    pub fn role(&self, name: &str) -> Option<&Role> {
        self.roles.get(name)
    }

    /// Whether a role is recorded.
    #[must_use]
    pub fn records(&self, role: &RoleName) -> bool {
        self.roles.get(role).is_some_and(|role| role.record)
    }

    /// Whoever has authority over any role.
    #[must_use]
    pub fn approvers(&self) -> People {
        let roles = self.roles.values();
        roles.fold(People::default(), |all, role| all.and(&role.approvers))
    }

    /// Whether any role is.
    #[must_use]
    pub fn records_any(&self) -> bool {
        self.roles.values().any(|role| role.record)
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

    /// The roles that the person may ask for.
    pub fn requestable<'a>(&'a self, person: &'a Person) -> impl Iterator<Item = &'a Role> {
        self.roles
            .values()
            .filter(|role| role.eligible.contains(person))
    }

    /// The roles that the person may take at once.
    pub fn breakable<'a>(&'a self, person: &'a Person) -> impl Iterator<Item = &'a Role> {
        let may = |role: &&Role| {
            let rule = role.break_glass.as_ref();
            rule.is_some_and(|rule| rule.people.contains(person))
        };
        self.roles.values().filter(may)
    }

    /// The roles that the person has authority over.
    pub fn decidable<'a>(&'a self, person: &'a Person) -> impl Iterator<Item = &'a Role> {
        self.roles
            .values()
            .filter(|role| role.approvers.contains(person))
    }
}
