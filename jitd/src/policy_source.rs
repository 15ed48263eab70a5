//! The policy of this host: read, checked, and tried on what the host has.
#![forbid(unsafe_code)]

use std::path::Path;

use nix::unistd::Group;

use crate::domain::policy::Policy;
use crate::domain::rules::Backend;
use crate::policy_file::{self, PolicyError, Trust};
use crate::record::{Priority, note};
use crate::{nsswitch, paths, sudoers};

/// What is asked of the policy besides being right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Groups {
    /// The groups that it counts on must be there, and who approves must be out of its roles' reach.
    Known,
    /// They may be missing, and all of that is said: at boot, a directory may not be up yet.
    Awaited,
}

/// Reads the policy. Blocks.
///
/// # Errors
/// Every mistake found.
pub fn load(groups: Groups) -> Result<Policy, Vec<PolicyError>> {
    let loaded = policy_file::load(Path::new(paths::POLICY), Trust::Roots)?;
    for warning in &loaded.warnings {
        note(Priority::Warning, &warning.to_string());
    }
    let mut unknown = policy_file::unknown_groups(&loaded, exists);
    unknown.extend(policy_file::reached_approvers(&loaded, groups_of));
    if groups == Groups::Awaited {
        for error in &unknown {
            note(Priority::Warning, &error.to_string());
        }
    } else if !unknown.is_empty() {
        return Err(unknown);
    }
    if loaded.policy.membership == Backend::Userdb
        && let Some(unfit) = nsswitch::unfit(&nsswitch_conf())
    {
        note(Priority::Warning, unfit.advice());
    }
    let refused = sudoers::refused(&loaded.policy);
    if refused.is_empty() {
        Ok(loaded.policy)
    } else {
        Err(refused)
    }
}

/// Without it, the C library looks at files alone.
fn nsswitch_conf() -> String {
    std::fs::read_to_string(nsswitch::PATH).unwrap_or_default()
}

/// The groups of an account, where there is one of this name.
fn groups_of(name: &str) -> Option<Vec<String>> {
    let user = users::get_user_by_name(name)?;
    let groups = users::get_user_groups(name, user.primary_group_id())?;
    let names = groups
        .iter()
        .map(|group| group.name().to_string_lossy().into_owned());
    Some(names.collect())
}

/// A directory that cannot say counts as having it: it is asked again whenever it matters.
fn exists(group: &str) -> bool {
    !matches!(Group::from_name(group), Ok(None))
}
