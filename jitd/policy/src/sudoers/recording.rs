//! How sudo is told to record: tags at the rules of the roles that are recorded, and settings for
//! everything that their holders run.
//!
//! Both, since which rule gave a command only sudo knows: one of the host's own could give a
//! holder the same command, and the gate lets nobody who holds such a role into a sudo that does
//! not record.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::checkers;
use super::people::named;
use crate::domain::desired::{Desired, Holder};
use crate::domain::policy::{Policy, Role};
use crate::file::PolicyError;

/// The folder that sudo keeps its recordings in; it makes it, for root alone.
pub const RECORDINGS: &str = "/var/log/jitd/recordings";

/// What is typed too: what a shell reads from a pipe shows nowhere else.
pub(super) const TAGS: &str = "LOG_INPUT: LOG_OUTPUT: ";

/// What a recording is like (sudoers(5)): who can't be recorded does not go on; what is answered
/// to a question for a password is left out (sudo 1.9.10); all that was shown is in the files by
/// the time that it is shown; and nobody but root reads them.
const SETTINGS: &str = "log_input, log_output, !log_passwords, !ignore_iolog_errors, iolog_flush, \
    !compress_io, iolog_user=root, iolog_mode=0600, iolog_file=%{seq}";

/// Who reads the sudoers files of a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// sudo alone.
    Sudo,
    /// sudo-rs, at least too. It records nothing: it takes the tags with a warning, and of the
    /// settings it complains to whoever runs it.
    Common,
}

impl Dialect {
    /// That of this host.
    #[must_use]
    pub fn of_host() -> Self {
        let is_rs = |path: &std::path::PathBuf| path.to_string_lossy().ends_with("-rs");
        if checkers().iter().any(is_rs) {
            Self::Common
        } else {
            Self::Sudo
        }
    }
}

/// A line of settings for each holder of a recorded role.
pub(super) fn push_settings(
    text: &mut String,
    policy: &Policy,
    desired: &Desired,
    dialect: Dialect,
) {
    if dialect == Dialect::Common {
        return;
    }
    let gives = |role: &&Role| role.record && !role.commands.is_empty();
    let recorded = policy.roles.values().filter(gives);
    let holders: BTreeSet<&Holder> = recorded
        .filter_map(|role| desired.holders.get(&role.name))
        .flatten()
        .collect();
    if !holders.is_empty() {
        text.push_str("\n# what recorded people run\n");
    }
    for holder in holders {
        if let Some(user) = named(holder, dialect) {
            // A String takes all that is written to it.
            let _ = writeln!(text, "Defaults:{user} iolog_dir={RECORDINGS}, {SETTINGS}");
        }
    }
}

/// Whether this is how visudo-rs says that it ignores the tags: whoever holds the role is let
/// into nothing that is not recorded, so nothing is lost by it.
pub(super) fn is_about_tags(line: &str) -> bool {
    ["LOG_INPUT", "LOG_OUTPUT"]
        .iter()
        .any(|tag| line == format!("warning: {tag} tags are ignored by sudo-rs"))
}

/// What is odd about the recorded roles where sudo-rs is.
#[must_use]
pub fn unrecorded(policy: &Policy, dialect: Dialect) -> Vec<PolicyError> {
    if dialect == Dialect::Sudo {
        return Vec::new();
    }
    let recorded = policy.roles.values().filter(|role| role.record);
    let warnings = recorded.filter_map(|role| {
        let place = role.places.of("record").or(role.places.of("role"))?;
        let key = format!("role.{}.record", role.name);
        let message = "sudo-rs is on this host and records nothing: it is not opened to who holds \
            the role. The settings of a recording are left to /etc/sudoers, since sudo-rs does not \
            take them: say there at least Defaults !log_passwords, !ignore_iolog_errors";
        Some(PolicyError::in_line(place, key, message.to_owned()))
    });
    warnings.collect()
}
