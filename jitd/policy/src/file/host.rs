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

/// Roles whose commands are run as somebody who approves by a group that they are in, and that do
/// not say so. `groups_of` knows the host; it says nothing where it does not know.
#[must_use]
pub fn reached_approvers(
    loaded: &Loaded,
    groups_of: impl Fn(&str) -> Option<Vec<String>>,
) -> Vec<PolicyError> {
    let approvers = loaded.policy.approvers();
    let roles = loaded.policy.roles.values();
    let silent = roles.filter(|role| !role.reaches_approvers && !role.commands.is_empty());
    let mut found = Vec::new();
    for role in silent {
        let place = role.places.of("run_as");
        let users = role.run_as.iter().filter(|user| *user != "root");
        for user in users.filter(|user| !user.starts_with('%') && *user != "ALL") {
            let groups = groups_of(user).unwrap_or_default();
            let group = groups.iter().find(|group| approvers.groups.contains(group));
            let (Some(group), Some(place)) = (group, place) else {
                continue;
            };
            let message = format!(
                "its commands are run as {user}, who approves as a member of {group}: name other users, or say reaches_approvers = true"
            );
            let key = format!("role.{}.run_as", role.name);
            found.push(PolicyError::in_line(place, key, message));
        }
    }
    found
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
