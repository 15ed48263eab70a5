//! What the host should look like: a pure function of policy, elevations and time.

use std::collections::{BTreeMap, BTreeSet};

use super::elevation::Elevation;
use super::names::{GroupName, RoleName, UserName};
use super::policy::{MANAGED_GROUP, Policy};
use super::rules::{Backend, OnEnd};
use super::time::Now;

/// One account in one group.
pub type Membership = (GroupName, UserName);

/// One account by name and number.
pub type Holder = (UserName, u32);

/// What the host should look like.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Desired {
    /// Where memberships are kept; unknown without a policy.
    pub backend: Option<Backend>,
    /// Groups that must exist.
    pub groups: BTreeSet<GroupName>,
    /// Who must be in which of them.
    pub memberships: BTreeSet<Membership>,
    /// Groups that are left as they are, because nobody can say who belongs there.
    pub untouched: BTreeSet<GroupName>,
    /// Groups whose loss ends no process.
    pub kept: BTreeSet<GroupName>,
    /// Who holds which role, for sudo.
    pub holders: BTreeMap<RoleName, BTreeSet<Holder>>,
    /// Accounts that have been renamed since they were given something, and how they are called
    /// now: the programs that rename an account do so in the group files too.
    pub renamed: BTreeSet<(UserName, UserName)>,
}

/// Computes it. Without a policy (a broken one) the elevations alone count, and whoever was
/// managed stays managed.
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
        desired
            .holders
            .entry(elevation.role.clone())
            .or_default()
            .insert((elevation.user.clone(), elevation.uid));
    }
    let managed = GroupName::new(MANAGED_GROUP).ok();
    match policy {
        Some(policy) => {
            desired.backend = Some(policy.membership);
            let groups = policy.roles.values().flat_map(|role| role.groups.clone());
            desired.groups.extend(groups);
            desired.kept = kept(policy);
            // Who is no longer managed has lost nothing.
            desired.kept.extend(managed.clone());
            for (group, user) in managed
                .iter()
                .flat_map(|group| policy.managed.users.iter().map(move |user| (group, user)))
            {
                desired.groups.insert(group.clone());
                desired.memberships.insert((group.clone(), user.clone()));
            }
        }
        None => desired.untouched.extend(managed),
    }
    desired
}

/// The groups that a role gives whose processes go on at its end; unless another one gives the
/// same group and ends them.
fn kept(policy: &Policy) -> BTreeSet<GroupName> {
    let given = |on_end: OnEnd| {
        let roles = policy.roles.values();
        roles
            .filter(move |role| role.on_end == on_end)
            .flat_map(|role| role.groups.clone())
    };
    let ended: BTreeSet<_> = given(OnEnd::Terminate).collect();
    given(OnEnd::Keep)
        .filter(|group| !ended.contains(group))
        .collect()
}
