//! Why the host does not match yet.

use std::collections::HashSet;
use std::path::Path;

use crate::domain::names::GroupName;
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
    #[error("{path} has been locked{holder} for more than {seconds} s")]
    Locked {
        /// The lock file.
        path: String,
        /// ` by process 4711`, where the kernel knows.
        holder: String,
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
    /// A name that no drop-in can have.
    #[error(
        "{user} can't be put into {group} in /run/userdb: no file can have these names, or nss-systemd(8) does not read them; membership = \"files\" can"
    )]
    Unnameable {
        /// The account.
        user: String,
        /// The group.
        group: String,
    },
    /// A group that is not there, with a name that none is made of.
    #[error(
        "there is no group {group}, and none of such a name is made: {}",
        GroupName::MADE
    )]
    NotMade {
        /// The group.
        group: String,
    },
    /// Holders whom not every sudo of the host can be told of.
    #[error(
        "sudo-rs is on this host and can't be told of {user}: it reads numbers of at most nine digits, and not every name"
    )]
    UnnameableToSudo {
        /// The account and its number.
        user: String,
    },
    /// A program that jitd relies on failed.
    #[error("{program} failed: {output}")]
    Program {
        /// The program and its arguments.
        program: String,
        /// What it said.
        output: String,
    },
    /// There is no timer that would call the second enforcer.
    #[error("nothing would end elevations without jitd ({0})")]
    Timers(String),
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

    /// Whether something that has ended may still be on the host. What was merely not given, for
    /// want of a lock or a group, is no danger.
    #[must_use]
    pub fn leaves_something_untaken(&self) -> bool {
        match self {
            Self::Locked { .. }
            | Self::NoSuchGroup { .. }
            | Self::Unnameable { .. }
            | Self::NotMade { .. }
            | Self::UnnameableToSudo { .. }
            | Self::Program { .. }
            | Self::Timers(_) => false,
            Self::Several(errors) => errors.iter().any(Self::leaves_something_untaken),
            Self::File { .. } | Self::Store(_) | Self::Gone => true,
        }
    }

    /// Whether it may be over in a moment: who is merely slow is given time.
    #[must_use]
    pub fn may_pass(&self) -> bool {
        match self {
            Self::Timers(_) => true,
            Self::Several(errors) => errors.iter().all(Self::may_pass),
            _ => false,
        }
    }

    /// None, one or several as one. What stood in the way of several steps is said once.
    pub(super) fn together(mut errors: Vec<Self>) -> Result<(), Self> {
        let mut said = HashSet::new();
        errors.retain(|error| said.insert(error.to_string()));
        match errors.len() {
            0 => Ok(()),
            1 => Err(errors.remove(0)),
            _ => Err(Self::Several(errors)),
        }
    }
}
