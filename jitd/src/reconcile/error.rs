//! Why the host does not match yet.

use std::path::Path;

use crate::store::StoreError;

/// What stood in the way. Nothing is lost: it is tried again.
#[derive(Debug, thiserror::Error)]
pub enum ReconcileError {
    /// A file could not be read or written.
    #[error("{path}: {action}: {cause}")]
    File {
        /// The file.
        path: String,
        /// What was being done.
        action: &'static str,
        /// What the system said.
        cause: std::io::Error,
    },
    /// Somebody else holds the lock of the shadow tools.
    #[error("{path} has been locked by another program for {seconds} s")]
    Locked {
        /// The lock file.
        path: String,
        /// How long was waited.
        seconds: u64,
    },
    /// A group is not in the file, so nobody can be put into it.
    #[error(
        "group {group} is not in {path}: it may come from a directory, whose memberships jitd cannot give"
    )]
    NoSuchGroup {
        /// The group.
        group: String,
        /// The file.
        path: String,
    },
    /// A program that jitd relies on failed.
    #[error("{program} failed: {output}")]
    Program {
        /// The program and its arguments.
        program: String,
        /// What it said.
        output: String,
    },
    /// The sudo scope of a role would reach people who hold no elevation.
    #[error(
        "group {group}, by which sudo would know role {role}, has standing members ({members}); the role's commands are not installed: put a group of its own first in its groups"
    )]
    StandingMembers {
        /// The role.
        role: String,
        /// Its first group.
        group: String,
        /// Who is in it.
        members: String,
    },
    /// Several things at once.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Several(Vec<ReconcileError>),
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The thread that reconciles is gone.
    #[error("the reconciler has ended")]
    Gone,
}

impl ReconcileError {
    /// An error of the file system.
    pub(super) fn file(path: &Path, action: &'static str) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_string_lossy().into_owned();
        move |cause| Self::File {
            path,
            action,
            cause,
        }
    }

    /// None, one or several as one.
    pub(super) fn together(mut errors: Vec<Self>) -> Result<(), Self> {
        match errors.len() {
            0 => Ok(()),
            1 => Err(errors.remove(0)),
            _ => Err(Self::Several(errors)),
        }
    }
}
