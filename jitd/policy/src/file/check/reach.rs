//! Whether a role lets its holders act as somebody who approves: then it decides over itself, or over
//! whatever else that person decides.

use super::super::PolicyError;
use super::Findings;
use crate::domain::policy::{People, Place, Role};

/// What a role says where that is meant.
const WORD: &str = "reaches_approvers = true";

/// Tells of a role that reaches approvers of any role, unless it says so itself.
pub(super) fn told(role: &Role, approvers: &People, place: &Place, findings: &mut Findings) {
    if role.reaches_approvers || approvers.is_empty() {
        return;
    }
    let at = |key: &str| {
        let place = role.places.of(key).unwrap_or(place);
        (place, format!("role.{}.{key}", role.name))
    };
    if let Some((key, why)) = mistake(role, approvers) {
        let (place, path) = at(key);
        let error = PolicyError::in_line(place, path, format!("{why}, or say {WORD}"));
        findings.errors.push(error);
    } else if is_full_root(role) {
        let (place, path) = at("commands");
        let message = format!(
            "everything as root includes to act as whoever approves, whatever stands against it: give it commands, or say {WORD}"
        );
        let warning = PolicyError::in_line(place, path, message);
        findings.warnings.push(warning);
    }
}

/// The key that leads to an approver, and how.
fn mistake(role: &Role, approvers: &People) -> Option<(&'static str, String)> {
    let mut groups = role.groups.iter().map(ToString::to_string);
    if let Some(group) = groups.find(|group| approvers.groups.contains(group)) {
        let why = format!("it gives {group}, whose members approve: give it another group");
        return Some(("groups", why));
    }
    // Everything as root is told of by itself.
    if role.commands.is_empty() || is_full_root(role) {
        return None;
    }
    let mut run_as = role.run_as.iter();
    let reached = run_as.find_map(|user| match user.strip_prefix('%') {
        Some(group) if approvers.groups.iter().any(|other| other == group) => {
            Some(format!("members of {group}, who approve"))
        }
        Some(_) => None,
        None if user == "ALL" => Some("anybody, approvers too".to_owned()),
        None if user == "root" => None,
        None => {
            let mut users = approvers.users.iter();
            let is_one = users.any(|approver| approver.as_str() == user);
            is_one.then(|| format!("{user}, who approves"))
        }
    })?;
    let why = format!("its commands are run as {reached}: name other users");
    Some(("run_as", why))
}

fn is_full_root(role: &Role) -> bool {
    let has = |list: &[String], word: &str| list.iter().any(|one| one == word);
    has(&role.commands, "ALL") && (has(&role.run_as, "root") || has(&role.run_as, "ALL"))
}
