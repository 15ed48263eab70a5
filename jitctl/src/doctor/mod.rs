//! `doctor`: what is wrong on this host, and what to type next.
//!
//! What can be told from files is told below a root directory that the caller names ([`pam`],
//! [`sudo`]); what runs is looked at by the command itself.

pub mod drift;
pub mod groups;
pub mod pam;
pub mod sudo;

use std::fs;
use std::io;
use std::path::Path;

use serde::Serialize;

/// How it stands with one thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Health {
    /// As it should be.
    Ok,
    /// It works, and somebody should look at it.
    Warning,
    /// Something does not work, or does not protect.
    Problem,
    /// Whoever asks may not look.
    Unseen,
}

impl Health {
    /// The word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Problem => "problem",
            Self::Unseen => "unseen",
        }
    }
}

/// What was found of one thing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What was looked at.
    pub check: String,
    /// How it stands.
    pub state: Health,
    /// What there is to say.
    pub message: String,
    /// What to type next, where something is to be done.
    pub next: Option<String>,
}

impl Finding {
    /// As it should be.
    #[must_use]
    pub fn ok(check: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            check: check.into(),
            state: Health::Ok,
            message: message.into(),
            next: None,
        }
    }

    /// It works, and somebody should look at it.
    #[must_use]
    pub fn warning(check: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            state: Health::Warning,
            ..Self::ok(check, message)
        }
    }

    /// Something does not work, or does not protect.
    #[must_use]
    pub fn problem(check: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            state: Health::Problem,
            ..Self::ok(check, message)
        }
    }

    /// Whoever asks may not look.
    #[must_use]
    pub fn unseen(check: impl Into<String>) -> Self {
        Self {
            state: Health::Unseen,
            ..Self::ok(check, "only root can look at it")
        }
        .next("sudo jitctl doctor")
    }

    /// With what to type next.
    #[must_use]
    pub fn next(mut self, command: impl Into<String>) -> Self {
        self.next = Some(command.into());
        self
    }
}

/// A file that may be missing, or closed to whoever asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Sight {
    Text(String),
    Missing,
    Closed,
    Broken(String),
}

pub(crate) fn look(path: &Path) -> Sight {
    match fs::read(path) {
        Ok(bytes) => Sight::Text(String::from_utf8_lossy(&bytes).into_owned()),
        Err(error) => match error.kind() {
            io::ErrorKind::NotFound => Sight::Missing,
            io::ErrorKind::PermissionDenied => Sight::Closed,
            _ => Sight::Broken(format!("{}: {error}", path.display())),
        },
    }
}
