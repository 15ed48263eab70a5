//! What an account is given: everything that a program could have decided by.
//!
//! sudo looks at its rules before it asks for a password, and not again. What it decided then must
//! still be true when the gate is asked: whoever has lost something since is to start again.

use std::collections::BTreeSet;

use super::elevation::Elevation;
use super::names::{GroupName, RoleName, ServiceName};
use super::policy::{Policy, Role};

/// One thing that a role gives.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Gift {
    /// The role.
    pub role: RoleName,
    /// What of it.
    pub what: What,
}

/// What a role gives.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum What {
    /// The role itself.
    Role,
    /// A membership.
    Group(GroupName),
    /// A PAM service.
    Service(ServiceName),
    /// What sudo is told: commands, as whom, and whether it records them.
    Rule(Vec<String>),
}

/// What an elevation gives while it is active, by this policy.
#[must_use]
pub fn given(policy: Option<&Policy>, elevation: &Elevation) -> BTreeSet<Gift> {
    let grant = elevation.grant.as_ref();
    let groups = grant.into_iter().flat_map(|grant| grant.groups.clone());
    let services = grant.into_iter().flat_map(|grant| grant.services.clone());
    let role = policy.and_then(|policy| policy.role(elevation.role.as_str()));
    std::iter::once(What::Role)
        .chain(groups.map(What::Group))
        .chain(services.map(What::Service))
        .chain(role.map(|role| What::Rule(rule(role))))
        .map(|what| Gift {
            role: elevation.role.clone(),
            what,
        })
        .collect()
}

/// Each part with what it is, so that no two roles say the same by different means.
fn rule(role: &Role) -> Vec<String> {
    let part = |name: &'static str, words: &[String]| {
        let words = words.iter().map(move |word| format!("{name} {word}"));
        words.collect::<Vec<_>>()
    };
    let mut parts = part("run_as", &role.run_as);
    parts.extend(part("run_as_groups", &role.run_as_groups));
    parts.extend(part("commands", &role.commands));
    parts.push(format!("record {}", role.record));
    parts
}
