//! The policy as files: `/etc/jitd/jitd.toml`, then `/etc/jitd/roles.d/*.toml` in name order.
//!
//! [`load`] reads them, [`syntax`] knows the keys, [`check`] turns them into a
//! [`Policy`](crate::domain::policy::Policy). Nothing half understood gets through.
#![forbid(unsafe_code)]

mod check;
mod error;
mod read;
mod syntax;

pub use error::PolicyError;

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

/// Reads and checks the policy below `directory` (`/etc/jitd`).
///
/// # Errors
/// Every mistake found, in the order of the files: a file that cannot be read or that others
/// can write, malformed TOML, unknown keys, impossible values.
pub fn load(directory: &Path) -> Result<Policy, Vec<PolicyError>> {
    parse(&read::sources(directory)?)
}

/// Checks the texts of policy files, the main file first.
///
/// # Errors
/// Every mistake found.
pub fn parse(sources: &[Source]) -> Result<Policy, Vec<PolicyError>> {
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
