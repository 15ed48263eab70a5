//! What the host should look like: a pure function of policy, elevations and time.

use std::collections::BTreeSet;

use super::elevation::Elevation;
use super::names::{GroupName, UserName};
use super::policy::{MANAGED_GROUP, Policy};
use super::time::Now;

/// One account in one group.
pub type Membership = (GroupName, UserName);

/// What the host should look like.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Desired {
    /// Groups that must exist.
    pub groups: BTreeSet<GroupName>,
    /// Who must be in which of them.
    pub memberships: BTreeSet<Membership>,
}

/// Computes it. Without a policy (a broken one) the elevations alone count.
#[must_use]
pub fn desired<'a>(
    policy: Option<&Policy>,
    elevations: impl Iterator<Item = &'a Elevation>,
    now: &Now,
) -> Desired {
    let mut desired = Desired::default();
    for elevation in elevations.filter(|elevation| elevation.is_active(now)) {
        for group in elevation.grant.iter().flat_map(|grant| &grant.groups) {
            desired.groups.insert(group.clone());
            desired
                .memberships
                .insert((group.clone(), elevation.user.clone()));
        }
    }
    if let Some(policy) = policy {
        desired
            .groups
            .extend(policy.roles.values().flat_map(|role| role.groups.clone()));
        if let Ok(group) = GroupName::new(MANAGED_GROUP) {
            for user in &policy.managed.users {
                desired.groups.insert(group.clone());
                desired.memberships.insert((group.clone(), user.clone()));
            }
        }
    }
    desired
}
