//! The policy as files: `/etc/jitd/jitd.toml`, then `/etc/jitd/roles.d/*.toml` in name order.
//!
//! [`load`] reads them, `syntax` knows the keys, `check` turns them into a [`Policy`]. Nothing half understood gets through.

mod blame;
mod check;
mod error;
mod host;
mod read;
mod syntax;
mod table;

pub use error::PolicyError;
pub use host::{reached_approvers, unknown_groups};

// What a table of expectations is read with, too.
pub(crate) use blame::explain;
pub(crate) use check::duration;
pub(crate) use error::line_and_column;

use std::path::Path;

use crate::domain::policy::Policy;

/// A policy file as it was read.
#[derive(Debug, Clone)]
pub struct Source {
    /// Its path, for messages.
    pub path: String,
    /// Its text.
    pub text: String,
}

/// Whose files are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trust {
    /// Root's, or the reader's own: what is to be in force.
    Roots,
    /// Anyone's: what is only looked at.
    Anyones,
}

/// A policy, and what was noticed on the way.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Loaded {
    /// The policy.
    pub policy: Policy,
    /// What is odd about it, though it can be followed.
    pub warnings: Vec<PolicyError>,
    /// Where it names groups that must be there already.
    pub mentions: Vec<Mention>,
}

/// A group that a policy counts on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mention {
    /// Its name.
    pub group: String,
    /// Where.
    pub at: PolicyError,
}

/// Reads and checks the policy at `path`: a folder like `/etc/jitd`, or a file alone.
///
/// # Errors
/// Every mistake found, in the order of the files: a file that cannot be read or that others
/// can write, malformed TOML, unknown keys, impossible values.
pub fn load(path: &Path, trust: Trust) -> Result<Loaded, Vec<PolicyError>> {
    parse(&read::sources(path, trust)?)
}

/// Reads the file of a table of expectations, as bounded as a policy file; anyone's will do.
///
/// # Errors
/// No regular file, too large, not UTF-8, or it cannot be read.
pub fn table(path: &Path) -> Result<Source, PolicyError> {
    read::read(path, Trust::Anyones)
}

/// Checks the texts of policy files, the main file first.
///
/// # Errors
/// Every mistake found.
pub fn parse(sources: &[Source]) -> Result<Loaded, Vec<PolicyError>> {
    let mut errors = Vec::new();
    let mut files = Vec::new();
    for (position, source) in sources.iter().enumerate() {
        match syntax::parse(source, position == 0) {
            Ok(file) => files.push((source, file)),
            Err(error) => errors.push(error),
        }
    }
    if !errors.is_empty() {
        return Err(errors);
    }
    check::policy(&files)
}

#[cfg(test)]
mod tests;
