//! What a policy counts on that only a host can tell.

use super::{Loaded, PolicyError};
use crate::domain::names::GroupName;
use crate::domain::text;

/// The groups that a policy names and that are not there. `exists` knows the host. Groups that
/// its roles give are made, so they need not be there, as far as groups of such names can be made.
#[must_use]
pub fn unknown_groups(loaded: &Loaded, exists: impl Fn(&str) -> bool) -> Vec<PolicyError> {
    let given = |group: &str| {
        let roles = loaded.policy.roles.values();
        roles
            .flat_map(|role| &role.groups)
            .any(|name| name.as_str() == group && name.can_be_made())
    };
    loaded
        .mentions
        .iter()
        .filter(|mention| !given(&mention.group) && !exists(&mention.group))
        .map(|mention| PolicyError {
            message: missing(&mention.group),
            ..mention.at.clone()
        })
        .collect()
}

fn missing(group: &str) -> String {
    let can_be_made = GroupName::new(group).is_ok_and(|group| group.can_be_made());
    let group = text::escaped(group);
    if can_be_made {
        return format!(
            "there is no group {group} on this host: correct the name, or: groupadd --system {group}"
        );
    }
    format!(
        "there is no group \"{group}\" on this host: correct the name, or see whether its directory answers (getent group); a group of such a name is not made: {}",
        GroupName::MADE
    )
}
