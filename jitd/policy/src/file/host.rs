//! What a policy counts on that only a host can tell.

use super::{Loaded, PolicyError};

/// The groups that a policy names and that are not there. `exists` knows the host. Groups that
/// its roles give are made, so they need not be there.
#[must_use]
pub fn unknown_groups(loaded: &Loaded, exists: impl Fn(&str) -> bool) -> Vec<PolicyError> {
    let given = |group: &str| {
        let roles = loaded.policy.roles.values();
        roles
            .flat_map(|role| &role.groups)
            .any(|name| name.as_str() == group)
    };
    loaded
        .mentions
        .iter()
        .filter(|mention| !given(&mention.group) && !exists(&mention.group))
        .map(|mention| PolicyError {
            message: format!(
                "there is no group {0} on this host: correct the name, or: groupadd --system {0}",
                mention.group
            ),
            ..mention.at.clone()
        })
        .collect()
}
