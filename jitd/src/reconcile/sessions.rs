//! Sessions on the host: kept together, so that all that came of one can be ended.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::pin::Pin;
use std::time::Duration;

use super::recording::RecordingError;
use crate::domain::session::{Mark, Recording, Session, SessionId};

/// Something that takes its time.
pub type Work<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// What holds sessions together, and ends them.
pub trait Sessions: Send + Sync {
    /// What the host says of a process that wants to open a session.
    fn look(&self, leader: u32) -> Work<'_, Result<Leader, SessionError>>;

    /// Takes hold of a session before anything runs in it. `lasts` is how long it may last; it
    /// then ends, also where jitd is dead, unless it is a login of its own.
    fn open<'a>(
        &'a self,
        session: &'a Session,
        terms: &'a Terms,
    ) -> Work<'a, Result<(), SessionError>>;

    /// Lets a session last longer, or takes that back.
    fn prolong<'a>(
        &'a self,
        session: &'a Session,
        terms: &'a Terms,
    ) -> Work<'a, Result<(), SessionError>>;

    /// Ends a session with everything in it, and goes on until nothing is left; does not wait
    /// for it.
    fn end(&self, session: &Session);

    /// Takes note of a session, also of an earlier jitd's; says what is left of it.
    fn resume<'a>(&'a self, session: &'a Session) -> Work<'a, Result<Left, SessionError>>;

    /// Finishes what an earlier jitd had no time for: ends what is there and is none of these, since
    /// it is on no record.
    fn end_strays(&self, known: BTreeSet<SessionId>) -> Work<'_, Result<(), SessionError>>;

    /// The folder of the recording that a process writes.
    fn recording(&self, recorder: u32) -> Work<'_, Result<String, RecordingError>>;

    /// Waits until a session's recording is written no more. Gives whether anything of the
    /// session is left then, which should not be.
    fn outlives<'a>(&'a self, id: SessionId, recording: &'a Recording) -> Work<'a, bool>;

    /// The terminals that its processes are at.
    fn terminals<'a>(&'a self, session: &'a Session) -> Work<'a, BTreeSet<PathBuf>>;
}

/// A process that wants to open a session.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Leader {
    /// Its command line as invoked.
    pub command: String,
    /// logind's name for the login that it leads, where it leads one.
    pub login: Option<String>,
    /// What tells it from others; whose it is, others say.
    pub mark: Mark,
}

/// What is left of a session.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Left {
    /// Whether anything is, wherever.
    pub is_something: bool,
    /// Where something of it was that had been moved out of what holds it together. It is not let
    /// go on.
    pub astray: Option<String>,
}

/// How long a session may last, and how it is described to those who look at the host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Terms {
    /// How long from now.
    pub lasts: Duration,
    /// For `systemctl status`, which everybody may read.
    pub description: String,
}

/// Why the host did not do it.
#[derive(Debug, Clone, thiserror::Error)]
pub enum SessionError {
    /// The process is gone.
    #[error("process {0} has ended")]
    Gone(u32),
    /// systemd or logind said no, or nothing.
    #[error("systemd: {0}")]
    Systemd(String),
}
