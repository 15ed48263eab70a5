//! What went wrong, of which kind, and what to type next.

use std::io;
use std::process::ExitCode;

use crate::output;
use crate::output::escape::escape;

/// Of which kind a failure is; each kind has an exit status of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// It was tried and did not work: 1.
    Failed,
    /// The command line asks for something that makes no sense: 2.
    Usage,
    /// The person may not do this: 3.
    NotAllowed,
    /// jitd or the bus does not answer: 4.
    Unreachable,
    /// Denied, lapsed, taken back, or not decided in time, while waiting: 5.
    NotGranted,
    /// Ctrl-C: 130, as shells report it.
    Interrupted,
    /// Something that was looked at is not right, and that has been said: 1.
    Told,
    /// The reader of our output went away: a normal end, without a word.
    BrokenPipe,
}

impl Kind {
    /// The exit status.
    #[must_use]
    pub const fn status(self) -> u8 {
        match self {
            Self::BrokenPipe => 0,
            Self::Failed | Self::Told => 1,
            Self::Usage => 2,
            Self::NotAllowed => 3,
            Self::Unreachable => 4,
            Self::NotGranted => 5,
            Self::Interrupted => 130,
        }
    }
}

/// A failure as the person reads it.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct Failure {
    kind: Kind,
    message: String,
    hints: Vec<String>,
}

impl Failure {
    /// What happened and why. Escaped when it is shown, so it may quote what others wrote.
    pub fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            hints: Vec::new(),
        }
    }

    /// What the person has been told already.
    pub(crate) fn told() -> Self {
        Self::new(Kind::Told, String::new())
    }

    /// Ctrl-C, where nothing is left to be said.
    pub(crate) fn interrupted() -> Self {
        Self::new(Kind::Interrupted, String::new())
    }

    /// Adds what to do next, best a command to type.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// Of which kind it is.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        self.kind
    }

    /// The ways out, in the order of being added.
    #[must_use]
    pub fn hints(&self) -> &[String] {
        &self.hints
    }

    /// Tells the person on stderr and gives the exit status.
    pub(crate) fn report(&self) -> ExitCode {
        let silent = matches!(self.kind, Kind::Told | Kind::BrokenPipe);
        if !silent && !self.message.is_empty() {
            output::tell(&format!("jitctl: {}", escape(&self.message)));
            for hint in &self.hints {
                output::tell(&format!("hint: {}", escape(hint)));
            }
        }
        ExitCode::from(self.kind.status())
    }
}

impl From<io::Error> for Failure {
    fn from(cause: io::Error) -> Self {
        let kind = match cause.kind() {
            io::ErrorKind::BrokenPipe => Kind::BrokenPipe,
            _ => Kind::Failed,
        };
        Self::new(kind, cause.to_string())
    }
}
